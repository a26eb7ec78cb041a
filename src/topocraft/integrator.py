"""The model: cells of several batches in, one embedding out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from topocraft.checkpoints import LAST_GOOD, Checkpoints
from topocraft.config import IntegrationConfig
from topocraft.data.cells import Cells
from topocraft.data.preprocess import express
from topocraft.errors import ConfigError, InputError, ModelError, TrainingError, list_names
from topocraft.fitting import Fit
from topocraft.hardware import let_waiting_threads_sleep, processor
from topocraft.progress import Progress, Silent
from topocraft.rescue import rescued
from topocraft.steps import Steps

if TYPE_CHECKING:
    from topocraft.training.checkpoint import Fitted
    from topocraft.training.loop import History


class Integrator:
    """Learns one embedding in which batches mix and cell types stay apart.

    Parameters
    ----------
    config
        Every choice; the defaults where left out.

    Attributes
    ----------
    fitted_
        Networks, genes, history and facts of the fit; what ``save`` writes.
    cells_
        Which of the fitted cells passed quality control, and their clusters; not saved.

    References
    ----------
    He, Filippidis, Kleinstein, Guan. Communications Biology 2025. doi:10.1038/s42003-025-07988-y

    Examples
    --------
    >>> from topocraft import IntegrationConfig, Integrator
    >>> from topocraft.data.cells import from_anndata
    >>> from topocraft.simulate.demo import demo_cells
    >>> cells = from_anndata(demo_cells(n_cells=200, n_genes=200, seed=1), "batch")
    >>> config = IntegrationConfig(seed=1).with_values(epochs=2, warmup_epochs=1)
    >>> Integrator(config).fit(cells).embed(cells).shape
    (200, 50)
    """

    def __init__(self, config: IntegrationConfig | None = None) -> None:
        self.config = config or IntegrationConfig()

    def fit(
        self,
        cells: Cells,
        progress: Progress | None = None,
        checkpoints: Checkpoints | None = None,
        steps: Steps | None = None,
    ) -> Integrator:
        """Prepare, cluster and train; return itself.

        Cells, genes and batches are worked on in orders of their own, found from the values, from the names of genes
        and from the cells of batches, so that neither the order in which they came nor the names of batches matter.
        With ``checkpoints``, training can go on after a run that was broken off. ``steps`` lets several fits of the
        same cells share what comes before the training.

        Raises
        ------
        InputError
            Quality control leaves too little.
        TrainingError
            The losses left the finite numbers, three steps in a row or ten in all. Its ``model`` is the last good one;
            it is saved in the folder of ``checkpoints``, as ``last_good_model``.
        ModelError
            The checkpoint is damaged, or of other cells, another configuration, version or number of threads.
        """
        _require_cells(cells)
        _require_checkpoints(checkpoints)
        let_waiting_threads_sleep()
        from topocraft.training.keeping import opened

        shown = progress or Silent()
        with processor(self.config.threads) as threads, opened(checkpoints, shown) as keeper:
            try:
                outcome = Fit(self.config, shown, threads, keeper, steps or Steps()).run(cells)
                if outcome.stopped is not None:
                    outcome.stopped.model = Integrator(self.config)
                    outcome.stopped.model.fitted_ = outcome.fitted
                    raise outcome.stopped
            except TrainingError as error:
                raise error if checkpoints is None else rescued(error, checkpoints.path / LAST_GOOD) from None
        self.fitted_, self.cells_ = outcome.fitted, outcome.cells
        return self

    def embed(self, cells: Cells) -> np.ndarray:
        """Return the coordinates of any cells that have the model's genes.

        Parameters
        ----------
        cells
            As for ``fit``. Batches go by their names. The cells of each batch that the model does not know are
            carried and aligned together, by the rules of the fit, to where its batches meet; so their places depend on
            which cells of that batch come with them.

        Returns
        -------
        numpy.ndarray
            (n_cells, n_components), float32, in the order of ``cells``: principal components of the expression, in
            which each batch is carried to where its like is, unless nothing told the batches of the fit apart; or
            of the posterior means, with ``coordinates="latent"`` and where "best" took the map.

        Raises
        ------
        ModelError
            There is no fit yet, genes are missing, or the model's numbers lead out of the finite ones.
        """
        _require_cells(cells)
        fitted = self._require_fit()
        codes = _codes(cells, fitted.batch_names)
        with processor(self.config.threads), np.errstate(over="ignore", invalid="ignore"):
            parts = ((places, express(one, fitted.genes), one.cell_names) for places, one in cells.parts("embed"))
            embedding = fitted.placement.place(fitted.networks.encoder, parts, codes, len(fitted.batch_names))
        _require_finite(embedding, cells.cell_names)
        return embedding

    @property
    def history_(self) -> History:
        """Mean of every loss per epoch."""
        return self._require_fit().history

    def save(self, folder: str | Path, *, force: bool = False) -> None:
        """Write the model into ``folder`` (weights as safetensors, the rest as JSON), whole or not at all."""
        fitted = self._require_fit()
        _require_path(folder)
        from topocraft.training.checkpoint import save_fitted

        save_fitted(fitted, Path(folder), force=force)

    @classmethod
    def load(cls, folder: str | Path) -> Integrator:
        """Read a saved model; it embeds cells bit for bit as it did when it was saved."""
        _require_path(folder)
        let_waiting_threads_sleep()
        from topocraft.training.checkpoint import load_fitted

        fitted = load_fitted(Path(folder))
        integrator = cls(fitted.config)
        integrator.fitted_ = fitted
        return integrator

    def __repr__(self) -> str:
        if not hasattr(self, "fitted_"):
            return "<Integrator, not fitted>"
        facts = self.fitted_.facts
        batches, genes = len(self.fitted_.batch_names), len(self.fitted_.genes.selected)
        return f"<Integrator, fitted to {facts['n_cells']:,} cells of {batches:,} batches, {genes:,} genes>"

    def _require_fit(self) -> Fitted:
        if not hasattr(self, "fitted_"):
            raise ModelError("This Integrator has no fit yet. Call fit(cells), or Integrator.load(folder).")
        return self.fitted_


def _require_cells(cells: object) -> None:
    if not isinstance(cells, Cells):
        raise InputError(
            f"cells must be Cells, as topocraft.data.cells.from_anndata makes them; got {type(cells).__name__}. "
            "For an AnnData, call topocraft.integrate(adata, batch_key) or topocraft.embed(adata, model, batch_key)."
        )


def _require_finite(embedding: np.ndarray, names: np.ndarray) -> None:
    lost = names[~np.isfinite(embedding).all(axis=1)]
    if len(lost):
        raise ModelError(
            f"A model must give every cell a finite place; this one does not to {len(lost):,}: {list_names(lost, 3)}. "
            "Its numbers are damaged, or the values of these cells are of another kind: fetch or fit it again."
        )


def _require_checkpoints(checkpoints: object) -> None:
    if checkpoints is not None and not isinstance(checkpoints, Checkpoints):
        raise ConfigError(
            f"checkpoints must be topocraft.Checkpoints or None; got {checkpoints!r:.60}. Make one by "
            "topocraft.Checkpoints(folder)."
        )


def _require_path(folder: object) -> None:
    if not isinstance(folder, str | Path):
        raise ConfigError(f"folder must be the path of a model's folder, text or Path; got {folder!r:.60}.")


def _codes(cells: Cells, batch_names: tuple[str, ...]) -> np.ndarray:
    """Return the model's code of the batch of every cell; batches that it does not know get further codes, by name."""
    new = sorted(set(cells.batch_names) - set(batch_names))
    known = {name: code for code, name in enumerate([*batch_names, *new])}
    codes: np.ndarray = np.array([known[name] for name in cells.batch_names])[cells.batch]
    return codes
