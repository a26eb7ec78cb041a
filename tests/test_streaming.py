"""Files that stay on disk are integrated as in memory, and copied whole."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pytest
from anndata import AnnData
from scipy import sparse

import topocraft
from topocraft import IntegrationConfig
from topocraft.config import PreprocessConfig
from topocraft.data.files import read_many
from topocraft.data.joining import shared_genes
from topocraft.data.stream_files import open_files
from topocraft.data.stream_outputs import write_streamed
from topocraft.errors import ConfigError, FileError, InputError
from topocraft.progress import Silent
from topocraft.simulate.demo import demo_cells
from topocraft.streaming import streams
from topocraft.topology import components
from topocraft.training import embed

SHAPES = {"n_latent": 8, "encoder_widths": (32, 16), "decoder_widths": (16, 32), "classifier_widths": (8,)}
SHORT = {"epochs": 3, "warmup_epochs": 1, "cells_per_batch": 64, "cells_per_step": 96, "threads": 1}
CONFIG = IntegrationConfig(preprocess=PreprocessConfig(min_genes=5, n_top_genes=100)).with_values(**SHAPES, **SHORT)
SECTIONS = ("layers", "obsm", "varm", "obsp", "uns")


integrate = partial(topocraft.integrate, progress=Silent())
integrate_files = partial(topocraft.integrate_files, progress=Silent())


def make_cells(seed: int = 1, n_genes: int = 150) -> AnnData:
    adata = demo_cells(n_cells=240, n_genes=n_genes, seed=seed)
    counts = adata.X.tolil()
    counts[[3, 100]] = 0
    counts[[3, 100], 0] = 1
    adata.X = counts.tocsr().astype(np.float32)
    adata.layers["counts"] = adata.X.copy()
    adata.X = adata.X * 2
    adata.obs["note"] = np.where(np.arange(240) % 2, "odd", None)
    adata.obsm["X_old"] = np.arange(480.0).reshape(240, 2)
    adata.obsp["graph"] = sparse.identity(240, format="csr")
    adata.varm["load"] = np.ones((n_genes, 2))
    adata.uns["mine"] = {"number": 3}
    adata.raw = adata.copy()
    return adata


def read(path: Path) -> AnnData:
    return anndata.read_zarr(path) if path.suffix == ".zarr" else anndata.read_h5ad(path)


def write(adata: AnnData, path: Path) -> Path:
    (adata.write_zarr if path.suffix == ".zarr" else adata.write_h5ad)(path)
    return path


@pytest.fixture(scope="module", autouse=True)
def _settled_threads() -> None:
    """The first run of a process may find torch with other threads than later ones."""
    integrate(make_cells(), "batch", config=CONFIG)


def agree(found: AnnData, expected: AnnData) -> None:
    np.testing.assert_allclose(found.obsm["X_topocraft"], expected.obsm["X_topocraft"], atol=1e-5)
    for column in ("topocraft_low", "topocraft_high", "topocraft_set_aside"):
        assert found.obs[column].astype(str).tolist() == expected.obs[column].astype(str).tolist()
    for key in ("fingerprint", "n_set_aside", "input_kind"):
        assert found.uns["topocraft"][key] == expected.uns["topocraft"][key]
    assert found.uns["topocraft"]["genes"].tolist() == expected.uns["topocraft"]["genes"].tolist()


@pytest.mark.parametrize("ending", ["h5ad", "zarr"])
@pytest.mark.parametrize("layer", [None, "counts"])
def test_one_file_is_copied_and_annotated(tmp_path: Path, ending: str, layer: str | None) -> None:
    adata, source, output = make_cells(), tmp_path / f"cells.{ending}", tmp_path / f"out.{ending}"
    write(adata, source)
    before = source.stat().st_mtime_ns
    _, shown = integrate_files([source], output, "batch", layer=layer, config=CONFIG)
    integrate(adata, "batch", layer=layer, config=CONFIG)
    found = read(output)
    agree(found, adata)
    agree(shown, adata)
    assert (found.X != adata.X).nnz == (found.layers["counts"] != adata.layers["counts"]).nnz == 0
    assert (found.raw.X != adata.raw.X).nnz == 0
    for section in SECTIONS:
        assert set(getattr(found, section)) == set(getattr(adata, section))
    assert found.uns["mine"]["number"] == 3
    assert found.obs["note"].isna().sum() == 120
    assert found.obs_names.equals(adata.obs_names)
    assert found.var_names.equals(adata.var_names)
    assert sorted(item.name for item in tmp_path.iterdir()) == sorted([source.name, output.name])
    assert source.stat().st_mtime_ns == before


@pytest.mark.parametrize("endings", [("h5ad", "h5ad"), ("h5ad", "zarr")])
def test_several_files_are_joined_as_in_memory(tmp_path: Path, endings: tuple[str, str]) -> None:
    one, other = make_cells(1), make_cells(2)
    other.layers["more"] = other.X.copy()
    other.X = other.X.toarray()
    paths = [write(one[:, 20:].copy(), tmp_path / f"one.{endings[0]}"), write(other, tmp_path / f"two.{endings[1]}")]
    output = tmp_path / f"out.{endings[1]}"
    integrate_files(paths, output, config=CONFIG)
    joined = read_many(paths)
    expected = joined.adata
    integrate(expected, "file", gene_mask=shared_genes(expected, None), config=CONFIG)
    found = read(output)
    agree(found, expected)
    assert found.obs_names.equals(expected.obs_names)
    assert found.var_names.equals(expected.var_names)
    assert (sparse.csr_matrix(expected.X) != found.X).nnz == 0
    assert (found.layers["counts"] != expected.layers["counts"]).nnz == 0
    assert list(found.layers) == ["counts"]
    assert set(found.obsm) == {"X_old", "X_topocraft"}
    assert found.var["in_every_file"].sum() == 130


def test_files_of_half_precision_are_joined_too(tmp_path: Path) -> None:
    paths = []
    for seed in (1, 2):
        adata = make_cells(seed)
        adata.X = adata.X.toarray().astype(np.float16)
        paths.append(write(adata, tmp_path / f"{seed}.h5ad"))
    integrate_files(paths, tmp_path / "out.h5ad", config=CONFIG)
    expected = read_many(paths).adata
    integrate(expected, "file", gene_mask=shared_genes(expected, None), config=CONFIG)
    found = read(tmp_path / "out.h5ad")
    agree(found, expected)
    assert found.X.dtype == np.float32
    assert (found.X.toarray() == expected.X).all()


def test_above_the_size_of_the_samples_both_agree_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(components, "FITTED_CELLS", 150)
    monkeypatch.setattr(components, "BLOCK", 64)
    monkeypatch.setattr(embed, "FITTED_CELLS", 150)
    config = CONFIG.with_values(sketch=100)
    adata = make_cells()
    source = write(adata, tmp_path / "cells.h5ad")
    integrate_files([source], tmp_path / "out.h5ad", "batch", config=config)
    integrate(adata, "batch", config=config)
    agree(read(tmp_path / "out.h5ad"), adata)


@pytest.mark.parametrize("coordinates", ["components", "best"])
def test_an_anndata_whose_values_stay_on_disk(coordinates: str, tmp_path: Path) -> None:
    adata, config = make_cells(), CONFIG.with_values(coordinates=coordinates)
    backed = anndata.read_h5ad(write(adata, tmp_path / "cells.h5ad"), backed="r")
    integrate(backed, "batch", config=config)
    integrate(adata, "batch", config=config)
    agree(backed, adata)
    backed.file.close()


def test_cells_set_aside_get_nan_but_are_not_dropped(tmp_path: Path) -> None:
    source = write(make_cells(), tmp_path / "cells.h5ad")
    integrate_files([source], tmp_path / "out.h5ad", "batch", config=CONFIG.with_values(set_aside="nan"))
    found = read(tmp_path / "out.h5ad")
    assert np.flatnonzero(np.isnan(found.obsm["X_topocraft"]).all(axis=1)).tolist() == [3, 100]
    with pytest.raises(ConfigError, match=r"'embed' or 'nan' where files are read in blocks; got 'drop'"):
        integrate_files([source], tmp_path / "x.h5ad", "batch", config=CONFIG.with_values(set_aside="drop"))


def test_names_are_numbered_where_asked(tmp_path: Path) -> None:
    adata = make_cells()
    adata.var_names = ["A", "A", *adata.var_names[2:]]
    source = write(adata, tmp_path / "cells.h5ad")
    with pytest.raises(InputError, match="gene names must be unique"):
        integrate_files([source], tmp_path / "out.h5ad", "batch", config=CONFIG)
    integrate_files([source], tmp_path / "out.h5ad", "batch", config=CONFIG, make_unique=True)
    assert read(tmp_path / "out.h5ad").var_names[:2].tolist() == ["A", "A-1"]


def test_what_cannot_be_read_in_blocks(tmp_path: Path) -> None:
    adata = make_cells()
    source = write(adata, tmp_path / "cells.h5ad")
    gene_by_gene = adata.copy()
    gene_by_gene.X = adata.X.tocsc()
    write(gene_by_gene, tmp_path / "genes.h5ad")
    (tmp_path / "cells.loom").write_bytes(b"")
    output = tmp_path / "out.h5ad"
    for file, options, error, message in (
        ("cells.loom", {}, FileError, r"Only \.h5ad and \.zarr are read in blocks"),
        ("away.h5ad", {}, FileError, "there is no 'away.h5ad'"),
        ("genes.h5ad", {}, InputError, r"X of 'genes\.h5ad' is stored gene by gene \(CSC\)"),
        ("cells.h5ad", {"layer": "count"}, InputError, r"has no 'count'\. Did you mean 'counts'\?"),
    ):
        with pytest.raises(error, match=message):
            integrate_files([tmp_path / file], output, "batch", config=CONFIG, **options)
    with pytest.raises(FileError, match=r"output must end in \.h5ad, like the input"):
        integrate_files([source], tmp_path / "out.zarr", "batch", config=CONFIG)
    with pytest.raises(FileError, match="must not be an input"):
        integrate_files([source], source, "batch", config=CONFIG, force=True)
    with h5py.File(tmp_path / "genes.h5ad", "a") as opened:
        del opened["X"]
    with pytest.raises(InputError, match=r"X must hold values; it is empty in 'genes\.h5ad'\. Name a layer: 'counts'"):
        integrate_files([tmp_path / "genes.h5ad"], output, "batch", config=CONFIG)
    assert not output.exists()


@pytest.mark.parametrize("where", ["shutil.copyfile", "anndata.io.write_elem"])
@pytest.mark.parametrize("ending", ["h5ad", "zarr"])
def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, ending: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    source, output = write(make_cells(), tmp_path / f"cells.{ending}"), tmp_path / f"out.{ending}"
    with open_files([source]) as opened:
        monkeypatch.setattr(where, fail)
        with pytest.raises(KeyboardInterrupt):
            write_streamed(opened, opened.adata, output, force=False)
    assert [item.name for item in tmp_path.iterdir()] == [source.name]


FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from topocraft.data.stream_files import open_files
from topocraft.data.stream_outputs import write_streamed
paths = [Path(name) for name in sys.argv[1:-1]]
with open_files(paths) as opened:
    opened.adata.obsm["X_topocraft"] = np.random.default_rng(0).normal(size=(opened.adata.n_obs, 500))
    for limit in (0, 1_000, 10_000) if paths[0].suffix == '.zarr' else (0, 1_000, 30_000, 200_000, 400_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            write_streamed(opened, opened.adata, Path(sys.argv[-1]), force=False)
        except Exception as error:
            print(type(error).__name__, error)
"""


@pytest.mark.parametrize("names", [["one.h5ad"], ["one.zarr"], ["one.h5ad", "two.h5ad"]])
def test_a_disk_that_runs_full_is_an_error_and_no_crash(tmp_path: Path, names: list[str]) -> None:
    paths = [str(write(make_cells(seed), tmp_path / name)) for seed, name in enumerate(names, 1)]
    command = [sys.executable, "-c", FULL, *paths, str(tmp_path / f"out{Path(names[0]).suffix}")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    assert done.stderr == ""
    assert len(said) >= 3
    assert all(line.startswith("FileError Output 'out.") and "File too large. It needs up to" in line for line in said)
    assert sorted(item.name for item in tmp_path.iterdir()) == names


def test_files_larger_than_memory_are_read_in_blocks(tmp_path: Path) -> None:
    source = write(make_cells(), tmp_path / "cells.h5ad")
    (tmp_path / "cells.h5").write_bytes(b"")
    assert not streams([source])
    assert streams([source], memory=6e8)
    assert not streams([source], memory=6.2e8)
    assert not streams([source, tmp_path / "cells.h5"], memory=6e8)
    with pytest.raises(FileError, match=r"there is no 'away\.h5ad'"):
        streams([tmp_path / "away.h5ad"])
