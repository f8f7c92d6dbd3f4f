"""Traits, covariates and genotypes put together by participant: one model for the traits that the same people have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.association.design import Cohort, build_design, gather, require_binary, require_columns, require_covariates, require_numbers
from facies.errors import InputError
from facies.stats.logistic import fit_logistic
from facies.stats.regression import design_problem, few_events
from facies.stats.scan_linear import LinearModel, prepare_linear
from facies.stats.scan_logistic import LogisticModel, prepare_logistic
from facies.types import Floats

FEWEST_VALUES = 4
"""A quantitative trait with fewer different values than this is taken for a category."""


@dataclass(frozen=True, eq=False)
class People:
    """Those who have genotypes, a trait and all covariates, in the order of the genotypes."""

    places: NDArray[np.intp]
    participants: pd.Index
    covariates: Floats
    covariate_names: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ScanModel:
    """Traits that share people and covariates.

    ``people`` are their places among the samples that are read, None: all of these. ``model`` is None where nothing can be estimated;
    ``notes`` then end with the reason.
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
    order = pd.Index(sample_ids)
    people = {name: _people(cohort, name, order, adjustment, cluster_by) for name in names}
    samples = np.unique(np.concatenate([found.places for found in people.values()]))
    models = [_model(group, cohort, people[group[0]], group[0] in binary, min_events) for group in _same_people(people, binary)]
    return samples, [_among(model, people[model.traits[0]].places, samples) for model in models]


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
            raise InputError(
                f"trait '{name}' has the values {values} only: name it among the binary outcomes, coded 0 and 1, or leave it out"
            )


def _people(cohort: Cohort, trait: str, order: pd.Index, adjustment: Sequence[str], cluster_by: str | None) -> People:
    design = build_design(cohort, outcomes=[trait], exposures=["genotyped"], covariates=adjustment)
    if not len(design.participants):
        raise InputError(f"nobody has genotypes, '{trait}' and all covariates: compare the participant_id of the tables with the samples'")
    problem = design_problem(design.X, design.names) if design.names else ""
    if problem:
        raise InputError(f"the scan of '{trait}' cannot be adjusted: {problem}: change the adjustment set")
    places = order.get_indexer(design.participants)
    rows = np.argsort(places)
    notes = [note.replace("without exposure", "without genotypes") for note in design.notes]
    notes += _relatives(cohort.covariates.loc[design.participants], cluster_by)
    return People(places[rows], design.participants[rows], design.X[rows], design.names, tuple(notes))


def _relatives(covariates: pd.DataFrame, cluster_by: str | None) -> list[str]:
    if cluster_by is None or cluster_by not in covariates.columns:
        return []
    shared = int(covariates[cluster_by].dropna().duplicated(keep=False).sum())
    return [f"{shared} people share a {cluster_by} and are taken as independent: use REGENIE to allow for relatives"] if shared else []


def _same_people(people: dict[str, People], binary: Sequence[str]) -> list[tuple[str, ...]]:
    """Group quantitative traits whose people are the same; each binary outcome stands alone."""
    groups: dict[object, list[str]] = {}
    for name, found in people.items():
        groups.setdefault(name if name in binary else found.places.tobytes(), []).append(name)
    return [tuple(group) for group in groups.values()]


def _among(model: ScanModel, places: NDArray[np.intp], samples: NDArray[np.intp]) -> ScanModel:
    return model if len(places) == len(samples) else replace(model, people=np.searchsorted(samples, places))


def _model(traits: tuple[str, ...], cohort: Cohort, people: People, is_binary: bool, min_events: int) -> ScanModel:
    values = cohort.outcomes.loc[people.participants, list(traits)].to_numpy(dtype=np.float64)
    if is_binary:
        return _logistic(traits, values[:, 0], people, min_events)
    for name, spread in zip(traits, np.ptp(values, axis=0), strict=True):
        if spread == 0:
            raise InputError(f"trait '{name}' has one value for everybody in the scan: leave it out")
    model = prepare_linear(values, people.covariates)
    return ScanModel(traits, "linear", None, len(values), None, people.covariates, model, people.notes)


def _logistic(traits: tuple[str, ...], y: Floats, people: People, min_events: int) -> ScanModel:
    log_odds, problem = _log_odds(y, people, min_events)
    model = None if problem else prepare_logistic(y, people.covariates, log_odds)
    notes = (*people.notes, problem) if problem else people.notes
    return ScanModel(traits, "logistic", None, len(y), int(y.sum()), people.covariates, model, notes)


def _log_odds(y: Floats, people: People, min_events: int) -> tuple[Floats, str]:
    """Return the log odds by the covariates alone, (n,), or why there are none."""
    if not people.covariate_names:
        problem = few_events(int(y.sum()), len(y), min_events)
        return np.full(len(y), np.nan if problem else np.log(y.mean() / (1 - y.mean()))), problem
    fit = fit_logistic(y, people.covariates, names=people.covariate_names, min_events=min_events)
    return people.covariates @ fit.coef[:-1] + fit.coef[-1], "" if fit.estimated else fit.note
