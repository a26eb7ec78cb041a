"""The scenarios: the scCRAFT paper's ten, and situations that it lacks and users meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from topocraft.simulate import arrangements, designs
from topocraft.simulate.arrangements import Arrange
from topocraft.simulate.designs import Further
from topocraft.simulate.parameters import SplatParams

DATA_PARAMETERS = SplatParams(
    mean_shape=0.34,
    mean_rate=7.68,
    lib_loc=7.64,
    lib_scale=0.78,
    out_prob=0.00286,
    out_fac_loc=6.15,
    out_fac_scale=0.49,
    bcv_common=0.448,
    bcv_df=22.087,
    dropout_type="experiment",
    dropout_mid=0.0,
    dropout_shape=-1.0,
)
"""What the paper estimated from data; batches and groups come from the scenario."""


class Size(NamedTuple):
    """How large a scenario is: cells before it takes some away, batches, genes."""

    cells: int
    batches: int
    genes: int


PAPER_SIZE = Size(4000, 2, 10_000)


@dataclass(frozen=True)
class Scenario:
    """A situation with known truth.

    Parameters
    ----------
    summary
        One line: what it is.
    design
        Sets batches and groups in parameters whose genes and libraries are set.
    size
        Its size unless another is asked for.
    arrange
        Takes cells away, or changes their groups, before counts are drawn.
    further
        Adds effects and columns beyond batch and group.
    batches
        Fewest and most batches that make sense, and what their number must be a multiple of.
    """

    summary: str
    design: Callable[[SplatParams, tuple[int, ...]], SplatParams] = designs.seven_groups
    size: Size = PAPER_SIZE
    arrange: Arrange = arrangements.keep_all
    further: Further = designs.nothing_further
    batches: tuple[int, int, int] = (2, 10_000, 1)


def _paper() -> dict[str, Scenario]:
    found = {"baseline": Scenario("Seven equal types in two equal batches.")}
    for share in (0.5, 0.25, 0.125):
        found[f"batch1-{share:g}"] = Scenario(
            f"Unequal batches: batch 1 keeps {share:.3g} of its cells.", arrange=arrangements.shrink_batch(share)
        )
    for shared in (5, 3, 1):
        everywhere = f"Group1 to Group{shared}" if shared > 1 else "Group1"
        found[f"common-{shared}"] = Scenario(
            f"Types of one batch only: all but {everywhere}.",
            arrange=arrangements.share_types(shared),
            batches=(2, 7 - shared, 1),
        )
    for share in (0.5, 0.2, 0.1):
        found[f"rare1-{share:g}"] = Scenario(
            f"A rare type: Group1 keeps {share:g} of its cells in every batch.",
            arrange=arrangements.shrink_type(share),
        )
    return found


PAPER = _paper()
SCENARIOS: dict[str, Scenario] = {
    **PAPER,
    "nested": Scenario(
        "Donors within technologies: small differences within large ones.",
        designs.donors,
        size=Size(6000, 6, 10_000),
        further=designs.technologies,
        batches=(4, 10_000, 2),
    ),
    "confounded": Scenario(
        "Batch equals condition: Groups 1 to 3 respond to it, and no method can know.",
        further=designs.conditions,
        batches=(2, 10_000, 2),
    ),
    "null": Scenario("One dataset split at random: nothing to correct.", designs.without_batch_effect),
    "species": Scenario(
        "Two species: 70 % of the genes and five of the seven types are shared.",
        designs.strong_batches,
        arrange=arrangements.share_types(5),
        further=designs.measured_genes,
        batches=(2, 2, 1),
    ),
    "many": Scenario(
        "Two hundred small batches, each with shares of the types of its own.",
        designs.small_differences,
        size=Size(20_000, 200, 5_000),
        arrange=arrangements.own_shares,
    ),
    "trajectory": Scenario(
        "A path of differentiation that forks, in two batches.", designs.fork, batches=(1, 10_000, 1)
    ),
}
