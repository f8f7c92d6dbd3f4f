"""facies turns a cohort's face photographs into study results: how old people look, and what that is associated with.

Every stage is a function, tables in and tables out; ``run_study`` composes them. Names are loaded when they are first used, so that
``import facies`` is quick.

::

    init_study, check_study, run_study, predict_photographs, replicate_study, simulate_study     whole studies, on disk
    assign_folds, assess_photographs                                            cohort
    read_photograph, load_detector, QualityGate                                 faces
    load_encoder, embed                                                         embeddings
    cross_fit, read_bundle, write_bundle                                        models
    panel_means                                                                 readers
    evaluate_predictions                                                        evaluation
    associate, associate_traits, compare_sources, proxy_inference               association
    ReportData, render_report                                                   report
    simulate_cohort, simulate_faces                                             simulation
    FaciesError                                                                 errors
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from facies.errors import FaciesError

if TYPE_CHECKING:
    from facies.association import associate as associate
    from facies.association import associate_traits as associate_traits
    from facies.association import compare_sources as compare_sources
    from facies.association import proxy_inference as proxy_inference
    from facies.cohort import assess_photographs as assess_photographs
    from facies.cohort import assign_folds as assign_folds
    from facies.embeddings import embed as embed
    from facies.embeddings import load_encoder as load_encoder
    from facies.evaluation import evaluate_predictions as evaluate_predictions
    from facies.faces import QualityGate as QualityGate
    from facies.faces import load_detector as load_detector
    from facies.faces import read_photograph as read_photograph
    from facies.models import cross_fit as cross_fit
    from facies.models import read_bundle as read_bundle
    from facies.models import write_bundle as write_bundle
    from facies.readers import panel_means as panel_means
    from facies.report import ReportData as ReportData
    from facies.report import render_report as render_report
    from facies.simulation import simulate_cohort as simulate_cohort
    from facies.simulation import simulate_faces as simulate_faces
    from facies.study import check_study as check_study
    from facies.study import init_study as init_study
    from facies.study import predict_photographs as predict_photographs
    from facies.study import replicate_study as replicate_study
    from facies.study import run_study as run_study
    from facies.study import simulate_study as simulate_study

__version__ = "0.5.0"

_HOMES = {
    "init_study": "study",
    "check_study": "study",
    "run_study": "study",
    "predict_photographs": "study",
    "replicate_study": "study",
    "simulate_study": "study",
    "assign_folds": "cohort",
    "assess_photographs": "cohort",
    "read_photograph": "faces",
    "load_detector": "faces",
    "QualityGate": "faces",
    "load_encoder": "embeddings",
    "embed": "embeddings",
    "cross_fit": "models",
    "read_bundle": "models",
    "write_bundle": "models",
    "panel_means": "readers",
    "evaluate_predictions": "evaluation",
    "associate": "association",
    "associate_traits": "association",
    "compare_sources": "association",
    "proxy_inference": "association",
    "ReportData": "report",
    "render_report": "report",
    "simulate_cohort": "simulation",
    "simulate_faces": "simulation",
}

__all__ = ["FaciesError", "__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'facies' has no attribute {name!r}")
    return getattr(importlib.import_module(f"facies.{_HOMES[name]}"), name)
