"""Tables of human and mouse orthologs, and the rules for genes that have several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import sparse

from topocraft.errors import ConfigError, FileError, InputError, list_names, nearest_name

Species = Literal["human", "mouse"]
Rule = Literal["one-to-one", "sum"]
SPECIES: tuple[Species, ...] = get_args(Species)
UPPER = "upper"
"""Instead of a table: pair genes whose symbols are the same in capitals."""
KNOWN_COLUMNS = (
    ("human", "mouse"),
    ("human_symbol", "mouse_symbol"),
    ("gene name", "mouse gene name"),
    ("human gene name", "gene name"),
)
"""Names of the columns, human and mouse, in tables of one's own, of HCOP and of Ensembl BioMart (from either side)."""
MGI_COLUMNS = ("db class key", "common organism name", "symbol")
WHERE = (
    "Get one from Ensembl BioMart (human genes, attributes 'Gene name' and 'Mouse gene name'), from MGI "
    "(HOM_MouseHumanSequence.rpt) or from HCOP, or write two columns, 'human' and 'mouse', as .csv or .tsv."
)


@dataclass(frozen=True, eq=False)
class Orthologs:
    """Pairs of genes, and the groups into which they fall.

    Parameters
    ----------
    pairs
        Columns "human" and "mouse", one pair a row, each pair once.
    source
        Where they came from.
    """

    pairs: pd.DataFrame
    source: str

    def features(self, rule: Rule) -> pd.DataFrame:
        """Return which gene of which species counts towards which common feature.

        Parameters
        ----------
        rule
            "one-to-one" keeps pairs in which neither gene has another partner in the table; "sum" joins all genes that
            hang together through pairs, and names them by their human genes, sorted and joined by "/".

        Returns
        -------
        Columns "species", "gene" and "feature"; a gene of a species at most once.
        """
        if rule not in get_args(Rule):
            raise ConfigError(f"rule must be {' or '.join(map(repr, get_args(Rule)))}; got {rule!r}.")
        pairs = self.pairs
        if rule == "one-to-one":
            alone = ~(pairs["human"].duplicated(keep=False) | pairs["mouse"].duplicated(keep=False))
            pairs = pairs[alone]
            return _long({species: pairs[species] for species in SPECIES}, pairs["human"])
        return self._groups()

    def _groups(self) -> pd.DataFrame:
        """Return the connected components of the graph whose edges are the pairs."""
        codes = {species: pd.factorize(self.pairs[species]) for species in SPECIES}
        n_human, n_mouse = (len(codes[species][1]) for species in SPECIES)
        ends = (codes["human"][0], codes["mouse"][0] + n_human)
        edges = sparse.coo_matrix((np.ones(len(self.pairs)), ends), shape=(n_human + n_mouse,) * 2)
        group = sparse.csgraph.connected_components(edges, directed=False)[1]
        genes = {species: pd.Series(codes[species][1]) for species in SPECIES}
        names = genes["human"].groupby(group[:n_human]).agg(lambda held: "/".join(sorted(held)))
        parts = (names.loc[group[:n_human]], names.loc[group[n_human:]])
        return pd.concat(
            pd.DataFrame({"species": species, "gene": genes[species], "feature": part.to_numpy()})
            for species, part in zip(SPECIES, parts, strict=True)
        )


def _long(genes: Mapping[Species, pd.Series], feature: pd.Series) -> pd.DataFrame:
    return pd.concat(
        pd.DataFrame({"species": species, "gene": genes[species].to_numpy(), "feature": feature.to_numpy()})
        for species in SPECIES
    )


