"""The stage that asks where on the face the models look."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facies.cohort import find_optional_table
from facies.cohort.files import read_user_table
from facies.imaging import align_face
from facies.imaging.metadata import encode_clean
from facies.models.classifiers import ConditionModel
from facies.readers.regions import mean_marks
from facies.saliency.average import MIN_PEOPLE, average_map, single_map
from facies.saliency.checks import BACKGROUND_ALARM, RANDOM_ALARM, Check, check_rows, curve_area, likeness
from facies.saliency.occlusion import Covers, cumulative_log_odds, occlusion_drops, occlusion_vectors, prepare_covers
from facies.saliency.overlap import region_overlap
from facies.saliency.regions import region_rows, region_shares, region_table, share_means
from facies.store import read_table, table_path, write_json, write_table, write_tsv, write_whole
from facies.study.conditions.intake import ConditionCohort
from facies.study.conditions.learnt_part import LearntPart, require_learnt_part
from facies.study.conditions.measures import UsedFace, decoded_face, used_faces
from facies.study.conditions.models import read_fold_models
from facies.study.conditions.placing import Mesher, Placed, Placer, atlas_sentence, find_mesh
from facies.study.config import StudyConfig
from facies.study.extraction import Extractor
from facies.study.stages import Outcome, Stage
from facies.tables import (
    CONDITION_PEOPLE,
    CONDITION_SCORES,
    CONDITION_SPLITS,
    OPERATING_POINTS,
    REGION_MARKS,
    REGION_OVERLAPS,
    REGION_SCORES,
    REGION_SHARES,
    REGIONS,
    SALIENCY_CHECKS,
)
from facies.types import Floats, Image

N_FILLING = 60
"""People without a condition behind the average face that parts are replaced by."""

N_CURVES = 20
"""Cases of each condition whose deletion and insertion curves are taken."""

N_SHUFFLED = 3
"""Shuffled models for each true one."""

FACE = tuple(name for name in REGIONS if name != "background")


@dataclass
class _Found:
    """What was found of one encoder's models, face by face."""

    rows: list[dict[str, object]] = field(default_factory=list)
    shares: dict[tuple[str, str, str], dict[str, Floats]] = field(default_factory=dict)
    random: dict[tuple[str, str], dict[str, Floats]] = field(default_factory=dict)
    shuffled: dict[tuple[str, str], list[Floats]] = field(default_factory=dict)
    drops: dict[tuple[str, str], dict[str, Floats]] = field(default_factory=dict)
    crops: dict[str, Image] = field(default_factory=dict)
    curves: dict[tuple[str, str], list[tuple[float, float, float, float]]] = field(default_factory=dict)
    placed: dict[str, Placed] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Explained:
    """One face to be explained: its file, the person's fold in each repeat, and the conditions the person has."""

    face: UsedFace
    participant_id: str
    folds: tuple[int, ...]
    diagnosis: str


def saliency_stage(
    study: Path, config: StudyConfig, cohort: ConditionCohort, faces: pd.DataFrame, extractor: Extractor, *, jobs: int, random_state: int
) -> Stage:
    """Return the stage ``saliency``."""
    asked = config.conditions.saliency
    mesh = find_mesh(asked.atlas) if asked.methods else None

    def compute() -> Outcome:
        chosen = choose_faces(study, config, cohort, faces, random_state=random_state)
        owner = pd.Series({each.face.face_id: each.participant_id for each in chosen}, dtype=object)
        groups = {name: _groups(study, chosen, name, extractor, config) for name in config.conditions.target_conditions}
        rows: list[dict[str, object]] = []
        checks: list[pd.DataFrame] = []
        maps: list[dict[str, Any]] = []
        by_mesh = 0
        singles: list[Path] = []
        for encoder in extractor.encoders:
            for classifier in config.conditions.classifiers:
                explained = _Explainer(study, config, extractor, encoder, f"{encoder.card.name}+{classifier}", random_state, mesh)
                found = explained.all(chosen, jobs)
                rows += found.rows
                checks += explained.checks(found, chosen)
                if encoder is extractor.encoders[0] and classifier == config.conditions.classifiers[0]:
                    maps = _write_maps(study, found, chosen, explained, config)
                    singles = _write_single_faces(study, cohort, found, chosen, explained, config)
                    by_mesh = sum(placed.by_mesh for placed in found.placed.values())
        scores = region_table(rows)
        shares = share_means(scores, groups, owner, random_state=random_state)
        marked = _overlaps(study, config, shares, random_state)
        told = {"maps": maps, "atlas": atlas_sentence(by_mesh, len(chosen))}
        written = [
            write_table(study, REGION_SCORES, scores), write_table(study, REGION_SHARES, shares),
            write_table(study, SALIENCY_CHECKS, pd.concat(checks, ignore_index=True) if checks else SALIENCY_CHECKS.empty()),
            write_json(study / "derived" / "saliency" / "maps.json", told),
        ]  # fmt: skip
        if marked is not None:
            written.append(write_table(study, REGION_OVERLAPS, marked))
        written += [study / "derived" / "saliency" / one["file"] for one in maps]
        written += singles
        return Outcome(tuple(written), int(faces.included.sum()), len(chosen))

    inputs = {table.name: table_path(study, table) for table in (CONDITION_PEOPLE, CONDITION_SPLITS, CONDITION_SCORES, OPERATING_POINTS)}
    marks = find_optional_table(study, REGION_MARKS.name)
    inputs |= {} if marks is None else {REGION_MARKS.name: marks}
    settings = {**asked.model_dump(), "encoders": [dataclasses.asdict(encoder.card) for encoder in extractor.encoders]}
    settings["mesh"] = None if mesh is None else mesh.sha256
    return Stage("saliency", settings, inputs, compute)


