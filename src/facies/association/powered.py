"""When only part of a cohort was read: people with human readings alone, the computed value for all, and both together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from facies.association.design import Cohort, Design, build_design, gather, require_covariates, require_numbers
from facies.association.exposures import DIRECTIONS
from facies.association.families import OutcomeSpec, outcome_specs
from facies.association.outcomes import require_outcomes
from facies.association.rows import exponential, exposure_units
from facies.errors import InputError
from facies.stats.linear import fit_linear
from facies.stats.logistic import fit_logistic
from facies.stats.prediction_powered import prediction_powered
from facies.stats.regression import Fit, constant_columns, few_events
from facies.tables import FOLD_PREDICTIONS, PARTICIPANT_PREDICTIONS, PROXY_ESTIMATES
from facies.types import Floats

FEWEST = 20
"""With fewer people on either side there is no prediction-powered estimate."""
FAMILIES = {"binary": "logistic", "continuous": "linear"}
"""Kinds of outcome that have prediction-powered inference, and their regression."""


def proxy_inference(
    participant_predictions: pd.DataFrame,
    fold_predictions: pd.DataFrame,
    covariates: pd.DataFrame,
    *,
    outcomes: pd.DataFrame | None = None,
    outcome_kinds: Mapping[str, str | OutcomeSpec] | None = None,
    traits: pd.DataFrame | None = None,
    adjustments: Mapping[str, Sequence[str]],
    per: Mapping[str, float] | None = None,
    direction: str | None = None,
    target: str = "perceived_age",
    min_events: int = 10,
    level: float = 0.95,
    cluster_by: str | None = "family_id",
) -> pd.DataFrame:
    """Estimate effects of and on the human perceived age in a cohort of which a part was read.

    Three estimators stand side by side. ``labelled_only`` uses the people with human readings. ``naive`` takes the computed perceived age
    for the human one in everybody: its interval claims more than is known, and in the wrong place. ``ppi`` is cross-fitted
    prediction-powered inference (:mod:`facies.stats.prediction_powered`): its interval is for the same effect as that of
    ``labelled_only``, whatever the model is worth.

    People with readings are predicted by the model that left their fold out. The others are predicted by the model of every fold, and
    their estimating equations are averaged with the folds' shares of the labelled as weights; who has a relative in a fold is predicted by
    the one model that left this fold out.

    Parameters
    ----------
    participant_predictions, fold_predictions
        Tables of these names; ``observed`` is the human value.
    covariates
        ``participant_id``, the covariates of ``adjustments``, and ``age`` where ``direction`` is given.
    outcomes, outcome_kinds
        As in :func:`facies.association.associate`; other outcomes than binary and continuous ones are left out.
    traits
        ``participant_id`` and one column of numbers a trait, such as ``mc1r``.
    per
        Units by exposure (``perceived_age``, or the direction) and by trait.
    direction
        Name of a difference from age that is the exposure instead of the perceived age (:data:`facies.association.DIRECTIONS`).
    min_events
        Fewest people with readings who have, or lack, a binary outcome.
    level, cluster_by
        As in :func:`facies.association.associate`.

    Returns
    -------
    Table ``proxy_estimates``; no rows when everybody, or nobody, was read, or there is neither trait nor binary or
    continuous outcome. ``note`` says why an estimate is missing.

    Raises
    ------
    InputError
        When a name is no column, a value is not what its kind says, there are no predictions of the target, or a person without readings
        has no prediction by fold.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ids = [f"p{i:04d}" for i in range(2000)]
    >>> mc1r = rng.binomial(2, 0.2, 2000)
    >>> human = 60 + 0.8 * mc1r + rng.normal(0, 3, 2000)
    >>> computed = human + rng.normal(0, 1.5, 2000)
    >>> read = np.arange(2000) < 500
    >>> predictions = pd.DataFrame({"participant_id": ids, "model_id": "m", "target": "perceived_age", "fold": np.where(read, 0, -1),
    ...     "n_photographs": 1, "predicted": computed, "ci_low": np.nan, "ci_high": np.nan, "observed": np.where(read, human, np.nan),
    ...     "label_weight": 1.0})
    >>> others = predictions[~read]
    >>> folds = others[["participant_id", "model_id", "target", "predicted"]].assign(fold=0)
    >>> people = pd.DataFrame({"participant_id": ids, "mc1r": mc1r})
    >>> table = proxy_inference(predictions, folds, people, traits=people, adjustments={"unadjusted": []})
    >>> table[["estimator", "n_labelled", "n_unlabelled", "family"]]
           estimator  n_labelled  n_unlabelled  family
    0  labelled_only         500          1500  linear
    1          naive         500          1500  linear
    2            ppi         500          1500  linear
    """
    models = _models(participant_predictions, fold_predictions, target)
    if not any(_split(model) for model in models):
        return PROXY_ESTIMATES.validate(_table([]))
    stem = _stem(direction, target)
    specs = [spec for spec in outcome_specs(outcome_kinds or {}) if spec.kind in FAMILIES]
    names = [] if traits is None else [str(name) for name in traits.columns if name != "participant_id"]
    _require(outcomes, specs, traits, names, covariates, adjustments)
    units = exposure_units([stem, *names], per)
    asked = Asked(stem, target, units, min_events, level)
    rows: list[dict[str, Any]] = []
    for model in models:
        shifted = model if direction is None else _differences(model, covariates, direction)
        for adjustment, chosen in adjustments.items():
            if outcomes is not None and specs:
                cohort = gather(shifted.point_table(), outcomes, covariates, cluster_by=cluster_by)
                rows += [row for spec in specs for row in _of_outcome(cohort, shifted, spec, adjustment, chosen, asked)]
            if traits is not None:
                cohort = gather(traits, model.point_table(), covariates, cluster_by=cluster_by)
                rows += [row for name in names for row in _on_perceived_age(cohort, model, name, adjustment, chosen, asked)]
    return PROXY_ESTIMATES.validate(_table(rows))


COMPUTED = "computed"


@dataclass(frozen=True, eq=False)
class Model:
    """One model: by participant the computed value, the human one (missing where nobody read) and the prediction of each fold."""

    model_id: str
    point: pd.Series
    human: pd.Series
    by_fold: pd.DataFrame
    shares: Floats

    def point_table(self) -> pd.DataFrame:
        """Return the computed values of people who can take part."""
        return self.point.rename(COMPUTED).rename_axis("participant_id").reset_index()


@dataclass(frozen=True)
class Asked:
    """What is asked of every estimate."""

    stem: str
    target: str
    units: Mapping[str, float]
    min_events: int
    level: float


def _models(predictions: pd.DataFrame, fold_predictions: pd.DataFrame, target: str) -> list[Model]:
    PARTICIPANT_PREDICTIONS.validate(predictions)
    FOLD_PREDICTIONS.validate(fold_predictions)
    rows, others = predictions[predictions.target == target], fold_predictions[fold_predictions.target == target]
    if rows.empty:
        have = ", ".join(sorted(map(str, predictions.target.unique()))) or "none"
        raise InputError(f"there are no predictions of '{target}' (targets: {have}): name one of these")
    return [_model(str(name), part, others[others.model_id == name]) for name, part in rows.groupby("model_id", sort=False)]


def _model(model_id: str, rows: pd.DataFrame, others: pd.DataFrame) -> Model:
    """People on whom a model was fitted have the prediction of their own fold; the others those of ``fold_predictions``."""
    table = rows.set_index("participant_id").sort_index()
    trained = table.observed.notna() & (table.fold >= 0) & ~table.index.isin(others.participant_id)
    own = table[trained].reset_index()[["participant_id", "fold", "predicted"]]
    both = pd.concat([own, others[["participant_id", "fold", "predicted"]]], ignore_index=True)
    by_fold = both.pivot(index="participant_id", columns="fold", values="predicted").sort_index()
    counts = own.fold.value_counts().reindex(by_fold.columns).fillna(0.0).to_numpy(dtype=np.float64)
    astray = table.index.difference(by_fold.index)
    if len(astray):
        raise InputError(
            f"{len(astray)} people on whom {model_id} was not fitted have no fold_predictions, first {astray[0]}: compute the models again"
        )
    shares = np.asarray(counts / counts.sum(), dtype=np.float64) if counts.any() else np.ones(len(counts))
    return Model(model_id, table.predicted, table.observed, by_fold.loc[table.index], shares)


def _split(model: Model) -> bool:
    """Return whether some people were read and some not."""
    return bool(model.human.notna().any() and model.human.isna().any())


def _stem(direction: str | None, target: str) -> str:
    if direction is not None and direction not in DIRECTIONS:
        raise InputError(f"direction is '{direction}': choose {' or '.join(DIRECTIONS)}")
    return direction or target


def _differences(model: Model, covariates: pd.DataFrame, direction: str) -> Model:
    """Return the model's values as differences from age."""
    if "age" not in covariates.columns:
        raise InputError(f"{direction} needs the age: add a column age to the covariates")
    age = covariates.set_index("participant_id").age.reindex(model.point.index)
    sign = DIRECTIONS[direction][0]
    known = age.notna()
    point, human = ((values - age)[known] * sign for values in (model.point, model.human))
    return replace(model, point=point, human=human, by_fold=model.by_fold.sub(age, axis=0)[known] * sign)


