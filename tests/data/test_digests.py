"""Digests of cells against a slow sum in Python integers, and what they must tell apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from topocraft.data import digests
from topocraft.data.digests import content_digests, mixed, name_digests

NAMES = [f"gene {number}" for number in range(9)]
MASK = 2**64 - 1


def _stirred(number: int) -> int:
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        number = ((number ^ (number >> shift)) * factor) & MASK
    return number ^ (number >> 31)


def _slowly(row: np.ndarray, lane: int) -> int:
    genes = name_digests(NAMES)[:, lane]
    bits = row.astype(np.float32).view(np.uint32)
    filled = np.flatnonzero(row)
    return sum(_stirred((int(genes[gene]) + int(bits[gene]) * 0x9E3779B97F4A7C15) & MASK) for gene in filled) & MASK


@pytest.mark.parametrize("entries", [1, 3, 2**22])
def test_a_digest_is_the_sum_of_what_its_entries_mix_to(entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "ENTRIES", entries)
    values = np.random.default_rng(0).poisson(0.4, (20, 9)).astype(np.float32)
    values[[0, 7, 19]] = 0
    found = content_digests(sparse.csr_matrix(values), name_digests(NAMES))
    assert found.tolist() == [[_slowly(row, lane) for lane in (0, 1)] for row in values]


def test_mixing_is_that_of_splitmix64() -> None:
    """The first numbers of the generator from seed 1234567, as its authors' program gives them."""
    states = (np.arange(1, 4, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) + np.uint64(1234567)
    assert mixed(states).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_neighbouring_counts_and_genes_collide_nowhere() -> None:
    values = sparse.csr_matrix(np.array([[one, other] for one in range(1, 100) for other in range(1, 100)], np.float32))
    found = content_digests(values, name_digests(["A", "B"]))
    assert len(np.unique(found[:, 0])) == len(np.unique(found[:, 1])) == 99 * 99
