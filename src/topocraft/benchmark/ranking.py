"""Who stands where: means over seeds, then over datasets, and places among those that can be compared."""

from __future__ import annotations

from typing import Literal

import pandas as pd

MAIN = ("composite", "bio", "batch")
Group = Literal["ranked", "incomplete", "graph", "labelled", "control"]
GROUPS: tuple[Group, ...] = ("ranked", "incomplete", "graph", "labelled", "control")
"""In the order of the table. Only "ranked" has places: methods that have not seen the cell types, with a composite on
every dataset where any has one."""


def over_seeds(rows: pd.DataFrame, score: str) -> pd.DataFrame:
    """Return a score of all cells by dataset and method: ``mean``, ``sd`` (NaN of one) and ``n`` over seeds."""
    chosen = rows[(rows["score"] == score) & (rows["part"] == "") & rows["value"].notna()]
    found = chosen.groupby(["dataset", "method"], sort=False)["value"].agg(["mean", "std", "count"])
    return found.set_axis(["mean", "sd", "n"], axis=1).reset_index()


def wide(rows: pd.DataFrame, score: str, column: str = "mean") -> pd.DataFrame:
    """Return ``over_seeds`` as methods × datasets, both in the order of the grid; NaN where there is none."""
    found = over_seeds(rows, score).pivot(index="method", columns="dataset", values=column)
    return found.reindex(index=rows["method"].unique(), columns=rows["dataset"].unique())


def groups(rows: pd.DataFrame) -> pd.Series:
    """Return the group of every method, indexed by method."""
    about = rows.drop_duplicates("method").set_index("method")
    composite = wide(rows, "composite")
    scored = composite.notna()
    complete = scored.loc[:, scored.any()].all(axis=1) & scored.any(axis=1)
    gives_graph = rows[rows["status"] == "ok"].groupby("method")["gives"].first().reindex(about.index) == "graph"
    found = pd.Series("ranked", index=about.index).where(complete, "incomplete")
    found = found.mask(gives_graph, "graph")
    return found.mask(about["kind"] == "labelled", "labelled").mask(about["kind"] == "control", "control")


def ranking(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the ranked table of a grid.

    Parameters
    ----------
    rows
        As ``tidy`` makes them.

    Returns
    -------
    pandas.DataFrame
        One row per method, best first: ``place`` (missing unless ranked), ``method``, ``group``; ``overall``, the mean
        over datasets of the composite, itself the mean over seeds; ``bio`` and ``batch``, the two halves of it;
        ``n_datasets`` that it has a composite on, ``n_runs``, ``n_ended_well``; and for every dataset its composite,
        ``sd`` over seeds, ``place``, ``bio``, ``batch``, ``n_runs`` and ``n_scored``, the runs that have a composite,
        in columns that end in the dataset's name.

    References
    ----------
    He et al. 2025, doi:10.1038/s42003-025-07988-y, Fig. 2.

    Examples
    --------
    >>> from topocraft.benchmark import ranking, tidy
    >>> from topocraft.benchmark.records import Record
    >>> from topocraft.metrics.suite import Score
    >>> rows = tidy(
    ...     Record(dataset="mine", method=name, seed=0, scores=(Score("composite", value),))
    ...     for name, value in {"harmony": 0.6, "topocraft": 0.7}.items()
    ... )
    >>> ranking(rows)[["place", "method", "overall"]].values.tolist()
    [[1, 'topocraft', 0.7], [2, 'harmony', 0.6]]
    """
    means = {score: wide(rows, score) for score in MAIN}
    runs = rows.drop_duplicates(["dataset", "method", "seed"])
    table = pd.DataFrame({"group": groups(rows)})
    table["overall"] = means["composite"].mean(axis=1)
    for half in ("bio", "batch"):  # of the same datasets as the composite, whose halves they are
        table[half] = means[half].where(means["composite"].notna()).mean(axis=1)
    table["n_datasets"] = means["composite"].notna().sum(axis=1)
    table["n_runs"] = runs.groupby("method").size()
    table["n_ended_well"] = (runs["status"] == "ok").groupby(runs["method"]).sum()
    table = table.join(_by_dataset(rows, means, table["group"]))
    order = table["group"].map({group: place for place, group in enumerate(GROUPS)})
    table = table.assign(order=order).sort_values(["order", "overall"], ascending=[True, False], kind="stable")
    table = table.drop(columns="order").reset_index(names="method")
    table.insert(0, "place", _places(table["overall"].where(table["group"] == "ranked")))
    return table


def _by_dataset(rows: pd.DataFrame, means: dict[str, pd.DataFrame], group: pd.Series) -> pd.DataFrame:
    spread, scored = (wide(rows, "composite", column) for column in ("sd", "n"))
    runs = rows.groupby(["method", "dataset"])["seed"].nunique().unstack().reindex(group.index)
    compared = group.isin(["ranked", "incomplete"])
    columns: dict[str, pd.Series] = {}
    for dataset in rows["dataset"].unique():
        composite = means["composite"][dataset]
        columns |= {
            f"composite {dataset}": composite,
            f"sd {dataset}": spread[dataset],
            f"place {dataset}": _places(composite.where(compared)),
            f"bio {dataset}": means["bio"][dataset],
            f"batch {dataset}": means["batch"][dataset],
            f"n_runs {dataset}": runs[dataset].fillna(0).astype(int),
            f"n_scored {dataset}": scored[dataset].fillna(0).astype(int),
        }
    return pd.DataFrame(columns)


def _places(values: pd.Series) -> pd.Series:
    """Return 1 for the largest; equal values share a place; missing where there is no value."""
    return values.rank(ascending=False, method="min").astype("Int64")
