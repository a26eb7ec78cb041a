"""The picture, the table and the sentences say what the trials say."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from landscape import Landscape, searched
from matplotlib.colors import to_hex
from rich.console import Console

from topocraft.tuning import Tuning
from topocraft.tuning.picture import CHOSEN, START, tuning_figure
from topocraft.tuning.reading import trials_table, tuning_words


@pytest.fixture(scope="module")
def found() -> Tuning:
    tuning = searched(15, Landscape(broken=(4,))).result()
    assert tuning is not None
    return tuning


def _printed(tuning: Tuning) -> str:
    text = io.StringIO()
    Console(file=text, width=80).print(trials_table(tuning))
    return text.getvalue()


def test_the_picture_shows_every_setting_the_start_and_the_choice(found: Tuning) -> None:
    figure = tuning_figure(found)
    panel, *along = figure.axes
    short, full = (collection.get_offsets() for collection in panel.collections)
    table = found.trials
    assert np.allclose(short, table[["short_mixing", "short_structure"]], equal_nan=True)
    assert np.allclose(np.ma.filled(full, np.nan), table[["mixing", "structure"]], equal_nan=True)
    marks = {
        to_hex(line.get_color()): line.get_xydata()[0].tolist() for line in panel.lines if len(line.get_xdata()) == 1
    }
    chosen = table[table["chosen"]].iloc[0]
    assert marks[CHOSEN.lower()] == [chosen["mixing"], chosen["structure"]]
    assert marks[START.lower()] == table.loc[0, ["mixing", "structure"]].tolist()
    assert "not integrated: structure 0.900, mixing 0.100" in [text.get_text() for text in panel.texts]
    titles = [one.get_title(loc="left") for one in along]
    assert titles == ["weight of the adversary", "weight of the triplets", "KL coefficient", "low resolution"]
    for one, name in zip(
        along, ("lambda_adversary", "lambda_triplet", "kl_coefficient", "low_resolution"), strict=True
    ):
        assert np.allclose(one.collections[0].get_offsets()[:, 0], table[name])


def test_the_table_is_of_settings_trained_to_the_end_the_best_first(found: Tuning) -> None:
    ended = found.trials[found.trials["trained"] == "to the end"].sort_values("score", ascending=False)
    rows = [line.split() for line in _printed(found).splitlines() if re.match(r" *\d+ +\d", line)]
    assert [int(row[0]) for row in rows] == ended["setting"].tolist()
    assert [row[7] for row in rows] == [f"{score:.3f}" for score in ended["score"]]
    assert sum("chosen" in row for row in rows) == 1
    given_up = (found.trials["trained"] == "a third").sum()
    assert f"{given_up} more were given up after a third" in _printed(found)
    assert "1 could not be" in _printed(found)


def test_the_sentences_name_the_choice_its_gain_and_the_correlation(found: Tuning) -> None:
    (said,) = tuning_words(found)
    gain = found.trials.loc[found.trials["chosen"], "score"].item() - found.trials["score"][0]
    assert f"Chosen: setting {found.chosen}, the highest score" in said
    assert f"{gain:+.3f} over the start" in said
    assert "the highest score of all;" in next(iter(tuning_words(replace(found, rule="best"))))
    alone = searched(1, Landscape()).result()
    assert alone is not None
    assert "the configuration that the search started from" in next(iter(tuning_words(alone)))
    known = found.trials.assign(composite=found.trials["score"] ** 2)
    told = list(tuning_words(replace(found, trials=known, correlation=1.0)))[1]
    assert told.startswith("Score and true composite: rank correlation 1.00 over ")
    few = list(tuning_words(replace(found, trials=known, correlation=float("nan"))))[1]
    assert "Too few settings have a composite" in few
    assert "composite" in _printed(replace(found, trials=known))
