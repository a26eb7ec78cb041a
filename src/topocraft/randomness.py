"""One seed, many independent streams.

Every place that draws random numbers asks for a stream by name, so that adding a draw in one place never
changes what another draws. No global generator is read or set.
"""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from topocraft.errors import ConfigError

if TYPE_CHECKING:
    import torch


def _sequence(seed: Any, name: str) -> np.random.SeedSequence:
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise ConfigError(f"seed must be a whole number of at least 0; got {seed!r:.60}.")
    return np.random.SeedSequence([int(seed), zlib.crc32(name.encode())])


def stream_seed(seed: int, name: str) -> int:
    """Return the 32-bit seed of the stream ``name``."""
    return int(_sequence(seed, name).generate_state(1)[0])


def numpy_stream(seed: int, name: str) -> np.random.Generator:
    """Return an independent NumPy generator for the stream ``name``."""
    return np.random.default_rng(_sequence(seed, name))


def python_stream(seed: int, name: str) -> random.Random:
    """Return an independent standard-library generator for the stream ``name``."""
    return random.Random(stream_seed(seed, name))


def some_of(n: int, most: int, generator: np.random.Generator) -> np.ndarray | None:
    """Return ``most`` of ``n`` indices, sorted, drawn evenly; ``None`` where there are no more than that.

    Examples
    --------
    >>> some_of(3, 5, numpy_stream(0, "example")) is None
    True
    """
    return np.sort(generator.choice(n, most, replace=False)) if n > most else None


def torch_stream(seed: int, name: str, device: str = "cpu") -> torch.Generator:
    """Return an independent torch generator on ``device`` for the stream ``name``."""
    import torch

    return torch.Generator(device=device).manual_seed(stream_seed(seed, name))
