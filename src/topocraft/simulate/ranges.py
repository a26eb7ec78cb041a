"""What each parameter of Splat may be."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, NamedTuple

from topocraft.config.checked import shown_value
from topocraft.errors import ConfigError


class Range(NamedTuple):
    """The numbers that a parameter may be."""

    low: float = -math.inf
    high: float = math.inf
    low_allowed: bool = True
    whole: bool = False
    infinite: bool = False

    def holds(self, value: object) -> bool:
        """Tell whether a value is one of them."""
        if isinstance(value, bool) or not isinstance(value, Real):
            return False
        try:
            number = float(value)
        except OverflowError:
            return False
        if not math.isfinite(number):
            return self.infinite and number > 0
        above = number >= self.low if self.low_allowed else number > self.low
        return above and number <= self.high and (number.is_integer() or not self.whole)

    def __str__(self) -> str:
        """Say it in words."""
        kind = "a whole number" if self.whole else "a number"
        if math.isinf(self.low):
            return kind
        if math.isfinite(self.high):
            return f"{kind} between {self.low:g} and {self.high:,.12g}"
        return f"{kind}, {'at least' if self.low_allowed else 'above'} {self.low:g}"


_ANY, _SHARE, _SPREAD, _ABOVE = Range(), Range(0, 1), Range(0), Range(0, low_allowed=False)
COUNT = Range(1, 10**8, whole=True)
SCALARS = {
    "n_genes": COUNT,
    "mean_shape": _ABOVE,
    "mean_rate": _ABOVE,
    "lib_loc": _ANY,
    "lib_scale": _SPREAD,
    "out_prob": _SHARE,
    "out_fac_loc": _ANY,
    "out_fac_scale": _SPREAD,
    "bcv_common": _SPREAD,
    "bcv_df": Range(1, infinite=True),
    "path_nonlinear_prob": _SHARE,
    "path_sigma_fac": _SPREAD,
}
VECTORS = {
    "batch_cells": COUNT,
    "batch_fac_loc": _ANY,
    "batch_fac_scale": _SPREAD,
    "group_prob": _SHARE,
    "de_prob": _SHARE,
    "de_down_prob": _SHARE,
    "de_fac_loc": _ANY,
    "de_fac_scale": _SPREAD,
    "dropout_mid": _ANY,
    "dropout_shape": _ANY,
    "path_from": Range(0, whole=True),
    "path_n_steps": Range(2, whole=True),
    "path_skew": _SHARE,
}


def checked_number(name: str, value: Any, allowed: Range) -> float:
    """Return a number that is in its range; raise ConfigError otherwise."""
    if not allowed.holds(value):
        raise ConfigError(f"{name} must be {allowed}; got {shown_value(value)}.")
    return int(value) if allowed.whole else float(value)


def checked_numbers(name: str, value: Any, allowed: Range) -> tuple[float, ...]:
    """Return one number or several, all in their range, as a tuple; raise ConfigError otherwise."""
    values = [value] if isinstance(value, Real | str) or value is None else list(value)
    if not values:
        raise ConfigError(f"{name} must hold at least one number; got none.")
    return tuple(checked_number(name, item, allowed) for item in values)
