"""Archives of one file."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from topocraft.data.datasets.archives import unpacked
from topocraft.errors import FileError


def test_a_plain_file_is_read_as_it_is(tmp_path: Path) -> None:
    assert unpacked(tmp_path / "a.h5ad") == tmp_path / "a.h5ad"


def test_the_cells_of_a_zip_get_its_name_and_stay_in_its_folder(tmp_path: Path) -> None:
    files = {"readme.txt": b"hello", "../up/macaque.h5ad": b"cells", "__MACOSX/._macaque.h5ad": b"rubbish"}
    path = tmp_path / "macaque_raw.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    assert unpacked(path) == tmp_path / "macaque_raw.h5ad"
    assert (tmp_path / "macaque_raw.h5ad").read_bytes() == b"cells"
    assert not (tmp_path.parent / "up").exists()


def test_a_gzip_loses_its_ending(tmp_path: Path) -> None:
    (tmp_path / "a.h5ad.gz").write_bytes(gzip.compress(b"cells"))
    assert unpacked(tmp_path / "a.h5ad.gz").read_bytes() == b"cells"


@pytest.mark.parametrize("names", [["readme.txt"], ["a.h5ad", "b.loom"], []])
def test_a_zip_of_no_or_several_files_of_cells(tmp_path: Path, names: list[str]) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"cells")
    with pytest.raises(FileError, match=r"a\.zip' must hold one file of \.h5ad or \.zarr or \.loom or \.h5; it holds"):
        unpacked(tmp_path / "a.zip")


def test_a_gzip_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"cells"))
    with pytest.raises(FileError, match=r"must hold a file of .*, by its name; rename it"):
        unpacked(tmp_path / "a.txt.gz")


@pytest.mark.parametrize("name", ["a.zip", "a.h5ad.gz"])
def test_a_damaged_archive_leaves_nothing(tmp_path: Path, name: str) -> None:
    whole = gzip.compress(bytes(range(256)) * 400) if name.endswith(".gz") else b"PK\3\4 no archive"
    (tmp_path / name).write_bytes(whole[:-12])
    with pytest.raises(FileError, match=rf"{name}' must be a whole archive; it is not: .* Fetch it anew with --force"):
        unpacked(tmp_path / name)
    assert [item.name for item in tmp_path.iterdir()] == [name]


def test_an_archive_with_a_password_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.h5ad", b"cells")
    encrypted = bytearray(path.read_bytes())
    for header, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flag of encryption, in both headers
        encrypted[encrypted.index(header) + place] |= 1
    path.write_bytes(encrypted)
    with pytest.raises(FileError, match=r"it is not: .* is encrypted, password required"):
        unpacked(path)
