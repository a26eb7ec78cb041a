"""The call on cells: shared steps, the same model as ``integrate``, labels that choose nothing, and a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import topocraft
from topocraft import IntegrationConfig
from topocraft.data import preprocess
from topocraft.errors import ConfigError, FileError, InputError
from topocraft.metrics.yardstick import label_free
from topocraft.progress import Silent
from topocraft.simulate.demo import demo_cells
from topocraft.topology import clusters
from topocraft.tuning import Tuning
from topocraft.tuning.folder import Folder
from topocraft.tuning.subject import read_subject

COLUMNS = ["composite", "bio", "batch", "seconds"]


@pytest.fixture(scope="module")
def found(tiny: AnnData, quick: IntegrationConfig, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tuning, Path]:
    folder = tmp_path_factory.mktemp("search") / "runs"
    return topocraft.tune(tiny, "batch", settings=3, folder=folder, config=quick), folder


def test_labels_are_shown_beside_and_choose_nothing(
    tiny: AnnData, quick: IntegrationConfig, found: tuple[Tuning, Path]
) -> None:
    plain, _ = found
    known = topocraft.tune(tiny, "batch", label_key="celltype", settings=3, config=quick)
    assert known.trials.drop(columns=COLUMNS).equals(plain.trials.drop(columns="seconds"))
    assert (known.config, known.chosen) == (plain.config, plain.chosen)
    ended = known.trials[known.trials["trained"] == "to the end"]
    assert ended["composite"].notna().all()
    assert known.trials["composite"].notna().sum() == len(ended)
    assert not {"composite", "bio"} & set(plain.trials)
    adata = tiny.copy()
    topocraft.integrate(adata, "batch", config=known.config)
    scores = topocraft.evaluate(adata, "batch", "celltype", controls=False)
    composite = scores.loc[(scores["score"] == "composite") & (scores["part"] == ""), "value"].item()
    assert composite == pytest.approx(known.trials.loc[known.trials["chosen"], "composite"].item(), abs=0.02)


def test_batches_that_nothing_tells_apart_are_not_tuned_for(quick: IntegrationConfig, tmp_path: Path) -> None:
    adata = demo_cells(n_cells=300, n_genes=200)
    adata = adata[adata.obs["batch"] == adata.obs["batch"].iloc[0]].copy()
    adata.obs["half"] = np.random.default_rng(0).permutation(np.arange(adata.n_obs) % 2).astype(str)
    with pytest.raises(InputError, match=r"nothing tells these apart .* every setting leaves them as they are"):
        topocraft.tune(adata, "half", settings=1, folder=tmp_path / "runs", config=quick)
    assert not (tmp_path / "runs").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="nothing tells these apart"):
        topocraft.tune(adata, "half", settings=1, folder=tmp_path / "mine", config=quick)
    assert (tmp_path / "mine").exists()
    with pytest.raises(InputError, match="clusters of their own"):  # the map may be tuned, of more cells than these
        read_subject(adata, "half", None, quick.with_values(coordinates="latent"))


def test_the_scores_in_the_table_are_those_of_integrate(tiny: AnnData, found: tuple[Tuning, Path]) -> None:
    tuning, _ = found
    adata = tiny.copy()
    topocraft.integrate(adata, "batch", config=tuning.config)
    subject = read_subject(tiny, "batch", None, tuning.config)
    scores = label_free(adata.obsm["X_topocraft"][subject.scored], subject.yardstick)
    row = tuning.trials[tuning.trials["chosen"]].iloc[0]
    assert (scores.nmi, scores.ari, scores.cilisi, scores.confusion) == pytest.approx(
        (row["nmi"], row["ari"], row["cilisi"], row["confusion"]), abs=1e-9
    )


def test_cells_are_prepared_once_and_clustered_once_per_resolution_and_scope(
    tiny: AnnData, quick: IntegrationConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared, clustered = [], []

    def prepare(cells: object, config: object) -> object:
        prepared.append(config)
        return preprocess.prepare(cells, config)  # type: ignore[arg-type]

    def find_topology(expression: object, batch: object, config: object, *more: object, **named: object) -> object:
        clustered.append(config)
        return clusters.find_topology(expression, batch, config, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("topocraft.steps.prepare", prepare)
    monkeypatch.setattr("topocraft.steps.find_topology", find_topology)
    subject = read_subject(tiny, "batch", None, quick)
    for resolution in (0.5, 0.2, 0.5, 0.2):
        config = quick.with_values(low_resolution=resolution, lambda_triplet=resolution, epochs=2)
        subject.train(config, Silent())
    assert len(prepared) == 1
    assert [config.low_resolution for config in clustered] == [0.5, 0.2]  # type: ignore[attr-defined]
    subject.train(quick.with_values(scope="batch", epochs=2), Silent())
    assert len(clustered) == 3


def test_the_folder_holds_the_table_the_picture_and_a_configuration(found: tuple[Tuning, Path]) -> None:
    tuning, folder = found
    assert sorted(path.name for path in folder.iterdir()) == [
        ".lock",
        "config.json",
        "pareto.png",
        "trials.csv",
        "trials.log",
        "tuning.json",
    ]
    assert IntegrationConfig.from_json((folder / "config.json").read_text()) == tuning.config
    written = pd.read_csv(folder / "trials.csv", keep_default_na=True)
    assert written["score"].tolist() == pytest.approx(tuning.trials["score"].tolist(), nan_ok=True)
    assert written["setting"].tolist() == [0, 1, 2]
    assert (folder / "pareto.png").read_bytes()[:4] == b"\x89PNG"


def test_a_folder_goes_on_with_what_it_was_begun_with_and_with_nothing_else(
    tiny: AnnData, quick: IntegrationConfig, found: tuple[Tuning, Path]
) -> None:
    tuning, folder = found
    shuffled = tiny[np.random.default_rng(0).permutation(tiny.n_obs)].copy()
    again = topocraft.tune(shuffled, "batch", settings=3, folder=folder, config=quick)
    assert again.trials.equals(tuning.trials)
    for changed, names in (
        (
            {"config": quick.with_values(margin=4.0)},
            r"training.margin was 5.0 and is 4.0 \(--set training.margin=5.0\)",
        ),
        ({"config": replace(quick, seed=7)}, r"seed was 0 and is 7 \(--seed 0\)"),
        ({"also": "scope"}, r"also was \[\] and is \['scope'\]"),
        ({"adata": tiny[:-1].copy()}, "the cells are others"),
    ):
        asked = {"adata": tiny, "config": quick, **changed}
        with pytest.raises(FileError, match=f"another was begun: {names}"):
            topocraft.tune(asked.pop("adata"), "batch", settings=3, folder=folder, **asked)  # type: ignore[arg-type]
    (folder / "tuning.json").write_text("no")
    with pytest.raises(FileError, match="says what a search is of; it is damaged"):
        topocraft.tune(tiny, "batch", settings=3, folder=folder, config=quick)


def test_a_folder_of_something_else_is_refused(tiny: AnnData, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(FileError, match=r"new or empty folder.*holds 'notes.txt'. Name another"):
        topocraft.tune(tiny, "batch", folder=tmp_path / "mine")
    with pytest.raises(FileError, match="needs a folder to stand in"):
        topocraft.tune(tiny, "batch", folder=tmp_path / "no" / "where")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mine", "notes.txt"]


def test_a_folder_in_which_a_search_was_killed_is_used_and_swept(tmp_path: Path) -> None:
    place = tmp_path / "runs"
    place.mkdir()
    (place / ".tuning.json.4194305.partial").touch()
    with Folder(place).held():
        assert [item.name for item in place.iterdir()] == [".lock"]
        Folder(place).claim({"of": "mine"})
    for name in ("trials.log", "trials.log.lock", "trials.log.lock8dc6e716.rename"):
        (place / name).touch()
    with Folder(place).held():
        assert sorted(item.name for item in place.iterdir()) == [".lock", "trials.log", "tuning.json"]


def test_two_searches_cannot_write_into_one_folder(tiny: AnnData, tmp_path: Path) -> None:
    with (
        Folder(tmp_path / "runs").held(),
        pytest.raises(FileError, match=r"Only one search may write.*process \d+ writes"),
    ):
        topocraft.tune(tiny, "batch", folder=tmp_path / "runs")


def test_it_is_said_where_short_trainings_are_not_short(
    tiny: AnnData, quick: IntegrationConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("topocraft.training.sampler.ATLAS_CELLS", 100)
    with pytest.warns(UserWarning, match="Of 240 cells a short training has 6 epochs, a whole one 6"):
        topocraft.tune(tiny, "batch", settings=1, config=quick.with_values(cells_per_batch=20))


def test_what_cannot_be_is_said_before_any_work(tiny: AnnData) -> None:
    for config in ("x", {"seed": 1}):
        with pytest.raises(ConfigError, match=r"config must be an IntegrationConfig; got (str|dict)\."):
            topocraft.tune(tiny, "batch", config=config)
    with pytest.raises(InputError, match="adata must be an AnnData; got str"):
        topocraft.tune("cells.h5ad", "batch")
    with pytest.raises(ConfigError, match="minutes"):
        topocraft.tune(tiny, "batch", minutes=0)
    with pytest.raises(ConfigError, match=r"--rule\) must be"):
        topocraft.tune(tiny, "batch", rule="worst")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"--also\) must be of 'scope', 'head'; got 'depth'"):
        topocraft.tune(tiny, "batch", also="depth")
