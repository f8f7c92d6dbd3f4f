"""The panel model: photographs crossed with readers, from the table of readings to estimates, reliabilities and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.readers.fewer import readers_a_photograph
from facies.readers.order import ORDER_COVARIATES, face_before, order_problem
from facies.readers.panel import average_repeats, panel_means
from facies.readers.panel_size import ReaderVariances
from facies.stats.crossed import (
    CrossedFit,
    OutlierRule,
    fit_crossed,
    measurement_errors,
    outlying_readers,
    panel_icc,
    reader_quality,
    sd_intervals,
    sheppard,
)
from facies.stats.test_retest import scatter_within_groups, standard_deviation
from facies.tables import PANEL_ESTIMATES, PANEL_MODEL, PANEL_VALUES, READER_ESTIMATES, READINGS
from facies.types import Floats

FEWEST_REPEATS = 20
"""Photographs that a reader read twice, over all readers, from which the variance of photograph by reader is estimated."""


@dataclass(frozen=True)
class PanelModel:
    """What the panel model says.

    Parameters
    ----------
    terms
        Table ``panel_model``.
    readers
        Table ``reader_estimates``.
    values
        Table ``panel_values``: mean, BLUE and BLUP of each photograph.
    notes
        What a reader of the results should know, a line each.
    """

    terms: pd.DataFrame
    readers: pd.DataFrame
    values: pd.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Design:
    """Readings of one target with their covariates, centred; ``n_before`` readers are behind ``previous_face``."""

    rows: pd.DataFrame
    covariates: pd.DataFrame
    notes: tuple[str, ...]
    n_before: Floats | None = None

    @property
    def n_repeated(self) -> int:
        return int((self.rows.groupby(["photo_id", "reader_id"]).size() > 1).sum())


def fit_panel(
    readings: pd.DataFrame,
    photographs: pd.DataFrame,
    *,
    target: str,
    covariates: Sequence[str] | None = None,
    reader_covariates: pd.DataFrame | None = None,
    interaction: bool | None = None,
    bin_width: float = 0.0,
    n_readers: Sequence[int] = (),
    rule: OutlierRule | None = None,
    intervals: str = "profile",
    level: float = 0.95,
) -> PanelModel:
    """Fit reading = photograph + reader + covariates (+ photograph by reader) + residual, and derive what a study reports of its panel.

    Photographs are fitted twice: as random effects, for variances, reliabilities, readers and the shrunken values (BLUP), and as fixed
    effects for values that are not shrunken (BLUE). A label that nothing adjusts later should be the BLUE. Readers' biases are taken out
    of both. See :func:`facies.stats.crossed.fit_crossed` for the method.

    Parameters
    ----------
    readings
        Table ``readings``; those of other photographs are left out.
    photographs
        At least ``photo_id`` and ``participant_id``.
    target
        What was judged.
    covariates
        Of :data:`~facies.readers.order.ORDER_COVARIATES`; None takes those that the readings allow. ``position``: change per place in the
        reader's order. ``previous_face``: serial dependence, change per unit that the other readers' readings predict of the face before;
        positive draws towards it. As every photograph has its own effect, it is also the coefficient of the difference between the face
        before and this one.
    reader_covariates
        ``reader_id`` and numbers about each reader; all columns enter.
    interaction
        Whether readers see single photographs differently, time and again. None: where at least :data:`FEWEST_REPEATS` photographs were
        read twice by a reader.
    bin_width
        Of the bins that readings are the midpoints of; 0 for readings that are not binned. Only ``sd[residual, unbinned]`` is corrected
        for it.
    n_readers
        k of further ICC(2,k); 1 and the usual number of readers a photograph are always given.
    rule
        When a reader is flagged; None takes :class:`~facies.stats.crossed.OutlierRule` as it is.
    intervals
        Of standard deviations: ``"profile"`` or ``"wald"`` (see :func:`facies.stats.crossed.sd_intervals`).

    Raises
    ------
    InputError
        When nobody read this target, the order or a reader's covariate is asked for and unknown, readings do not lie on the bins, or the
        model cannot be fitted.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> photo, reader = np.repeat(np.arange(40), 6), np.tile(np.arange(6), 40)
    >>> readings = pd.DataFrame({"reader_id": [f"r{i}" for i in reader], "photo_id": [f"f{i:02d}" for i in photo], "repeat": 0,
    ...     "target": "perceived_age", "reading": 60 + rng.normal(0, 6, 40)[photo] + rng.normal(0, 2, 6)[reader] + rng.normal(0, 4, 240)})
    >>> photographs = pd.DataFrame({"photo_id": [f"f{i:02d}" for i in range(40)], "participant_id": [f"p{i:02d}" for i in range(40)]})
    >>> model = fit_panel(readings, photographs, target="perceived_age")
    >>> model.terms.set_index("term").estimate[["sd[photograph]", "sd[reader]", "sd[residual]", "icc(2,6)"]].round(2).tolist()
    [5.79, 1.42, 3.72, 0.93]
    >>> model.notes
    ('position is not given: effects of the order of faces were not examined',)
    """
    design = _design(readings, photographs, target, covariates, reader_covariates)
    _require_bins(design.rows.reading.to_numpy(dtype=np.float64), bin_width)
    by_cell = design.n_repeated >= FEWEST_REPEATS if interaction is None else interaction
    random, fixed = (_fit(design, photograph, by_cell) for photograph in ("random", "fixed"))
    counts = {
        "n": photographs.set_index("photo_id").participant_id.reindex(random.photographs.names).nunique(),
        "n_photographs": len(random.photographs.names), "n_readers": len(random.readers.names), "n_readings": random.n,
    }  # fmt: skip
    usual = max(1, readers_a_photograph(readings, photographs, target=target))
    rows = [
        *_fixed_effects(random, level), *_sds(random, bin_width, intervals, level),
        *_reliabilities(random, sorted({1, usual, *n_readers}), level), *_repeatability(design, level),
    ]  # fmt: skip
    terms = pd.DataFrame([{"target": target, "std_error": np.nan, "note": np.nan, **counts, **row} for row in rows])
    readers = _readers(random, target, rule)
    return PanelModel(
        PANEL_MODEL.validate(terms[[column.name for column in PANEL_MODEL.columns]]), readers, _values(design, random, fixed, target),
        (*design.notes, *_fit_notes(random, design, bin_width), *_reader_notes(readers)),
    )  # fmt: skip


def panel_estimates_by(values: pd.DataFrame, readings: pd.DataFrame, *, target: str, estimator: str, n_min: int = 1) -> pd.DataFrame:
    """Return values of the panel model in the form of plain panel means, for the stages that take a panel.

    Parameters
    ----------
    values
        Table ``panel_values``.
    readings
        Table ``readings``; ``reading_sd`` is the plain standard deviation between them.
    estimator
        ``"mean"``, ``"blue"`` or ``"blup"``.
    n_min
        Readers that a photograph needs.

    Returns
    -------
    Table ``panel_estimates``; ``panel_mean`` and ``std_error`` are those of the estimator.

    Raises
    ------
    InputError
        When there are no such values.

    Examples
    --------
    >>> values = pd.DataFrame({"photo_id": ["a"], "target": "perceived_age", "estimator": "blue", "value": [51.0], "std_error": [2.5],
    ...                        "n_readers": 2})
    >>> readings = pd.DataFrame({"reader_id": ["r1", "r2"], "photo_id": "a", "target": "perceived_age", "repeat": 0,
    ...                          "reading": [50.0, 54.0]})
    >>> panel_estimates_by(values, readings, target="perceived_age", estimator="blue")[["photo_id", "panel_mean", "std_error"]]
      photo_id  panel_mean  std_error
    0        a        51.0        2.5
    """
    PANEL_VALUES.validate(values)
    rows = values[(values.target == target) & (values.estimator == estimator)]
    if rows.empty:
        have = ", ".join(sorted(values.estimator[values.target == target].unique())) or "none"
        raise InputError(f"there are no values of '{target}' by '{estimator}' (estimators: {have}): name one of these")
    means = panel_means(readings, target=target, n_min=n_min)[["photo_id", "reading_sd"]]
    joined = rows[rows.n_readers >= n_min].merge(means, on="photo_id", validate="one_to_one").rename(columns={"value": "panel_mean"})
    return PANEL_ESTIMATES.validate(joined[[column.name for column in PANEL_ESTIMATES.columns]])


def variances_of(terms: pd.DataFrame, *, target: str) -> ReaderVariances:
    """Return the panel model's variances for planning the next panel; photograph by reader counts as residual.

    Raises
    ------
    InputError
        When the table has none of this target.

    Examples
    --------
    >>> sds = {"sd[photograph]": 6.0, "sd[reader]": 2.0, "sd[residual]": 5.0}
    >>> terms = pd.DataFrame([{
    ...     "target": "perceived_age", "term": term, "kind": "sd", "estimate": sd, "std_error": np.nan, "ci_low": sd - 1, "ci_high": sd + 1,
    ...     "method": "profile", "n": 40, "n_photographs": 40, "n_readers": 6, "n_readings": 240, "note": np.nan,
    ... } for term, sd in sds.items()])
    >>> variances_of(terms, target="perceived_age")
    ReaderVariances(photograph=36.0, reader=4.0, residual=25.0)
    """
    PANEL_MODEL.validate(terms)
    sds = terms[(terms.target == target) & (terms.kind == "sd")].set_index("term").estimate
    missing = [name for name in ("photograph", "reader", "residual") if f"sd[{name}]" not in sds.index]
    if missing:
        raise InputError(f"the panel model has no sd[{missing[0]}] of '{target}': fit it with fit_panel")
    residual = float(sds["sd[residual]"] ** 2 + sds.get("sd[photograph by reader]", 0.0) ** 2)
    return ReaderVariances(float(sds["sd[photograph]"] ** 2), float(sds["sd[reader]"] ** 2), residual)


def bin_midpoints(readings: pd.DataFrame, *, target: str, bin_width: float) -> pd.DataFrame:
    """Return the table with readings that are the lower ends of bins of whole years moved to the bins' middles: 50 to 54 has 52.

    Examples
    --------
    >>> readings = pd.DataFrame({"reader_id": ["r1"], "photo_id": "a", "target": "perceived_age", "repeat": 0, "reading": [50.0]})
    >>> float(bin_midpoints(readings, target="perceived_age", bin_width=5).reading[0])
    52.0
    """
    READINGS.validate(readings)
    _require_bins(readings.reading[readings.target == target].to_numpy(dtype=np.float64), bin_width)
    return readings.assign(reading=readings.reading + np.where(readings.target == target, max(bin_width - 1, 0) / 2, 0.0))


def _require_bins(values: Floats, bin_width: float) -> None:
    if bin_width < 0:
        raise InputError(f"bin_width is {bin_width}: give 0 (no bins) or the width of a bin")
    if bin_width and len(values):
        steps = (values - values[0]) / bin_width
        off = np.abs(steps - np.round(steps)) > 1e-6
        if off.any():
            raise InputError(f"bin_width is {bin_width:g}, but readings {values[0]:g} and {values[off][0]:g} are no multiple of it apart")


def _design(
    readings: pd.DataFrame, photographs: pd.DataFrame, target: str, covariates: Sequence[str] | None, of_readers: pd.DataFrame | None
) -> _Design:
    average_repeats(readings, target=target)  # refuses a target that nobody read
    of_target = readings[readings.target == target]
    if photographs.photo_id.duplicated().any():
        raise InputError("photographs name a photo_id twice: keep one row")
    inside = of_target.photo_id.isin(photographs.photo_id)
    if not inside.any():
        raise InputError("no reading belongs to a photograph of the table: compare the photo_id columns of both")
    notes = [f"{int((~inside).sum())} readings belong to no photograph of the study and were left out"] if not inside.all() else []
    columns, n_before, order_notes = _order(of_target, inside, covariates)
    rows = of_target[inside].reset_index(drop=True)
    frame = pd.DataFrame(columns, index=rows.index)
    if of_readers is not None:
        frame = frame.join(_of_readers(rows, of_readers))
    design = _Design(rows, frame - frame.mean(), (*notes, *order_notes), n_before)
    return design if n_before is None else _calibrated(design, n_before)


def _calibrated(design: _Design, n_before: Floats) -> _Design:
    """Draw the face before to the mean by its reliability: the other readers' error would make serial dependence too small otherwise."""
    plain = replace(design, covariates=design.covariates.drop(columns="previous_face"))
    variances = _fit(plain, "random", interaction=False).variances
    between, error = variances["photograph"], variances["reader"] + variances["residual"]
    if between == 0:
        note = "photographs do not differ: serial dependence was not examined"
        return replace(plain, notes=(*design.notes, note), n_before=None)
    reliability = between * n_before / (between * n_before + error)
    drawn = reliability * design.covariates.previous_face
    return replace(design, covariates=design.covariates.assign(previous_face=drawn - drawn.mean()))


