"""From integrated cells to one file that a browser opens."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from topocraft._version import __version__
from topocraft.display import attended

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

    from topocraft.progress import Progress
    from topocraft.report.layouts import Layouts
    from topocraft.report.measures import Measures
    from topocraft.report.page import Page, ScoreRow
    from topocraft.report.subject import Subject

MOMENTS = {"before": "Before integration", "after": "After integration"}
DRAWN_WITH = ("umap-learn", "igraph", "scikit-learn")
CITE = (
    "He, Filippidis, Kleinstein, Guan (2025). Partially characterized topology guides reliable anchor-free scRNA-"
    "integration. Communications Biology. doi:10.1038/s42003-025-07988-y"
)


def write_report(
    adata: AnnData,
    path: str | Path,
    batch_key: str | Sequence[str] | None = None,
    label_key: str | None = None,
    *,
    layer: str | None = None,
    source: str = "",
    command: str = "",
    seed: int = 0,
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write one HTML file that says whether an integration is safe to use, what it changed, and where to look.

    Parameters
    ----------
    adata
        Cells that ``topocraft.integrate`` has annotated: counts, and ``obsm["X_topocraft"]``.
    path
        File to be written, ``.html``.
    batch_key
        Column of ``obs`` with the batch of every cell; several columns are combined. What the cells were integrated by
        where left out.
    label_key
        Column of ``obs`` with the cell types. Left out, the page speaks of coarse clusters, and of scores that need no
        types.
    layer
        Layer with the values, instead of the one that was integrated.
    source, command
        Name of the file and the command that made it, to be shown.
    seed
        Of layouts, neighbour search, clustering and control; at least 0.
    force
        Replace a file that is there.
    progress
        A display of progress; left out, bars on a terminal or in a notebook.

    Returns
    -------
    pathlib.Path
        The file. It needs no network and no server, and the same cells and seed give the same bytes.

    Raises
    ------
    InputError
        There is no embedding, a column is missing, or the values cannot be read.
    FileError
        The file does not end in ``.html``, is there already, or cannot be written.

    References
    ----------
    Of each score in ``topocraft.metrics.catalogue``. McInnes, Healy, Melville 2018, arXiv:1802.03426.

    Examples
    --------
    >>> import tempfile, topocraft
    >>> from pathlib import Path
    >>> from topocraft.report import write_report
    >>> from topocraft.simulate.demo import demo_cells
    >>> adata = demo_cells(n_cells=100, n_genes=100, seed=1)
    >>> adata.obsm["X_topocraft"] = adata.X.toarray()[:, :20]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(adata, Path(folder, "report.html"), "batch").name
    'report.html'
    """
    from topocraft.data.outputs import atomic_file, check_file
    from topocraft.report.layouts import laid_out
    from topocraft.report.page import render
    from topocraft.report.subject import embedded, read_subject

    path = Path(path)
    check_file(path, ".html", force=force)
    with attended(progress) as shown:
        shown.phase("prepare")
        with laid_out(adata.n_obs, seed) as layouts:
            layouts.begin("after", embedded(adata)[0])
            subject = read_subject(adata, batch_key, label_key, layer)
            layouts.begin("before", subject.before)
            text = render(_page(subject, source or path.stem, command, seed, layouts, shown))
        shown.phase("write")
        with atomic_file(path, force) as partial:
            partial.write_text(text, encoding="utf-8")
    return path


def _page(subject: Subject, source: str, command: str, seed: int, layouts: Layouts, progress: Progress) -> Page:
    from topocraft.report.audited import audit_parts, audit_statement
    from topocraft.report.groups import batch_rows, grids, group_rows, where_to_look
    from topocraft.report.measures import measure
    from topocraft.report.page import Page
    from topocraft.report.training import training
    from topocraft.report.verdict import headline, verdict

    parts = audit_parts(subject.adata)
    measures = measure(subject, seed, progress)
    progress.phase("draw")
    statements, groups = [*verdict(subject, measures), *audit_statement(parts)], group_rows(subject, measures)
    judgement, words = headline(statements)
    n_batches = len(set(subject.batch))
    batches, heat = batch_rows(subject, measures), grids(subject, measures, groups)
    data, notes = _maps(subject, measures, layouts)
    return Page(
        title=source,
        subtitle=f"{len(subject.batch):,} cells in {n_batches:,} batches, {len(groups):,} {subject.kind}s",
        judgement=judgement,
        headline=words,
        statements=statements,
        look=list(where_to_look(groups, subject.kind)),
        data=data,
        notes=notes,
        kind=subject.kind,
        groups=groups,
        batches=batches,
        grids=heat,
        audit=parts,
        training=training(subject.provenance),
        scores=_scores(measures),
        provenance=_provenance(subject, command, seed),
    )


def _maps(subject: Subject, measures: Measures, layouts: Layouts) -> tuple[Mapping[str, Any], list[str]]:
    from topocraft.report.colouring import MOST_CATEGORIES, colourings, left_out
    from topocraft.report.genes import top_genes
    from topocraft.report.maps import map_data

    genes = top_genes(subject.values, subject.groups)
    columns = list(colourings(subject, measures.mixing["after"], genes))
    names = [str(name) for name in subject.adata.obs_names]
    places = layouts.places()
    maps = [(title, places[moment]) for moment, title in MOMENTS.items()]
    data, refused = map_data(maps, columns, names, np.flatnonzero(subject.kept))
    notes = [f"Not offered, more than {MOST_CATEGORIES} values: {name}." for name in left_out(subject)]
    notes += [f"Not offered, for the size of the page: {name}." for name in refused]
    return data, notes


def _scores(measures: Measures) -> list[ScoreRow]:
    from topocraft.metrics.catalogue import CATALOGUE
    from topocraft.report.page import ScoreRow

    return [
        ScoreRow(fact.title, fact.asks, row.before, row.after, row.control, row.reason or fact.weakness)
        for row in measures.rows
        for fact in [CATALOGUE[row.name]]
    ]


def _provenance(subject: Subject, command: str, seed: int) -> list[tuple[str, str]]:
    from topocraft.metrics.catalogue import SUITE

    record = subject.provenance
    facts = [("command", command)] if command else []
    for name, key in (("integrated by topocraft", "version"), ("seed", "seed"), ("data fingerprint", "fingerprint")):
        if key in record:
            facts.append((name, str(record[key])))
    if "versions" in record:
        facts.append(("versions", ", ".join(f"{name} {number}" for name, number in sorted(record["versions"].items()))))
    drawn = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in DRAWN_WITH)
    facts.append(("this page", f"topocraft {__version__}, score suite {SUITE}, seed {seed}, {drawn}"))
    facts.append(("how to cite", CITE))
    if "config" in record:
        facts.append(("configuration", str(record["config"])))
    return facts
