"""What memory that runs out is told by, and what is said of it."""

from __future__ import annotations

import errno
import os
import resource
import sys

import numpy as np
import psutil
import pytest
import torch

from topocraft import hardware, memory
from topocraft.errors import FileError, OutOfMemory
from topocraft.memory import ran_out_of_memory, require_addresses, within_memory


def _caught(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except type(error) as caught:
        return caught


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
        OSError("Can't read data (memory allocation failed for raw data chunk)"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("can't start new thread"),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        _caught(ValueError("zlib"), MemoryError()),
        OutOfMemory("of ours"),
    ],
)
def test_libraries_say_it_in_many_ways(error: BaseException) -> None:
    assert ran_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        None,
        ValueError("the gene 'out of memory' is unknown"),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        _caught(FileError("no file 'out of memory'"), MemoryError()),
    ],
)
def test_other_failures_are_not_taken_for_it(error: BaseException | None) -> None:
    assert not ran_out_of_memory(error)


def test_real_failures_are_told() -> None:
    for demand in (lambda: np.ones(2**50), lambda: torch.ones(2**48)):
        said = r"^Memory ran out: this process may use [\d,.]+ GB\. Use fewer\.$"
        with pytest.raises(OutOfMemory, match=said) as told, within_memory("Use fewer."):
            demand()
        assert isinstance(told.value, MemoryError)
        assert told.value.__cause__ is not None


def test_the_cure_names_half_of_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "granted_memory", lambda: 7e9)
    told = r"may use 7\.0 GB\. Read .* \(--memory 3\.5GB; .*\(--n-top-genes\)"
    with pytest.raises(OutOfMemory, match=told), within_memory(memory.IN_BLOCKS):
        raise MemoryError


def test_errors_of_ours_and_of_others_pass() -> None:
    for error in (OutOfMemory("first told"), FileError("no room"), KeyError("gene")):
        with pytest.raises(type(error)) as told, within_memory():
            raise error
        assert told.value is error


@pytest.mark.parametrize(("limit", "refused"), [(1_999_999_999, True), (2_000_000_000, False)])
def test_addresses_must_hold_the_libraries(limit: int, refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: {resource.RLIMIT_AS: (limit, limit)}[which])
    if not refused:
        require_addresses()
        return
    with pytest.raises(OutOfMemory, match=r"at least 2\.0 GB of addresses, .* ulimit -v allows 2\.0 GB\. Raise it: ul"):
        require_addresses()


def test_the_limit_of_addresses_counts_as_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hardware.address_limit() is None
    require_addresses()
    monkeypatch.setattr(resource, "getrlimit", lambda which: (3_000_000_000, resource.RLIM_INFINITY))
    assert hardware.address_limit() == 3_000_000_000
    assert hardware.granted_memory() == min(3_000_000_000, psutil.virtual_memory().total)


def test_where_the_system_has_no_limits_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert hardware.address_limit() is None
    assert hardware.peak_memory() is None
    require_addresses()
