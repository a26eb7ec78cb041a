"""One gene space for human and mouse: cells of both species over the genes that they share by descent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from topocraft.data.joining import join_files
from topocraft.data.ortholog_space import common_space, described, translated
from topocraft.data.ortholog_table import SPECIES, UPPER, Orthologs, Rule, Species, read_orthologs, upper_case
from topocraft.errors import ConfigError, InputError, list_names

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["UPPER", "Orthologs", "Rule", "join_species", "join_species_files", "read_orthologs", "upper_case"]


def join_species(
    cells: Mapping[str, AnnData], table: Orthologs | Path | str, *, rule: Rule = "one-to-one"
) -> tuple[AnnData, list[str]]:
    """Stack human and mouse cells over their common genes, which bear the human names.

    Parameters
    ----------
    cells
        Two AnnData, "human" and "mouse". They are not changed.
    table
        Pairs of orthologs, or the path of such a table, or "upper" to pair symbols that are the same in capitals.
    rule
        What becomes of genes with several orthologs. "one-to-one" leaves them out: only of a gene with one partner,
        which has no other either, is it known that both counts mean the same. "sum" adds the counts of all copies, in
        both species, which keeps gene families at the price of telling their members apart; raw counts only.

    Returns
    -------
    The joined cells with ``obs["species"]``, and in ``var`` the "human" and "mouse" genes behind each common one; and
    what was joined, lost and why.

    Raises
    ------
    ConfigError
        The keys are not the two species, or the rule is unknown.
    InputError
        No gene is common, gene names repeat, or logarithms would be summed.
    FileError
        The table cannot be read.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from anndata import AnnData
    >>> human = AnnData(np.ones((1, 2)), obs=pd.DataFrame(index=["a"]), var=pd.DataFrame(index=["GAPDH", "CD8B"]))
    >>> mouse = AnnData(np.ones((1, 1)), obs=pd.DataFrame(index=["b"]), var=pd.DataFrame(index=["Gapdh"]))
    >>> joined, notes = join_species({"human": human, "mouse": mouse}, "upper")
    >>> list(joined.var_names)
    ['GAPDH']
    """
    if set(cells) != set(SPECIES):
        raise ConfigError(f"cells must be given for 'human' and 'mouse'; got {list_names(cells)}.")
    ordered: dict[str, AnnData] = {name: cells[name] for name in SPECIES}
    joined, notes = _joined(ordered, {name: name for name in SPECIES}, table, rule)
    del joined.obs["file"], joined.var["in_every_file"]
    return joined, notes


def join_species_files(
    files: Mapping[str, AnnData], table: Orthologs | Path | str, *, rule: Rule = "one-to-one"
) -> tuple[AnnData, list[str]]:
    """Join files of human and of mouse cells, as ``join_files`` does; each file's species is told by its genes.

    Parameters
    ----------
    files
        AnnData by the name of its file, two or more, of both species.
    table, rule
        As in ``join_species``.

    Raises
    ------
    InputError
        As ``join_species``; or a file's genes are in neither column, or all files are of one species.
    """
    known = known_table(table)
    species = {name: _told(adata.var_names, known, name) for name, adata in files.items()}
    if len(set(species.values())) < 2:
        raise InputError(
            f"orthologs join files of two species; by their genes, all {len(files)} are {next(iter(species.values()))}."
            " Leave the table out."
        )
    joined, notes = _joined(files, species, known, rule)
    told = ", ".join(f"'{name}' is {species[name]}" for name in files)
    return joined, [f"By their genes, {told}.", *notes]


def known_table(table: Orthologs | Path | str) -> Orthologs | str:
    """Return a table as it is, or read it from its path; "upper" stands for itself."""
    return table if isinstance(table, Orthologs) or table == UPPER else read_orthologs(Path(table))


def _told(genes: pd.Index, table: Orthologs | str, name: str) -> Species:
    if not isinstance(table, Orthologs):
        capitals = np.mean([gene == gene.upper() for gene in map(str, genes)])
        return "human" if capitals > 0.5 else "mouse"
    found = {species: int(genes.isin(table.pairs[species]).sum()) for species in SPECIES}
    if not max(found.values()):
        raise InputError(
            f"Genes must be named as in '{table.source}'; none of '{name}' is there: {list_names(genes, 3)}. Its genes "
            f"are like {list_names(table.pairs['human'], 2)} and {list_names(table.pairs['mouse'], 2)}."
        )
    return max(SPECIES, key=lambda species: found[species])


def _joined(
    files: Mapping[str, AnnData], species: Mapping[str, Species], table: Orthologs | Path | str, rule: Rule
) -> tuple[AnnData, list[str]]:
    space = common_space(files, species, table, rule)
    parts, notes = {}, [f"{len(space.features):,} common genes by {space.table.source}, rule '{rule}'."]
    for name, adata in files.items():
        parts[name], said = translated(adata, space, species[name], name)
        notes += said
    joined, said = join_files(parts)
    joined.var = described(space.kept, joined.var)
    if "species" in joined.obs:
        notes.append("obs column 'species' of the input was replaced.")
    kinds = np.repeat([species[name] for name in files], [adata.n_obs for adata in files.values()])
    joined.obs["species"] = pd.Categorical(kinds, categories=list(SPECIES))
    return joined, [*notes, *said]
