"""The stage that asks whether a model has learnt the camera instead of the disease."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.evaluation.condition_rows import JudgedPeople, judged_people
from facies.evaluation.confounding import LEAST, NUISANCE, SAME, Probe, confounding_tables
from facies.models.classifiers.projection import fit_projection
from facies.models.probe import probe_scores
from facies.stats.auc import auc, auc_interval, compare_aucs
from facies.store import read_table, table_path, write_table
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
    """What the probes of all models and conditions share: people by participant_id, measures by kind, folds (n_repeats, n_people)."""

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
        people = people[people.weight > 0].sort_index()
        owner = _owner(cohort, faces)
        measures = _of_people(*read_nuisance(study), owner, people)
        folds = _folds(read_table(study, CONDITION_SPLITS), people)
        given = ProbeInput(people, measures, folds, config.conditions.n_permutations, random_state)
        scores, points = read_table(study, CONDITION_SCORES), read_table(study, OPERATING_POINTS)
        found: dict[tuple[str, str], list[Probe]] = {}
        shared = {name: nuisance_probes(given, name) for name in config.conditions.target_conditions}
        demographic = {name: _demographics(given, name, config.conditions.covariates) for name in config.conditions.target_conditions}
        vectors = {each.card.name: each for each in read_embeddings(study, config, cohort.photographs, extractor)}
        unseen = {name: _vector_probes(given, vectors[name], owner, config) for name in vectors}
        for model_id, condition in scores[["model_id", "target_condition"]].drop_duplicates().itertuples(index=False):
            judged = judged_people(scores, points, people, model_id=model_id, condition=condition)
            probes = [*model_probes(judged), *shared[condition]]
            probes += _of_encoder(model_id, condition, unseen)
            probes += _beyond(judged, given, demographic[condition])
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


def _folds(splits: pd.DataFrame, people: pd.DataFrame) -> NDArray[np.int64]:
    wide = splits.pivot(index="participant_id", columns="repeat", values="fold").reindex(people.index)
    return np.asarray(wide.fillna(-1).to_numpy(dtype=np.int64).T)


def _same_source(people: pd.DataFrame, y: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    """Return cases and the others from their source; None where too few of these are without any target condition."""
    source = people["source"].to_numpy(dtype=object)
    same = np.isin(source, list(set(source[y > 0])))
    controls = same & (people["role"] != "case").to_numpy()
    return (same | (y > 0)) if int(controls.sum()) >= LEAST else None


def _has(people: pd.DataFrame, condition: str) -> NDArray[np.int64]:
    """Return 1 for people with the condition and 0 for others."""
    return np.asarray((people["diagnosis"] == condition).to_numpy(), dtype=np.int64)


def model_probes(judged: JudgedPeople) -> list[Probe]:
    """Return the model's AUC against all, and against others from the cases' source where there are enough."""
    same = _same_source(judged.people, judged.y)
    probes = [_of_scores("model_all", judged.scores, judged.y)]
    return probes if same is None else [*probes, _of_scores("model_same_source", judged.scores[:, same], judged.y[same])]


def _of_scores(name: str, scores: Floats, y: NDArray[np.int64], *, p_value: float = np.nan, note: str = "") -> Probe:
    found = auc_interval(scores, y)
    return Probe(name, found.value, found.ci_low, found.ci_high, p_value, found.n, found.n_cases, note)


def nuisance_probes(given: ProbeInput, condition: str) -> list[Probe]:
    """Ask what background, border, file and blur tell, among all and within the cases' source."""
    y = _has(given.people, condition)
    everybody = np.ones(len(y), dtype=bool)
    same = _same_source(given.people, y)
    probes = []
    for kind in (*NUISANCE, "blurred"):
        note = "an 8 x 8 blur of the face: it may show the disease itself" if kind == "blurred" else ""
        for which, suffix in ((everybody, ""), (same, SAME)):
            if which is not None:
                probes.append(_permuted(f"{kind}{suffix}", given.measures[kind], y, which, given, note))
    return probes


