"""Traits, covariates and genotypes put together by participant: one model for the traits that the same people have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.association.design import Cohort, Design, build_design, gather, require_binary, require_columns, require_covariates, require_numbers
from facies.errors import InputError
from facies.stats.logistic import fit_logistic
from facies.stats.regression import design_problem
from facies.stats.scan_linear import LinearModel, prepare_linear
from facies.stats.scan_logistic import LogisticModel, prepare_logistic
from facies.types import Floats

FEWEST_VALUES = 4
"""A quantitative trait with fewer different values than this is taken for a category."""


@dataclass(frozen=True, eq=False)
class ScanModel:
    """Traits that share people and covariates.

    ``people`` are their places among the samples that are read, None: all of these. ``covariates``, (n, k), and ``model`` are None
    where nothing can be estimated; ``notes`` then say why.
    """

    traits: tuple[str, ...]
    family: str
    people: NDArray[np.intp] | None
    n: int
    n_events: int | None
    covariates: Floats
    model: LinearModel | LogisticModel | None
    notes: tuple[str, ...]


def scan_models(
    sample_ids: Sequence[str],
    traits: pd.DataFrame,
    covariates: pd.DataFrame,
    *,
    adjustment: Sequence[str],
    binary: Sequence[str],
    min_events: int,
    cluster_by: str | None,
) -> tuple[NDArray[np.intp], list[ScanModel]]:
    """Return the places of the samples to read, in the file's order, and the models.

    Raises
    ------
    InputError
        When a name is no column, a trait is not what it is called, the covariates determine each other, or nobody has everything.
    """
    genotyped = pd.DataFrame({"participant_id": list(sample_ids), "genotyped": 1.0})
    cohort = gather(genotyped, traits, covariates, cluster_by=None)
    names = [str(name) for name in cohort.outcomes.columns]
    _require_traits(cohort.outcomes, names, binary)
    require_covariates(cohort.covariates, {"the scan": list(adjustment)})
    designs = {name: build_design(cohort, outcomes=[name], exposures=["genotyped"], covariates=adjustment) for name in names}
    places = {name: _places(designs[name], sample_ids, name) for name in names}
    samples = np.unique(np.concatenate(list(places.values())))
    relatives = _relatives(cohort, cluster_by)
    models = []
    for group in _same_people(names, places, binary):
        design, place = designs[group[0]], places[group[0]]
        notes = (*(note.replace("without exposure", "without genotypes") for note in design.notes), *relatives(design))
        people = np.searchsorted(samples, place)
        models.append(_model(group, cohort, design, notes, None if len(people) == len(samples) else people, place, binary, min_events))
    return samples, models


def _require_traits(outcomes: pd.DataFrame, names: list[str], binary: Sequence[str]) -> None:
    if not names:
        raise InputError("there is no trait to scan: name at least one")
    require_columns(outcomes, binary, what="binary outcome", where="the traits")
    require_numbers(outcomes, [name for name in names if name not in binary], what="trait")
    for name in names:
        if name in binary:
            require_binary(outcomes[name])
        elif 0 < outcomes[name].nunique() < FEWEST_VALUES:
            values = ", ".join(f"{value:g}" for value in sorted(outcomes[name].dropna().unique()))
            raise InputError(f"trait '{name}' has the values {values} only: name it among the binary outcomes, coded 0 and 1, or leave it out")


def _places(design: Design, sample_ids: Sequence[str], name: str) -> NDArray[np.intp]:
    places = pd.Index(sample_ids).get_indexer(design.participants)
    if not len(places):
        raise InputError(f"nobody has genotypes, '{name}' and all covariates: compare the participant_id of the tables with the samples'")
    return np.sort(places)


def _same_people(names: list[str], places: dict[str, NDArray[np.intp]], binary: Sequence[str]) -> list[tuple[str, ...]]:
    """Group quantitative traits whose people are the same; each binary outcome stands alone."""
    groups: dict[object, list[str]] = {}
    for name in names:
        groups.setdefault(name if name in binary else places[name].tobytes(), []).append(name)
    return [tuple(group) for group in groups.values()]


def _relatives(cohort: Cohort, cluster_by: str | None):  # type: ignore[no-untyped-def]
    def note(design: Design) -> list[str]:
        if cluster_by is None or cluster_by not in cohort.covariates.columns:
            return []
        shared = cohort.covariates.loc[design.participants, cluster_by].dropna().duplicated(keep=False).sum()
        return [f"{shared} people share a {cluster_by} and were taken as independent: use REGENIE to allow for relatives"] if shared else []

    return note
