"""Datasets by name, from address to cells."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pytest

from topocraft.data.cells import from_anndata
from topocraft.data.datasets import Dataset, RemoteFile, access, find, get, is_here, known, load
from topocraft.errors import ConfigError, FileError, InputError
from topocraft.progress import Silent

Publish = Callable[..., None]


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Let the published datasets be one, 'small', of the given files."""

    def one(*files: RemoteFile, **entry: Any) -> None:
        keys = {"layer": "counts", "batch_key": ("tech",), "label_key": ("kind",)} | entry
        dataset = Dataset("small", "A small set", files=files, by_hand="Ask its authors.", url="https://page", **keys)
        monkeypatch.setattr(access, "PUBLISHED", {"small": dataset})

    return one


def packed(content: bytes) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("deep/cells.h5ad", content)
    return buffer.getvalue()


def test_a_dataset_is_fetched_prepared_and_read(host: Any, publish: Publish, stored: bytes, here: Path) -> None:
    place = host.put("/cells", body=stored, breaks=[3000])
    publish(RemoteFile("source.h5ad", (host.address("/cells"),), f"md5:{hashlib.md5(stored).hexdigest()}"))
    assert not is_here("small")
    path = get("small")
    assert path == here / "cache/datasets/small/small.h5ad"
    assert is_here("small")
    cells = load("small")
    np.testing.assert_array_equal(cells.X.toarray(), [[1, 0], [2, 3], [0, 4], [5, 0]])
    assert list(cells.obs["batch"]) == ["a", "a", "b", "b"]
    assert cells.obs["celltype"].isna().tolist() == [False, True, False, False]
    assert cells.uns["x_kind"] == "raw counts"
    assert from_anndata(cells, "batch").kind == "counts"
    assert place.asked == [None, "bytes=3000-"]


def test_preparing_anew_gives_the_same_bytes(host: Any, publish: Publish, stored: bytes) -> None:
    place = host.put("/cells", body=stored)
    publish(RemoteFile("source.h5ad", (host.address("/cells"),)))
    before = get("small").read_bytes()
    assert get("small", force=True).read_bytes() == before
    assert len(place.asked) == 2


def test_a_dataset_of_a_figshare_article_that_is_packed(host: Any, publish: Publish, stored: bytes) -> None:
    body = packed(stored)
    host.put("/files/7", body=body)
    item = {
        "name": "small_raw.zip",
        "size": len(body),
        "download_url": host.address("/files/7"),
        "computed_md5": hashlib.md5(body).hexdigest(),
    }
    host.put("/articles/1/versions/2", body=json.dumps({"files": [item]}).encode())
    publish(RemoteFile("small_raw.h5ad", listings=(host.address("/articles/1/versions/2"),)))
    assert load("small").n_obs == 4


def test_alternatives_are_tried_in_turn(host: Any, publish: Publish, stored: bytes) -> None:
    host.put("/empty", body=packed(b"").replace(b"h5ad", b"text"))
    host.put("/cells", body=stored)
    addresses = [("a.zip", "/gone"), ("b.zip", "/empty"), ("c.h5ad", "/cells")]
    publish(*(RemoteFile(name, (host.address(path),)) for name, path in addresses))
    assert load("small").n_obs == 4


def test_what_cannot_be_had_is_told_with_every_reason_and_the_cure(host: Any, publish: Publish, here: Path) -> None:
    publish(RemoteFile("a.h5ad", (host.address("/gone"),)), RemoteFile("b.h5ad"))
    with pytest.raises(FileError) as raised:
        get("small")
    told = str(raised.value)
    assert told.startswith("Dataset 'small' is not to be had. 'a.h5ad' could not be fetched.")
    assert "answers 404" in told
    assert f"put it at '{here / 'cache/datasets/small/b.h5ad'}'" in told
    assert told.endswith("See https://page. Ask its authors.")
    assert not is_here("small")


def test_a_file_put_there_by_hand_needs_no_network(publish: Publish, stored: bytes, here: Path) -> None:
    publish(RemoteFile("source.h5ad"))
    place = here / "cache/datasets/small/source.h5ad"
    place.parent.mkdir(parents=True)
    place.write_bytes(stored)
    assert load("small").n_obs == 4


def test_a_file_of_another_shape_leaves_no_prepared_one(host: Any, publish: Publish, stored: bytes) -> None:
    host.put("/cells", body=stored)
    publish(RemoteFile("source.h5ad", (host.address("/cells"),)), label_key=("type",))
    with pytest.raises(InputError, match="label_key must name a column of obs; there is no 'type'"):
        get("small")
    assert not is_here("small")


def test_what_is_done_and_found_is_told(host: Any, publish: Publish, stored: bytes) -> None:
    phases, said = [], []

    class Told(Silent):
        def phase(self, name: str, total: int | None = None) -> None:
            phases.append(name)

        def say(self, message: str) -> None:
            said.append(message)

    host.put("/cells", body=stored)
    publish(RemoteFile("source.h5ad", (host.address("/cells"),)))
    get("small", progress=Told())
    assert phases == ["fetch source.h5ad", "prepare small"]
    assert said == ["small: 1 cells have no cell type."]


def test_ones_own_sets_are_read_through_the_same_door(source: anndata.AnnData, here: Path) -> None:
    source.write_h5ad(here / "mine.h5ad")
    (here / "mine.toml").write_text('batch_key = "tech"\nlabel_key = "kind"\nlayer = "counts"\n')
    assert "mine" in known(here)
    assert "pancreas" in known(here)
    assert is_here("mine", here)
    assert get("mine", folder=here) == here / "mine.h5ad"
    cells = load("mine", folder=here)
    np.testing.assert_array_equal(cells.X.toarray(), [[1, 0], [2, 3], [0, 4], [5, 0]])
    assert list(cells.obs["batch"]) == ["a", "a", "b", "b"]
    assert cells.uns["dataset"] == "mine"


def test_ones_own_set_takes_precedence(source: anndata.AnnData, here: Path) -> None:
    source.obs["celltype"] = "T"
    source.write_h5ad(here / "pancreas.h5ad")
    assert find("pancreas", here).local == here / "pancreas.h5ad"
    assert load("pancreas", folder=here).n_obs == 4
    assert find("pancreas").local is None


def test_an_unknown_name(here: Path) -> None:
    told = r"name must be .*; there is no dataset 'pancras'\. Did you mean 'pancreas'\? .* --from"
    with pytest.raises(ConfigError, match=told):
        find("pancras")


def test_the_shared_sets_are_read_through_the_same_door(shared_data: Callable[[str], Path]) -> None:
    path = shared_data("cellline_mixology.h5ad")
    stored, cells = anndata.read_h5ad(path), load("cellline_mixology", folder=path.parent)
    assert (cells.X != stored.X).nnz == 0
    assert list(cells.obs["batch"]) == list(stored.obs["batch"])
    assert list(cells.obs["celltype"]) == list(stored.obs["celltype"])
    assert cells.obs["celltype"].nunique() == 5
    assert cells.uns["source"] == stored.uns["source"]
    assert cells.uns["x_kind"] == "raw counts (UMI)"
