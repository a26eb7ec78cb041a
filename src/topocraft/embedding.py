"""A fitted model and further cells: they are given places, nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from topocraft._version import __version__
from topocraft.data.cells import from_anndata
from topocraft.data.columns import require_name, tell_lost_labels
from topocraft.data.stream import stored_values
from topocraft.display import attended
from topocraft.errors import list_names
from topocraft.integrator import Integrator
from topocraft.memory import FEWER, within_memory
from topocraft.provenance import EMBEDDING, KEY, describe_read, views_becoming_whole

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.progress import Progress


def embed(
    adata: AnnData,
    model: Integrator | str | Path,
    batch_key: str | Sequence[str],
    *,
    layer: str | None = None,
    progress: Progress | None = None,
) -> None:
    """Give cells their places in the embedding of a fitted model, in place; nothing is trained.

    Cells of batches that the model knows, by their names, get the places that the fit would give them. The cells of
    each other batch are carried together to where the batches of the fit meet, so that their places depend on which
    cells of that batch come along.

    Parameters
    ----------
    adata
        Cells, of one batch or several, with the genes that the model reads; values of the kind that it was fitted on.
        Nothing is set aside.
    model
        A fitted model, or the folder of a saved one.
    batch_key
        Column of ``obs`` with the batch of every cell; several columns are combined, as for the fit.
    layer
        Layer with the values, instead of ``X``.
    progress
        A display of progress; left out, bars on a terminal or in a notebook, and elsewhere silence but for warnings.

    Returns
    -------
    None
        Written to ``adata``: ``obsm["X_topocraft"]`` (float32), and ``uns["topocraft"]`` with the version, the
        fingerprint of the cells that the model was fitted on, and the names of the batches that it knows (``batches``)
        and of those that are new to it (``new_batches``).

    Raises
    ------
    InputError
        The cells cannot be read as they are; the message says why and what to do.
    ModelError
        The folder holds no sound model, or genes are missing.
    OutOfMemory
        Memory ran out.

    Examples
    --------
    >>> import topocraft
    >>> from topocraft.simulate.demo import demo_cells
    >>> cells = demo_cells(n_cells=300, n_genes=200, seed=1)
    >>> known = cells[cells.obs["batch"] != "small"].copy()
    >>> config = topocraft.IntegrationConfig().with_values(epochs=2, warmup_epochs=1)
    >>> model = topocraft.integrate(known, "batch", config=config)
    >>> new = cells[cells.obs["batch"] == "small"].copy()
    >>> topocraft.embed(new, model, "batch")
    >>> new.obsm["X_topocraft"].shape[1], new.uns["topocraft"]["new_batches"].tolist()
    (50, ['small'])
    """
    with within_memory(FEWER), attended(progress) as shown:
        shown.phase("read")
        integrator = model if isinstance(model, Integrator) else Integrator.load(model)
        if layer is not None:
            require_name(layer, "layer", "a layer of adata")
        cells = from_anndata(
            adata,
            batch_key,
            layer=layer,
            input_kind=integrator.config.preprocess.input_kind,
            stored=stored_values(adata, layer),
            fewest_batches=1,
        )
        tell_lost_labels(adata.obs, batch_key, shown)
        shown.phase("embed")
        embedding = integrator.embed(cells)
        known = integrator.fitted_.batch_names
        new = sorted(set(cells.batch_names) - set(known))
        if new:
            shown.say(f"New to the model, and carried to where its batches meet: {list_names(new)}.")
    with views_becoming_whole():
        adata.obsm[EMBEDDING] = embedding
    adata.uns[KEY] = {
        "version": __version__,
        "fingerprint": str(integrator.fitted_.facts["fingerprint"]),
        "coordinates": integrator.fitted_.placement.coordinates,
        "batches": np.asarray(known, dtype=str),
        "new_batches": np.asarray(new, dtype=str),
        "read": describe_read(batch_key, layer, None),
    }
