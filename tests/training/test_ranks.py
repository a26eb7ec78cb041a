"""Two or three processes against one that has all rows: values, gradients and statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import several
import torch
from shared_steps import N_COLUMNS, N_ROWS, ROWS, TOWARDS, norm_of_columns, one_step, pieces

from topocraft.errors import ConfigError, ProcessLost
from topocraft.training.job import take_card
from topocraft.training.place import Place
from topocraft.training.ranks import Group, Ranks, together

Parts = list[dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    return several.work_together(pieces, 3, tmp_path_factory.mktemp("three"))


def _woven(parts: Parts, name: str) -> np.ndarray:
    """Return rows of all processes in the order of the minibatch."""
    whole = np.full((N_ROWS, N_COLUMNS), np.nan)
    for rank, part in enumerate(parts):
        whole[rank :: len(parts)] = part[name]
    return whole


def test_batch_normalisation_reads_the_rows_of_all(three: Parts) -> None:
    norm, values = norm_of_columns(), torch.from_numpy(ROWS).clone().requires_grad_()
    placed = norm(values)
    (placed * torch.from_numpy(TOWARDS)).sum().backward()
    assert values.grad is not None
    np.testing.assert_allclose(_woven(three, "normal"), placed.detach(), atol=1e-12)
    np.testing.assert_allclose(_woven(three, "slopes"), values.grad, atol=1e-12)
    for part in three:
        np.testing.assert_allclose(part["weight"], norm.weight.grad, atol=1e-12)
        np.testing.assert_allclose(part["bias"], norm.bias.grad, atol=1e-12)
        np.testing.assert_allclose(part["mean"], 0.1 * ROWS.mean(axis=0), atol=1e-12)
        np.testing.assert_allclose(part["variance"], 0.9 + 0.1 * ROWS.var(axis=0, ddof=1), atol=1e-12)
        np.testing.assert_allclose(part["evaluated"], norm.eval()(values).detach(), atol=1e-12)


def test_rows_are_gathered_in_the_order_of_the_minibatch(three: Parts) -> None:
    assert all(np.array_equal(part["whole"], ROWS) for part in three)
    np.testing.assert_array_equal(_woven(three, "gathered_slopes"), TOWARDS)


def test_means_are_those_of_all_rows(three: Parts) -> None:
    for part in three:
        np.testing.assert_allclose(part["means"], [ROWS.mean(), (ROWS**2).mean()])
    np.testing.assert_allclose(_woven(three, "averaged_slopes"), (1 + 4 * ROWS) / ROWS.size)


def test_what_is_told_comes_from_the_first(three: Parts) -> None:
    assert [int(part["told"]) for part in three] == [0, 0, 0]


def test_a_step_of_two_is_the_step_of_one(tmp_path: Path) -> None:
    one = {name: np.asarray(value) for name, value in one_step(Ranks()).items()}
    two = several.work_together(one_step, 2, tmp_path)
    assert [int(one["n_cells"]), *(int(part["n_cells"]) for part in two)] == [75, 38, 37]
    for part in two:
        np.testing.assert_allclose(part["losses"], one["losses"], rtol=1e-5)
        for name in one:
            if name.startswith("slope.") or "running" in name or "state.classifier" in name:
                atol = 1e-5 * max(1.0, np.abs(one[name]).max())
                np.testing.assert_allclose(part[name], one[name], rtol=0, atol=atol, err_msg=name)
        assert all(np.array_equal(part[name], two[0][name]) for name in part if name.startswith("state."))


@pytest.mark.parametrize(("local_rank", "card"), [(0, 0), (1, 1), (2, 0)])
def test_processes_take_cards_in_turn(monkeypatch: pytest.MonkeyPatch, local_rank: int, card: int) -> None:
    taken: list[int] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    take_card(Place(4 + local_rank, 8, local_rank, 3))
    assert taken == [card]


def test_a_lost_message_is_told_in_our_words() -> None:
    with pytest.raises(ProcessLost, match="ended, or did not answer in time"), together():
        raise RuntimeError("[enforce fail] Connection closed by peer")


def test_every_process_needs_a_cell() -> None:
    group = Group(Place(1, 9, 1, 9))
    group.require(9)
    with pytest.raises(ConfigError, match=r"it has 8 for 9 processes\. Start fewer .* or raise cells_per_step"):
        group.require(8)


@pytest.mark.parametrize(("granted", "share"), [(8, 4), (5, 2), (1, 1)])
def test_the_threads_of_a_machine_are_divided(granted: int, share: int) -> None:
    assert Group(Place(2, 4, 0, 2)).threads(granted) == share
    assert Ranks().threads(granted) == granted
