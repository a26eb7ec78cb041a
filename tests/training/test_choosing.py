"""The map is taken where it leaves all that the batches say by themselves; else the carrying that leaves most."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy import sparse

from topocraft.progress import Silent
from topocraft.topology.components import Components, principal_components
from topocraft.training import choosing
from topocraft.training.choosing import CARRYINGS, choose_carrying

TYPES, BATCH = np.tile([0, 1, 2], 80), np.repeat([0, 1], 120)
DRAWS = np.random.default_rng(0)
EXPRESSION = sparse.csr_matrix(
    DRAWS.normal(size=(240, 12)) + 9 * np.eye(12)[TYPES] + 20 * np.eye(12)[9 + BATCH], dtype=np.float32
)
ISLANDS = (DRAWS.normal(size=(240, 3)) + 40 * np.eye(3)[TYPES]).astype(np.float32)
"""Types apart, batches mixed."""
NOISE = DRAWS.normal(size=(240, 3)).astype(np.float32)
COMPONENTS = principal_components(EXPRESSION, 5).astype(np.float32)


@dataclass
class Planted:
    """A carrying that brings the cells to planted points; it knows them by their components."""

    points: np.ndarray
    asked: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)

    def apply(self, coordinates: np.ndarray, batch: np.ndarray, guide: np.ndarray) -> np.ndarray:
        which = np.array([np.flatnonzero((row == COMPONENTS).all(axis=1))[0] for row in coordinates])
        self.asked.append((which, batch, guide))
        return self.points[which]


class Heard(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


def _chosen(guide: np.ndarray, *carried: Planted, batch: np.ndarray = BATCH) -> tuple[object, list[str]]:
    components = Components(COMPONENTS, None)  # type: ignore[arg-type]
    waiting, heard = list(carried), Heard()
    draws = np.random.default_rng(0)
    found = choose_carrying(lambda: waiting.pop(0), EXPRESSION, components, batch, guide, draws, 0, heard)  # type: ignore[arg-type, return-value]
    return found, heard.said


@pytest.mark.parametrize("place", [0, 3])
def test_the_carrying_that_keeps_the_types_is_taken(place: int) -> None:
    carried = [Planted(ISLANDS if number == place else NOISE) for number in range(CARRYINGS)]
    found, said = _chosen(NOISE, *carried)
    assert found is carried[place]
    assert said == [said[0]]
    assert said[0].startswith(f"Of 5 carryings number {place + 1} is the embedding: it scores 0.9")


def test_the_map_is_taken_where_it_keeps_and_mixes_all_and_nothing_is_carried_then() -> None:
    found, said = _chosen(ISLANDS)
    assert found is None
    assert said[0].startswith(
        "The map of the networks is the embedding: without cell types, structure is 1.000 and mixing 0.9"
    )


def test_mixed_batches_win_where_structure_is_the_same() -> None:
    apart = ISLANDS + 9 * BATCH[:, None].astype(np.float32)
    carried = [Planted(apart) for _ in range(CARRYINGS - 1)] + [Planted(ISLANDS)]
    assert _chosen(NOISE, *carried)[0] is carried[-1]


def test_where_nothing_can_be_scored_the_first_is_taken() -> None:
    first = Planted(NOISE)
    found, said = _chosen(NOISE, first, batch=np.arange(240) // 20)
    assert found is first
    assert said[0].startswith("Nothing tells embeddings apart, so that the first is taken. No batch of at least 30")


def test_a_map_that_misses_a_threshold_is_not_taken_however_well_it_scores_beside_carryings() -> None:
    apart = ISLANDS + 9 * BATCH[:, None].astype(np.float32)
    carried = [Planted(NOISE) for _ in range(CARRYINGS)]
    assert _chosen(apart, *carried)[0] in carried


@pytest.mark.parametrize("place", [0, 4])
def test_many_cells_are_judged_by_some_of_every_batch(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "JUDGED_CELLS", 100)
    batch = np.repeat([0, 1, 2], [150, 60, 30])
    carried = [Planted(ISLANDS if number == place else NOISE) for number in range(CARRYINGS)]
    found, _ = _chosen(NOISE, *carried, batch=batch)
    assert found is carried[place]
    ((which, seen, guide),) = carried[place].asked
    assert (np.diff(which) > 0).all()
    assert np.bincount(batch[which]).tolist() == [62, 50, 30]
    assert (seen == batch[which]).all()
    assert (guide == NOISE[which]).all()
