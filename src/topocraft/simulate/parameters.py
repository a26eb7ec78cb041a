"""The parameters of Splat, under the names that Splatter gives them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from topocraft.errors import ConfigError, nearest_name
from topocraft.simulate.ranges import SCALARS, VECTORS, checked_number, checked_numbers

METHODS = ("single", "groups", "paths")
DROPOUT_TYPES = ("none", "experiment", "batch", "group", "cell")


PER_BATCH = ("batch_fac_loc", "batch_fac_scale")
PER_GROUP = ("de_prob", "de_down_prob", "de_fac_loc", "de_fac_scale", "path_from", "path_n_steps", "path_skew")
Numbers = Sequence[float] | float
Counts = Sequence[int] | int


@dataclass(frozen=True)
class SplatParams:
    """Everything that Splat depends on but the seed; the defaults are Splatter's.

    What holds for each batch or each group may be one number, which then holds for all of them.

    Parameters
    ----------
    n_genes
        Genes.
    method
        "single" for one population; "groups" for cell types; "paths" for continuous differentiation.
    batch_cells
        Cells of each batch.
    batch_fac_loc, batch_fac_scale
        Mean and standard deviation of the logarithm of the batch factors, for each batch.
    batch_rm_effect
        Leave the batch factors out: batches without a batch effect.
    mean_shape, mean_rate
        Shape and rate (1/scale) of the gamma distribution of gene means.
    lib_loc, lib_scale, lib_norm
        Mean and standard deviation of the logarithm of the library size; of the library size itself, which is
        then normal, if ``lib_norm``.
    out_prob, out_fac_loc, out_fac_scale
        Share of outlier genes; mean and standard deviation of the logarithm of their factors.
    group_prob
        Share of each group, or path; they sum to 1.
    de_prob, de_down_prob, de_fac_loc, de_fac_scale
        For each group: share of genes that are differentially expressed, share of those that are down, mean and
        standard deviation of the logarithm of their factors.
    bcv_common, bcv_df
        Biological coefficient of variation that all genes share, and degrees of freedom of its chi-square
        variation between genes, at least 1; infinite for none.
    dropout_type, dropout_mid, dropout_shape
        "none", or whose midpoint and shape are given: "experiment" (one of each), "batch", "group" or "cell".
        A count of mean m is lost with probability 1 / (1 + exp(−shape · (ln m − mid))).
    path_from
        For each path the number of the path that it continues, from 1; 0 for the origin.
    path_n_steps, path_skew
        For each path: its steps, at least 2; 0 puts the cells towards its end, 1 towards its start.
    path_nonlinear_prob, path_sigma_fac
        Share of genes that do not change evenly along a path, and how far they stray.

    Raises
    ------
    ConfigError
        A value is outside its range, shares do not sum to 1, or lengths do not match.

    References
    ----------
    Zappia, Phipson, Oshlack 2017, doi:10.1186/s13059-017-1305-0.

    Examples
    --------
    >>> params = SplatParams(batch_cells=(60, 40), batch_fac_scale=(0.5, 1.0))
    >>> params.n_cells, params.n_batches, params.batch_fac_loc
    (100, 2, (0.1, 0.1))
    """

    n_genes: int = 10_000
    method: str = "single"
    batch_cells: Counts = (100,)
    batch_fac_loc: Numbers = 0.1
    batch_fac_scale: Numbers = 0.1
    batch_rm_effect: bool = False
    mean_shape: float = 0.6
    mean_rate: float = 0.3
    lib_loc: float = 11.0
    lib_scale: float = 0.2
    lib_norm: bool = False
    out_prob: float = 0.05
    out_fac_loc: float = 4.0
    out_fac_scale: float = 0.5
    group_prob: Numbers = (1.0,)
    de_prob: Numbers = 0.1
    de_down_prob: Numbers = 0.5
    de_fac_loc: Numbers = 0.1
    de_fac_scale: Numbers = 0.4
    bcv_common: float = 0.1
    bcv_df: float = 60.0
    dropout_type: str = "none"
    dropout_mid: Numbers = 0.0
    dropout_shape: Numbers = -1.0
    path_from: Counts = 0
    path_n_steps: Counts = 100
    path_skew: Numbers = 0.5
    path_nonlinear_prob: float = 0.1
    path_sigma_fac: float = 0.8

    def __post_init__(self) -> None:
        """Check every value and spread what was given once over all batches or groups."""
        self._require_choice("method", METHODS)
        self._require_choice("dropout_type", DROPOUT_TYPES)
        for name, allowed in SCALARS.items():
            self._set(name, checked_number(name, getattr(self, name), allowed))
        for name, allowed in VECTORS.items():
            self._set(name, checked_numbers(name, getattr(self, name), allowed))
        self._spread(PER_BATCH, self.n_batches, "batches, the length of batch_cells")
        self._spread(PER_GROUP, self.n_groups, "groups, the length of group_prob")
        sizes = {"batch": self.n_batches, "group": self.n_groups, "cell": self.n_cells}
        size = sizes.get(self.dropout_type, 1)
        self._spread(("dropout_mid", "dropout_shape"), size, f"for dropout_type '{self.dropout_type}'")
        self._require_groups()

    @property
    def n_cells(self) -> int:
        """Number of cells of all batches."""
        return sum(self.vector("batch_cells", int))

    @property
    def n_batches(self) -> int:
        """Number of batches."""
        return len(self.vector("batch_cells", int))

    @property
    def n_groups(self) -> int:
        """Number of groups, or of paths."""
        return len(self.vector("group_prob"))

    def vector(self, name: str, kind: type = float) -> tuple[Any, ...]:
        """Return what holds for each batch, group or cell, one entry each."""
        return tuple(kind(value) for value in getattr(self, name))

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, text and lists, as JSON holds them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SplatParams:
        """Return the parameters of a mapping; what it leaves out is the default.

        Raises
        ------
        ConfigError
            A name is unknown or a value is outside its range.
        """
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise ConfigError(f"'{name}' is not a parameter of Splat.{nearest_name(str(name), known)}")
        return cls(**values)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _require_choice(self, name: str, choices: tuple[str, ...]) -> None:
        value = getattr(self, name)
        if value not in choices:
            allowed = ", ".join(f"'{choice}'" for choice in choices)
            raise ConfigError(f"{name} must be one of {allowed}; got {value!r}.{nearest_name(str(value), choices)}")

    def _spread(self, names: tuple[str, ...], size: int, whose: str) -> None:
        for name in names:
            values = getattr(self, name)
            if len(values) not in (1, size):
                raise ConfigError(f"{name} must hold 1 number or {size} ({whose}); got {len(values)}.")
            self._set(name, values * size if len(values) == 1 else values)

    def _require_groups(self) -> None:
        total = math.fsum(self.vector("group_prob"))
        if abs(total - 1) > 1e-6:
            raise ConfigError(f"group_prob must sum to 1; got a sum of {total:g}. Divide every share by it.")
        if self.method == "single" and self.n_groups > 1:
            raise ConfigError(f"method 'single' has one group; group_prob has {self.n_groups}. Set method='groups'.")
        origins = self.vector("path_from", int)
        if self.method == "paths" and any(not 0 <= start < path for path, start in enumerate(origins, start=1)):
            raise ConfigError(
                f"path_from must be 0 or the number of an earlier path; got {origins}. "
                "Number the paths from the origin."
            )
