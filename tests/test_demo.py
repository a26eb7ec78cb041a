"""The demo: no file, no network; a table, a picture and the cells; never over another's files."""

from __future__ import annotations

import socket
from pathlib import Path

import anndata
import pytest
from typer.testing import CliRunner

from topocraft import demo as demo_module
from topocraft.cli import app
from topocraft.config import IntegrationConfig
from topocraft.demo import DEMO_CONFIG, Demo, require_demo_folder, run_demo
from topocraft.errors import FileError
from topocraft.progress import Progress

QUICK = DEMO_CONFIG.with_values(n_latent=8, encoder_widths=(32, 16), decoder_widths=(16, 32), epochs=2, warmup_epochs=1)


@pytest.fixture
def small_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the command's demo small, and the network out of reach."""

    def run_small(seed: int = 0, progress: Progress | None = None) -> Demo:
        return run_demo(seed, progress, QUICK, n_cells=150, n_genes=100)

    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("the demo needs no network")

    monkeypatch.setattr(demo_module, "run_demo", run_small)
    monkeypatch.setattr(socket.socket, "connect", no_network)


@pytest.mark.usefixtures("small_demo")
def test_the_demo_prints_the_table_and_says_where_things_are(tmp_path: Path) -> None:
    folder = tmp_path / "shown"
    first = CliRunner().invoke(app, ["demo", "-o", str(folder), "--seed", "1"])
    assert first.exit_code == 0, first.output
    for told in ("common 1", "rare", "one batch", "kept", "mixed", "ARI", "150 cells × 100 genes, 3 batches"):
        assert told in first.stdout
    for name in ("demo.h5ad", "umap.png", "report.html"):
        assert f"Written: {folder / name}" in first.stdout
    assert [line.split()[0] for line in first.stderr.splitlines() if line.count(" ") == 0] == [
        *("simulate", "prepare", "cluster", "train", "embed", "align", "carry", "align", "score", "draw"),
        *("prepare", "score", "draw", "write"),
    ]
    assert sorted(item.name for item in folder.iterdir()) == ["demo.h5ad", "report.html", "umap.png"]
    assert first.stdout.splitlines()[-1] == f"Open in a browser: {folder / 'report.html'}"
    assert (folder / "umap.png").read_bytes().startswith(b"\x89PNG")
    written = anndata.read_h5ad(folder / "demo.h5ad")
    assert written.obsm["X_topocraft"].shape[0] == 150
    assert IntegrationConfig.from_json(written.uns["topocraft"]["config"]).seed == 1
    assert "scores" in written.uns["topocraft"]

    again = CliRunner().invoke(app, ["demo", "-o", str(folder)])
    assert again.exit_code == 1
    assert "demo.h5ad' does" in again.stderr
    assert "--force" in again.stderr
    forced = CliRunner().invoke(app, ["demo", "-o", str(folder), "--seed", "1", "--force", "--quiet"])
    assert (forced.exit_code, forced.output) == (0, "")
    repeated = anndata.read_h5ad(folder / "demo.h5ad")
    assert (repeated.obsm["X_topocraft"] == written.obsm["X_topocraft"]).all()


def test_folders_that_will_not_do_are_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"folder must exist; there is no .*missing'. Create it"):
        require_demo_folder(tmp_path / "missing" / "demo", force=False)
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="must be a folder; it is a file already"):
        require_demo_folder(tmp_path / "file", force=True)
    (tmp_path / "umap.png").touch()
    with pytest.raises(FileError, match=r"must not exist yet; '.*umap\.png' does"):
        require_demo_folder(tmp_path, force=False)
    require_demo_folder(tmp_path, force=True)
    require_demo_folder(tmp_path / "new", force=False)
    assert not (tmp_path / "new").exists()
