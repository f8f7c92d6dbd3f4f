"""The stage that asks whether a model has learnt the camera instead of the disease."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.evaluation.condition_rows import JudgedPeople, judged_people
from facies.evaluation.confounding import LEAST, LEAST_PERMUTATIONS, NUISANCE, SAME, Probe, confounding_tables, same_source
from facies.models.classifiers.projection import fit_projection
from facies.models.probe import permuted_probe, probe_scores
from facies.stats.auc import auc, auc_interval
from facies.store import read_table, table_path, write_table
from facies.study.conditions.demographics import demographic_probes
from facies.study.conditions.evaluation import describe_people
from facies.study.conditions.intake import ConditionCohort
from facies.study.conditions.measures import read_nuisance
from facies.study.config import StudyConfig
from facies.study.extraction import Extractor
from facies.study.faces import read_embeddings
from facies.study.stages import Outcome, Stage
from facies.tables import (
    CONDITION_PEOPLE,
    CONDITION_SCORES,
    CONDITION_SPLITS,
    CONFOUNDING_PROBES,
    CONFOUNDING_VERDICTS,
    OPERATING_POINTS,
)
from facies.types import Floats

UNSEEN_AXES = 100
"""Axes of the vectors that the small model of "without a source" sees."""


class ProbeInput(NamedTuple):
    """What the probes of all models and conditions share: people by participant_id, measures by kind, folds (n_repeats, n_people).

    Nobody is in no fold.
    """

    people: pd.DataFrame
    measures: dict[str, Floats]
    folds: NDArray[np.int64]
    n_permutations: int
    random_state: int


def confounding_stage(
    study: Path, config: StudyConfig, cohort: ConditionCohort, faces: pd.DataFrame, extractor: Extractor, *, random_state: int
) -> Stage:
    """Return the stage ``confounding``."""

    def compute() -> Outcome:
        people = describe_people(study, cohort, read_table(study, CONDITION_PEOPLE)).set_index("participant_id")
        placed = _folds(read_table(study, CONDITION_SPLITS))
        people = people[(people.weight > 0) & people.index.isin(placed.index)].sort_index()
        owner = _owner(cohort, faces)
        measures = _of_people(*read_nuisance(study), owner, people)
        folds = np.asarray(placed.reindex(people.index).to_numpy(dtype=np.int64).T)
        given = ProbeInput(people, measures, folds, config.conditions.n_permutations, random_state)
        scores, points = read_table(study, CONDITION_SCORES), read_table(study, OPERATING_POINTS)
        found: dict[tuple[str, str], list[Probe]] = {}
        shared = {name: nuisance_probes(given, name) for name in config.conditions.target_conditions}
        vectors = {each.card.name: each for each in read_embeddings(study, config, cohort.photographs, extractor)}
        unseen = {name: _vector_probes(given, vectors[name], owner, config) for name in vectors}
        for model_id, condition in scores[["model_id", "target_condition"]].drop_duplicates().itertuples(index=False):
            judged = judged_people(scores, points, people, model_id=model_id, condition=condition)
            probes = [*model_probes(judged), *shared[condition]]
            probes += _of_encoder(model_id, condition, unseen)
            own = folds[:, people.index.get_indexer(judged.people.index)]
            probes += demographic_probes(
                judged, own, asked.covariates, n_permutations=given.n_permutations, random_state=given.random_state
            )  # fmt: skip
            found[model_id, condition] = probes
        tables = confounding_tables(found)
        written = (write_table(study, CONFOUNDING_PROBES, tables[0]), write_table(study, CONFOUNDING_VERDICTS, tables[1]))
        return Outcome(written, len(people), len(people))

    asked = config.conditions
    settings = {"covariates": asked.covariates, "n_permutations": asked.n_permutations, "learnt_from": cohort.learnt_from()}
    inputs = {table.name: table_path(study, table) for table in (CONDITION_PEOPLE, CONDITION_SPLITS, CONDITION_SCORES)}
    inputs["nuisance"] = study / "derived" / "measures" / "nuisance.safetensors"
    return Stage("confounding", settings, inputs, compute)


def _of_encoder(model_id: str, condition: str, unseen: dict[str, dict[str, list[Probe]]]) -> list[Probe]:
    """Return what the vectors of a model's encoder tell; of a fine-tuned model, whose vectors differ in every fold, the first encoder's."""
    own = next((name for name in unseen if model_id.startswith(f"{name}+")), None)
    first = next(iter(unseen))
    probes = [*unseen[own or first]["sources"], *unseen[own or first][condition]]
    return probes if own else [probe._replace(note=f"{probe.note}; of vectors of {first}") for probe in probes]


def _owner(cohort: ConditionCohort, faces: pd.DataFrame) -> pd.DataFrame:
    """Return whose each used face is, and at which visit, by face_id."""
    photographs = cohort.photographs.set_index("photo_id")
    used = faces[faces.included].set_index("face_id")
    table = pd.DataFrame({"participant_id": used.photo_id.map(photographs["participant_id"])})
    sessions = photographs["session_id"] if "session_id" in photographs.columns else pd.Series(np.nan, photographs.index, dtype=object)
    return table.assign(session_id=used.photo_id.map(sessions))


def _of_people(face_ids: list[str], arrays: dict[str, Floats], owner: pd.DataFrame, people: pd.DataFrame) -> dict[str, Floats]:
    """Return the mean measures of each person's photographs at the visit that is learnt from, (n_people, p)."""
    rows = _learnt_rows(face_ids, owner, people)
    return {kind: _mean_rows(array, rows, len(people)) for kind, array in arrays.items()}


