"""Human and mouse cells over their common genes, against literal answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from topocraft.data.files import read_many
from topocraft.data.ortholog_table import Orthologs
from topocraft.data.orthologs import join_species, join_species_files
from topocraft.errors import ConfigError, FileError, InputError

PAIRS = [("INS", "Ins1"), ("INS", "Ins2"), ("GCG", "Gcg"), ("CD8B", "Cd8b1"), ("ACTB", "Actb")]
TABLE = Orthologs(pd.DataFrame(PAIRS, columns=["human", "mouse"]), "the table")


def make(counts: Any, cells: list[str], genes: list[str], **obs: Any) -> anndata.AnnData:
    return anndata.AnnData(counts, obs=pd.DataFrame(obs, index=cells), var=pd.DataFrame(index=genes))


def two(storage: Any = sparse.csr_matrix) -> dict[str, anndata.AnnData]:
    human = storage(np.array([[1, 2, 3, 4], [5, 6, 7, 8]], dtype="float32"))
    mouse = storage(np.array([[10, 20, 30, 40, 50]], dtype="float32"))
    return {
        "human": make(human, ["h1", "h2"], ["CD8B", "GCG", "XIST", "INS"], donor=["a", "b"]),
        "mouse": make(mouse, ["m1"], ["Gcg", "Ins2", "Cd8b1", "Gm1", "Ins1"], donor=["c"]),
    }


@pytest.mark.parametrize("storage", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, np.asarray])
def test_one_to_one(storage: Any) -> None:
    cells = two(storage)
    joined, notes = join_species(cells, TABLE)
    assert list(joined.var_names) == ["CD8B", "GCG"]
    values = joined.X.toarray() if sparse.issparse(joined.X) else joined.X
    np.testing.assert_array_equal(values, [[1, 2], [5, 6], [30, 10]])
    assert joined.X.dtype == np.float32
    assert list(joined.obs_names) == ["h1", "h2", "m1"]
    assert list(joined.obs["species"]) == ["human", "human", "mouse"]
    assert list(joined.obs["donor"]) == ["a", "b", "c"]
    assert "file" not in joined.obs
    assert list(joined.var["mouse"]) == ["Cd8b1", "Gcg"]
    assert notes[:3] == [
        "2 common genes by the table, rule 'one-to-one'.",
        "human: 2 of 4 genes are used; lost: 1 without a known ortholog, 1 with several orthologs.",
        "mouse: 2 of 5 genes are used; lost: 1 without a known ortholog, 2 with several orthologs.",
    ]
    assert list(cells["mouse"].var_names) == ["Gcg", "Ins2", "Cd8b1", "Gm1", "Ins1"]


def test_sum_adds_the_counts_of_all_copies() -> None:
    joined, notes = join_species(two(), TABLE, rule="sum")
    assert list(joined.var_names) == ["CD8B", "GCG", "INS"]
    np.testing.assert_array_equal(joined.X.toarray(), [[1, 2, 4], [5, 6, 8], [30, 10, 20 + 50]])
    assert list(joined.var["human"]) == ["CD8B", "GCG", "INS"]
    assert list(joined.var["mouse"]) == ["Cd8b1", "Gcg", "Ins1/Ins2"]
    assert notes[2] == "mouse: 4 of 5 genes are used; lost: 1 without a known ortholog."


def test_a_gene_whose_partner_was_not_measured_is_lost_and_counted() -> None:
    cells = two()
    cells["mouse"] = cells["mouse"][:, ["Gcg", "Ins1", "Gm1"]].copy()
    joined, notes = join_species(cells, TABLE)
    assert list(joined.var_names) == ["GCG"]
    assert "1 whose ortholog was not measured" in notes[1]
    # Ins1 has a second partner in the table, though none was measured: its counts are not all there.
    assert "INS" not in joined.var_names


def test_symbols_in_capitals_where_there_is_no_table() -> None:
    joined, notes = join_species(two(), "upper")
    assert list(joined.var_names) == ["GCG"]
    assert notes[0] == "1 common genes by symbols in upper case, rule 'one-to-one'."


def test_layers_embeddings_and_uns_come_along_and_the_rest_is_told() -> None:
    cells = two()
    for adata in cells.values():
        adata.layers["twice"] = adata.X * 2
        adata.layers["log"] = np.log1p(adata.X)
        adata.obsm["X_all"] = np.ones((adata.n_obs, 2))
        adata.uns["study"] = "s"
        adata.var["id"] = "x"
        adata.raw = adata.copy()
    joined, notes = join_species(cells, TABLE)
    np.testing.assert_array_equal(joined.layers["twice"].toarray(), [[2, 4], [10, 12], [60, 20]])
    np.testing.assert_allclose(joined.layers["log"].toarray(), np.log1p([[1, 2], [5, 6], [30, 10]]), rtol=1e-6)
    assert joined.obsm["X_all"].shape == (3, 2)
    assert joined.uns["study"] == "s"
    assert "left out of 'human', as bound to its own genes: columns 'id' of var; raw." in notes
    summed, notes = join_species(cells, TABLE, rule="sum")
    assert set(summed.layers) == {"twice"}
    assert "left out of 'mouse', as bound to its own genes: layers 'log'; columns 'id' of var; raw." in notes


def test_logarithms_are_never_summed() -> None:
    cells = two()
    cells["mouse"].X = np.log1p(cells["mouse"].X)
    with pytest.raises(InputError, match=r"rule 'sum' adds counts; the values of 'mouse' are logarithms\."):
        join_species(cells, TABLE, rule="sum")
    assert join_species(cells, TABLE)[0].n_vars == 2


def test_an_older_column_of_species_is_replaced() -> None:
    cells = two()
    cells["human"].obs["species"] = "Homo"
    joined, notes = join_species(cells, TABLE)
    assert list(joined.obs["species"]) == ["human", "human", "mouse"]
    assert "obs column 'species' of the input was replaced." in notes


def test_what_cannot_be_joined() -> None:
    cells = two()
    with pytest.raises(ConfigError, match=r"cells must be given for 'human' and 'mouse'; got 'human', 'rat'\."):
        join_species({"human": cells["human"], "rat": cells["mouse"]}, TABLE)
    with pytest.raises(InputError, match=r"none is: human has 'Gcg', 'Ins2', 'Cd8b1' .* not swapped"):
        join_species({"human": cells["mouse"], "mouse": cells["human"]}, TABLE)
    with pytest.raises(FileError, match=r"there is no 'none\.csv'\. Get one"):
        join_species(cells, "none.csv")


@pytest.mark.filterwarnings("ignore:Variable names are not unique")  # said by anndata as the test builds it
def test_repeated_genes() -> None:
    cells = two()
    cells["mouse"].var_names = ["Gcg", "Gcg", "Cd8b1", "Gm1", "Ins1"]
    with pytest.raises(InputError, match=r"1 come more than once in 'mouse': 'Gcg'\. Pass make_unique"):
        join_species(cells, TABLE)


def test_of_several_files_each_tells_its_species_by_its_genes() -> None:
    cells = two()
    other = make(np.array([[9, 8]], dtype="float32"), ["h3"], ["GCG", "ACTB"])
    files = {"one": cells["mouse"], "two": cells["human"], "three": other}
    joined, notes = join_species_files(files, TABLE)
    assert notes[0] == "By their genes, 'one' is mouse, 'two' is human, 'three' is human."
    assert list(joined.var_names) == ["CD8B", "GCG"]
    assert list(joined.var["in_every_file"]) == [False, True]
    np.testing.assert_array_equal(joined.X.toarray()[:, 1], [10, 2, 6, 9])
    assert list(joined.obs["file"]) == ["one", "two", "two", "three"]
    assert list(joined.obs["species"]) == ["mouse", "human", "human", "human"]


def test_capitals_tell_the_species_where_there_is_no_table() -> None:
    cells = two()
    notes = join_species_files({"x": cells["mouse"], "y": cells["human"]}, "upper")[1]
    assert notes[0] == "By their genes, 'x' is mouse, 'y' is human."


def test_files_whose_species_do_not_fit() -> None:
    cells = two()
    with pytest.raises(InputError, match=r"by their genes, all 2 are human\. Leave the table out\."):
        join_species_files({"x": cells["human"], "y": cells["human"].copy()}, TABLE)
    fly = make(np.ones((1, 1)), ["f"], ["FBgn1"])
    with pytest.raises(InputError, match=r"none of 'fly' is there: 'FBgn1'\. Its genes are like 'INS', 'INS'"):
        join_species_files({"fly": fly, "y": cells["human"]}, TABLE)


def test_files_are_read_and_joined(tmp_path: Path) -> None:
    for name, adata in two().items():
        adata.write_h5ad(tmp_path / f"{name}.h5ad")
    table = tmp_path / "orthologs.csv"
    TABLE.pairs.to_csv(table, index=False)
    paths = [tmp_path / "mouse.h5ad", tmp_path / "human.h5ad"]
    loaded = read_many(paths, orthologs=table, rule="sum")
    assert list(loaded.adata.var_names) == ["CD8B", "GCG", "INS"]
    assert loaded.notes[0] == "By their genes, 'mouse' is mouse, 'human' is human."
    assert list(loaded.adata.obs["file"]) == ["mouse", "human", "human"]
    with pytest.raises(InputError, match="orthologs join files of two species; got one file"):
        read_many(paths[:1], orthologs=table)


def test_real_cells_of_both_species_are_put_together_again(shared_data: Callable[[str], Path]) -> None:
    """Split a joined set, name the mouse's genes as in mice, and the pairs must lead back to the same counts."""
    whole = anndata.read_h5ad(shared_data("pancreas_baron_human_mouse.h5ad"))
    cells = {name: whole[whole.obs["batch"] == name].copy() for name in ("human", "mouse")}
    names = [f"{gene.capitalize()}-m" for gene in whole.var_names]
    cells["mouse"].var_names = names
    table = Orthologs(pd.DataFrame({"human": whole.var_names, "mouse": names}).iloc[::-1], "itself")
    joined, notes = join_species(cells, table)
    assert joined.shape == whole.shape
    assert list(joined.var_names) == list(whole.var_names)
    assert (joined.X != whole[joined.obs_names].X).nnz == 0
    assert notes[1] == "human: 12,474 of 12,474 genes are used."
