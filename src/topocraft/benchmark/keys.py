"""What decides a result, in a digest: a row is only good for the very run that is asked for."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import topocraft
from topocraft.baselines.execution import program_path
from topocraft.baselines.method import Method

PACKAGE = Path(topocraft.__file__).parent
PREPARES = (
    *("baselines/preparation.py", "config/*.py", "data/cells.py", "data/matrices.py", "data/preprocess.py"),
    *("data/values.py", "data/variable.py", "projection.py", "randomness.py", "rows.py", "topology/components.py"),
)
INTEGRATES = (
    *PREPARES,
    *("data/digests.py", "data/order.py", "fitted_cells.py", "fitting.py", "hardware.py", "integrator.py"),
    *("metrics/clustering.py", "metrics/confusion.py", "metrics/label_free.py", "metrics/matching.py"),
    *("metrics/yardstick.py", "model/*.py", "steps.py", "topology/*.py", "training/*.py"),
)
RUNS = "baselines/worker.py"
"""Every method is read, called and written by it."""
DIGITS = 12


def digest_of(values: Mapping[str, Any]) -> str:
    """Return a short hexadecimal digest of values that JSON can hold; their order does not matter.

    Examples
    --------
    >>> from topocraft.benchmark.keys import digest_of
    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1}) != digest_of({"a": 1, "b": 3})
    True
    """
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode(), digest_size=DIGITS // 2).hexdigest()


def code_digest(paths: Iterable[Path]) -> str:
    """Return a digest of programs; of Python only what it does: no layout, no comments, no docstrings."""
    found = hashlib.blake2b(digest_size=DIGITS // 2)
    for path in sorted(paths):
        text = path.read_text(encoding="utf-8")
        found.update((ast.dump(_Bare().visit(ast.parse(text))) if path.suffix == ".py" else text).encode())
    return found.hexdigest()


class _Bare(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) else node


@cache
def preparation_code() -> str:
    """Return a digest of the code that makes what methods are given."""
    return package_code(PREPARES)


def method_code(method: Method) -> str:
    """Return a digest of what runs a method: its program, and for our own the modules that decide an embedding."""
    main = program_path(method)
    programs = [path for path in main.parent.glob(f"{main.stem}.*") if path.suffix in (".py", ".R")]
    return code_digest([*programs, PACKAGE / RUNS]) + (package_code(INTEGRATES) if method.name == "topocraft" else "")


@cache
def package_code(patterns: tuple[str, ...]) -> str:
    """Return a digest of modules of this package, by patterns of their paths."""
    return code_digest({path for pattern in patterns for path in PACKAGE.glob(pattern)})
