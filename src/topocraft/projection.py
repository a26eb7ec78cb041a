"""A centred linear map: from genes, or from posterior means, to their leading components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy import sparse


@dataclass(frozen=True, eq=False)
class Projection:
    """A centred linear map: (x − center) @ axes, with center (d,) and axes (d, k), float32.

    Examples
    --------
    >>> import numpy as np
    >>> from topocraft.projection import Projection
    >>> turned = Projection(np.ones(2, np.float32), np.array([[0, 1], [1, 0]], np.float32))
    >>> turned.apply(np.array([[3, 5]], np.float32)).tolist()
    [[4.0, 2.0]]
    """

    center: np.ndarray
    axes: np.ndarray

    def apply(self, points: np.ndarray | sparse.csr_matrix) -> np.ndarray:
        """Return the coordinates of points (n, d), dense or CSR, as (n, k); nothing sparse becomes dense."""
        if isinstance(points, np.ndarray):
            projected: np.ndarray = (points - self.center) @ self.axes
            return projected
        moved: np.ndarray = points @ self.axes - self.center @ self.axes
        return moved
