"""What is kept of a run: a record of how it went, as JSON, and what the method gave, as arrays."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy import sparse

from topocraft.baselines.method import Output
from topocraft.data.atomic import atomic_file
from topocraft.data.typed_json import built, parsed_object
from topocraft.errors import FileError, list_names
from topocraft.memory import ran_out_of_memory
from topocraft.metrics.catalogue import CATALOGUE
from topocraft.metrics.suite import Score

Kind = Literal["method", "labelled", "control"]
NO_DATA, NOT_RUN = "no data", "not run yet"


@dataclass(frozen=True, kw_only=True)
class Record:
    """One run and its scores: one row file, and several rows of the tidy table.

    Parameters
    ----------
    dataset, method, seed
        Where it stands in the grid; ``method`` is the contender's name, ``program`` that of its method.
    kind
        "method", "labelled" for one that sees the cell types, or "control".
    gives
        "embedding" or "graph".
    settings
        What differs from the method's defaults.
    status, reason
        As in ``topocraft.baselines.Run``; "no data" where the dataset could not be had, "not run yet" where the grid
        was interrupted.
    seconds, wall_seconds, cpu_seconds, peak_bytes
        As in ``topocraft.baselines.Run``; NaN for controls, which take none.
    score_seconds
        What scoring took.
    n_cells, n_genes, n_batches, n_types, n_left_out
        What the method was given, and how many cells quality control left out before.
    versions
        Of the method's libraries, of topocraft and of the suite of scores.
    log
        The last lines that a method printed which did not end well.
    scores
        What it scored; empty unless ``status`` is "ok".
    """

    dataset: str
    method: str
    seed: int
    program: str = ""
    kind: Kind = "method"
    gives: str = "embedding"
    settings: Mapping[str, Any] = field(default_factory=dict)
    status: str = "ok"
    reason: str = ""
    seconds: float = math.nan
    wall_seconds: float = math.nan
    cpu_seconds: float = math.nan
    peak_bytes: float = math.nan
    score_seconds: float = math.nan
    n_cells: int = 0
    n_genes: int = 0
    n_batches: int = 0
    n_types: int = 0
    n_left_out: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    log: str = ""
    scores: tuple[Score, ...] = ()

    def to_json(self) -> str:
        """Return the record as JSON; NaN becomes ``null``."""
        values = dataclasses.asdict(self)
        return json.dumps(_without_nan(values), indent=1, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Return the record that ``to_json`` wrote; ``null`` becomes NaN.

        Raises
        ------
        ValueError, KeyError, TypeError
            The text is no record.
        """
        values = _with_nan(parsed_object(text))
        scores = [built(Score, _with_nan(dict(score))) for score in values.pop("scores")]
        unknown = {score.name for score in scores} - CATALOGUE.keys()
        if unknown:
            raise ValueError(f"there is no score {list_names(sorted(unknown))}")
        return built(cls, values | {"scores": scores})


def write_output(path: Path, record: Record, output: Output) -> None:
    """Write what a method gave, and the record of its run, as one ``.npz``, whole or not at all."""
    arrays: dict[str, np.ndarray] = {"record": np.array(record.to_json())}
    if output.embedding is not None:
        arrays["embedding"] = output.embedding
    if output.graph is not None:
        graph = output.graph.tocsr()
        arrays |= {"data": graph.data, "indices": graph.indices, "indptr": graph.indptr}
    with atomic_file(path) as partial, partial.open("wb") as opened:
        np.savez(opened, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for allow_pickle


def read_output(path: Path) -> tuple[Record, Output]:
    """Return what ``write_output`` wrote.

    Raises
    ------
    FileError
        The file is damaged, or of another kind.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as held:
            record = Record.from_json(str(held["record"]))
            if "embedding" in held:
                return record, Output(embedding=held["embedding"])
            parts = (held["data"], held["indices"], held["indptr"])
    except Exception as error:
        if ran_out_of_memory(error):
            raise
        raise FileError(f"'{path}' must be an output of a benchmark; it is damaged: {error}. Remove it.") from error
    return record, Output(graph=sparse.csr_matrix(parts, shape=(len(parts[2]) - 1,) * 2))


def _with_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: math.nan if value is None else value for name, value in values.items()}


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nan(held) for name, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(held) for held in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