def choose_faces(
    study: Path, config: StudyConfig, cohort: ConditionCohort, faces: pd.DataFrame, *, random_state: int
) -> list[_Explained]:  # fmt: skip
    """Choose one face a person, at the visit that is learnt from: cases first, then others by lot."""
    people = read_table(study, CONDITION_PEOPLE)
    splits = read_table(study, CONDITION_SPLITS)
    fold = splits.pivot(index="participant_id", columns="repeat", values="fold").sort_index(axis=1)
    photographs = cohort.photographs.set_index("photo_id")
    owner = photographs["participant_id"]
    visit = photographs["session_id"] if "session_id" in photographs.columns else pd.Series(np.nan, photographs.index, dtype=object)
    wanted = people[(people.weight > 0) & people.participant_id.isin(fold.index[fold.ge(0).all(axis=1)])].set_index("participant_id")
    first: dict[str, UsedFace] = {}
    for face in used_faces(study, config, cohort.photographs, faces):
        person, session = str(owner[face.photo_id]), visit[face.photo_id]
        if person in wanted.index and person not in first:
            learnt = wanted.session_id[person]
            if learnt == session or (pd.isna(learnt) and pd.isna(session)):
                first[person] = face
    rng = np.random.default_rng([random_state, 23])
    names = sorted(first)
    cases = [name for name in names if wanted.role[name] == "case"]
    others = [name for name in names if wanted.role[name] != "case"]
    drawn = [others[place] for place in rng.permutation(len(others))]
    kept = [*cases, *drawn][: config.conditions.saliency.n_faces]
    return [_Explained(first[name], name, tuple(fold.loc[name].astype(int)), str(wanted.diagnosis[name])) for name in sorted(kept)]


