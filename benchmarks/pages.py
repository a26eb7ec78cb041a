"""Pages of reports: what they take to write, how large they are, how soon they open, how smoothly they move."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import process

sys.path.insert(0, str(process.REPOSITORY / "tests" / "support"))

SET = "pbmc_10x_6batch"
MADE_UP = (10_000, 100_000, 300_000, 1_000_000)
FRAMES = 20
ASKED_FOR = 10_000


def print_written(folder: Path) -> None:
    """Print what ``topocraft report`` takes on the largest shared set, from file to file."""
    result = folder / f"{SET}.h5ad"
    if not result.exists():
        process.run(["integrate", str(process.DATA / f"{SET}.h5ad"), "-b", "batch", "-o", str(result)])
    page = folder / f"{SET}.html"
    cost = process.run(["report", str(result), "-b", "batch", "--label-key", "celltype", "-o", str(page), "--force"])
    print(f"  {SET}: {cost.wall:.1f} s, of processors {cost.processor:.1f} s, {cost.peak / 1e9:.1f} GB at the peak, ")
    print(f"  page of {page.stat().st_size / 1e6:.2f} MB")
    seconds = sorted(process.apart(_written_after, result, page) for _ in range(3))
    print(f"  {ASKED_FOR:,} of its cells, once they are read and libraries loaded: {seconds[1]:.1f} s, median of three")


def _written_after(result: Path, page: Path) -> float:
    """Return the seconds that a page takes beyond an integration in the same process, UMAP included."""
    import anndata
    import scanpy  # noqa: F401

    from topocraft.progress import Silent
    from topocraft.report import write_report

    cells = anndata.read_h5ad(result)[:ASKED_FOR].copy()
    began = time.perf_counter()
    write_report(cells, page, "batch", "celltype", force=True, progress=Silent())
    return time.perf_counter() - began


def print_opened() -> None:
    """Print size, seconds until the maps are drawn, and milliseconds per redrawn frame, of pages of made-up cells."""
    from browser import launched

    with tempfile.TemporaryDirectory() as folder, launched() as browser:
        for n_cells in MADE_UP:
            path = Path(folder, f"{n_cells}.html")
            path.write_text(_page(n_cells), encoding="utf-8")
            drawn, frame = zip(*(_open(browser, path) for _ in range(3)), strict=True)
            print(
                f"  {n_cells:,} cells: {path.stat().st_size / 1e6:.1f} MB, maps drawn after "
                f"{statistics.median(drawn):.2f} s, {statistics.median(frame):.0f} ms per frame of both maps",
                flush=True,
            )


def _open(browser: Any, path: Path) -> tuple[float, float]:
    tab = browser.new_page(viewport={"width": 1400, "height": 1000})
    began = time.perf_counter()
    tab.goto(path.as_uri())
    tab.wait_for_selector("html[data-maps=drawn]", timeout=120_000)
    drawn = time.perf_counter() - began
    frame = tab.evaluate(
        """async frames => {
          const canvases = [...document.querySelectorAll("canvas.over")];
          const key = name => new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true });
          const next = () => new Promise(requestAnimationFrame);
          await next();
          const began = performance.now();
          for (let frame = 0; frame < frames; frame++) {
            for (const canvas of canvases) canvas.dispatchEvent(key(frame % 2 ? "ArrowLeft" : "ArrowRight"));
            await next();
          }
          return (performance.now() - began) / frames;
        }""",
        FRAMES,
    )
    tab.close()
    return drawn, float(frame)


def _page(n_cells: int) -> str:
    """Return a page of that many cells in 6 batches, of 12 types, with 20 genes of which most counts are zero."""
    import numpy as np

    from topocraft.plot import palette
    from topocraft.report.colouring import Colouring
    from topocraft.report.maps import map_data
    from topocraft.report.page import Page, render

    draws = np.random.default_rng(0)
    kind, batch = draws.choice(12, n_cells).astype(np.uint8), draws.choice(6, n_cells).astype(np.uint8)
    centres = draws.normal(size=(2, 12, 2)) * 5
    layouts = [(title, centres[which][kind] + draws.normal(size=(n_cells, 2))) for which, title in enumerate("ab")]

    def text(title: str, codes: np.ndarray) -> Colouring:
        names = tuple(f"{title} {code}" for code in range(codes.max() + 1))
        return Colouring(title, "design", codes, names, tuple(palette(len(names))))

    def gene(title: str) -> Colouring:
        expressed = draws.random(n_cells) < 0.3
        return Colouring(title, "genes", np.where(expressed, draws.gamma(2, 40, n_cells), 0).clip(0, 254).astype("u1"))

    mixing = Colouring("mixing per cell", "mixing", (draws.beta(5, 1, n_cells) * 50).astype("u1") * 5)
    columns = [text("batch", batch), text("type", kind), mixing, *(gene(f"gene {place}") for place in range(20))]
    names = [f"{place:016x}-1" for place in range(n_cells)]
    data, _ = map_data(layouts, columns, names, np.arange(n_cells))
    nothing: dict[str, Any] = dict.fromkeys(
        ("statements", "look", "notes", "groups", "batches", "grids", "audit", "scores", "provenance"), ()
    )
    told = {
        "title": "made up",
        "subtitle": f"{n_cells:,} cells",
        "judgement": "ok",
        "headline": "",
        "kind": "cell type",
    }
    return render(Page(**told, **nothing, data=data, training=None))
