"""The main job: cells of several batches in, one embedding out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from topocraft.config import IntegrationConfig
from topocraft.data.cells import Cells, canonical_order, fingerprint, from_anndata
from topocraft.data.preprocess import express, prepare
from topocraft.display import attended
from topocraft.errors import ModelError, list_names
from topocraft.hardware import choose_device, choose_precision, let_waiting_threads_sleep, processor
from topocraft.progress import Progress, Silent
from topocraft.provenance import KEY, Stopwatch, annotate, library_versions
from topocraft.randomness import torch_stream
from topocraft.topology.clusters import UNDECIDED, Topology, find_topology

if TYPE_CHECKING:
    from anndata import AnnData

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

        Cells are worked on in an order of their own, found from their values, so that the order in which they
        came does not matter.

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
        from topocraft.training.checkpoint import Fitted
        from topocraft.training.embed import fit_projection, posterior_means
        from topocraft.training.loop import train

        config, watch = self.config, Stopwatch()
        device = choose_device(config.device)
        precision = choose_precision(config.training.precision, device)
        progress.phase("prepare")
        digests = cells.digests()
        order = canonical_order(digests)
        ordered = cells.take(order)
        prepared = prepare(ordered, config.preprocess)
        trained = ordered.take(prepared.kept)
        batches, batch = np.unique(trained.batch, return_inverse=True)
        batch_names = tuple(cells.batch_names[code] for code in batches)
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
        facts = {
            "fingerprint": fingerprint(digests, cells.gene_names),
            "input_kind": cells.kind,
            "n_cells": cells.n_cells,
            "n_set_aside": int((~prepared.kept).sum()),
            "device": device,
            "precision": precision,
            "threads": threads,
            "versions": library_versions(),
            "seconds": watch.laps,
        }
        self.fitted_ = Fitted(config, networks, prepared.genes, batch_names, projection, history, facts)
        self.cells_ = _in_input_order(order, prepared.kept, topology)

    def embed(self, cells: Cells) -> np.ndarray:
        """Return the coordinates of any cells that have the model's genes.

        Parameters
        ----------
        cells
            As for ``fit``; batches may be new, as the encoder does not see them.

        Returns
        -------
        numpy.ndarray
            (n_cells, n_components), float32, in the order of ``cells``: posterior means on their leading principal
            components.

        Raises
        ------
        ModelError
            There is no fit yet, or genes are missing.
        """
        fitted = self._require_fit()
        from topocraft.training.embed import posterior_means

        with processor(self.config.threads):
            means = posterior_means(fitted.networks.encoder, express(cells, fitted.genes))
            return fitted.projection.apply(means)

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


def integrate(
    adata: AnnData,
    batch_key: str | Sequence[str],
    *,
    config: IntegrationConfig | None = None,
    layer: str | None = None,
    labels_low: str | None = None,
    labels_high: str | None = None,
    gene_mask: str | None = None,
    progress: Progress | None = None,
) -> Integrator:
    """Integrate the batches of an AnnData, in place.

    Parameters
    ----------
    adata
        Raw counts (or log1p-normalised values), cells × genes. Keeps its counts, genes and order; cells that
        quality control set aside are marked, and embedded like the others unless the configuration says otherwise.
    batch_key
        Column of ``obs`` with the batch of every cell; several columns are combined.
    config
        Every choice; the defaults where left out.
    layer
        Layer with the values, instead of ``X``.
    labels_low, labels_high
        Columns of ``obs`` whose annotation takes the place of either clustering; cells without one keep clusters.
    gene_mask
        Boolean column of ``var``: the genes that may be used; all where left out.
    progress
        A display of progress; left out, bars on a terminal or in a notebook, and elsewhere silence but for warnings.

    Returns
    -------
    Integrator
        The fitted model. Written to ``adata``: ``obsm["X_topocraft"]`` (float32), ``obs["topocraft_low"]``,
        ``obs["topocraft_high"]`` (clusters), ``obs["topocraft_set_aside"]`` (bool), ``uns["topocraft"]`` (provenance).

    Raises
    ------
    InputError
        The cells cannot be integrated as they are; the message says why and what to do.

    References
    ----------
    doi:10.1038/s42003-025-07988-y

    Examples
    --------
    >>> import topocraft
    >>> from topocraft.simulate.demo import demo_cells
    >>> adata = demo_cells(n_cells=200, n_genes=200, seed=1)
    >>> config = topocraft.IntegrationConfig().with_values(epochs=2, warmup_epochs=1)
    >>> model = topocraft.integrate(adata, "batch", config=config)
    >>> adata.obsm["X_topocraft"].shape
    (200, 50)
    """
    config = config or IntegrationConfig()
    cells = from_anndata(
        adata,
        batch_key,
        layer=layer,
        labels_low=labels_low,
        labels_high=labels_high,
        gene_mask=gene_mask,
        input_kind=config.preprocess.input_kind,
    )
    with attended(progress) as shown:
        integrator = Integrator(config).fit(cells, shown)
    annotate(adata, integrator.embed(cells), integrator.fitted_, integrator.cells_.kept, integrator.cells_.topology)
    used = {"labels_low": labels_low, "labels_high": labels_high}
    adata.uns[KEY]["annotation"] = {level: key for level, key in used.items() if key is not None}
    return integrator


def _in_input_order(order: np.ndarray, kept: np.ndarray, topology: Topology) -> FittedCells:
    positions = order[kept]
    kept_here = np.zeros(len(order), dtype=bool)
    kept_here[positions] = True
    low = np.full(len(order), UNDECIDED, dtype=np.int64)
    high = low.copy()
    low[positions], high[positions] = topology.low, topology.high
    return FittedCells(kept_here, Topology(low, high, topology.low_names, topology.high_names))


def _tell_set_aside(cells: Cells, set_aside: np.ndarray, batch_names: tuple[str, ...], progress: Progress) -> None:
    if len(set_aside):
        progress.warn(
            f"{len(set_aside):,} of {cells.n_cells:,} cells have too few detected genes and are kept out of training: "
            f"{list_names(cells.cell_names[np.sort(set_aside)], 3)}."
        )
    lost = sorted(set(cells.batch_names) - set(batch_names))
    if lost:
        progress.warn(f"No cell of these batches passed quality control: {list_names(lost)}.")
