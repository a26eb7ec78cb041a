"""The search: resumed it gives what it gives at once, its budget holds, and what breaks off leaves the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from landscape import Landscape, make_search, score_of, searched

from topocraft import IntegrationConfig
from topocraft.errors import ConfigError, TrainingError
from topocraft.progress import Silent
from topocraft.tuning.schedule import Limits
from topocraft.tuning.search import require_limits


def test_the_start_is_trained_first_for_a_third_and_then_to_the_end() -> None:
    landscape = Landscape()
    found = searched(9, landscape).result()
    assert found is not None
    epochs = [config.training.epochs for config in landscape.configs]
    assert epochs[:3] == [50, 150, 50]
    assert landscape.configs[1] == IntegrationConfig()
    assert epochs.count(50) == len(found.trials) == 9
    assert epochs.count(150) == (found.trials["trained"] == "to the end").sum() < 9
    assert landscape.true == [count == 150 for count in epochs]


def test_a_search_that_is_resumed_gives_what_it_gives_at_once(tmp_path: Path) -> None:
    at_once = searched(12, Landscape()).result()
    path = tmp_path / "trials.log"
    for interrupted in (1, 3, 2, 4):  # among them trainings to the end and short ones
        with pytest.raises(KeyboardInterrupt):
            searched(12, Landscape(interrupted=interrupted), path)
    resumed = searched(12, Landscape(), path).result()
    assert at_once is not None
    assert resumed is not None
    assert resumed.trials.equals(at_once.trials)
    assert (resumed.config, resumed.chosen) == (at_once.config, at_once.chosen)
    last = Landscape()
    searched(12, last, path)
    assert last.configs == []


def test_what_is_finished_is_left_when_the_search_is_broken_off(tmp_path: Path) -> None:
    search = make_search(Landscape(interrupted=6), tmp_path / "trials.log")
    with pytest.raises(KeyboardInterrupt):
        search.run(Limits(60.0, 12), Silent())
    found = search.result()
    assert found is not None
    assert found.trials["seconds"].sum() == 6.0
    early = make_search(Landscape(interrupted=1))
    with pytest.raises(KeyboardInterrupt):
        early.run(Limits(60.0, 12), Silent())
    assert early.result() is None


def test_the_choice_follows_from_the_table() -> None:
    for rule in ("no-worse", "best"):
        found = searched(24, Landscape(), rule=rule).result()
        assert found is not None
        ended = found.trials[found.trials["trained"] == "to the end"]
        start = ended.iloc[0]
        kept = (ended["structure"] >= start["structure"]) & (ended["mixing"] >= start["mixing"])
        allowed = ended[kept] if rule == "no-worse" else ended
        chosen = ended[ended["chosen"]].iloc[0]
        assert chosen["score"] == allowed["score"].max() > start["score"]
        assert found.chosen == chosen["setting"]
        assert found.config.training.lambda_adversary == chosen["lambda_adversary"]
        assert chosen["score"] == score_of(found.config).score
        front = ended[ended["front"]].sort_values("mixing")["structure"].to_numpy()
        assert (np.diff(front) < 0).all()
        assert (
            found.trials.loc[found.trials["trained"] != "to the end", ["structure", "front"]]
            .isin([np.nan, False])
            .all(axis=None)
        )


def test_the_sampler_finds_more_than_chance_does() -> None:
    found = searched(40, Landscape(), rule="best").result()
    assert found is not None
    table = found.trials
    assert table["short_score"][20:].mean() > table["short_score"][1:9].mean() + 0.02
    assert table["short_score"].max() > 0.98 * (0.9 - 1 / 60)


def test_trainings_that_break_off_are_told_and_lose_nothing() -> None:
    found = searched(6, Landscape(broken=(2, 4))).result()
    assert found is not None
    broken = found.trials[found.trials["trained"] == "broke off"]
    assert len(found.trials) == 6
    assert broken["reason"].tolist() == ["It broke."] * len(broken)
    assert 1 <= len(broken) <= 2
    assert not broken["chosen"].any()
    with pytest.raises(TrainingError, match=r"starts from cannot be trained. It broke."):
        searched(6, Landscape(broken=(0,)))


def test_the_minutes_are_of_all_calls_together(tmp_path: Path) -> None:
    path = tmp_path / "trials.log"
    search = make_search(Landscape(seconds=20.0), path)
    # The clock hardly moves here, but what a training took is noted: 20 s each, 2 of the start and 40 s for another.
    search.run(Limits(2.0, 4), Silent())
    noted = search.result()
    assert noted is not None
    spent = noted.trials["seconds"].sum()
    again = Landscape(seconds=20.0)
    resumed = make_search(again, path)
    resumed.run(Limits(spent / 60 + 0.1), Silent())
    assert again.configs == []
    resumed.run(Limits(spent / 60 + 0.7, len(noted.trials) + 1), Silent())
    assert len(again.configs) > 0


def test_progress_counts_seconds_and_says_each_warning_once(heard: Any) -> None:
    class Slow(Landscape):
        def train(self, config: IntegrationConfig, progress: Any, *, true: bool = False) -> Any:
            progress.warn("Some cells are set aside.")
            progress.advance("")
            return super().train(config, progress, true=true)

    make_search(Slow()).run(Limits(0.5, 4), heard)
    assert heard.phases == [("tune", 30)]
    assert heard.warnings == ["Some cells are set aside."]
    few = make_search(Landscape(seconds=50.0))
    few.run(Limits(1e-3), heard)
    assert heard.warnings[-1].endswith("to start from alone. Raise minutes (--minutes).")


@pytest.mark.parametrize("minutes", [0, -1.0, float("nan"), float("inf")])
def test_minutes_must_be_above_zero(minutes: float) -> None:
    with pytest.raises(ConfigError, match=r"--minutes\) must be a number above 0; got"):
        require_limits(Limits(minutes))


@pytest.mark.parametrize("settings", [0, -3, 2.5, True])
def test_settings_must_be_a_count(settings: Any) -> None:
    with pytest.raises(ConfigError, match=r"--settings\) must be a whole number of at least 1; got"):
        require_limits(Limits(1.0, settings))
