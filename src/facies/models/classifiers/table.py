"""Which classifiers there are."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from facies.errors import InputError


@dataclass(frozen=True)
class ClassifierEntry:
    """Where a classifier's path of fits is, and what it is in one line.

    ``path`` is ``module:class``; the class has ``fit_path`` (one fit a candidate), ``decision``, ``to_arrays`` and ``from_arrays``.
    ``min_cases`` is how many cases it needs to be fitted; ``holds_people`` whether the fitted model keeps vectors of single faces.
    """

    path: str
    summary: str
    min_cases: int
    holds_people: bool = False


CLASSIFIERS: dict[str, ClassifierEntry] = {
    "logistic": ClassifierEntry("facies.models.classifiers.logistic:Logistic", "logistic regression with a squared penalty", 5),
    "svm": ClassifierEntry("facies.models.classifiers.svm:Svm", "support vectors with a Gaussian kernel", 5, holds_people=True),
    "lda": ClassifierEntry("facies.models.classifiers.lda:Lda", "linear discriminant analysis with a shrunken covariance", 5),
    "gallery": ClassifierEntry(
        "facies.models.classifiers.gallery:Gallery",
        "cosine similarity to the nearest cases; for conditions with few cases",
        3,
        holds_people=True,
    ),
}
"""All classifiers by the name that ``study.toml`` uses."""


def classifier_entry(name: str) -> ClassifierEntry:
    """Return a classifier's entry.

    Raises
    ------
    InputError
        When there is none of this name.

    Examples
    --------
    >>> classifier_entry("gallery").min_cases
    3
    """
    if name not in CLASSIFIERS:
        raise InputError(f"there is no classifier '{name}': choose {', '.join(CLASSIFIERS)}")
    return CLASSIFIERS[name]


def classifier_class(name: str) -> Any:
    """Return a classifier's class."""
    module, _, attribute = classifier_entry(name).path.partition(":")
    return getattr(importlib.import_module(module), attribute)
