"""What torchrun tells a process, and what it cannot have meant."""

from __future__ import annotations

import pytest

from topocraft.errors import ConfigError
from topocraft.training.place import Place

TOLD = {"RANK": "3", "WORLD_SIZE": "4", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}


def test_alone_where_nothing_or_one_is_told() -> None:
    assert Place.told({}) is None
    assert Place.told({**TOLD, "RANK": "0", "WORLD_SIZE": "1"}) is None


def test_one_machine_and_several() -> None:
    assert Place.told(TOLD) == Place(3, 4, 3, 4)
    assert Place.told({**TOLD, "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}) == Place(3, 4, 1, 2)
    assert Place.told({**TOLD, "LOCAL_WORLD_SIZE": "2"}) == Place(3, 4, 1, 2)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"RANK": ""}, "WORLD_SIZE is '4', and RANK not set"),
        ({"RANK": "", "MASTER_PORT": ""}, "RANK and MASTER_PORT not set"),
        ({"WORLD_SIZE": "many"}, "WORLD_SIZE must be a whole number from 1 to 2147483648; got 'many'"),
        ({"RANK": "4"}, "RANK must be a whole number from 0 to 3; got '4'"),
        ({"RANK": "-1"}, "RANK must be a whole number from 0 to 3; got '-1'"),
        ({"LOCAL_WORLD_SIZE": "5"}, "LOCAL_WORLD_SIZE must be a whole number from 1 to 4; got '5'"),
        ({"LOCAL_WORLD_SIZE": "2", "LOCAL_RANK": "2"}, "LOCAL_RANK must be a whole number from 0 to 1; got '2'"),
        ({"MASTER_PORT": "http"}, "MASTER_PORT must be a whole number from 1 to 65535; got 'http'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_cure(changes: dict[str, str], match: str) -> None:
    with pytest.raises(ConfigError, match=f"{match}.*torchrun --nproc-per-node N -m topocraft integrate"):
        Place.told({**TOLD, **changes})
