"""The shifts of a saved model: numbers into its description, arrays among its weights, and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from topocraft.training.kinds import Company
from topocraft.training.model_folder import Shapes, length_of, number_of
from topocraft.training.rounds import Round

ARRAYS = ("centers", "shifts")
MET = ("weight", "means", "kinds")
OPTIONAL = ("middles", "company")
"""One of the two, or neither."""
NUMBERS = ("width", "prior", "whole")


def numbers_of(rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """Return what the description says of rounds."""
    return [
        {name: getattr(each, name) for name in NUMBERS} | {name: getattr(each, name) is not None for name in OPTIONAL}
        for each in rounds
    ]


def arrays_of(group: str, rounds: Sequence[Round]) -> dict[str, torch.Tensor]:
    """Return the arrays of rounds, by the names under which they are stored."""
    found: dict[str, torch.Tensor] = {}
    for number, each in enumerate(rounds):
        parts = {part: getattr(each, part) for part in ARRAYS}
        if each.middles is not None:
            parts["middles"] = each.middles
        if each.company is not None:
            parts |= {part: getattr(each.company, part) for part in MET}
        found |= {f"{group}.{number}.{part}": torch.from_numpy(array) for part, array in parts.items()}
    return found


def checked_numbers(held: object, group: str) -> list[dict[str, Any]]:
    """Return what a description says of a group of rounds, if it can be so."""
    if not isinstance(held, list) or not all(isinstance(each, dict) for each in held):
        raise TypeError(f"rounds.{group} must be a list of rounds")
    for each in held:
        if each.keys() != {*NUMBERS, *OPTIONAL} or not all(
            isinstance(each[name], bool) for name in ("whole", *OPTIONAL)
        ):
            raise ValueError(f"rounds.{group} must say width, prior, whole, middles and company of each round")
        if each["company"] and (each["middles"] or each["whole"]):
            raise ValueError(f"rounds.{group} must not say company beside middles or whole")
        number_of(each["width"], f"rounds.{group}.width", 0.0)
        number_of(each["prior"], f"rounds.{group}.prior", 1e-6)
    return held


def due_arrays(
    group: str, numbers: list[dict[str, Any]], folder: Path, n_batches: int, axes: tuple[int, int], n_kinds: int | None
) -> Shapes:
    """Return the shapes of the arrays of a group; how many places there are is the choice of the file.

    ``axes`` are those of the map that guides, and of the points that are shifted.
    """
    due: dict[str, tuple[tuple[int, ...], torch.dtype]] = {}
    for number, each in enumerate(numbers):
        n_places = length_of(folder, f"{group}.{number}.centers", 0)
        if n_places < 1:
            raise ValueError(f"{group}.{number}.centers must hold at least one place")
        due[f"{group}.{number}.centers"] = ((n_places, axes[0]), torch.float32)
        due[f"{group}.{number}.shifts"] = ((n_places, n_batches, axes[1]), torch.float32)
        if each["middles"]:
            due[f"{group}.{number}.middles"] = ((n_places, axes[1]), torch.float32)
        if each["company"]:
            if n_kinds is None:
                raise ValueError(f"rounds.{group} must not say company where no places of the map tell kinds")
            widths = zip(MET, ((), (axes[1],), (n_kinds,)), strict=True)
            due |= {f"{group}.{number}.{part}": ((n_places, n_batches, *more), torch.float32) for part, more in widths}
    return due


def n_kinds_of(numbers: list[dict[str, Any]], folder: Path) -> int | None:
    """Return how many kinds the rounds that carry tell: places of the first that is not of whole batches."""
    coarsest = next((number for number, each in enumerate(numbers) if not each["whole"]), None)
    return None if coarsest is None else length_of(folder, f"carrying.{coarsest}.centers", 0)


def take_rounds(group: str, numbers: list[dict[str, Any]], weights: dict[str, torch.Tensor]) -> tuple[Round, ...]:
    """Return the rounds of a group, and take their arrays out of ``weights``."""

    def take(number: int, parts: Sequence[str]) -> dict[str, Any]:
        return {part: weights.pop(f"{group}.{number}.{part}").numpy() for part in parts}

    rounds = []
    for number, each in enumerate(numbers):
        arrays = {"middles": None} | take(number, (*ARRAYS, *(["middles"] if each["middles"] else [])))
        company = Company(**take(number, MET)) if each["company"] else None
        known: dict[str, Any] = {name: each[name] for name in NUMBERS}
        rounds.append(Round(company=company, **arrays, **known))
    return tuple(rounds)