def _require(
    outcomes: pd.DataFrame | None, specs: Sequence[OutcomeSpec], traits: pd.DataFrame | None, names: Sequence[str],
    covariates: pd.DataFrame, adjustments: Mapping[str, Sequence[str]],
) -> None:  # fmt: skip
    if not adjustments:
        raise InputError("there is nothing to estimate: give at least one adjustment set")
    require_covariates(covariates, adjustments)
    if specs and outcomes is None:
        raise InputError("outcome_kinds are given without outcomes: give the table too")
    if outcomes is not None:
        require_outcomes(outcomes, specs)
    if traits is not None:
        require_numbers(traits, names, what="trait")


@dataclass(frozen=True, eq=False)
class _Sample:
    """The people of one analysis: outcome and exposure with the computed value, which of them is human where, and who was read."""

    y: Floats
    x: Floats
    human: Floats
    design: Design
    model: Model
    proxied: str
    family: str

    @property
    def labelled(self) -> Any:
        """Return who was read."""
        return np.isfinite(self.human)

    def fit(self, *, human: bool, asked: Asked) -> Fit:
        """Fit the people with human values, or everybody by the computed ones."""
        kept = self.labelled if human else np.ones(len(self.y), dtype=bool)
        y = self.human if human and self.proxied == "outcome" else self.y
        x = self.human if human and self.proxied == "exposure" else self.x
        X, names, notes = _varying(np.column_stack([x, self.design.X])[kept], ("the exposure", *self.design.names))
        clusters = None if self.design.clusters is None else self.design.clusters[kept]
        if clusters is not None and len(np.unique(clusters)) == len(clusters):
            clusters = None
        if self.family == "logistic":
            fit = fit_logistic(y[kept], X, names=names, clusters=clusters, min_events=asked.min_events, level=asked.level)
        else:
            fit = fit_linear(y[kept], X, names=names, clusters=clusters, level=asked.level)
        return replace(fit, note="; ".join([*([fit.note] if fit.note else []), *notes]))


