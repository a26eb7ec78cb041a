"""What a grid comes to: one job for every place in it, with the names of the files that tell whether it is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from topocraft.baselines.method import Method
from topocraft.baselines.preparation import Preparation
from topocraft.benchmark.folder import Entry, stem_of
from topocraft.benchmark.grid import Contender, Grid
from topocraft.benchmark.keys import digest_of, method_code, preparation_code
from topocraft.benchmark.records import Kind
from topocraft.benchmark.sets import Prepared
from topocraft.benchmark.versions import method_versions
from topocraft.evaluation.scoring import CONTROLS, MIXED, ORACLE
from topocraft.metrics.catalogue import SUITE

NEED_TYPES = (ORACLE, MIXED)


@dataclass(frozen=True)
class Job:
    """An entry with what it takes to finish it.

    ``contender`` is ``None`` for a control that is scored without a run; ``versions`` are those of the method's
    libraries.
    """

    entry: Entry
    contender: Contender | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


def jobs_of(grid: Grid, prepared: Iterable[Prepared]) -> list[list[Job]]:
    """Return the jobs of every dataset, seed after seed, so that each method has been seen as early as can be."""
    versions = {contender.name: method_versions(contender.method) for contender in grid.contenders}
    return [list(_jobs(grid, one, versions)) for one in prepared]


def _jobs(grid: Grid, prepared: Prepared, versions: Mapping[str, Mapping[str, str]]) -> Iterator[Job]:
    if prepared.preparation is not None and grid.scored and grid.controls:
        yield from _controls(grid, prepared, prepared.preparation)
    for seed in prepared.seeds:
        for contender in grid.contenders:
            yield _job(grid, prepared, contender, seed, versions[contender.name])


def _controls(grid: Grid, prepared: Prepared, preparation: Preparation) -> Iterator[Job]:
    taken = {contender.method.name for contender in grid.contenders}
    decides = {"cells": preparation.fingerprint, "prepared by": preparation_code(), "suite": SUITE}
    for name in CONTROLS:
        if name in taken or (name in NEED_TYPES and not preparation.labelled):
            continue
        place: dict[str, Any] = {"dataset": prepared.dataset.name, "method": name, "seed": prepared.seeds[0]}
        stem = stem_of(*place.values(), digest_of(decides))
        yield Job(Entry(**place, kind="control", program=name, stem=stem, prepared=preparation.folder.name))


def _job(grid: Grid, prepared: Prepared, contender: Contender, seed: int, versions: Mapping[str, str]) -> Job:
    method, preparation = contender.method, prepared.preparation
    place: dict[str, Any] = {"dataset": prepared.dataset.name, "method": contender.name, "seed": seed}
    about: dict[str, Any] = {"kind": kind_of(method), "program": method.name}
    if preparation is None:
        return Job(Entry(**place, **about, reason=prepared.reason), contender)
    decides: dict[str, Any] = {
        "cells": preparation.fingerprint,
        "prepared by": preparation_code(),
        "method": method.name,
        "code": method_code(method),
        "settings": dict(contender.settings),
        "versions": dict(versions),
        "threads": grid.threads,
        "seed": seed,
    }
    scored_by = SUITE if grid.scored else None
    stem = stem_of(*place.values(), digest_of(decides | {"suite": scored_by}))
    # What a method gave outlives a change of the scores, and the row does not.
    output = stem_of(*place.values(), digest_of(decides))
    entry = Entry(**place, **about, stem=stem, output=output, prepared=preparation.folder.name)
    return Job(entry, contender, versions)


def kind_of(method: Method) -> Kind:
    """Return whether a method is ranked, has seen the cell types, or is a control."""
    if method.control:
        return "control"
    return "labelled" if method.labelled else "method"
