"""What a program left behind, read with suspicion."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from topocraft.baselines.method import Gives, Output

GRAPH_PARTS = ("data", "indices", "indptr", "shape")


class UnusableResult(Exception):
    """The result is not what the method was to give; the message says why, in half a sentence."""


def read_outcome(path: Path) -> dict[str, Any] | None:
    """Return what the worker says of its run; ``None`` where it did not come to say anything."""
    try:
        outcome: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return outcome


def read_output(path: Path, gives: Gives, n_cells: int) -> Output:
    """Return the result of a method, checked.

    Parameters
    ----------
    path
        File that the worker wrote.
    gives
        What it must be.
    n_cells
        How many rows it must have.

    Raises
    ------
    UnusableResult
        It cannot be read, or is of another kind or shape, not finite, or empty.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as parts:
            found = {name: parts[name] for name in parts.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise UnusableResult("its result cannot be read") from error
    if gives == "graph":
        return Output(graph=_graph(found, n_cells))
    return Output(embedding=_embedding(found, n_cells))


def _embedding(found: dict[str, np.ndarray], n_cells: int) -> np.ndarray:
    if "embedding" not in found:
        raise UnusableResult("it gave a graph instead of an embedding")
    embedding = found["embedding"]
    if embedding.ndim != 2 or len(embedding) != n_cells or not embedding.shape[1]:
        shape = " × ".join(f"{size:,}" for size in embedding.shape)
        raise UnusableResult(f"it gave an array of {shape or 'no dimension'} for {n_cells:,} cells")
    _require_finite(embedding)
    return embedding.astype(np.float32, copy=False)


def _graph(found: dict[str, np.ndarray], n_cells: int) -> sparse.csr_matrix:
    if not set(GRAPH_PARTS) <= set(found):
        raise UnusableResult("it gave an embedding instead of a graph")
    data, indices, indptr, shape = (found[name] for name in GRAPH_PARTS)
    if shape.tolist() != [n_cells, n_cells]:
        sizes = " × ".join(f"{size:,}" for size in shape)
        raise UnusableResult(f"it gave a graph of {sizes} for {n_cells:,} cells")
    _require_finite(data)
    try:
        graph = sparse.csr_matrix((data, indices, indptr), shape=(n_cells, n_cells))
        graph.check_format()
    except ValueError as error:
        raise UnusableResult("its graph is broken") from error
    if not graph.nnz or graph.data.min() < 0:
        raise UnusableResult("its graph has no edge" if not graph.nnz else "its graph has weights below zero")
    return graph


def _require_finite(values: np.ndarray) -> None:
    if values.dtype.kind not in "biuf":
        raise UnusableResult("its result holds no numbers")
    wrong = int((~np.isfinite(values)).sum())
    if wrong:
        raise UnusableResult(f"{wrong:,} of {values.size:,} values are NaN or infinite")
