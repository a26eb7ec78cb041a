"""Whether two scores order the same things alike."""

from __future__ import annotations

import numpy as np
import pandas as pd

FEWEST = 4


def rank_correlation(one: pd.Series, other: pd.Series) -> float:
    """Return Spearman's rank correlation of two scores; NaN where fewer than four pairs are known, or one never varies.

    Examples
    --------
    >>> import pandas as pd
    >>> round(rank_correlation(pd.Series([1, 2, 3, 4]), pd.Series([0.1, 0.3, 0.2, 0.4])), 2)
    0.8
    """
    from scipy.stats import spearmanr

    pair = pd.DataFrame({"one": one, "other": other}).dropna()
    told = len(pair) >= FEWEST and (pair.nunique() > 1).all()
    return float(spearmanr(pair["one"], pair["other"]).statistic) if told else np.nan
