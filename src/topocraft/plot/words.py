"""Words of others in pictures, drawn as they are."""

from __future__ import annotations


def as_drawn(text: object) -> str:
    r"""Return text that matplotlib draws as it is: two dollars would make it a formula, and a wrong one an error.

    Examples
    --------
    >>> from topocraft.plot.words import as_drawn
    >>> as_drawn("$5 to $10")
    '\\$5 to \\$10'
    """
    return str(text).replace("$", r"\$")
