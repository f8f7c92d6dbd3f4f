"""Which regressors there are."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facies.errors import InputError


@dataclass(frozen=True)
class RegressorEntry:
    """Where a regressor's class is, and what it is in one line."""

    path: str
    summary: str


REGRESSORS: dict[str, RegressorEntry] = {
    "ridge": RegressorEntry("facies.models.ridge:RidgeAge", "linear, squared penalty; quick and stable"),
    "svr": RegressorEntry("facies.models.svr:SVRAge", "support vectors, Gaussian or linear kernel; up to some thousand photographs"),
    "label_distribution": RegressorEntry(
        "facies.models.label_distribution:LabelDistributionAge", "a distribution over ages; the prediction is its mean"
    ),
}
"""All regressors by the name that ``study.toml`` uses."""


def regressor_class(name: str) -> Any:
    """Return a regressor's class.

    Raises
    ------
    InputError
        When there is none of this name.

    Examples
    --------
    >>> regressor_class("ridge").__name__
    'RidgeAge'
    """
    if name not in REGRESSORS:
        raise InputError(f"there is no regressor '{name}': choose {', '.join(REGRESSORS)}")
    module, _, attribute = REGRESSORS[name].path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def make_regressor(name: str, settings: Mapping[str, Any] | None = None, *, random_state: int = 0) -> Any:
    """Make an unfitted regressor.

    Raises
    ------
    InputError
        When the name or a setting is unknown.

    Examples
    --------
    >>> make_regressor("ridge", {"penalty": 3})
    Traceback (most recent call last):
    ...
    facies.errors.InputError: ridge has no setting 'penalty': choose alpha, n_inner_folds
    """
    made = regressor_class(name)
    known = [key for key in inspect.signature(made).parameters if key != "random_state"]
    unknown = [key for key in settings or {} if key not in known]
    if unknown:
        raise InputError(f"{name} has no setting '{unknown[0]}': choose {', '.join(known)}")
    return made(**(settings or {}), random_state=random_state)