class _Explainer:
    """Explains the faces by one model of one encoder; each face by the mean of all repeats' models that never saw the person."""

    def __init__(
        self, study: Path, config: StudyConfig, extractor: Extractor, encoder: Any, model_id: str, random_state: int, mesh: Mesher | None
    ) -> None:  # fmt: skip
        self.config, self.encoder, self.model_id = config, encoder, model_id
        self.contract = extractor.contract(encoder.card)
        self.models = read_fold_models(study, model_id)
        self.rng = np.random.default_rng([random_state, 29])
        self.placer = Placer(self.contract, mesh)
        self.parts = self.placer.template
        self.shuffled = {
            key: [self._shuffle(model) for _ in range(N_SHUFFLED)] for key, model in sorted(self.models.items()) if key[1] == 0
        }
        self.methods = list(config.conditions.saliency.methods)
        self.learnt: LearntPart | None = None
        gradients = [name for name in self.methods if name != "occlusion"]
        if gradients:
            require_learnt_part(encoder, next(iter(self.models.values())), gradients[0])
            self.learnt = LearntPart()

    def _shuffle(self, model: ConditionModel) -> ConditionModel:
        """Return the model with its coefficients dealt to other axes, or its vectors' axes shuffled: as large, but of no meaning."""
        order = self.rng.permutation(model.projection.axes.shape[1])
        return dataclasses.replace(model, projection=dataclasses.replace(model.projection, axes=model.projection.axes[:, order]))

    def _own_models(self, condition: str, each: _Explained) -> list[ConditionModel]:
        """Return the models that never saw a person, one a repeat."""
        return [self.models[condition, repeat, fold] for repeat, fold in enumerate(each.folds)]

    def _decide(self, condition: str, each: _Explained) -> Callable[[Any], Floats]:
        """Return the mean log-odds of vectors by these models."""
        models = self._own_models(condition, each)
        return lambda vectors: np.asarray(np.mean([model.decision(vectors) for model in models], axis=0))

    def all(self, chosen: Sequence[_Explained], jobs: int) -> _Found:
        filling = self._filling(chosen)
        usual = prepare_covers(self.parts, filling)
        found = _Found()
        with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
            for each, crop, placed, vectors in pool.map(lambda one: self._vectors(one, usual), chosen):
                found.placed[each.face.face_id] = placed
                self._add(found, each, crop, vectors)
                self._gradients(found, each, crop, filling)
        self._share(found, chosen)
        self._curves(found, chosen, usual)
        return found

    def _share(self, found: _Found, chosen: Sequence[_Explained]) -> None:
        """Turn drops into shares, each less the mean drop of people without the condition."""
        for condition in self.config.conditions.target_conditions:
            true, random = found.drops[self.model_id, condition], found.random.get((self.model_id, condition), {})
            others = [each.face.face_id for each in chosen if each.diagnosis != condition]
            usual = np.mean([true[name] for name in others], axis=0) if others else np.zeros(len(self.parts))
            for each in chosen if "occlusion" in self.methods else []:
                parts = found.placed[each.face.face_id].parts
                self._keep(found, each, condition, "occlusion", *region_shares(true[each.face.face_id] - usual, parts))
            self._share_shuffled(found, chosen, condition, random)

    def _share_shuffled(self, found: _Found, chosen: Sequence[_Explained], condition: str, random: dict[str, Floats]) -> None:
        """Do the same for the cases under each shuffled model; its people without the condition are those of its fold."""
        for fold in sorted({each.folds[0] for each in chosen}):
            own = [each for each in chosen if each.folds[0] == fold]
            others = [random[each.face.face_id] for each in own if each.diagnosis != condition]
            usual = np.mean(others, axis=0) if others else np.zeros((N_SHUFFLED, len(self.parts)))
            for each in own:
                if each.diagnosis == condition:
                    parts = found.placed[each.face.face_id].parts
                    drops = random[each.face.face_id] - usual
                    found.shuffled.setdefault((self.model_id, condition), []).extend(region_shares(row, parts)[0] for row in drops)

    def _crop(self, each: _Explained) -> Image:
        image, points = decoded_face(each.face, max_pixels=self.config.faces.max_pixels, side=4 * self.contract.size)
        return align_face(image, points, self.contract)

    def _vectors(self, each: _Explained, usual: Covers) -> tuple[_Explained, Image, Placed, Any]:
        image, points = decoded_face(each.face, max_pixels=self.config.faces.max_pixels, side=4 * self.contract.size)
        crop, placed = align_face(image, points, self.contract), self.placer.place(image, points)
        return each, crop, placed, occlusion_vectors(crop, self._covers(placed, usual), self.encoder.encode)

    def _covers(self, placed: Placed, usual: Covers) -> Covers:
        """Return the parts of one face ready to be covered; the template's are prepared once."""
        return prepare_covers(placed.parts, usual.filling) if placed.by_mesh else usual

    def _filling(self, chosen: Sequence[_Explained]) -> Floats:
        """Return the average crop of people without a target condition, or of all where there are too few."""
        others = [each for each in chosen if each.diagnosis not in self.config.conditions.target_conditions]
        drawn = (others if len(others) >= MIN_PEOPLE else list(chosen))[:N_FILLING]
        return np.asarray(np.mean([self._crop(each).astype(np.float64) for each in drawn], axis=0))

    def _add(self, found: _Found, each: _Explained, crop: Image, vectors: Any) -> None:
        if self.config.conditions.target_conditions and len(found.crops) < 400:
            found.crops[each.face.face_id] = crop
        for condition in self.config.conditions.target_conditions:
            drops = occlusion_drops(self._decide(condition, each)(vectors))
            found.drops.setdefault((self.model_id, condition), {})[each.face.face_id] = drops
            random = np.stack([occlusion_drops(shuffled.decision(vectors)) for shuffled in self.shuffled[condition, 0, each.folds[0]]])
            found.random.setdefault((self.model_id, condition), {})[each.face.face_id] = random

    def _keep(self, found: _Found, each: _Explained, condition: str, method: str, shares: Floats, areas: Floats) -> None:
        found.rows += region_rows(each.face.face_id, self.model_id, condition, method, shares, areas)
        found.shares.setdefault((self.model_id, condition, method), {})[each.face.face_id] = shares

    def _gradients(self, found: _Found, each: _Explained, crop: Image, filling: Floats) -> None:
        for method in self.methods:
            if self.learnt is None or method == "occlusion":
                continue
            for condition in self.config.conditions.target_conditions:
                field_ = self.learnt.map(method, crop, filling, self._own_models(condition, each)[0])
                parts = found.placed[each.face.face_id].parts
                sums = np.array([field_[part.mask].sum() for part in parts])
                self._keep(found, each, condition, method, *region_shares(sums, parts))

    def _curves(self, found: _Found, chosen: Sequence[_Explained], usual: Covers) -> None:
        for condition in self.config.conditions.target_conditions:
            cases = [each for each in chosen if each.diagnosis == condition and each.face.face_id in found.crops][:N_CURVES]
            for each in cases:
                crop, decide = found.crops[each.face.face_id], self._decide(condition, each)
                covers = self._covers(found.placed[each.face.face_id], usual)
                order = np.argsort(-found.drops[self.model_id, condition][each.face.face_id], kind="stable").tolist()
                chance = self.rng.permutation(len(order)).tolist()
                own = cumulative_log_odds(crop, covers, self.encoder.encode, decide, order)
                random = cumulative_log_odds(crop, covers, self.encoder.encode, decide, chance)
                areas = (curve_area(own[0]), curve_area(own[1]), curve_area(random[0]), curve_area(random[1]))
                found.curves.setdefault((self.model_id, condition), []).append(areas)

    def checks(self, found: _Found, chosen: Sequence[_Explained]) -> list[pd.DataFrame]:
        """Return the checks of each condition's map by occlusion."""
        tables = []
        for condition in self.config.conditions.target_conditions:
            key = (self.model_id, condition)
            shares = found.shares.get((*key, "occlusion"), {})
            cases = [each.face.face_id for each in chosen if each.diagnosis == condition and each.face.face_id in shares]
            if len(cases) < 2 or key not in found.curves:
                continue
            own = np.stack([shares[face_id] for face_id in cases])
            alike = likeness(own.mean(axis=0), np.mean(found.shuffled[key], axis=0))
            background = own[:, REGIONS.index("background")]
            curves = np.array(found.curves[key])
            worse = bool(np.nanmean(curves[:, 0]) >= np.nanmean(curves[:, 2]))
            tables.append(check_rows(self.model_id, condition, "occlusion", [
                Check("deletion", curves[:, 0], worse), Check("deletion_random", curves[:, 2]),
                Check("insertion", curves[:, 1], bool(np.nanmean(curves[:, 1]) <= np.nanmean(curves[:, 3]))),
                Check("insertion_random", curves[:, 3]),
                Check("randomised", np.array([alike]), alike >= RANDOM_ALARM, f"{N_SHUFFLED} shuffled models for each fold's model"),
                Check("background", background, float(background.mean()) >= BACKGROUND_ALARM),
            ]))  # fmt: skip
        return tables


