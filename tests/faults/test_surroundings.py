"""What changes around a run: inputs that go, folders that may not be written, clocks that jump."""

from __future__ import annotations

import shutil
from pathlib import Path

import anndata
import mortals
import pytest
import works
from mortals import at_phase, command, run

AS_ANYBODY = """
import ctypes
class Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]
if os.geteuid() == 0:
    none = (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None, use_errno=True).capset(ctypes.byref(Header(0x20080522, 0)), none) == 0
"""
"""Take from root what lets it write where others may not."""
JUMPS = """
import itertools, time
jumps = itertools.cycle([0.0, 7200.0, -3600.0, 1e7, -1e7, 0.5])
for name in ("time", "monotonic", "perf_counter"):
    setattr(time, name, lambda clock=getattr(time, name): clock() + next(jumps))
"""


@pytest.mark.parametrize("phase", ["prepare", "train", "write"])
@pytest.mark.parametrize("ending", ["h5ad", "zarr"])
def test_an_input_that_is_removed_while_it_is_read_in_blocks(folder: Path, phase: str, ending: str) -> None:
    if ending == "zarr":
        anndata.read_h5ad(folder / "cells.h5ad").write_zarr(folder / "cells.zarr")
    remove = f"import shutil; shutil.move('cells.{ending}', 'elsewhere')"
    options = ("-b", "batch", "--memory", "1MB", "--threads", "1", *mortals.QUICKLY, "-o", f"out.{ending}")
    ended = command(folder, "integrate", f"cells.{ending}", *options, hook=at_phase(phase, remove))
    assert ended.code == 1, ended.said
    assert f"'cells.{ending}' was removed, replaced or written to. Put it back, and run again." in ended.said
    assert not (folder / f"out.{ending}").exists()
    assert not list(folder.glob(".*"))
    shutil.move(folder / "elsewhere", folder / f"cells.{ending}")
    assert command(folder, "integrate", f"cells.{ending}", *options).code == 0


def test_cells_in_memory_need_their_file_no_more(folder: Path, whole: tuple[bytes, float]) -> None:
    assert run(folder, "-o", "out.h5ad", hook=at_phase("prepare", "os.remove('cells.h5ad')")).code == 0
    assert mortals.embedding(folder / "out.h5ad") == whole[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("integrate", "cells.h5ad", "-b", "batch", "-o", "mine/out.h5ad"),
        ("integrate", "cells.h5ad", "-b", "batch", "-o", "mine/out.zarr"),
        ("tune", "cells.h5ad", "-b", "batch", "-o", "mine/runs"),
        ("benchmark", "cells.h5ad", "-b", "batch", "-m", "unintegrated", "-o", "mine/runs"),
    ],
)
def test_a_folder_that_may_not_be_written_is_told_before_any_work(folder: Path, arguments: tuple[str, ...]) -> None:
    (folder / "mine").mkdir()
    (folder / "mine").chmod(0o500)
    ended = command(folder, *arguments, hook=AS_ANYBODY)
    assert ended.code == 1, ended.said
    assert "cannot be written into '" in ended.said
    assert "Permission denied. Ask for the right to write there, or name another folder." in ended.said
    assert not {"prepare", "cluster", "train"} & set(ended.said.split())
    assert "Traceback" not in ended.said
    assert list((folder / "mine").iterdir()) == []


def test_a_folder_that_may_not_be_written_any_more(folder: Path, whole: tuple[bytes, float]) -> None:
    (folder / "mine").mkdir()
    options = ("-o", "mine/out.h5ad", "--checkpoint-every", "0", "--resume")
    ended = run(folder, *options, hook=AS_ANYBODY + at_phase("write", "os.chmod('mine', 0o500)"))
    assert ended.code == 1, ended.said
    assert "Permission denied. Ask for the right to write there, or name another folder." in ended.said
    (folder / "mine").chmod(0o700)
    assert run(folder, *options).code == 0
    assert mortals.embedding(folder / "mine" / "out.h5ad") == whole[0]


def test_a_file_that_may_not_be_read_is_told(folder: Path) -> None:
    (folder / "cells.h5ad").chmod(0o200)
    ended = run(folder, "-o", "out.h5ad", hook=AS_ANYBODY)
    assert ended.code == 2
    assert "'cells.h5ad' is not readable." in ended.said


def test_a_clock_that_jumps_changes_no_embedding(folder: Path, whole: tuple[bytes, float]) -> None:
    ended = run(folder, "-o", "out.h5ad", "--checkpoint-every", "30", hook=JUMPS)
    assert ended.code == 0, ended.said
    assert mortals.embedding(folder / "out.h5ad") == whole[0]
    assert not [word for word in ended.said.split() if word.startswith("-") and word[1:2].isdigit()], ended.said


def test_a_search_goes_on_where_the_clock_jumps(tmp_path: Path, many_cells: Path) -> None:
    """Its budget of minutes may seem spent, or never to be; what it began with is trained to the end all the same."""
    shutil.copy(many_cells, tmp_path)
    ended = works.tune().run(tmp_path, JUMPS)
    assert ended.code == 0, ended.said
    assert "Traceback" not in ended.said
    assert (tmp_path / "runs" / "config.json").exists()
