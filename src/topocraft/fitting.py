"""One fit, from cells to a model: prepared, clustered, trained, placed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from topocraft.config import IntegrationConfig
from topocraft.data.cells import Cells, fingerprint
from topocraft.data.order import canonical_order
from topocraft.fitted_cells import FittedCells, in_input_order, tell_set_aside, tell_small_batches, tell_warm_up
from topocraft.hardware import choose_device, choose_precision, hold_threads, peak_memory
from topocraft.progress import Progress
from topocraft.provenance import Stopwatch, library_versions
from topocraft.randomness import torch_stream
from topocraft.steps import Steps

if TYPE_CHECKING:
    from topocraft.data.preprocess import Prepared
    from topocraft.model.networks import Networks
    from topocraft.topology.clusters import Topology
    from topocraft.training.checkpoint import Fitted
    from topocraft.training.guard import Stopped
    from topocraft.training.keeping import Keeper
    from topocraft.training.loop import History


class Outcome(NamedTuple):
    """What a fit gave; with what broke its training off, if something did after a good epoch."""

    fitted: Fitted
    cells: FittedCells
    stopped: Stopped | None


@dataclass(frozen=True, eq=False)
class _Ready:
    """Cells as training sees them: in the order ``order`` of their own, without those that were set aside."""

    order: np.ndarray
    prepared: Prepared
    cells: Cells
    batch: np.ndarray
    batch_names: tuple[str, ...]
    fingerprint: str


class Fit:
    """A fit under way, and what all its parts go by."""

    def __init__(
        self, config: IntegrationConfig, progress: Progress, threads: int, keeper: Keeper, steps: Steps
    ) -> None:
        self.config, self.progress, self.threads, self.keeper, self.steps = config, progress, threads, keeper, steps
        self.watch = Stopwatch()
        self.device = choose_device(config.device)
        self.precision = choose_precision(config.training.precision, self.device)

    def run(self, cells: Cells) -> Outcome:
        """Fit a model to cells.

        Raises
        ------
        InputError
            Quality control leaves too little.
        TrainingError
            The losses left the finite numbers before a good epoch.
        """
        from topocraft.model.networks import Networks
        from topocraft.training.checkpoint import Fitted
        from topocraft.training.placing import fit_placement

        ready = self._make_ready(cells)
        self.progress.phase("cluster")
        components = self.steps.fit_components(ready.prepared, self.config)
        topology = self.steps.find_topology(ready.prepared, components, ready.cells, ready.batch, self.config)
        genes, names = ready.prepared.genes, ready.batch_names
        self.keeper.reads(genes.selected, ready.batch, topology)
        self.watch.lap("cluster")

        weights = torch_stream(self.config.seed, "weights")
        networks = Networks(len(genes.selected), len(names), self.config.model, weights).to(self.device)
        history, stopped = self._train(networks, ready, topology)
        self.watch.lap("train")
        placement = fit_placement(
            networks.encoder,
            ready.prepared.expression,
            components,
            ready.batch,
            self.config,
            names=ready.cells.cell_names,
            progress=self.progress,
            lap=self.watch.lap,
        )
        placed = {"coordinates": placement.coordinates, "corrected": placement.corrected}
        facts = self._facts(cells, ready) | placed
        fitted = Fitted(self.config, networks, genes, names, placement, history, facts)
        return Outcome(fitted, in_input_order(ready.order, ready.prepared.kept, topology), stopped)

    def _make_ready(self, cells: Cells) -> _Ready:
        from topocraft.training.identity import run_facts
        from topocraft.training.job import current_ranks
        from topocraft.training.sampler import epochs_for

        self.keeper.belongs(**run_facts(self.config, self.device, self.precision, self.threads, library_versions()))
        self.keeper.belongs(processes=current_ranks().size)
        self.progress.phase("prepare")
        contents = cells.contents()
        identity = fingerprint(cells.digests(contents), cells.gene_names)
        self.keeper.belongs(cells=identity)
        order, ordered = canonical_order(cells, contents)
        prepared = self.steps.prepare(ordered, self.config)
        hold_threads(self.threads)
        trained = ordered.take(prepared.kept)
        batches, batch = np.unique(trained.batch, return_inverse=True)
        batch_names = tuple(ordered.batch_names[code] for code in batches)
        tell_set_aside(cells, order[~prepared.kept], batch_names, self.progress)
        tell_small_batches(np.bincount(batch), batch_names, self.progress)
        tell_warm_up(epochs_for(len(batch), len(batches), self.config.training), self.config.training, self.progress)
        self.watch.lap("prepare")
        return _Ready(order, prepared, trained, batch, batch_names, identity)

    def _train(self, networks: Networks, ready: _Ready, topology: Topology) -> tuple[History, Stopped | None]:
        from topocraft.training.guard import Stopped
        from topocraft.training.helping import Material, taught
        from topocraft.training.loop import train
        from topocraft.training.suspects import Names

        expression, batch, config = ready.prepared.expression, ready.batch, self.config
        names = Names(ready.cells.cell_names, np.asarray(ready.prepared.genes.selected, dtype=object))
        material = Material(config, self.device, self.precision, expression, batch, topology)
        try:
            with taught(material, self.threads) as ranks:
                history = train(
                    networks,
                    expression,
                    batch,
                    topology,
                    config.training,
                    precision=self.precision,
                    seed=config.seed,
                    progress=self.progress,
                    names=names,
                    keeper=self.keeper,
                    ranks=ranks,
                )
        except Stopped as error:
            if not error.any_good:
                raise
            return error.history, error
        return history, None

    def _facts(self, cells: Cells, ready: _Ready) -> dict[str, Any]:
        facts = {
            "fingerprint": ready.fingerprint,
            "input_kind": cells.kind,
            "n_cells": cells.n_cells,
            "n_set_aside": int((~ready.prepared.kept).sum()),
            "device": self.device,
            "precision": self.precision,
            "threads": self.threads,
            "versions": library_versions(),
            "seconds": self.watch.laps,
        }
        peak = peak_memory()
        if peak is not None:
            facts["peak_bytes"] = peak
        if self.keeper.resumed_after is not None:
            facts["resumed_after_epoch"] = self.keeper.resumed_after
        return facts
