"""``topocraft`` and ``python -m topocraft``."""

from __future__ import annotations

from topocraft.hardware import let_waiting_threads_sleep


def main() -> None:
    """Run the command line; the OpenMP policy is set before anything can import torch."""
    let_waiting_threads_sleep()
    from topocraft.cli import app

    app()


if __name__ == "__main__":
    main()
