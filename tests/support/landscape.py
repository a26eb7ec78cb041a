"""A search over scores that are a formula of the configuration, so that it takes no training."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from topocraft import IntegrationConfig
from topocraft.metrics.yardstick import LabelFree
from topocraft.progress import Progress, Silent
from topocraft.tuning.ledger import Broken, Ledger, Run
from topocraft.tuning.schedule import Limits
from topocraft.tuning.search import Search
from topocraft.tuning.space import make_space


def score_of(config: IntegrationConfig) -> LabelFree:
    """Trade structure against mixing, with the best of both away from the defaults, and more after more epochs."""
    training = config.training
    far = abs(math.log(training.lambda_triplet / 2)) + abs(math.log(training.kl_coefficient / 2e-3))
    good = 0.9 - 0.05 * far - 0.1 * abs(config.topology.low_resolution - 0.3) - 1 / (10 + training.epochs)
    tilt = 0.05 * math.log(training.lambda_adversary)
    return LabelFree(good - tilt, good - tilt, good + tilt, good + tilt)


@dataclass
class Landscape:
    """Stands for cells: scores are a formula of the configuration; ``configs`` are those that were asked for."""

    before: LabelFree = field(default_factory=lambda: LabelFree(0.9, 0.9, 0.1, 0.1))
    seconds: float = 1.0
    broken: tuple[int, ...] = ()
    interrupted: int = -1
    configs: list[IntegrationConfig] = field(default_factory=list)
    true: list[bool] = field(default_factory=list)

    def train(self, config: IntegrationConfig, progress: Progress, *, true: bool = False) -> tuple[Run | Broken, float]:
        self.configs.append(config)
        self.true.append(true)
        if len(self.configs) - 1 == self.interrupted:
            raise KeyboardInterrupt
        if len(self.configs) - 1 in self.broken:
            return Broken("It broke.", self.seconds), 0.0
        return Run(score_of(config), self.seconds), 0.0


def make_search(landscape: Landscape, path: Path | None = None, rule: Any = "no-worse") -> Search:
    """Return a search over a landscape, kept in memory or in a file."""
    space = make_space(IntegrationConfig())
    return Search(landscape, space, Ledger(space, path), rule)  # type: ignore[arg-type]


def searched(n_settings: int, landscape: Landscape, path: Path | None = None, rule: Any = "no-worse") -> Search:
    """Return a search that was run."""
    search = make_search(landscape, path, rule)
    search.run(Limits(60.0, n_settings), Silent())
    return search
