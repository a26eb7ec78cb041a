"""Rows in files without a name come back as they were, in any order, and leave nothing."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from topocraft.data.scratch import ScratchRows, write_scratch


def _written(folder: Path, n_genes: int = 300) -> tuple[ScratchRows, sparse.csr_matrix]:
    matrix = sparse.random(50, n_genes, 0.1, format="csr", dtype=np.float32, random_state=0)
    matrix.data[matrix.indptr[7] : matrix.indptr[8]] = 0
    matrix.eliminate_zeros()
    order = np.random.default_rng(0).permutation(50)
    blocks = ((order[start : start + 20], matrix[order[start : start + 20]]) for start in range(0, 50, 20))
    return write_scratch(blocks, matrix.shape, folder, matrix.nnz), matrix


@pytest.mark.parametrize("n_genes", [200, 300, 70_000])
def test_rows_come_back_in_the_order_that_is_asked_for(tmp_path: Path, n_genes: int) -> None:
    scratch, matrix = _written(tmp_path, n_genes)
    assert scratch.shape == matrix.shape
    for which in (slice(None), slice(3, 11), np.array([7]), np.array([4, 4, 0, 7, 49]), np.arange(50) % 3 == 0):
        rows = scratch[which]
        assert rows.dtype == np.float32
        np.testing.assert_array_equal(rows.toarray(), matrix[which].toarray())
    assert scratch[np.array([], dtype=int)].shape == (0, n_genes)


def test_rows_that_lie_apart_are_announced_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch, matrix = _written(tmp_path, 300)
    asked: list[tuple[int, int, int]] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda *call: asked.append(call[1:]), raising=False)
    monkeypatch.setattr(os, "POSIX_FADV_WILLNEED", 3, raising=False)
    which = np.array([40, 3, 21])
    rows = scratch[which]
    np.testing.assert_array_equal(rows.toarray(), matrix[which].toarray())
    sizes = np.diff(matrix.indptr)[which]
    assert [length for _, length, _ in asked] == [*(2 * sizes), *(4 * sizes)]
    assert [2 * where for where, _, _ in asked[:3]] == [where for where, _, _ in asked[3:]]
    assert {advice for *_, advice in asked} == {3}
    asked.clear()
    assert scratch[[5]].nnz
    assert asked == []


def test_nothing_is_to_be_seen_in_the_folder(tmp_path: Path) -> None:
    scratch, _ = _written(tmp_path)
    assert scratch[[0]].nnz
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from scipy import sparse
from topocraft.data.scratch import write_scratch
matrix = sparse.random(50, 300, 0.1, format="csr", dtype=np.float32, random_state=0)
scratch = write_scratch([(np.arange(50), matrix)], matrix.shape, Path(sys.argv[1]), matrix.nnz)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background has it ignored
os.kill(os.getpid(), getattr(signal, sys.argv[2]))
"""


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGINT"])
def test_nothing_is_left_by_a_process_that_is_ended(tmp_path: Path, signal: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), signal], capture_output=True, check=False)
    assert done.returncode != 0
    assert list(tmp_path.iterdir()) == []


FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from scipy import sparse
from topocraft.data.scratch import write_scratch
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
matrix = sparse.random(500, 300, 0.5, format="csr", dtype=np.float32, random_state=0)
try:
    write_scratch([(np.arange(500), matrix)], matrix.shape, Path(sys.argv[1]), matrix.nnz)
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_disk_that_runs_full_is_our_error(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.startswith(
        f"FileError Reading in blocks needs 0.5 MB of scratch space in '{tmp_path}': File too large. Free there: "
    )
    assert done.stdout.endswith("or write the output (or point TMPDIR) elsewhere.\n")


def test_other_failures_of_the_system_pass(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        write_scratch([], (1, 1), tmp_path / "away", 0)
    assert raised.value.errno == errno.ENOENT
    assert os.strerror(errno.ENOENT) in str(raised.value)
