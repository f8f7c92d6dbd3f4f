"""Cohorts with a known truth, and the faces that show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facies.simulation.cohort import Cohort as Cohort
    from facies.simulation.cohort import simulate_cohort as simulate_cohort
    from facies.simulation.panel import ReaderPool as ReaderPool
    from facies.simulation.planted import PlantedEffect as PlantedEffect

_HOMES = {
    "Cohort": "cohort",
    "simulate_cohort": "cohort",
    "ReaderPool": "panel",
    "PlantedEffect": "planted",
}
"""Where each public name lives; it is imported when first used."""

__all__ = ["Cohort", "PlantedEffect", "ReaderPool", "simulate_cohort"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'facies.simulation' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"facies.simulation.{_HOMES[name]}"), name)
