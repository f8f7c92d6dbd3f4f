"""The age gap: perceived age less age, and the same after a correction for age that was fitted on other people."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from facies.association.design import require_columns
from facies.errors import InputError
from facies.stats.resampling import bootstrap
from facies.stats.splines import natural_spline, spline_knots
from facies.tables import AGE_GAP_SUMMARIES, AGE_GAPS, PARTICIPANT_PREDICTIONS
from facies.types import Floats

FEWEST = 20
"""Fewer people than this carry no correction."""
CORRECTIONS = {"none": "gap", "linear": "gap_linear", "spline": "gap_spline"}
"""Level of ``correction`` and the column of ``age_gaps`` that it is about."""
AFTER = (
    "corrected for age: the correlation with age is near 0 by construction, and the gaps are smaller than the errors of any perceived age; "
    "neither says that the model is good, and no R² may be computed after this"
)
BEFORE = "the gap depends on age: adjust every comparison of gaps for age"


def age_gaps(
    participant_predictions: pd.DataFrame,
    participants: pd.DataFrame,
    *,
    target: str = "perceived_age",
    n_bootstrap: int = 1000,
    level: float = 0.95,
    cluster_by: str | None = "family_id",
    random_state: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return each person's gap between perceived age and age by source, and what it looks like against age.

    A model that draws towards the middle makes the young look old and the old young, so that its gap falls with age (Le et al., Front Aging
    Neurosci 2018;10:317). A line and a natural cubic spline in age (knots at Harrell's quantiles) of the gap are fitted on the labelled
    people of the *other* folds and taken away; people in no fold have the fit on all labelled people. Where a regression adjusts for age
    none of this is needed, and the coefficient is the same (up to folds).

    Parameters
    ----------
    participant_predictions
        Table of this name; ``observed`` is the panel's perceived age.
    participants
        ``participant_id`` and ``age``, and ``cluster_by`` where people come in families; people without age are left out.
    n_bootstrap
        Draws of participants, or families, behind the intervals of ``r_age``; the corrections are kept in them.

    Returns
    -------
    Tables ``age_gaps`` and ``age_gap_summaries``. There is no R²: after a correction it would be inflated. Corrected gaps are missing where
    fewer than 20 people (or too few different ages) would carry the correction.

    Raises
    ------
    InputError
        When there are no predictions of the target, or no ages.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> people = pd.DataFrame({"participant_id": [f"p{i:03d}" for i in range(300)], "age": rng.uniform(50, 80, 300)})
    >>> predictions = pd.DataFrame({"participant_id": people.participant_id, "model_id": "m", "target": "perceived_age",
    ...     "fold": np.arange(300) % 5, "n_photographs": 1, "predicted": 32 + 0.5 * people.age + rng.normal(0, 2, 300), "ci_low": np.nan,
    ...     "ci_high": np.nan, "observed": people.age + rng.normal(0, 4, 300), "label_weight": 1.0})
    >>> gaps, summaries = age_gaps(predictions, people, n_bootstrap=200)
    >>> summaries.loc[summaries.source == "m", "slope_age"].abs().round(1).tolist()
    [0.5, 0.0, 0.0]
    """
    PARTICIPANT_PREDICTIONS.validate(participant_predictions)
    rows = participant_predictions[participant_predictions.target == target]
    if rows.empty:
        raise InputError(f"there are no predictions of '{target}': name a target that was predicted")
    people = _by_participant(participants)
    gaps = pd.concat([_gaps(*source, people) for source in _sources(rows)], ignore_index=True)
    if gaps.empty:
        raise InputError("nobody with a perceived age has an age: compare the participant_id columns of both tables")
    draw = partial(_against_age, n_bootstrap=n_bootstrap, level=level, random_state=random_state)
    summaries = [
        _summary(str(source), correction, part.assign(gap=part[column]), people, cluster_by, draw)
        for source, part in gaps.groupby("source", sort=False)
        for correction, column in CORRECTIONS.items()
    ]
    return AGE_GAPS.validate(gaps), AGE_GAP_SUMMARIES.validate(pd.DataFrame(summaries))


def _by_participant(participants: pd.DataFrame) -> pd.DataFrame:
    require_columns(participants, ["participant_id", "age"], what="column", where="participants")
    repeated = participants.participant_id[participants.participant_id.duplicated()]
    if len(repeated):
        raise InputError(f"participants name {repeated.iloc[0]} twice: keep one row")
    return participants.set_index("participant_id")


