"""Checkpoints: the bytes of a run that was not broken off, and a clear refusal of every other run or damage."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from topocraft.checkpoints import DESCRIPTION, Checkpoints
from topocraft.config import IntegrationConfig, TrainingConfig
from topocraft.errors import FileError, ModelError
from topocraft.progress import Silent
from topocraft.training import stored
from topocraft.training.course import Course
from topocraft.training.identity import run_facts
from topocraft.training.keeping import FolderKeeper, Keeper, opened
from topocraft.training.loop import History, train

Tiny = Callable[..., TrainingConfig]
VERSIONS = {"torch": "2.9", "numpy": "2.1"}


class Killed(BaseException):
    """Stands for a process that ends."""


class Mortal(FolderKeeper):
    """Dies after a checkpoint."""

    dies_after = 3

    def offer(self, course: Course, *, last: bool) -> None:
        super().offer(course, last=last)
        if course.epoch == self.dies_after:
            raise Killed


def _train(planted: Any, config: TrainingConfig, keeper: Keeper | None = None) -> tuple[bytes, History]:
    networks = planted.networks(seed=0)
    history = train(
        networks,
        planted.expression,
        planted.batch,
        planted.topology,
        config,
        precision="float32",
        seed=0,
        progress=Silent(),
        keeper=keeper,
    )
    return b"".join(tensor.numpy().tobytes() for tensor in networks.state_dict().values()), history


def _facts(**changes: Any) -> dict[str, Any]:
    config = IntegrationConfig(seed=3).with_values(**changes.pop("config", {}))
    return run_facts(config, "cpu", "float32", changes.pop("threads", 2), VERSIONS) | {"cells": "ab"} | changes


@pytest.fixture
def folder(planted: Any, tiny: Tiny, tmp_path: Path) -> Path:
    """A folder with the checkpoint of a run that was killed after its third epoch."""
    checkpoints = Checkpoints(folder=tmp_path / "run", minutes=0)
    checkpoints.path.mkdir()
    keeper = Mortal(checkpoints, Silent())
    keeper.belongs(**_facts())
    keeper.reads(["a", "b"], planted.batch, planted.topology)
    with pytest.raises(Killed):
        _train(planted, tiny(), keeper)
    return checkpoints.path


def _resumed(folder: Path, **changes: Any) -> FolderKeeper:
    keeper = FolderKeeper(Checkpoints(folder=folder, minutes=0, resume=True), Silent())
    keeper.belongs(**_facts(**changes))
    return keeper


@pytest.mark.parametrize("dies_after", [1, 3, 5])
def test_a_resumed_training_ends_with_the_same_bytes(
    planted: Any, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_after: int
) -> None:
    monkeypatch.setattr(Mortal, "dies_after", dies_after)
    with pytest.raises(Killed):
        _train(planted, tiny(), Mortal(Checkpoints(folder=tmp_path, minutes=0), Silent()))
    keeper = FolderKeeper(Checkpoints(folder=tmp_path, minutes=0, resume=True), Silent())
    resumed, whole = _train(planted, tiny(), keeper), _train(planted, tiny())
    assert keeper.resumed_after == dies_after
    assert resumed == whole


def test_checkpoints_change_nothing(planted: Any, tiny: Tiny, tmp_path: Path) -> None:
    kept = _train(planted, tiny(), FolderKeeper(Checkpoints(folder=tmp_path, minutes=0), Silent()))
    assert kept == _train(planted, tiny())


def test_a_finished_training_is_not_trained_again(planted: Any, tiny: Tiny, tmp_path: Path) -> None:
    first = _train(planted, tiny(), FolderKeeper(Checkpoints(folder=tmp_path), Silent()))
    keeper = FolderKeeper(Checkpoints(folder=tmp_path, resume=True), Silent())
    assert _train(planted, tiny(), keeper) == first
    assert keeper.resumed_after == 6


def test_undone_steps_and_their_lower_rate_are_resumed_too(
    planted: Any, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from topocraft.training import step as module

    whole_loss, calls = module.triplet_loss, []

    def spoiled(*arguments: Any) -> torch.Tensor:
        calls.append(0)
        return whole_loss(*arguments) * (np.nan if len(calls) == 2 else 1.0)

    monkeypatch.setattr(module, "triplet_loss", spoiled)
    whole = _train(planted, tiny())
    calls.clear()
    with pytest.raises(Killed):
        _train(planted, tiny(), Mortal(Checkpoints(folder=tmp_path, minutes=0), Silent()))
    assert _train(planted, tiny(), FolderKeeper(Checkpoints(folder=tmp_path, resume=True), Silent())) == whole
    assert json.loads((tmp_path / DESCRIPTION).read_text())["content"]["course"]["undone"] == 1


def test_checkpoints_come_when_their_time_has_come_and_at_the_end(planted: Any, tiny: Tiny, tmp_path: Path) -> None:
    now, made = [0.0], []

    class Timed(FolderKeeper):
        def offer(self, course: Course, *, last: bool) -> None:
            now[0] += 60.0
            super().offer(course, last=last)
            found = json.loads((tmp_path / DESCRIPTION).read_text()) if (tmp_path / DESCRIPTION).exists() else None
            made.append(found and found["content"]["course"]["epoch"])

    _train(planted, tiny(epochs=8), Timed(Checkpoints(folder=tmp_path, minutes=3), Silent(), clock=lambda: now[0]))
    assert made == [None, None, 3, 3, 3, 6, 6, 8]


def test_the_folder_holds_one_checkpoint_of_two_files_and_no_pickle(folder: Path) -> None:
    assert sorted(item.name for item in folder.iterdir()) == ["checkpoint.json", "state-3.safetensors"]
    sealed = json.loads((folder / DESCRIPTION).read_text())
    assert sealed["schema"] == stored.SCHEMA == 1
    assert {"noise", "networks.encoder.mean.weight", "adam.encoder.mean.weight.exp_avg_sq"} <= set(
        load_file(folder / "state-3.safetensors")
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cells": "cd"}, r"the cells are others: give the same files"),
        ({"threads": 1}, r"threads was 2 and is 1 \(--threads 2\)"),
        ({"seed": 4}, r"seed was 3 and is 4 \(--seed 3\)"),
        ({"version": "9"}, r"version was '\d.*' and is '9' \(install topocraft \d"),
        (
            {"libraries": VERSIONS | {"torch": "3.0"}},
            r"libraries\.torch was '2\.9' and is '3\.0' \(install torch 2\.9\)",
        ),
        ({"config": {"epochs": 7}}, r"training\.epochs was 150 and is 7 \(--set training\.epochs=150\)"),
        ({"config": {"head": "published"}}, r'model\.head was .* \(--set model\.head="trunk"\)'),
        ({"device": "mps"}, r"device was 'cpu' and is 'mps' \(--device cpu\)"),
    ],
)
def test_another_run_is_refused_and_told_the_difference(folder: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=rf"is of another run: {message}.*Begin anew: --force without --resume"):
        _resumed(folder, **changes)


def test_all_differences_are_told_at_once(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"seed was 3 and is 4.*; threads was 2 and is 1"):
        _resumed(folder, seed=4, threads=1)


def test_other_genes_and_clusters_are_refused(folder: Path, planted: Any) -> None:
    import dataclasses

    keeper, topology = _resumed(folder), planted.topology
    keeper.reads(["a", "b"], planted.batch, topology)
    with pytest.raises(ModelError, match="preparation came to other cells or genes"):
        keeper.reads(["a", "c"], planted.batch, topology)
    with pytest.raises(ModelError, match="clustering came to other clusters"):
        keeper.reads(["a", "b"], planted.batch, dataclasses.replace(topology, low=topology.low + 1))


def _reseal(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    sealed = json.loads((folder / DESCRIPTION).read_text())
    change(sealed["content"])
    sealed["content_sha256"] = stored._seal(sealed["content"])
    (folder / DESCRIPTION).write_text(json.dumps(sealed))


@pytest.mark.parametrize("name", [DESCRIPTION, "state-3.safetensors"])
def test_every_flipped_bit_and_every_cut_is_refused(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    draws = np.random.default_rng(0)
    for place in draws.integers(0, len(whole), 40):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(draws.integers(8))
        for content in (bytes(flipped), whole[:place]):
            (folder / name).write_bytes(content)
            if name == DESCRIPTION and _means_the_same(content, whole):
                continue
            with pytest.raises(ModelError, match=r"(is damaged: .*|has schema .*)Begin anew: --force"):
                _resumed(folder)
    (folder / name).write_bytes(whole)
    assert _resumed(folder)


def _means_the_same(one: bytes, other: bytes) -> bool:
    """Tell whether two texts are the same JSON but for what no checksum covers: white space, and who wrote it."""
    try:
        contents = [json.loads(text) for text in (one, other)]
        return bool(contents[0]["content"] == contents[1]["content"] and contents[0]["schema"] == 1)
    except (ValueError, KeyError, TypeError):
        return False


@pytest.mark.parametrize("schema", [0, 2, "1", None, 3000 * "x"])
def test_another_schema_is_refused(folder: Path, schema: object) -> None:
    sealed = json.loads((folder / DESCRIPTION).read_text())
    (folder / DESCRIPTION).write_text(json.dumps(sealed | {"schema": schema}))
    said = f"{schema!r:.60}"
    with pytest.raises(ModelError, match=rf"has schema {said}; this topocraft .* reads schema 1\. Resume with"):
        _resumed(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "[" * 100_000, '{"schema": 1}', "\x00"])
def test_other_texts_are_refused(folder: Path, text: str) -> None:
    (folder / DESCRIPTION).write_text(text)
    with pytest.raises(ModelError, match="is damaged"):
        _resumed(folder)


CHANGES: list[Callable[[dict[str, Any]], Any]] = [
    lambda course: course.update(epoch=-1),
    lambda course: course.update(epoch="3"),
    lambda course: course.update(epoch="../../etc/passwd"),
    lambda course: course.update(undone=True),
    lambda course: course.update(undone=0.5),
    lambda course: course["history"].pop("triplet"),
    lambda course: course["history"]["triplet"].pop(),
    lambda course: course["history"].update(triplet=["a", "b", "c"]),
    lambda course: course["streams"].pop("sampler"),
    lambda course: course["streams"]["sampler"].update(bit_generator="MT19937"),
    lambda course: course["streams"]["sampler"].update(state={"state": -1, "inc": 1}),
    lambda course: course["streams"].update(triplets=[]),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_values_out_of_place_are_refused_though_the_seal_is_right(folder: Path, planted: Any, number: int) -> None:
    _reseal(folder, lambda content: CHANGES[number](content["course"]))
    with pytest.raises(ModelError, match="is damaged"):
        _resumed(folder).restore(_course(planted))


def _course(planted: Any) -> Course:
    return Course.begin(planted.networks(), TrainingConfig(), precision="float32", seed=0)


TENSORS: list[Callable[[dict[str, torch.Tensor]], Any]] = [
    lambda tensors: tensors.pop("networks.encoder.mean.weight"),
    lambda tensors: tensors.update(more=torch.zeros(1)),
    lambda tensors: tensors.update(noise=torch.zeros(5, dtype=torch.uint8)),
    lambda tensors: tensors.update(noise=torch.zeros_like(tensors["noise"])),
    lambda tensors: tensors.update({"networks.encoder.mean.bias": torch.zeros(7)}),
    lambda tensors: tensors.update({"networks.encoder.mean.bias": torch.zeros(6, dtype=torch.float64)}),
]


@pytest.mark.parametrize("number", range(len(TENSORS)))
def test_tensors_out_of_place_are_refused_though_the_seal_is_right(folder: Path, planted: Any, number: int) -> None:
    state = folder / "state-3.safetensors"
    tensors = load_file(state)
    TENSORS[number](tensors)
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, state)
    digest = hashlib.sha256(state.read_bytes()).hexdigest()
    _reseal(folder, lambda content: content.update(tensors_sha256=digest))
    with pytest.raises(ModelError, match="is damaged"):
        _resumed(folder).restore(_course(planted))


def test_a_pickle_is_refused_unread(folder: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(folder / "sprung"),)

    state = folder / "state-3.safetensors"
    torch.save({"trap": Trap()}, state)
    digest = hashlib.sha256(state.read_bytes()).hexdigest()
    _reseal(folder, lambda content: content.update(tensors_sha256=digest))
    with pytest.raises(ModelError, match="is damaged"):
        _resumed(folder)
    assert not (folder / "sprung").exists()


@pytest.mark.parametrize("name", [DESCRIPTION, "state-3.safetensors"])
def test_links_are_refused(folder: Path, name: str, tmp_path: Path) -> None:
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="no plain file"):
        _resumed(folder)


def test_a_description_that_is_too_large_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "LARGEST_DESCRIPTION", 100)
    with pytest.raises(ModelError, match=r"checkpoint\.json is too large"):
        _resumed(folder)


@pytest.mark.parametrize("name", [DESCRIPTION, "state-3.safetensors"])
def test_a_missing_file_is_a_beginning_or_damage(folder: Path, name: str, heard: Any) -> None:
    (folder / name).unlink()
    if name == DESCRIPTION:
        assert _resumed(folder).resumed_after is None
        return
    with pytest.raises(ModelError, match=r"state-3\.safetensors is missing"):
        _resumed(folder)


def test_a_checkpoint_that_cannot_be_written_does_not_end_the_training(
    planted: Any, tiny: Tiny, tmp_path: Path, heard: Any
) -> None:
    keeper = FolderKeeper(Checkpoints(folder=tmp_path / "gone", minutes=0), heard)
    assert _train(planted, tiny(), keeper) == _train(planted, tiny())
    assert len(heard.warnings) == 6
    assert "No checkpoint after epoch 1; training goes on. Output 'state-1.safetensors' cannot be" in heard.warnings[0]


def test_a_write_that_breaks_off_leaves_the_checkpoint_before(
    folder: Path, planted: Any, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each of the renames that a checkpoint takes, and before and after."""
    rename = os.replace
    for number in range(2):
        calls = []

        def dies(source: Path, target: Path, calls: list[int] = calls, number: int = number) -> None:
            calls.append(0)
            if len(calls) > number:
                raise Killed
            rename(source, target)

        keeper = _resumed(folder)
        monkeypatch.setattr(os, "replace", dies)
        with pytest.raises(Killed):
            _train(planted, tiny(), keeper)
        monkeypatch.setattr(os, "replace", rename)
        assert stored.read_stored(folder).facts["epoch"] == 3  # type: ignore[union-attr]
    assert _train(planted, tiny(), _resumed(folder)) == _train(planted, tiny())
    assert sorted(item.name for item in folder.iterdir()) == ["checkpoint.json", "state-6.safetensors"]


def test_a_checkpoint_that_is_not_to_be_resumed_is_not_lost(folder: Path) -> None:
    with (
        pytest.raises(FileError, match=r"holds the checkpoint of a run that was broken off\. Go on .*--resume"),
        opened(Checkpoints(folder=folder), Silent()),
    ):
        pass
    assert (folder / DESCRIPTION).exists()


def test_one_process_at_a_time_holds_the_folder(tmp_path: Path) -> None:
    checkpoints = Checkpoints(folder=tmp_path / "run")
    with opened(checkpoints, Silent()):
        with (
            pytest.raises(FileError, match=rf"process {os.getpid()} is writing"),
            opened(checkpoints, Silent()),
        ):
            pass
        assert checkpoints.path.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_without_checkpoints_nothing_is_kept() -> None:
    with opened(None, Silent()) as keeper:
        assert type(keeper) is Keeper
