"""The steps of a fit before its training: done anew each time, or kept for further fits of the same cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from topocraft.data.preprocess import Prepared, prepare
from topocraft.hardware import choose_device
from topocraft.topology.clusters import Topology, find_topology
from topocraft.topology.components import Components, fit_components

if TYPE_CHECKING:
    import numpy as np

    from topocraft.config import IntegrationConfig, PreprocessConfig, TopologyConfig
    from topocraft.data.cells import Cells


class Steps:
    """Preparation and clustering, done anew each time."""

    def prepare(self, cells: Cells, config: IntegrationConfig) -> Prepared:
        """Return ``topocraft.data.preprocess.prepare`` of the cells."""
        return prepare(cells, config.preprocess)

    def fit_components(self, prepared: Prepared, config: IntegrationConfig) -> Components:
        """Return ``topocraft.topology.components.fit_components`` of what was prepared."""
        return fit_components(prepared.expression, config.topology.n_components, config.seed)

    def find_topology(
        self, prepared: Prepared, components: Components, trained: Cells, batch: np.ndarray, config: IntegrationConfig
    ) -> Topology:
        """Return ``topocraft.topology.clusters.find_topology`` of what was prepared."""
        labels, points = (trained.labels_low, trained.labels_high), components.coordinates
        return find_topology(
            prepared.expression,
            batch,
            config.topology,
            config.seed,
            *labels,
            components=points,
            device=choose_device(config.device),
        )


class KeptSteps(Steps):
    """The same, each done once per configuration of it. All fits must be of the same cells, in the same order.

    Examples
    --------
    >>> from topocraft import IntegrationConfig
    >>> from topocraft.data.cells import from_anndata
    >>> from topocraft.simulate.demo import demo_cells
    >>> cells, steps = from_anndata(demo_cells(n_cells=200, n_genes=200), "batch"), KeptSteps()
    >>> steps.prepare(cells, IntegrationConfig()) is steps.prepare(cells, IntegrationConfig(seed=1))
    True
    """

    def __init__(self) -> None:
        self._prepared: dict[PreprocessConfig, Prepared] = {}
        self._components: dict[tuple[PreprocessConfig, int, int], Components] = {}
        self._topologies: dict[tuple[PreprocessConfig, TopologyConfig, int, str], Topology] = {}

    def prepare(self, cells: Cells, config: IntegrationConfig) -> Prepared:
        """Return the cells prepared, now or before."""
        if config.preprocess not in self._prepared:
            self._prepared[config.preprocess] = super().prepare(cells, config)
        return self._prepared[config.preprocess]

    def fit_components(self, prepared: Prepared, config: IntegrationConfig) -> Components:
        """Return the components, found now or before."""
        key = config.preprocess, config.topology.n_components, config.seed
        if key not in self._components:
            self._components[key] = super().fit_components(prepared, config)
        return self._components[key]

    def find_topology(
        self, prepared: Prepared, components: Components, trained: Cells, batch: np.ndarray, config: IntegrationConfig
    ) -> Topology:
        """Return the clusters, found now or before."""
        key = config.preprocess, config.topology, config.seed, config.device
        if key not in self._topologies:
            self._topologies[key] = super().find_topology(prepared, components, trained, batch, config)
        return self._topologies[key]
