"""Trials in a file: they come back as they were, and suggestions hang on nothing but the seed and the past."""

from __future__ import annotations

from pathlib import Path

import pytest

from topocraft import IntegrationConfig
from topocraft.errors import FileError
from topocraft.metrics.yardstick import LabelFree
from topocraft.tuning.ledger import Broken, Ledger, Run
from topocraft.tuning.space import Settings, make_space

SPACE = make_space(IntegrationConfig(), ["scope"])


def _run(settings: Settings) -> Run:
    good = 0.1 * float(settings["lambda_adversary"])
    return Run(LabelFree(0.9 - good, 0.8 - good, good, 0.5 + good), 2.5, {"composite": 1 / 3})


def _fill(ledger: Ledger, n_trials: int) -> list[Settings]:
    tried = []
    for _ in range(n_trials):
        tried.append(ledger.suggest())
        ledger.end_short(tried[-1], _run(tried[-1]))
    return tried


def test_trials_come_back_from_the_file_as_they_were(tmp_path: Path) -> None:
    ledger = Ledger(SPACE, tmp_path / "trials.log")
    tried = _fill(ledger, 3)
    ledger.end_full(1, _run(tried[1]))
    ledger.end_short(ledger.suggest(), Broken("It broke.", 4.0))
    again = Ledger(SPACE, tmp_path / "trials.log").trials()
    assert again == ledger.trials()
    assert [trial.settings for trial in again[:3]] == tried
    assert again[1].short == again[1].full == _run(tried[1])
    assert again[3].short == Broken("It broke.", 4.0)
    assert [trial.full is None for trial in again] == [True, False, True, True]
    assert [trial.seconds for trial in again] == [2.5, 5.0, 2.5, 4.0]


def test_suggestions_are_the_same_however_often_the_search_is_broken_off(tmp_path: Path) -> None:
    at_once = _fill(Ledger(SPACE), 12)
    pieces = []
    for _ in range(6):
        ledger = Ledger(SPACE, tmp_path / "trials.log")
        ledger.suggest()  # a training that was killed before its end
        pieces += _fill(ledger, 2)
        ledger.end_full(len(pieces) - 1, _run(pieces[-1]))
    assert pieces == at_once
    assert at_once[0] == SPACE.start()
    assert len({str(settings) for settings in at_once}) == 12
    other = make_space(IntegrationConfig(seed=1), ["scope"])
    assert _fill(Ledger(other), 2)[1] != at_once[1]


def test_what_broke_off_is_not_suggested_again() -> None:
    ledger = Ledger(SPACE)
    _fill(ledger, 1)
    broken = ledger.suggest()
    ledger.end_short(broken, Broken("It broke.", 1.0))
    assert ledger.suggest() != broken


def test_settings_are_learned_from_once_enough_are_known() -> None:
    ledger = Ledger(SPACE)
    found = _fill(ledger, 30)
    far = [abs(float(settings["lambda_adversary"]) - 2) for settings in found]
    assert len(far) == 30
    assert {settings["scope"] for settings in found} == {"global", "batch"}
    for settings in found:
        assert 0.1 <= float(settings["lambda_adversary"]) <= 4.0
        assert settings["low_resolution"] in SPACE.resolutions


def test_a_line_that_a_killed_process_left_without_its_end_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "trials.log"
    tried = _fill(Ledger(SPACE, path), 2)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code":4,"worker')
    ledger = Ledger(SPACE, path)
    assert [trial.settings for trial in ledger.trials()] == tried
    ledger.end_full(0, _run(tried[0]))
    assert Ledger(SPACE, path).trials()[0].full == _run(tried[0])


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trials.log"
    path.write_text("not\na journal\n")
    with pytest.raises(FileError, match=r"trials.log' must be a journal that Optuna wrote; it is damaged.*Remove"):
        Ledger(SPACE, path)


def test_optuna_keeps_its_verbosity(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.INFO)
    _fill(Ledger(SPACE, tmp_path / "trials.log"), 2)
    assert optuna.logging.get_verbosity() == optuna.logging.INFO
    assert capfd.readouterr() == ("", "")
