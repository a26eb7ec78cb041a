"""Where topocraft keeps what it can fetch or make again."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "TOPOCRAFT_CACHE"


def cache_folder(*parts: str) -> Path:
    """Return a folder below topocraft's cache; it need not exist yet.

    Parameters
    ----------
    parts
        Names of folders below the cache, from the outside in.

    Returns
    -------
    Below the folder that the environment variable ``TOPOCRAFT_CACHE`` names, or else below the platform's own, such
    as ``~/.cache/topocraft`` on Linux.

    Examples
    --------
    >>> cache_folder("datasets").name
    'datasets'
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser().absolute().joinpath(*parts)
    from platformdirs import user_cache_path

    return user_cache_path("topocraft", appauthor=False).joinpath(*parts)
