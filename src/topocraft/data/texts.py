"""Names and labels as text: what a file cannot hold, or text cannot tell apart, is refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from topocraft.errors import InputError, list_names

LONGEST = 1000
"""Characters of a label. Arrays of labels are as wide as the longest: one of 10,000 takes 40 kB for every cell."""


def label_texts(labels: pd.Series, key: str, parameter: str) -> pd.Series:
    """Return labels as text, missing where they are.

    Parameters
    ----------
    labels
        A column of ``obs``, of any type.
    key, parameter
        Its name, and the parameter that named it, for messages.

    Raises
    ------
    InputError
        A label is no single value, is too long, or two that differ would read alike.

    Examples
    --------
    >>> import pandas as pd
    >>> from topocraft.data.texts import label_texts
    >>> label_texts(pd.Series([1, 2, 1]), "run", "batch_key").tolist()
    ['1', '2', '1']
    """
    values = labels.astype(object)
    given = values[~values.isna().to_numpy()]
    kinds = given.map(type).unique()
    if any(kind.__hash__ is None for kind in kinds):
        raise InputError(
            f"{parameter} '{key}' must hold one text or number per cell; it holds "
            f"{list_names(sorted(kind.__name__ for kind in kinds))}. Turn them into text."
        )
    texts = given.map(str)
    _require_short(texts.unique(), key, parameter)
    require_text(texts.unique(), f"{parameter} '{key}'")
    if len(kinds) > 1:
        _require_apart(given, key, parameter)
    return values.map(str, na_action="ignore")


def n_distinct(values: pd.Series) -> int:
    """Return how many values of a column differ, missing ones aside; of lists and dictionaries, by how they read.

    Examples
    --------
    >>> import pandas as pd
    >>> from topocraft.data.texts import n_distinct
    >>> n_distinct(pd.Series(["a", "b", "a", None])), n_distinct(pd.Series([[1], [2], [1]]))
    (2, 2)
    """
    try:
        return int(values.nunique())
    except TypeError:
        return int(values.map(str, na_action="ignore").nunique())


def require_text(names: Iterable[Any], what: str) -> None:
    """Refuse names that are no text, or that no file can hold: with zero bytes, or with halves of characters.

    Raises
    ------
    InputError
        Says what is named so, and shows the first of them.
    """
    every = list(names)
    names = [name for name in every if isinstance(name, str)]
    if len(names) < len(every):
        others = [name for name in every if not isinstance(name, str)]
        raise InputError(
            f"{what} must be text; {len(others):,} of {len(every):,} are not, such as {others[0]!r:.60} "
            f"({type(others[0]).__name__}). Turn them into text: {what} = {what}.astype(str)."
        )
    if _is_text("\n".join(names)):
        return
    broken = next(name for name in names if not _is_text(name))
    raise InputError(
        f"{what} must be text that a file can hold, without zero bytes and halves of characters; one is "
        f"{broken[:40]!r}. Rename it."
    )


def _is_text(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _require_short(texts: Iterable[str], key: str, parameter: str) -> None:
    longest = max(texts, key=len, default="")
    if len(longest) > LONGEST:
        raise InputError(
            f"{parameter} '{key}' must hold labels of at most {LONGEST:,} characters; one has {len(longest):,}: "
            f"{longest[:20]!r}… Shorten it."
        )


def _require_apart(values: pd.Series, key: str, parameter: str) -> None:
    seen: dict[str, object] = {}
    for value in values:
        if seen.setdefault(str(value), value) != value:
            raise InputError(
                f"{parameter} '{key}' must not mix labels that read alike; it holds {seen[str(value)]!r} and "
                f"{value!r}. Make it one kind: adata.obs['{key}'] = adata.obs['{key}'].astype(str)."
            )
