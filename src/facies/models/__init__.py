"""Perceived-age regression and classifiers of conditions: cross-fitted predictions, honest intervals and bundles that travel.

Heavy parts are loaded when they are used::

    regressors  REGRESSORS, make_regressor       which regressors there are
    ridge, svr, label_distribution               the regressors, scikit-learn estimators
    crossfit    cross_fit                        every person predicted by a model that never saw the person or a relative
    people      training_faces                   whom the model of each fold is fitted on, for models that are fitted elsewhere
    conformal                                    prediction intervals from out-of-fold errors
    unlikeness                                   how far a face lies from those that the model was trained on
    frozen      FrozenModel                      the model fitted on all, with its interval and its warnings
    bundle      write_bundle, read_bundle        a folder that runs without torch

    classifiers       CLASSIFIERS                which classifiers of a condition there are
    condition_fit     cross_fit_conditions       everybody scored for every condition, in several assignments to folds
    severity_fit      cross_fit_severity         how marked the disease is
    condition_bundle  write_condition_bundle, read_any_bundle
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "REGRESSORS": "regressors",
    "make_regressor": "regressors",
    "RidgeAge": "ridge",
    "SVRAge": "svr",
    "LabelDistributionAge": "label_distribution",
    "CrossFit": "crossfit",
    "FittedFold": "crossfit",
    "cross_fit": "crossfit",
    "cross_fit_fitted": "crossfit",
    "TrainingFaces": "people",
    "training_faces": "people",
    "conformal_half_width": "conformal",
    "cross_conformal": "conformal",
    "Unlikeness": "unlikeness",
    "FrozenModel": "frozen",
    "describe_model": "model_card",
    "render_model_card": "model_card",
    "CLASSIFIERS": "classifiers",
    "ConditionFit": "condition_fit",
    "cross_fit_conditions": "condition_fit",
    "cross_fit_severity": "severity_fit",
    "ConditionBundle": "condition_bundle",
    "read_any_bundle": "condition_bundle",
    "write_condition_bundle": "condition_bundle",
    "Bundle": "bundle",
    "read_bundle": "bundle",
    "write_bundle": "bundle",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
