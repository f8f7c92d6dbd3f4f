"""The associations of a discovery held against those of a second cohort: does each hold there, and what do both say together?

Each source of perceived age is held against itself: human and computed estimates of the same people are never pooled.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.stats.meta_analysis import meta_analyse
from facies.stats.replication import ALPHA, correct_winners_curse, one_sided_p, replication_power
from facies.tables import ASSOCIATIONS, REPLICATIONS

KEY = ["exposure", "outcome", "adjustment"]
"""What an association is matched by: the exposure with its source, the outcome with its source, the adjustment set."""

MAIN = "complete_case"
"""The analysis that is replicated."""


class Estimated(NamedTuple):
    """One coefficient (the logarithm of a ratio) with its standard error, two-sided p-value and participants."""

    coef: float
    std_error: float
    p_value: float
    n: int

    @property
    def known(self) -> bool:
        """Return whether there is an estimate that can be used."""
        return math.isfinite(self.coef) and math.isfinite(self.p_value) and math.isfinite(self.std_error) and self.std_error > 0


NOTHING = Estimated(math.nan, math.nan, math.nan, 0)


def replicate_associations(discovery: pd.DataFrame, validation: pd.DataFrame, *, alpha: float = ALPHA, level: float = 0.95) -> pd.DataFrame:
    """Hold each association of the discovery against the same one in the validation.

    The validation must have been analysed as the discovery was: the same steps, signs, adjustment sets and regressions. The discovery's
    associations of computed perceived ages must come from cross-fitted predictions, or they are too strong before any winner's curse.

    Parameters
    ----------
    discovery, validation
        Tables ``associations``; only complete-case effects count. Slopes between two perceived ages are no effects and are left out.
    alpha
        Two-sided level by which the discovery counts as significant, and one-sided level of the replication.
    level
        Of the pooled interval.

    Returns
    -------
    Table ``replications``, one row an effect of the discovery, in its order. Effects that the validation could not estimate keep a row that
    says why; the discovery's estimate then stands alone and nothing is pooled. ``coef_corrected`` and ``power`` exist only where the
    discovery was significant.

    Raises
    ------
    InputError
        When the two were analysed with different steps, scales or signs, or have no effect in common.

    Examples
    --------
    >>> row = {"exposure": "mc1r", "outcome": "perceived_age[hog+ridge]", "adjustment": "model_1", "analysis": "complete_case",
    ...     "covariates": "age+sex", "family": "linear", "per": 1.0, "n": 2679, "n_events": np.nan, "estimate": 0.71,
    ...     "scale": "difference", "std_error": 0.15, "ci_low": 0.42, "ci_high": 1.0, "p_value": 2e-6, "q_value": 2e-6,
    ...     "p_holm": 2e-6, "p_bonferroni": 2e-6, "test_family": "traits", "note": None}
    >>> second = row | {"n": 1158, "estimate": 0.71, "std_error": 0.28, "p_value": 0.011}
    >>> found = replicate_associations(pd.DataFrame([row]), pd.DataFrame([second]))
    >>> found[["coef_pooled", "p_replication", "power", "verdict"]].round(3).values.tolist()
    [[0.71, 0.006, 0.812, 'replicated']]
    """
    first, second = _effects(discovery, "discovery"), _effects(validation, "validation")
    _require_same_sign(first, second)
    pairs = first.merge(second, on=KEY, how="left", suffixes=("", "_validation"), validate="one_to_one", indicator=True)
    if not (pairs["_merge"] == "both").any():
        raise InputError("discovery and validation have no association in common: analyse the validation by the discovery's study.toml")
    rows = [_row(pair, alpha=alpha, level=level) for pair in _records(pairs)]
    return REPLICATIONS.validate(pd.DataFrame(rows, columns=[column.name for column in REPLICATIONS.columns]))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def is_effect(associations: pd.DataFrame) -> pd.Series:
    """Return which rows are effects that can be replicated: complete-case, and not a slope between two perceived ages."""
    slope = associations.exposure.str.endswith("]") & associations.outcome.str.endswith("]")
    return (associations.analysis == MAIN) & ~slope


def _effects(associations: pd.DataFrame, file: str) -> pd.DataFrame:
    ASSOCIATIONS.validate(associations, file=f"associations of the {file}")
    return associations[is_effect(associations)].reset_index(drop=True)


def _require_same_sign(first: pd.DataFrame, second: pd.DataFrame) -> None:
    """Refuse exposures of one source under two signs, such as years_looking_older[panel] and delta_pa_rotterdam[panel]."""
    stems = dict(_stem_by_source(first))
    for source, stem in _stem_by_source(second):
        if source in stems and stem != stems[source]:
            raise InputError(
                f"the exposure is {stems[source]}[{source}] in the discovery and {stem}[{source}] in the validation: "
                "analyse both with the same direction"
            )


def _stem_by_source(associations: pd.DataFrame) -> list[tuple[str, str]]:
    parts = (str(exposure).removesuffix("]").partition("[") for exposure in associations.exposure.unique() if exposure.endswith("]"))
    return [(source, stem) for stem, _, source in parts]


def _row(pair: dict[str, Any], *, alpha: float, level: float) -> dict[str, Any]:
    first = _estimated(pair, "")
    if pair["_merge"] == "both":
        _require_same_scale(pair)
        second = _estimated(pair, "_validation")
        notes = [*(_differences(pair) if first.known and second.known else []), *_own_notes(pair)]
    else:
        second, notes = NOTHING, ["not analysed in the validation"]
    row = {name: pair[name] for name in (*KEY, "family", "scale", "per")}
    row |= _columns(first, "discovery") | _columns(second, "validation")
    row |= _expected(first, second, alpha) | _pooled(first, second, level)
    return row | {"verdict": _verdict(first, second, alpha), "note": "; ".join(notes) or None}


def _estimated(pair: dict[str, Any], suffix: str) -> Estimated:
    estimate, error, p_value, n = (pair[f"{name}{suffix}"] for name in ("estimate", "std_error", "p_value", "n"))
    if pair["scale"] != "difference":
        estimate = math.log(estimate) if estimate > 0 else math.nan
    return Estimated(float(estimate), float(error), float(p_value), int(n))


def _require_same_scale(pair: dict[str, Any]) -> None:
    what = f"{pair['exposure']} on {pair['outcome']} ({pair['adjustment']})"
    for name, words in (("per", "step"), ("scale", "scale")):
        mine, theirs = pair[name], pair[f"{name}_validation"]
        same = np.isclose(mine, theirs, rtol=1e-9, atol=0) if name == "per" else mine == theirs
        if not same:
            raise InputError(
                f"the {words} of {what} is {mine} in the discovery and {theirs} in the validation: run the discovery again, "
                "then replicate it"
            )


def _differences(pair: dict[str, Any]) -> list[str]:
    """Say what differed between the two analyses."""
    notes = []
    for name, words in (("family", "regression"), ("covariates", "covariates")):
        mine, theirs = pair[name], pair[f"{name}_validation"]
        if mine != theirs and not (pd.isna(mine) and pd.isna(theirs)):
            notes.append(f"{words}: {_text(mine)} in the discovery, {_text(theirs)} in the validation")
    return notes


def _own_notes(pair: dict[str, Any]) -> list[str]:
    columns = (("discovery", "note"), ("validation", "note_validation"))
    return [f"{where}: {pair[name]}" for where, name in columns if _given(pair[name])]


def _text(value: Any) -> str:
    return str(value) if _given(value) else "none"


def _given(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _columns(found: Estimated, cohort: str) -> dict[str, Any]:
    known = found if found.known else Estimated(math.nan, math.nan, math.nan, found.n)
    return {
        f"n_{cohort}": known.n,
        f"coef_{cohort}": known.coef,
        f"std_error_{cohort}": known.std_error,
        f"p_{cohort}": known.p_value,
    }


def _expected(first: Estimated, second: Estimated, alpha: float) -> dict[str, float]:
    """Return the one-sided p-value, the corrected coefficient, and how likely a replication was with and without the correction."""
    found = {"p_replication": math.nan, "coef_corrected": math.nan, "power": math.nan, "power_uncorrected": math.nan}
    if first.known and first.p_value < alpha:
        found["coef_corrected"] = correct_winners_curse(first.coef, first.std_error, p_value=first.p_value, alpha=alpha)
    if first.known and second.known:
        found["p_replication"] = one_sided_p(second.coef, second.p_value, direction=first.coef)
        found["power_uncorrected"] = replication_power(first.coef, second.std_error, alpha=alpha)
        if math.isfinite(found["coef_corrected"]):
            found["power"] = replication_power(found["coef_corrected"], second.std_error, alpha=alpha)
    return found


def _pooled(first: Estimated, second: Estimated, level: float) -> dict[str, float]:
    if not (first.known and second.known):
        names = ("coef_pooled", "std_error_pooled", "ci_low", "ci_high", "p_pooled", "q", "p_q")
        return dict.fromkeys(names, math.nan)
    pooled = meta_analyse([first.coef, second.coef], [first.std_error, second.std_error], level=level)
    return {
        "coef_pooled": pooled.coef,
        "std_error_pooled": pooled.std_error,
        "ci_low": pooled.ci_low,
        "ci_high": pooled.ci_high,
        "p_pooled": pooled.p_value,
        "q": pooled.q,
        "p_q": pooled.p_q,
    }


def _verdict(first: Estimated, second: Estimated, alpha: float) -> str:
    if not (first.known and second.known):
        return "no estimate"
    if not first.p_value < alpha:
        return "not discovered"
    if one_sided_p(second.coef, second.p_value, direction=first.coef) < alpha:
        return "replicated"
    return "same direction" if first.coef * second.coef > 0 else "opposite direction"
