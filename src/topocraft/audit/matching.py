"""Clusters matched across batches, where there are no cell types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from topocraft.audit.subject import OwnBatch, Subject
from topocraft.metrics.matching import matched_clusters


def with_matched_clusters(subject: Subject, own: Sequence[OwnBatch]) -> Subject:
    """Return the subject with clusters matched across batches for groups; one with cell types stays as it is."""
    if subject.labelled:
        return subject
    groups = matched_clusters(subject.expression, own)
    names = tuple(f"cluster {code + 1}" for code in range(int(groups.max(initial=-1)) + 1))
    return replace(subject, groups=groups, group_names=names)