def _varying(X: Floats, names: tuple[str, ...]) -> tuple[Floats, tuple[str, ...], list[str]]:
    """Leave out covariates that have one value in these people, which changes nothing, and say so."""
    if not len(X):
        return X, names, []
    kept = ~constant_columns(X)
    kept[0] = True
    left_out = [f"{name} has one value here and was left out" for name, stays in zip(names, kept, strict=True) if not stays]
    return X[:, kept], tuple(name for name, stays in zip(names, kept, strict=True) if stays), left_out


def _of_outcome(
    cohort: Cohort, model: Model, spec: OutcomeSpec, adjustment: str, chosen: Sequence[str], asked: Asked
) -> list[dict[str, Any]]:  # fmt: skip
    design = build_design(cohort, outcomes=[spec.name], exposures=[COMPUTED], covariates=chosen)
    y = cohort.outcomes.loc[design.participants, spec.name].to_numpy(dtype=np.float64)
    sample = _sample(y, model, design, "exposure", FAMILIES[spec.kind])
    named = {"exposure": f"{asked.stem}[panel]", "outcome": spec.name, "adjustment": adjustment}
    return _rows(sample, named, asked.units[asked.stem], asked)


def _on_perceived_age(
    cohort: Cohort, model: Model, trait: str, adjustment: str, chosen: Sequence[str], asked: Asked
) -> list[dict[str, Any]]:  # fmt: skip
    design = build_design(cohort, outcomes=[COMPUTED], exposures=[trait], covariates=chosen)
    x = cohort.exposures.loc[design.participants, trait].to_numpy(dtype=np.float64)
    sample = _sample(x, model, design, "outcome", "linear")
    named = {"exposure": trait, "outcome": f"{asked.target}[panel]", "adjustment": adjustment}
    return _rows(sample, named, asked.units[trait], asked)


