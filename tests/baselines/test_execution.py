"""However a method ends, there is a run that says so; and what it gave is taken only as it should be."""

from __future__ import annotations

import hashlib
import json
import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from topocraft.baselines import METHODS, Method, Run
from topocraft.baselines import execution as module
from topocraft.baselines.execution import execute
from topocraft.baselines.preparation import Preparation
from topocraft.baselines.supervision import Report
from topocraft.errors import ConfigError, FileError

Make = Callable[..., Method]


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_a_method_gets_the_prepared_cells_and_its_result_comes_back(make: Make, prepared: Preparation) -> None:
    method = make(
        """
        def integrate(adata, seed):
            print("seen:", sorted(adata.obs.columns), adata.uns["settings"], adata.uns["threads"])
            return adata.obsm["X_pca"][:, :3] * seed
        """
    )
    before = _digests(prepared.folder)
    run = execute(method, prepared.folder, 7, threads=3, settings={"epochs": 2})
    assert (run.method, run.seed, run.status, run.reason) == ("fake", 7, "ok", "")
    assert run.log == """seen: ['batch'] {"epochs": 2} 3"""
    np.testing.assert_array_equal(run.output.embedding, prepared.read().obsm["X_pca"][:, :3] * 7)
    assert run.output.embedding.dtype == np.float32
    assert run.output.graph is None
    assert 0 <= run.seconds < run.wall_seconds
    assert run.cpu_seconds > 0
    assert 30e6 < run.peak_bytes < 2e9
    assert _digests(prepared.folder) == before, "the preparation is only read"


def test_a_labelled_method_sees_the_types_another_reads_all_genes_a_third_gives_a_graph(
    make: Make, prepared: Preparation
) -> None:
    program = """
        from scipy import sparse
        def integrate(adata, seed):
            print(sorted(set(adata.obs["celltype"]))[-1], (adata.obs["celltype"] == "unknown").sum(), *adata.shape)
            return sparse.coo_matrix(([0.5, 2.0], ([0, 3], [1, 2])), shape=(150, 150))
        """
    run = execute(make(program, labelled=True, reads="all", gives="graph"), prepared.folder, 0)
    assert run.log == "unknown 4 150 80"
    graph = run.output.graph
    assert graph.shape == (150, 150)
    assert (graph[0, 1], graph[3, 2], graph.nnz, graph.dtype) == (0.5, 2.0, 2, np.float32)


def test_a_method_that_raises_failed_for_its_own_reason(make: Make, prepared: Preparation) -> None:
    run = execute(make("def integrate(adata, seed): raise RuntimeError('no\\nsuch luck')"), prepared.folder, 0)
    assert (run.status, run.reason) == ("failed", "RuntimeError: no such luck")
    assert "Traceback" in run.log
    assert run.output is None
    assert math.isnan(run.seconds)


def test_a_method_of_the_wrong_shape_failed(make: Make, prepared: Preparation) -> None:
    run = execute(make("def integrate(adata, seed): return adata.obsm['X_pca'][:10]"), prepared.folder, 0)
    assert run.status == "failed"
    assert run.reason == "Fake ran, but it gave an array of 10 × 50 for 150 cells."


ENDINGS = {
    "raise MemoryError('Unable to allocate 30 GiB')": ("out of memory", "MemoryError: Unable to allocate 30 GiB"),
    "raise RuntimeError('DefaultCPUAllocator: can\\'t allocate memory')": ("out of memory", "RuntimeError: Default"),
    "raise RuntimeError('CUDA out of memory.')": ("out of memory", "RuntimeError: CUDA out of memory."),
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": ("failed", "Ended by signal 11 (Segmentation fault)."),
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)": ("failed", "Ended by signal 9 (Killed)."),
    "import os; print('dying', flush=True); os._exit(3)": (
        "failed",
        "exit code 3 before its result; its last words: dying",
    ),
    "import os; os._exit(0)": ("failed", "Ended with exit code 0 before its result; its last words: none"),
    "import no_such_library": ("failed", "ModuleNotFoundError: No module named 'no_such_library'"),
    "this is no Python": ("failed", "SyntaxError: "),
    "": ("failed", "AttributeError: module 'program_program' has no attribute 'integrate'"),
}


@pytest.mark.parametrize("program", ENDINGS)
def test_however_a_program_ends_there_is_a_run_that_says_so(program: str, make: Make, prepared: Preparation) -> None:
    status, reason = ENDINGS[program]
    run = execute(make(program), prepared.folder, 0)
    assert run.status == status
    assert reason in run.reason
    assert "\n" not in run.reason
    assert run.wall_seconds > 0
    assert run.peak_bytes > 5e6


