"""The search as one call."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from topocraft.config import IntegrationConfig
from topocraft.data.columns import listed
from topocraft.display import attended
from topocraft.integration import require_arguments
from topocraft.progress import Progress
from topocraft.tuning.choice import Rule, require_rule
from topocraft.tuning.folder import Folder
from topocraft.tuning.ledger import Ledger
from topocraft.tuning.records import Tuning
from topocraft.tuning.schedule import Limits, shortened
from topocraft.tuning.search import Search, require_limits
from topocraft.tuning.space import Space, make_space
from topocraft.tuning.subject import Subject, identity, read_subject

if TYPE_CHECKING:
    from anndata import AnnData

MINUTES = 10.0


def tune(
    adata: AnnData,
    batch_key: str | Sequence[str],
    *,
    label_key: str | None = None,
    minutes: float = MINUTES,
    settings: int | None = None,
    also: str | Sequence[str] = (),
    rule: Rule = "no-worse",
    folder: str | Path | None = None,
    config: IntegrationConfig | None = None,
    layer: str | None = None,
    gene_mask: str | None = None,
    progress: Progress | None = None,
) -> Tuning:
    """Search the balance of the losses, and the low resolution, without cell types.

    Optuna proposes ``lambda_adversary``, ``lambda_triplet``, ``kl_coefficient`` and ``low_resolution``, for two
    objectives: *structure*, the mean of NMI and ARI of the embedding's clusters with those of each batch by itself,
    and *mixing*, the mean of CiLISI and of a batch classifier's confusion inside clusters matched across batches.
    Every setting is trained for a third of the epochs, the best third of them to the end. Settings share preparation
    and clusterings.

    Parameters
    ----------
    adata
        Raw counts (or log1p-normalised values), cells × genes; not changed.
    batch_key
        Column of ``obs`` with the batch of every cell; several columns are combined.
    label_key
        Column of ``obs`` with the cell types, for the true scores in the table; they choose nothing, and the time
        they take is not charged.
    minutes
        Budget, above 0, of all calls on the same folder together. The configuration to start from is always trained
        to the end.
    settings
        Most settings to try, at least 1; ``None`` for as many as the budget allows.
    also
        Of "scope" and "head", what is searched besides.
    rule
        Which setting is chosen of those trained to the end: the highest 0.6 structure + 0.4 mixing of those that are
        no worse than the configuration to start from in structure and in mixing ("no-worse"), or of all ("best").
    folder
        Where the search is kept, so that it can go on after a break: Optuna's journal, ``trials.csv``, ``pareto.png``
        and ``config.json``. ``None`` keeps nothing.
    config
        Configuration to start from, its seed that of the search; the defaults where left out.
    layer
        Layer with the values, instead of ``X``.
    gene_mask
        Boolean column of ``var``: the genes that may be used; all where left out.
    progress
        A display of progress; left out, bars on a terminal or in a notebook, and elsewhere silence but for warnings.

    Returns
    -------
    Tuning
        The chosen configuration, the table of trials, and what it was chosen by.

    Raises
    ------
    InputError
        The cells cannot be integrated, or show nothing by which settings could be judged.
    ConfigError
        A parameter is outside its range.
    FileError
        The folder holds something else, or a search for other cells or from another configuration.
    TrainingError
        The configuration to start from cannot be trained.

    References
    ----------
    doi:10.1038/s42003-025-07988-y, "Hyperparameter setting". Optuna: doi:10.1145/3292500.3330701.

    Examples
    --------
    >>> import topocraft
    >>> from topocraft.simulate.demo import demo_cells
    >>> adata = demo_cells(n_cells=240, n_genes=200)
    >>> config = topocraft.IntegrationConfig().with_values(epochs=2, warmup_epochs=0)
    >>> found = topocraft.tune(adata, "batch", settings=1, config=config)
    >>> found.trials["trained"].tolist(), found.config == config
    (['to the end'], True)
    """
    limits, place = Limits(minutes, settings), None if folder is None else Folder(Path(folder))
    require_limits(limits)
    base = config or IntegrationConfig()
    require_arguments(adata, base)
    space = make_space(base, listed(also))
    with attended(progress) as shown, place.held() if place else nullcontext():
        search = prepare_search(
            adata, batch_key, label_key, place, space, rule, layer=layer, gene_mask=gene_mask, progress=shown
        )
        return carry_out(search, limits, place, [], shown)


def prepare_search(
    adata: AnnData,
    batch_key: str | Sequence[str],
    label_key: str | None,
    place: Folder | None,
    space: Space,
    rule: Rule,
    *,
    layer: str | None,
    gene_mask: str | None,
    progress: Progress,
) -> Search:
    """Return a search that is ready to run, in a folder that is held; parameters and errors are those of ``tune``."""
    require_rule(rule)
    progress.phase("prepare")
    subject = read_subject(adata, batch_key, label_key, space.base, layer=layer, gene_mask=gene_mask)
    _warn_of_long_trainings(subject, space.base, progress)
    if place is not None:
        place.claim(identity(subject, space))
    return Search(subject, space, Ledger(space, place.trials if place else None), rule)


def _warn_of_long_trainings(subject: Subject, config: IntegrationConfig, progress: Progress) -> None:
    from topocraft.training.sampler import epochs_for

    cells = subject.cells
    short, full = (epochs_for(cells.n_cells, cells.n_batches, one.training) for one in (shortened(config), config))
    if short > full / 2:
        progress.warn(
            f"Of {cells.n_cells:,} cells a short training has {short:,} epochs, a whole one {full:,}, so that few "
            "settings can be tried. Tune on some of the cells of every batch instead."
        )


def carry_out(search: Search, limits: Limits, place: Folder | None, written: list[Path], progress: Progress) -> Tuning:
    """Run a search; however it ends, write what came out into its folder, and note in ``written`` what that was."""
    try:
        search.run(limits, progress)
    finally:
        found = search.result()
        if found and place:
            written.extend(place.write(found))
    assert found is not None  # a run that ends has trained its first setting to the end
    return found