def _learnt_rows(face_ids: list[str], owner: pd.DataFrame, people: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows of faces of people at the visit that is learnt from, and whose they are."""
    place = {name: number for number, name in enumerate(people.index)}
    own = owner.reindex(face_ids)
    wanted = own.participant_id.map(people["session_id"])
    same = (own.session_id == wanted) | (own.session_id.isna() & wanted.isna())
    kept = (same & own.participant_id.isin(people.index)).to_numpy()
    return np.flatnonzero(kept), np.array([place[name] for name in own.participant_id[kept]], dtype=np.int64)


def _mean_rows(array: Floats, rows: tuple[NDArray[np.int64], NDArray[np.int64]], n: int) -> Floats:
    sums = np.zeros((n, array.shape[1]))
    np.add.at(sums, rows[1], array[rows[0]])
    return sums / np.bincount(rows[1], minlength=n)[:, None]


def _folds(splits: pd.DataFrame) -> pd.DataFrame:
    """Return the folds of people who are in one in every repeat, one column a repeat, by participant_id."""
    wide = splits.pivot(index="participant_id", columns="repeat", values="fold").fillna(-1)
    return wide[(wide >= 0).all(axis=1)].astype(np.int64)


def _has(people: pd.DataFrame, condition: str) -> NDArray[np.int64]:
    """Return 1 for people with the condition and 0 for others."""
    return np.asarray((people["diagnosis"] == condition).to_numpy(), dtype=np.int64)


def model_probes(judged: JudgedPeople) -> list[Probe]:
    """Return the model's AUC against all, and against others from the cases' source where there are enough."""
    same = same_source(judged.people, judged.y)
    probes = [_of_scores("model_all", judged.scores, judged.y)]
    return probes if same is None else [*probes, _of_scores("model_same_source", judged.scores[:, same], judged.y[same])]


def _of_scores(name: str, scores: Floats, y: NDArray[np.int64], *, p_value: float = np.nan, note: str = "") -> Probe:
    found = auc_interval(scores, y)
    return Probe(name, found.value, found.ci_low, found.ci_high, p_value, found.n, found.n_cases, note)


def nuisance_probes(given: ProbeInput, condition: str) -> list[Probe]:
    """Ask what background, border, file and blur tell, among all and within the cases' source.

    Raises
    ------
    InputError
        When there are so few permutations that no probe could ever be found.
    """
    if given.n_permutations < LEAST_PERMUTATIONS:
        raise InputError(f"n_permutations is {given.n_permutations}: choose at least {LEAST_PERMUTATIONS}, or no probe can be found")
    y = _has(given.people, condition)
    everybody = np.ones(len(y), dtype=bool)
    same = same_source(given.people, y)
    probes = []
    for kind in (*NUISANCE, "blurred"):
        note = "an 8 x 8 blur of the face: it may show the disease itself" if kind == "blurred" else ""
        for which, suffix in ((everybody, ""), (same, SAME)):
            if which is not None:
                probes.append(_permuted(f"{kind}{suffix}", given.measures[kind], y, which, given, note))
    return probes


def _permuted(name: str, X: Floats, y: NDArray[np.int64], which: NDArray[np.bool_], given: ProbeInput, note: str) -> Probe:
    """Return a probe's AUC with its interval, and its p-value by dealing measures out to other people among these."""
    asked = {"n_permutations": given.n_permutations, "random_state": given.random_state}
    found = permuted_probe(X[which], y[which], folds=given.folds[:, which], **asked)
    return _of_scores(name, found.scores, y[which], p_value=found.p_value, note=note)


def _vector_probes(given: ProbeInput, embeddings: Any, owner: pd.DataFrame, config: StudyConfig) -> dict[str, list[Probe]]:
    """Ask whether vectors tell sources of negatives apart, and what happens with negatives of a source that was not learnt from."""
    rows = _learnt_rows(list(embeddings.face_ids), owner, given.people)
    X = _mean_rows(embeddings.vectors.astype(np.float64), rows, len(given.people))
    X = fit_projection(X, np.ones(len(X))).apply(X)  # axes of all people, found without labels: the probes below are many
    public = (given.people["role"] == "public_negative").to_numpy()
    source = given.people["source"].to_numpy(dtype=object)
    names = [name for name in sorted(set(source[public])) if (source[public] == name).sum() >= LEAST]
    found: dict[str, list[Probe]] = {"sources": _sources(X[public], source[public], names, given.folds[:, public])}
    for condition in config.conditions.target_conditions:
        y = _has(given.people, condition)
        found[condition] = [_without(X, y, (source == name) & public, name, given.folds) for name in names]
    return found


def _sources(X: Floats, source: NDArray[Any], names: list[str], folds: NDArray[np.int64]) -> list[Probe]:
    if len(names) < 2:
        return []
    values = []
    for name in names:
        y = (source == name).astype(np.int64)
        values.append(float(np.mean([auc(row, y) for row in probe_scores(X, y, folds=folds, max_axes=UNSEEN_AXES)])))
    text = "mean over the sources of telling each from the others; expected to be high, and why only the cases' own source proves anything"
    return [Probe("source_of_negatives", float(np.mean(values)), np.nan, np.nan, np.nan, len(X), 0, text)]


def _without(X: Floats, y: NDArray[np.int64], left_out: NDArray[np.bool_], name: str, folds: NDArray[np.int64]) -> Probe:
    """Learn without the negatives of one source and tell cases from them, each scored by the fit without the own fold."""
    scores = probe_scores(X, y, folds=folds, max_axes=UNSEEN_AXES, learn=~left_out)
    which = left_out | (y > 0)
    note = "a small model that never saw this source, cases against its negatives"
    return _of_scores(f"model_without_source={name}", scores[:, which], y[which], note=note)
