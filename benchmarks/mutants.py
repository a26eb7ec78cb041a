"""Mutation testing: one operator, comparison or constant changed at a time; do the mirrored tests notice?

    python benchmarks/mutants.py --mutants 10 --seed 0
    python benchmarks/mutants.py --only metrics/lisi --mutants 50

Of every module in ``model``, ``metrics`` and ``topology`` some mutants are drawn. Each is written into a copy of the
package, and the tests that mirror the module are run on the copy, in a process that has its libraries from a server.
What came out is printed, and kept in ``runs/mutants.json``.
"""

from __future__ import annotations

import argparse
import ast
import json
import multiprocessing
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("model", "metrics", "topology")
TESTS = {
    "metrics/arrays": ["test_arrays", "test_defaults", "test_contract"],
    "metrics/clustering": ["test_clustering", "test_defaults"],
    "metrics/mixing": ["test_mixing", "test_defaults"],
    "metrics/label_free": ["test_label_free", "test_defaults"],
    "metrics/graph": ["test_graph", "test_graph_suite"],
    "metrics/per_type": ["test_lisi_types", "test_kbet_types"],
    "metrics/searched": ["test_contract", "test_graph_suite", "test_catalogue"],
    "metrics/silhouette_blocks": ["test_silhouette"],
    "metrics/suite": ["test_contract", "test_controls"],
    "topology/components": ["test_components", "test_clusters", "test_defaults"],
    "topology/neighbors": ["test_neighbors", "test_defaults"],
    "topology/graph": ["test_clusters"],
    "topology/clusters": ["test_clusters", "test_labels", "test_sketch", "test_separation", "test_defaults"],
}
"""Files of tests of the modules whose mirror has another name, or several."""
LIBRARIES = [
    "pytest",
    "numpy",
    "scipy.stats",
    "pandas",
    "anndata",
    "torch",
    "sklearn.cluster",
    "sklearn.metrics",
    "igraph",
]
COSTS = {"BLOCK", "BISECTIONS", "FINEST", "FITTED_CELLS", "PRODUCT_ON_ONE_THREAD"}
"""Constants that decide what a result costs, or its last bits; what they enter is left alone, as no value tells."""
LEAST_SECONDS, TIMES = 30.0, 5.0
RUN = """
import os, sys
os.chdir(root)
null = os.open(os.devnull, os.O_WRONLY)
os.dup2(null, 1), os.dup2(null, 2)
sys.path.insert(0, copy)
import pytest
os._exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning", *tests]))
"""
SWAPS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.USub: ast.UAdd, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip


def places_in(tree: ast.AST) -> list[tuple[ast.AST, str]]:
    """Return what can be changed: a node, and how. Texts, annotations, decorators and what is raised are left alone."""
    found: list[tuple[ast.AST, str]] = []
    for name, child in ((name, child) for name, value in ast.iter_fields(tree) for child in _nodes(value)):
        if isinstance(child, (ast.Raise, ast.AnnAssign)) or name in ("annotation", "returns", "decorator_list"):
            continue
        if isinstance(child, ast.Assign) and COSTS & _names(child):
            continue
        if isinstance(child, ast.Compare):
            found += [(child, f"ops {place}") for place, op in enumerate(child.ops) if type(op) in SWAPS]
        elif isinstance(child, (ast.BinOp, ast.BoolOp, ast.UnaryOp)) and type(child.op) in SWAPS:
            found.append((child, "op"))
        elif isinstance(child, ast.UnaryOp) and isinstance(child.op, ast.Not):
            found.append((child, "not"))
        elif isinstance(child, ast.Constant) and isinstance(child.value, (bool, int, float)):
            found.append((child, "constant"))
        found += places_in(child)
    return found


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _nodes(value: object) -> Iterator[ast.AST]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, ast.AST):
            yield item


