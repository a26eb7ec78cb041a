"""Simulated cells that resemble real ones: negative-binomial margins joined by a Gaussian copula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from topocraft.errors import ConfigError, InputError, list_names, nearest_name
from topocraft.randomness import numpy_stream
from topocraft.simulate.checks import checked_counts
from topocraft.simulate.copula_correlation import fit_loadings
from topocraft.simulate.copula_marginals import Margins, fit_margins, sum_groups
from topocraft.simulate.copula_sampling import draw_group

if TYPE_CHECKING:
    from collections.abc import Iterable

N_CORRELATED = 1000


@dataclass(frozen=True, eq=False)
class CopulaModel:
    """Margins and correlation fitted to cells; :meth:`sample` draws new ones.

    Attributes
    ----------
    batches, types
        Names, sorted.
    n_observed
        Cells seen, (batches, types), int64.
    type_mean
        Mean counts per cell, (types, genes), float64.
    batch_factor
        What a batch multiplies means by, (batches, genes), float64.
    dispersion
        Per gene: variance = mean + dispersion · mean², (genes,), float64 in [1e-6, 1e3].
    correlated
        Codes of the genes that are joined, ascending, (joined,), int64; all others are independent.
    loadings
        L, (joined, factors), float64, rows of length below 1: the latent correlation is LLᵀ off the diagonal.
    """

    batches: tuple[str, ...]
    types: tuple[str, ...]
    n_observed: np.ndarray
    type_mean: np.ndarray
    batch_factor: np.ndarray
    dispersion: np.ndarray
    correlated: np.ndarray
    loadings: np.ndarray

    @property
    def n_genes(self) -> int:
        """Number of genes."""
        return len(self.dispersion)

    def mean(self, batch: str, label: str) -> np.ndarray:
        """Return the mean count of every gene in cells of one batch and type, (genes,), float64.

        Raises
        ------
        ConfigError
            A batch or type that the model does not know.
        """
        row, column = _code("batch", batch, self.batches), _code("type", label, self.types)
        mean: np.ndarray = self.type_mean[column] * self.batch_factor[row]
        return mean

    def correlation(self) -> np.ndarray:
        """Return the latent correlation of the joined genes, (joined, joined), positive definite."""
        correlation: np.ndarray = self.loadings @ self.loadings.T
        np.fill_diagonal(correlation, 1.0)
        return correlation

    def sample(
        self, n_cells: Mapping[tuple[str, str], int], seed: int = 0
    ) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
        """Draw cells.

        Parameters
        ----------
        n_cells
            (batch, type) → number of cells, 0 or more. A pair without cells in the data may be asked for: its mean is
            type mean × batch factor like that of every other. If no chain of shared types links its batch to others
            that hold its type, the data cannot tell that mean from any multiple of it.
        seed
            The same seed gives the same bytes. What a pair gets depends on neither the others nor their order.

        Returns
        -------
        counts
            CSR, float32 whole numbers, (cells, genes). Beside the result, memory is bounded by blocks of 2,000 cells.
        batch, label
            Names per cell, (cells,), object. Pairs follow each other in the order asked for.

        Raises
        ------
        ConfigError
            An unknown batch or type, a negative number, or no cells at all.
        """
        _require_sizes(n_cells)
        means = {pair: self.mean(*pair) for pair in n_cells}
        blocks: list[sparse.csr_matrix] = []
        for (batch, label), size in n_cells.items():
            generator = numpy_stream(seed, f"copula {batch!r} {label!r}")
            mean = means[batch, label]
            blocks += draw_group(size, mean, self.dispersion, (self.correlated, self.loadings), generator)
        counts = sparse.vstack(blocks, format="csr", dtype=np.float32)
        sizes = list(n_cells.values())
        batch_names, type_names = (np.array([pair[side] for pair in n_cells], dtype=object) for side in (0, 1))
        return counts, np.repeat(batch_names, sizes), np.repeat(type_names, sizes)


def fit_copula(
    counts: sparse.csr_matrix,
    batch: Sequence[str] | np.ndarray,
    labels: Sequence[str] | np.ndarray,
    *,
    n_correlated: int = N_CORRELATED,
) -> CopulaModel:
    """Fit negative-binomial margins by type and batch, and a Gaussian copula that joins the most expressed genes.

    y_g = F_g⁻¹(Φ(z_g)) with F_g negative binomial of mean α_type,g · β_batch,g and variance mean + φ_g · mean², and
    z ~ N(0, LLᵀ + diag(1 − |L|²)). The model is that of scDesign3 with mean formula ``type + batch`` and one
    correlation for all cells; library size is no offset but part of what genes share.

    Parameters
    ----------
    counts
        Raw counts, (cells, genes), sparse, whole numbers of 0 or more.
    batch, labels
        One name per cell, (cells,).
    n_correlated
        How many genes are joined, those of highest mean; 0 or more. The others are independent given type and batch.

    Returns
    -------
    CopulaModel
        The fit uses no random numbers.

    Raises
    ------
    InputError
        Counts that are negative or not whole, lengths that differ, missing names, no cells or no counts.
    ConfigError
        ``n_correlated`` is negative.

    References
    ----------
    Song et al. 2024 (scDesign3), doi:10.1038/s41587-023-01772-1; Sun et al. 2021 (scDesign2, which joins only the
    genes that are expressed enough), doi:10.1186/s13059-021-02367-2.

    Examples
    --------
    >>> from topocraft.simulate.copula import fit_copula
    >>> from topocraft.simulate.demo import demo_cells
    >>> cells = demo_cells(n_cells=400, n_genes=100, seed=1)
    >>> model = fit_copula(cells.X, cells.obs["batch"], cells.obs["celltype"], n_correlated=20)
    >>> counts, batch, label = model.sample({("large", "common 1"): 30, ("small", "rare"): 5}, seed=2)
    >>> counts.shape, batch[-1], label[-1]
    ((35, 100), 'small', 'rare')
    """
    if n_correlated < 0:
        raise ConfigError(f"n_correlated must be 0 or more; got {n_correlated!r}.")
    counts = checked_counts(counts)
    batches, batch_codes = _names("batch", batch, counts.shape[0])
    types, type_codes = _names("labels", labels, counts.shape[0])
    groups = sum_groups(counts, batch_codes, type_codes)
    margins = fit_margins(groups)
    correlated = _most_expressed(groups.total.sum(axis=0), n_correlated)
    loadings = fit_loadings(counts[:, correlated], (batch_codes, type_codes), _of_genes(margins, correlated))
    n_observed = np.zeros((len(batches), len(types)), dtype=np.int64)
    n_observed[groups.batch, groups.label] = groups.size
    return CopulaModel(batches, types, n_observed, *margins, correlated, loadings)


def _most_expressed(total: np.ndarray, n_genes: int) -> np.ndarray:
    order = np.argsort(-total, kind="stable")[:n_genes]
    chosen: np.ndarray = np.sort(order[total[order] > 0])
    return chosen


def _of_genes(margins: Margins, genes: np.ndarray) -> Margins:
    return Margins(margins.type_mean[:, genes], margins.batch_factor[:, genes], margins.dispersion[genes])


def _names(parameter: str, names: Sequence[str] | np.ndarray, n_cells: int) -> tuple[tuple[str, ...], np.ndarray]:
    values = np.asarray(names, dtype=object)
    if values.shape != (n_cells,):
        raise InputError(f"{parameter} must hold one name for each of the {n_cells} cells; got shape {values.shape}.")
    if any(value is None or value != value for value in values):
        raise InputError(f"{parameter} must name every cell; some are missing. Leave those cells out.")
    known, codes = np.unique(values.astype(str), return_inverse=True)
    return tuple(known.tolist()), codes


def _code(parameter: str, name: str, known: tuple[str, ...]) -> int:
    if name not in known:
        near = nearest_name(name, known)
        raise ConfigError(f"{parameter} must be one of {list_names(known)}; got {name!r}.{near}")
    return known.index(name)


def _require_sizes(n_cells: Mapping[tuple[str, str], int]) -> None:
    sizes: Iterable[int] = n_cells.values()
    if any(size < 0 for size in sizes):
        pair = next(pair for pair, size in n_cells.items() if size < 0)
        raise ConfigError(f"n_cells must be 0 or more for every batch and type; got {n_cells[pair]} for {pair}.")
    if not sum(n_cells.values()):
        raise ConfigError("n_cells must ask for at least one cell; got none.")
