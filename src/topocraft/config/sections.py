"""The sections of the configuration: every default of the package, each in one place.

References to sections such as "Methods" are to He et al. 2025, doi:10.1038/s42003-025-07988-y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from topocraft.config.checked import MANY, UNLIMITED, Checked, require

WIDEST = 100_000
"""Units of a layer; two such layers have ten thousand million weights."""
MOST_CELLS, MOST_TRIPLETS = 10**7, 10**6
"""Drawn at once, per batch or step, and per batch and cluster."""
WIDTHS = f"a list of one or more positive whole numbers, each at most {WIDEST:,}"

InputKind = Literal["auto", "counts", "log1p"]
Scope = Literal["global", "batch"]
Nesting = Literal["low", "graph"]
Separation = Literal["graded", "full"]
ClusterMethod = Literal["leiden", "louvain"]
Head = Literal["trunk", "published", "per_gene"]
Distance = Literal["euclidean", "squared"]
Level = Literal["high", "low"]
Precision = Literal["auto", "float32", "bfloat16"]
Coordinates = Literal["components", "latent", "best"]
SetAside = Literal["embed", "nan", "drop"]


@dataclass(frozen=True, kw_only=True)
class PreprocessConfig(Checked):
    """Quality control, normalisation and choice of genes."""

    input_kind: InputKind = "auto"
    """Raw counts or log1p-normalised values; ``auto`` decides from the values and reports it."""
    min_genes: int | None = None
    """Cells with fewer detected genes are set aside; ``None`` is the published 300, or a twentieth of the genes
    measured where those are fewer than 6,000, as in targeted panels."""
    min_cells: int = 5
    """Genes detected in fewer of the remaining cells are not used."""
    target_sum: float = 1e4
    """Counts per cell after scaling, before log1p."""
    n_top_genes: int = 2000
    """Highly variable genes, chosen per batch and combined; all genes where there are fewer."""
    min_batch_cells: int = 30
    """Batches with fewer cells are pooled for the choice of genes (for nothing else)."""

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {
        "min_genes": (0, MANY),
        "min_cells": (0, MANY),
        "target_sum": (1, UNLIMITED),
        "n_top_genes": (2, MANY),
        "min_batch_cells": (2, MANY),
    }


@dataclass(frozen=True, kw_only=True)
class TopologyConfig(Checked):
    """The two clusterings between which the method declines to assert anything."""

    n_components: int = 50
    """Principal components of the log-normalised genes."""
    n_neighbors: int = 15
    """Neighbours per cell in the graph that is clustered."""
    method: ClusterMethod = "leiden"
    low_resolution: float = 0.5
    """Cells of one batch in different low clusters are reliably different."""
    high_resolution: float = 7.0
    """Cells of one batch in the same low and high cluster are reliably alike."""
    scope: Scope = "global"
    """Cluster all cells at once, or each batch alone."""
    nesting: Nesting = "graph"
    """High clustering inside each low cluster, or on the whole graph."""
    sketch: int | None = 50_000
    """Cells that are clustered where there are more than twice as many: a fair sketch, from which the others take the
    clusters of their nearest neighbour. ``None`` clusters all."""
    separation: Separation = "graded"
    """How far cells of different low clusters are to lie apart: by as much of the margin as the two clusters are
    clearly apart in the graph, or all by the full margin."""

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {
        "n_components": (2, MANY),
        "n_neighbors": (2, MANY),
        "low_resolution": (1e-6, UNLIMITED),
        "high_resolution": (1e-6, UNLIMITED),
        "sketch": (100, MANY),
    }


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Checked):
    """Shapes of the networks."""

    n_latent: int = 256
    encoder_widths: tuple[int, ...] = (1024, 512)
    decoder_widths: tuple[int, ...] = (512, 1024)
    classifier_widths: tuple[int, ...] = (128, 128)
    head: Head = "trunk"
    """From the decoder to the mean and dispersion of every gene: one layer and a dispersion per batch, the two p × p
    layers of the published network, or a slope and an offset per gene."""
    variance_floor: float = 1e-4

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {"n_latent": (2, WIDEST), "variance_floor": (0, UNLIMITED)}

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("encoder_widths", "decoder_widths", "classifier_widths"):
            widths = getattr(self, name)
            listed = isinstance(widths, (tuple, list)) and bool(widths)
            whole = listed and all(type(width) is int and 0 < width <= WIDEST for width in widths)
            require("ModelConfig", name, widths, whole, WIDTHS)
            object.__setattr__(self, name, tuple(widths))


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(Checked):
    """Losses, their balance, and the optimisation."""

    epochs: int = 150
    """Rounds of ``cells_per_batch`` cells per batch; more above 100,000 cells (see ``epochs_for``)."""
    warmup_epochs: int = 50
    """First epochs, in which the encoder does not yet hide the batch from the classifier."""
    cells_per_batch: int = 512
    cells_per_step: int = 1024
    min_share: int = 16
    """Fewest cells per batch in a step; with more batches than fit, each step takes some of them."""
    learning_rate: float = 1e-3
    final_rate: float = 0.05
    """Share of the learning rate that is left at the end; it falls by a cosine once the warm-up is over."""
    classifier_steps: int = 10
    """Updates of the batch classifier for one of the rest."""
    lambda_adversary: float = 1.0
    lambda_triplet: float = 1.0
    lambda_cosine: float = 20.0
    kl_coefficient: float = 0.005
    margin: float = 5.0
    distance: Distance = "euclidean"
    triplets_per_cluster: int | None = 5
    """Pairs drawn per batch and cluster; ``None`` draws one triplet for every eligible anchor."""
    pairs_from: Level = "high"
    """Clusters that pairs are drawn in: high ones, so that small populations count as much as large ones, or low ones,
    of which only the pairs within a high cluster become triplets."""
    precision: Precision = "auto"
    """Of matrix products; ``auto`` takes bfloat16 where the processor has instructions for it."""

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {
        "epochs": (1, MANY),
        "warmup_epochs": (0, MANY),
        "cells_per_batch": (2, MOST_CELLS),
        "cells_per_step": (4, MOST_CELLS),
        "min_share": (2, MANY),
        "learning_rate": (1e-12, 1.0),
        "final_rate": (0, 1.0),
        "classifier_steps": (1, MANY),
        "lambda_adversary": (0, UNLIMITED),
        "lambda_triplet": (0, UNLIMITED),
        "lambda_cosine": (0, UNLIMITED),
        "kl_coefficient": (0, UNLIMITED),
        "margin": (0, UNLIMITED),
        "triplets_per_cluster": (1, MOST_TRIPLETS),
    }


@dataclass(frozen=True, kw_only=True)
class EmbeddingConfig(Checked):
    """Where cells are placed in the end."""

    coordinates: Coordinates = "components"
    """Principal components of the expression, in which each batch is carried to where the networks' map says that its
    like is; or the map itself, "latent": the posterior means; or, "best" (``--auto``), the map where it loses next to
    nothing, and else of several carryings the one that scores highest without cell types. Where nothing tells the
    batches apart, both "components" and "best" are the components, uncorrected."""
    n_components: int | None = 50
    """Principal components of the posterior means that make the map; ``None`` takes the means as they are."""
    alignment_rounds: int = 5
    """Rounds that take out what still sets batches apart, place by place; 0 leaves that where it is."""
    alignment_places: int = 100
    """Most places per round; there is one for every 30 cells."""
    alignment_prior: float = 10.0
    """Cells that a batch needs at a place to be shifted by half of its distance from the others."""
    set_aside: SetAside = "embed"
    """Cells that quality control kept out of training: embed them all the same, give them NaN, or drop them."""

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {
        "n_components": (2, MANY),
        "alignment_rounds": (0, MANY),
        "alignment_places": (1, MANY),
        "alignment_prior": (1e-6, UNLIMITED),
    }
