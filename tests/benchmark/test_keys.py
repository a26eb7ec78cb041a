"""What decides a result changes its digest, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

from topocraft.baselines import METHODS
from topocraft.benchmark import keys
from topocraft.benchmark.keys import code_digest, digest_of, method_code
from topocraft.benchmark.versions import method_versions, suite_versions
from topocraft.metrics.catalogue import SUITE

CODE = "def double(x):\n    return 2 * x\n"


def _digest(path: Path, text: str) -> str:
    path.write_text(text)
    return code_digest([path])


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ('"""Text."""\n\n# Note.\ndef double(x):\n    """Return."""\n    return 2 * x  # twice\n', True),
        ("def double(x): return (2*x)\n", True),
        ("def double(x):\n    return 3 * x\n", False),
        ("def double(y):\n    return 2 * y\n", False),
        ("def double(x):\n    print(x)\n    return 2 * x\n", False),
    ],
)
def test_a_program_is_what_it_does(tmp_path: Path, changed: str, same: bool) -> None:
    assert (_digest(tmp_path / "a.py", CODE) == _digest(tmp_path / "a.py", changed)) is same


def test_programs_in_other_languages_are_their_text(tmp_path: Path) -> None:
    assert _digest(tmp_path / "a.R", "x <- 1") != _digest(tmp_path / "a.R", "x <- 1 # one")


def test_digests_are_of_values_of_every_depth() -> None:
    base = {"a": {"b": [1, 2]}, "c": None}
    assert digest_of(base) == digest_of({"c": None, "a": {"b": [1, 2]}})
    assert len({digest_of(base), digest_of({**base, "c": 0}), digest_of({**base, "a": {"b": [2, 1]}})}) == 3
    assert len(digest_of(base)) == keys.DIGITS


def test_ours_is_also_the_modules_that_train() -> None:
    assert len(method_code(METHODS["topocraft"])) == 2 * len(method_code(METHODS["harmony"]))
    patterns = {pattern: list(keys.PACKAGE.glob(pattern)) for pattern in (*keys.INTEGRATES, *keys.PREPARES)}
    assert all(patterns.values()), "a pattern names no file"


def test_versions_are_of_what_runs_and_of_what_scores() -> None:
    ours = method_versions(METHODS["topocraft"])
    assert {"topocraft", "torch", "numpy", "python"} <= set(ours)
    assert method_versions(METHODS["harmony"])["harmonypy"].startswith("2.")
    assert suite_versions()["score suite"] == str(SUITE)


def test_versions_in_an_environment_of_its_own_are_read_there(tmp_path: Path) -> None:
    from topocraft.benchmark.versions import _installed

    for name, version in (("fastmethod", "9.1"), ("numpy", "0.1")):
        info = tmp_path / "lib" / "python3.99" / "site-packages" / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    assert _installed(["fastmethod", "numpy", "absent"], tmp_path) == {"fastmethod": "9.1", "numpy": "0.1"}
    assert _installed(["numpy"], None)["numpy"] != "0.1"
