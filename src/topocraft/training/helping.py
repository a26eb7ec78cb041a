"""What the first process of a job hands to those that help it train: all that training reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import sparse

from topocraft.config import IntegrationConfig
from topocraft.data.scratch import ScratchRows, write_scratch
from topocraft.errors import ProcessLost
from topocraft.hardware import granted_cores, hold_threads, processor
from topocraft.model.networks import Networks
from topocraft.progress import Silent
from topocraft.randomness import torch_stream
from topocraft.rows import Rows
from topocraft.topology.clusters import Topology
from topocraft.training.guard import Stopped
from topocraft.training.job import Job, current_ranks
from topocraft.training.loop import train
from topocraft.training.ranks import Ranks

BLOCK = 8192
ARRAYS = ("batch", "low", "high", "separation")


@dataclass(frozen=True, eq=False)
class Material:
    """What training reads; ``device`` and ``precision`` as they were chosen."""

    config: IntegrationConfig
    device: str
    precision: str
    expression: Rows
    batch: np.ndarray
    topology: Topology


@contextmanager
def taught(material: Material, threads: int) -> Iterator[Ranks]:
    """Train with all processes of the job, if there is one: hand out what they need, and share this machine's threads.

    Parameters
    ----------
    material
        What training reads.
    threads
        Those of this process before and after.

    Raises
    ------
    ProcessLost
        Another process ended; the message says why, if it is known.
    """
    ranks = current_ranks()
    try:
        if isinstance(ranks, Job):
            send_material(ranks, material)
        hold_threads(ranks.threads(threads))
        yield ranks
    except ProcessLost as error:
        raise ranks.explained(error) if isinstance(ranks, Job) else error from None
    finally:
        hold_threads(threads)
        if isinstance(ranks, Job):
            ranks.finish()


def send_material(job: Job, material: Material) -> None:
    """Hand the material to all that wait for it in ``receive_material``; rows go out block by block.

    Raises
    ------
    ProcessLost
        One of them has ended.
    """
    job.begin()
    topology, expression = material.topology, material.expression
    arrays = dict(zip(ARRAYS, (material.batch, topology.low, topology.high, topology.separation), strict=True))
    job.send_json(
        {
            "config": material.config.to_dict(),
            "device": material.device,
            "precision": material.precision,
            "names": [topology.low_names, topology.high_names],
            "arrays": {name: [array.dtype.str, array.shape] for name, array in arrays.items()},
            "shape": expression.shape,
            "on_disk": isinstance(expression, ScratchRows),
            "count": int(expression.nnz),  # type: ignore[attr-defined]
        }
    )
    for array in arrays.values():
        job.send(torch.from_numpy(np.ascontiguousarray(array)))
    for start in range(0, expression.shape[0], BLOCK):
        rows = expression[start : start + BLOCK]
        for array in (np.diff(rows.indptr).astype(np.int64), rows.indices.astype(np.int32, copy=False), rows.data):
            job.send(torch.from_numpy(array))


def receive_material(job: Job, scratch: Path | None) -> Material | None:
    """Wait for the material; ``None`` where there is nothing to train.

    Parameters
    ----------
    job
        This process and the others.
    scratch
        Folder for the rows, if the first process has them on disk; ``None`` takes the system's.

    Raises
    ------
    ProcessLost
        The first process has ended.
    FileError
        There is no room for the rows.
    """
    if not job.waits():
        return None
    told = job.send_json(None)
    arrays = {name: _array(job, np.dtype(kind), shape) for name, (kind, shape) in told["arrays"].items()}
    n_cells, n_genes = told["shape"]
    blocks = _blocks(job, n_cells, n_genes)
    expression: Rows
    if told["on_disk"]:
        expression = write_scratch(blocks, (n_cells, n_genes), scratch, told["count"])
    else:
        expression = sparse.vstack([rows for _, rows in blocks], format="csr")
    low, high = (tuple(each) for each in told["names"])
    topology = Topology(arrays["low"], arrays["high"], low, high, arrays["separation"])
    config = IntegrationConfig.from_dict(told["config"])
    return Material(config, told["device"], told["precision"], expression, arrays["batch"], topology)


def help_train(job: Job, scratch: Path | None) -> None:
    """Train along with the first process, on what it hands out, and keep nothing.

    Parameters
    ----------
    job, scratch
        As for ``receive_material``.

    Raises
    ------
    ProcessLost
        Another process has ended, or does not answer.
    """
    material = receive_material(job, scratch)
    if material is None:
        return
    config, batch = material.config, material.batch
    shape = material.expression.shape[1], int(batch.max()) + 1
    networks = Networks(*shape, config.model, torch_stream(config.seed, "weights")).to(material.device)
    with processor(job.threads(config.threads or granted_cores())):
        try:
            train(
                networks,
                material.expression,
                batch,
                material.topology,
                config.training,
                precision=material.precision,
                seed=config.seed,
                progress=Silent(),
                ranks=job,
            )
        except Stopped:
            return  # the first process has come to the same end, and tells of it


def _array(job: Job, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    empty = np.empty(shape, dtype=dtype)
    job.send(torch.from_numpy(empty))
    return empty


def _blocks(job: Job, n_cells: int, n_genes: int) -> Iterator[tuple[np.ndarray, sparse.csr_matrix]]:
    for start in range(0, n_cells, BLOCK):
        places = np.arange(start, min(start + BLOCK, n_cells))
        ends = np.concatenate([[0], np.cumsum(_array(job, np.dtype(np.int64), (len(places),)))])
        columns, values = (_array(job, np.dtype(kind), (ends[-1],)) for kind in (np.int32, np.float32))
        yield places, sparse.csr_matrix((values, columns, ends), shape=(len(places), n_genes))
