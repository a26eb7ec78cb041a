"""Cores, threads, device and precision on machines made up for the test."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from topocraft import hardware
from topocraft.errors import ConfigError
from topocraft.hardware import (
    WAITING,
    choose_device,
    choose_precision,
    granted_cores,
    granted_memory,
    let_waiting_threads_sleep,
    processor,
    threads_held,
)


@pytest.fixture
def quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with the container's quota, on a machine of eight cores; absent until written."""
    file = tmp_path / "cpu.max"
    monkeypatch.setattr(hardware, "CGROUP_QUOTA", file)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    return file


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),  # one and a half
        ("20000 100000\n", 1),
        ("1600000 100000\n", 8),  # more than the affinity
        ("100000 50000\n", 2),
        ("", 8),
        ("what is this\n", 8),
    ],
)
def test_cores_are_the_affinity_within_the_quota(quota: Path, text: str, cores: int) -> None:
    quota.write_text(text)
    assert granted_cores() == cores


@pytest.mark.parametrize(
    ("text", "share"), [("max\n", 1.0), ("", 1.0), ("1048576\n", None), (str(2**60), 1.0), ("what is this\n", 1.0)]
)
def test_memory_is_the_machines_within_the_containers(
    text: str, share: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "memory.max"
    file.write_text(text)
    monkeypatch.setattr(hardware, "CGROUP_MEMORY", file)
    assert granted_memory() == (2**20 if share is None else psutil.virtual_memory().total)
    file.unlink()
    assert granted_memory() == psutil.virtual_memory().total


def test_without_a_container_the_affinity_decides(quota: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert granted_cores() == 8
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {5})
    assert granted_cores() == 1


@pytest.mark.parametrize(("count", "cores"), [(3, 3), (None, 1)])
@pytest.mark.usefixtures("quota")
def test_without_an_affinity_the_processor_is_counted(
    monkeypatch: pytest.MonkeyPatch, count: int | None, cores: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert granted_cores() == cores


def _product_of_denormals() -> float:
    return (torch.tensor([1e-30]) * torch.tensor([1e-10])).item()


@pytest.mark.parametrize("fails", [False, True])
def test_threads_and_denormals_are_restored(fails: bool) -> None:
    before = torch.get_num_threads()
    assert _product_of_denormals() != 0
    try:
        with processor(before + 1) as threads:
            assert threads == torch.get_num_threads() == before + 1
            assert _product_of_denormals() == 0
            if fails:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert fails
    assert torch.get_num_threads() == before
    assert _product_of_denormals() != 0


def test_every_linear_algebra_library_keeps_to_the_threads() -> None:
    before = [pool["num_threads"] for pool in threadpool_info()]
    with processor(1):
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    assert [pool["num_threads"] for pool in threadpool_info()] == before


def test_libraries_that_search_are_held_and_let_go() -> None:
    def threads() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] in ("blas", "openmp")}

    with threadpool_limits(2):
        with threads_held(1):
            assert threads() == {1}
        assert threads() == {2}
    with threadpool_limits(1), threads_held(2):
        assert threads() == {1}, "nobody gets more than they had"


def test_threads_follow_the_granted_cores(quota: Path) -> None:
    quota.write_text("100000 100000\n")
    with processor(None) as threads:
        assert threads == torch.get_num_threads() == 1


@pytest.mark.parametrize(
    ("by_user", "expected"),
    [
        ({}, {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "2000"}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {"OMP_WAIT_POLICY": "ACTIVE"}),
        ({"GOMP_SPINCOUNT": "0"}, {"GOMP_SPINCOUNT": "0"}),
    ],
)
def test_waiting_threads_sleep_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, by_user: dict[str, str], expected: dict[str, str]
) -> None:
    for name in WAITING:
        monkeypatch.delenv(name, raising=False)
    for name, value in by_user.items():
        monkeypatch.setenv(name, value)
    let_waiting_threads_sleep()
    assert {name: os.environ[name] for name in WAITING if name in os.environ} == expected


def _machine(monkeypatch: pytest.MonkeyPatch, cuda: bool = False, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(False, False, "cpu"), (True, False, "cuda"), (False, True, "mps"), (True, True, "cuda")],
)
def test_auto_takes_the_fastest_device_there_is(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, expected: str
) -> None:
    _machine(monkeypatch, cuda, mps)
    assert choose_device("auto") == expected
    assert choose_device("cpu") == "cpu"


@pytest.mark.parametrize(
    ("device", "mps", "present"),
    [("cuda", False, "'cpu'"), ("cuda", True, "'mps' or 'cpu'"), ("mps", False, "'cpu'")],
)
def test_an_absent_device_is_refused(monkeypatch: pytest.MonkeyPatch, device: str, mps: bool, present: str) -> None:
    _machine(monkeypatch, mps=mps)
    message = f"^device must be 'auto' or one that is present, here {present}; got '{device}'\\. Leave it 'auto' .*, or"
    with pytest.raises(ConfigError, match=message):
        choose_device(device)


@pytest.mark.parametrize(
    ("avx512", "amx", "expected"),
    [(False, False, "float32"), (True, False, "bfloat16"), (False, True, "bfloat16")],
)
def test_auto_precision_is_what_the_processor_multiplies(
    monkeypatch: pytest.MonkeyPatch, avx512: bool, amx: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert choose_precision("auto", "cpu") == expected
    assert choose_precision("auto", "mps") == "float32"
    assert [choose_precision(asked, "cpu") for asked in ("float32", "bfloat16")] == ["float32", "bfloat16"]


def test_mps_computes_in_float32_only() -> None:
    message = r"precision must be 'auto' or 'float32' on device 'mps'; got 'bfloat16'\. Leave it 'auto', or pass"
    with pytest.raises(ConfigError, match=message):
        choose_precision("bfloat16", "mps")
    assert choose_precision("float32", "mps") == "float32"


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), "float32"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")])
def test_auto_precision_on_cuda_follows_its_generation(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert choose_precision("auto", "cuda") == expected