def _order(
    of_target: pd.DataFrame, inside: pd.Series, covariates: Sequence[str] | None
) -> tuple[dict[str, Floats], Floats | None, list[str]]:
    """Return the order's covariates of the readings that stay, and notes; the order is that of all faces that a reader saw."""
    asked = ORDER_COVARIATES if covariates is None else tuple(covariates)
    unknown = [name for name in asked if name not in ORDER_COVARIATES]
    if unknown:
        raise InputError(f"covariate '{unknown[0]}' is not known: choose of {', '.join(ORDER_COVARIATES)}")
    problem = order_problem(of_target) if asked else ""
    if problem and covariates is None:
        return {}, None, [f"{problem}: effects of the order of faces were not examined"]
    if problem:
        raise InputError(f"{problem}: mend it, or leave {' and '.join(asked)} out")
    found: dict[str, Floats] = {}
    if "position" in asked:
        found["position"] = of_target.position[inside].to_numpy(dtype=np.float64)
    if "previous_face" not in asked:
        return found, None, []
    before, n_before = (each[inside.to_numpy()] for each in face_before(of_target))
    unseen = int(np.isnan(before).sum())
    if unseen == len(before):
        return found, None, ["no face before was read by others: serial dependence was not examined"]
    found["previous_face"] = np.where(np.isnan(before), np.nanmean(before), before)
    return (
        found,
        n_before,
        [f"{unseen} of {len(before)} readings have no face before that others read; they count as after an average face"],
    )


