"""Colours that are told apart with any colour vision, and the categories that wear them."""

from __future__ import annotations

from typing import Any

import numpy as np

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#F0E442")
"""Okabe and Ito's eight colours, told apart with any colour vision (https://jfly.uni-koeln.de/color/)."""
MANY = "turbo"
"""Colour map for more categories than the palette has."""
MISSING = "#D0D0D0"


def categories_of(values: Any, drawn: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return the code of every drawn cell, −1 where it has none, and the names in their own order or sorted."""
    every = np.array([str(value) for value in values], dtype=str)
    ordered = [str(name) for name in values.cat.categories] if hasattr(values, "cat") else sorted(set(every))
    names = [name for name in ordered if name in set(every[drawn])]
    position = {name: code for code, name in enumerate(names)}
    return np.array([position.get(name, -1) for name in every[drawn]]), names


def palette(n_colours: int) -> list[str]:
    """Return that many distinct colours, as "#RRGGBB"."""
    if n_colours <= len(PALETTE):
        return list(PALETTE[:n_colours])
    from matplotlib import colormaps, colors

    return [colors.to_hex(colour) for colour in colormaps[MANY](np.linspace(0.02, 0.98, n_colours))]
