"""The plan is exact where it counts, sane where it estimates, and trains nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from topocraft import plan as module
from topocraft.config import IntegrationConfig, ModelConfig
from topocraft.data.cells import Cells, from_anndata
from topocraft.errors import ConfigError, InputError
from topocraft.integrator import Integrator
from topocraft.model.networks import Networks
from topocraft.plan import make_plan, product_speed, workload
from topocraft.simulate.demo import demo_cells

SMALL = IntegrationConfig(threads=1).with_values(
    n_latent=8,
    encoder_widths=(32, 16),
    decoder_widths=(16, 32),
    classifier_widths=(8,),
    epochs=2,
    warmup_epochs=1,
    cells_per_batch=64,
    cells_per_step=96,
)


@pytest.fixture(scope="module")
def cells() -> Cells:
    return from_anndata(demo_cells(n_cells=240, n_genes=200), "batch")


def test_the_plan_tells_what_the_run_then_does(cells: Cells) -> None:
    config = SMALL.with_values(min_genes=90, n_top_genes=120)
    plan = make_plan(cells, config)
    fitted = Integrator(config).fit(cells).fitted_
    assert plan.n_cells == cells.n_cells
    assert plan.n_set_aside == fitted.facts["n_set_aside"] > 0
    assert plan.n_expressed == len(fitted.genes.expressed)
    assert plan.n_selected == len(fitted.genes.selected) == 120
    assert [name for name, _ in plan.batches] == list(fitted.batch_names)
    assert sum(size for _, size in plan.batches) == plan.n_cells - plan.n_set_aside
    assert plan.kind == fitted.facts["input_kind"]
    assert plan.epochs == len(fitted.history["triplet"])
    assert plan.n_parameters == sum(weights.numel() for weights in fitted.networks.parameters())
    assert (plan.device, plan.precision, plan.threads) == tuple(
        fitted.facts[name] for name in ("device", "precision", "threads")
    )
    assert (plan.steps_per_epoch, plan.cells_per_step) == (2, 96)


def test_longer_training_and_more_cells_cost_more(cells: Cells) -> None:
    plan = make_plan(cells, SMALL)
    longer = make_plan(cells, SMALL.with_values(epochs=200_000))
    wider = make_plan(cells, SMALL.with_values(encoder_widths=(4096, 4096)))
    assert 10.0 < plan.seconds < 60.0
    assert longer.seconds > 2 * plan.seconds
    assert 0.5e9 < plan.peak_bytes < wider.peak_bytes < 2e9


def test_a_step_counts_with_the_fastest_of_a_few_and_per_thread(cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(cells, SMALL)
    clock = iter([0.0, 9.0, 10.0, 16.0, 20.0, 28.0])
    monkeypatch.setattr(module.time, "process_time", lambda: next(clock))
    timed = make_plan(cells, replace(SMALL, threads=2))
    assert timed.seconds - _fixed(plan) == pytest.approx(plan.epochs * plan.steps_per_epoch * 6.0 / 2)


def test_of_networks_beyond_memory_only_products_are_timed(cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topocraft.hardware.granted_memory", lambda: 10**6)
    monkeypatch.setattr(module, "step_seconds", lambda *_: pytest.fail("there is no room for them"))
    monkeypatch.setattr(module, "product_speed", lambda *_: 1e3)
    plan = make_plan(cells, SMALL)
    work = workload(plan.n_selected, len(plan.batches), plan.cells_per_step, SMALL.model, 10)
    assert plan.seconds - _fixed(plan) == pytest.approx(plan.epochs * plan.steps_per_epoch * work.flops / 1e3)


def test_a_plan_is_made_where_the_timed_steps_leave_the_finite_numbers(cells: Cells) -> None:
    plan = make_plan(cells, SMALL.with_values(margin=1e308))
    assert 10.0 < plan.seconds < 60.0


def _fixed(plan: module.Plan) -> float:
    return module.SECONDS_TO_START + module.SECONDS_PER_CELL * plan.n_cells


@pytest.mark.parametrize("head", ["published", "trunk", "per_gene"])
def test_work_is_counted_as_torch_counts_it(head: str) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    config = replace(SMALL.model, head=head)
    rows, n_genes, n_batches = 24, 50, 3
    networks = Networks(n_genes, n_batches, config, torch.Generator())
    with FlopCounterMode(display=False) as counter:
        mean, _ = networks.encoder(torch.rand(rows, n_genes))
        networks.decoder(mean, torch.arange(rows) % n_batches)
        for _ in range(11):
            networks.classifier(mean.detach())
    counted = workload(n_genes, n_batches, rows, config, classifier_steps=10)
    assert counted.flops == 3 * counter.get_total_flops()
    assert counted.n_parameters == sum(weights.numel() for weights in networks.parameters())


def test_counting_allocates_nothing() -> None:
    huge = ModelConfig(encoder_widths=(100_000,) * 100)
    assert workload(2000, 2, 1024, huge, 10).n_parameters > 9e11


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_speed_is_measured(precision: str) -> None:
    assert product_speed("cpu", precision, seconds=0.0) > 1e8


def test_the_plan_refuses_what_the_run_would(cells: Cells) -> None:
    with pytest.raises(InputError, match="min_genes=100000 must leave cells of at least two batches"):
        make_plan(cells, SMALL.with_values(min_genes=100_000))
    with pytest.raises(ConfigError, match="device must be 'auto' or one that is present"):
        make_plan(cells, replace(SMALL, device="mps" if not torch.backends.mps.is_available() else "cuda"))
