"""Every file the package reads, spoilt: a whole result, or an error of ours; nothing in it is executed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_files import TEXTS, any_text, spoilt_bytes
from hostile_settings import quick, soak
from hostile_words import require_cure
from hypothesis import given
from hypothesis import strategies as st

from topocraft.baselines.method import Output
from topocraft.baselines.preparation import open_preparation, write_preparation
from topocraft.benchmark import tidy
from topocraft.benchmark.folder import PICTURES, PLAN, Entry, Folder, Plan
from topocraft.benchmark.records import Record, read_output, write_output
from topocraft.config import IntegrationConfig
from topocraft.data.cells import from_anndata
from topocraft.data.datasets.archives import unpacked
from topocraft.data.datasets.download import RECORD, _recorded
from topocraft.data.files import read_cells_file
from topocraft.errors import ConfigError, FileError, TopocraftError
from topocraft.metrics.suite import Score
from topocraft.simulate.demo import demo_cells
from topocraft.tuning.folder import ABOUT
from topocraft.tuning.folder import Folder as Search

Reader = Callable[[Path], object]
ENTRY = Entry(dataset="mine", method="scvi", seed=1, stem="mine.scvi.1", output="mine.scvi.1", prepared="mine")
SEARCHED = {"topocraft": "0.1.0", "cells": "ab", "also": [], "config": json.loads(IntegrationConfig().to_json())}
WHOLE = Record(dataset="mine", method="scvi", seed=1, settings={"a": 1}, scores=(Score("nmi", 0.5), Score("ari", 0.1)))


def _config(path: Path) -> object:
    return IntegrationConfig.from_json(path.read_text(encoding="utf-8")).to_json()


def _row(path: Path) -> object:
    folder = Folder(path.parent.parent)
    return tidy([folder.record(ENTRY)])


def _plan(path: Path) -> object:
    plan = Folder(path.parent).read_plan()
    assert all("/" not in name for entry in plan.entries for name in (entry.stem, entry.output, entry.prepared))
    return plan


def _pictures(path: Path) -> object:
    folder = Folder(path.parent)
    folder.replace_pictures(())
    return (path.parent.parent / "thesis.txt").read_text()


def _search(path: Path) -> object:
    return Search(path.parent).claim(SEARCHED)


READERS: dict[str, tuple[str, Any, Reader]] = {
    "configuration": ("config.json", json.loads(IntegrationConfig().to_json()), _config),
    "row": ("rows/mine.scvi.1.json", json.loads(WHOLE.to_json()), _row),
    "grid": (PLAN, {"entries": [ENTRY.__dict__], "title": "t", "note": "", "facts": {"a": "b"}, "umaps": ["x"]}, _plan),
    "pictures": (PICTURES, ["umap.png", "../thesis.txt"], _pictures),
    "search": (ABOUT, SEARCHED, _search),
    "checksums": (RECORD, {"cells.h5ad": "sha256:0"}, lambda path: _recorded(path.parent)),
}


def _read(reader: Reader, path: Path) -> None:
    try:
        reader(path)
    except TopocraftError as error:
        require_cure(error)


def _place(folder: Path, name: str) -> Path:
    path = folder / "bench" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (folder / "thesis.txt").write_text("years of work")
    return path


SPOILT = st.sampled_from(sorted(READERS)).flatmap(lambda name: st.tuples(st.just(name), any_text(READERS[name][1])))


def _carried_through(spoilt: tuple[str, str], folder: Path) -> None:
    name, text = spoilt
    path = _place(folder, READERS[name][0])
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    _read(READERS[name][2], path)


@quick(200)
@given(SPOILT)
def test_spoilt_json_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, spoilt: tuple[str, str]) -> None:
    _carried_through(spoilt, tmp_path_factory.getbasetemp())


@pytest.mark.soak
@soak("hostile-json")
@given(SPOILT)
def test_much_spoilt_json_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, spoilt: tuple[str, str]) -> None:
    _carried_through(spoilt, tmp_path_factory.getbasetemp())


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("text", TEXTS, ids=[f"{place}" for place in range(len(TEXTS))])
def test_what_is_hardly_json_is_read_or_refused(name: str, text: str, tmp_path: Path) -> None:
    _carried_through((name, text), tmp_path)


@pytest.mark.parametrize("name", sorted(set(READERS) - {"pictures"}))
def test_whole_files_are_read(name: str, tmp_path: Path) -> None:
    path = _place(tmp_path, READERS[name][0])
    path.write_text(json.dumps(READERS[name][1]), encoding="utf-8")
    READERS[name][2](path)


def test_a_list_of_pictures_removes_nothing_outside(tmp_path: Path) -> None:
    path = _place(tmp_path, PICTURES)
    path.write_text('["../thesis.txt"]', encoding="utf-8")
    with pytest.raises(
        FileError, match=r"must list pictures; it is damaged: '\.\./thesis\.txt' leads out of the folder"
    ):
        Folder(path.parent).replace_pictures(())
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("name", "shown"), [(r"\ud800", r"\\ud800"), (r"a\nb", r"a\\nb"), ("x" * 241, "x{200}…"), ("ä" * 121, "ä{121}")]
)
def test_a_picture_that_no_file_can_be_called_is_refused(name: str, shown: str, tmp_path: Path) -> None:
    (tmp_path / PICTURES).write_text(f'["umap.png", "{name}"]', encoding="utf-8")
    with pytest.raises(FileError, match=rf"it is damaged: '{shown}' is no name of a file\. Remove it"):
        Folder(tmp_path).replace_pictures(())


@pytest.mark.parametrize("name", ["", "rows"])
def test_a_folder_in_the_list_of_pictures_stays(name: str, tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    (tmp_path / "old.png").touch()
    (tmp_path / PICTURES).write_text(json.dumps([name, "old.png"]), encoding="utf-8")
    Folder(tmp_path).replace_pictures(())
    assert sorted(item.name for item in tmp_path.iterdir()) == [PICTURES, "rows"]


def test_names_as_long_as_a_file_system_takes_are_read(tmp_path: Path) -> None:
    (tmp_path / PICTURES).write_text(json.dumps(["x" * 240]), encoding="utf-8")
    assert Folder(tmp_path).pictures() == ["x" * 240]


@pytest.mark.parametrize("part", ["stem", "output", "prepared"])
@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "..", "a\\b", "a\0"])
def test_a_grid_reads_and_writes_nothing_outside(part: str, name: str, tmp_path: Path) -> None:
    plan = Plan(entries=(ENTRY,))
    held = {"entries": [{**ENTRY.__dict__, part: name}], "title": plan.title, "facts": {}, "umaps": []}
    (tmp_path / PLAN).write_text(json.dumps(held), encoding="utf-8")
    with pytest.raises(FileError, match="none that can be read"):
        Folder(tmp_path).read_plan()


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 100_000, "", "nan", '{"seed": NaN}'])
def test_a_configuration_of_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"must be"):
        IntegrationConfig.from_json(text)


def _damaged(content: bytes, path: Path, reader: Reader, examples: int) -> None:
    @quick(examples)
    @given(spoilt_bytes(content))
    def damage(spoilt: bytes) -> None:
        path.write_bytes(spoilt)
        _read(reader, path)

    damage()


def test_damaged_outputs_of_a_benchmark_are_read_or_refused(tmp_path: Path) -> None:
    from scipy import sparse

    for output in (Output(embedding=np.ones((3, 2), np.float32)), Output(graph=sparse.eye(3, format="csr"))):
        write_output(tmp_path / "out.npz", WHOLE, output)
        _damaged((tmp_path / "out.npz").read_bytes(), tmp_path / "out.npz", read_output, 60)


def test_a_pickle_in_an_output_is_not_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "out.npz", record=np.array(WHOLE.to_json()), embedding=np.array([{"evil": 1}], dtype=object))
    with pytest.raises(FileError, match="it is damaged"):
        read_output(tmp_path / "out.npz")


def test_a_damaged_preparation_is_read_or_refused(tmp_path: Path) -> None:
    cells = from_anndata(demo_cells(n_cells=60, n_genes=60), "batch")
    written = write_preparation(cells, tmp_path / "cells").folder / "prepared.json"
    facts = next(path for path in written.parent.iterdir() if path.suffix == ".json")
    whole = json.loads(facts.read_text())

    @quick(80)
    @given(any_text(whole))
    def spoil(text: str) -> None:
        facts.write_bytes(text.encode("utf-8", "surrogatepass"))
        _read(lambda path: open_preparation(path.parent), facts)

    spoil()


def test_damaged_files_of_cells_are_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "cells.h5ad"
    adata = demo_cells(n_cells=50, n_genes=60)
    adata.uns.clear()
    adata.write_h5ad(path)
    _damaged(path.read_bytes(), path, read_cells_file, 30)


@pytest.mark.parametrize("ending", [".zip", ".gz"])
def test_damaged_archives_are_unpacked_or_refused(ending: str, tmp_path: Path) -> None:
    import gzip
    import zipfile

    path = tmp_path / f"cells.h5ad{ending}"
    if ending == ".gz":
        path.write_bytes(gzip.compress(b"cells" * 100))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("cells.h5ad", b"cells" * 100)
    _damaged(path.read_bytes(), path, unpacked, 80)
    assert all(item.name.startswith("cells.h5ad") for item in tmp_path.iterdir())
