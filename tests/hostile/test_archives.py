"""Members of archives land beside the archive, whatever they are called."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from topocraft.data.datasets.archives import unpacked
from topocraft.errors import FileError

OUTSIDE = ("../outside.h5ad", "../../outside.h5ad", "/tmp/outside.h5ad", "a/../../outside.h5ad", "..\\outside.h5ad")


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_member_cannot_escape(name: str, tmp_path: Path) -> None:
    inside = tmp_path / "data" / "sets"
    inside.mkdir(parents=True)
    with zipfile.ZipFile(inside / "cells.zip", "w") as archive:
        archive.writestr(name, b"cells")
    assert unpacked(inside / "cells.zip") == inside / "cells.h5ad"
    files = [item for item in tmp_path.rglob("*") if item.is_file()]
    assert sorted(files) == [inside / "cells.h5ad", inside / "cells.zip"]
    assert (inside / "cells.h5ad").read_bytes() == b"cells"


def test_a_member_that_is_a_link_becomes_a_file(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("cells.h5ad")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "cells.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert not unpacked(tmp_path / "cells.zip").is_symlink()


def test_an_archive_that_needs_a_password_or_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "cells.zip", "w") as archive:
        archive.writestr("cells.h5ad", b"cells" * 100)
    content = bytearray((tmp_path / "cells.zip").read_bytes())
    content[6] |= 1  # marked as encrypted, here and in the list at the end
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "cells.zip").write_bytes(content)
    with pytest.raises(FileError, match=r"must be a whole archive; it is not: .*Fetch it anew"):
        unpacked(tmp_path / "cells.zip")
