"""Pages of made-up cells, written in no time, and a browser to open them in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from browser import launched

from topocraft.progress import Silent
from topocraft.provenance import EMBEDDING, KEY, SET_ASIDE
from topocraft.report.colouring import colourings
from topocraft.report.layouts import Layouts
from topocraft.report.maps import map_data
from topocraft.report.page import Page, render
from topocraft.report.subject import read_subject
from topocraft.report.writing import _page

Opened = Callable[..., Any]
EVIL = "<script>alert(1)</script>"
"""What strangers may write into a name."""


def made_up(n_cells: int = 300, seed: int = 0) -> AnnData:
    """Return cells of three types in two batches: apart by batch before, by type after; all names are hostile."""
    draws = np.random.default_rng(seed)
    kind, batch = draws.choice(3, n_cells, p=[0.6, 0.38, 0.02]), draws.choice(2, n_cells)
    rates = np.ones((3, 30)) + 12 * np.eye(3, 30)
    counts = draws.poisson(rates[kind] + 6 * np.roll(np.eye(2, 30), 10, axis=1)[batch]).astype(np.float32)
    adata = AnnData(
        counts,
        obs=pd.DataFrame(
            {
                "batch": np.array(["one", f"two{EVIL}"])[batch],
                "celltype": np.array([f"T{EVIL}", "B", "rare & odd"])[kind],
                f"col{EVIL}": np.array(["x", f"y{EVIL}"])[draws.choice(2, n_cells)],
                "dose": np.where(np.arange(n_cells) % 5, np.arange(n_cells) / 10, np.nan),
                "donor": np.array(["d1", "d2"])[batch],
                SET_ASIDE: np.arange(n_cells) < 3,
            },
            index=[f"cell {place}{EVIL}" for place in range(n_cells)],
        ),
        var=pd.DataFrame(index=[f"gene {place}{EVIL}" for place in range(30)]),
    )
    adata.obsm[EMBEDDING] = (8 * np.eye(3, 6)[kind] + draws.normal(size=(n_cells, 6))).astype(np.float32)
    epochs = np.linspace(1, 0.2, 12)
    adata.uns[KEY] = {
        "version": "0.1.0",
        "config": '{"training": {"warmup_epochs": 4}, "evil": "' + EVIL + '"}',
        "seed": 7,
        "batches": np.array(["one", "two"]),
        "losses": dict.fromkeys(("reconstruction", "cosine", "divergence", "triplet", "confusion", "accuracy"), epochs),
        "seconds": {"prepare": 1.5, "train": 100.0},
        "read": {"batch_key": np.array(["batch"])},
    }
    return adata


@pytest.fixture(scope="session")
def cells() -> AnnData:
    return made_up()


@pytest.fixture(scope="session")
def page(cells: AnnData) -> Page:
    """Return the page of made-up cells, laid out by the two first coordinates instead of UMAP."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("topocraft.plot.layouts.umap_layout", lambda points, seed: np.asarray(points)[:, :2])
        subject = read_subject(cells, None, "celltype", None)
        layouts = Layouts("", 0, None)
        layouts.begin("after", subject.after)
        layouts.begin("before", subject.before)
        return _page(subject, f"cells{EVIL}.h5ad", f"topocraft integrate '{EVIL}'", 0, layouts, Silent())


@pytest.fixture(scope="session")
def large_page(page: Page) -> Page:
    """Return the page with 120,000 cells, more than are drawn one by one."""
    return dataclasses.replace(page, data=large_data(120_000))


def large_data(n_cells: int) -> dict[str, Any]:
    draws = np.random.default_rng(0)
    kind, batch = draws.choice(4, n_cells), draws.choice(3, n_cells)
    layouts = [(title, draws.normal(size=(n_cells, 2)) + 8 * np.eye(4, 2)[kind]) for title in ("Before", "After")]
    index = [f"cell {place}" for place in range(n_cells)]
    obs = pd.DataFrame({"batch": np.array(list("abc"))[batch], "celltype": np.array(list("wxyz"))[kind]}, index=index)
    adata = AnnData(np.ones((n_cells, 1), dtype=np.float32), obs=obs)
    subject = dataclasses.make_dataclass("Subject", ["adata", "batch", "labels", "label_key"])(
        adata, obs["batch"].to_numpy(), obs["celltype"].to_numpy(), "celltype"
    )
    columns = list(colourings(subject, draws.random(n_cells), ()))
    return map_data(layouts, columns, adata.obs_names.to_list(), np.arange(n_cells))[0]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Start the browser once; without one the tests that need it fail and say how to get it."""
    with launched() as started:
        yield started


@pytest.fixture(scope="session")
def written(page: Page, large_page: Page, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write both pages once."""
    folder = tmp_path_factory.mktemp("pages")
    for name, one in (("small", page), ("large", large_page)):
        (folder / f"{name}.html").write_text(render(one), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in ("small", "large")}


@pytest.fixture(scope="session")
def opened(browser: Any, written: dict[str, Path]) -> Iterator[Opened]:
    """Open a page and wait for its maps; whatever it says or asks the network for fails the test."""
    contexts = []

    def call(name: str = "small", *, before: str = "", state: str = "drawn", **context: Any) -> Any:
        made = browser.new_context(viewport={"width": 1400, "height": 1000}, accept_downloads=True, **context)
        contexts.append(made)
        tab = made.new_page()
        tab.heard = []
        tab.on("console", lambda message: tab.heard.append(message.text))
        tab.on("pageerror", lambda error: tab.heard.append(str(error)))
        tab.on("dialog", lambda dialog: (tab.heard.append(dialog.message), dialog.dismiss()))
        tab.on("request", lambda request: tab.heard.append(request.url) if _leaves(request.url) else None)
        if before:
            tab.add_init_script(before)
        tab.goto(written[name].as_uri())
        if state == "drawn":
            tab.wait_for_selector("html[data-maps=drawn]", timeout=60_000)
        return tab

    yield call
    for context in contexts:
        context.close()


def _leaves(url: str) -> bool:
    return not url.startswith(("file:", "blob:file", "blob:null", "data:"))


@pytest.fixture(scope="session")
def tab(opened: Opened) -> Any:
    return opened()


@pytest.fixture
def fresh(tab: Any) -> Any:
    """Bring the shared page back to how it opened."""
    tab.keyboard.press("Escape")
    tab.select_option("#colour", index=0)
    for button in tab.query_selector_all(".map figcaption button:last-child"):
        button.click()
    tab.mouse.move(5, 5)
    return tab
