"""Columns of ``obs`` and ``var``, read with words for what may be wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from topocraft.data.texts import label_texts
from topocraft.errors import InputError, list_names, nearest_name, shown_name
from topocraft.progress import Progress

LOST = ("nan", "NaN", "NaT", "None", "NA", "<NA>")
"""What ``astype(str)`` leaves of a missing label."""


def column(frame: pd.DataFrame, name: Any, parameter: str, of: str = "obs") -> pd.Series:
    """Return one column of ``obs`` (or ``var``), or say which columns there are."""
    if not (isinstance(name, str | int) and name in frame.columns):
        require_name(name, parameter, f"a column of {of}")
        raise InputError(
            f"{parameter} must name a column of {of}; there is no '{name}'."
            f"{nearest_name(name, frame.columns)} Columns: {list_names(frame.columns, 20)}."
        )
    count = int((frame.columns == name).sum())
    if count > 1:
        raise InputError(f"{parameter} must name one column of {of}; {count} are called '{name}'. Rename or drop some.")
    return frame[name]


def require_name(name: object, parameter: str, what: str) -> None:
    """Refuse what is no name: numbers, bytes, lists."""
    if not isinstance(name, str):
        raise InputError(
            f"{parameter} must be text, the name of {what}; got {shown_name(repr(name))} ({type(name).__name__})."
        )


def listed(names: Any) -> list[str]:
    """Return names as a list, whether one is given or several; what is no list is left to whoever looks it up."""
    return list(names) if isinstance(names, Iterable) and not isinstance(names, str | bytes) else [names]


def chosen_genes(var: pd.DataFrame, gene_mask: str | None) -> np.ndarray:
    """Return which genes a boolean column of ``var`` chooses, (n_genes,); all without one."""
    if gene_mask is None:
        return np.ones(len(var), dtype=bool)
    mask = column(var, gene_mask, "gene_mask", of="var")
    if mask.dtype != bool or not mask.any():
        raise InputError(
            f"gene_mask '{gene_mask}' must be a boolean column of var with at least one True; "
            f"it has dtype {mask.dtype} and {int((mask == True).sum()):,} True."  # noqa: E712
        )
    chosen: np.ndarray = mask.to_numpy()
    return chosen


def batch_labels(obs: pd.DataFrame, batch_key: str | Sequence[str]) -> np.ndarray:
    """Return the batch of every cell as text, (n_cells,); several columns joined by "|".

    Raises
    ------
    InputError
        A column is missing (those there are are named), or the label of a cell is missing, empty or blank.
    """
    if batch_key is None:
        raise InputError("batch_key must name at least one column of obs; got None.")
    keys = listed(batch_key)
    if not keys:
        raise InputError("batch_key must name at least one column of obs; got none.")
    parts: list[np.ndarray] = []
    for key in keys:
        texts = label_texts(column(obs, key, "batch_key"), key, "batch_key")
        missing = _missing(texts)
        if missing.any():
            raise InputError(
                f"batch_key '{key}' must be set for every cell; {int(missing.sum()):,} have none: "
                f"{list_names(obs.index[missing], 3)}. Fill the column in, or drop those cells."
            )
        parts.append(texts.to_numpy(dtype=str))
    if len(parts) == 1:
        return parts[0]
    escaped = [np.char.replace(np.char.replace(part, "\\", r"\\"), "|", r"\|") for part in parts]
    return np.array(["|".join(labels) for labels in zip(*escaped, strict=True)])


def tell_lost_labels(obs: pd.DataFrame, batch_key: str | Sequence[str], progress: Progress) -> None:
    """Say which cells are labelled as if their batch had been missing before it became text."""
    for key in listed(batch_key):
        texts = label_texts(column(obs, key, "batch_key"), key, "batch_key")
        lost = texts.isin(LOST).to_numpy()
        if lost.any():
            progress.warn(
                f"batch_key '{key}' should name the batch of every cell; {int(lost.sum()):,} of {len(obs):,} are "
                f"called {list_names(texts[lost].unique())}, as astype(str) calls what is missing, and count as a "
                f"batch: {list_names(obs.index[lost], 3)}. If their batch is unknown, label these cells or drop them."
            )


def given_labels(obs: pd.DataFrame, key: str, parameter: str, without: str) -> np.ndarray:
    """Return an annotation as text, ``None`` where a cell has none, (n_cells,), object.

    Raises
    ------
    InputError
        There is no such column (those there are are named), or every label is missing; ``without`` then says what
        it is left out for.
    """
    labels = label_texts(column(obs, key, parameter), key, parameter)
    missing = _missing(labels)
    if missing.all():
        raise InputError(
            f"{parameter} '{key}' must label at least some cells; all {len(labels):,} are missing. "
            f"Leave {parameter} out {without}."
        )
    given: np.ndarray = labels.to_numpy(dtype=object)
    given[missing] = None
    return given


def cell_types(obs: pd.DataFrame, label_key: str) -> np.ndarray:
    """Return the true types of cells, as ``given_labels`` does."""
    return given_labels(obs, label_key, "label_key", "to go on without them")


def _missing(texts: pd.Series) -> np.ndarray:
    """Mark labels that are missing, empty or blank, (n_cells,)."""
    blank = texts.map(str.strip, na_action="ignore") == ""
    missing: np.ndarray = (texts.isna() | blank).to_numpy()
    return missing
