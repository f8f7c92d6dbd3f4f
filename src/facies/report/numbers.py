"""How numbers are printed: one rule for the whole page. A missing number is a dash."""

from __future__ import annotations

import math
from typing import Any

DASH = "–"


def is_number(value: Any) -> bool:
    """Return whether a cell holds a finite number."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def fixed(value: Any, digits: int = 2) -> str:
    """Return a number with a fixed count of decimals and a true minus sign.

    Examples
    --------
    >>> fixed(-1.2345), fixed(float("nan")), fixed(-0.001)
    ('−1.23', '–', '0.00')
    """
    if value is None or not is_number(float(value)):
        return DASH
    text = f"{float(value):.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


def count(value: Any) -> str:
    """Return a whole number with commas.

    Examples
    --------
    >>> count(2679.0), count(None)
    ('2,679', '–')
    """
    return DASH if value is None or not is_number(float(value)) else f"{int(value):,}"


def interval(low: Any, high: Any, digits: int = 2) -> str:
    """Return the ends of an interval.

    Examples
    --------
    >>> interval(-0.5, 1.25)
    '−0.50 to 1.25'
    """
    low_text, high_text = fixed(low, digits), fixed(high, digits)
    return DASH if DASH in (low_text, high_text) else f"{low_text} to {high_text}"


def with_interval(value: Any, low: Any, high: Any, digits: int = 2) -> str:
    """Return a number with its interval, where it has one.

    Examples
    --------
    >>> with_interval(4.1, 3.6, 4.7), with_interval(4.1, float("nan"), 4.7)
    ('4.10 (3.60 to 4.70)', '4.10')
    """
    ends = interval(low, high, digits)
    return fixed(value, digits) if ends == DASH else f"{fixed(value, digits)} ({ends})"


def effect(value: Any, low: Any, high: Any) -> str:
    """Return an estimate with its interval, with more decimals where the interval is narrow.

    Examples
    --------
    >>> effect(1.18, 1.05, 1.33), effect(-0.0123, -0.0304, 0.0058)
    ('1.18 (1.05 to 1.33)', '−0.012 (−0.030 to 0.006)')
    """
    return with_interval(value, low, high, effect_digits(low, high))


def effect_digits(low: Any, high: Any) -> int:
    """Return the decimals for an estimate: 2, or more for an interval narrower than 0.05.

    Examples
    --------
    >>> effect_digits(0.9, 1.2), effect_digits(0.96, 1.0), effect_digits(0.0, 0.004)
    (2, 3, 4)
    """
    if low is None or high is None or not (is_number(float(low)) and is_number(float(high))) or high == low:
        return 2
    width = float(high) - float(low)
    return 2 if width >= 0.05 else 3 if width >= 0.005 else 4 if width >= 0.0005 else 6


def p_value(value: Any) -> str:
    """Return a p-value as journals print it.

    Examples
    --------
    >>> p_value(0.00004), p_value(0.0312), p_value(0.2)
    ('<0.0001', '0.031', '0.20')
    """
    if value is None or not is_number(float(value)):
        return DASH
    if value < 0.0001:
        return "<0.0001"
    return f"{value:.4f}" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def share(part: float, whole: float) -> str:
    """Return a count with its percentage.

    Examples
    --------
    >>> share(12, 48), share(3, 600), share(0, 0)
    ('12 (25%)', '3 (0.5%)', '0')
    """
    if not whole:
        return count(part)
    percent = 100 * part / whole
    return f"{count(part)} ({percent:.{1 if 0 < percent < 1 else 0}f}%)"


def mean_sd(values: Any, digits: int = 1) -> str:
    """Return mean (SD) of numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> mean_sd(pd.Series([60.0, 70.0]))
    '65.0 (7.1)'
    """
    if values.notna().sum() == 0:
        return DASH
    spread = fixed(values.std(), digits)
    return fixed(values.mean(), digits) + ("" if spread == DASH else f" ({spread})")


def plural(n: float, noun: str) -> str:
    """Return a count and its noun.

    Examples
    --------
    >>> plural(1, "participant"), plural(1200, "photograph")
    ('1 participant', '1,200 photographs')
    """
    return f"{count(n)} {noun}{'' if n == 1 else 's'}"


def printed_range(ends: tuple[float, float]) -> str:
    """Return a range of years.

    Examples
    --------
    >>> printed_range((51.5, 87.8))
    '51.5 to 87.8'
    """
    return interval(*ends, digits=1)
