"""What is left of a training that had to be stopped."""

from __future__ import annotations

from pathlib import Path

from topocraft.errors import FileError, TrainingError


def rescued(error: TrainingError, folder: Path) -> TrainingError:
    """Save the last good model of a training that was stopped, and return the error that says where it is.

    Parameters
    ----------
    error
        What stopped the training. Without a ``model`` it comes back as it is.
    folder
        Where the model goes; one that is there is replaced.

    Examples
    --------
    >>> from pathlib import Path
    >>> from topocraft.errors import TrainingError
    >>> from topocraft.rescue import rescued
    >>> rescued(TrainingError("Stopped."), Path("nowhere"))
    TrainingError('Stopped.')
    """
    if error.model is None:
        return error
    try:
        error.model.save(folder, force=True)
        told = TrainingError(f"{error} The model as it was before is in '{folder}'.")
    except FileError as failed:
        told = TrainingError(f"{error} The model as it was before could not be saved: {failed}")
    told.model = error.model
    return told
