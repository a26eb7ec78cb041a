"""How the pipeline tells what it is doing. Displays implement ``Progress``; ``Silent`` says nothing."""

from __future__ import annotations

import warnings
from typing import Protocol


class Progress(Protocol):
    """What a display of progress must offer."""

    def phase(self, name: str, total: int | None = None) -> None:
        """Begin a phase of ``total`` parts, or of unknown length."""

    def advance(self, note: str = "") -> None:
        """Count one part of the phase as done."""

    def say(self, message: str) -> None:
        """Tell the user a fact that stays on the screen."""

    def warn(self, message: str) -> None:
        """Tell the user a fact that calls for attention."""


class Silent:
    """Says nothing."""

    def phase(self, name: str, total: int | None = None) -> None:
        """Ignore the phase."""

    def advance(self, note: str = "") -> None:
        """Ignore the part."""

    def say(self, message: str) -> None:
        """Ignore the message."""

    def warn(self, message: str) -> None:
        """Ignore the message."""


class Unattended(Silent):
    """Says nothing of what goes well; what calls for attention becomes a Python warning."""

    def warn(self, message: str) -> None:
        """Warn, from the line that called topocraft."""
        warnings.warn(message, UserWarning, stacklevel=5)
