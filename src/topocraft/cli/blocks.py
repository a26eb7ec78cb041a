"""``topocraft integrate`` on files too large for memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from topocraft.cli.quantities import bytes_of
from topocraft.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.cli.targets import Targets
    from topocraft.config import IntegrationConfig
    from topocraft.integration import Reading
    from topocraft.integrator import Integrator
    from topocraft.progress import Progress


def in_blocks(
    files: Sequence[Path], memory: str | None, orthologs: str | None, label_key: str | None, report: Path | None
) -> bool:
    """Tell whether files are to be read in blocks; refuse what asks for all cells in memory."""
    from topocraft.streaming import streams

    granted = bytes_of(memory, "--memory")
    if orthologs is not None or not streams(files, granted):
        return False
    asked = [name for name, value in (("--label-key", label_key), ("--report", report)) if value is not None]
    if asked:
        raise InputError(
            f"{' and '.join(asked)} need all cells in memory, and they are more than --memory allows. Leave "
            f"{'it' if len(asked) == 1 else 'them'} out and run topocraft evaluate or report on the result where there "
            "is more memory, or pass a larger --memory."
        )
    return True


def integrate_in_blocks(
    files: Sequence[Path],
    reading: Reading,
    config: IntegrationConfig,
    make_unique: bool,
    target: Targets,
    progress: Progress,
) -> tuple[AnnData, Integrator]:
    """Integrate files that stay on disk and write the result; return the cells without values, and the model."""
    from topocraft.streaming import integrate_files

    progress.say("The files are read in blocks: in memory they would take more than there is to work in (--memory).")
    model, adata = integrate_files(
        files,
        target.output,
        **vars(reading),
        config=config,
        make_unique=make_unique,
        force=target.replaces,
        checkpoints=target.asked,
        progress=progress,
    )
    return adata, model
