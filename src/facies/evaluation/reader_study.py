"""One study of models and readers of the same people: who is counted where, and rows of its tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.evaluation.condition_rows import JudgedPeople
from facies.evaluation.reader_rows import ReadPeople
from facies.stats.mrmc.anova import OrAnova
from facies.stats.mrmc.merits import Merits, auc_merits, mean_merits
from facies.tables import Table
from facies.types import Floats

FEWEST = 2
"""A reader who saw fewer people of a class has no figure of merit there; a panel of fewer readers no mean that holds for others."""

PAIRED_OR = "Obuchowski-Rockette, random readers and cases"


@dataclass(frozen=True, eq=False)
class Asked:
    """What was asked about one condition; ``levels`` is the expertise of each reader."""

    condition: str
    levels: pd.Series
    margins: Mapping[str, float]
    covariance: str
    level: float


@dataclass(frozen=True, eq=False)
class Study:
    """Models and readers of the same people."""

    models: dict[str, JudgedPeople]
    read: ReadPeople
    y: NDArray[np.int64]
    asked: Asked

    def class_of(self, metric: str) -> NDArray[np.bool_]:
        """Return the people whom a metric is about."""
        everybody = np.ones(len(self.y), dtype=bool)
        return np.asarray({"auc": everybody, "sensitivity": self.y == 1, "specificity": self.y == 0}[metric])

    def right(self, metric: str, calls: Floats) -> Floats:
        """Return calls as 1 where right, in the people whom the metric is about."""
        own = np.asarray(calls, dtype=np.float64)[:, self.class_of(metric)]
        return own if metric == "sensitivity" else 1 - own

    def enough(self, metric: str) -> NDArray[np.bool_]:
        """Return which readers saw enough people for a metric."""
        seen = ~np.isnan(self.read.scores)
        counts = [(seen & (self.y == which)).sum(axis=1) for which in (0, 1)]
        wanted = {"auc": np.minimum(*counts), "sensitivity": counts[1], "specificity": counts[0]}[metric]
        return np.asarray(wanted >= FEWEST)

    def calls(self) -> Floats:
        """Return the readers' calls.

        Raises
        ------
        InputError
            When readings were no calls.
        """
        if self.read.calls is None:
            raise InputError("the readings are no calls of 0 and 1: set call_at")
        return self.read.calls

    def figures(self, metric: str) -> Floats:
        """Return what a metric is the AUC or the mean of, one row a reader."""
        return self.read.scores if metric == "auc" else self.right(metric, self.calls())

    def merits(self, metric: str, readers: NDArray[Any]) -> Merits:
        """Return the figures of merit of some of the readers: which, or their rows in an order."""
        if metric == "auc":
            return auc_merits(self.read.scores[readers], self.y, covariance=self.asked.covariance)
        return mean_merits(self.figures(metric)[readers])

    def metrics(self) -> tuple[str, ...]:
        """Return the metrics that readings allow."""
        return ("auc",) if self.read.calls is None else ("auc", "sensitivity", "specificity")

    def counts(self, which: NDArray[np.bool_]) -> dict[str, int]:
        """Return how many of some of the people there are, and how many with the condition."""
        return {"n": int(which.sum()), "n_cases": int(self.y[which].sum())}

    def seen_by(self, reader: int) -> NDArray[np.bool_]:
        """Return whom a reader saw."""
        return np.asarray(~np.isnan(self.read.scores[reader]))


def require_classes(y: NDArray[np.int64], condition: str) -> None:
    """Refuse people of one class.

    Raises
    ------
    InputError
        When fewer than two people with the condition, or without, were seen.
    """
    if min(int(y.sum()), int((1 - y).sum())) < FEWEST:
        raise InputError(f"{condition}: readers saw {int(y.sum())} people with it and {int((1 - y).sum())} without: they need 2 of each")


def contrast_row(found: OrAnova, condition: str, metric: str, words: str) -> dict[str, Any]:
    """Return the row of the difference of two tests, arms or levels."""
    one = found.differences[0]
    return {
        "comparison": f"{one.first} minus {one.second}", "target_condition": condition, "metric": metric,
        "rule": "none" if metric == "auc" else "call", "method": f"{PAIRED_OR}, {words}", "estimate": one.estimate,
        "std_error": one.std_error, "statistic": one.statistic, "df": finite(one.df), "p_value": one.p_value, "ci_low": one.ci_low,
        "ci_high": one.ci_high,
    }  # fmt: skip


def finite(df: float) -> float:
    """Return degrees of freedom, NaN where there are infinitely many."""
    return df if np.isfinite(df) else float("nan")


def left_out(members: NDArray[np.bool_], counted: NDArray[np.bool_]) -> str | None:
    """Say how many readers of a panel could not be counted; None when all could."""
    missing = int(members.sum() - counted.sum())
    return f"{missing} of {int(members.sum())} readers saw fewer than {FEWEST} people of a class and are left out" if missing else None


def table_of(table: Table, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return rows as a checked table; what a row does not say is missing."""
    names = [column.name for column in table.columns]
    frame = pd.DataFrame(rows, columns=names) if rows else table.empty()
    numbers = {column.name: "float64" for column in table.columns if column.kind == "number"}
    return table.validate(frame.astype(numbers))
