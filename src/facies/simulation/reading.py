"""Readers who follow a reading plan: of ages, with biases of known size, and of a disease, with known AUCs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.tables import READING_PLAN, READINGS
from facies.types import Floats

LEVELS = {"resident": 0.75, "specialist": 0.85, "expert": 0.92}
"""AUC of readers by level where none is given; invented, in the order that experience should bring."""

AIDED = "[aided]"
"""After the target of a reading that was given with the model's answer in view."""

SECONDS_SPREAD = 0.4
"""Standard deviation of the logarithm of the time for a reading."""

CARELESS_SECONDS = 0.2
"""Share of the others' time that a careless reader takes."""

OLDEST = 120.0


@dataclass(frozen=True)
class AgeReaders:
    """How people read ages.

    Parameters
    ----------
    offset_sd
        Spread of the readers' biases, in years.
    reading_sd
        Spread of a single reading, drawn anew at each reading, in years.
    interaction_sd
        Spread of what a reader sees differently in one face, which comes back in a repeat, in years.
    serial
        How far a reading is pulled to the face before: this share of the difference, 0 (not) to 1 (Clifford et al. 2018).
    bin_years
        Readings are rounded to whole years and given as the midpoint of bins of so many; 1 gives whole years, 0 leaves them as they are.
    careless
        Share of readers who do not look: their readings are drawn from the ages of all photographs, and quickly.
    seconds
        Median time for a reading.

    Raises
    ------
    InputError
        When a setting is out of its range.
    """

    offset_sd: float = 2.0
    reading_sd: float = 6.0
    interaction_sd: float = 0.0
    serial: float = 0.0
    bin_years: int = 0
    careless: float = 0.0
    seconds: float = 6.0

    def __post_init__(self) -> None:
        for name in ("offset_sd", "reading_sd", "interaction_sd", "bin_years"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is {getattr(self, name)}: choose 0 or more")
        for name in ("serial", "careless"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is {getattr(self, name)}: choose 0 to 1")
        if self.seconds <= 0:
            raise InputError(f"seconds is {self.seconds}: choose more than 0")


@dataclass(frozen=True)
class DiagnosticReaders:
    """How people recognise a disease.

    A reader's suspicion is normal with variance 1 in people with and without the condition, its means so far apart that the AUC is that
    of the reader's level (the binormal model; Roe & Metz, Acad Radiol 1997;4:298-303).

    Parameters
    ----------
    aucs
        AUC by level; None: :data:`LEVELS`.
    shared
        Share of the variance that all readers have in common: how typical a face is.
    interaction
        Share that a reader sees differently in one face, which comes back in a repeat; the rest is drawn anew.
    separation_sd
        Spread of the readers of one level around the distance between means that the level's AUC amounts to.
    specificity
        Of the readers' calls, on average.
    criterion_sd
        Spread of the readers' thresholds.
    aided_gain
        Added to the AUC when the model's answer is in view.
    seconds
        Median time for a reading.

    Raises
    ------
    InputError
        When a setting is out of its range.
    """

    aucs: Mapping[str, float] | None = None
    shared: float = 0.4
    interaction: float = 0.3
    separation_sd: float = 0.0
    specificity: float = 0.9
    criterion_sd: float = 0.0
    aided_gain: float = 0.03
    seconds: float = 15.0

    def __post_init__(self) -> None:
        for level, auc in self.auc_by_level.items():
            if not 0.5 <= auc < 1 or not 0.5 <= auc + self.aided_gain < 1:
                raise InputError(f"the AUC of '{level}' is {auc} (with help {auc + self.aided_gain:g}): choose 0.5 to less than 1")
        if min(self.shared, self.interaction) < 0 or self.shared + self.interaction > 1:
            raise InputError(f"shared is {self.shared} and interaction {self.interaction}: choose shares that add up to 1 at most")
        if not 0 < self.specificity < 1:
            raise InputError(f"specificity is {self.specificity}: choose a number between 0 and 1")
        if min(self.separation_sd, self.criterion_sd) < 0 or self.seconds <= 0:
            raise InputError("separation_sd, criterion_sd and seconds: choose 0 or more, and a time above 0")

    @property
    def auc_by_level(self) -> Mapping[str, float]:
        """AUC by level."""
        return LEVELS if self.aucs is None else self.aucs


class SimulatedReadings(NamedTuple):
    """Readings and the truth behind them.

    Parameters
    ----------
    readings
        Table ``readings``; training and attention cases are not in it.
    readers
        One row a reader. Of ages: ``offset``, ``careless``. Of a disease: ``level``, ``separation``, ``auc``, ``auc_aided``,
        ``criterion``, ``sensitivity``, ``specificity``.
    trials
        One row a reading: its key and what was to be seen. Of ages: ``seen``, ``previous`` (missing at the beginning) and ``expected``, the
        reading without noise and bins, in years. Of a disease: ``observed`` and ``suspicion`` less the criterion, in standard deviations.
    """

    readings: pd.DataFrame
    readers: pd.DataFrame
    trials: pd.DataFrame


def simulate_age_readings(
    plan: pd.DataFrame,
    perceived_age: pd.Series,
    readers: AgeReaders | None = None,
    *,
    target: str = "perceived_age",
    random_state: int = 0,
) -> SimulatedReadings:
    """Let readers read ages in the order of a plan.

    Training and attention cases are seen too: where ``perceived_age`` names them they pull the reading after them.

    Parameters
    ----------
    plan
        Table ``reading_plan``.
    perceived_age
        How old each face looks, by photo_id, in years.
    readers
        How they read; None: :class:`AgeReaders` as it stands.

    Raises
    ------
    InputError
        When the plan has no readings of this target, or a photograph to be read has no age.

    Examples
    --------
    >>> plan = pd.DataFrame({"reader_id": "r1", "target": "perceived_age", "position": [1, 2], "photo_id": ["a", "b"], "repeat": 0,
    ...                      "block": 1, "is_training": False, "is_attention": False, "arm": "unaided"})
    >>> exact = AgeReaders(offset_sd=0, reading_sd=0, serial=0.1)
    >>> simulate_age_readings(plan, pd.Series({"a": 40.0, "b": 60.0}), exact).readings.reading.tolist()
    [40.0, 58.0]
    """
    readers = readers or AgeReaders()
    rows = _of_target(plan, target)
    rng = np.random.default_rng(random_state)
    names, reader = np.unique(rows.reader_id.to_numpy(dtype=str), return_inverse=True)
    seen = rows.photo_id.map(perceived_age).to_numpy(dtype=np.float64)
    _require_known(rows, seen, "age")
    previous = np.concatenate([[np.nan], seen[:-1]])
    previous[np.concatenate([[True], reader[1:] != reader[:-1]])] = np.nan
    offset, careless = rng.normal(0, readers.offset_sd, len(names)), _some(len(names), readers.careless, rng)
    pull = np.nan_to_num(readers.serial * (previous - seen))
    expected = seen + offset[reader] + pull + _by_pair(rows, rng) * readers.interaction_sd
    reading = expected + rng.normal(0, readers.reading_sd, len(rows))
    guesses = rng.normal(perceived_age.mean(), float(np.std(perceived_age)), len(rows))
    reading = _binned(np.clip(np.where(careless[reader], guesses, reading), 0, OLDEST), readers.bin_years)
    seconds = _seconds(readers.seconds * np.where(careless[reader], CARELESS_SECONDS, 1.0), rng)
    table = rows[["reader_id", "photo_id", "target", "repeat", "position"]].assign(reading=reading, seconds=seconds)
    kept = _counts(rows)
    trials = rows[["reader_id", "photo_id", "repeat", "position"]].assign(seen=seen, previous=previous, expected=expected)
    truth = pd.DataFrame({"reader_id": names.astype(object), "offset": offset, "careless": careless})
    return SimulatedReadings(_finished(table[kept]), truth, trials[kept].reset_index(drop=True))


def simulate_diagnostic_readings(
    plan: pd.DataFrame,
    has_condition: pd.Series,
    levels: Mapping[str, str],
    readers: DiagnosticReaders | None = None,
    *,
    target: str,
    random_state: int = 0,
) -> SimulatedReadings:
    """Let readers of several levels look for a disease in the order of a plan.

    A reading is the call, 1 for the condition; the confidence, 0 to 100, is the surer the further the suspicion is from the reader's
    threshold, so that the confidence with the sign of the call orders people as the suspicion does. A row of the aided arm gives two
    readings: without help, and under the target followed by ``[aided]`` with it.

    Parameters
    ----------
    plan
        Table ``reading_plan``.
    has_condition
        1 with the condition, 0 without, by photo_id.
    levels
        Level of each reader, by reader_id.
    readers
        How they read; None: :class:`DiagnosticReaders` as it stands.
    target
        The condition: target of the plan's readings.

    Raises
    ------
    InputError
        When the plan has no readings of this target, a photograph is of unknown condition, or a reader's level has no AUC.

    Examples
    --------
    >>> plan = pd.DataFrame({"reader_id": "r1", "target": "acromegaly", "position": [1, 2], "photo_id": ["a", "b"], "repeat": 0,
    ...                      "block": 1, "is_training": False, "is_attention": False, "arm": "unaided"})
    >>> found = simulate_diagnostic_readings(plan, pd.Series({"a": 1, "b": 0}), {"r1": "expert"}, target="acromegaly")
    >>> found.readers[["level", "auc", "specificity"]].round(2).to_dict("records")
    [{'level': 'expert', 'auc': 0.92, 'specificity': 0.9}]
    """
    readers = readers or DiagnosticReaders()
    rows = _of_target(plan, target)
    rng = np.random.default_rng(random_state)
    names, reader = np.unique(rows.reader_id.to_numpy(dtype=str), return_inverse=True)
    observed = rows.photo_id.map(has_condition).to_numpy(dtype=np.float64)
    _require_known(rows, observed, "condition")
    truth = _diagnostic_truth(names, levels, readers, rng)
    own = (1 - readers.shared - readers.interaction) ** 0.5
    lasting = readers.shared**0.5 * _by(rows.photo_id, rng) + readers.interaction**0.5 * _by_pair(rows, rng)
    kept = _counts(rows)
    parts, trials = [], []
    for arm, suffix, column in (("unaided", "", "separation"), ("aided", AIDED, "separation_aided")):
        suspicion = truth[column].to_numpy()[reader] * observed + lasting + own * rng.normal(size=len(rows))
        beyond = suspicion - truth.criterion.to_numpy()[reader]
        chosen = kept & (rows.arm == "aided").to_numpy() if arm == "aided" else kept
        table = rows[["reader_id", "photo_id", "target", "repeat", "position"]].assign(
            target=target + suffix, reading=(beyond > 0).astype(np.float64), confidence=_confidence(beyond),
            seconds=_seconds(np.full(len(rows), readers.seconds), rng),
        )  # fmt: skip
        parts.append(table[chosen])
        trials.append(table[["reader_id", "photo_id", "target", "repeat"]].assign(observed=observed, suspicion=beyond)[chosen])
    return SimulatedReadings(
        _finished(pd.concat(parts)), truth.drop(columns="separation_aided"), pd.concat(trials, ignore_index=True)
    )  # fmt: skip


def _of_target(plan: pd.DataFrame, target: str) -> pd.DataFrame:
    READING_PLAN.validate(plan)
    rows = plan[plan.target == target]
    if rows.empty:
        have = ", ".join(sorted(map(str, plan.target.unique()))) or "none"
        raise InputError(f"the plan has no readings of '{target}' (targets: {have}): name one of these")
    return rows.sort_values(["reader_id", "position"]).reset_index(drop=True)


def _counts(rows: pd.DataFrame) -> NDArray[np.bool_]:
    return np.asarray(~rows.is_training & ~rows.is_attention)


def _require_known(rows: pd.DataFrame, values: Floats, what: str) -> None:
    unknown = rows.photo_id[np.isnan(values) & _counts(rows)]
    if len(unknown):
        raise InputError(f"photograph '{unknown.iloc[0]}' of the plan has no {what}: give one for every photograph to be read")


def _some(n: int, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which of n are among the share, as many as it says to the next whole number."""
    return np.asarray(rng.permutation(n) < round(share * n))


def _by(groups: pd.Series, rng: np.random.Generator) -> Floats:
    """Return a standard normal number for each group, repeated over its rows."""
    codes, names = pd.factorize(groups, sort=True)
    return np.asarray(rng.normal(size=len(names))[codes])


def _by_pair(rows: pd.DataFrame, rng: np.random.Generator) -> Floats:
    return _by(rows.reader_id + "\0" + rows.photo_id, rng)


def _binned(reading: Floats, bin_years: int) -> Floats:
    if bin_years == 0:
        return reading
    return np.asarray(np.floor(np.round(reading) / bin_years) * bin_years + (bin_years - 1) / 2)


def _seconds(median: Floats, rng: np.random.Generator) -> Floats:
    return np.asarray(np.round(median * np.exp(rng.normal(0, SECONDS_SPREAD, len(median))), 2))


def _confidence(beyond: Floats) -> Floats:
    from scipy.stats import norm

    return np.asarray(np.round(100 * (2 * norm.cdf(np.abs(beyond)) - 1), 3))


def _finished(table: pd.DataFrame) -> pd.DataFrame:
    names = [column.name for column in READINGS.columns if column.name in table.columns]
    return READINGS.validate(table[names].reset_index(drop=True))


def _diagnostic_truth(
    names: NDArray[np.str_], levels: Mapping[str, str], readers: DiagnosticReaders, rng: np.random.Generator
) -> pd.DataFrame:  # fmt: skip
    from scipy.stats import norm

    own = [levels.get(str(name), "") for name in names]
    aucs = readers.auc_by_level
    unknown = [(name, level) for name, level in zip(names, own, strict=True) if level not in aucs]
    if unknown:
        raise InputError(f"reader '{unknown[0][0]}' has the level '{unknown[0][1]}': choose one of {', '.join(aucs)}")
    auc = np.array([aucs[level] for level in own])
    spread = rng.normal(0, readers.separation_sd, len(names))
    criterion = norm.ppf(readers.specificity) + rng.normal(0, readers.criterion_sd, len(names))
    separation, aided = (2**0.5 * norm.ppf(values) + spread for values in (auc, auc + readers.aided_gain))
    return pd.DataFrame({
        "reader_id": names.astype(object), "level": own, "separation": separation, "separation_aided": aided,
        "auc": norm.cdf(separation / 2**0.5), "auc_aided": norm.cdf(aided / 2**0.5), "criterion": criterion,
        "sensitivity": norm.cdf(separation - criterion), "specificity": norm.cdf(criterion),
    })  # fmt: skip
