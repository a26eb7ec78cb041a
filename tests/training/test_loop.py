"""Training on planted cells: losses, warm-up, seeds and the schedule of the learning rate."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from topocraft.config import TrainingConfig
from topocraft.model.networks import Networks
from topocraft.progress import Silent
from topocraft.training import loop
from topocraft.training.loop import History, rate_share, train
from topocraft.training.minibatch import CardRows
from topocraft.training.step import LOSS_NAMES

Tiny = Callable[..., TrainingConfig]


def _train(planted: Any, config: TrainingConfig, seed: int = 0, **changes: Any) -> tuple[Networks, History]:
    networks = planted.networks(seed=0)
    arguments = {"expression": planted.expression, "batch": planted.batch, "topology": planted.topology, **changes}
    settings = {"precision": "float32", "seed": seed, "progress": Silent()}
    return networks, train(networks, config=config, **{**settings, **arguments})


def _bytes(networks: Networks, part: str = "") -> bytes:
    weights = networks.state_dict()
    return b"".join(weights[name].numpy().tobytes() for name in weights if name.startswith(part))


def test_losses_fall_on_planted_cells(planted: Any, tiny: Tiny) -> None:
    _, history = _train(planted, tiny(epochs=40, warmup_epochs=10, lambda_adversary=0.2, learning_rate=0.01))
    assert list(history) == list(LOSS_NAMES)
    assert {len(values) for values in history.values()} == {40}
    assert all(isinstance(value, float) for values in history.values() for value in values)
    assert history["reconstruction"][-1] < 0.9 * history["reconstruction"][0]
    assert history["cosine"][-1] < 0.5 * history["cosine"][0]
    assert history["triplet"][-1] < 0.5 * history["triplet"][0]
    assert 0 <= min(history["accuracy"]) <= max(history["accuracy"]) <= 1


def test_the_encoder_does_not_hide_the_batch_during_warm_up(planted: Any, tiny: Tiny) -> None:
    silent, loud = (_train(planted, tiny(epochs=3, warmup_epochs=3, lambda_adversary=share))[0] for share in (0, 50))
    assert _bytes(silent) == _bytes(loud)
    silent, loud = (_train(planted, tiny(epochs=4, warmup_epochs=3, lambda_adversary=share))[0] for share in (0, 50))
    assert _bytes(silent, "encoder") != _bytes(loud, "encoder")


def test_the_same_seed_gives_the_same_bytes(planted: Any, tiny: Tiny) -> None:
    first, again, other = (_train(planted, tiny(), seed) for seed in (1, 1, 2))
    assert _bytes(first[0]) == _bytes(again[0])
    assert first[1] == again[1]
    assert _bytes(first[0]) != _bytes(other[0])


def test_rows_on_a_card_are_learned_from_as_those_in_memory(
    planted: Any, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory, _ = _train(planted, tiny())
    monkeypatch.setattr(loop, "nearest_rows", lambda rows, *_: CardRows(rows, "cpu"))
    assert _bytes(_train(planted, tiny())[0]) == _bytes(in_memory)


def test_training_neither_reads_nor_sets_a_global_generator(planted: Any, tiny: Tiny) -> None:
    before = (torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate())
    first, _ = _train(planted, tiny())
    assert (torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()) == before
    torch.rand(1), np.random.random(), random.random()
    assert _bytes(_train(planted, tiny())[0]) == _bytes(first)


def test_the_networks_are_left_ready_to_embed(planted: Any, tiny: Tiny) -> None:
    networks, _ = _train(planted, tiny())
    assert not any(module.training for module in networks.modules())


def test_progress_counts_epochs_and_tells_the_accuracy(planted: Any, tiny: Tiny, heard: Any) -> None:
    _, history = _train(planted, tiny(), progress=heard)
    assert heard.phases == [("train", 6)]
    assert heard.notes == [f"accuracy {value:.2f}" for value in history["accuracy"]]


def test_cells_of_which_nothing_is_asserted_make_no_triplets(planted: Any, tiny: Tiny) -> None:
    topology = planted.topology
    undecided = dataclasses.replace(topology, low=np.full_like(topology.low, -1), low_names=())
    assert set(_train(planted, tiny(), topology=undecided)[1]["triplet"]) == {0.0}


@pytest.mark.parametrize(
    ("epoch", "share"),
    [
        (0, 1.0),
        (50, 1.0),  # the warm-up is over, and nothing is done yet
        (75, 0.05 + 0.95 * 0.5 * (1 + 2**-0.5)),
        (100, 0.05 + 0.95 * 0.5),
        (125, 0.05 + 0.95 * 0.5 * (1 - 2**-0.5)),
        (150, 0.05),
    ],
)
def test_the_rate_falls_by_a_cosine_after_the_warm_up(epoch: int, share: float) -> None:
    config = TrainingConfig(epochs=150, warmup_epochs=50, final_rate=0.05)
    assert rate_share(epoch, 150, config) == pytest.approx(share, rel=1e-12)


@pytest.mark.parametrize(("epochs", "warmup"), [(150, 50), (1, 1), (1, 0), (3, 50)])
def test_the_rate_never_rises_and_stays_in_its_range(epochs: int, warmup: int) -> None:
    config = TrainingConfig(epochs=epochs, warmup_epochs=warmup, final_rate=0.2)
    shares = [rate_share(epoch, epochs, config) for epoch in range(epochs)]
    assert shares == sorted(shares, reverse=True)
    assert shares[: warmup + 1] == [1.0] * min(epochs, warmup + 1)
    assert min(shares) >= 0.2


def test_a_final_rate_of_one_is_a_constant_rate() -> None:
    config = TrainingConfig(epochs=20, warmup_epochs=5, final_rate=1.0)
    assert {rate_share(epoch, 20, config) for epoch in range(20)} == {1.0}


def test_the_schedule_reaches_the_weights(planted: Any, tiny: Tiny) -> None:
    held, falling = (_train(planted, tiny(final_rate=rate))[0] for rate in (1.0, 0.0))
    assert _bytes(held) != _bytes(falling)
    held, falling = (_train(planted, tiny(final_rate=rate, warmup_epochs=6))[0] for rate in (1.0, 0.0))
    assert _bytes(held) == _bytes(falling)
