"""What a run would do: counted, not done."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from topocraft.config import IntegrationConfig, ModelConfig
from topocraft.data.stream import StoredRows
from topocraft.topology.components import FITTED_CELLS

if TYPE_CHECKING:
    from collections.abc import Callable

    from topocraft.data.cells import Cells
    from topocraft.rows import Rows

FORWARD_AND_BACKWARD = 3
FLOATS_PER_PARAMETER = 4
"""Weight, gradient and the two moments of Adam."""
SECONDS_TO_START = 10.0
SECONDS_PER_CELL = 3.5e-4
STEPS_TRIED = 3
LIKELY_CLUSTERS = 10
BASE_BYTES = 600e6
"""Of the process once the libraries are loaded."""
COPIES_OF_COUNTS = 4
COPIES_OF_GENES, COPIES_OF_UNITS = 12, 4
"""How many arrays of cells × genes, and of cells × hidden units, one step holds at its peak."""
BYTES_PER_STORED_CELL = 800
"""Names, order and embedding of a cell whose values stay on disk."""


@dataclass(frozen=True)
class Plan:
    """What would happen. ``seconds`` and ``peak_bytes`` are estimates; all else is exact."""

    n_cells: int
    n_set_aside: int
    n_genes: int
    n_expressed: int
    n_selected: int
    kind: str
    batches: tuple[tuple[str, int], ...]
    epochs: int
    steps_per_epoch: int
    cells_per_step: int
    n_parameters: int
    device: str
    precision: str
    threads: int
    seconds: float
    peak_bytes: float


@dataclass(frozen=True)
class Workload:
    """Floating-point operations and weights of one training step."""

    flops: float
    n_parameters: int


def make_plan(cells: Cells, config: IntegrationConfig) -> Plan:
    """Find out what a run on these cells would do, without training.

    Quality control and the choice of genes are carried out, and a few training steps of networks that are thrown away
    are timed, as they would be if nothing else ran on the machine; of networks larger than memory, matrix products.

    Parameters
    ----------
    cells
        As for ``Integrator.fit``.
    config
        Every choice.

    Raises
    ------
    InputError
        Quality control leaves too little.
    ConfigError
        The device is not there.

    Examples
    --------
    >>> from topocraft import IntegrationConfig
    >>> from topocraft.data.cells import from_anndata
    >>> from topocraft.plan import make_plan
    >>> from topocraft.simulate.demo import demo_cells
    >>> plan = make_plan(from_anndata(demo_cells(200, 200), "batch"), IntegrationConfig())
    >>> plan.n_set_aside, plan.epochs, plan.steps_per_epoch
    (0, 150, 2)
    """
    from topocraft.data.preprocess import prepare
    from topocraft.hardware import choose_device, choose_precision, granted_memory, processor
    from topocraft.randomness import numpy_stream
    from topocraft.training.sampler import BalancedSampler, epochs_for

    device = choose_device(config.device)
    precision = choose_precision(config.training.precision, device)
    prepared = prepare(cells, config.preprocess)
    codes, sizes = np.unique(cells.batch[prepared.kept], return_counts=True)
    n_cells, n_selected = prepared.expression.shape
    batch = np.repeat(np.arange(len(sizes)), sizes)
    sampler = BalancedSampler(batch, config.training, numpy_stream(config.seed, "plan"))
    epochs = epochs_for(n_cells, len(sizes), config.training)
    rows = sampler.cells_per_step
    work = workload(n_selected, len(sizes), rows, config.model, config.training.classifier_steps)
    peak_bytes = _peak_bytes(n_selected, rows, work.n_parameters, config.model)
    peak_bytes += _bytes_of_cells(cells, prepared.expression.nnz, config.model)
    with processor(config.threads) as threads:
        if peak_bytes < granted_memory():
            step = step_seconds(prepared.expression, batch, config, device, precision)
        else:
            step = work.flops / product_speed(device, precision)
    return Plan(
        n_cells=cells.n_cells,
        n_set_aside=cells.n_cells - n_cells,
        n_genes=cells.n_genes,
        n_expressed=len(prepared.genes.expressed),
        n_selected=n_selected,
        kind=cells.kind,
        batches=tuple((cells.batch_names[code], int(size)) for code, size in zip(codes, sizes, strict=True)),
        epochs=epochs,
        steps_per_epoch=sampler.n_steps,
        cells_per_step=rows,
        n_parameters=work.n_parameters,
        device=device,
        precision=precision,
        threads=threads,
        seconds=SECONDS_TO_START + SECONDS_PER_CELL * cells.n_cells + epochs * sampler.n_steps * step,
        peak_bytes=peak_bytes,
    )


def workload(n_genes: int, n_batches: int, rows: int, config: ModelConfig, classifier_steps: int) -> Workload:
    """Count what a training step multiplies: two operations per weight and row, thrice for the gradients."""
    import torch

    from topocraft.model.networks import BatchClassifier, Decoder, Encoder

    with torch.device("meta"):
        encoder = Encoder(n_genes, config)
        decoder = Decoder(n_genes, n_batches, config)
        classifier = BatchClassifier(n_batches, config)
    networks = (encoder, decoder, classifier)
    shift = _matrix_weights(decoder.shift)
    products = rows * (_matrix_weights(encoder) + _matrix_weights(decoder) - shift) + n_batches * shift
    products += rows * (classifier_steps + 1) * _matrix_weights(classifier)
    n_parameters = sum(weights.numel() for network in networks for weights in network.parameters())
    return Workload(2.0 * FORWARD_AND_BACKWARD * products, n_parameters)


def _matrix_weights(network: object) -> int:
    from torch import nn

    assert isinstance(network, nn.Module)
    return sum(layer.weight.numel() for layer in network.modules() if isinstance(layer, nn.Linear))


def step_seconds(expression: Rows, batch: np.ndarray, config: IntegrationConfig, device: str, precision: str) -> float:
    """Time training steps of networks that are thrown away; what matters not to the time is drawn at random.

    Parameters
    ----------
    expression
        Log-normalised values, (n_cells, n_genes).
    batch
        Batch codes 0 … S−1, (n_cells,), in any order.
    config
        Every choice.
    device, precision
        As they were chosen.

    Returns
    -------
    float
        Seconds of the fastest of a few steps.
    """
    import torch

    from topocraft.model.networks import Networks
    from topocraft.model.triplets import choose_triplets
    from topocraft.randomness import numpy_stream, torch_stream
    from topocraft.training.minibatch import gather, nearest_rows
    from topocraft.training.sampler import BalancedSampler
    from topocraft.training.step import NotFinite, Step

    draws, seed = numpy_stream(config.seed, "plan"), config.seed
    shape = expression.shape[1], int(batch.max()) + 1
    networks = Networks(*shape, config.model, torch_stream(seed, "weights")).to(device).train()
    step = Step(networks, config.training, getattr(torch, precision), torch_stream(seed, "noise", device))
    cells = next(BalancedSampler(batch, config.training, draws).epoch())
    low = draws.integers(LIKELY_CLUSTERS, size=len(cells))
    rows = nearest_rows(expression, device)
    triplets = choose_triplets(batch[cells], low, low, draws, config.training.triplets_per_cluster)

    def once() -> None:
        with suppress(NotFinite):  # it costs the same, and a run undoes it
            step(gather(rows, batch, cells, triplets, device), warming_up=False).tolist()

    return min(_timed(once, device) for _ in range(STEPS_TRIED))


def _timed(call: Callable[[], None], device: str) -> float:
    """Return the seconds of a call; on the processor, those that it took of every thread, whatever else runs."""
    import torch

    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    call()
    return (clock() - start) / (torch.get_num_threads() if device == "cpu" else 1)


def product_speed(device: str, precision: str, seconds: float = 0.2) -> float:
    """Measure matrix products on this machine, now; floating-point operations per second."""
    import torch

    def multiply() -> None:
        torch.matmul(left, left, out=out)
        float(out[0, 0])

    left = torch.ones(1024, 1024, dtype=getattr(torch, precision), device=device)
    out = torch.empty_like(left)
    multiply()
    start, count = time.perf_counter(), 0
    while time.perf_counter() < start + seconds or count < 3:
        multiply()
        count += 1
    return 2.0 * 1024**3 * count / (time.perf_counter() - start)


def _peak_bytes(n_genes: int, rows: int, n_parameters: int, config: ModelConfig) -> float:
    """Return what is needed however few the cells."""
    units: int = sum(config.encoder_widths) + sum(config.decoder_widths) + 3 * config.n_latent
    activations = 4 * rows * (COPIES_OF_GENES * n_genes + COPIES_OF_UNITS * units)
    networks = 4 * FLOATS_PER_PARAMETER * n_parameters
    return float(BASE_BYTES + networks + activations)


def _bytes_of_cells(cells: Cells, n_chosen: int, config: ModelConfig) -> int:
    """Return what grows with cells: their values, ``n_chosen`` of chosen genes, and the networks' means."""
    if not isinstance(cells.values, StoredRows):
        counts: int = cells.values.data.nbytes + cells.values.indices.nbytes
        return COPIES_OF_COUNTS * counts + 8 * cells.n_cells * config.n_latent
    at_once = min(cells.n_cells, FITTED_CELLS)
    chosen = 8 * n_chosen * at_once // cells.n_cells
    return 2 * chosen + 8 * at_once * config.n_latent + BYTES_PER_STORED_CELL * cells.n_cells
