"""Cohorts with a known truth, and the faces that show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facies.simulation.cohort import Cohort as Cohort
    from facies.simulation.cohort import faces_to_paint as faces_to_paint
    from facies.simulation.cohort import simulate_cohort as simulate_cohort
    from facies.simulation.face_parameters import draw_face_parameters as draw_face_parameters
    from facies.simulation.follow_up import FollowUpSettings as FollowUpSettings
    from facies.simulation.follow_up import simulate_follow_up as simulate_follow_up
    from facies.simulation.genotype_files import write_genotypes as write_genotypes
    from facies.simulation.genotype_settings import GenotypeSettings as GenotypeSettings
    from facies.simulation.genotypes import SimulatedGenotypes as SimulatedGenotypes
    from facies.simulation.genotypes import simulate_genotypes as simulate_genotypes
    from facies.simulation.haplotypes import MC1R_VARIANTS as MC1R_VARIANTS
    from facies.simulation.missingness import with_lost_rows as with_lost_rows
    from facies.simulation.missingness import with_missing as with_missing
    from facies.simulation.painting import SimulatedFace as SimulatedFace
    from facies.simulation.painting import SimulatedFaces as SimulatedFaces
    from facies.simulation.painting import iterate_faces as iterate_faces
    from facies.simulation.painting import paint_backgrounds as paint_backgrounds
    from facies.simulation.painting import paint_faces as paint_faces
    from facies.simulation.painting import simulate_faces as simulate_faces
    from facies.simulation.panel import ReaderPool as ReaderPool
    from facies.simulation.photographs import write_photographs as write_photographs
    from facies.simulation.planted import PlantedEffect as PlantedEffect
    from facies.simulation.proxies import SimulatedProxies as SimulatedProxies
    from facies.simulation.proxies import simulate_proxies as simulate_proxies
    from facies.simulation.reading import AgeReaders as AgeReaders
    from facies.simulation.reading import DiagnosticReaders as DiagnosticReaders
    from facies.simulation.reading import SimulatedReadings as SimulatedReadings
    from facies.simulation.reading import simulate_age_readings as simulate_age_readings
    from facies.simulation.reading import simulate_diagnostic_readings as simulate_diagnostic_readings
    from facies.simulation.regions import CHANGED_REGIONS as CHANGED_REGIONS
    from facies.simulation.regions import region_masks as region_masks
    from facies.simulation.validation import simulate_validation as simulate_validation

_HOMES = {
    "AgeReaders": "reading",
    "CHANGED_REGIONS": "regions",
    "Cohort": "cohort",
    "DiagnosticReaders": "reading",
    "FollowUpSettings": "follow_up",
    "GenotypeSettings": "genotype_settings",
    "MC1R_VARIANTS": "haplotypes",
    "PlantedEffect": "planted",
    "ReaderPool": "panel",
    "SimulatedFace": "painting",
    "SimulatedFaces": "painting",
    "SimulatedGenotypes": "genotypes",
    "SimulatedProxies": "proxies",
    "SimulatedReadings": "reading",
    "draw_face_parameters": "face_parameters",
    "faces_to_paint": "cohort",
    "iterate_faces": "painting",
    "paint_backgrounds": "painting",
    "paint_faces": "painting",
    "region_masks": "regions",
    "simulate_age_readings": "reading",
    "simulate_cohort": "cohort",
    "simulate_diagnostic_readings": "reading",
    "simulate_faces": "painting",
    "simulate_follow_up": "follow_up",
    "simulate_genotypes": "genotypes",
    "simulate_proxies": "proxies",
    "simulate_validation": "validation",
    "with_lost_rows": "missingness",
    "with_missing": "missingness",
    "write_genotypes": "genotype_files",
    "write_photographs": "photographs",
}
"""Where each public name lives; it is imported when first used."""

__all__ = [
    "CHANGED_REGIONS",
    "MC1R_VARIANTS",
    "AgeReaders",
    "Cohort",
    "DiagnosticReaders",
    "FollowUpSettings",
    "GenotypeSettings",
    "PlantedEffect",
    "ReaderPool",
    "SimulatedFace",
    "SimulatedFaces",
    "SimulatedGenotypes",
    "SimulatedProxies",
    "SimulatedReadings",
    "draw_face_parameters",
    "faces_to_paint",
    "iterate_faces",
    "paint_backgrounds",
    "paint_faces",
    "region_masks",
    "simulate_age_readings",
    "simulate_cohort",
    "simulate_diagnostic_readings",
    "simulate_faces",
    "simulate_follow_up",
    "simulate_genotypes",
    "simulate_proxies",
    "simulate_validation",
    "with_lost_rows",
    "with_missing",
    "write_genotypes",
    "write_photographs",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'facies.simulation' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"facies.simulation.{_HOMES[name]}"), name)
