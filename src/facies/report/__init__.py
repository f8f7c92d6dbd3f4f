"""Tables and figures of a study in one HTML page; it imports no stage and reads no file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facies.report.averages import average_faces, looking_thirds
    from facies.report.data import AverageFace, ReportData
    from facies.report.render import render_learning, render_replication, render_report
    from facies.report.results import learning_json, replication_json, results_json

__all__ = [
    "AverageFace",
    "ReportData",
    "average_faces",
    "learning_json",
    "looking_thirds",
    "render_learning",
    "render_replication",
    "render_report",
    "replication_json",
    "results_json",
]

_HOMES = {
    "AverageFace": "data",
    "ReportData": "data",
    "average_faces": "averages",
    "looking_thirds": "averages",
    "render_learning": "render",
    "render_replication": "render",
    "render_report": "render",
    "learning_json": "results",
    "replication_json": "results",
    "results_json": "results",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'facies.report' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"facies.report.{_HOMES[name]}"), name)
