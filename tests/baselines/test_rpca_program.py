"""The bridge to Seurat: what R is given, what is read back, and what is said where R or Seurat is missing."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData
from scipy import sparse

from topocraft.baselines.programs import rpca

ECHO = """
    import json
    folder = Path(sys.argv[2])
    lines = [line for line in (folder / "values.mtx").read_text().splitlines() if not line.startswith("%")]
    first, total = [[0.0] * int(lines[0].split()[1]) for _ in range(2)]  # of every cell: its first gene, all genes
    for gene, cell, value in map(str.split, lines[1:]):
        total[int(cell) - 1] += float(value)
        first[int(cell) - 1] += float(value) * (gene == "1")
    rows = zip((folder / "batch.txt").read_text().split(), first, total)
    (folder / "embedding.csv").write_text("\\n".join(",".join(map(str, row)) for row in rows))
    Path(__file__).with_name("seen.json").write_text(json.dumps(sys.argv[1:]))
"""


@pytest.fixture
def cells() -> AnnData:
    """Return 12 cells in no order of batches, two batches of 7 and 5, a category without cells, and 6 genes."""
    rng = np.random.default_rng(0)
    values = sparse.csr_matrix(np.log1p(rng.poisson(2, (12, 6))), dtype=np.float32)
    adata = AnnData(values, obs={"batch": list("bababbaabaaa")})
    adata.obs["batch"] = adata.obs["batch"].astype("category").cat.set_categories(["a", "none", "b"])
    return adata


@pytest.fixture
def rscript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder on the path, the only one, for an Rscript of the test's own."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def _pretend(folder: Path, program: str) -> None:
    text = f"#!{sys.executable}\nimport sys\nfrom pathlib import Path\n{textwrap.dedent(program)}"
    (folder / "Rscript").write_text(text)
    (folder / "Rscript").chmod(0o755)


def test_r_gets_the_cells_as_they_are_and_gives_rows_in_their_order(cells: AnnData, rscript: Path) -> None:
    _pretend(rscript, ECHO)
    embedding = rpca.integrate(cells, seed=3)
    dense = cells.X.toarray()
    expected = np.column_stack([np.array(list("bababbaabaaa")) == "b", dense[:, 0], dense.sum(axis=1)])
    np.testing.assert_allclose(embedding, expected, rtol=1e-6)
    np.testing.assert_array_equal(embedding[:, 1], dense[:, 0])  # not a bit is lost on the way
    assert embedding.dtype == np.float32


def test_r_gets_its_script_the_seed_and_the_parameters_of_the_smallest_batch(cells: AnnData, rscript: Path) -> None:
    _pretend(rscript, ECHO)
    rpca.integrate(cells, seed=2**32 - 1)
    script, folder, seed, *settings = json.loads((rscript / "seen.json").read_text())
    assert script == str(rpca.SCRIPT)
    assert not Path(folder).exists()
    assert 0 <= int(seed) < 2**31
    assert tuple(map(int, settings)) == rpca.neighbourhood(fewest_cells=5, fewest_genes=6)


def test_the_script_takes_the_parameters_in_that_order() -> None:
    main = re.search(r"main <- function\((.*)\)", rpca.SCRIPT.read_text(encoding="utf-8"))
    assert main is not None
    assert main[1].split(", ") == ["folder", "seed", *rpca.Neighbourhood._fields]


def test_large_batches_keep_the_defaults_of_seurat() -> None:
    # RunPCA(npcs = 50), FindIntegrationAnchors(dims = 1:30, k.anchor = 5, k.score = 30), IntegrateData(k.weight = 100)
    assert rpca.neighbourhood(101, 2_000) == (50, 30, 5, 30, 100)
    assert rpca.neighbourhood(100_000, 2_000) == (50, 30, 5, 30, 100)


@pytest.mark.parametrize(
    ("cells", "genes", "expected"),
    [
        (100, 2_000, (50, 30, 5, 30, 100)),
        (60, 2_000, (50, 30, 5, 30, 60)),
        (50, 2_000, (49, 30, 5, 30, 50)),
        (30, 2_000, (29, 29, 5, 29, 30)),
        (5, 2_000, (4, 4, 4, 4, 5)),
        (200, 17, (16, 16, 5, 30, 100)),
    ],
)
def test_small_batches_lower_what_cannot_exceed_them(cells: int, genes: int, expected: tuple[int, ...]) -> None:
    assert rpca.neighbourhood(cells, genes) == expected


def test_a_batch_too_small_for_any_is_refused() -> None:
    with pytest.raises(ValueError, match=r"needs 4 cells and 4 genes .* smallest here are 3 and 900\. Leave small"):
        rpca.neighbourhood(3, 900)


def test_the_smallest_batch_and_its_varying_genes_are_counted() -> None:
    values = np.ones((9, 6))
    values[:4, :3] = np.arange(12).reshape(4, 3)  # batch 0: three genes vary, three do not
    values[4:] = np.arange(30).reshape(5, 6)  # batch 1: all vary
    assert rpca.sizes(sparse.csr_matrix(values), np.repeat([0, 1], [4, 5])) == (4, 3)


def test_without_r_it_is_said_how_to_get_it(cells: AnnData, rscript: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^Seurat needs R; there is no Rscript on the path\. .*r-cran-seurat"):
        rpca.integrate(cells, seed=0)


def test_without_seurat_it_is_said_how_to_get_it(cells: AnnData, rscript: Path) -> None:
    _pretend(rscript, "sys.exit('Error in library(Seurat) : there is no package called Seurat')")
    with pytest.raises(RuntimeError, match=r"^R does not find Seurat\. Get it by: apt install r-cran-seurat"):
        rpca.integrate(cells, seed=0)


FAILURE = """Warning: Error in names is no error
Error in idx[i, ] <- res[[i]][[1]] :
  number of items to replace is not a multiple
Calls: do.call ... AnnoyNN -> AnnoySearch
Execution halted
"""


def test_what_r_says_last_becomes_one_line(cells: AnnData, rscript: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _pretend(rscript, f"sys.exit({FAILURE!r})")
    expected = "Seurat stopped: Error in idx[i, ] <- res[[i]][[1]] : number of items to replace is not a multiple"
    with pytest.raises(RuntimeError) as caught:
        rpca.integrate(cells, seed=0)
    assert str(caught.value) == expected
    assert FAILURE in capsys.readouterr().err


def test_an_end_without_words_names_the_exit_code(cells: AnnData, rscript: Path) -> None:
    _pretend(rscript, "sys.exit(7)")
    with pytest.raises(RuntimeError, match=r"^Seurat stopped: exit code 7$"):
        rpca.integrate(cells, seed=0)


def test_the_version_is_that_of_seurat(rscript: Path) -> None:
    _pretend(rscript, "assert 'packageVersion(' in sys.argv[2]\nprint('5.2.1', end='')")
    assert rpca.version() == "Seurat 5.2.1"
