"""A folder of one's own sets."""

from __future__ import annotations

from pathlib import Path

import anndata
import pytest

from topocraft.data.datasets.local import local_sets, sized
from topocraft.errors import FileError, InputError


@pytest.fixture
def folder(tmp_path: Path, source: anndata.AnnData) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    source.uns["source"] = "a study"
    for name in ("second", "first"):
        source.write_h5ad(folder / f"{name}.h5ad")
    (folder / "second.toml").write_text(
        'title = "Two tubes"\nlicence = "CC0"\nbatch_key = "tech"\nlabel_key = "kind"\nlayer = "counts"\n'
    )
    (folder / "notes.txt").write_text("no set")
    return folder


def test_sets_are_found_by_name_and_described(folder: Path) -> None:
    sets = local_sets(folder)
    assert list(sets) == ["first", "second"]
    first, second = sets.values()
    assert (first.title, first.batch_key, first.label_key) == ("Your own: first.h5ad", ("batch",), ("celltype",))
    assert first.local == folder / "first.h5ad"
    assert (second.title, second.licence, second.layer) == ("Two tubes", "CC0", "counts")
    assert (second.batch_key, second.label_key) == (("tech",), ("kind",))


def test_the_folder_may_be_named_by_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert local_sets(None) == {}
    monkeypatch.setenv("TOPOCRAFT_DATA", str(folder))
    assert list(local_sets(None)) == ["first", "second"]


def test_sizes_and_source_are_read_from_the_file(folder: Path) -> None:
    second = sized(local_sets(folder)["second"])
    assert (second.cells, second.batches, second.types, second.origin) == (4, 2, 2, "a study")
    first = sized(local_sets(folder)["first"])
    assert (first.batches, first.types) == (4, None)


def test_a_missing_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileError, match=r"folder \(--from\) must be a folder of h5ad files; there is no folder '.*no'"):
        local_sets(tmp_path / "no")
    monkeypatch.setenv("TOPOCRAFT_DATA", str(tmp_path / "no"))
    with pytest.raises(FileError, match="TOPOCRAFT_DATA must be a folder"):
        local_sets(None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("batchkey = 'a'", r"there is 'batchkey'\. Did you mean 'batch_key'\?"),
        ("layer = 3", r"must give 'layer' as text; it gives 3"),
        ("local = 'a'", "there is 'local'"),
    ],
)
def test_a_description_with_something_else(folder: Path, text: str, told: str) -> None:
    (folder / "first.toml").write_text(text)
    with pytest.raises(InputError, match=told):
        local_sets(folder)


def test_files_that_cannot_be_read(folder: Path) -> None:
    (folder / "first.toml").write_text("title =")
    with pytest.raises(FileError, match=r"first\.toml' must be TOML that can be read; it is not"):
        local_sets(folder)
    (folder / "first.toml").unlink()
    (folder / "first.h5ad").write_bytes(b"no h5ad")
    with pytest.raises(FileError, match=r"first\.h5ad' must be an h5ad that can be read; it is not"):
        sized(local_sets(folder)["first"])
