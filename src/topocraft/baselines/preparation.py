"""Cells, made ready once for every method: the same cells, genes, values and components for all of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topocraft.config import PreprocessConfig
from topocraft.data.atomic import atomic_folder
from topocraft.data.outputs import write_h5ad
from topocraft.data.places import FolderKind
from topocraft.data.typed_json import built, parsed_object
from topocraft.errors import FileError, InputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from scipy import sparse

    from topocraft.baselines.method import Reads
    from topocraft.data.cells import Cells

FORMAT = 1
FACTS, KEPT = "preparation.json", "kept.npy"
FILES: dict[Reads, str] = {"selected": "selected.h5ad", "all": "all.h5ad"}
KIND = FolderKind("prepared cells", (FACTS,), frozenset({FACTS, KEPT, *FILES.values()}))
N_COMPONENTS = 50


@dataclass(frozen=True)
class Preparation:
    """A folder with cells as the methods see them; nothing in it changes once it is written.

    Parameters
    ----------
    folder
        Where it is.
    n_cells, n_genes
        Cells that passed quality control, and highly variable genes.
    n_set_aside
        Cells that did not pass, and that no method sees.
    kind
        What the values were: "counts", "fractional counts" or "log1p".
    batches
        Names of the batches.
    labelled
        Whether there are cell types.
    fingerprint
        Hexadecimal digest of the cells in their order, batches, cell types, genes and configuration.
    """

    folder: Path
    n_cells: int
    n_genes: int
    n_set_aside: int
    kind: str
    batches: tuple[str, ...]
    labelled: bool
    fingerprint: str

    @property
    def kept(self) -> np.ndarray:
        """Which of the cells that came passed quality control, (n_cells + n_set_aside,), bool."""
        import numpy as np

        kept: np.ndarray = np.load(self.folder / KEPT, allow_pickle=False)
        return kept

    def file(self, reads: Reads) -> Path:
        """Return the file with the highly variable genes, or with all genes."""
        return self.folder / FILES[reads]

    def read(self) -> AnnData:
        """Return the cells over the highly variable genes.

        ``X`` holds log-normalised values, ``layers["counts"]`` raw counts where there are any, ``obsm["X_pca"]``
        principal components, ``obs["batch"]`` and ``obs["celltype"]`` categories, missing where a cell has no type.
        """
        import anndata

        return anndata.read_h5ad(self.file("selected"))


def write_preparation(
    cells: Cells,
    folder: Path,
    *,
    labels: np.ndarray | None = None,
    config: PreprocessConfig | None = None,
    force: bool = False,
) -> Preparation:
    """Set poor cells aside, choose genes, compute components, and write it all for the methods to read.

    Parameters
    ----------
    cells
        The cells.
    folder
        Folder to write, whole or not at all.
    labels
        Cell types, (n_cells,), object; ``None`` or NaN where a cell has none.
    config
        Of quality control, normalisation and the choice of genes.
    force
        Replace a preparation that is there.

    Raises
    ------
    InputError
        Quality control leaves too little, or the labels do not fit the cells.
    FileError
        The folder is there already, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from topocraft.baselines.preparation import write_preparation
    >>> from topocraft.data.cells import from_anndata
    >>> from topocraft.simulate.demo import demo_cells
    >>> cells = from_anndata(demo_cells(n_cells=100, n_genes=60), "batch")
    >>> with tempfile.TemporaryDirectory() as name:
    ...     write_preparation(cells, Path(name, "cells")).read().obsm["X_pca"].shape
    (100, 50)
    """
    import numpy as np

    from topocraft.data.preprocess import prepare

    config = config or PreprocessConfig()
    if labels is not None and len(labels) != cells.n_cells:
        raise InputError(f"labels must name a type for each of {cells.n_cells:,} cells; got {len(labels):,}.")
    prepared = prepare(cells, config)
    kept = cells.take(prepared.kept)
    obs = _obs(kept, None if labels is None else np.asarray(labels, dtype=object)[prepared.kept])
    facts = {
        "n_cells": kept.n_cells,
        "n_genes": len(prepared.genes.selected),
        "n_set_aside": cells.n_cells - kept.n_cells,
        "kind": cells.kind,
        "batches": list(obs["batch"].cat.categories),
        "labelled": labels is not None,
        "fingerprint": _fingerprint(kept, obs, config),
    }
    with atomic_folder(folder, force, kind=KIND) as partial:
        write_h5ad(_selected(kept, prepared.expression, prepared.genes.selected, obs), partial / FILES["selected"])
        write_h5ad(_annotated(kept.values, obs, kept.gene_names, kept.kind), partial / FILES["all"])
        np.save(partial / KEPT, prepared.kept)
        (partial / FACTS).write_text(json.dumps({"format": FORMAT, **facts}, indent=2), encoding="utf-8")
    return open_preparation(folder)


def open_preparation(folder: Path) -> Preparation:
    """Return what ``write_preparation`` wrote.

    Raises
    ------
    FileError
        The folder is no preparation, or one of another version.
    """
    folder = Path(folder).absolute()
    try:
        facts = parsed_object((folder / FACTS).read_text(encoding="utf-8"))
        written = facts.pop("format")
    except (OSError, ValueError, KeyError) as error:
        raise FileError(
            f"prepared must be a folder that write_preparation wrote; '{folder}' is not. Write it anew."
        ) from error
    if written != FORMAT:
        raise FileError(f"prepared must be of format {FORMAT}; '{folder}' is of format {written}. Write it anew.")
    try:
        return built(Preparation, facts | {"folder": folder})
    except ValueError as error:
        raise FileError(f"'{folder / FACTS}' is damaged: {error}. Write the folder anew.") from error


def _obs(kept: Cells, labels: np.ndarray | None) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    batch = pd.Categorical(np.asarray(kept.batch_names, dtype=object)[kept.batch])
    obs = pd.DataFrame({"batch": batch}, index=pd.Index(kept.cell_names))
    if labels is not None:
        obs["celltype"] = pd.Series(labels, index=obs.index, dtype=object).map(str, na_action="ignore")
        obs["celltype"] = obs["celltype"].astype("category")
    return obs


def _annotated(values: sparse.csr_matrix, obs: pd.DataFrame, genes: Any, kind: str) -> AnnData:
    import pandas as pd
    from anndata import AnnData

    return AnnData(values, obs=obs, var=pd.DataFrame(index=pd.Index(genes)), uns={"prepared": {"kind": kind}})


def _selected(kept: Cells, expression: sparse.csr_matrix, genes: tuple[str, ...], obs: pd.DataFrame) -> AnnData:
    import pandas as pd
    from scipy import sparse

    from topocraft.topology.components import principal_components

    adata = _annotated(expression, obs, genes, kept.kind)
    adata.obsm["X_pca"] = principal_components(expression, N_COMPONENTS)
    if kept.kind != "log1p":
        adata.layers["counts"] = sparse.csr_matrix(kept.values)[:, pd.Index(kept.gene_names).get_indexer(genes)]
    return adata


def _fingerprint(kept: Cells, obs: pd.DataFrame, config: PreprocessConfig) -> str:
    whole = hashlib.blake2b(json.dumps([FORMAT, asdict(config), kept.kind]).encode(), digest_size=16)
    whole.update(kept.digests().tobytes())
    for names in (kept.gene_names, kept.cell_names, obs.get("celltype", [])):
        whole.update("\n".join(map(str, names)).encode() + b"\0")
    return whole.hexdigest()
