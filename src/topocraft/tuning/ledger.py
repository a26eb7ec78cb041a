"""The trials and their results, kept by Optuna: in a file that outlives the process, or in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topocraft.data.atomic import explained
from topocraft.errors import FileError
from topocraft.metrics.yardstick import LabelFree
from topocraft.randomness import stream_seed
from topocraft.tuning.space import Settings, Space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage

STUDY = "topocraft tune"
AT_RANDOM = 8
"""Settings, the first among them, before the sampler learns from what was found; till then it draws at random."""


@dataclass(frozen=True)
class Run:
    """One training: its scores and seconds, and the true scores, where cell types were given."""

    scores: LabelFree
    seconds: float
    truth: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Broken:
    """A training that left the finite numbers: why, and after how many seconds."""

    reason: str
    seconds: float


@dataclass(frozen=True)
class Trial:
    """A setting and what became of it: trained for a short time, and if that was promising, to the end."""

    number: int
    settings: Settings
    short: Run | Broken
    full: Run | Broken | None = None

    @property
    def seconds(self) -> float:
        """What its trainings took, all in all."""
        return self.short.seconds + (self.full.seconds if self.full else 0.0)


class Ledger:
    """The trials of one search, in order.

    Optuna learns from the short trainings alone: its suggestions depend on the seed and on what those gave, not on the
    clock, nor on what was trained to the end, nor on how often the search was broken off.

    Parameters
    ----------
    space
        What is searched.
    path
        File that keeps it; ``None`` keeps it in memory.

    Raises
    ------
    FileError
        The file is damaged, or cannot be written.

    References
    ----------
    Optuna: Akiba et al. 2019, doi:10.1145/3292500.3330701. Its sampler with several objectives: Ozaki et al. 2022,
    doi:10.1613/jair.1.13188.

    Examples
    --------
    >>> from topocraft import IntegrationConfig
    >>> from topocraft.tuning.space import make_space
    >>> ledger = Ledger(make_space(IntegrationConfig()))
    >>> ledger.end_short(ledger.suggest(), Run(LabelFree(0.7, 0.7, 0.5, 0.5), seconds=1.0))
    >>> [trial.settings["lambda_adversary"] for trial in ledger.trials()]
    [1.0]
    """

    def __init__(self, space: Space, path: Path | None = None) -> None:
        self._space, self._path = space, path
        with _readable(path):
            self._study = _study(None if path is None else _storage(path))

    def trials(self) -> list[Trial]:
        """Return every setting whose short training has ended, in order."""
        with _readable(self._path):
            full = self._study.user_attrs
            return [
                Trial(one.number, *_first(one.user_attrs), _read(full.get(f"full {one.number}")))
                for one in self._study.get_trials(deepcopy=False)
            ]

    def suggest(self) -> Settings:
        """Return the settings to try next: those of the base first."""
        from optuna.samplers import TPESampler

        past = self._study.get_trials(deepcopy=False)
        if not past:
            return self._space.start()
        # In memory, so that a search that is killed leaves no trial without an end in the file.
        seed = stream_seed(self._space.base.seed, f"tuning {len(past)}")
        study = _study(None, TPESampler(seed=seed, n_startup_trials=AT_RANDOM, multivariate=True))
        study.add_trials(past)
        return self._space.decode(study.ask(fixed_distributions=self._space.distributions()).params)

    def end_short(self, settings: Settings, run: Run | Broken) -> None:
        """Note what the short training of a new setting gave."""
        from optuna.trial import TrialState, create_trial

        values = [run.scores.structure, run.scores.mixing] if isinstance(run, Run) else None
        with explained(self._path or Path()):
            self._study.add_trial(
                create_trial(
                    state=TrialState.COMPLETE if values else TrialState.FAIL,
                    values=values,
                    params=self._space.encode(settings),
                    distributions=self._space.distributions(),
                    user_attrs={"settings": settings, "short": asdict(run)},
                )
            )

    def end_full(self, number: int, run: Run | Broken) -> None:
        """Note what the training of a setting to the end gave."""
        with explained(self._path or Path()):
            self._study.set_user_attr(f"full {number}", asdict(run))


def _first(held: Mapping[str, Any]) -> tuple[Settings, Any]:
    return held["settings"], _read(held["short"])


def _read(held: Mapping[str, Any] | None) -> Any:
    if held is None:
        return None
    return Broken(**held) if "reason" in held else Run(**{**held, "scores": LabelFree(**held["scores"])})


def _study(storage: BaseStorage | None, sampler: Any = None) -> Study:
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it tells of every study that it makes
    try:
        return optuna.create_study(
            storage=storage, study_name=STUDY, directions=["maximize", "maximize"], load_if_exists=True, sampler=sampler
        )
    finally:
        optuna.logging.set_verbosity(before)


def _storage(path: Path) -> BaseStorage:
    """Open the file, less a last line that a killed process has left without its end."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    held = path.read_bytes() if path.exists() else b""
    whole = held.rfind(b"\n") + 1
    if whole < len(held):
        with path.open("r+b") as file:
            file.truncate(whole)
    return JournalStorage(JournalFileBackend(str(path)))


@contextmanager
def _readable(path: Path | None) -> Iterator[None]:
    try:
        with explained(path or Path()):
            yield
    except (ValueError, KeyError) as error:
        raise FileError(
            f"'{path}' must be a journal that Optuna wrote; it is damaged: {error}. Remove its folder, or name another."
        ) from error