def _of_readers(rows: pd.DataFrame, of_readers: pd.DataFrame) -> pd.DataFrame:
    if "reader_id" not in of_readers.columns or of_readers.reader_id.duplicated().any():
        raise InputError("the readers' covariates need a column reader_id that names each reader once")
    table = of_readers.set_index("reader_id")
    words = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    if words:
        raise InputError(f"the readers' covariate '{words[0]}' is text: code it as numbers, such as 0 and 1")
    found = table.reindex(rows.reader_id).reset_index(drop=True)
    gaps = found.isna().any(axis=1)
    if gaps.any():
        raise InputError(f"reader {rows.reader_id[gaps].iloc[0]} lacks a covariate: add it, or leave the reader's readings out")
    return found.astype(np.float64)


def _fit(design: _Design, photograph: str, interaction: bool) -> CrossedFit:
    rows, x = design.rows, design.covariates
    return fit_crossed(
        rows.reading, rows.photo_id.to_numpy(dtype=str), rows.reader_id.to_numpy(dtype=str), X=x.to_numpy(dtype=np.float64),
        names=tuple(map(str, x.columns)), photograph=photograph, interaction=interaction,
    )  # fmt: skip


def _fixed_effects(fit: CrossedFit, level: float) -> list[dict[str, Any]]:
    from scipy.stats import norm

    z = float(norm.ppf((1 + level) / 2))
    return [
        {
            "term": name, "kind": "fixed_effect", "estimate": value, "std_error": error, "ci_low": value - z * error,
            "ci_high": value + z * error, "method": "wald", "note": "at mean covariates" if name == "intercept" else np.nan,
        }
        for name, value, error in zip(fit.names, fit.coef, fit.std_error, strict=True)
    ]  # fmt: skip


