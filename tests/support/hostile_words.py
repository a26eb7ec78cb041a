"""What every refusal must be."""

from __future__ import annotations

from topocraft.errors import TopocraftError


def require_cure(error: TopocraftError) -> None:
    """Require a message that is whole sentences, short, and that a terminal can show."""
    text = str(error)
    assert text.endswith((".", "?")), text
    assert len(text) < 1000, "a message is no place for 10,000 characters"
    assert text.isprintable(), repr(text)
