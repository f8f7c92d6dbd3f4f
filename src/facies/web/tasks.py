"""What a reader is asked about a face, how the answer is checked, and which readings it makes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from facies.errors import InputError

NONE = "none"
"""The answer that says: none of the conditions."""

MAX_STROKES, MAX_POINTS = 200, 5000


class AnswerError(InputError):
    """An answer is not one that the task allows."""


class Reading(NamedTuple):
    """One number that an answer says about a target."""

    target: str
    reading: float
    confidence: float | None = None


class Task(Protocol):
    """What is asked of a reader."""

    def describe(self) -> dict[str, Any]:
        """Return what the browser must know to ask."""

    def check(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer in one form only; raise :class:`AnswerError` when it is none."""

    def readings(self, value: Mapping[str, Any], target: str) -> list[Reading]:
        """Return the readings that a checked answer makes."""

    def draw_expected(self, chance: int) -> str:
        """Return an answer for an attention check, from any number."""

    def as_expected(self, value: Mapping[str, Any]) -> str:
        """Return a checked answer as an attention check or a training case states it."""

    def matches(self, value: Mapping[str, Any], expected: str, *, years: float) -> bool:
        """Return whether a checked answer is the expected one; ages may be so many years from it."""


@dataclass(frozen=True)
class AgeTask:
    """How old does this face look?

    Parameters
    ----------
    bin_years
        0 asks for years; 5 asks for one of the bins 20-24, 25-29, ... (Mekić et al., Br J Dermatol 2023;188:390-395). A bin's reading is
        its middle in completed years, 22 for 20-24.
    lowest, highest
        Ages that may be given, in completed years.

    Examples
    --------
    >>> AgeTask().readings({"age": 54.0}, "perceived_age")
    [Reading(target='perceived_age', reading=54.0, confidence=None)]
    >>> task = AgeTask(bin_years=5, lowest=50, highest=89)
    >>> task.readings(task.check({"bin": 70}), "perceived_age")[0].reading
    72.0
    """

    bin_years: int = 0
    lowest: int = 1
    highest: int = 110

    def __post_init__(self) -> None:
        if self.bin_years not in (0, 5):
            raise InputError(f"bin_years is {self.bin_years}: choose 0 (years) or 5")
        if not 0 <= self.lowest < self.highest <= 130:
            raise InputError(f"ages from {self.lowest} to {self.highest}: choose two within 0 to 130, the lower first")

    def bins(self) -> list[int]:
        """Return the first year of each bin."""
        return list(range(self.lowest - self.lowest % 5, self.highest + 1, 5)) if self.bin_years else []

    def describe(self) -> dict[str, Any]:
        """Return what the browser must know to ask."""
        return {"kind": "age", "bins": self.bins(), "lowest": self.lowest, "highest": self.highest}

    def check(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer in one form only."""
        if self.bin_years:
            _require_keys(value, {"bin"})
            first = _number(value["bin"], 0, 130)
            if first not in self.bins():
                raise AnswerError("this is not one of the bins")
            return {"bin": int(first)}
        _require_keys(value, {"age"})
        return {"age": _number(value["age"], self.lowest, self.highest)}

    def readings(self, value: Mapping[str, Any], target: str) -> list[Reading]:
        """Return the one reading of a checked answer, in years."""
        return [Reading(target, float(value["bin"] + 2 if "bin" in value else value["age"]))]

    def draw_expected(self, chance: int) -> str:
        """Return an age, or a bin's first year, for an attention check."""
        choices = self.bins() or list(range(self.lowest, self.highest + 1))
        return str(choices[chance % len(choices)])

    def as_expected(self, value: Mapping[str, Any]) -> str:
        """Return a checked answer as an attention check states it."""
        return f"{value.get('bin', value.get('age')):g}"

    def matches(self, value: Mapping[str, Any], expected: str, *, years: float) -> bool:
        """Return whether an age is at most so many years from the expected one."""
        return abs(float(self.as_expected(value)) - float(expected)) <= years


@dataclass(frozen=True)
class DiagnosisTask:
    """Which of these diseases does this face show, how sure are you, how marked is it, and where do you see it?

    Parameters
    ----------
    conditions
        Target conditions; "none" is added as an answer.
    severity_grades
        Highest grade of severity, asked when a condition is chosen; 0 does not ask.
    regions
        Whether the reader marks on the photograph what told, when a condition is chosen.

    Examples
    --------
    >>> task = DiagnosisTask(("acromegaly", "cushing"))
    >>> for reading in task.readings({"diagnosis": "cushing", "confidence": 80.0}, "diagnosis"):
    ...     print(*reading)
    acromegaly 0.0 80.0
    cushing 1.0 80.0
    """

    conditions: tuple[str, ...]
    severity_grades: int = 0
    regions: bool = False

    def __post_init__(self) -> None:
        if not self.conditions or NONE in self.conditions or len(set(self.conditions)) < len(self.conditions):
            raise InputError("conditions: name at least one, each once, and not 'none'")

    def describe(self) -> dict[str, Any]:
        """Return what the browser must know to ask."""
        return {
            "kind": "diagnosis", "choices": [*self.conditions, NONE], "severity_grades": self.severity_grades, "regions": self.regions
        }  # fmt: skip

    def check(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer in one form only."""
        _require_keys(value, {"diagnosis", "confidence"}, {"severity", "strokes"})
        diagnosis = value["diagnosis"]
        if diagnosis not in (*self.conditions, NONE):
            raise AnswerError("this is not one of the diagnoses")
        checked: dict[str, Any] = {"diagnosis": diagnosis, "confidence": _number(value["confidence"], 0, 100)}
        if self.severity_grades and diagnosis != NONE:
            checked["severity"] = int(_number(value.get("severity"), 0, self.severity_grades))
        if self.regions and diagnosis != NONE:
            checked["strokes"] = _strokes(value.get("strokes", []))
        return checked

    def readings(self, value: Mapping[str, Any], target: str) -> list[Reading]:  # noqa: ARG002
        """Return a reading a condition, 1 for the one that was chosen; its grade as ``condition[severity]``."""
        chosen, sure = value["diagnosis"], value["confidence"]
        rows = [Reading(condition, float(condition == chosen), sure) for condition in self.conditions]
        if "severity" in value:
            rows.append(Reading(f"{chosen}[severity]", float(value["severity"]), sure))
        return rows

    def draw_expected(self, chance: int) -> str:
        """Return a diagnosis for an attention check."""
        choices = (*self.conditions, NONE)
        return choices[chance % len(choices)]

    def as_expected(self, value: Mapping[str, Any]) -> str:
        """Return a checked answer as an attention check states it."""
        return str(value["diagnosis"])

    def matches(self, value: Mapping[str, Any], expected: str, *, years: float) -> bool:  # noqa: ARG002
        """Return whether the diagnosis is the expected one."""
        return str(value["diagnosis"]) == expected


@dataclass(frozen=True)
class ChoiceTask:
    """Any question with a list of answers, such as how the photograph was taken.

    Parameters
    ----------
    question
        As readers see it, in their language.
    choices
        Two to thirty answers; a reading is the place of the answer in the list, from 0.

    Examples
    --------
    >>> ChoiceTask("Is the person tanned?", ("no", "a little", "yes")).readings({"choice": "yes"}, "tanned")
    [Reading(target='tanned', reading=2.0, confidence=None)]
    """

    question: str
    choices: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.question.strip():
            raise InputError("a list has no question: write what is asked")
        if not 2 <= len(self.choices) <= 30 or len(set(self.choices)) < len(self.choices):
            raise InputError(f"the question '{self.question[:40]}' has {len(self.choices)} answers: give 2 to 30, each once")

    def describe(self) -> dict[str, Any]:
        """Return what the browser must know to ask."""
        return {"kind": "choice", "question": self.question, "choices": list(self.choices)}

    def check(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer in one form only."""
        _require_keys(value, {"choice"})
        if value["choice"] not in self.choices:
            raise AnswerError("this is not one of the answers")
        return {"choice": value["choice"]}

    def readings(self, value: Mapping[str, Any], target: str) -> list[Reading]:
        """Return the one reading of a checked answer: its place in the list, from 0."""
        return [Reading(target, float(self.choices.index(value["choice"])))]

    def draw_expected(self, chance: int) -> str:
        """Return an answer for an attention check."""
        return self.choices[chance % len(self.choices)]

    def as_expected(self, value: Mapping[str, Any]) -> str:
        """Return a checked answer as an attention check states it."""
        return str(value["choice"])

    def matches(self, value: Mapping[str, Any], expected: str, *, years: float) -> bool:  # noqa: ARG002
        """Return whether the answer is the expected one."""
        return str(value["choice"]) == expected


def _require_keys(value: Mapping[str, Any], needed: set[str], allowed: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    if not needed <= set(value) <= needed | allowed:
        raise AnswerError("the answer has other parts than were asked for")


def _number(value: Any, lowest: float, highest: float) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not known or not lowest <= value <= highest:
        raise AnswerError(f"the answer is not a number from {lowest} to {highest}")
    return float(value)


def _strokes(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or len(value) > MAX_STROKES:
        raise AnswerError("the marks are not strokes, or are too many")
    return [_stroke(stroke) for stroke in value]


def _stroke(stroke: Any) -> dict[str, Any]:
    if not isinstance(stroke, dict) or set(stroke) != {"width", "points"} or not isinstance(stroke["points"], list):
        raise AnswerError("a mark is not a stroke with a width and points")
    if not 1 <= len(stroke["points"]) <= MAX_POINTS:
        raise AnswerError("a stroke has no points, or too many")
    return {"width": round(_number(stroke["width"], 0, 1), 5), "points": [_point(point) for point in stroke["points"]]}


def _point(point: Any) -> list[float]:
    if not isinstance(point, list) or len(point) != 2:
        raise AnswerError("a point of a stroke is not x and y")
    return [round(_number(value, 0, 1), 5) for value in point]
