"""An audit as a folder: the cells with what is known of each, the statements, the tables, the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from topocraft.audit.picture import losses_figure, statements_figure
from topocraft.audit.records import Audit, as_json
from topocraft.data.atomic import atomic_folder
from topocraft.data.csv_text import csv_text
from topocraft.data.outputs import write_result
from topocraft.data.places import FolderKind
from topocraft.plot import save_figure

if TYPE_CHECKING:
    from anndata import AnnData

CELLS, WHOLE = "audited.h5ad", "audit.json"
TABLES = (
    "absence",
    "absence_risk",
    "covariates",
    "design_conditions",
    "design_groups",
    "null_test",
    "populations",
    "statements",
    "structure",
)
PICTURES = ("losses.png", "statements.png")
KIND = FolderKind("an audit", (CELLS,), frozenset({CELLS, WHOLE, *PICTURES, *(f"{name}.csv" for name in TABLES)}))


def save_audit(
    audit: Audit, adata: AnnData, folder: Path, *, json: bool = False, csv: bool = False, force: bool = False
) -> list[Path]:
    """Write an audit into a folder, whole or not at all; return what lies in it.

    Parameters
    ----------
    audit
        What ``audit`` returned.
    adata
        The cells that were audited; columns are added to them (``Audit.annotate``).
    folder
        Made anew: ``audited.h5ad``, ``statements.png``, ``losses.png``.
    json, csv
        Write ``audit.json`` too; write ``statements.csv`` too, and a file per table that has columns.
    force
        Replace an audit that is there.

    Raises
    ------
    FileError
        Something is there that may not be replaced, or the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from topocraft.audit import audit
    >>> from topocraft.audit.folder import save_audit
    >>> from topocraft.simulate.demo import demo_cells
    >>> adata = demo_cells(n_cells=120, n_genes=100, seed=1)
    >>> adata.obsm["X_mine"] = adata.X.toarray()[:, :20]
    >>> with tempfile.TemporaryDirectory() as place:
    ...     written = save_audit(audit(adata, "batch", embedding="X_mine"), adata, Path(place, "audit"))
    >>> [path.name for path in written]
    ['audited.h5ad', 'losses.png', 'statements.png']
    """
    audit.annotate(adata)
    with atomic_folder(folder, force, kind=KIND) as partial:
        write_result(adata, partial / CELLS, force=False)
        save_figure(statements_figure(audit), partial / "statements.png")
        save_figure(losses_figure(audit), partial / "losses.png")
        if json:
            (partial / WHOLE).write_text(as_json(audit), encoding="utf-8")
        if csv:
            (partial / "statements.csv").write_text(csv_text(audit.to_frame()), encoding="utf-8")
            shown = {name: table for name, table in audit.tables.items() if len(table.columns)}
            for name, table in shown.items():
                (partial / f"{name}.csv").write_text(csv_text(table), encoding="utf-8")
    return sorted(folder.iterdir())