def _groups(study: Path, chosen: Sequence[_Explained], condition: str, extractor: Extractor, config: StudyConfig) -> pd.DataFrame:
    """Return who is in which group, by face_id: calls at the first rule, in the first repeat, by the first model."""
    model_id = f"{extractor.encoders[0].card.name}+{config.conditions.classifiers[0]}"
    scores = read_table(study, CONDITION_SCORES)
    own = scores[(scores.model_id == model_id) & (scores.target_condition == condition) & (scores["repeat"] == 0) & scores.learnt_from]
    points = read_table(study, OPERATING_POINTS)
    rule = config.conditions.operating_points[0]
    points = points[
        (points.model_id == model_id) & (points.target_condition == condition) & (points["repeat"] == 0) & (points.rule == rule)
    ]
    joined = own.merge(points[["fold", "threshold"]], on="fold", how="left").set_index("participant_id")
    called = joined.score >= joined.threshold
    names = [each.participant_id for each in chosen]
    case = np.array([each.diagnosis == condition for each in chosen])
    positive = called.reindex(names).fillna(False).to_numpy(dtype=bool)
    table = {
        "cases": case, "others": ~case, "cases_found": case & positive, "cases_missed": case & ~positive, "false_alarms": ~case & positive,
    }  # fmt: skip
    return pd.DataFrame(table, index=[each.face.face_id for each in chosen])


