"""What 10x Genomics' Cell Ranger writes, and what others write in its layout."""

from __future__ import annotations

import gzip
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topocraft.errors import FileError, InputError, list_names

if TYPE_CHECKING:
    from anndata import AnnData

GENES = "Gene Expression"


def read_10x_h5(path: Path) -> tuple[AnnData, list[str]]:
    """Read a ``.h5`` of Cell Ranger 2 or later; return the cells, and notes."""
    import scanpy

    return _only_genes(scanpy.read_10x_h5(path, gex_only=False))


def read_10x_mtx(path: Path) -> tuple[AnnData, list[str]]:
    """Read a folder with a matrix, genes and barcodes, each plain or packed; return the cells, and notes."""
    import numpy as np
    import scanpy

    with _layout_of_scanpy(path) as folder:
        adata = scanpy.read_10x_mtx(folder, make_unique=False, gex_only=False)
    adata.X = adata.X.tocsr()
    # Symbols such as 'NA' or the fly's 'nan' come as missing values.
    adata.var_names = np.where(adata.var_names.isna(), adata.var["gene_ids"], adata.var_names)
    return _only_genes(adata)


def _only_genes(adata: AnnData) -> tuple[AnnData, list[str]]:
    if "feature_types" not in adata.var or (adata.var["feature_types"] == GENES).all():
        return adata, []
    kinds = adata.var["feature_types"]
    if not (kinds == GENES).any():
        held = list_names(kinds.unique())
        raise InputError(f"A 10x file must hold '{GENES}' features; it holds {held}. Pass another file.")
    others = kinds[kinds != GENES]
    note = f"{len(others):,} features that are not genes were left out: {list_names(others.unique())}."
    return adata[:, (kinds == GENES).to_numpy()].copy(), [note]


@contextmanager
def _layout_of_scanpy(folder: Path) -> Iterator[Path]:
    """Yield the folder, or a copy scanpy reads: with genes.tsv all plain, with features.tsv.gz all packed."""
    genes = _piece(folder, "genes.tsv", "features.tsv", "features.tsv.gz", "genes.tsv.gz")
    pieces = [_piece(folder, name, f"{name}.gz") for name in ("matrix.mtx", "barcodes.tsv")]
    packed = genes.name.startswith("features")
    if all((piece.suffix == ".gz") == packed for piece in [genes, *pieces]):
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        for piece in [genes, *pieces]:
            copy = Path(temporary, piece.name.removesuffix(".gz") + (".gz" if packed else ""))
            with _unpacked(piece, "rb") as source, _unpacked(copy, "wb") as sink:
                shutil.copyfileobj(source, sink)
        yield Path(temporary)


def _piece(folder: Path, *names: str) -> Path:
    found = [folder / name for name in names if (folder / name).is_file()]
    if not found:
        raise FileError(
            "A 10x folder must hold matrix.mtx, features.tsv (or genes.tsv) and barcodes.tsv, plain or .gz; "
            f"'{folder}' has no {' or '.join(names)}. Add the missing file, or name yours so."
        )
    return found[0]


def _unpacked(path: Path, mode: str) -> Any:
    return gzip.open(path, mode, compresslevel=1) if path.suffix == ".gz" else path.open(mode)