def _sample(other: Floats, model: Model, design: Design, proxied: str, family: str) -> _Sample:
    """Put the computed value in the place of what is proxied; ``other`` is the outcome, or the trait."""
    point, human = (values.reindex(design.participants).to_numpy(dtype=np.float64) for values in (model.point, model.human))
    y, x = (other, point) if proxied == "exposure" else (point, other)
    return _Sample(y, x, human, design, model, proxied, family)


def _rows(sample: _Sample, named: Mapping[str, str], per: float, asked: Asked) -> list[dict[str, Any]]:
    n, n_other = int(sample.labelled.sum()), int((~sample.labelled).sum())
    shared = {
        **named, "computed": sample.model.model_id, "family": sample.family,
        "scale": "odds_ratio" if sample.family == "logistic" else "difference", "per": per, "n_labelled": n, "n_unlabelled": n_other,
    }  # fmt: skip
    alone, naive = (sample.fit(human=human, asked=asked) for human in (True, False))
    powered = _powered(sample, asked)
    parts = {
        "labelled_only": (_ends(alone), np.nan, float(n) if alone.estimated else np.nan, alone.note),
        "naive": (_ends(naive), np.nan, np.nan, naive.note),
        "ppi": powered,
    }
    return [
        {**shared, "estimator": name, **_scaled(ends, per, sample.family), "tuning": tuning, "n_effective": effective,
         "note": "; ".join([*([note] if note else []), *sample.design.notes]) or None}
        for name, (ends, tuning, effective, note) in parts.items()
    ]  # fmt: skip


def _powered(sample: _Sample, asked: Asked) -> tuple[tuple[float, ...], float, float, str]:
    """Return the prediction-powered estimate with its ends, tuning, effective number and note."""
    n, n_other = int(sample.labelled.sum()), int((~sample.labelled).sum())
    nothing = (np.nan,) * 5
    if min(n, n_other) < FEWEST:
        return nothing, np.nan, np.nan, f"{n} people with and {n_other} without human readings: fewer than {FEWEST} on one side"
    y = sample.human if sample.proxied == "outcome" else sample.y
    if sample.family == "logistic":
        events = int(y[sample.labelled].sum())
        if problem := few_events(events, n, asked.min_events):
            return nothing, np.nan, np.nan, f"among those with human readings, {problem}"
    X = np.column_stack([sample.human if sample.proxied == "exposure" else sample.x, sample.design.X])
    found = prediction_powered(
        y, X, sample.model.by_fold.loc[sample.design.participants].to_numpy(dtype=np.float64), sample.labelled, proxied=sample.proxied,
        family=sample.family, shares=sample.model.shares, clusters=sample.design.clusters, names=("the exposure", *sample.design.names),
        level=asked.level,
    )  # fmt: skip
    return (found.coef, found.std_error, found.ci_low, found.ci_high, found.p_value), found.tuning, found.n_effective, found.note


def _ends(fit: Fit) -> tuple[float, ...]:
    return tuple(float(values[0]) for values in (fit.coef, fit.std_error, fit.ci_low, fit.ci_high, fit.p_value))


def _scaled(ends: tuple[float, ...], per: float, family: str) -> dict[str, float]:
    coef, std_error, low, high, p_value = ends
    estimate, low, high = (exponential(value * per) if family == "logistic" else value * per for value in (coef, low, high))
    return {"estimate": estimate, "std_error": std_error * per, "ci_low": low, "ci_high": high, "p_value": p_value}


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[column.name for column in PROXY_ESTIMATES.columns]) if rows else PROXY_ESTIMATES.empty()
