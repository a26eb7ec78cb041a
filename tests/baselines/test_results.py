"""A result is taken only if it is what the method was to give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from topocraft.baselines.method import Gives
from topocraft.baselines.results import UnusableResult, read_outcome, read_output

GRAPH = sparse.csr_matrix(np.array([[0, 1, 0], [1, 0, 2], [0, 2, 0]], dtype=np.float32))


def _parts(graph: sparse.csr_matrix, **changed: Any) -> dict[str, Any]:
    return {"data": graph.data, "indices": graph.indices, "indptr": graph.indptr, "shape": graph.shape, **changed}


def test_an_embedding_is_read_as_it_was_written(tmp_path: Path) -> None:
    np.savez(tmp_path / "result.npz", embedding=np.arange(6.0).reshape(3, 2))
    output = read_output(tmp_path / "result.npz", "embedding", 3)
    assert (output.graph, output.embedding.dtype) == (None, np.float32)
    assert output.embedding.tolist() == [[0, 1], [2, 3], [4, 5]]


def test_a_graph_is_read_as_it_was_written(tmp_path: Path) -> None:
    np.savez(tmp_path / "result.npz", **_parts(GRAPH))
    output = read_output(tmp_path / "result.npz", "graph", 3)
    assert output.embedding is None
    assert (output.graph != GRAPH).nnz == 0


@pytest.mark.parametrize(
    ("gives", "parts", "message"),
    [
        ("embedding", {"embedding": np.zeros((2, 2))}, "it gave an array of 2 × 2 for 3 cells"),
        ("embedding", {"embedding": np.zeros((2, 3))}, "it gave an array of 2 × 3 for 3 cells"),
        ("embedding", {"embedding": np.zeros(3)}, "it gave an array of 3 for 3 cells"),
        ("embedding", {"embedding": np.zeros((3, 0))}, "it gave an array of 3 × 0 for 3 cells"),
        ("embedding", {"embedding": np.zeros(())}, "it gave an array of no dimension for 3 cells"),
        ("embedding", {"embedding": np.array([[0], [np.nan], [np.inf]])}, "2 of 3 values are NaN or infinite"),
        ("embedding", {"embedding": np.full((3, 1), "x")}, "its result holds no numbers"),
        ("embedding", _parts(GRAPH), "it gave a graph instead of an embedding"),
        ("graph", {"embedding": np.zeros((3, 2))}, "it gave an embedding instead of a graph"),
        ("graph", _parts(GRAPH, shape=(3, 4)), "it gave a graph of 3 × 4 for 3 cells"),
        ("graph", _parts(GRAPH, data=np.array([1, np.nan, 2, 2])), "1 of 4 values are NaN or infinite"),
        ("graph", _parts(GRAPH, data=np.array([1.0, 1, -2, -2])), "its graph has weights below zero"),
        ("graph", _parts(GRAPH, indices=np.array([1, 0, 9, 1])), "its graph is broken"),
        ("graph", _parts(GRAPH, indptr=np.array([0, 1])), "its graph is broken"),
        ("graph", _parts(sparse.csr_matrix((3, 3))), "its graph has no edge"),
    ],
)
def test_what_is_something_else_is_refused(gives: Gives, parts: dict[str, Any], message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "result.npz", **parts)
    with pytest.raises(UnusableResult, match=message):
        read_output(tmp_path / "result.npz", gives, 3)


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"PK\x03\x04 cut short"])
def test_garbage_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "result.npz").write_bytes(content)
    with pytest.raises(UnusableResult, match="its result cannot be read"):
        read_output(tmp_path / "result.npz", "embedding", 3)
    with pytest.raises(UnusableResult, match="its result cannot be read"):
        read_output(tmp_path / "absent.npz", "embedding", 3)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "result.npz", embedding=np.array([{}, {}, {}], dtype=object))
    with pytest.raises(UnusableResult, match="its result cannot be read"):
        read_output(tmp_path / "result.npz", "embedding", 3)


def test_an_outcome_that_is_absent_or_cut_short_is_none(tmp_path: Path) -> None:
    assert read_outcome(tmp_path / "outcome.json") is None
    (tmp_path / "outcome.json").write_text('{"seconds": 1')
    assert read_outcome(tmp_path / "outcome.json") is None
    (tmp_path / "outcome.json").write_text('{"seconds": 1}')
    assert read_outcome(tmp_path / "outcome.json") == {"seconds": 1}