def _sources(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the panel and every model: by participant the perceived age, the fold, and whether it carries corrections."""
    tables: list[tuple[str, pd.DataFrame]] = []
    for model_id, part in rows.groupby("model_id", sort=False):
        table = part.set_index("participant_id").sort_index()
        trains = table.observed.notna() & (table.fold >= 0)
        common = pd.DataFrame({"fold": table.fold, "trains": trains})
        if not tables:
            tables.append(("panel", common.assign(perceived_age=table.observed)))
        tables.append((str(model_id), common.assign(perceived_age=table.predicted)))
    return tables


def _gaps(source: str, table: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    table = table.assign(age=people.age.reindex(table.index).astype("float64")).dropna(subset=["perceived_age", "age"])
    gap = table.perceived_age - table.age
    expected = {name: _expected(table.assign(gap=gap), basis) for name, basis in (("linear", _line), ("spline", _curve))}
    return pd.DataFrame({
        "participant_id": table.index.to_numpy(dtype=object), "source": source, "age": table.age.to_numpy(),
        "perceived_age": table.perceived_age.to_numpy(), "gap": gap.to_numpy(),
        **{f"gap_{name}": gap.to_numpy() - values for name, values in expected.items()},
    })  # fmt: skip


Basis = Callable[[Floats], Callable[[Floats], Floats] | None]
"""From the ages that carry a correction to the columns of a regression at any ages; None where they cannot carry it."""


def _expected(table: pd.DataFrame, basis: Basis) -> Floats:
    """Return the gap that is expected at each person's age by the labelled people of the other folds."""
    age, gap, fold = (table[name].to_numpy(dtype=np.float64) for name in ("age", "gap", "fold"))
    expected = np.full(len(table), np.nan)
    for number in np.unique(fold):
        others = table.trains.to_numpy() & ((fold != number) | (number < 0))
        columns = basis(age[others]) if others.sum() >= FEWEST else None
        if columns is not None:
            coef = np.linalg.lstsq(columns(age[others]), gap[others], rcond=None)[0]
            expected[fold == number] = columns(age[fold == number]) @ coef
    return expected


def _line(carrying: Floats) -> Callable[[Floats], Floats] | None:
    if np.ptp(carrying) == 0:
        return None
    return lambda age: np.column_stack([np.ones(len(age)), age - carrying.mean()])


def _curve(carrying: Floats) -> Callable[[Floats], Floats] | None:
    if len(np.unique(carrying)) < FEWEST // 2:
        return None
    centre = float(carrying.mean())
    try:
        knots = spline_knots(carrying - centre)
    except InputError:
        return None
    return lambda age: np.column_stack([np.ones(len(age)), natural_spline(age - centre, knots)])


def _summary(
    source: str, correction: str, rows: pd.DataFrame, people: pd.DataFrame, cluster_by: str | None, against_age: Callable[..., Any]
) -> dict[str, Any]:  # fmt: skip
    rows = rows.dropna(subset=["gap"])
    gap, age = rows.gap.to_numpy(dtype=np.float64), rows.age.to_numpy(dtype=np.float64)
    r, low, high, slope = against_age(gap, age, _families(rows.participant_id, people, cluster_by))
    warning = AFTER if correction != "none" else BEFORE if low > 0 or high < 0 else None
    if not len(gap):
        warning = f"fewer than {FEWEST} labelled people, or too few different ages, to fit the correction"
    return {
        "source": source, "correction": correction, "n": len(gap), "mean": gap.mean() if len(gap) else np.nan,
        "sd": gap.std(ddof=1) if len(gap) > 1 else np.nan, "mae": np.abs(gap).mean() if len(gap) else np.nan,
        "r_age": r, "ci_low": low, "ci_high": high, "slope_age": slope, "warning": warning,
    }  # fmt: skip


def _families(participants: pd.Series, people: pd.DataFrame, cluster_by: str | None) -> Any:
    if cluster_by is None or cluster_by not in people.columns:
        return None
    families = people[cluster_by].reindex(participants)
    own = "person " + participants.astype(str).to_numpy(dtype=object)
    return np.where(families.notna(), "family " + families.astype(str).to_numpy(dtype=object), own).astype(str)


def _against_age(
    gap: Floats, age: Floats, families: Any, *, n_bootstrap: int, level: float, random_state: int
) -> tuple[float, float, float, float]:  # fmt: skip
    """Return the correlation of the gap with age, its interval, and the slope."""
    if len(gap) < 3 or np.ptp(age) == 0:
        return (float("nan"),) * 4
    x, y = age - age.mean(), gap - gap.mean()
    components = np.column_stack([np.ones_like(x), x, y, x * x, y * y, x * y])
    found = bootstrap(components, _correlation, clusters=families, n_bootstrap=n_bootstrap, level=level, random_state=random_state)
    return float(found.value[0]), float(found.ci_low[0]), float(found.ci_high[0]), float(x @ y / (x @ x))


def _correlation(sums: Floats) -> Floats:
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread = (xx - x * x / n) * (yy - y * y / n)
    return np.asarray(((xy - x * y / n) / np.sqrt(np.where(spread > 0, spread, np.nan)))[..., None])