def mutant(tree: ast.Module, number: int) -> tuple[str, str]:
    """Return the source with the ``number``-th place changed, and the change in words."""
    changed = deepcopy(tree)
    node, how = places_in(changed)[number]
    before = ast.unparse(node)
    if how.startswith("ops"):
        place = int(how[4:])
        node.ops[place] = SWAPS[type(node.ops[place])]()
    elif how == "op":
        node.op = SWAPS[type(node.op)]()
    elif how == "not":
        node.op, node.operand = ast.Not(), ast.UnaryOp(ast.Not(), node.operand)
    else:
        node.value = (not node.value) if isinstance(node.value, bool) else node.value + 1
    return ast.unparse(changed), f"line {node.lineno}: {before} → {ast.unparse(node)}"


def tests_of(module: str) -> list[str]:
    """Return the files that test a module: its mirror, or what ``TESTS`` says."""
    package, _, name = module.partition("/")
    return [f"tests/{package}/{test}.py" for test in TESTS.get(module, [f"test_{name}"])]


def ran(copy: Path, tests: list[str], seconds: float) -> tuple[str, float]:
    """Run tests on a copy of the package; return how they ended, and the seconds that they took."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LIBRARIES)
    names = {"root": str(ROOT), "copy": str(copy), "tests": tests}
    process = context.Process(target=exec, args=(RUN, names))
    began = time.monotonic()
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
        return "timed out", time.monotonic() - began
    return "passed" if process.exitcode == 0 else "failed", time.monotonic() - began


def tried(module: str, copy: Path, count: int, seed: int) -> dict[str, object]:
    """Try mutants of one module; return what became of them."""
    path = copy / "topocraft" / f"{module}.py"
    source, tests = path.read_text(encoding="utf-8"), tests_of(module)
    tree = ast.parse(source)
    ended, seconds = ran(copy, tests, 600)
    if ended != "passed":
        raise SystemExit(f"{', '.join(tests)} must pass before anything is changed; they {ended}.")
    places = range(len(places_in(tree)))
    survivors, drawn = [], sorted(random.Random(f"{seed} {module}").sample(places, min(count, len(places))))
    for number in drawn:
        text, what = mutant(tree, number)
        path.write_text(text, encoding="utf-8")
        if ran(copy, tests, max(LEAST_SECONDS, TIMES * seconds))[0] == "passed":
            survivors.append(what)
    path.write_text(source, encoding="utf-8")
    return {"places": len(places), "tried": len(drawn), "killed": len(drawn) - len(survivors), "survivors": survivors}


def modules(only: list[str]) -> list[str]:
    """Return the modules to be tried, as ``package/name``."""
    source = ROOT / "src" / "topocraft"
    every = [f"{package}/{path.stem}" for package in PACKAGES for path in sorted((source / package).glob("*.py"))]
    return [name for name in every if not name.endswith("__init__") and (not only or name.startswith(tuple(only)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=10, help="most mutants of each module")
    parser.add_argument("--seed", type=int, default=0, help="of which ones")
    parser.add_argument("--only", action="append", default=[], metavar="PACKAGE[/MODULE]", help="these alone")
    asked = parser.parse_args()
    found: dict[str, dict[str, object]] = {}
    kept = ROOT / "runs" / "mutants.json"
    kept.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(ROOT / "src" / "topocraft", Path(name, "topocraft"))
        for module in modules(asked.only):
            found[module] = tried(module, Path(name), asked.mutants, asked.seed)
            print(f"{module}: {found[module]['killed']} of {found[module]['tried']} killed", flush=True)
            print("".join(f"  survived, {what}\n" for what in found[module]["survivors"]), end="", flush=True)
            kept.write_text(json.dumps({"seed": asked.seed, "modules": found}, indent=1, ensure_ascii=False) + "\n")
    for package in PACKAGES:
        some = [result for module, result in found.items() if module.startswith(f"{package}/")]
        killed, count = (sum(result[part] for result in some) for part in ("killed", "tried"))
        if count:
            print(f"{package}: {killed} of {count} killed, {killed / count:.0%}")


if __name__ == "__main__":
    main()
