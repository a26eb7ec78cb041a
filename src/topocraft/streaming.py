"""The main job on files that stay on disk: read in blocks, written in blocks, the same result as in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from topocraft.config import IntegrationConfig
from topocraft.data.files import check_input
from topocraft.data.joining import shared_genes
from topocraft.data.stream_files import OpenFiles, is_streamable, open_files, stored_bytes
from topocraft.data.stream_outputs import check_streamed_output, write_streamed
from topocraft.display import attended
from topocraft.errors import ConfigError
from topocraft.hardware import granted_memory
from topocraft.integration import Reading, fit_and_annotate
from topocraft.memory import IN_BLOCKS, within_memory
from topocraft.plan import BASE_BYTES, COPIES_OF_COUNTS, Plan, make_plan
from topocraft.progress import Silent

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.checkpoints import Checkpoints
    from topocraft.integrator import Integrator
    from topocraft.progress import Progress

SHARE_OF_MEMORY = 0.75


def integrate_files(
    files: Sequence[str | Path],
    output: str | Path,
    batch_key: str | Sequence[str] = "file",
    *,
    config: IntegrationConfig | None = None,
    layer: str | None = None,
    labels_low: str | None = None,
    labels_high: str | None = None,
    gene_mask: str | None = None,
    make_unique: bool = False,
    force: bool = False,
    checkpoints: Checkpoints | None = None,
    progress: Progress | None = None,
) -> tuple[Integrator, AnnData]:
    """Integrate the batches of files without loading them; the same result as in memory, to float tolerance.

    The values are read block by block. What training needs of them, the chosen genes, lies meanwhile in a file without
    a name in the folder of the output: about 6 bytes for each of their non-zeros.

    Parameters
    ----------
    files
        ``.h5ad`` files or zarr stores, whose values are stored cell by cell (CSR) or dense. Several are joined.
    output
        File to write; for a single file of the kind of the input, ``.h5ad`` or ``.zarr``.
    batch_key
        Column of ``obs`` with the batch of every cell, or several. Of several files, "file" makes each a batch.
    config, layer, labels_low, labels_high, gene_mask, checkpoints, progress
        As for ``integrate``.
    make_unique
        Number repeated gene and cell names.
    force
        Replace what is there.

    Returns
    -------
    Integrator
        The fitted model.
    AnnData
        The cells as they were written, without ``X`` and layers.

    Raises
    ------
    ConfigError
        The configuration drops cells, which would rewrite every matrix.
    InputError
        The cells cannot be integrated as they are; the message says why and what to do.
    FileError
        A file cannot be read or written, or its kind cannot be read in blocks.
    OutOfMemory
        Memory ran out; the message says what would fit.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import topocraft
    >>> from topocraft.simulate.demo import demo_cells
    >>> config = topocraft.IntegrationConfig().with_values(epochs=2, warmup_epochs=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source, result = Path(folder, "cells.h5ad"), Path(folder, "integrated.h5ad")
    ...     demo_cells(n_cells=200, n_genes=200, seed=1).write_h5ad(source)
    ...     model, cells = topocraft.integrate_files([source], result, "batch", config=config)
    >>> cells.obsm["X_topocraft"].shape
    (200, 50)
    """
    config = config or IntegrationConfig()
    paths, output = [Path(file) for file in files], Path(output)
    _require_all_cells(config)
    check_streamed_output(output, paths, force=force)
    with (
        within_memory(IN_BLOCKS),
        attended(progress) as shown,
        open_files(paths, make_unique=make_unique) as opened,
    ):
        for note in opened.notes:
            shown.say(note)
        reading = _settled(Reading(batch_key, layer, labels_low, labels_high, gene_mask), opened)
        source = opened.source(layer, output.absolute().parent, shown)
        cells = reading.cells(opened.adata, config, source)
        model = fit_and_annotate(opened.adata, cells, reading, config, shown, checkpoints)
        shown.phase("write")
        write_streamed(opened, opened.adata, output, force=force)
    return model, opened.adata


def streams(files: Sequence[str | Path], memory: float | None = None) -> bool:
    """Tell whether files are to be read in blocks: they can be, and in memory they would take more than there is.

    Parameters
    ----------
    files
        Files to be integrated.
    memory
        Bytes that a run may take; left out, three quarters of what this process may use.
    """
    paths = [Path(file) for file in files]
    for path in paths:
        check_input(path)
    if not all(is_streamable(path) for path in paths):
        return False
    most = SHARE_OF_MEMORY * granted_memory() if memory is None else memory
    return BASE_BYTES + COPIES_OF_COUNTS * stored_bytes(paths) > most


def plan_files(
    files: Sequence[str | Path], reading: Reading, config: IntegrationConfig, *, make_unique: bool = False
) -> Plan:
    """Find out what ``integrate_files`` would do; see ``make_plan``."""
    _require_all_cells(config)
    with open_files([Path(file) for file in files], make_unique=make_unique) as opened:
        reading = _settled(reading, opened)
        return make_plan(reading.cells(opened.adata, config, opened.source(reading.layer, None, Silent())), config)


def _settled(reading: Reading, opened: OpenFiles) -> Reading:
    """Of several files only the genes that all of them measured are used."""
    if len(opened.paths) == 1:
        return reading
    return replace(reading, gene_mask=shared_genes(opened.adata, reading.gene_mask))


def _require_all_cells(config: IntegrationConfig) -> None:
    if config.embedding.set_aside == "drop":
        raise ConfigError(
            "set_aside must be 'embed' or 'nan' where files are read in blocks; got 'drop', which would rewrite every "
            "matrix. Drop the cells afterwards by obs['topocraft_set_aside'], or give more memory (--memory)."
        )
