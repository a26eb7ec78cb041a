"""What chance gives: permutations, and how extreme a number is among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Null:
    """What chance gives: mean, the middle 95 %, and the one-sided p-value of the number held against it."""

    mean: float
    low: float
    high: float
    p_value: float

    def fields(self, name: str) -> dict[str, float | str]:
        """Return it as the fields of a statement; ``name`` says what was left to chance."""
        return {
            "null_mean": self.mean,
            "null_low": self.low,
            "null_high": self.high,
            "p_value": self.p_value,
            "null_name": name,
        }


def null_of(value: float, draws: np.ndarray, *, extreme: str = "above") -> Null:
    """Hold a number against draws, (n,): p = (1 + draws as extreme) / (1 + n), above or below.

    Examples
    --------
    >>> import numpy as np
    >>> null_of(0.9, np.linspace(0, 0.5, 19)).p_value
    0.05
    """
    as_extreme = draws >= value if extreme == "above" else draws <= value
    low, high = np.quantile(draws, [0.025, 0.975])
    return Null(float(draws.mean()), float(low), float(high), float((1 + as_extreme.sum()) / (1 + len(draws))))


def paired_null(before: np.ndarray, after: np.ndarray, generator: np.random.Generator, n_draws: int) -> Null:
    """Hold the mean of after − before against what it would be, were the two exchanged at random in every cell.

    Parameters
    ----------
    before, after
        A number of every cell, (n_cells,), at the two moments.

    Returns
    -------
    Null
        Of the mean difference; ``p_value`` that it is as high by chance. Cells are taken for independent, which
        neighbours are not: small p-values of small differences are to be read with the difference beside them.

    References
    ----------
    Paired permutation: Good 2005, doi:10.1007/b138696.

    Examples
    --------
    >>> import numpy as np
    >>> paired_null(np.zeros(20), np.ones(20), np.random.default_rng(0), 99).p_value
    0.01
    """
    difference = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    signs = generator.choice([-1.0, 1.0], size=(n_draws, len(difference)))
    return null_of(float(difference.mean()), signs @ difference / len(difference))


def shuffled_overlap(
    one: np.ndarray, other: np.ndarray, generator: np.random.Generator, n_draws: int, most: int = 500
) -> np.ndarray:
    """Return mean shares of common neighbours, (n_draws,), had the cells of the second graph been dealt out anew.

    At most ``most`` cells are looked at in a draw, which makes the draws spread a little wider.
    """
    from topocraft.audit.neighbourhoods import common_share

    n_cells, draws = len(one), np.empty(n_draws)
    for draw in range(n_draws):
        order = generator.permutation(n_cells)
        rows = generator.permutation(n_cells)[:most]
        place = np.empty(n_cells, dtype=np.int64)
        place[order] = np.arange(n_cells)
        draws[draw] = common_share(one[rows], order[other[place[rows]]]).mean()
    return draws
