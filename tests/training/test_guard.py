"""Steps that leave the finite numbers: undone without a trace, told, made up for, and ended when there are too many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from topocraft.config import TrainingConfig
from topocraft.errors import TrainingError
from topocraft.model.triplets import choose_triplets
from topocraft.progress import Silent
from topocraft.randomness import torch_stream
from topocraft.training import step as module
from topocraft.training.guard import Stopped
from topocraft.training.loop import train
from topocraft.training.minibatch import Minibatch, gather
from topocraft.training.step import LOSS_NAMES, NotFinite, Step
from topocraft.training.suspects import Names

Tiny = Callable[..., TrainingConfig]
CELLS = np.arange(0, 240, 3)
NAMES = Names(
    np.array([f"cell {number}" for number in range(240)], dtype=object),
    np.array([f"gene {number}" for number in range(24)], dtype=object),
)


@pytest.fixture
def minibatch(planted: Any) -> Minibatch:
    batch, topology = planted.batch[CELLS], planted.topology
    triplets = choose_triplets(batch, topology.low[CELLS], topology.high[CELLS], np.random.default_rng(0))
    return gather(planted.expression, planted.batch, CELLS, triplets, "cpu")


def _train(planted: Any, config: TrainingConfig, **changes: Any) -> tuple[Any, Any]:
    networks = planted.networks(seed=0)
    arguments = {"expression": planted.expression, "batch": planted.batch, "topology": planted.topology, **changes}
    settings = {"precision": "float32", "seed": 0, "progress": Silent()}
    return networks, train(networks, config=config, **{**settings, **arguments})


def _spoil(monkeypatch: pytest.MonkeyPatch, which: Callable[[int], bool], value: float = np.nan) -> list[int]:
    """Add a value to the triplet loss of the calls that ``which`` picks, by number from 0; return the calls so far."""
    calls: list[int] = []
    whole = module.triplet_loss

    def spoiled(*arguments: Any) -> Tensor:
        calls.append(len(calls))
        loss = whole(*arguments)
        return loss + value if which(calls[-1]) else loss

    monkeypatch.setattr(module, "triplet_loss", spoiled)
    return calls


@pytest.mark.parametrize("first", [True, False], ids=["the first step", "a later step"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_undone_step_leaves_no_trace(
    planted: Any, tiny: Tiny, minibatch: Minibatch, monkeypatch: pytest.MonkeyPatch, first: bool, value: float
) -> None:
    networks = planted.networks().train()
    step = Step(networks, tiny(), torch.float32, torch_stream(0, "noise"))
    if not first:
        step(minibatch, warming_up=False)
    before = {name: tensor.clone() for name, tensor in step.tensors().items()}
    _spoil(monkeypatch, lambda call: True, value)
    with pytest.raises(NotFinite, match=r"loss \(triplet\)"):
        step(minibatch, warming_up=False)
    after = step.tensors()
    assert len(after) > 80
    assert [name for name in before if not torch.equal(before[name], after[name])] == []


def test_a_step_without_a_fault_moves_every_kind_of_tensor(planted: Any, tiny: Tiny, minibatch: Minibatch) -> None:
    step = Step(planted.networks().train(), tiny(), torch.float32, torch_stream(0, "noise"))
    before = {name: tensor.clone() for name, tensor in step.tensors().items()}
    step(minibatch, warming_up=False)
    still = {name for name, tensor in step.tensors().items() if torch.equal(tensor, before[name])}
    assert {name for name in still if "num_batches" in name or "running" in name or ".step" in name} == set()
    assert len(still) < 0.1 * len(before)


@pytest.mark.parametrize("part", ["encoder.mean.weight", "decoder.head.log_mean.bias"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_one_gradient_that_is_not_finite_is_enough(
    planted: Any, tiny: Tiny, minibatch: Minibatch, part: str, value: float
) -> None:
    """1e30 is finite, but its square, which Adam keeps, is not."""
    networks = planted.networks().train()
    step = Step(networks, tiny(), torch.float32, torch_stream(0, "noise"))

    def spoil(gradient: Tensor) -> Tensor:
        spoiled = gradient.clone()
        spoiled.view(-1)[3] = value
        return spoiled

    networks.get_parameter(part).register_hook(spoil)
    before = {name: tensor.clone() for name, tensor in step.tensors().items()}
    with pytest.raises(NotFinite, match=r"^gradient$"):
        step(minibatch, warming_up=True)
    assert all(torch.equal(tensor, before[name]) for name, tensor in step.tensors().items())


def test_a_classifier_that_leaves_the_finite_numbers_is_noticed_at_once(
    planted: Any, tiny: Tiny, minibatch: Minibatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = planted.networks().train()
    step = Step(networks, tiny(), torch.float32, torch_stream(0, "noise"))
    monkeypatch.setattr(module, "classifier_loss", lambda classifier, z, batch: classifier(z.detach()).sum() * np.nan)
    monkeypatch.setattr(module, "confusion", lambda classifier, z, batch: (z.sum() * 0, z.sum().detach() * 0))
    before = {name: tensor.clone() for name, tensor in step.tensors().items()}
    with pytest.raises(NotFinite, match="gradient"):
        step(minibatch, warming_up=True)
    assert all(torch.equal(tensor, before[name]) for name, tensor in step.tensors().items())


def test_an_undone_step_is_told_made_up_for_and_halves_the_rate(
    planted: Any, tiny: Tiny, heard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    set_rate = Step.set_rate
    monkeypatch.setattr(Step, "set_rate", lambda self, share: (rates.append(share), set_rate(self, share))[1])
    calls = _spoil(monkeypatch, lambda call: call in (3, 4))
    config = tiny(epochs=4, warmup_epochs=4)
    networks, history = _train(planted, config, progress=heard, names=NAMES)
    assert len(calls) == 4 * 2 + 2
    assert rates == [1, 1, 1, 1, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25]
    assert [len(history[name]) for name in LOSS_NAMES] == [4] * 6
    assert np.isfinite(list(history.values())).all()
    assert all(torch.isfinite(weight).all() for weight in networks.state_dict().values())
    assert len(heard.warnings) == 2
    assert "A step of epoch 2 was undone, as its loss (triplet) was not finite." in heard.warnings[0]
    assert "The learning rate is halved, to 0.5 of what was set." in heard.warnings[0]
    assert "to 0.25 of what was set" in heard.warnings[1]
    assert "Its largest losses are in cells 'cell " in heard.warnings[0]


def test_three_in_a_row_end_the_training_with_the_last_good_weights(
    planted: Any, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, _ = _train(planted, tiny(epochs=2, warmup_epochs=2))
    _spoil(monkeypatch, lambda call: call >= 4)
    networks = planted.networks(seed=0)
    settings = {"precision": "float32", "seed": 0, "progress": Silent()}
    match = r"in epoch 3: 3 in a row of its steps were undone\. .*Lower learning_rate .*precision=float32.*remove"
    with pytest.raises(Stopped, match=match) as stopped:
        train(networks, planted.expression, planted.batch, planted.topology, tiny(warmup_epochs=6), **settings)
    assert isinstance(stopped.value, TrainingError)
    assert stopped.value.any_good
    assert [len(values) for values in stopped.value.history.values()] == [2] * 6
    assert not networks.training
    assert all(torch.equal(tensor, good.state_dict()[name]) for name, tensor in networks.state_dict().items())


def test_ten_in_all_end_it_too(planted: Any, tiny: Tiny, heard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _spoil(monkeypatch, lambda call: call % 2 == 1)
    with pytest.raises(Stopped, match=r"10 in all of its steps were undone"):
        _train(planted, tiny(epochs=50), progress=heard)
    assert len(heard.warnings) == 9


def test_without_a_good_step_there_is_no_good_model(planted: Any, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    _spoil(monkeypatch, lambda call: True)
    with pytest.raises(Stopped) as stopped:
        _train(planted, tiny())
    assert not stopped.value.any_good


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_the_cell_and_the_gene_at_fault_are_named(planted: Any, tiny: Tiny, heard: Any, value: float) -> None:
    spoiled = planted.expression.toarray()
    spoiled[17, 5] = value
    changes = {"expression": type(planted.expression)(spoiled), "names": NAMES, "progress": heard}
    config = tiny(epochs=40)
    with pytest.raises(Stopped, match="cells 'cell 17', above all in genes 'gene 5'"):
        _train(planted, config, **changes)
    assert all("Not finite in cells 'cell 17', above all in genes 'gene 5'" in line for line in heard.warnings)


def test_a_rate_that_is_too_high_is_said_to_be(planted: Any, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = planted.expression.copy()
    broken.data[:] = np.nan
    with pytest.raises(Stopped, match="Every cell of it leaves the finite numbers: the learning rate is too high"):
        _train(planted, tiny(), expression=broken)