def read_orthologs(path: Path, *, human: str | None = None, mouse: str | None = None) -> Orthologs:
    r"""Read a table of human and mouse genes that are orthologs.

    Parameters
    ----------
    path
        ``.csv``, or tab-separated with any other ending; plain or gzipped. The first line names the columns.
    human, mouse
        Columns to read. Where left out, the names of tables of one's own ("human", "mouse"), of Ensembl BioMart, of
        HCOP and of MGI are known.

    Returns
    -------
    The pairs in which both genes are named, each once.

    Raises
    ------
    FileError
        The table cannot be read.
    InputError
        Its columns are not known, or it holds no pair.

    References
    ----------
    Ensembl BioMart: Kinsella et al. 2011, doi:10.1093/database/bar030. HCOP: Yates et al. 2021,
    doi:10.1093/bib/bbab155.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = Path(folder, "orthologs.csv")
    ...     _ = table.write_text("human,mouse\nCD8B,Cd8b1\nGAPDH,Gapdh\n")
    ...     len(read_orthologs(table).pairs)
    2
    """
    path = Path(path)
    if not path.exists():
        raise FileError(f"A table of orthologs must exist; there is no '{path}'. {WHERE}")
    separator = "," if path.name.lower().removesuffix(".gz").endswith(".csv") else "\t"
    try:
        # "NA" and "nan" are no gaps here: they are names of genes.
        table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise FileError(f"'{path}' must be a table that can be read; it is not: {error}.") from error
    pairs = _of_mgi(table) if human is None and mouse is None else None
    if pairs is None:
        columns = _columns(table, human, mouse, path)
        pairs = pd.DataFrame({species: table[column] for species, column in zip(SPECIES, columns, strict=True)})
    return _checked(pairs, str(path))


def _of_mgi(table: pd.DataFrame) -> pd.DataFrame | None:
    """Pair the genes of a class in MGI's long table; ``None`` if this is another table."""
    named = {str(column).casefold(): column for column in table.columns}
    if not all(column in named for column in MGI_COLUMNS):
        return None
    group, organism, symbol = (table[named[column]] for column in MGI_COLUMNS)
    sides = [
        pd.DataFrame({"class": group, species: symbol})[organism.str.casefold().str.startswith(species)]
        for species in SPECIES
    ]
    return sides[0].merge(sides[1], on="class")[list(SPECIES)]


def _columns(table: pd.DataFrame, human: str | None, mouse: str | None, path: Path) -> tuple[str, str]:
    named = {str(column).casefold(): str(column) for column in table.columns}
    if human is not None and mouse is not None:
        for given in (human, mouse):
            if given not in table.columns:
                raise InputError(
                    f"'{path}' has no column '{given}'.{nearest_name(given, table.columns)} "
                    f"Columns: {list_names(table.columns, 20)}."
                )
        return human, mouse
    if human is not None or mouse is not None:
        raise ConfigError("human and mouse must both name a column, or neither; got one. Name the other.")
    for first, second in KNOWN_COLUMNS:
        if first in named and second in named:
            return named[first], named[second]
    raise InputError(
        f"'{path}' must name its columns 'human' and 'mouse' in the first line; it has {list_names(table.columns)}. "
        f"Rename them. {WHERE}"
    )


def _checked(pairs: pd.DataFrame, source: str) -> Orthologs:
    pairs = pairs.apply(lambda genes: genes.str.strip())
    pairs = pairs[(pairs != "").all(axis=1)].drop_duplicates().reset_index(drop=True)
    if not len(pairs):
        raise InputError(f"'{source}' must hold at least one pair of a human and a mouse gene; it holds none. {WHERE}")
    return Orthologs(pairs, source)


def upper_case(human: Any, mouse: Any) -> Orthologs:
    """Pair genes whose symbols are the same in capitals: a makeshift where there is no table.

    Symbols of orthologs often differ (human CD8B is mouse Cd8b1), and a few that are alike are no orthologs.

    Parameters
    ----------
    human, mouse
        Gene names of both species.

    Examples
    --------
    >>> upper_case(["GAPDH", "CD8B"], ["Gapdh", "Cd8b1"]).pairs.to_numpy().tolist()
    [['GAPDH', 'Gapdh']]
    """
    sides = [
        pd.DataFrame({species: pd.Series(genes, dtype=object).astype(str)})
        for species, genes in zip(SPECIES, (human, mouse), strict=True)
    ]
    keyed = [side.assign(key=side.iloc[:, 0].str.upper()) for side in sides]
    return Orthologs(keyed[0].merge(keyed[1], on="key")[list(SPECIES)], "symbols in upper case")
