"""A study as a folder: the stages composed, run, resumed and recorded."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facies.study.check import check_study as check_study
    from facies.study.config import StudyConfig as StudyConfig
    from facies.study.config import read_config as read_config
    from facies.study.demo import simulate_study as simulate_study
    from facies.study.initiate import init_study as init_study
    from facies.study.predict import predict_photographs as predict_photographs
    from facies.study.replicate import replicate_study as replicate_study
    from facies.study.run import run_study as run_study

_HOMES = {
    "StudyConfig": "config",
    "read_config": "config",
    "init_study": "initiate",
    "check_study": "check",
    "run_study": "run",
    "predict_photographs": "predict",
    "replicate_study": "replicate",
    "simulate_study": "demo",
}

__all__ = [
    "StudyConfig",
    "check_study",
    "init_study",
    "predict_photographs",
    "read_config",
    "replicate_study",
    "run_study",
    "simulate_study",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
