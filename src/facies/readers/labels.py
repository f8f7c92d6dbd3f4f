"""Readings as people write them: numbers, and age bins such as 50-54, <20 or >=85."""

from __future__ import annotations

import re

from facies.errors import InputError

_NUMBER = r"\d+(?:\.\d+)?"
_DASH = r"\s*(?:-|–|—|‐|‑|−|to|bis|tot)\s*"
_YEARS = r"(?:\s*(?:years|year|yrs|yr|y))?"
_PLAIN = re.compile(rf"[+-]?{_NUMBER}{_YEARS}")
_BIN = re.compile(rf"({_NUMBER}){_DASH}({_NUMBER}){_YEARS}")
_BELOW = re.compile(rf"(<=|≤|<|under |below |up to )\s*({_NUMBER}){_YEARS}")
_ABOVE = re.compile(
    rf"(>=|≥|>|over |above )\s*({_NUMBER}){_YEARS}|({_NUMBER})\s*(\+){_YEARS}|({_NUMBER}){_YEARS}( (?:and|or) (?:over|older|above))"
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}(?:[T ].*)?|\d{{1,2}}[-. /]{_MONTH}.*|{_MONTH}[-. /]\d{{1,4}}")
_COMMA = re.compile(r"\d+,\d+")


def parse_reading(text: str, *, bin_years: float = 5.0) -> float:
    """Return a reading as a number; a bin of ages becomes its midpoint.

    Bins are of whole years: 50-54 are the ages 50, 51, ... 54, so its midpoint is 52. Open bins are taken to be as wide as the others:
    with ``bin_years`` 5, <20 is 15-19 and >=85 is 85-89.

    Parameters
    ----------
    bin_years
        Whole years in a bin.

    Raises
    ------
    InputError
        When the text is neither a number nor a bin of this width.

    Examples
    --------
    >>> [parse_reading(text) for text in ("52", "52.5", "50-54", "50–54 years", "<20", ">=85", "85+")]
    [52.0, 52.5, 52.0, 52.0, 17.0, 87.0, 87.0]
    >>> parse_reading("50-59")
    Traceback (most recent call last):
    ...
    facies.errors.InputError: reading '50-59' spans 10 years where bins of 5 are expected: correct it, or set bin_years to 10
    """
    clean = " ".join(text.split()).casefold()
    if _PLAIN.fullmatch(clean):
        return float(re.sub(r"[a-z ]", "", clean))
    if (found := _BIN.fullmatch(clean)) is not None:
        return _midpoint(float(found[1]), float(found[2]), bin_years, text)
    if (found := _BELOW.fullmatch(clean)) is not None:
        top = float(found[2]) - (0 if found[1] in {"<=", "≤", "up to "} else 1)
        return top - (bin_years - 1) / 2
    if (found := _ABOVE.fullmatch(clean)) is not None:
        bottom = float(found[2] or found[3] or found[5]) + (1 if found[1] in {">", "over ", "above "} else 0)
        return bottom + (bin_years - 1) / 2
    raise InputError(_not_understood(text, clean))


def bin_label(reading: float, *, bin_years: float = 5.0, lowest: float = 20.0, highest: float = 85.0) -> str:
    """Return the bin of whole years that an age falls in; below ``lowest`` and from ``highest`` on bins are open.

    Examples
    --------
    >>> [bin_label(age) for age in (19.9, 20, 54.9, 85)]
    ['<20', '20-24', '50-54', '>=85']
    """
    if reading < lowest:
        return f"<{lowest:g}"
    if reading >= highest:
        return f">={highest:g}"
    start = lowest + (reading - lowest) // bin_years * bin_years
    return f"{start:g}-{min(start + bin_years, highest) - 1:g}"


def parse_choices(choices: str) -> dict[str, str]:
    """Return code and label of each choice of a REDCap data dictionary.

    Raises
    ------
    InputError
        When a choice has no comma after its code, or a code stands twice.

    Examples
    --------
    >>> parse_choices("1, <20 | 2, 20-24 | 3, 25-29")
    {'1': '<20', '2': '20-24', '3': '25-29'}
    """
    found: dict[str, str] = {}
    for choice in choices.split("|"):
        code, comma, label = (part.strip() for part in choice.partition(","))
        if not comma or not code or not label:
            raise InputError(f"choice '{choice.strip()}' has no code and label: write choices as '1, <20 | 2, 20-24'")
        if code in found:
            raise InputError(f"choice code '{code}' stands twice: give every label a code of its own")
        found[code] = label
    return found


def _midpoint(low: float, high: float, bin_years: float, text: str) -> float:
    if high < low:
        raise InputError(f"reading '{text}' ends before it begins: write the lower age first")
    if (width := high - low + 1) != bin_years:
        raise InputError(
            f"reading '{text}' spans {width:g} years where bins of {bin_years:g} are expected: correct it, or set bin_years to {width:g}"
        )
    return (low + high) / 2


def _not_understood(text: str, clean: str) -> str:
    if _DATE.fullmatch(clean):
        return f"reading '{text}' is a date, which a spreadsheet made of a bin such as 10-14: format the column as text and enter it again"
    if _COMMA.fullmatch(clean):
        return f"reading '{text}' has a decimal comma: write {clean.replace(',', '.')}"
    return f"reading '{text}' is neither a number nor a bin of ages: write such as 52, 50-54, <20 or >=85, or leave it empty"
