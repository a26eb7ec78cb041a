"""Cells of a recipe: the simulator's own, a sample that stays the same, a copula fitted once."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pytest
from anndata import AnnData
from scipy import sparse

from topocraft.errors import InputError, TopocraftError
from topocraft.progress import Silent
from topocraft.reproduce import sources
from topocraft.reproduce.sources import Copula, Real, Scale, Simulated, why_missing
from topocraft.simulate.scenarios import simulate_scenario


def test_simulated_cells_are_those_of_the_scenario_with_the_seed() -> None:
    dataset = Simulated("common-3", cells=400, genes=60).dataset(Scale(cells=200), umap=True)
    assert (dataset.name, dataset.drawn, dataset.umap) == ("common-3", True, True)
    drawn, due = dataset.read(7), simulate_scenario("common-3", n_cells=200, n_genes=60, seed=7)
    assert (drawn.X != due.X).nnz == 0
    assert dataset.read(8).X.sum() != due.X.sum()


def test_identities_tell_sizes_apart() -> None:
    made = [Simulated("baseline", cells, genes) for cells, genes in ((None, None), (300, None), (300, 60))]
    assert len({source.dataset(Scale(), False).identity for source in made}) == 3
    assert made[1].dataset(Scale(), False).identity == made[0].dataset(Scale(cells=300), False).identity


def test_an_own_dataset_is_read_from_its_folder_and_sampled_alike_every_time(own: Path, cells: AnnData) -> None:
    scale = Scale(folder=own)
    assert why_missing("pbmc_10x_6batch", scale, Silent()) == ""
    whole = Real("pbmc_10x_6batch").dataset(scale, False)
    assert whole.read(0).obs_names.equals(cells.obs_names)
    few = Real("pbmc_10x_6batch", cells=50, title="few").dataset(scale, False)
    one, two = few.read(0), few.read(1)
    assert (few.name, few.drawn, one.n_obs) == ("few", False, 50)
    assert one.obs_names.equals(two.obs_names)
    assert one.obs_names.equals(cells.obs_names[cells.obs_names.isin(one.obs_names)]), "in the order of the file"
    assert few.identity != whole.identity
    assert Real("pbmc_10x_6batch", cells=50).dataset(Scale(30, own), False).read(0).n_obs == 30


def test_what_is_nowhere_has_a_reason_and_no_identity(own: Path) -> None:
    told = why_missing("pbmc_10x_7batch", Scale(folder=own), Silent())
    assert "There is no dataset 'pbmc_10x_7batch'. Did you mean 'pbmc_10x_6batch'? Put" in told
    assert "--data (data=) or TOPOCRAFT_DATA" in told
    assert "--from" not in told
    dataset = Real("no_such_set").dataset(Scale(folder=own), False)
    assert dataset.identity == ""
    with pytest.raises(TopocraftError, match="no_such_set"):
        dataset.read(0)


def test_what_is_known_to_be_missing_is_not_looked_for_again(own: Path) -> None:
    scale = Scale(folder=own, missing={"pbmc_10x_6batch": "It was not there."})
    for source in (Real("pbmc_10x_6batch"), Copula("baseline", "pbmc_10x_6batch")):
        dataset = source.dataset(scale, False)
        assert dataset.identity == ""
        with pytest.raises(TopocraftError, match=r"It was not there\."):
            dataset.read(0)


def test_a_set_that_cannot_be_fetched_says_why(own: Path) -> None:
    assert why_missing("pancreas", Scale(folder=own), Silent()) == "There is no network."


def test_the_copula_is_fitted_once_and_drawn_for_every_seed(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources._fitted.cache_clear()
    read = []
    load = sources._load

    def counted(name: str, scale: Scale) -> AnnData:
        read.append(name)
        return load(name, scale)

    monkeypatch.setattr(sources, "_load", counted)
    base, rare = (
        Copula(name, "pbmc_10x_6batch", 160).dataset(Scale(folder=own), False) for name in ("baseline", "rare1-0.5")
    )
    assert (base.drawn, base.name, rare.name) == (True, "baseline", "rare1-0.5")
    one, again, other = base.read(1), base.read(1), base.read(2)
    assert (one.X != again.X).nnz == 0
    assert one.X.sum() != other.X.sum()
    assert one.n_obs == 160
    assert rare.read(1).n_obs < 160
    assert read == ["pbmc_10x_6batch"]


def test_cells_without_a_type_do_not_enter_the_copula(own: Path) -> None:
    adata = anndata.read_h5ad(own / "pbmc_10x_6batch.h5ad")
    adata.obs["celltype"] = adata.obs["celltype"].where(np.arange(adata.n_obs) >= 10)
    adata.write_h5ad(own / "gaps.h5ad")
    drawn = Copula("baseline", "gaps", 80).dataset(Scale(folder=own), False).read(0)
    assert "nan" not in set(drawn.obs["celltype"])


@pytest.mark.parametrize(("n_shared", "is_refused"), [(0, True), (3, True), (4, False)])
def test_two_species_must_share_half_of_the_genes_they_express(
    own: Path, monkeypatch: pytest.MonkeyPatch, n_shared: int, is_refused: bool
) -> None:
    """Human cells express the first 8 of 20 genes, mouse cells 10, of which some are among those 8."""
    values = np.zeros((6, 20), dtype=np.float32)
    values[:3, :8] = values[3:, 8 - n_shared : 18 - n_shared] = np.eye(3, 1) + 1
    made = AnnData(sparse.csr_matrix(values), obs={"batch": ["human"] * 3 + ["mouse"] * 3})
    monkeypatch.setattr(sources, "_load", lambda name, scale: made)
    monkeypatch.setattr(sources, "OF_SPECIES", ("pbmc_10x_6batch",))
    read = Real("pbmc_10x_6batch").dataset(Scale(folder=own), False).read
    if is_refused:
        told = rf"at least 50% .* 'human' and 'mouse' share {n_shared} of 8\. Join .* --orthologs .* \(--data\)\."
        with pytest.raises(InputError, match=told):
            read(0)
    else:
        assert read(0) is made


def test_batches_of_one_species_may_express_what_they_like(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = AnnData(sparse.csr_matrix(np.eye(4, dtype=np.float32)), obs={"batch": list("aabb")})
    monkeypatch.setattr(sources, "_load", lambda name, scale: made)
    assert Real("pbmc_10x_6batch").dataset(Scale(folder=own), False).read(0) is made
