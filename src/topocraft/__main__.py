"""``topocraft`` and ``python -m topocraft``."""

from __future__ import annotations

from topocraft.hardware import let_waiting_threads_sleep
from topocraft.streams import ending_well, hold_numbers


def main() -> None:
    """Run the command line; the OpenMP policy is set before anything can import torch."""
    hold_numbers()
    let_waiting_threads_sleep()
    with ending_well():
        from topocraft.cli import app

        app()


if __name__ == "__main__":
    main()
