"""Scores of what methods gave for one dataset; what all of them share is computed once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from topocraft.baselines.method import Output
from topocraft.baselines.preparation import Preparation
from topocraft.evaluation.judged import Judged, make_reference, read_judged
from topocraft.evaluation.scoring import control_embeddings
from topocraft.metrics.graph_suite import score_graph
from topocraft.metrics.suite import Score, score_embedding

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.metrics.searched import Reference

BEFORE = "X_pca"
SCORE_SEED = 0
"""One for all: what differs between two runs is the runs', not the scores'."""


class Scorer:
    """Scores outputs on a prepared dataset; what all scores share is computed when first asked for, and kept.

    Parameters
    ----------
    preparation
        What the methods were given.
    """

    def __init__(self, preparation: Preparation) -> None:
        self.preparation = preparation

    @cached_property
    def _adata(self) -> AnnData:
        return self.preparation.read()

    @cached_property
    def judged(self) -> Judged:
        """The cells that are scored: those with a type, or all where there are no types."""
        from anndata import AnnData

        light = AnnData(obs=self._adata.obs, obsm={BEFORE: self._adata.obsm[BEFORE]})
        return read_judged(light, "batch", "celltype" if self.preparation.labelled else None, BEFORE)

    @cached_property
    def reference(self) -> Reference:
        """What every output is held against."""
        return make_reference(self.judged, self._adata.X[self.judged.kept], SCORE_SEED)

    @cached_property
    def controls(self) -> dict[str, np.ndarray]:
        """Controls by name, of the cells that are scored."""
        return control_embeddings(self.reference)

    @property
    def n_types(self) -> int:
        """The number of cell types; 0 where there are none."""
        return 0 if self.judged.labels is None else len(set(self.judged.labels))

    def score(self, output: Output) -> tuple[Score, ...]:
        """Return every score of what a method gave for the prepared cells.

        Raises
        ------
        InputError
            It is not one row per prepared cell, or not finite.
        """
        if output.graph is not None:
            return tuple(score_graph(output.graph[self.judged.kept][:, self.judged.kept], self.reference))
        if output.embedding is None:
            return ()
        return tuple(score_embedding(output.embedding[self.judged.kept], self.reference))

    def score_control(self, name: str) -> tuple[Score, ...]:
        """Return every score of a control."""
        return tuple(score_embedding(self.controls[name], self.reference))
