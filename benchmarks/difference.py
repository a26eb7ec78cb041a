"""Whether the batches of a set differ, and how small a planted difference is found: rows for ``docs/decisions``."""

from __future__ import annotations

from dataclasses import replace

import anndata
import numpy as np
import process
from quality import SETS
from scipy import sparse

from topocraft.config import PreprocessConfig
from topocraft.data.cells import Cells, from_anndata
from topocraft.data.preprocess import prepare
from topocraft.topology.components import principal_components
from topocraft.training.difference import find_difference

SPLITS = 10
STRENGTHS = (0.05, 0.1, 0.2, 0.4)
"""Standard deviations of the factors, ln, by which the genes of one half are multiplied."""


def print_differences() -> None:
    """Print a row per set: its batches, its largest batch split at random, and halves with planted effects."""
    planted = " | ".join(f"σ {strength:g}" for strength in STRENGTHS)
    print(f"| set | mixing of its batches | differ | cells of the largest | split: mixing | found | {planted} |")
    print("|---|---:|---|---:|---:|---:|" + "---:|" * len(STRENGTHS))
    for name in SETS:
        cells = from_anndata(anndata.read_h5ad(process.DATA / f"{name}.h5ad"), "batch")
        prepared = prepare(cells, PreprocessConfig())
        batch = cells.batch[prepared.kept]
        whole = find_difference(_components(prepared.expression), batch, np.random.default_rng(0))
        largest = cells.take(np.flatnonzero(cells.batch == np.bincount(cells.batch).argmax()))
        differ = "yes" if whole.found else "no"
        print(f"| `{name}` | {whole.mixing:.2f} | {differ} | {_of_splits(largest)} |", flush=True)


def _of_splits(cells: Cells) -> str:
    halves = np.arange(cells.n_cells) % 2
    split = replace(cells, batch=halves, batch_names=("half 1", "half 2"))
    expression = prepare(split, PreprocessConfig()).expression
    n_cells = expression.shape[0]
    splits = [np.random.default_rng(seed).permutation(n_cells) % 2 for seed in range(SPLITS)]
    points = _components(expression)
    alike = [find_difference(points, halves, np.random.default_rng(0)) for halves in splits]
    mixing = [each.mixing for each in alike]
    row = [f"{n_cells:,}", f"{min(mixing):.2f} … {max(mixing):.2f}", f"{sum(each.found for each in alike)} of {SPLITS}"]
    for strength in STRENGTHS:
        planted = [_planted(expression, halves, strength) for halves in splits]
        found = [find_difference(*each, np.random.default_rng(0)).found for each in zip(planted, splits, strict=True)]
        row.append(f"{sum(found)} of {SPLITS}")
    return " | ".join(row)


def _planted(expression: sparse.csr_matrix, halves: np.ndarray, strength: float) -> np.ndarray:
    """Return components where the second half has every gene multiplied by a factor of its own."""
    factors = np.exp(np.random.default_rng(1).normal(0, strength, expression.shape[1]))
    changed = expression[halves == 1].expm1() @ sparse.diags(factors)
    both = sparse.vstack([expression[halves == 0], changed.log1p()])
    order = np.argsort(np.r_[np.flatnonzero(halves == 0), np.flatnonzero(halves == 1)])
    return _components(both.tocsr()[order])


def _components(expression: sparse.csr_matrix) -> np.ndarray:
    points: np.ndarray = principal_components(expression, 50)
    return points