def test_limits_end_a_run(make: Make, prepared: Preparation) -> None:
    slow = execute(make("import time; time.sleep(60)"), prepared.folder, 0, time_limit=0.6)
    assert slow.status == "timed out"
    assert slow.reason.startswith("Stopped after ")
    assert 0.6 <= slow.wall_seconds < 30
    greedy = make("import time; held = []\nfor _ in range(60): held.append(b'x' * 10_000_000); time.sleep(0.05)")
    large = execute(greedy, prepared.folder, 0, memory_limit=150e6)
    assert large.status == "out of memory"
    assert large.reason.endswith("MB, above the limit of memory (--memory-limit).")
    assert large.peak_bytes > 150e6


def test_where_no_limit_of_memory_is_given_it_is_most_of_the_machines(
    make: Make, prepared: Preparation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "granted_memory", lambda: 5e6)
    run = execute(make("import time; time.sleep(60)"), prepared.folder, 0)
    assert run.status == "out of memory"


def test_what_the_kernel_ends_for_want_of_memory_is_told_as_such(
    make: Make, prepared: Preparation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(command: list[str], *, log: Path, **others: Any) -> Report:
        log.touch()
        return Report("", -9, 3.0, 1.0, 8_000_000_000, killed_by_kernel=True)

    monkeypatch.setattr(module, "supervise", ended)
    run = execute(make(""), prepared.folder, 0)
    assert run.status == "out of memory"
    assert run.reason == "Ended by the system for want of memory; 8.0 GB were seen."


def test_a_supervisor_that_comes_to_nothing_is_a_failed_run(
    make: Make, prepared: Preparation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "supervise", lambda *_, **__: Report("", 1))
    run = execute(make(""), prepared.folder, 0)
    assert (run.status, run.reason) == ("failed", "Ended with exit code 1 before its result; its last words: none")


def test_cancelling_raises(make: Make, prepared: Preparation) -> None:
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        execute(make("import time; time.sleep(60)"), prepared.folder, 0, cancel=cancel)
    assert time.monotonic() - started < 40


def test_a_run_leaves_nothing_behind(make: Make, prepared: Preparation, tmp_path: Path, monkeypatch: Any) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    program = "import os, tempfile; print(tempfile.mkdtemp().startswith(os.getcwd()), flush=True); os._exit(0)"
    run = execute(make(program), prepared.folder, 0)
    assert (run.status, run.log) == ("failed", "True")
    assert list(scratch.iterdir()) == []


def test_neither_the_programs_nor_our_modules_hide_libraries(make: Make, prepared: Preparation, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("")
    for name in ("beside", "method"):  # a file in the folder of the program, and one in that of the worker
        run = execute(make(f"import {name}"), prepared.folder, 0)
        assert run.reason == f"ModuleNotFoundError: No module named '{name}'"


def test_what_does_not_fit_is_not_started(make: Make, prepared: Preparation, tmp_path: Path) -> None:
    facts = json.loads((prepared.folder / "preparation.json").read_text())
    (tmp_path / "preparation.json").write_text(json.dumps({**facts, "kind": "log1p", "labelled": False}))

    def ended(method: Method) -> Run:
        return execute(method, tmp_path, 0)

    no_counts, no_types = ended(make("", takes="counts")), ended(make("", labelled=True))
    assert (no_counts.status, no_types.status) == ("not applicable", "not applicable")
    assert no_counts.reason == "Fake needs raw counts; these cells have log-normalised values only."
    assert no_types.reason == "Fake learns from cell types; none are given."
    missing = ended(make("", modules=("no_such_library",)))
    assert missing.status == "not installed"
    assert missing.reason.startswith("Python lacks no_such_library here, and it has no environment of its own. Run: ")
    assert missing.peak_bytes == missing.wall_seconds == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": -1}, "seed must be a whole number from 0 to"),
        ({"seed": 2**32}, "seed must be a whole number from 0 to"),
        ({"time_limit": 0}, "time_limit must be a number of seconds above 0, or None; got 0"),
        ({"memory_limit": math.nan}, "memory_limit must be a number of bytes above 0, or None; got nan"),
        ({"threads": 0}, "threads must be a whole number of at least 1"),
        ({"settings": {"seed": 3}}, "settings must not hold 'seed'"),
    ],
)
def test_what_is_out_of_range_is_refused(changed: dict[str, Any], message: str, prepared: Preparation) -> None:
    arguments = {"method": METHODS["unintegrated"], "prepared": prepared.folder, "seed": 0}
    with pytest.raises(ConfigError, match=message):
        execute(**(arguments | changed))


def test_a_folder_that_is_no_preparation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="prepared must be a folder that write_preparation wrote"):
        execute(METHODS["unintegrated"], tmp_path, 0)