def _sds(fit: CrossedFit, bin_width: float, method: str, level: float) -> list[dict[str, Any]]:
    found = sd_intervals(fit, level=level, method=method)
    label = {"interaction": "photograph by reader"}
    rows = [_term(f"sd[{label.get(name, name)}]", "sd", ends, method) for name, ends in found.items()]
    if bin_width:
        value, low, high = (float(np.sqrt(sheppard(end**2, bin_width))) for end in found["residual"])
        note = f"Sheppard: less {bin_width:g}²/12 for bins of {bin_width:g}"
        rows.append({**_term("sd[residual, unbinned]", "sd", (value, low, high), method), "note": note})
    return rows


def _reliabilities(fit: CrossedFit, sizes: list[int], level: float) -> list[dict[str, Any]]:
    rows = [_term(f"icc(2,{k})", "reliability", panel_icc(fit, n_readers=k, level=level), "delta, logit scale") for k in sizes]
    errors = measurement_errors(fit, level=level)
    return [*rows, *(_term(f"sem[{name}]", "measurement_error", ends, "delta, log scale") for name, ends in errors.items())]


def _repeatability(design: _Design, level: float) -> list[dict[str, Any]]:
    """Return the scatter of a reader's own repeats and the difference of two that is exceeded in 1 - level of pairs."""
    from scipy.stats import norm

    size = design.rows.groupby(["photo_id", "reader_id"]).reading.transform("size")
    repeated = design.rows[size > 1]
    if repeated.empty:
        return []
    cells = repeated.groupby(["photo_id", "reader_id"]).ngroup()
    found = standard_deviation(scatter_within_groups(repeated.reading.to_numpy(dtype=np.float64), cells.to_numpy()), level=level)
    factor = float(norm.ppf((1 + level) / 2)) * 2**0.5
    counts = {
        "n_photographs": repeated.photo_id.nunique(), "n_readers": repeated.reader_id.nunique(), "n_readings": len(repeated),
        "note": "within reader and photograph",
    }  # fmt: skip
    rows = [_term("sd[repeats]", "measurement_error", found, "chi-square")]
    rows.append(_term("repeatability", "measurement_error", tuple(factor * end for end in found), "chi-square"))
    return [{**row, **counts} for row in rows]


