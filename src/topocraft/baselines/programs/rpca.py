"""Seurat's integration by reciprocal principal components (RPCA), in R, through plain files and ``rpca.R``.

Stuart et al. 2019, doi:10.1016/j.cell.2019.05.031; Hao et al. 2021, doi:10.1016/j.cell.2021.04.048. The steps and the
values are those of Seurat's own article on RPCA (versions 4.3 and 5); its choice of genes is left out, because every
method here gets the same genes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from anndata import AnnData

SCRIPT = Path(__file__).with_name("rpca.R")
LARGEST_R_INTEGER = 2**31 - 1
FEWEST_CELLS = 4
GET_SEURAT = "Get it by: apt install r-cran-seurat, or in R: install.packages('Seurat')."


class Neighbourhood(NamedTuple):
    """Parameters of Seurat that cannot exceed a batch, in the order in which ``rpca.R`` takes them."""

    npcs: int = 50
    dims: int = 30
    k_anchor: int = 5
    k_score: int = 30
    k_weight: int = 100


def integrate(adata: AnnData, seed: int) -> np.ndarray:
    """Return the principal components of Seurat's integrated values, (n_cells, ≤ 30)."""
    from scipy.io import mmwrite

    program = _rscript()
    batch = adata.obs["batch"].cat.remove_unused_categories().cat.codes.to_numpy()
    settings = neighbourhood(*sizes(adata.X, batch))
    with tempfile.TemporaryDirectory(prefix="rpca-") as name:
        folder = Path(name)
        mmwrite(folder / "values.mtx", adata.X.T, precision=9)  # nine digits hold a float32
        np.savetxt(folder / "batch.txt", batch, fmt="%d")
        arguments = (seed % LARGEST_R_INTEGER, *settings)
        _run([program, str(SCRIPT), name, *map(str, arguments)])
        return np.loadtxt(folder / "embedding.csv", delimiter=",", dtype=np.float32, ndmin=2)


def version() -> str:
    """Return the version of Seurat."""
    asked = [_rscript(), "-e", "cat(as.character(packageVersion('Seurat')))"]
    return f"Seurat {subprocess.run(asked, capture_output=True, text=True, check=True).stdout}"


def sizes(values: Any, batch: np.ndarray) -> tuple[int, int]:
    """Return the fewest cells in a batch, and the fewest genes that differ between the cells of a batch."""
    parts = [values[batch == code] for code in np.unique(batch)]
    varying = [(part.max(axis=0) != part.min(axis=0)).nnz for part in parts]
    return min(part.shape[0] for part in parts), int(min(varying))


def neighbourhood(fewest_cells: int, fewest_genes: int) -> Neighbourhood:
    """Return Seurat's defaults, lowered to what the smallest batch can hold.

    Components are fewer than the cells of every batch and than the genes that vary in it; a cell has at most all other
    cells of its batch for neighbours. ``rpca.R`` halves ``k_weight`` further where there are fewer anchors than that.
    """
    if fewest_cells < FEWEST_CELLS or fewest_genes < FEWEST_CELLS:
        raise ValueError(
            f"Seurat's RPCA needs {FEWEST_CELLS} cells and {FEWEST_CELLS} genes that vary in every batch; "
            f"the smallest here are {fewest_cells} and {fewest_genes}. Leave small batches out, or join them."
        )
    others, default = fewest_cells - 1, Neighbourhood()
    components = min(others, fewest_genes - 1)
    return Neighbourhood(
        npcs=min(default.npcs, components),
        dims=min(default.dims, components),
        k_anchor=min(default.k_anchor, others),
        k_score=min(default.k_score, others),
        k_weight=min(default.k_weight, fewest_cells),
    )


def _rscript() -> str:
    program = shutil.which("Rscript")
    if program is None:
        raise RuntimeError(f"Seurat needs R; there is no Rscript on the path. {GET_SEURAT}")
    return program


def _run(command: list[str]) -> None:
    english = os.environ | {"LANGUAGE": "en"}  # rpca.R reads a message of R
    ended = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace", env=english, check=False)
    sys.stderr.write(ended.stderr)
    if "there is no package called" in ended.stderr:
        raise RuntimeError(f"R does not find Seurat. {GET_SEURAT}")
    if ended.returncode:
        raise RuntimeError(f"Seurat stopped: {_last_error(ended.stderr) or f'exit code {ended.returncode}'}")


def _last_error(said: str) -> str:
    """Return R's last error without its list of calls, on one line."""
    error = said[max(said.rfind("Error in "), said.rfind("Error: "), 0) :]
    for end in ("\nCalls: ", "\nExecution halted"):
        error = error.partition(end)[0]
    return " ".join(error.split())
