"""Where a long training keeps its checkpoints, how often, and whether it goes on from the last one."""

from __future__ import annotations

import math
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from topocraft.errors import ConfigError, FileError, list_names

DESCRIPTION, ENDING, LAST_GOOD = "checkpoint.json", "ending", "last_good_model"
OURS = re.compile(r"\.?(checkpoint\.json|ending|last_good_model|state-\d+\.safetensors)(\.\d+\.(partial|old)|\.lock)?")


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """Checkpoints of one training, so that a run that is killed can go on where it was.

    A run that goes on ends with the bytes of one that was never killed, on the processor and in one process. The
    folder holds ``checkpoint.json`` and the tensors that it belongs to as safetensors; nothing that is read from it can
    execute code. The checkpoint before stays until the new one is whole.

    Parameters
    ----------
    folder
        Made where it is not there; it may hold nothing else. It stays, also after success, until ``remove()``.
    minutes
        Least time between two checkpoints, 0 or more; 0 makes one after every epoch. The last epoch always has one.
    resume
        Go on from the checkpoint in the folder; begin where there is none.

    Raises
    ------
    ConfigError
        ``minutes`` is not a number of 0 or more.

    Examples
    --------
    >>> import tempfile
    >>> from topocraft import Checkpoints, IntegrationConfig, integrate
    >>> from topocraft.simulate.demo import demo_cells
    >>> adata = demo_cells(n_cells=200, n_genes=200, seed=1)
    >>> config = IntegrationConfig().with_values(epochs=2, warmup_epochs=1)
    >>> with tempfile.TemporaryDirectory() as place:
    ...     checkpoints = Checkpoints(folder=f"{place}/run", minutes=5, resume=True)
    ...     model = integrate(adata, "batch", config=config, checkpoints=checkpoints)
    ...     checkpoints.found
    True
    """

    folder: str | Path
    minutes: float = 10.0
    resume: bool = False

    def __post_init__(self) -> None:
        minutes: Any = self.minutes
        if isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or not 0 <= minutes < math.inf:
            raise ConfigError(f"Checkpoints.minutes must be a number of at least 0; got {minutes!r}.")
        object.__setattr__(self, "folder", Path(self.folder))

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.folder)

    @property
    def found(self) -> bool:
        """Whether the folder holds a checkpoint, whole or not."""
        return (self.path / DESCRIPTION).exists()

    @property
    def ending(self) -> bool:
        """Whether the run had come to write its results, so that results which are there may be its own."""
        return (self.path / ENDING).exists()

    def note_ending(self) -> None:
        """Note that results are written from now on."""
        if self.found:
            (self.path / ENDING).touch()

    def require_ours(self) -> None:
        """Refuse a folder that holds other things.

        Raises
        ------
        FileError
            It does, or it is a file.
        """
        if self.path.exists() and not self.path.is_dir():
            raise FileError(f"Checkpoints need a folder; '{self.path}' is a file. Name another, or remove it.")
        held = sorted(item.name for item in self.path.iterdir()) if self.path.is_dir() else []
        others = [name for name in held if not OURS.fullmatch(name)]
        if others:
            raise FileError(
                f"Checkpoints need a folder of their own; '{self.path}' holds {list_names(others, 4)}. Name another."
            )

    def remove(self) -> None:
        """Remove the checkpoints and their folder; what else lies there is left alone.

        The note that results are written goes last: a run that is killed meanwhile and resumed may replace them.
        """
        held = list(self.path.iterdir()) if self.path.is_dir() else []
        for item in sorted(held, key=lambda item: (item.name == ENDING, item.name)):
            if not OURS.fullmatch(item.name):
                continue
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item, ignore_errors=True)
            else:
                item.unlink(missing_ok=True)
        self.remove_if_empty()

    def remove_if_empty(self) -> None:
        """Remove the folder if nothing lies in it."""
        with suppress(OSError):
            self.path.rmdir()
