"""Which device, how many threads, which precision."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from topocraft.config import Device, Precision
from topocraft.errors import ConfigError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES, LARGEST_MMAP_THRESHOLD = 2**29, 2**25
WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "2000"}
"""Of OpenMP: idle threads sleep; GNU's after 2,000 turns, in which the next operation of a step mostly has come."""
CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")
CGROUP_MEMORY = Path("/sys/fs/cgroup/memory.max")


def granted_cores() -> int:
    """Return how many cores this process may really use: its affinity, and its container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = CGROUP_QUOTA.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, math.ceil(int(quota) / int(period))))


def granted_memory() -> int:
    """Return how many bytes this process may really use: the machine's, its container's share, or ``ulimit -v``."""
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    there = min(there, address_limit() or there)
    try:
        return min(there, int(CGROUP_MEMORY.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit: "max"
        return there


def address_limit() -> int | None:
    """Return how many bytes of addresses ``ulimit -v`` leaves to this process, ``None`` where it sets no limit."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def peak_memory() -> int | None:
    """Return the most bytes of memory that this process has held at once, ``None`` where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def let_waiting_threads_sleep() -> None:
    """Ask OpenMP to let idle threads sleep, so that two runs side by side do not spin against each other.

    OpenMP reads this once, as torch is first imported; where torch is loaded already, or the user has said how
    threads wait, nothing changes.
    """
    os.environ.update(waiting(os.environ))


def waiting(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what to add to an environment for idle threads to sleep: nothing where it says how threads wait."""
    return {} if WAITING.keys() & environment.keys() else dict(WAITING)


@contextmanager
def processor(threads: int | None) -> Iterator[int]:
    """Run with at most ``threads`` threads in torch and every linear-algebra library; restore them afterwards.

    Denormal floats are flushed to zero meanwhile, on this thread and on those it starts.
    """
    import torch
    from threadpoolctl import threadpool_limits

    _keep_freed_memory()
    before = torch.get_num_threads()
    wanted = threads or granted_cores()
    torch.set_flush_denormal(True)
    torch.set_num_threads(wanted)
    try:
        with threadpool_limits(wanted):
            yield wanted
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(False)


@contextmanager
def threads_held(most: int) -> Iterator[None]:
    """Hold the libraries that search and multiply to ``most`` threads, or fewer where they have fewer, for a while.

    It binds BLAS and OpenMP, as far as they are loaded; numba goes by itself.
    """
    import sklearn.neighbors  # noqa: F401  (a limit binds only what is loaded)
    from threadpoolctl import threadpool_info, threadpool_limits

    with threadpool_limits({pool["prefix"]: min(most, pool["num_threads"]) for pool in threadpool_info()}):
        yield


def hold_threads(threads: int) -> None:
    """Set torch's threads again, after a library that may have set them for the whole process.

    numba does so where it first computes in parallel, as when scanpy chooses genes; the first fit of a process would
    then differ in its last bits from the next.
    """
    import torch

    torch.set_num_threads(threads)


def _keep_freed_memory() -> None:
    """Let the allocator keep what a step frees for the next step.

    By default glibc hands it back to the system each time: some 17,000 page faults and an eighth of the time per step.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)


def choose_device(device: Device) -> str:
    """Return the torch device for ``device``; "auto" takes CUDA, then MPS, then the processor."""
    import torch

    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        return next(name for name, there in available.items() if there)
    if not available[device]:
        there = " or ".join(f"'{name}'" for name, is_there in available.items() if is_there)
        raise ConfigError(
            f"device must be 'auto' or one that is present, here {there}; got '{device}'. Leave it 'auto' (--device "
            "auto), or install a torch that sees this device."
        )
    return device


def choose_precision(precision: Precision, device: str) -> str:
    """Return "bfloat16" or "float32"; "auto" takes bfloat16 where the hardware multiplies it natively.

    The choice is by capability, not by a stopwatch: the same machine always gives the same bytes.

    Raises
    ------
    ConfigError
        bfloat16 is asked for on "mps", which computes in float32 only.
    """
    import torch

    if device == "mps" and precision == "bfloat16":
        raise ConfigError(
            "precision must be 'auto' or 'float32' on device 'mps'; got 'bfloat16'. Leave it 'auto', or pass "
            "precision='float32' (--set precision=float32)."
        )
    if precision != "auto":
        return precision
    if device == "cuda":
        native = torch.cuda.get_device_capability() >= (8, 0)
    else:
        native = device == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return "bfloat16" if native else "float32"
