"""The genes that human and mouse cells have in common, and cells translated into them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from topocraft.data.ortholog_table import SPECIES, UPPER, Orthologs, Rule, Species, read_orthologs, upper_case
from topocraft.data.values import LARGEST_LOG1P
from topocraft.errors import InputError, list_names

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True, eq=False)
class Space:
    """The common features.

    Parameters
    ----------
    table, rule
        Where they come from.
    offered
        Which gene of which species counts towards which feature, whether it was measured or not.
    kept
        The same, of the genes that were measured and whose feature both species show.
    features
        Names of the common features, in the order of the human genes.
    """

    table: Orthologs
    rule: Rule
    offered: pd.DataFrame
    kept: pd.DataFrame
    features: pd.Index


def common_space(
    files: Mapping[str, AnnData], species: Mapping[str, Species], table: Orthologs | Path | str, rule: Rule
) -> Space:
    """Find the genes that the files of both species have in common.

    Raises
    ------
    InputError
        Gene names repeat within a file, or none is common.
    """
    _require_names(files)
    measured = {kind: _union(files[name].var_names for name in files if species[name] == kind) for kind in SPECIES}
    if table == UPPER:
        table = upper_case(measured["human"], measured["mouse"])
    known = table if isinstance(table, Orthologs) else read_orthologs(Path(table))
    offered = known.features(rule)
    here = offered[_among(offered, measured)]
    features = _common(here, measured, known)
    return Space(known, rule, offered, here[here["feature"].isin(features)], features)


def _require_names(files: Mapping[str, AnnData]) -> None:
    for name, adata in files.items():
        repeated = adata.var_names[adata.var_names.duplicated()].unique()
        if len(repeated):
            raise InputError(
                f"gene names must be unique, so that species can be joined; {len(repeated):,} come more than once in "
                f"'{name}': {list_names(repeated, 3)}. Pass make_unique=True (--make-unique)."
            )


def _union(names: Iterable[pd.Index]) -> pd.Index:
    return pd.Index(pd.unique(np.concatenate([np.asarray(genes, dtype=object) for genes in names])), dtype=object)


def _among(features: pd.DataFrame, measured: Mapping[Species, pd.Index]) -> np.ndarray:
    found = np.zeros(len(features), dtype=bool)
    for species in SPECIES:
        found |= (features["species"] == species).to_numpy() & features["gene"].isin(measured[species]).to_numpy()
    return found


def _common(here: pd.DataFrame, measured: Mapping[Species, pd.Index], table: Orthologs) -> pd.Index:
    """Return the features that both species show, in the order of the human genes."""
    sides = {species: here[here["species"] == species] for species in SPECIES}
    shared = sides["human"][sides["human"]["feature"].isin(sides["mouse"]["feature"])]
    if shared.empty:
        raise InputError(
            f"Human and mouse must have genes in common by {table.source}; none is: human has "
            f"{list_names(measured['human'], 3)}, mouse has {list_names(measured['mouse'], 3)}. Name genes as the "
            "table does, and check that the species are not swapped."
        )
    order = measured["human"].get_indexer(shared["gene"])
    return pd.Index(pd.unique(shared["feature"].to_numpy()[np.argsort(order)]), dtype=object)


def translated(adata: AnnData, space: Space, species: Species, name: str) -> tuple[AnnData, list[str]]:
    """Return the cells over the common features of which this file has at least one gene, and what became of it."""
    import anndata

    own = space.kept[space.kept["species"] == species].set_index("gene")["feature"]
    genes = np.flatnonzero(adata.var_names.isin(own.index))
    targets = own.loc[adata.var_names[genes]]
    features = space.features[space.features.isin(targets)]
    place = (np.ones(len(genes)), (genes, features.get_indexer(targets)))
    sums = sparse.csr_matrix(place, shape=(adata.n_vars, len(features)))
    if space.rule == "sum" and adata.X is not None and _is_log(adata.X):
        raise InputError(
            f"rule 'sum' adds counts; the values of '{name}' are logarithms. Put raw counts into X, or take the rule "
            "'one-to-one'."
        )
    layers = {key: values for key, values in adata.layers.items() if space.rule != "sum" or not _is_log(values)}
    translated = anndata.AnnData(
        X=None if adata.X is None else _summed(adata.X, sums),
        obs=adata.obs,
        var=pd.DataFrame(index=features),
        layers={key: _summed(values, sums) for key, values in layers.items()},
        obsm=dict(adata.obsm),
        uns=dict(adata.uns),
    )
    return translated, [_losses(adata.var_names, own, space, species, name), *_left_out(adata, layers, name)]


def _left_out(adata: AnnData, layers: Mapping[str, Any], name: str) -> list[str]:
    lost = [f"layers {list_names(sorted(set(adata.layers) - set(layers)))}"] if len(layers) < len(adata.layers) else []
    lost += [f"columns {list_names(adata.var.columns)} of var"] if len(adata.var.columns) else []
    lost += ["raw"] if adata.raw is not None else []
    return [f"left out of '{name}', as bound to its own genes: {'; '.join(lost)}."] if lost else []


def _summed(values: Any, sums: sparse.csr_matrix) -> Any:
    summed = values @ sums.astype(values.dtype)
    return sparse.csr_matrix(summed) if sparse.issparse(summed) else summed


def _is_log(values: Any) -> bool:
    stored = values.data if sparse.issparse(values) else np.asarray(values)
    return bool(stored.size and (stored != np.rint(stored)).any() and stored.max() <= LARGEST_LOG1P)


def _losses(genes: pd.Index, own: pd.Series, space: Space, species: Species, name: str) -> str:
    """Say how many genes of a file are used, and why the others are not."""
    used = genes.isin(own.index)
    listed = genes.isin(space.table.pairs[species])
    offered = genes.isin(space.offered["gene"][space.offered["species"] == species])
    reasons = (
        ("without a known ortholog", ~listed),
        ("with several orthologs", listed & ~offered),
        ("whose ortholog was not measured", offered & ~used),
    )
    lost = ", ".join(f"{int(which.sum()):,} {reason}" for reason, which in reasons if which.any())
    kept = f"{name}: {int(used.sum()):,} of {len(genes):,} genes are used"
    return f"{kept}; lost: {lost}." if lost else f"{kept}."


def described(kept: pd.DataFrame, var: pd.DataFrame) -> pd.DataFrame:
    """Add to ``var`` the genes of both species behind each feature."""
    for species in SPECIES:
        genes = kept[kept["species"] == species].groupby("feature")["gene"].agg(lambda held: "/".join(sorted(held)))
        var[species] = genes.reindex(var.index)
    return var
