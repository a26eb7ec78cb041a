"""A training whose numbers break down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from topocraft.training import step


def spoil(monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    """Let every step from the ``first`` on come to a loss of NaN."""
    whole, calls = step.cosine_loss, [0]

    def spoiled(*arguments: Any) -> Any:
        calls[0] += 1
        return whole(*arguments) * (np.nan if calls[0] > first else 1.0)

    monkeypatch.setattr(step, "cosine_loss", spoiled)
