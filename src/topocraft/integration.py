"""The main job: an AnnData with several batches in, the same with one embedding out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from topocraft.checkpoints import Checkpoints
from topocraft.config import IntegrationConfig
from topocraft.data.cells import Cells, from_anndata
from topocraft.data.columns import require_name, tell_lost_labels
from topocraft.data.stream import Source, stored_values
from topocraft.display import attended
from topocraft.errors import ConfigError, InputError
from topocraft.integrator import Integrator
from topocraft.memory import IN_BLOCKS, within_memory
from topocraft.provenance import EMBEDDING, KEY, annotate, describe_read

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.progress import Progress


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
    checkpoints: Checkpoints | None = None,
) -> Integrator:
    """Integrate the batches of an AnnData, in place.

    Parameters
    ----------
    adata
        Raw counts (or log1p-normalised values), cells × genes; an ``X`` left on disk (``backed="r"``) is read in
        blocks, and so is a dask array, every block of which is computed six times. Keeps its counts, genes and order;
        cells that quality control set aside are marked, and embedded like the others unless the configuration says
        otherwise.
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
    checkpoints
        Where training keeps checkpoints, and whether it goes on from the last one; left out, there are none.

    Returns
    -------
    Integrator
        The fitted model. Written to ``adata``: ``obsm["X_topocraft"]`` (float32), ``obs["topocraft_low"]``,
        ``obs["topocraft_high"]`` (clusters), ``obs["topocraft_set_aside"]`` (bool), ``uns["topocraft"]`` (provenance).

    Raises
    ------
    InputError
        The cells cannot be integrated as they are; the message says why and what to do.
    OutOfMemory
        Memory ran out; the message says what would fit.
    TrainingError
        The losses left the finite numbers; the error's ``model`` is the last good one.
    ModelError
        The checkpoint to be resumed is damaged, or of another run; the message names what differs.

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
    require_arguments(adata, config)
    if layer is not None:
        require_name(layer, "layer", "a layer of adata")
    reading = Reading(batch_key, layer, labels_low, labels_high, gene_mask)
    with within_memory(IN_BLOCKS), attended(progress) as shown:
        cells = reading.cells(adata, config, stored_values(adata, layer))
        return fit_and_annotate(adata, cells, reading, config, shown, checkpoints)


def require_arguments(adata: object, config: object) -> None:
    """Refuse what is no AnnData and no configuration, with the way to one.

    Raises
    ------
    InputError
        ``adata`` is something else.
    ConfigError
        ``config`` is something else.
    """
    from anndata import AnnData

    if not isinstance(adata, AnnData):
        raise InputError(
            f"adata must be an AnnData; got {type(adata).__name__}. Read a file with anndata.read_h5ad(path), or give "
            "its path to topocraft.integrate_files; wrap a matrix as AnnData(matrix, obs=…)."
        )
    if not isinstance(config, IntegrationConfig):
        raise ConfigError(
            f"config must be an IntegrationConfig; got {type(config).__name__}. Make one by "
            "topocraft.IntegrationConfig().with_values(epochs=100), or by IntegrationConfig.from_dict(…)."
        )


@dataclass(frozen=True)
class Reading:
    """What of an AnnData is read; parameters as for ``integrate``."""

    batch_key: str | Sequence[str]
    layer: str | None = None
    labels_low: str | None = None
    labels_high: str | None = None
    gene_mask: str | None = None

    def cells(self, adata: AnnData, config: IntegrationConfig, stored: Source | None = None) -> Cells:
        """Return the cells of an AnnData, whose values may lie on disk; see ``from_anndata``."""
        return from_anndata(
            adata,
            self.batch_key,
            layer=self.layer,
            labels_low=self.labels_low,
            labels_high=self.labels_high,
            gene_mask=self.gene_mask,
            input_kind=config.preprocess.input_kind,
            stored=stored,
        )


def fit_and_annotate(
    adata: AnnData,
    cells: Cells,
    reading: Reading,
    config: IntegrationConfig,
    progress: Progress,
    checkpoints: Checkpoints | None = None,
) -> Integrator:
    """Fit a model to cells, embed them, and write what came out into the AnnData that they are from."""
    if EMBEDDING in adata.obsm:
        progress.say(f"obsm['{EMBEDDING}'] and all that an earlier run wrote beside it are replaced.")
    tell_lost_labels(adata.obs, reading.batch_key, progress)
    integrator = Integrator(config).fit(cells, progress, checkpoints)
    annotate(adata, integrator.embed(cells), integrator.fitted_, integrator.cells_.kept, integrator.cells_.topology)
    used = {"labels_low": reading.labels_low, "labels_high": reading.labels_high}
    adata.uns[KEY]["annotation"] = {level: key for level, key in used.items() if key is not None}
    adata.uns[KEY]["read"] = describe_read(reading.batch_key, reading.layer, reading.gene_mask)
    return integrator
