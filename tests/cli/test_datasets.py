"""``topocraft datasets``: list, info and get; and the ``--orthologs`` of integrate."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from typer.testing import Result

from topocraft.data.datasets import PUBLISHED, Dataset, RemoteFile, access, download

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOPOCRAFT_CACHE", str(folder / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("TOPOCRAFT_DATA", raising=False)
    return folder / "cache"


@pytest.fixture
def by_hand(cells: AnnData, cache: Path) -> Path:
    """Put a file where 'hcl-mca' is to be put by hand."""
    place = cache / "datasets/hcl-mca/hcl-mca-source.h5ad"
    place.parent.mkdir(parents=True)
    adata = cells.copy()
    adata.obs["species"] = np.where(np.arange(adata.n_obs) % 2, "Human", "Mouse")
    adata.write_h5ad(place)
    return place


def test_the_list_names_every_dataset_its_size_its_licence_and_whether_it_is_here(run: Run, folder: Path) -> None:
    shown = run("datasets", "list", "--from", str(folder)).stdout
    rows = {line.split()[0]: line.split() for line in shown.splitlines() if line.strip()}
    assert set(PUBLISHED) < set(rows)
    assert rows["pancreas"] == ["pancreas", "16,382", "9", "14", "CC", "BY", "4.0", "no"]
    assert rows["hcl-mca"][1:4] == ["372,789", "2", "95"]
    assert rows["hcl-mca"][-3:] == ["no;", "by", "hand"]
    assert rows["human-immune-part"][1:4] == ["?", "?", "?"]
    assert rows["cells"][1:4] == ["240", "3", "6"]
    assert rows["cells"][-1] == "yours"


def test_the_list_as_json(run: Run, folder: Path) -> None:
    listed = json.loads(run("datasets", "list", "--json").stdout)
    assert [item["name"] for item in listed] == list(PUBLISHED)
    pancreas = next(item for item in listed if item["name"] == "pancreas")
    assert pancreas["cells"] == 16_382
    assert pancreas["here"] is False
    assert pancreas["local"] is False
    assert pancreas["path"] == str(folder / "cache/datasets/pancreas/pancreas.h5ad")
    assert pancreas["files"][0]["checksum"] == "md5:5aa155652b998c90395a0c9bd731b4b3"


def test_info_tells_licence_source_columns_and_checksums(run: Run, folder: Path) -> None:
    shown = " ".join(run("datasets", "info", "macaque-retina").stdout.split())
    for told in (
        "30,302 cells, 30 batches, 12 types",
        "doi:10.1038/s41467-023-36635-5",
        "GSE118480",
        "obs 'BATCH' or obs 'batch'",
        "macaque_raw.zip, 59 MB",
        "checksum: the one that the listing publishes",
    ):
        assert told in shown
    assert "that of the first download" in " ".join(run("datasets", "info", "bct").stdout.split())
    by_hand = "".join(run("datasets", "info", "hcl-mca").stdout.split())
    assert f"tobeputat'{folder}/cache/datasets/hcl-mca/hcl-mca-source.h5ad'byhand" in by_hand
    assert json.loads(run("datasets", "info", "cells", "--from", ".", "--json").stdout)["cells"] == 240
    assert not (folder / "cache").exists()


def test_one_damaged_file_hides_no_other(run: Run, folder: Path) -> None:
    (folder / "own").mkdir()
    (folder / "cells.h5ad").rename(folder / "own" / "mine.h5ad")
    (folder / "own" / "broken.h5ad").write_bytes(b"nothing")
    result = run("datasets", "list", "--from", "own", "--json")
    cells = {item["name"]: item["cells"] for item in json.loads(result.stdout)}
    assert (cells["mine"], cells["broken"], cells["pancreas"]) == (240, None, 16_382)
    assert "Note: 'own/broken.h5ad' must be an h5ad that can be read" in result.stderr


def test_get_of_ones_own_set_names_its_columns(run: Run, folder: Path) -> None:
    (folder / "cells.toml").write_text('batch_key = "donor"\nlabel_key = "kind"\nlayer = "counts"\n')
    told = run("datasets", "get", "cells", "--from", ".").stdout
    assert "topocraft integrate cells.h5ad -b donor --label-key kind --layer counts -o integrated.h5ad" in told


def test_get_prepares_a_file_that_was_put_there_by_hand(run: Run, by_hand: Path) -> None:
    result = run("datasets", "get", "hcl-mca")
    path = by_hand.with_name("hcl-mca.h5ad")
    assert re.search(rf"Ready after \d+ s: {path}$", result.stdout, re.MULTILINE)
    assert f"topocraft integrate {path} -b batch --label-key celltype -o integrated.h5ad" in result.stdout
    assert "prepare hcl-mca" in result.stderr
    written = anndata.read_h5ad(path)
    assert sorted(written.obs["batch"].cat.categories) == ["Human", "Mouse"]
    assert next(item for item in json.loads(run("datasets", "list", "--json").stdout) if item["name"] == "hcl-mca")[
        "here"
    ]
    assert run("datasets", "get", "hcl-mca", "--quiet").output == ""


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("get", "hcl-mca"), 1, "No address is known from which 'hcl-mca-source.h5ad' can be fetched."),
        (("get", "pancras"), 1, "there is no dataset 'pancras'. Did you mean 'pancreas'?"),
        (("info", "pancras"), 1, "Did you mean 'pancreas'?"),
        (("list", "--from", "nowhere"), 1, "folder (--from) must be a folder of h5ad files"),
        (("get",), 2, "Missing argument 'NAME'"),
    ],
)
def test_what_cannot_be_is_refused(run: Run, folder: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    result = run("datasets", *arguments, code=code)
    assert told in " ".join(result.stderr.replace("│", " ").split())


def test_without_a_network_the_addresses_and_the_way_by_hand_are_told(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("topocraft.data.datasets.transfer.PAUSE", 0.0)
    file = RemoteFile("source.h5ad", ("http://127.0.0.1:1/cells",))
    monkeypatch.setattr(access, "PUBLISHED", {"small": Dataset("small", "A small set", files=(file,))})
    told = " ".join(run("datasets", "get", "small", code=1).stderr.split())
    assert "'http://127.0.0.1:1/cells' cannot be reached: check the network" in told
    assert f"put it at '{folder / 'cache/datasets/small/source.h5ad'}'" in told


def test_ctrl_c_ends_with_130_and_keeps_what_came(run: Run, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(address: str, part: Path, name: str, progress: object) -> None:
        part.write_bytes(bytes(3_000_000))
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "transfer", interrupted)
    result = run("datasets", "get", "pancreas", code=130)
    assert "3.0 MB are kept; the same call goes on from there." in result.stderr
    assert "Interrupted" in result.stderr
    assert [item.suffix for item in (cache / "datasets/pancreas").iterdir()] == [".part"]


def test_help_shows_examples(run: Run) -> None:
    for command in ((), ("list",), ("get",), ("info",)):
        assert "topocraft datasets get pancreas" in run("datasets", *command, "--help").stdout


def test_files_of_two_species_are_joined_over_their_common_genes(run: Run, folder: Path) -> None:
    large, medium = (anndata.read_h5ad(folder / f"{name}.h5ad") for name in ("large", "medium"))
    pairs = pd.DataFrame({"human": large.var_names[:150], "mouse": [f"m-{name}" for name in large.var_names[:150]]})
    pairs.to_csv(folder / "orthologs.csv", index=False)
    medium.var_names = [f"m-{name}" for name in medium.var_names]
    medium.write_h5ad(folder / "medium.h5ad")
    both = ("integrate", "large.h5ad", "medium.h5ad", "--orthologs", "orthologs.csv", "--dry-run")
    result = run(*both, "-b", "species", "--ortholog-rule", "sum")
    assert "150 common genes by orthologs.csv, rule 'sum'." in result.stderr
    assert "medium: 150 of 200 genes are used; lost: 50 without a known ortholog." in result.stderr
    assert f"cells {large.n_obs + medium.n_obs}, of which" in " ".join(result.stdout.split())
    assert "genes 150, of which" in " ".join(result.stdout.split())
    assert "there is no 'none.csv'" in run(*both[:4], "none.csv", "--dry-run", code=1).stderr
