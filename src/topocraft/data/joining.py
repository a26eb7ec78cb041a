"""Several AnnData to one: every cell, every gene, and a word about what could not be joined."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from topocraft.data.columns import column
from topocraft.errors import InputError, list_names

if TYPE_CHECKING:
    from anndata import AnnData

SECTIONS = ("layers", "obsm", "uns", "varm", "obsp", "varp")


def file_names(paths: Sequence[Path]) -> list[str]:
    """Return a distinct short name for every path: its stem, or the folders that tell equal stems apart.

    Raises
    ------
    InputError
        A file is named twice.
    """
    whole = [path.resolve() for path in paths]
    for path in whole:
        if whole.count(path) > 1:
            raise InputError(f"paths must name every file once; '{path}' comes twice. Leave one out.")
    stems = [path.stem if path.is_file() or path.suffix == ".zarr" else path.name for path in whole]
    alike: dict[str, list[tuple[str, ...]]] = {stem: [] for stem in stems}
    for path, stem in zip(whole, stems, strict=True):
        alike[stem].append(path.parent.parts)
    told = [_telling(path.parent.parts, alike[stem]) or stem for path, stem in zip(whole, stems, strict=True)]
    for names in (told, [path.name for path in whole]):
        if len(set(names)) == len(whole):
            return names
    return [str(path) for path in whole]


def _telling(folders: tuple[str, ...], alike: Sequence[tuple[str, ...]]) -> str:
    """Of ``s1/outs/raw.h5`` beside ``s2/outs/raw.h5``, ``s1``; nothing where no other path is alike."""
    before = _shared_start(alike)
    behind = _shared_start([other[::-1] for other in alike])
    return "-".join(folders[before : len(folders) - behind])


def _shared_start(paths: Sequence[tuple[str, ...]]) -> int:
    levels = zip(*paths, strict=False)
    return sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, levels))


def join_files(files: Mapping[str, AnnData]) -> tuple[AnnData, list[str]]:
    """Stack the cells of several files over all their genes, zero where a gene was not measured.

    Parameters
    ----------
    files
        AnnData by the name of its file, two or more.

    Returns
    -------
    The joined cells, with ``obs["file"]`` and ``var["in_every_file"]``, and what was changed or left out.

    Raises
    ------
    InputError
        No gene is in every file, gene names repeat within a file, or only some files have an ``X``.
    """
    import anndata

    _require_alike(files)
    every = np.concatenate([adata.var_names for adata in files.values()])
    genes = pd.Index(pd.unique(every), dtype=object)
    in_every_file = _in_every_file(files, genes)
    kept = {section: _shared_keys(files, section) for section in ("layers", "obsm")}
    cell_names, notes = _distinct_cells(files)
    parts = [_part(adata, genes, kept) for adata in files.values()]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Observation names are not unique")
        joined = anndata.concat(parts, join="outer", fill_value=0)
    for values in [joined.X, *joined.layers.values()]:
        if sparse.issparse(values):
            values.sort_indices()
    joined.obs_names = cell_names
    joined.var, differing = _join_var(files, genes)
    joined.uns = _join_uns([adata.uns for adata in files.values()])
    notes += _tidy(joined.obs, "obs") + _tidy(joined.var, "var") + _left_out(files, joined, differing)
    sizes = [adata.n_obs for adata in files.values()]
    joined.obs["file"] = pd.Categorical(np.repeat(list(files), sizes), categories=list(files))
    joined.var["in_every_file"] = in_every_file
    counts = f"{joined.n_obs:,} cells; {in_every_file.sum():,} of {len(genes):,} genes are in every file"
    return joined, [f"{len(files)} files joined: {counts}.", *notes]


def shared_genes(adata: AnnData, gene_mask: str | None) -> str:
    """Return the column of ``var`` with the genes that joined files may use: unmeasured is not zero.

    Those that every file measured, and that ``gene_mask`` marks where it is given; ``var`` gets a column for both.
    """
    if gene_mask is None:
        return "in_every_file"
    chosen = column(adata.var, gene_mask, "gene_mask", of="var").isin([True])
    adata.var["topocraft_genes"] = chosen & adata.var["in_every_file"]
    return "topocraft_genes"


def _require_alike(files: Mapping[str, AnnData]) -> None:
    for name, adata in files.items():
        repeated = adata.var_names[adata.var_names.duplicated()].unique()
        if len(repeated):
            raise InputError(
                f"gene names must be unique, so that files can be joined; {len(repeated):,} come more than "
                f"once in '{name}': {list_names(repeated, 3)}. Pass make_unique=True (--make-unique)."
            )
    empty = [name for name, adata in files.items() if adata.X is None]
    if empty and len(empty) < len(files):
        raise InputError(
            f"X must hold values in all files or in none; it is empty in {list_names(empty)}. "
            "Put the counts into X of every file, or into one layer of the same name."
        )


def _in_every_file(files: Mapping[str, AnnData], genes: pd.Index) -> np.ndarray:
    in_files = sum(genes.isin(adata.var_names).astype(int) for adata in files.values())
    shared = np.asarray(in_files == len(files))
    if not shared.any():
        examples = [f"'{name}' has {list_names(adata.var_names, 2)}" for name, adata in files.items()]
        raise InputError(
            f"Files must share genes; none is in all {len(files)}: {'; '.join(examples[:8])}. Name "
            "genes in the same way everywhere: all symbols, or all Ensembl identifiers, of one species."
        )
    return shared


def _shared_keys(files: Mapping[str, AnnData], section: str) -> list[str]:
    """Keys of ``layers`` or ``obsm`` that every file has, with the same columns."""
    first, *others = (getattr(adata, section) for adata in files.values())
    alike = [key for key in first if all(key in other for other in others)]
    if section == "layers":
        return alike
    return [key for key in alike if all(_columns(other[key]) == _columns(first[key]) for other in others)]


def _columns(values: Any) -> tuple[object, ...]:
    return tuple(values.columns) if isinstance(values, pd.DataFrame) else tuple(values.shape[1:])


def _distinct_cells(files: Mapping[str, AnnData]) -> tuple[np.ndarray, list[str]]:
    per_file = pd.Index(np.concatenate([adata.obs_names.unique() for adata in files.values()]), dtype=object)
    shared = per_file[per_file.duplicated()].unique()
    names = [
        np.where(adata.obs_names.isin(shared), adata.obs_names + f"-{name}", adata.obs_names)
        for name, adata in files.items()
    ]
    if not len(shared):
        return np.concatenate(names), []
    shown = list_names(shared, 3)
    are = "cell name is" if len(shared) == 1 else "cell names are"
    note = f"{len(shared):,} {are} in more than one file and got the file's name appended: {shown}."
    return np.concatenate(names), [note]


def _part(adata: AnnData, genes: pd.Index, kept: Mapping[str, Sequence[str]]) -> AnnData:
    import anndata

    place = genes.get_indexer(adata.var_names)
    return anndata.AnnData(
        X=None if adata.X is None else _widen(adata.X, place, len(genes)),
        obs=adata.obs,
        var=pd.DataFrame(index=genes),
        layers={key: _widen(adata.layers[key], place, len(genes)) for key in kept["layers"]},
        obsm={key: adata.obsm[key] for key in kept["obsm"]},
    )


def _widen(values: Any, place: np.ndarray, n_genes: int) -> Any:
    """Put column ``i`` of the values at ``place[i]`` of ``n_genes`` columns; sparse values are not copied."""
    if values.dtype == np.float16:
        values = values.astype(np.float32)  # beside a sparse file it becomes sparse, which half precision cannot be
    if len(place) == n_genes and (place == np.arange(n_genes)).all():
        return values
    if not sparse.issparse(values):
        wide = np.zeros((values.shape[0], n_genes), dtype=values.dtype)
        wide[:, place] = values
        return wide
    narrow = sparse.csr_matrix(values)
    shape = (narrow.shape[0], n_genes)
    return sparse.csr_matrix((narrow.data, place[narrow.indices], narrow.indptr), shape=shape)


def _join_var(files: Mapping[str, AnnData], genes: pd.Index) -> tuple[pd.DataFrame, list[str]]:
    """Keep the columns in which the files agree on the genes they share; name the others."""
    joined, differing = pd.DataFrame(index=genes), []
    for name in dict.fromkeys(name for adata in files.values() for name in adata.var.columns):
        stacked = pd.concat([adata.var[name] for adata in files.values() if name in adata.var]).dropna()
        first = stacked[~stacked.index.duplicated()]
        if (first.reindex(stacked.index).astype(object) == stacked.astype(object)).all():
            joined[name] = first.reindex(genes)
        else:
            differing.append(name)
    return joined, differing


def _join_uns(files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first, *others = files
    alike = [key for key in first if all(key in other and _same(first[key], other[key]) for other in others)]
    return {key: first[key] for key in alike}


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, pd.DataFrame) and isinstance(other, pd.DataFrame):
        return bool(one.equals(other))
    if type(one) is not type(other) or sparse.issparse(one):
        return False
    return bool(np.array_equal(one, other))


def _tidy(table: pd.DataFrame, section: str) -> list[str]:
    """Turn columns of mixed kinds, which no file format holds, into text or into true, false and missing."""
    mixed = []
    for name in table.columns:
        categorical = isinstance(table[name].dtype, pd.CategoricalDtype)
        values = table[name].cat.categories if categorical else table[name]
        kind = pd.api.types.infer_dtype(values, skipna=True) if values.dtype == object else "string"
        if kind == "boolean" and not categorical:
            table[name] = table[name].astype("boolean")
        elif kind not in ("string", "empty"):
            table[name] = table[name].astype(object).map(str, na_action="ignore")
            mixed.append(name)
    return [f"{section} columns of mixed kinds became text: {list_names(mixed)}."] if mixed else []


def _left_out(files: Mapping[str, AnnData], joined: AnnData, differing: Sequence[str]) -> list[str]:
    lost = [f"columns {list_names(differing)} of var"] if differing else []
    for section in SECTIONS:
        keys = dict.fromkeys(key for adata in files.values() for key in getattr(adata, section))
        gone = [key for key in keys if key not in getattr(joined, section)]
        lost += [f"{section} {list_names(gone)}"] if gone else []
    lost += ["raw"] if any(adata.raw is not None for adata in files.values()) else []
    notes = [f"left out, as not alike in all files or bound to one of them: {'; '.join(lost)}."] if lost else []
    if any("file" in adata.obs for adata in files.values()):
        notes.append("obs column 'file' of the input was replaced by the names of the files.")
    return notes
