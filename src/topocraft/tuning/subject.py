"""The cells that are tuned for: integrated by any configuration, and scored."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from topocraft._version import __version__
from topocraft.config import IntegrationConfig
from topocraft.data.cells import Cells, fingerprint, from_anndata
from topocraft.data.columns import cell_types
from topocraft.data.order import canonical_order
from topocraft.errors import InputError, TrainingError, UndefinedScore
from topocraft.hardware import let_waiting_threads_sleep, processor
from topocraft.integrator import Integrator
from topocraft.metrics.yardstick import LabelFree, Yardstick, label_free, make_yardstick
from topocraft.progress import Progress
from topocraft.randomness import numpy_stream
from topocraft.steps import KeptSteps
from topocraft.topology.components import principal_components
from topocraft.training.difference import find_difference
from topocraft.tuning.ledger import Broken, Run
from topocraft.tuning.space import Space
from topocraft.tuning.truth import Truth, make_truth, true_scores

if TYPE_CHECKING:
    from anndata import AnnData

COMPONENTS = 50


@dataclass(frozen=True, eq=False)
class Subject:
    """Cells, and what is done once for all settings.

    Scores are of the cells that passed quality control, ``scored`` (m,), in an order of their own. ``identity`` is
    the fingerprint of the cells, ``before`` their scores without integration.
    """

    cells: Cells
    steps: KeptSteps
    scored: np.ndarray
    yardstick: Yardstick
    truth: Truth | None
    before: LabelFree
    identity: str

    def train(self, config: IntegrationConfig, progress: Progress, *, true: bool = False) -> tuple[Run | Broken, float]:
        """Integrate and score; return what came out, and the seconds that the true scores took besides."""
        began = time.monotonic()
        try:
            model = Integrator(config).fit(self.cells, progress, steps=self.steps)
        except TrainingError as error:
            return Broken(str(error), time.monotonic() - began), 0.0
        embedding = model.embed(self.cells)[self.scored]
        with processor(config.threads):
            scores = label_free(embedding, self.yardstick)
            ended = time.monotonic()
            truth = true_scores(embedding, self.truth) if true and self.truth else {}
        return Run(scores, ended - began, truth), time.monotonic() - ended


def read_subject(
    adata: AnnData,
    batch_key: str | Sequence[str],
    label_key: str | None,
    config: IntegrationConfig,
    *,
    layer: str | None = None,
    gene_mask: str | None = None,
) -> Subject:
    """Check an AnnData, and do what all settings share.

    Raises
    ------
    InputError
        The cells cannot be integrated, or show nothing by which settings could be judged without cell types.
    """
    kind = config.preprocess.input_kind
    cells = from_anndata(adata, batch_key, layer=layer, gene_mask=gene_mask, input_kind=kind)
    labels = None if label_key is None else cell_types(adata.obs, label_key)
    let_waiting_threads_sleep()
    with processor(config.threads):
        return _prepared(cells, labels, config)


def _prepared(cells: Cells, labels: np.ndarray | None, config: IntegrationConfig) -> Subject:
    contents, steps, seed = cells.contents(), KeptSteps(), config.seed
    order, ordered = canonical_order(cells, contents)
    prepared = steps.prepare(ordered, config)
    scored = order[prepared.kept]
    _, batch = np.unique(cells.batch[scored], return_inverse=True)
    yardstick = make_yardstick(prepared.expression, batch, seed)
    components = principal_components(prepared.expression, COMPONENTS)
    if config.embedding.coordinates != "latent":
        _require_difference(components, batch, seed)
    try:
        before = label_free(components, yardstick)
    except UndefinedScore as undefined:
        raise InputError(
            "Tuning needs batches of at least 30 cells with clusters of their own, some of which match across "
            f"batches: by these settings are judged. {undefined} Integrate with the defaults instead."
        ) from undefined
    truth = None if labels is None else make_truth(prepared.expression, batch, labels[scored], seed)
    return Subject(
        cells, steps, scored, yardstick, truth, before, fingerprint(cells.digests(contents), cells.gene_names)
    )


def _require_difference(components: np.ndarray, batch: np.ndarray, seed: int) -> None:
    found = find_difference(components, batch, numpy_stream(seed, "difference"))
    if not found.found:
        raise InputError(
            f"Tuning needs batches that differ; nothing tells these apart ({found.words}), so that every setting "
            "leaves them as they are. Integrate with the defaults instead, or tune the map: coordinates='latent'."
        )


def identity(subject: Subject, space: Space) -> dict[str, Any]:
    """Return what must be the same for a search to go on: all that decides its trials, less the processor threads."""
    config = {name: value for name, value in space.base.to_dict().items() if name != "threads"}
    return {"topocraft": __version__, "cells": subject.identity, "also": sorted(space.also), "config": config}
