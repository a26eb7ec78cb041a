"""The nine published datasets: complete, and honest about what is not known."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError

import pytest

from topocraft.data.datasets import PUBLISHED, Dataset
from topocraft.data.datasets.entries import PACKED, READ

LENGTHS = {"md5": 32, "sha256": 64}


def test_the_nine_of_the_paper_with_their_numbers() -> None:
    assert list(PUBLISHED) == [
        "bct",
        "bct-del",
        "human-immune",
        "human-immune-part",
        "pancreas",
        "lung-atlas",
        "lung-two-species",
        "macaque-retina",
        "hcl-mca",
    ]
    assert all(name == dataset.name for name, dataset in PUBLISHED.items())
    stated = {"pancreas": (16_382, 9, 14), "lung-atlas": (32_472, 16, 17), "hcl-mca": (372_789, 2, 63 + 50 - 18)}
    for name, numbers in stated.items():
        assert (PUBLISHED[name].cells, PUBLISHED[name].batches, PUBLISHED[name].types) == numbers
    assert PUBLISHED["macaque-retina"].batches == 30


@pytest.mark.parametrize("dataset", PUBLISHED.values(), ids=list(PUBLISHED))
def test_every_entry_says_whose_it_is_and_how_it_is_read(dataset: Dataset) -> None:
    assert dataset.title
    assert dataset.licence
    assert dataset.citation.startswith("doi:10.")
    assert dataset.url is not None
    assert dataset.url.startswith("https://")
    assert dataset.origin
    assert dataset.files
    assert dataset.batch_key
    assert dataset.label_key
    with pytest.raises(FrozenInstanceError):
        dataset.cells = 1  # type: ignore[misc]


@pytest.mark.parametrize("dataset", PUBLISHED.values(), ids=list(PUBLISHED))
def test_addresses_and_checksums_are_well_formed(dataset: Dataset) -> None:
    for file in dataset.files:
        assert file.name.endswith((*READ, *PACKED))
        assert all(address.startswith("https://") for address in (*file.addresses, *file.listings))
        assert not (file.addresses and file.listings)
        if file.checksum is not None:
            algorithm, _, digest = file.checksum.partition(":")
            assert re.fullmatch(f"[0-9a-f]{{{LENGTHS[algorithm]}}}", digest)


def test_where_no_address_is_known_the_entry_tells_where_to_look() -> None:
    without = [name for name, dataset in PUBLISHED.items() if not any(file.can_be_fetched for file in dataset.files)]
    assert without == ["human-immune-part", "hcl-mca"]
    assert all("https://" in PUBLISHED[name].by_hand for name in without)
