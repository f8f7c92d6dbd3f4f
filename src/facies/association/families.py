"""Kinds of outcome, and the regression that each is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from facies.association.design import Cohort, Design, build_design
from facies.errors import InputError
from facies.stats.counts import fit_count
from facies.stats.firth import fit_firth, is_rare
from facies.stats.linear import fit_linear
from facies.stats.logistic import fit_logistic, separation
from facies.stats.mixed import fit_mixed
from facies.stats.ordinal import FEWEST_LEVELS, fit_ordinal
from facies.stats.regression import Fit, no_fit, one_family
from facies.stats.survival import fit_cox
from facies.types import Floats

OUTCOME_KINDS = {
    "binary": "logistic",
    "continuous": "linear",
    "time_to_event": "cox",
    "count": "negative_binomial",
    "ordinal": "ordinal",
}
"""Kind of outcome and the regression that it is given first."""

FAMILY_SCALES = {
    "linear": "difference",
    "linear_mixed": "difference",
    "logistic": "odds_ratio",
    "firth": "odds_ratio",
    "ordinal": "odds_ratio",
    "cox": "hazard_ratio",
    "poisson": "rate_ratio",
    "negative_binomial": "rate_ratio",
}
"""Regression and what its estimate is."""

TIME_SCALES = ("follow_up", "age")
COUNT_MODELS = ("negative_binomial", "poisson")
CLUSTERINGS = ("robust", "mixed")


@dataclass(frozen=True)
class OutcomeSpec:
    """One outcome: its column, its kind and what its kind needs.

    ``name`` is the column of the outcomes' table (for ``time_to_event`` the column of events, 0 and 1), ``duration`` the column of years
    from the photograph to the event or the end of observation, ``time_scale`` ``"follow_up"`` or ``"age"`` (people are compared at the
    same age), ``person_time`` the column of the time in which events were counted. Outcomes of the same ``test_family`` are adjusted
    for multiplicity together.
    """

    name: str
    kind: str
    duration: str | None = None
    time_scale: str = "follow_up"
    person_time: str | None = None
    count_model: str = "negative_binomial"
    test_family: str = "outcomes"

    def __post_init__(self) -> None:
        for setting, value, choices in (
            ("called", self.kind, OUTCOME_KINDS),
            ("given time scale", self.time_scale, TIME_SCALES),
            ("given count model", self.count_model, COUNT_MODELS),
        ):
            if value not in choices:
                raise InputError(f"outcome '{self.name}' is {setting} {value}: choose {' or '.join(choices)}")
        if (self.kind == "time_to_event") != (self.duration is not None):
            raise InputError(f"outcome '{self.name}' is {self.kind}: a duration belongs to time_to_event, and that needs one")

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of the outcomes' table that the outcome is read from."""
        return tuple(column for column in (self.name, self.duration, self.person_time) if column is not None)

    @property
    def time(self) -> str | None:
        """Return the column of time, duration or person-time, which must be above 0."""
        return self.duration or self.person_time

    @property
    def scale(self) -> str:
        """Return what the estimate is."""
        return FAMILY_SCALES[OUTCOME_KINDS[self.kind]]


def outcome_specs(outcome_kinds: Mapping[str, str | OutcomeSpec]) -> list[OutcomeSpec]:
    """Return the outcomes as specifications, where a kind alone may be given.

    Raises
    ------
    InputError
        When a kind is unknown, or a specification is filed under another name.

    Examples
    --------
    >>> outcome_specs({"copd": "binary"})[0].scale
    'odds_ratio'
    """
    specs = []
    for name, kind in outcome_kinds.items():
        spec = OutcomeSpec(name, kind) if isinstance(kind, str) else kind
        if spec.name != name:
            raise InputError(f"outcome '{name}' is specified as '{spec.name}': use one name")
        specs.append(spec)
    return specs


def require_clustering(clustering: str) -> None:
    """Refuse an unknown way to treat people who are not independent.

    Raises
    ------
    InputError
        Naming the ways there are.
    """
    if clustering not in CLUSTERINGS:
        raise InputError(f"clustering is '{clustering}': choose {' or '.join(CLUSTERINGS)}")


def outcome_design(
    cohort: Cohort, spec: OutcomeSpec, *, exposures: Sequence[str], covariates: Sequence[str], clustering: str = "robust"
) -> Design:
    """Return the design for one outcome: people with all values whose time is above 0; age left out where it is the time scale.

    Raises
    ------
    InputError
        When age is the time scale and the covariates have no column ``age``.
    """
    cohort, notes = _without_empty_times(cohort, spec)
    if clustering == "mixed" and spec.kind != "continuous":
        clustering = "robust"
        notes.append("a random intercept is for continuous outcomes")
    if spec.kind == "time_to_event" and spec.time_scale == "age":
        return _on_age(cohort, spec, exposures, covariates, clustering, notes)
    design = build_design(cohort, outcomes=spec.columns, exposures=exposures, covariates=covariates, clustering=clustering)
    return replace(design, notes=(*design.notes, *notes))


def _without_empty_times(cohort: Cohort, spec: OutcomeSpec) -> tuple[Cohort, list[str]]:
    if spec.time is None:
        return cohort, []
    time = cohort.outcomes[spec.time]
    empty = int((time <= 0).sum())
    if not empty:
        return cohort, []
    kept = replace(cohort, outcomes=cohort.outcomes.assign(**{spec.time: time.where(time > 0)}))
    return kept, [f"{empty} with a {spec.time} of 0 count as without outcome"]


