"""The model: cells of several batches in, one embedding out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from topocraft.config import IntegrationConfig
from topocraft.data.cells import Cells, fingerprint
from topocraft.data.order import canonical_order
from topocraft.data.preprocess import by_name, express, prepare
from topocraft.errors import ModelError, list_names
from topocraft.hardware import choose_device, choose_precision, let_waiting_threads_sleep, peak_memory, processor
from topocraft.progress import Progress, Silent
from topocraft.provenance import Stopwatch, library_versions
from topocraft.randomness import numpy_stream, torch_stream
from topocraft.topology.clusters import UNDECIDED, Topology, find_topology

if TYPE_CHECKING:
    from topocraft.training.checkpoint import Fitted
    from topocraft.training.loop import History


@dataclass(frozen=True, eq=False)
class FittedCells:
    """What ``fit`` learned of the very cells it saw, in their order.

    ``kept`` (n_cells,) marks those that passed quality control; ``topology`` covers all cells, with ``UNDECIDED`` for
    the others.
    """

    kept: np.ndarray
    topology: Topology


class Integrator:
    """Learns one embedding in which batches mix and cell types stay apart.

    Parameters
    ----------
    config
        Every choice; the defaults where left out.

    Attributes
    ----------
    fitted_
        Networks, genes, history and facts of the fit; what ``save`` writes.
    cells_
        Which of the fitted cells passed quality control, and their clusters; not saved.

    References
    ----------
    He, Filippidis, Kleinstein, Guan. Communications Biology 2025. doi:10.1038/s42003-025-07988-y

    Examples
    --------
    >>> from topocraft import IntegrationConfig, Integrator
    >>> from topocraft.data.cells import from_anndata
    >>> from topocraft.simulate.demo import demo_cells
    >>> cells = from_anndata(demo_cells(n_cells=200, n_genes=200, seed=1), "batch")
    >>> config = IntegrationConfig(seed=1).with_values(epochs=2, warmup_epochs=1)
    >>> Integrator(config).fit(cells).embed(cells).shape
    (200, 50)
    """

    def __init__(self, config: IntegrationConfig | None = None) -> None:
        self.config = config or IntegrationConfig()

    def fit(self, cells: Cells, progress: Progress | None = None) -> Integrator:
        """Prepare, cluster and train; return itself.

        Cells, genes and batches are worked on in orders of their own, found from the values, from the names of genes
        and from the cells of batches, so that neither the order in which they came nor the names of batches matter.

        Raises
        ------
        InputError
            Quality control leaves too little.
        TrainingError
            The losses left the finite numbers.
        """
        let_waiting_threads_sleep()
        with processor(self.config.threads) as threads:
            self._fit(cells, progress or Silent(), threads)
        return self

    def _fit(self, cells: Cells, progress: Progress, threads: int) -> None:
        from topocraft.model.networks import Networks
        from topocraft.training.alignment import fit_alignment
        from topocraft.training.checkpoint import Fitted
        from topocraft.training.embed import fit_projection, posterior_means
        from topocraft.training.loop import train

        config, watch = self.config, Stopwatch()
        device = choose_device(config.device)
        precision = choose_precision(config.training.precision, device)
        progress.phase("prepare")
        order, ordered = canonical_order(cells)
        prepared = by_name(prepare(ordered, config.preprocess))
        trained = ordered.take(prepared.kept)
        batches, batch = np.unique(trained.batch, return_inverse=True)
        batch_names = tuple(ordered.batch_names[code] for code in batches)
        _tell_set_aside(cells, order[~prepared.kept], batch_names, progress)
        watch.lap("prepare")

        progress.phase("cluster")
        topology = find_topology(
            prepared.expression, batch, config.topology, config.seed, trained.labels_low, trained.labels_high
        )
        watch.lap("cluster")

        weights = torch_stream(config.seed, "weights")
        networks = Networks(len(prepared.genes.selected), len(batch_names), config.model, weights).to(device)
        history = train(
            networks,
            prepared.expression,
            batch,
            topology,
            config.training,
            precision=precision,
            seed=config.seed,
            progress=progress,
        )
        watch.lap("train")

        progress.phase("embed")
        means = posterior_means(networks.encoder, prepared.expression)
        projection = fit_projection(means, config.embedding.n_components)
        watch.lap("embed")

        alignment = fit_alignment(
            projection.apply(means), batch, config.embedding, numpy_stream(config.seed, "alignment"), progress
        )
        watch.lap("align")
        facts = {
            "fingerprint": fingerprint(cells.digests(), cells.gene_names),
            "input_kind": cells.kind,
            "n_cells": cells.n_cells,
            "n_set_aside": int((~prepared.kept).sum()),
            "device": device,
            "precision": precision,
            "threads": threads,
            "versions": library_versions(),
            "seconds": watch.laps,
        }
        peak = peak_memory()
        if peak is not None:
            facts["peak_bytes"] = peak
        self.fitted_ = Fitted(config, networks, prepared.genes, batch_names, projection, alignment, history, facts)
        self.cells_ = _in_input_order(order, prepared.kept, topology)

    def embed(self, cells: Cells) -> np.ndarray:
        """Return the coordinates of any cells that have the model's genes.

        Parameters
        ----------
        cells
            As for ``fit``. Batches go by their names; the cells of a batch that the model does not know stay where the
            encoder, which does not see batches, puts them.

        Returns
        -------
        numpy.ndarray
            (n_cells, n_components), float32, in the order of ``cells``: posterior means on their leading principal
            components, aligned.

        Raises
        ------
        ModelError
            There is no fit yet, or genes are missing.
        """
        fitted = self._require_fit()
        from topocraft.training.embed import posterior_means

        with processor(self.config.threads):
            means = posterior_means(fitted.networks.encoder, express(cells, fitted.genes))
            return fitted.alignment.apply(fitted.projection.apply(means), _codes(cells, fitted.batch_names))

    @property
    def history_(self) -> History:
        """Mean of every loss per epoch."""
        return self._require_fit().history

    def save(self, folder: str | Path, *, force: bool = False) -> None:
        """Write the model into ``folder`` (weights as safetensors, the rest as JSON), whole or not at all."""
        fitted = self._require_fit()
        from topocraft.training.checkpoint import save_fitted

        save_fitted(fitted, Path(folder), force=force)

    @classmethod
    def load(cls, folder: str | Path) -> Integrator:
        """Read a saved model; it embeds cells bit for bit as it did when it was saved."""
        let_waiting_threads_sleep()
        from topocraft.training.checkpoint import load_fitted

        fitted = load_fitted(Path(folder))
        integrator = cls(fitted.config)
        integrator.fitted_ = fitted
        return integrator

    def _require_fit(self) -> Fitted:
        if not hasattr(self, "fitted_"):
            raise ModelError("This Integrator has no fit yet. Call fit(cells), or Integrator.load(folder).")
        return self.fitted_


def _in_input_order(order: np.ndarray, kept: np.ndarray, topology: Topology) -> FittedCells:
    positions = order[kept]
    kept_here = np.zeros(len(order), dtype=bool)
    kept_here[positions] = True
    low = np.full(len(order), UNDECIDED, dtype=np.int64)
    high = low.copy()
    low[positions], high[positions] = topology.low, topology.high
    return FittedCells(kept_here, replace(topology, low=low, high=high))


def _codes(cells: Cells, batch_names: tuple[str, ...]) -> np.ndarray:
    """Return the model's code of the batch of every cell, −1 where the model does not know it."""
    known = {name: code for code, name in enumerate(batch_names)}
    codes: np.ndarray = np.array([known.get(name, -1) for name in cells.batch_names])[cells.batch]
    return codes


def _tell_set_aside(cells: Cells, set_aside: np.ndarray, batch_names: tuple[str, ...], progress: Progress) -> None:
    if len(set_aside):
        progress.warn(
            f"{len(set_aside):,} of {cells.n_cells:,} cells have too few detected genes and are kept out of training: "
            f"{list_names(cells.cell_names[np.sort(set_aside)], 3)}."
        )
    lost = sorted(set(cells.batch_names) - set(batch_names))
    if lost:
        progress.warn(f"No cell of these batches passed quality control: {list_names(lost)}.")
