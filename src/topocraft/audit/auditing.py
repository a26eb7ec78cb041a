"""The audit, part after part."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from topocraft._version import __version__
from topocraft.audit import absence, absence_statements, null_statements
from topocraft.audit.absence_statements import risk_statement
from topocraft.audit.confidence import cell_table, confidence_statement
from topocraft.audit.covariates import covariate_statements, covariate_table
from topocraft.audit.design import design_statements, design_tables
from topocraft.audit.matching import with_matched_clusters
from topocraft.audit.null_test import run_null_tests
from topocraft.audit.populations import population_statements, population_table
from topocraft.audit.records import Audit, Statement
from topocraft.audit.rerun import Method, Plan, Rerun, plan_reruns, topocraft_again
from topocraft.audit.risk import risk_table
from topocraft.audit.structure import structure_statements, structure_table
from topocraft.audit.subject import OwnBatch, Subject, is_ours, own_batches, read_subject
from topocraft.data.columns import listed
from topocraft.display import attended
from topocraft.errors import ConfigError
from topocraft.provenance import EMBEDDING, recorded
from topocraft.randomness import numpy_stream

if TYPE_CHECKING:
    from anndata import AnnData

    from topocraft.config import IntegrationConfig
    from topocraft.progress import Progress

BUDGET, PERMUTATIONS = 1.5, 199
LIBRARIES = ("numpy", "scipy", "scikit-learn", "igraph")
Found = tuple[list[Statement], dict[str, pd.DataFrame]]


def audit(
    adata: AnnData,
    batch_key: str | Sequence[str],
    label_key: str | None = None,
    *,
    embedding: str | None = None,
    layer: str | None = None,
    continuous: str | Sequence[str] = (),
    conditions: str | Sequence[str] = (),
    budget: float = BUDGET,
    permutations: int = PERMUTATIONS,
    config: IntegrationConfig | None = None,
    again: Method | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Audit:
    """Find out what an integration destroyed; the AnnData is not changed.

    Parameters
    ----------
    adata
        Integrated cells: the embedding in ``obsm``, and the values that were integrated in ``X`` or ``layer``.
    batch_key
        Column of ``obs`` with the batch of every cell; several columns are combined.
    label_key
        Column of ``obs`` with the cell types; left out, clusters matched across batches take their place.
    embedding
        Key of ``obsm``; ``X_topocraft`` where left out.
    layer
        Layer with the values, instead of ``X``.
    continuous
        Columns of ``obs`` with numbers that must still be readable, such as a pseudotime.
    conditions
        Columns of ``obs``, such as disease or treatment, that batches may be confounded with.
    budget
        What integrating again may cost, in integrations, at least 0; 0 leaves the null test and the planted absence
        out. The default keeps the whole audit under twice the integration.
    permutations
        Of every permutation test, at least 19.
    config
        Of integrating again; left out, what ``integrate`` wrote into ``uns``.
    again
        What integrates again, for embeddings of other tools: cells and a seed in, an embedding out. Left out, topocraft
        makes its own embedding again, and embeddings of others are not made again.
    seed
        Of permutations, splits and clusterings; at least 0.
    progress
        A display of progress; left out, bars on a terminal or in a notebook.

    Returns
    -------
    Audit
        Statements, tables and a row per cell; ``annotate(adata)`` writes the latter into ``obs``.

    Raises
    ------
    InputError
        A column, key or layer is missing, there is one batch only, or the values are of no use.
    ConfigError
        ``budget``, ``permutations`` or ``seed`` is out of range.

    References
    ----------
    Null test: Antonsson and Melsted 2025, Genome Research 35, 1832. Over-correction of adversarial methods: Hrovatin
    et al. 2025 (sysVI), BMC Genomics 26, 974.

    Examples
    --------
    >>> from topocraft.audit import audit
    >>> from topocraft.simulate.demo import demo_cells
    >>> adata = demo_cells(n_cells=200, n_genes=200, seed=1)
    >>> adata.obsm["X_mine"] = adata.X.toarray()[:, :20]
    >>> found = audit(adata, "batch", "celltype", embedding="X_mine")
    >>> found.to_frame()["part"].unique().tolist()
    ['design', 'null test', 'absence', 'over-correction', 'structure', 'confidence']
    """
    _require(budget, permutations, seed)
    began = time.perf_counter()
    with attended(progress) as shown:
        shown.phase("prepare")
        subject = read_subject(
            adata,
            batch_key,
            label_key,
            embedding=embedding,
            layer=layer,
            continuous=continuous,
            conditions=conditions,
            config=config,
        )
        own = own_batches(subject.points, subject.expression, subject.batch, subject.cells.batch_names, seed)
        subject = with_matched_clusters(subject, own)
        rerun = _rerun(subject, is_ours(adata, embedding), again, shown)
        plan = plan_reruns(rerun if own else None, budget)
        parts = [_design(subject), *_integrated_again(subject, own, rerun, plan, seed, permutations, shown)]
        shown.phase("judge")
        parts += _judged(subject, own, seed, permutations)
        cells = cell_table(subject, own, adata.obs_names)
        statements = [one for said, _ in parts for one in said] + [confidence_statement(cells, subject)]
    tables = {name: table for _, made in parts for name, table in made.items()}
    facts = {
        "batch_key": listed(batch_key),
        "label_key": label_key,
        "embedding": embedding or EMBEDDING,
        "seed": seed,
        "permutations": permutations,
        "budget": budget,
        "seconds": round(time.perf_counter() - began, 1),
        **_facts(adata, subject, plan),
    }
    return Audit(tuple(statements), tables, cells, facts)


def _require(budget: float, permutations: int, seed: int) -> None:
    for name, value, low, allowed in (
        ("budget", budget, 0, "at least 0 integrations"),
        ("permutations", permutations, 19, "a whole number of at least 19"),
        ("seed", seed, 0, "a whole number of at least 0"),
    ):
        if not low <= value < 2**32:
            raise ConfigError(f"{name} must be {allowed}; got {value!r}. Choose one in that range.")


def _rerun(subject: Subject, ours: bool, again: Method | None, shown: Progress) -> Rerun | None:
    if again is not None:
        return Rerun(again, again, 1.0)
    return topocraft_again(subject, shown) if ours else None


def _design(subject: Subject) -> Found:
    tables = design_tables(subject)
    return list(design_statements(subject, tables)), tables


def _integrated_again(
    subject: Subject,
    own: Sequence[OwnBatch],
    rerun: Rerun | None,
    plan: Plan,
    seed: int,
    n_draws: int,
    shown: Progress,
) -> list[Found]:
    risks = risk_table(subject, numpy_stream(seed, "risk"))
    tested, nulls = pd.DataFrame(columns=list(absence.COLUMNS)), list[Statement]()
    tables = {"absence_risk": risks}
    if rerun is not None and plan.splits:
        table, chances, reason = run_null_tests(subject, own, rerun.halves, plan.splits, seed, n_draws, shown)
        tables["null_test"] = table
        nulls = list(null_statements.null_statements(table, chances, reason))
    if rerun is not None and plan.removals and len(risks):
        draws = numpy_stream(seed, "planted absence")
        tested = absence.run_planted(subject, own, risks, rerun.whole, plan.removals, draws, n_draws, shown)
    why = _why_not(rerun, own)
    said = [risk_statement(risks, tested, subject.kind)]
    said += [] if len(tested) else absence_statements.untested(why)
    alone = absence.alone_table(subject, own) if subject.labelled else tested.head(0)
    every = [table for table in (tested, alone) if len(table)]
    tables["absence"] = pd.concat(every, ignore_index=True) if every else tested
    said += absence_statements.absence_statements(tables["absence"], subject.kind)
    return [(nulls or list(null_statements.untested(why)), {}), (said, tables)]


def _why_not(rerun: Rerun | None, own: Sequence[OwnBatch]) -> str:
    if rerun is None:
        return (
            "Not tested: the embedding is not one that topocraft made and can make again. In Python, again=... takes "
            "what does."
        )
    if not own:
        return "Not tested: no batch has 30 cells."
    return "Not tested: the budget does not allow it, or there is nothing to try. A larger budget (--budget) may."


def _judged(subject: Subject, own: Sequence[OwnBatch], seed: int, n_draws: int) -> list[Found]:
    populations = population_table(subject, own, numpy_stream(seed, "populations"), n_draws)
    structure = structure_table(subject, own, numpy_stream(seed, "structure"), n_draws)
    covariates = covariate_table(subject, own, numpy_stream(seed, "covariates"), n_draws)
    return [
        (list(population_statements(populations)), {"populations": populations}),
        (list(structure_statements(structure, subject.kind)), {"structure": structure}),
        (list(covariate_statements(covariates)), {"covariates": covariates}),
    ]


def _facts(adata: AnnData, subject: Subject, plan: Plan) -> dict[str, Any]:
    seconds = dict(recorded(adata).get("seconds", {}))
    libraries = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {
        "versions": {"topocraft": __version__} | libraries,
        "splits": plan.splits,
        "removals": plan.removals,
        "rerun_cost": plan.cost,
        "n_cells": len(subject.batch),
        "n_left_out": int((~subject.kept).sum()),
        "integration_seconds": round(float(np.sum(list(seconds.values()))), 1) if seconds else None,
    }