def _term(term: str, kind: str, ends: Sequence[float], method: str) -> dict[str, Any]:
    value, low, high = ends
    return {"term": term, "kind": kind, "estimate": value, "ci_low": low, "ci_high": high, "method": method}


def _readers(fit: CrossedFit, target: str, rule: OutlierRule | None) -> pd.DataFrame:
    found = reader_quality(fit)
    reasons = outlying_readers(found, rule)
    table = pd.DataFrame({
        "reader_id": found.names.astype(object), "target": target, "bias": found.bias, "std_error": found.bias_se,
        "n_readings": found.n_readings, "n_photographs": found.n_photographs, "scale": found.scale, "scale_std_error": found.scale_se,
        "correlation": found.correlation, "residual_sd": found.residual_sd, "bias_z": found.bias_z,
        "flagged": [bool(reason) for reason in reasons], "reason": pd.Series([reason or np.nan for reason in reasons], dtype=object),
    })  # fmt: skip
    return READER_ESTIMATES.validate(table)


def _values(design: _Design, random: CrossedFit, fixed: CrossedFit, target: str) -> pd.DataFrame:
    means = panel_means(design.rows, target=target)
    parts = {
        "mean": (means.photo_id, means.panel_mean, means.std_error),
        **{name: (fit.values.names, fit.values.value, fit.values.std_error) for name, fit in (("blue", fixed), ("blup", random))},
    }
    tables = [
        pd.DataFrame({
            "photo_id": np.asarray(photos).astype(object), "target": target, "estimator": name, "value": np.asarray(value),
            "std_error": np.asarray(error),
        })
        for name, (photos, value, error) in parts.items()
    ]  # fmt: skip
    table = pd.concat(tables, ignore_index=True).merge(means[["photo_id", "n_readers"]], on="photo_id", validate="many_to_one")
    return PANEL_VALUES.validate(table)


def _fit_notes(fit: CrossedFit, design: _Design, bin_width: float) -> list[str]:
    notes = [f"the variance of {name} is estimated as 0" for name, value in fit.variances.items() if value == 0]
    few = 0 < design.n_repeated < FEWEST_REPEATS
    if few and "interaction" not in fit.variances:
        notes.append(f"only {design.n_repeated} photographs were read twice by a reader: photograph by reader is part of the residual")
    if bin_width and sheppard(fit.variances["residual"], bin_width) == 0:
        notes.append(f"bins of {bin_width:g} are wider than readings scatter: nothing is left of the residual variance without them")
    return notes


def _reader_notes(readers: pd.DataFrame) -> list[str]:
    flagged = readers[readers.flagged]
    named = "; ".join(f"reader {row.reader_id}: {row.reason}" for row in flagged.itertuples())
    return [f"{len(flagged)} of {len(readers)} readers stand out and were kept ({named})"] if len(flagged) else []