def _on_age(
    cohort: Cohort, spec: OutcomeSpec, exposures: Sequence[str], covariates: Sequence[str], clustering: str, notes: Sequence[str]
) -> Design:
    if "age" not in cohort.covariates:
        raise InputError(f"outcome '{spec.name}' has age as time scale: the covariates need a column age")
    others = [name for name in covariates if name != "age"]
    known = replace(cohort, outcomes=cohort.outcomes.assign(**{spec.name: cohort.outcomes[spec.name].where(cohort.covariates.age.notna())}))
    design = build_design(known, outcomes=spec.columns, exposures=exposures, covariates=others, clustering=clustering)
    said = ["age is the time scale, so no covariate"] if "age" in covariates else ["age is the time scale"]
    age = cohort.covariates.loc[design.participants, "age"].to_numpy(dtype=np.float64)
    return replace(design, notes=(*design.notes, *notes, *said), age=age)


@dataclass(frozen=True)
class Asked:
    """How every regression is to be fitted."""

    min_events: int = 10
    level: float = 0.95
    mixed: bool = False


def fit_outcome(
    outcomes: pd.DataFrame, spec: OutcomeSpec, x: Floats, design: Design, *, exposure: str, min_events: int, level: float,
    mixed: bool = False,
) -> Fit:  # fmt: skip
    """Fit one outcome on one exposure and the design's covariates; the exposure is the first coefficient.

    Parameters
    ----------
    outcomes
        The outcome's columns, one row for each of ``design.participants``, in their order.
    x
        The exposure, (n,).
    mixed
        Use a random intercept for the clusters of a continuous outcome, instead of robust standard errors.

    Examples
    --------
    >>> people = pd.Index(["a", "b", "c", "d", "e"])
    >>> design = Design(people, np.empty((5, 0)), (), None, ())
    >>> outcomes = pd.DataFrame({"cognition": [1.0, 0.0, 3.0, 2.0, 5.0]}, index=people)
    >>> fit = fit_outcome(outcomes, OutcomeSpec("cognition", "continuous"), np.arange(5.0), design, exposure="x", min_events=1, level=0.95)
    >>> round(float(fit.coef[0]), 6), fit.family
    (1.0, 'linear')
    """
    X = np.column_stack([x, design.X])
    return fit_columns(outcomes, spec, X, (exposure, *design.names), design, Asked(min_events, level, mixed))


def fit_columns(outcomes: pd.DataFrame, spec: OutcomeSpec, X: Floats, names: tuple[str, ...], design: Design, asked: Asked) -> Fit:
    """Fit one outcome on any columns, (n, k); the design gives the clusters and, where age is the time scale, the age."""
    y = outcomes[spec.name].to_numpy(dtype=np.float64)
    time = None if spec.time is None else outcomes[spec.time].to_numpy(dtype=np.float64)
    return _FITS[spec.kind](_Data(y, time, X, names, design, spec, asked))


@dataclass(frozen=True, eq=False)
class _Data:
    y: Floats
    time: Floats | None
    X: Floats
    names: tuple[str, ...]
    design: Design
    spec: OutcomeSpec
    asked: Asked


def _continuous(data: _Data) -> Fit:
    if data.asked.mixed and data.design.clusters is not None:
        return fit_mixed(data.y, data.X, names=data.names, clusters=data.design.clusters, level=data.asked.level)
    return fit_linear(data.y, data.X, names=data.names, clusters=data.design.clusters, level=data.asked.level)


def _binary(data: _Data) -> Fit:
    y, X, names, clusters = data.y, data.X, data.names, data.design.clusters
    fit = fit_logistic(y, X, names=names, clusters=clusters, min_events=data.asked.min_events, level=data.asked.level)
    if (fit.estimated and not is_rare(y, X.shape[1])) or one_family(clusters):
        return fit
    firth = fit_firth(y, X, names=names, min_events=data.asked.min_events, level=data.asked.level)
    if not firth.estimated:
        return fit if fit.note else firth
    reason = "fewer than 10 with (or without) the outcome a coefficient" if fit.estimated else separation(y, X, names).partition(":")[0]
    relatives = "" if clusters is None else ", people taken as independent"
    said = f"{reason or 'almost separated'}: Firth's regression{relatives}"
    return replace(firth, note=f"{said}; {firth.note}" if firth.note else said)


def _time_to_event(data: _Data) -> Fit:
    if data.time is None:
        raise InputError(f"outcome '{data.spec.name}' is time_to_event: give its duration")
    entry = data.design.age if data.spec.time_scale == "age" else None
    duration = data.time if entry is None else entry + data.time
    return fit_cox(
        duration, data.y, data.X, names=data.names, entry=entry, clusters=data.design.clusters, min_events=data.asked.min_events,
        level=data.asked.level,
    )  # fmt: skip


def _count(data: _Data) -> Fit:
    return fit_count(
        data.y, data.X, names=data.names, time=data.time, model=data.spec.count_model, clusters=data.design.clusters,
        min_events=data.asked.min_events, level=data.asked.level,
    )  # fmt: skip


def _ordinal(data: _Data) -> Fit:
    n_levels = len(np.unique(data.y))
    if n_levels < FEWEST_LEVELS:
        note = f"{n_levels} levels are left among {len(data.y)} participants: {FEWEST_LEVELS} are needed"
        return no_fit(data.names, len(data.y), int((data.y > data.y.min()).sum()) if n_levels else 0, note, family="ordinal")
    return fit_ordinal(
        data.y, data.X, names=data.names, clusters=data.design.clusters, min_events=data.asked.min_events, level=data.asked.level
    )  # fmt: skip


_FITS: dict[str, Callable[[_Data], Fit]] = {
    "continuous": _continuous,
    "binary": _binary,
    "time_to_event": _time_to_event,
    "count": _count,
    "ordinal": _ordinal,
}
