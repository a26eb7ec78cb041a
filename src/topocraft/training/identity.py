"""To which run a checkpoint belongs, and how another one differs from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from topocraft._version import __version__
from topocraft.config import IntegrationConfig
from topocraft.errors import shown_name
from topocraft.topology.clusters import Topology

NAMED = {
    "threads": "--threads {then}",
    "seed": "--seed {then}",
    "processes": "torchrun --nproc-per-node {then}, or no torchrun for 1",
    "device": "--device {then}",
    "training.precision": "--set precision={then}",
    "version": "install topocraft {then}",
    "also": "the same --also",
}
DATA = {
    "cells": "the cells are others: give the same files, batch columns, layer and genes",
    "prepared_cells": "preparation came to other cells or genes: run on a machine as before",
    "found_clusters": "clustering came to other clusters: give the same labels, and run on a machine as before",
}


def run_facts(
    config: IntegrationConfig, device: str, precision: str, threads: int, versions: dict[str, str]
) -> dict[str, Any]:
    """Return what a run depends on beside its cells; what the configuration left to the machine, as it was chosen."""
    chosen = {"version": __version__, "libraries": versions, "device": device, "threads": threads}
    values = config.to_dict() | chosen
    values["training"] |= {"precision": precision}
    return values


def digests_of(genes: Sequence[str], batch: np.ndarray, topology: Topology) -> dict[str, str]:
    """Return short digests of what training reads beside the values: chosen genes, batches and clusters."""
    clusters = (topology.low, topology.high, topology.separation)
    return {
        "prepared_cells": _digest(_text(genes), batch),
        "found_clusters": _digest(*clusters, _text(topology.low_names), _text(topology.high_names)),
    }


def differences(then: Any, now: Any, name: str = "") -> Iterator[str]:
    """Yield in words every place where two nested descriptions differ, with the cure."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted(then.keys() | now.keys()):
            yield from differences(then.get(key), now.get(key), f"{name}.{key}" if name else key)
    elif then != now:
        yield DATA.get(name) or shown_name(f"{name} was {then!r} and is {now!r} ({_cure(name, then)})")


def _cure(name: str, then: Any) -> str:
    if name in NAMED:
        return NAMED[name].format(then=then)
    section, _, field = name.partition(".")
    return f"install {field} {then}" if section == "libraries" else f"--set {name}={json.dumps(then)}"


def _text(names: Sequence[str]) -> np.ndarray:
    return np.frombuffer(json.dumps(list(names)).encode(), dtype=np.uint8)


def _digest(*arrays: np.ndarray) -> str:
    whole = hashlib.blake2b(digest_size=16)
    for array in arrays:
        whole.update(f"{array.dtype} {array.shape}".encode())
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()