def _write_maps(
    study: Path, found: _Found, chosen: Sequence[_Explained], explained: _Explainer, config: StudyConfig
) -> list[dict[str, Any]]:  # fmt: skip
    """Write the average map of each condition's cases."""
    maps = []
    folder = study / "derived" / "saliency"
    for condition in config.conditions.target_conditions:
        drops = found.drops.get((explained.model_id, condition), {})
        cases = [each for each in chosen if each.diagnosis == condition and each.face.face_id in found.crops]
        if len(cases) < MIN_PEOPLE:
            continue
        crops = [found.crops[each.face.face_id] for each in cases]
        picture = average_map(crops, np.stack([drops[each.face.face_id] for each in cases]), explained.parts)
        name = f"average_{condition}.png"
        write_whole(folder / name, encode_clean(picture))
        maps.append({"file": name, "label": f"people with {condition}", "n": len(cases)})
    return maps


SINGLE_FACES = "single_faces"
"""Folder of maps of single people, below derived/saliency."""


def _write_single_faces(
    study: Path, cohort: ConditionCohort, found: _Found, chosen: Sequence[_Explained], explained: _Explainer, config: StudyConfig
) -> list[Path]:  # fmt: skip
    """Write maps of single cases who consented to publication, and a table that says whose they are."""
    folder = study / "derived" / "saliency" / SINGLE_FACES
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier run: consent may have changed
    asked = config.conditions.saliency.single_faces
    if not asked or "consent_scope" not in cohort.participants.columns:
        return []
    agreed = set(cohort.participants.participant_id[cohort.participants.consent_scope == "publication"])
    rows, written = [], []
    for condition in config.conditions.target_conditions:
        drops = found.drops.get((explained.model_id, condition), {})
        cases = [each for each in chosen if each.diagnosis == condition and each.participant_id in agreed]
        for number, each in enumerate([each for each in cases if each.face.face_id in found.crops][:asked], 1):
            name = f"{condition}_{number}.png"
            parts = found.placed[each.face.face_id].parts
            picture = single_map(found.crops[each.face.face_id], drops[each.face.face_id], parts)
            written.append(write_whole(folder / name, encode_clean(picture)))
            rows.append({"file": name, "participant_id": each.participant_id, "target_condition": condition})
    return [*written, write_tsv(folder / "single_faces.tsv", pd.DataFrame(rows))] if rows else []


def _overlaps(study: Path, config: StudyConfig, shares: pd.DataFrame, random_state: int) -> pd.DataFrame | None:
    """Compare with what readers marked, where there is region_marks.tsv."""
    path = find_optional_table(study, REGION_MARKS.name)
    if path is None:
        return None
    marks = read_user_table(path, REGION_MARKS)
    rows = list(_overlap_rows(marks, shares, config, random_state))
    columns = [column.name for column in REGION_OVERLAPS.columns]
    return REGION_OVERLAPS.validate(pd.DataFrame(rows, columns=columns) if rows else REGION_OVERLAPS.empty())


def _overlap_rows(marks: pd.DataFrame, shares: pd.DataFrame, config: StudyConfig, random_state: int) -> Iterator[dict[str, Any]]:
    for condition in config.conditions.target_conditions:
        theirs = marks[marks.target_condition == condition]
        if theirs.empty:
            continue
        mean = mean_marks(theirs, target_condition=condition)
        own = shares[(shares.target_condition == condition) & (shares.people == "cases")]
        for keys, part in own.groupby(["model_id", "method"], sort=False):
            values = part.set_index("region").enrichment.reindex(list(FACE)).fillna(0.0)
            for found in region_overlap(values.to_numpy(), mean, random_state=random_state):
                yield {
                    "model_id": keys[0], "target_condition": condition, "method": keys[1], "measure": found.measure, "value": found.value,
                    "ci_low": np.nan, "ci_high": np.nan, "p_value": found.p_value, "n": int(theirs.photo_id.nunique()),
                    "note": f"{theirs.reader_id.nunique()} readers; share over area against the share of readings that marked the region",
                }  # fmt: skip
