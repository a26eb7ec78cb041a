"""What a fit says of its cells and of its training before it begins."""

from __future__ import annotations

import numpy as np
import pytest

from topocraft.config import TrainingConfig
from topocraft.fitted_cells import tell_small_batches, tell_warm_up
from topocraft.progress import Silent


class _Heard(Silent):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def say(self, message: str) -> None:
        self.messages.append(message)

    warn = say


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ([30, 31, 90], ""),
        ([29, 31, 90], "1 of 3 batches have fewer than 30 cells, too few to show what is alike inside them: 'a'."),
        ([29, 1, 90], "2 of 3 batches .*: 'a', 'b'. Is this the column of the batches?"),
    ],
)
def test_batches_that_show_no_structure_of_their_own_are_named(sizes: list[int], told: str) -> None:
    heard = _Heard()
    tell_small_batches(np.array(sizes), ("a", "b", "c"), heard)
    if not told:
        assert heard.messages == []
    else:
        first, _, rest = told.partition(".*")
        (message,) = heard.messages
        assert message.startswith(first)
        assert message.endswith(rest)


@pytest.mark.parametrize(("epochs", "weight", "told"), [(50, 1.0, True), (51, 1.0, False), (50, 0.0, False)])
def test_training_that_ends_in_its_warm_up_is_told(epochs: int, weight: float, told: bool) -> None:
    heard = _Heard()
    tell_warm_up(epochs, TrainingConfig(warmup_epochs=50, lambda_adversary=weight), heard)
    assert [message.startswith("Training ends within its warm-up (epochs 50") for message in heard.messages] == (
        [True] if told else []
    )
