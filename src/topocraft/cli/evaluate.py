"""``topocraft evaluate``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from topocraft.cli import options
from topocraft.cli.outcome import ERR, OUT, explained
from topocraft.display import choose_progress
from topocraft.errors import FileError

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from topocraft.progress import Progress

EXAMPLES = """[bold]Examples[/bold]

topocraft evaluate integrated.h5ad -b batch --label-key celltype

topocraft evaluate all.h5ad -b donor --label-key celltype -e X_topocraft -e X_harmony --json scores.json

topocraft evaluate integrated.h5ad -b batch --continuous pseudotime --picture scores.png"""


def evaluate(
    file: options.OneFile,
    batch_key: options.BatchKeys,
    label_key: options.CellTypes = None,
    embedding: options.Embeddings = None,
    unintegrated: options.Unintegrated = None,
    layer: options.Layer = None,
    continuous: options.Continuous = None,
    make_unique: options.MakeUnique = False,
    controls: options.Controls = True,
    json: options.JsonFile = None,
    csv: options.CsvFile = None,
    mixing_map: options.MixingMap = None,
    picture: options.Picture = None,
    force: options.Force = False,
    seed: options.Seed = None,
    quiet: options.Quiet = False,
) -> None:
    """Score embeddings of a file, from any tool, beside controls whose quality is known.

    Without --label-key, only the scores that need no cell types.
    """
    if mixing_map is not None and label_key is None:
        raise typer.BadParameter("mixing is mapped within cell types: name them.", param_hint="--label-key")
    with explained() as written:
        _require_targets(file, [(json, ".json"), (csv, ".csv"), (mixing_map, ".csv .png"), (picture, ".png")], force)
        with choose_progress(quiet, ERR) as progress:
            adata = _read(file, make_unique, progress)
            from topocraft import evaluation
            from topocraft.data.atomic import atomic_text
            from topocraft.data.csv_text import csv_text

            scores = evaluation.evaluate(
                adata,
                batch_key,
                label_key,
                embeddings=embedding,
                unintegrated=unintegrated,
                layer=layer,
                continuous=continuous or (),
                controls=controls,
                seed=options.DEFAULT.seed if seed is None else seed,
                progress=progress,
            )
            progress.phase("write")
            if json is not None:
                atomic_text(json, evaluation.as_json(scores))
                written.append(json)
            if csv is not None:
                atomic_text(csv, csv_text(scores))
                written.append(csv)
            if mixing_map is not None and label_key is not None:
                _map(adata, evaluation.mixing_of_cells(adata, batch_key, label_key, embeddings=embedding), mixing_map)
                written.append(mixing_map)
            if picture is not None:
                _draw(scores, picture)
                written.append(picture)
        if not quiet:
            _tell(scores, written)


def _require_targets(file: Path, targets: Iterable[tuple[Path | None, str]], force: bool) -> None:
    from topocraft.data.outputs import check_file

    seen = set[Path]()
    for path, endings in targets:
        if path is None:
            continue
        check_file(path, *endings.split(), force=force, inputs=[file])
        if path.resolve() in seen:
            raise FileError(f"Every output needs a file of its own; '{path}' is named twice. Name another path.")
        seen.add(path.resolve())


def _read(file: Path, make_unique: bool, progress: Progress) -> AnnData:
    from topocraft.data.files import read_many

    progress.phase("read")
    loaded = read_many([file], make_unique=make_unique)
    for note in loaded.notes:
        progress.say(note)
    return loaded.adata


def _map(adata: AnnData, mixing: pd.DataFrame, path: Path) -> None:
    from topocraft.data.atomic import atomic_text
    from topocraft.data.csv_text import csv_text
    from topocraft.evaluation.mixing_picture import mixing_figure
    from topocraft.plot import save_figure

    if path.suffix.lower() == ".csv":
        atomic_text(path, csv_text(mixing, index_label="cell"))
    else:
        save_figure(mixing_figure({name: adata.obsm[name] for name in mixing.columns}, mixing), path, force=True)


def _draw(scores: pd.DataFrame, path: Path) -> None:
    from topocraft.evaluation.picture import score_figure
    from topocraft.plot import save_figure

    save_figure(score_figure(scores), path, force=True)


def _tell(scores: pd.DataFrame, written: list[Path]) -> None:
    from topocraft.evaluation.tables import evaluation_tables, evaluation_words, type_tables

    for table in (*evaluation_tables(scores, OUT.width), *type_tables(scores)):
        OUT.print(table)
    for line in (*evaluation_words(scores), *(f"Written: {path}" for path in written)):
        OUT.print(line, markup=False, highlight=False, soft_wrap=True)
