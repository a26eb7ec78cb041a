"""Columns and names of every kind are written and come back, or are refused in words."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hostile_cells import COLUMNS, NAMES, as_column

from topocraft.data.outputs import write_result
from topocraft.errors import FileError

UNWRITTEN = {"mixed twins", "timedelta", "period", "interval", "sparse", "tuples", "lists", "None"}
UNWRITTEN |= {"dates", "decimals", "mixed categories", "datetime", "zoned", "NaT"}


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_comes_back_or_is_refused(kind: str, tmp_path: Path) -> None:
    adata = AnnData(np.eye(12, dtype=np.float32))
    adata.obs["kind"] = as_column(kind, np.arange(12) % 4)
    if kind in UNWRITTEN:
        with pytest.raises(FileError, match=r"Every annotation must be of a kind that \.h5ad holds.*Turn it into text"):
            write_result(adata, tmp_path / "cells.h5ad", force=False)
        assert list(tmp_path.iterdir()) == []
        return
    write_result(adata, tmp_path / "cells.h5ad", force=False)
    back = anndata.read_h5ad(tmp_path / "cells.h5ad").obs["kind"]
    for one, other in zip(adata.obs["kind"], back, strict=True):
        text = one.decode() if isinstance(one, bytes) else one  # anndata writes bytes as the text that they are
        assert (pd.isna(one) and pd.isna(other)) or text == other


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.filterwarnings("ignore:Observation names are not unique")
def test_names_come_back_or_are_refused(kind: str, tmp_path: Path) -> None:
    adata = AnnData(np.eye(12, dtype=np.float32))
    adata.obs_names = NAMES[kind](12)
    if kind in ("zero bytes", "surrogates", "odd"):
        with pytest.raises(FileError, match="Every annotation must be of a kind"):
            write_result(adata, tmp_path / "cells.h5ad", force=False)
        return
    write_result(adata, tmp_path / "cells.h5ad", force=False)
    assert anndata.read_h5ad(tmp_path / "cells.h5ad").obs_names.tolist() == adata.obs_names.tolist()


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    obs = pd.DataFrame([["a", "b"]] * 3, columns=["kind", "kind"], index=list("xyz"))
    with pytest.raises(FileError, match="Every annotation must be of a kind"):
        write_result(AnnData(np.eye(3, dtype=np.float32), obs=obs), tmp_path / "cells.h5ad", force=False)
