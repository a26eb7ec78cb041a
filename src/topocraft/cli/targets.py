"""What an integration writes: refused before any work where it cannot be, and held for one process meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from topocraft.checkpoints import Checkpoints
from topocraft.cli.options import RUN, Number, option
from topocraft.errors import FileError, ProcessLost, TrainingError, list_names
from topocraft.progress import Progress

USUAL_MINUTES = 10.0

EVERY = "Minutes between checkpoints of the training."
CheckpointEvery = Annotated[
    Number,
    option("--checkpoint-every", RUN, EVERY, "none; 10 with --resume", metavar="<minutes>"),
]
Resume = Annotated[bool, option("--resume", RUN, "Go on from the checkpoint of a run that was broken off, if any.")]
KeepCheckpoint = Annotated[bool, option("--keep-checkpoint", RUN, "Keep the last checkpoint after success.")]


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Files and folders to be written, and whether those that are there may be replaced."""

    output: Path
    model: Path | None
    page: Path | None
    force: bool
    every: float | None
    resume: bool
    keep: bool

    @property
    def checkpoints(self) -> Checkpoints:
        """Checkpoints beside the output, asked for or not."""
        minutes = USUAL_MINUTES if self.every is None else self.every
        return checkpoints_beside(self.output, minutes=minutes, resume=self.resume)

    @property
    def asked(self) -> Checkpoints | None:
        """Checkpoints, if they were asked for."""
        return self.checkpoints if self.resume or self.every is not None else None

    @property
    def replaces(self) -> bool:
        """Whether results that are there may be replaced: by force, or as those of the very run that is resumed."""
        return self.force or (self.resume and self.checkpoints.ending)

    def require(self, inputs: Sequence[Path]) -> None:
        """Refuse what could not be written, or would overwrite what it should not.

        Raises
        ------
        FileError
            The message says which, why, and what to do.
        """
        require_places(self.output, self.model, self.page, self.replaces, inputs)
        if self.checkpoints.found and not (self.resume or self.force):
            raise FileError(
                f"A run into '{self.output}' was broken off; its checkpoint is in '{self.checkpoints.folder}'. "
                "Go on from it with --resume, or begin anew with --force."
            )

    def note_ending(self) -> None:
        """Note, once nothing stands in the way, that what is found at the output from now on is this run's."""
        require_places(self.output, self.model, self.page, self.replaces, ())
        self.checkpoints.note_ending()

    @contextmanager
    def held(self, progress: Progress) -> Iterator[None]:
        """Hold the output for this process; what a killed one left is swept, and checkpoints go after success.

        Raises
        ------
        FileError
            Another process is writing the output.
        TrainingError
            Training was stopped; the message says where the last good model is.
        """
        from topocraft.data.leftovers import sweep
        from topocraft.data.locks import held
        from topocraft.rescue import rescued

        with held(self.output):
            for place in (self.output, self.model, self.page):
                if place is not None:
                    sweep(place)
            if self.force and not self.resume:
                self.checkpoints.remove()
            try:
                yield
            except ProcessLost as error:
                raise ProcessLost(f"{error} {way_on(self.checkpoints)}") from None
            except TrainingError as error:
                raise error if self.asked else rescued(error, last_good_beside(self.output)) from None
            except KeyboardInterrupt:
                if self.checkpoints.found:
                    progress.say(way_on(self.checkpoints))
                raise
            if not self.keep:
                self.checkpoints.remove()


def checkpoints_beside(output: Path, *, minutes: float = USUAL_MINUTES, resume: bool = False) -> Checkpoints:
    """Return the checkpoints of a run into ``output``, there or not."""
    return Checkpoints(folder=output.with_name(f"{output.name}.checkpoint"), minutes=minutes, resume=resume)


def last_good_beside(output: Path) -> Path:
    """Return where the last good model of a run into ``output`` goes that had to be stopped and kept no checkpoints."""
    return output.with_name(f"{output.name}.last_good_model")


def way_on(checkpoints: Checkpoints) -> str:
    """Say how a run that was broken off goes on."""
    if checkpoints.found:
        return f"A checkpoint is in '{checkpoints.folder}': --resume goes on from it."
    return "There is no checkpoint; with --checkpoint-every MINUTES there would be one to go on from."


def require_places(
    output: Path | None, model: Path | None, page: Path | None, force: bool, inputs: Sequence[Path]
) -> None:
    """Refuse paths that could not be written, or hold what must not be overwritten.

    Raises
    ------
    FileError
        The message says which, why, and what to do.
    """
    from topocraft.data.apart import require_apart
    from topocraft.data.atomic import require_short
    from topocraft.data.outputs import check_file, check_folder, check_output
    from topocraft.data.places import MODEL, followed

    beside = {} if output is None else _beside(output)
    require_apart({"--output": output, "--save-model": model, "--report": page, **beside}, inputs)
    for place in (model, *beside.values()):
        if place is not None:
            require_short(followed(place))
    if model is not None and not followed(model).parent.is_dir():
        raise FileError(f"--save-model needs a folder to stand in; there is no '{model.parent}'. Create it first.")
    if page is not None:
        check_file(page, ".html", force=force, inputs=inputs)
    if output is not None:
        check_output(output, force=force, inputs=inputs)
    if model is not None:
        check_folder(model, MODEL, force=force, inputs=inputs)


def foreseen(
    output: Path | None, model: Path | None, page: Path | None, force: bool, inputs: Sequence[Path]
) -> list[str]:
    """Refuse what no run could write; return what would have to be said to one, in sentences.

    Raises
    ------
    FileError
        As ``require_places``, but for results that are there.
    """
    require_places(output, model, page, True, inputs)
    there = [path for path in (output, model, page) if path is not None and (path.exists() or path.is_symlink())]
    notes = [f"There already: {list_names(there)}. A run needs --force to replace that."] if there else []
    if output is not None and checkpoints_beside(output).found:
        notes.append(f"{way_on(checkpoints_beside(output))} A run needs that, or --force to begin anew.")
    return [] if force else notes


def require_checkpoints(keep: bool, every: float | None, resume: bool) -> None:
    """Refuse to keep the last of checkpoints that nobody asked for."""
    if keep and every is None and not resume:
        raise typer.BadParameter(
            "without --checkpoint-every or --resume there is none to keep. Add one of them, or leave it out.",
            param_hint="--keep-checkpoint",
        )


def _beside(output: Path) -> dict[str, Path]:
    """Return what a run may write beside its output, besides what is asked for."""
    return {
        "the folder of checkpoints": checkpoints_beside(output).path,
        "that of the last good model": last_good_beside(output),
    }
