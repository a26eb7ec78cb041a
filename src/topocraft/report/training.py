"""How training went, as the numbers of small line charts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from topocraft.display import byte_size, duration
from topocraft.errors import InputError, first_line
from topocraft.plot.paper import CURVES
from topocraft.provenance import KEY

WIDTH, HEIGHT = 100.0, 60.0
"""Size of a chart's field in its own units."""
LAPS = ("prepare", "cluster", "train", "embed", "align")


@dataclass(frozen=True)
class Chart:
    """One curve: ``points`` of a polyline in ``WIDTH`` × ``HEIGHT``; ``chance`` is the height of a dashed line."""

    title: str
    points: str
    low: str
    high: str
    first: str
    last: str
    epochs: int
    chance: float | None = None


@dataclass(frozen=True)
class Training:
    """The charts, the width of the warm-up in them, and lines of what it took."""

    charts: tuple[Chart, ...]
    warmup: float
    facts: tuple[tuple[str, str], ...]


def training(provenance: Mapping[str, Any]) -> Training | None:
    """Return what a file tells of its training, ``None`` where it tells nothing.

    Raises
    ------
    InputError
        It is not what an integration writes.
    """
    if "losses" not in provenance:
        return None
    try:
        return _told(provenance)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(
            f"uns['{KEY}'] must be a record as topocraft.integrate writes it; that of the training cannot be read "
            f"({first_line(error)}). Integrate the cells again, or delete it."
        ) from error


def _told(provenance: Mapping[str, Any]) -> Training:
    losses = {name: np.asarray(values, dtype=float) for name, values in provenance["losses"].items()}
    chance = 1 / max(1, len(provenance.get("batches", ())))
    charts = tuple(
        _chart(title, losses[name], chance if name == "accuracy" else None)
        for name, title in CURVES.items()
        if name in losses and len(losses[name])
    )
    config = json.loads(provenance.get("config", "{}"))
    epochs = charts[0].epochs if charts else 1
    warmup = config.get("training", {}).get("warmup_epochs", 0) / epochs * WIDTH
    return Training(charts, min(warmup, WIDTH), tuple(_facts(provenance, losses, chance)))


def _chart(title: str, values: np.ndarray, chance: float | None) -> Chart:
    low, high = (0.0, 1.0) if chance is not None else (float(values.min()), float(values.max()))
    width = (high - low) or 1.0
    along = np.linspace(0, WIDTH, len(values)) if len(values) > 1 else np.array([0.0])
    up = HEIGHT - (values - low) / width * HEIGHT
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(along, up, strict=True))
    return Chart(
        title,
        points,
        low=f"{low:.3g}",
        high=f"{high:.3g}",
        first=f"{values[0]:.3g}",
        last=f"{values[-1]:.3g}",
        epochs=len(values),
        chance=None if chance is None else HEIGHT * (1 - chance),
    )


def _facts(provenance: Mapping[str, Any], losses: Mapping[str, np.ndarray], chance: float) -> list[tuple[str, str]]:
    facts = []
    if "accuracy" in losses:
        facts.append(("classifier's accuracy at the end", f"{losses['accuracy'][-1]:.2f}; chance is {chance:.2f}"))
    seconds = {str(name): float(value) for name, value in provenance.get("seconds", {}).items()}
    if seconds:
        facts.append(("time", f"{duration(sum(seconds.values()))} in all"))
        laps = sorted(seconds, key=lambda name: (LAPS.index(name) if name in LAPS else len(LAPS), name))
        facts += [(f"time: {name}", duration(seconds[name])) for name in laps]
    if "peak_bytes" in provenance:
        facts.append(("memory at the peak", byte_size(float(provenance["peak_bytes"]))))
    if "device" in provenance:
        facts.append(("device", f"{provenance['device']}, {provenance['precision']}, {provenance['threads']} threads"))
    return facts
