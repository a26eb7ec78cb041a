"""Run one program on one file of cells, in whatever Python it lives, and write what it gave.

Started as a script; imports only what every such Python has: the standard library, numpy, scipy and anndata.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import importlib.util
import json
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

UNKNOWN = "unknown"
OUT_OF_MEMORY = ("can't allocate memory", "cannot allocate", "out of memory")


def main(arguments: list[str]) -> int:
    """Run the program; the outcome is a small JSON, the result is beside it, and the exit code tells success."""
    asked = _parser().parse_args(arguments)
    try:
        program = load_program(asked.program)
        integrate = program.integrate
        adata = _read(asked)
        for module in asked.module:
            importlib.import_module(module)
        started = time.perf_counter()
        result = integrate(adata, asked.seed)
        seconds = time.perf_counter() - started
        _write(asked.result, result)
        outcome: dict[str, Any] = {"seconds": seconds, "version": _version(program, asked.library)}
    except Exception as error:
        traceback.print_exc()
        outcome = {"error": _one_line(error), "memory": ran_out_of_memory(error)}
    asked.outcome.write_text(json.dumps(outcome), encoding="utf-8")
    return int("error" in outcome)


def load_program(path: Path) -> ModuleType:
    """Load a program by its path, under a name that hides no library."""
    spec = importlib.util.spec_from_file_location(f"program_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python program.")
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


def ran_out_of_memory(error: BaseException) -> bool:
    """Tell whether memory was wanting, by the kind of the error or by what it says."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(words in said for words in OUT_OF_MEMORY)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("program", "cells", "result", "outcome"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--labelled", action="store_true")
    parser.add_argument("--library", default="")
    parser.add_argument("--module", action="append", default=[])
    parser.add_argument("--settings", default="{}")
    return parser


def _read(asked: argparse.Namespace) -> Any:
    import anndata

    adata = anndata.read_h5ad(asked.cells)
    if not asked.labelled:
        adata.obs = adata.obs.drop(columns="celltype", errors="ignore")
    elif adata.obs["celltype"].isna().any():
        adata.obs["celltype"] = adata.obs["celltype"].astype(object).fillna(UNKNOWN).astype("category")
    adata.uns["settings"] = asked.settings
    adata.uns["threads"] = asked.threads
    return adata


def _write(path: Path, result: Any) -> None:
    import numpy as np
    from scipy import sparse

    if sparse.issparse(result):
        graph = sparse.csr_matrix(result, dtype=np.float32)
        parts = {"data": graph.data, "indices": graph.indices, "indptr": graph.indptr, "shape": np.array(graph.shape)}
        np.savez(path, **parts)
    else:
        np.savez(path, embedding=np.asarray(result, dtype=np.float32))


def _version(program: ModuleType, library: str) -> str:
    """Return the name and version of what did the work: what the program says, or that of its library."""
    if hasattr(program, "version"):
        return str(program.version())
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return f"{library} {importlib.metadata.version(library)}" if library else ""
    return ""


def _one_line(error: BaseException) -> str:
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
