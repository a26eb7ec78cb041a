"""Training that had to be stopped: the last good model is had, and where it is kept is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData
from spoiled import spoil

import topocraft
from topocraft import Checkpoints, IntegrationConfig, Integrator
from topocraft.data.cells import from_anndata
from topocraft.errors import TrainingError
from topocraft.progress import Silent
from topocraft.rescue import rescued
from topocraft.simulate.demo import demo_cells

SHAPES = {"n_latent": 8, "encoder_widths": (32, 16), "decoder_widths": (16, 32), "classifier_widths": (8,)}
SHORT = {"epochs": 6, "warmup_epochs": 2, "cells_per_batch": 64, "cells_per_step": 96, "threads": 1}
CONFIG = IntegrationConfig().with_values(**SHAPES, **SHORT)


@pytest.fixture(scope="module")
def simulated() -> AnnData:
    return demo_cells(n_cells=150, n_genes=80)


def test_the_error_has_the_last_good_model(simulated: AnnData, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, first=5)
    adata = simulated.copy()
    with (
        pytest.warns(UserWarning, match=r"A step of epoch 3 was undone, as its loss \(cosine\) was not finite"),
        pytest.raises(TrainingError, match="3 in a row of its steps were undone") as stopped,
    ):
        topocraft.integrate(adata, "batch", config=CONFIG)
    assert "X_topocraft" not in adata.obsm
    assert isinstance(stopped.value.model, Integrator)
    placed = stopped.value.model.embed(from_anndata(adata, "batch"))
    assert np.isfinite(placed).all()
    assert placed.std() > 0
    monkeypatch.undo()
    two_epochs = simulated.copy()
    with pytest.warns(UserWarning, match="ends within its warm-up"):
        topocraft.integrate(two_epochs, "batch", config=CONFIG.with_values(epochs=2))
    assert len(stopped.value.model.history_["cosine"]) == 2
    assert stopped.value.model.history_ == {
        name: values.tolist() for name, values in two_epochs.uns["topocraft"]["losses"].items()
    }


@pytest.mark.filterwarnings("ignore:A step of epoch")
def test_it_is_kept_beside_the_checkpoints(simulated: AnnData, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spoil(monkeypatch, first=5)
    checkpoints = Checkpoints(folder=tmp_path / "run", minutes=0)
    with pytest.raises(TrainingError, match=r"The model as it was before is in '.*run/last_good_model'\.") as stopped:
        topocraft.integrate(simulated.copy(), "batch", config=CONFIG, checkpoints=checkpoints)
    cells = from_anndata(simulated, "batch")
    kept = Integrator.load(tmp_path / "run" / "last_good_model").embed(cells)
    assert kept.tobytes() == stopped.value.model.embed(cells).tobytes()


@pytest.mark.filterwarnings("ignore:A step of epoch")
def test_without_a_good_step_there_is_nothing_to_keep(
    simulated: AnnData, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spoil(monkeypatch, first=0)
    with pytest.raises(TrainingError) as stopped:
        topocraft.integrate(simulated.copy(), "batch", config=CONFIG, checkpoints=Checkpoints(folder=tmp_path / "run"))
    assert stopped.value.model is None
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_cannot_be_saved_does_not_hide_the_error(tmp_path: Path) -> None:
    class Unsaved:
        def save(self, folder: Path, force: bool) -> None:
            raise topocraft.errors.FileError("The disk is full.")

    error = TrainingError("Stopped.")
    error.model = Unsaved()
    told = rescued(error, tmp_path / "model")
    assert str(told) == "Stopped. The model as it was before could not be saved: The disk is full."
    assert told.model is error.model


@pytest.mark.parametrize("value", [1e30, 3e38, 1e-30], ids=["huge", "the largest float", "tiny"])
def test_planted_extremes_that_pass_the_checks_end_in_finite_places(simulated: AnnData, value: float) -> None:
    adata = simulated.copy()
    counts = adata.X.toarray()
    counts[3, counts[3] > 0] = value  # a whole cell
    counts[7, 5] = value  # one gene of a cell
    adata.X = type(adata.X)(counts.astype(np.float32))
    topocraft.integrate(adata, "batch", config=CONFIG)
    assert np.isfinite(adata.obsm["X_topocraft"]).all()
    assert all(np.isfinite(values).all() for values in adata.uns["topocraft"]["losses"].values())


@pytest.mark.parametrize("extreme", [{"learning_rate": 0.1}, {"margin": 1e15}], ids=str)
def test_extreme_settings_end_in_finite_places(simulated: AnnData, extreme: dict[str, float]) -> None:
    adata = simulated.copy()
    topocraft.integrate(adata, "batch", config=CONFIG.with_values(**extreme), progress=Silent())
    assert np.isfinite(adata.obsm["X_topocraft"]).all()


@pytest.mark.filterwarnings("ignore:A step of epoch")
@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("lambda_triplet", "gradient"),
        ("lambda_adversary", "gradient"),
        ("kl_coefficient", "gradient"),
        ("margin", r"loss \(triplet\)"),
    ],
)
def test_settings_beyond_single_precision_end_in_our_error(simulated: AnnData, name: str, fault: str) -> None:
    with pytest.raises(TrainingError, match=rf"as its {fault} was not finite\. .*Lower learning_rate"):
        topocraft.integrate(simulated.copy(), "batch", config=CONFIG.with_values(**{name: 1e38}))
