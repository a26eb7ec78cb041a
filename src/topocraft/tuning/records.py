"""What a search ends with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from topocraft.config import IntegrationConfig
from topocraft.evaluation.correlation import rank_correlation
from topocraft.metrics.yardstick import LabelFree
from topocraft.tuning.choice import Rule, pareto_front, ranked
from topocraft.tuning.ledger import Run, Trial
from topocraft.tuning.space import Space
from topocraft.tuning.truth import SUMMARY

OBJECTIVES = ("structure", "mixing", "score")
PARTS = ("nmi", "ari", "cilisi", "confusion")


@dataclass(frozen=True, eq=False)
class Tuning:
    """A search that ended, or was broken off.

    Attributes
    ----------
    config
        The configuration of the chosen setting, for ``topocraft.integrate(config=…)``.
    trials
        One row per setting, in order; the first is the configuration that the search started from. ``setting``; the
        searched fields; ``trained`` ("to the end", "a third", or "broke off"); the objectives ``structure`` and
        ``mixing``, their ``score``, and their parts ``nmi``, ``ari``, ``cilisi`` and ``confusion``, NaN where the
        setting was not trained to the end; ``short_structure``, ``short_mixing`` and ``short_score``, after a third;
        ``front`` and ``chosen``, bool; ``seconds``; ``reason`` why a training broke off. With cell types
        ``composite``, ``bio`` and ``batch``, of settings that were trained to the end.
    chosen
        The number of the chosen setting.
    rule
        By which it was chosen.
    before
        Scores of the cells before integration.
    correlation
        Spearman's rank correlation of score and composite; NaN without cell types, or with fewer than four settings
        trained to the end.
    """

    config: IntegrationConfig
    trials: pd.DataFrame
    chosen: int
    rule: Rule
    before: LabelFree
    correlation: float


def conclude(trials: Sequence[Trial], space: Space, rule: Rule, before: LabelFree) -> Tuning:
    """Return the result of trials, the first of which must have been trained to the end."""
    ended = [(trial, trial.full) for trial in trials if isinstance(trial.full, Run)]
    scores = [run.scores for _, run in ended]
    chosen = ended[ranked(scores, scores[0], rule)[0]][0]
    table = pd.DataFrame([_row(trial) for trial in trials])
    on_front = pareto_front(np.array([(one.structure, one.mixing) for one in scores]))
    numbers = [trial.number for (trial, _), is_on in zip(ended, on_front, strict=True) if is_on]
    table["front"], table["chosen"] = table["setting"].isin(numbers), table["setting"] == chosen.number
    known = "composite" in table
    correlation = rank_correlation(table["score"], table["composite"]) if known else math.nan
    return Tuning(space.config(chosen.settings), table, chosen.number, rule, before, correlation)


def _row(trial: Trial) -> dict[str, object]:
    broken = [one.reason for one in (trial.short, trial.full) if one is not None and not isinstance(one, Run)]
    trained = "broke off" if broken else "a third" if trial.full is None else "to the end"
    row: dict[str, object] = {"setting": trial.number, **trial.settings, "trained": trained}
    row |= _scores(trial.full)
    row |= {f"short_{name}": value for name, value in _scores(trial.short).items() if name in OBJECTIVES}
    if isinstance(trial.full, Run) and trial.full.truth:
        row |= {name: trial.full.truth[name] for name in SUMMARY}
    return row | {"seconds": round(trial.seconds, 1), "reason": " ".join(broken)}


def _scores(run: object) -> dict[str, float]:
    if not isinstance(run, Run):
        return dict.fromkeys((*OBJECTIVES, *PARTS), math.nan)
    return {name: getattr(run.scores, name) for name in OBJECTIVES} | asdict(run.scores)
