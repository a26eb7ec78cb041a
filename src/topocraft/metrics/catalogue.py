"""What is known of every score: what it asks, its range and direction, its source, and where it misleads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SUITE = 1
"""Number of the suite. It rises with every change of a definition: scores of two numbers are not comparable."""

Asks = Literal["structure", "mixing", "both"]
Needs = Literal["", "labels", "expression", "labels and expression", "covariate"]
BIO_WEIGHT = 0.6


@dataclass(frozen=True)
class Fact:
    """One score.

    ``title`` for people; ``asks`` whether structure is kept or batches are mixed; ``mean`` the mean it enters ("bio",
    "batch", or none); ``low`` and ``high`` its range; ``needs`` what it cannot do without besides embedding and batch;
    ``weakness`` what to beware of.
    """

    title: str
    asks: Asks
    mean: Literal["bio", "batch", ""]
    low: float
    high: float
    needs: Needs
    reference: str
    weakness: str
    higher_is_better: bool = True


SCIB = "doi:10.1038/s41592-021-01336-8"
LISI = "doi:10.1038/s41592-019-0619-0"
KBET = "doi:10.1038/s41592-018-0254-1"
IMAP = "doi:10.1186/s13059-021-02280-8"
SCCRAFT = "doi:10.1038/s42003-025-07988-y"
BRAS = "doi:10.1038/s41587-025-02743-4"
STACAS = "doi:10.1038/s41467-024-45240-z"
SCGRAPH = "doi:10.1038/s41587-025-02702-z"
OWN = "topocraft"
INF = float("inf")

CATALOGUE: dict[str, Fact] = {
    "nmi": Fact(
        "NMI", "structure", "bio", 0, 1, "labels", SCIB,
        "The labels choose the resolution; small types hardly weigh.",
    ),
    "ari": Fact(
        "ARI", "structure", "bio", -0.5, 1, "labels", "doi:10.1007/BF01908075",
        "The largest types decide it: one that falls into subtypes costs half the score.",
    ),
    "asw_label": Fact(
        "ASW label", "structure", "bio", 0, 1, "labels", SCIB,
        "Rewards round, compact types; real types are seldom round.",
    ),
    "clisi": Fact("cLISI", "structure", "bio", 0, 1, "labels", LISI, "Saturates: nearly always above 0.95."),
    "asw_batch": Fact(
        "ASW batch", "mixing", "batch", 0, 1, "labels", SCIB,
        "Looks at the nearest batch alone: blind to batches that stay apart in groups. Prefer BRAS.",
    ),
    "pcr": Fact(
        "PCR batch", "mixing", "batch", 0, 1, "expression", KBET,
        "Linear: a method that subtracts batch means reaches 1 by construction.",
    ),
    "graph_connectivity": Fact(
        "graph connectivity", "both", "batch", 0, 1, "labels", SCIB,
        "Asks only that a type hangs together, not that it stands apart.",
    ),
    "kbet": Fact(
        "kBET", "mixing", "batch", 0, 1, "labels", KBET,
        "Strict, and depends on the number of neighbours: see kBET at several.",
    ),
    "blisi": Fact(
        "bLISI", "mixing", "batch", 0, 1, "labels", SCCRAFT,
        "Unequal batches cannot reach 1; equal shares score higher than the true ones.",
    ),
    "true_positive_rate": Fact(
        "true positive rate", "both", "batch", 0, 1, "labels", IMAP,
        "Large types decide it; rare ones stand in the rows by type.",
    ),
    "bras": Fact("BRAS", "mixing", "", 0, 1, "labels", BRAS, "Rewards compact types, as every silhouette does."),
    "ilisi": Fact(
        "iLISI", "mixing", "", 0, 1, "", LISI,
        "Rewards mixing of different types as well; out of reach with many or unequal batches.",
    ),
    "cilisi": Fact(
        "CiLISI", "mixing", "", 0, 1, "labels", STACAS, "Every type counts the same, those of few cells included."
    ),
    "kbet_10": Fact("kBET, k = 10", "mixing", "", 0, 1, "labels", KBET, "Few neighbours reject little."),
    "kbet_25": Fact("kBET, k = 25", "mixing", "", 0, 1, "labels", KBET, "As kBET."),
    "kbet_50": Fact("kBET, k = 50", "mixing", "", 0, 1, "labels", KBET, "As kBET."),
    "kbet_70": Fact("kBET, k = 70", "mixing", "", 0, 1, "labels", KBET, "Many neighbours reject small shifts."),
    "mixing": Fact(
        "mixing per cell", "mixing", "", 0, 1, "labels", "doi:10.26508/lsa.202001004",
        "A mean of a map: look at the map.",
    ),
    "positive_rate": Fact(
        "positive rate", "structure", "", 0, 1, "labels", IMAP, "Large types decide it; rare ones stand by type."
    ),
    "isolated_label_f1": Fact(
        "isolated label F1", "structure", "", 0, 1, "labels", SCIB, "Hangs on the one or two types in fewest batches."
    ),
    "isolated_label_asw": Fact(
        "isolated label ASW", "structure", "", 0, 1, "labels", SCIB, "As ASW label, on one or two types."
    ),
    "scgraph": Fact(
        "scGraph", "structure", "", -1, 1, "labels and expression", SCGRAPH,
        "Takes distances between types inside batches for the truth.",
    ),
    "within_batch_nmi": Fact(
        "NMI within batches", "structure", "", 0, 1, "expression", SCCRAFT,
        "Says nothing of mixing; compares with clusters, themselves an estimate.",
    ),
    "within_batch_ari": Fact(
        "ARI within batches", "structure", "", -0.5, 1, "expression", SCCRAFT, "As NMI within batches."
    ),
    "knn_r2": Fact(
        "R²", "structure", "", -INF, 1, "covariate", OWN, "High in every batch by itself without any mixing."
    ),
    "knn_error": Fact(
        "error (lower wins)", "structure", "", 0, INF, "covariate", OWN, "In units of the covariate.",
        higher_is_better=False,
    ),
    "cross_batch_r2": Fact(
        "R² across batches", "both", "", -INF, 1, "covariate", OWN,
        "Only where the covariate has one meaning in all batches.",
    ),
    "f1_lisi": Fact(
        "F1-LISI", "both", "", 0, 1, "labels", SCCRAFT, "Harmonic mean of cLISI and bLISI: in effect bLISI."
    ),
    "bio": Fact("bio-conservation", "structure", "", -0.125, 1, "labels", SCCRAFT, "A mean of unlike scores."),
    "batch": Fact("batch mixing", "mixing", "", 0, 1, "labels", SCCRAFT, "A mean of unlike scores."),
    "composite": Fact(
        "composite", "both", "", -0.075, 1, "labels", SCIB,
        "0.6 bio + 0.4 batch: can be gamed by islands of cells; read scGraph beside it.",
    ),
}  # fmt: skip


def members(mean: Literal["bio", "batch"]) -> tuple[str, ...]:
    """Return the names of the scores that enter a mean.

    Examples
    --------
    >>> from topocraft.metrics.catalogue import members
    >>> members("bio")
    ('nmi', 'ari', 'asw_label', 'clisi')
    """
    return tuple(name for name, fact in CATALOGUE.items() if fact.mean == mean)
