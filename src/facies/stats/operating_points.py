"""Thresholds of a score by a declared rule.

Youden WJ. Cancer 1950;3:32-35; Metz CE. Semin Nucl Med 1978;8:283-298 (costs). A threshold belongs on people whom the model's performance
is not judged by: :mod:`facies.models.condition_fit` chooses it on inner folds.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from facies.errors import InputError
from facies.types import Floats

_RULE = re.compile(r"(youden)|(sensitivity|specificity)=(\d*\.?\d+)|(cost)=(\d+(?:\.\d+)?)")
NEAR = 1e-9
"""Shares that differ by less are the same."""


class Rule(NamedTuple):
    """A rule's name and its number; ``youden`` has none (NaN)."""

    name: str
    number: float


def parse_rule(rule: str) -> Rule:
    """Read a rule.

    Raises
    ------
    InputError
        When it is none.

    Examples
    --------
    >>> parse_rule("sensitivity=0.9")
    Rule(name='sensitivity', number=0.9)
    """
    found = _RULE.fullmatch(rule)
    if found is None:
        raise InputError(f"operating point '{rule}' is not known: write youden, sensitivity=0.9, specificity=0.9 or cost=5")
    name = next(part for part in (found[1], found[2], found[4]) if part)
    number = float(found[3] or found[5] or "nan")
    if name in ("sensitivity", "specificity") and not 0 < number <= 1:
        raise InputError(f"operating point '{rule}' asks for a share of {number:g}: choose more than 0 and at most 1")
    if name == "cost" and not number > 0:
        raise InputError(f"operating point '{rule}' has no cost: give how many false alarms a missed case weighs")
    return Rule(name, number)


def choose_threshold(scores: ArrayLike, y: ArrayLike, rule: str, *, weights: ArrayLike | None = None) -> float:
    """Return the threshold that a rule asks for; who scores at least that much is called positive.

    ``youden`` maximises sensitivity + specificity - 1; ``sensitivity=s`` is the highest threshold that still finds a share s of the cases;
    ``specificity=s`` the lowest that still passes a share s of the others; ``cost=c`` minimises c × missed cases + false alarms. It lies
    half way between two neighbouring scores; of several that do equally well it is the middle one.

    Parameters
    ----------
    scores, y, weights
        Score, class (1 case, 0 other) and weight of each person, (n,).

    Raises
    ------
    InputError
        When the rule is unknown, or one class is absent.

    Examples
    --------
    >>> choose_threshold([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1], "youden")
    2.5
    """
    name, number = parse_rule(rule)
    cuts, sensitivity, specificity, n_cases, n_others = _at_all_cuts(scores, y, weights)
    if name == "sensitivity":
        return float(cuts[np.flatnonzero(sensitivity >= number - NEAR)[-1]])
    if name == "specificity":
        return float(cuts[np.flatnonzero(specificity >= number - NEAR)[0]])
    gain = sensitivity + specificity if name == "youden" else -(number * n_cases * (1 - sensitivity) + n_others * (1 - specificity))
    best = np.flatnonzero(gain >= gain.max() - NEAR)
    return float(cuts[best[len(best) // 2]])


def _at_all_cuts(scores: ArrayLike, y: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, Floats, Floats, float, float]:
    """Return all thresholds that differ, in rising order, with sensitivity and specificity there, and both classes' weights."""
    values, case = np.asarray(scores, dtype=np.float64), np.asarray(y, dtype=np.float64) > 0
    count = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not (count[case].sum() > 0 and count[~case].sum() > 0):
        raise InputError("a threshold needs cases and others: one class is absent among those that it is fixed on")
    levels = np.unique(values)
    cuts = np.concatenate([[levels[0] - 1.0], (levels[:-1] + levels[1:]) / 2, [levels[-1] + 1.0]])
    place = np.searchsorted(levels, values)
    cases = np.bincount(place[case], count[case], minlength=len(levels))
    others = np.bincount(place[~case], count[~case], minlength=len(levels))
    missed, passed = np.concatenate([[0.0], np.cumsum(cases)]), np.concatenate([[0.0], np.cumsum(others)])
    return cuts, 1 - missed / cases.sum(), passed / others.sum(), float(cases.sum()), float(others.sum())
