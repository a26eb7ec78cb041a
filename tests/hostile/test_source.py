"""The source itself: nothing in it can run what a file says, and nothing goes through a shell."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import topocraft

PACKAGE = Path(topocraft.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml", "runpy", "code"}
BUILT_IN = {"eval", "exec", "compile", "__import__", "breakpoint", "input"}
CALLS = {"os.system", "os.popen", "torch.load", "torch.save", "pandas.read_pickle", "pd.read_pickle", "np.fromfile"}
CALLS |= {"subprocess.getoutput", "subprocess.getstatusoutput", "tempfile.mktemp", "shutil.unpack_archive"}
METHODS = {"extractall", "extract", "to_pickle", "read_pickle", "load_module", "exec_module"}
SPAWNING = {"subprocess.run", "subprocess.Popen", "subprocess.check_output", "subprocess.check_call", "subprocess.call"}
OWN_PROGRAMS = {"baselines/worker.py": ["calls spec.loader.exec_module"]}
"""The worker runs the program of a compared method, which is a file of this package, in an environment of its own."""
CSV_AT_HOME = "data/csv_text.py"


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def _is(keyword: ast.keyword, name: str, value: object) -> bool:
    return keyword.arg == name and isinstance(keyword.value, ast.Constant) and keyword.value.value is value


def _imported(node: ast.AST) -> set[str]:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    return {name.partition(".")[0] for name in names}


def _forbidden(tree: ast.AST, place: str) -> Iterator[str]:
    for node in ast.walk(tree):
        yield from (f"imports {name}" for name in sorted(_imported(node) & MODULES))
        if not isinstance(node, ast.Call):
            continue
        called = _dotted(node.func)
        if called in BUILT_IN | CALLS or called.startswith(("os.spawn", "os.exec")):
            yield f"calls {called}"
        if called.rpartition(".")[2] in METHODS and "." in called:
            yield f"calls {called}"
        if called in ("np.load", "numpy.load") and not any(_is(each, "allow_pickle", False) for each in node.keywords):
            yield f"calls {called} without allow_pickle=False"
        if called.endswith(".to_csv") and place != CSV_AT_HOME:
            yield "writes CSV past csv_text"
        if called in SPAWNING and isinstance(node.args[0], (ast.Constant, ast.JoinedStr)):
            yield "starts a program by a text"
        if any(_is(each, "shell", True) or _is(each, "verify", False) for each in node.keywords):
            yield f"calls {called} through a shell, or without looking at certificates"
        if any(each.arg == "shell" and not isinstance(each.value, ast.Constant) for each in node.keywords):
            yield f"calls {called} with a shell that is chosen elsewhere"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_nothing_runs_what_a_file_says(path: Path) -> None:
    found = list(_forbidden(ast.parse(path.read_text(encoding="utf-8")), path.relative_to(PACKAGE).as_posix()))
    assert found == OWN_PROGRAMS.get(path.relative_to(PACKAGE).as_posix(), []), f"{path}: {found}"


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "eval(text)",
        "os.system(text)",
        "torch.load(path)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "archive.extractall(folder)",
        "subprocess.run('ls -l')",
        "subprocess.run(f'ls {path}')",
        "subprocess.Popen(words, shell=True)",
        "subprocess.Popen(words, shell=asked)",
        "requests.get(address, verify=False)",
        "table.to_csv(path)",
        "os.execvp(name, words)",
    ],
)
def test_the_scan_finds_what_it_looks_for(source: str) -> None:
    assert list(_forbidden(ast.parse(source), "data/other.py"))


def test_the_scan_lets_the_rest_pass() -> None:
    source = "np.load(path, allow_pickle=False)\nsubprocess.run([program, '-e', code])\ntable.to_csv()\nre.compile('a')"
    assert list(_forbidden(ast.parse(source), CSV_AT_HOME)) == []


def test_addresses_are_encrypted() -> None:
    """Comments and namespaces apart, no file of the package names an address that anyone on the way could answer."""
    allowed = ("http://www.w3.org/", "http://localhost", "http://127.0.0.1")
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("http://"):
                assert node.value.startswith(allowed), f"{path}: {node.value}"
