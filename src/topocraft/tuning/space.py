"""What is searched: which parameters, in which ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from topocraft.config import Head, IntegrationConfig, Scope
from topocraft.errors import ConfigError, list_names

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

RANGES = {"lambda_adversary": (0.1, 4.0), "lambda_triplet": (0.1, 5.0), "kl_coefficient": (5e-4, 5e-2)}
"""Searched on the scale of their logarithms."""
RESOLUTION = "low_resolution"
RESOLUTIONS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5)
"""Few enough that each is clustered once, and used again."""
ALSO: dict[str, tuple[str, ...]] = {"scope": get_args(Scope), "head": get_args(Head)}

Settings = dict[str, float | str]
"""Fields of the configuration by name."""


@dataclass(frozen=True)
class Space:
    """Ranges, widened to hold the base configuration, and the low resolutions, in order."""

    base: IntegrationConfig
    ranges: dict[str, tuple[float, float]]
    resolutions: tuple[float, ...]
    also: dict[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """The searched fields."""
        return (*self.ranges, RESOLUTION, *self.also)

    def start(self) -> Settings:
        """Return the settings of the base configuration."""
        held = {**vars(self.base.training), **vars(self.base.topology), "head": self.base.model.head}
        return {name: held[name] for name in self.names}

    def config(self, settings: Mapping[str, float | str]) -> IntegrationConfig:
        """Return the base configuration with these settings."""
        return self.base.with_values(**settings)

    def distributions(self) -> dict[str, BaseDistribution]:
        """Return the space in Optuna's words; of the low resolution the place in its row, which has an order."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        found: dict[str, BaseDistribution] = {
            name: FloatDistribution(low, high, log=True) for name, (low, high) in self.ranges.items()
        }
        found[RESOLUTION] = IntDistribution(0, len(self.resolutions) - 1)
        return found | {name: CategoricalDistribution(values) for name, values in self.also.items()}

    def encode(self, settings: Settings) -> dict[str, Any]:
        """Return settings in Optuna's words."""
        return {**settings, RESOLUTION: self.resolutions.index(float(settings[RESOLUTION]))}

    def decode(self, suggested: Mapping[str, Any]) -> Settings:
        """Return settings from Optuna's words, numbers to three figures, so that a configuration can be read."""
        start = self.start()
        rounded = {name: _rounded(suggested[name], start[name]) for name in self.ranges}
        resolution = self.resolutions[suggested[RESOLUTION]]
        return {**rounded, RESOLUTION: resolution, **{name: suggested[name] for name in self.also}}


def make_space(base: IntegrationConfig, also: Sequence[str] = ()) -> Space:
    """Return the space around a base configuration.

    Parameters
    ----------
    base
        Where the search starts; its values are in the space, wherever they lie.
    also
        Of "scope" and "head", what is searched besides.

    Raises
    ------
    ConfigError
        ``also`` holds something else, or a weight of the base is 0.

    Examples
    --------
    >>> make_space(IntegrationConfig()).start()
    {'lambda_adversary': 1.0, 'lambda_triplet': 1.0, 'kl_coefficient': 0.005, 'low_resolution': 0.5}
    """
    unknown = [name for name in also if name not in ALSO]
    if unknown:
        raise ConfigError(f"also (--also) must be of {list_names(ALSO)}; got {list_names(unknown)}.")
    for name in RANGES:
        if getattr(base.training, name) <= 0:
            raise ConfigError(
                f"{name} must be above 0 to be tuned, which searches it in ratios; the configuration has 0. "
                f"Set it to a small number ({name}=1e-3)."
            )
    held = {name: getattr(base.training, name) for name in RANGES}
    ranges = {name: (min(low, held[name]), max(high, held[name])) for name, (low, high) in RANGES.items()}
    resolutions = tuple(sorted({*RESOLUTIONS, float(base.topology.low_resolution)}))
    return Space(base, ranges, resolutions, {name: ALSO[name] for name in ALSO if name in also})


def _rounded(value: float, start: float | str) -> float:
    return value if value == start else float(f"{value:.3g}")