def _permuted(name: str, X: Floats, y: NDArray[np.int64], which: NDArray[np.bool_], given: ProbeInput, note: str) -> Probe:
    """Return a probe's AUC with its interval, and its p-value by permuting labels among these people."""
    labels, folds = y[which], given.folds[:, which]
    scores = probe_scores(X[which], labels, folds=folds)
    value = float(np.mean([auc(row, labels) for row in scores]))
    rng = np.random.default_rng([given.random_state, 17])
    shuffled = np.column_stack([rng.permutation(labels) for _ in range(given.n_permutations)])
    drawn = probe_scores(X[which], shuffled, folds=folds[:1])[0]
    chance = np.array([auc(drawn[:, column], shuffled[:, column]) for column in range(given.n_permutations)])
    p_value = float((1 + (chance >= value).sum()) / (1 + given.n_permutations))
    return _of_scores(name, scores, labels, p_value=p_value, note=note)


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
    """Learn without the negatives of one source and tell cases from them."""
    scores = []
    for fold_of in folds:
        given = np.where(left_out, -1, fold_of)
        own = probe_scores(X, y, folds=given, max_axes=UNSEEN_AXES)[0]
        everywhere = np.mean(
            [probe_scores(X, y, folds=np.where(left_out, fold, np.where(given == fold, -1, given)), max_axes=UNSEEN_AXES)[0] for fold in
             sorted(set(given.tolist()) - {-1})], axis=0,
        )  # fmt: skip
        scores.append(np.where(left_out, everywhere, own))
    which = left_out | (y > 0)
    note = "a small model that never saw this source, cases against its negatives"
    return _of_scores(f"model_without_source={name}", np.stack(scores)[:, which], y[which], note=note)


def _demographics(given: ProbeInput, condition: str, covariates: list[str]) -> tuple[Probe, Floats, pd.Index] | None:
    """Ask what age, sex and BMI tell in people who have them."""
    numbers = _covariates(given.people, covariates)
    known = numbers.notna().all(axis=1).to_numpy() if len(numbers.columns) else np.zeros(len(numbers), dtype=bool)
    y = _has(given.people, condition)
    if min(int(y[known].sum()), int((1 - y[known]).sum())) < LEAST:
        return None
    scores = probe_scores(numbers[known].to_numpy(dtype=float), y[known], folds=given.folds[:, known])
    note = f"{', '.join(numbers.columns)}; people who have all of them"
    return _of_scores("demographics", scores, y[known], note=note), scores, given.people.index[known]


def _covariates(people: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    found = {}
    for name in names:
        if name not in people.columns or people[name].isna().all():
            continue
        column = people[name]
        found[name] = (
            column.astype(float) if column.dtype.kind in "bif" else pd.Series(pd.factorize(column)[0], column.index).where(column.notna())
        )
    return pd.DataFrame(found, index=people.index)


def _beyond(judged: JudgedPeople, given: ProbeInput, demographic: tuple[Probe, Floats, pd.Index] | None) -> list[Probe]:
    """Set age, sex and BMI alone beside what they and the model tell together."""
    if demographic is None:
        return []
    probe, alone, index = demographic
    both = judged.people.index.intersection(index)
    place, own = index.get_indexer(both), judged.people.index.get_indexer(both)
    y, n = judged.y[own], min(len(alone), len(judged.scores))
    first, second = alone[:n, place], judged.scores[:n, own]
    if min(int(y.sum()), int((1 - y).sum())) < LEAST:
        return [probe]
    folds = given.folds[:, given.people.index.get_indexer(both)]
    together = np.stack([
        probe_scores(np.column_stack([first[i], second[i]]), y, folds=folds[i])[0] for i in range(n)
    ])  # fmt: skip
    gain = compare_aucs(together, first, y)
    return [
        probe,
        _of_scores("demographics_and_model", together, y),
        Probe(
            "model_beyond_demographics", gain.difference, gain.ci_low, gain.ci_high, gain.p_value, gain.n, gain.n_cases, "paired difference"
        ),
    ]
