"""``facies pretrain``: an encoder learnt from the study's own photographs without labels, and whether that helped.

::

    derived/pretrain/
    ├── crops/  held_out/                what was learnt from; people whom pretraining never sees
    ├── checkpoints/                     where an interrupted run goes on
    ├── recipe.toml  history.tsv         every choice; loss and probes along the run
    ├── encoder.onnx (.json)             the encoder ``ssl`` of study.toml
    ├── helped.tsv                       errors with it, with the network before it, and with the study's other encoders
    ├── pretraining.json                 counts, time, what stopped the run, who was learnt from
    └── run.json
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from facies import __version__
from facies.cohort import assign_folds
from facies.embeddings import embed, has_runtimes, load_encoder
from facies.embeddings.own_network import NAME
from facies.embeddings.sidecar import sidecar_path
from facies.records import RunRecord
from facies.report.sections.pretraining import help_sentences
from facies.store import file_sha256, locked, read_json, read_table, table_path, write_json, write_table
from facies.study.config import EmbeddingSection, StudyConfig, read_config
from facies.study.crops import cut_crops, training_contract
from facies.study.extraction import Progress, collect_embeddings, collect_faces, extract_parts, plan_tasks
from facies.study.faces import make_extractor, parts_folder
from facies.study.intake import Cohort, gather_validation, photograph_folders
from facies.study.pretrained import STAGE, SUMMARY
from facies.study.pretraining_help import Encoded, compare_encoders
from facies.study.stages import Outcome, Stage, run_stage
from facies.tables import PRETRAINING_HELP

if TYPE_CHECKING:
    from facies.embeddings.pretrain.crops import CropArray
    from facies.embeddings.pretrain.monitor import Probe
    from facies.embeddings.pretrain.recipe import PretrainRecipe
    from facies.embeddings.pretrain.train import Pretrained

VALIDATION_FOLD = 0
"""The fold whose people are held out of pretraining unless they are to be included."""

UNTRAINED, START = "untrained", "start"
"""What the same network is called with fresh weights, and with those of the file that it started from."""

FINISHED = "finished.json"
"""Beside the checkpoints of a run that is over: another recipe may then start anew, and the same one goes on from its end."""

Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class PretrainSummary:
    """What a pretraining did.

    Parameters
    ----------
    record, ran
        The run's record, and whether it ran now.
    encoder
        The encoder's file.
    details
        Counts, minutes, what stopped the run.
    helped
        Table ``helped``; None where there were too few labels to tell.
    sentences
        What to tell the user.
    """

    record: RunRecord
    ran: bool
    encoder: Path
    details: dict[str, Any]
    helped: pd.DataFrame | None
    sentences: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as plain values."""
        rows = None if self.helped is None else json.loads(self.helped.to_json(orient="records", double_precision=15))
        named = {key: value for key, value in self.details.items() if key != "learnt_from"}
        return {
            "encoder": str(self.encoder), "ran": self.ran, **named, "helped": rows, "sentences": list(self.sentences),
            "run": asdict(self.record),
        }  # fmt: skip


def pretrain_study(
    study: Path, *, recipe: PretrainRecipe | None = None, start: Path | None = None, include_validation: bool = False, jobs: int = 1,
    seed: int | None = None, progress: Progress | None = None, tell: Tell | None = None,
) -> PretrainSummary:  # fmt: skip
    """Learn an encoder from a study's photographs without their labels, and tell whether it helped.

    All usable photographs of people who did not withdraw are learnt from, unlabelled people and every session included; people of the
    validation fold only when asked. Labels watch the run and judge its result; they never train the network. An interrupted run goes on
    when it is started again with the same settings.

    Parameters
    ----------
    study
        The study folder.
    recipe
        Every choice of the run; left out: `describe` on a ResNet-18 with the study's seed.
    start
        A safetensors file of weights to start from; left out: fresh ones.
    include_validation
        Whether the people of the validation fold are learnt from too.
    jobs
        Threads for reading photographs.
    seed
        Instead of ``study.random_state``, for folds and intervals.
    progress
        Called with what is done and all there is to do, photographs first, then steps.
    tell
        Called with a line at each stage.

    Raises
    ------
    InputError
        When the study or recipe is wrong, or no photograph shows a usable face.
    StoreError
        When the folder cannot be written, or another run is at work in it.
    MissingExtraError
        When the extra ``train`` is not installed.

    Examples
    --------
    >>> pretrain_study(Path("no-such-study"))
    Traceback (most recent call last):
    ...
    facies.errors.InputError: no-such-study has no study.toml: make one with `facies init no-such-study`
    """
    config = read_config(study)
    random_state = config.study.random_state if seed is None else seed
    chosen = (recipe or default_recipe(config)).filled()
    _require_backbone(chosen, start)
    with locked(study):
        return _Pretraining(study, config, chosen, start, include_validation, random_state, tell or _silent).run(jobs, progress)


def default_recipe(config: StudyConfig) -> PretrainRecipe:
    """Return the recipe of a study that gives none."""
    from facies.embeddings.pretrain.recipe import PretrainRecipe

    return PretrainRecipe(random_state=config.study.random_state)


def change_recipe(recipe: PretrainRecipe, *, method: str | None = None, epochs: int | None = None) -> PretrainRecipe:
    """Return a recipe with another method or length.

    Raises
    ------
    InputError
        When a setting of the recipe does not go with the method.
    """
    from facies.embeddings.pretrain.recipe import parse_recipe

    settings = recipe.model_dump(exclude_unset=True, exclude_none=True)
    if method is not None:
        settings["method"] = method
    if epochs is not None:
        settings = {name: value for name, value in settings.items() if name != "steps"} | {"epochs": epochs}
    return parse_recipe(settings)


def _require_backbone(recipe: PretrainRecipe, start: Path | None) -> None:
    """Refuse an absent network, an absent extra or other weights before hours of reading photographs."""
    from facies.embeddings.pretrain.backbones import make_backbone

    make_backbone(recipe.backbone, size=recipe.size, weights=start)


def gather_unlabelled(
    study: Path, config: StudyConfig, *, jobs: int, random_state: int, progress: Progress | None = None
) -> tuple[Cohort, str]:
    """Read a study whose people may all be without labels, and why nobody is in a fold, where nobody is.

    With labels enough, folds are those of ``facies run``.
    """
    cohort = gather_validation(study, config, jobs=jobs, progress=progress)
    lacking = _too_few(cohort, config, cohort.labels.index)
    if lacking:
        return cohort, lacking
    splits = assign_folds(
        cohort.participants, n_folds=config.models.n_folds, group=config.models.group,
        labelled=pd.Series(True, index=cohort.labels.index), random_state=random_state,
    )  # fmt: skip
    return dataclasses.replace(cohort, splits=splits), ""


def _too_few(cohort: Cohort, config: StudyConfig, people: Collection[str]) -> str:
    """Return why the labels of these people cannot tell anything, empty when they can."""
    units = _units(cohort, config)
    n = int(units[units.index.isin(people)].nunique())
    if n < config.models.n_folds:
        what = "families" if config.models.group == "family_id" else "people"
        return f"{n} labelled {what} for {config.models.n_folds} folds: nothing watches the run or tells whether it helped"
    if cohort.labels.observed[cohort.labels.index.isin(people)].nunique() < 2:
        return f"all labels are {cohort.labels.observed.iloc[0]:g}: nothing watches the run or tells whether it helped"
    return ""


def _units(cohort: Cohort, config: StudyConfig) -> pd.Series:
    """Return family, or person where there is none, of each labelled person, by participant_id."""
    people = cohort.participants.set_index("participant_id")
    own = pd.Series(people.index, index=people.index, dtype=object)
    units = people.family_id.fillna(own) if config.models.group == "family_id" and "family_id" in people else own
    return units[units.index.isin(cohort.labels.index)]


def held_out_people(cohort: Cohort, config: StudyConfig) -> list[str]:
    """Return the people of the validation fold, and their relatives where families stay together."""
    splits = cohort.splits
    chosen = set(splits.participant_id[splits.fold == VALIDATION_FOLD])
    people = cohort.participants
    if config.models.group == "family_id" and "family_id" in people:
        families = people.family_id[people.participant_id.isin(chosen)].dropna()
        chosen |= set(people.participant_id[people.family_id.isin(families)])
    return sorted(chosen)


@dataclass(frozen=True, eq=False)
class _Pretraining:
    """One run in progress."""

    study: Path
    config: StudyConfig
    recipe: PretrainRecipe
    start: Path | None
    include_validation: bool
    random_state: int
    tell: Tell

    @property
    def folder(self) -> Path:
        """Where everything is written."""
        return self.study / "derived" / STAGE

    def run(self, jobs: int, progress: Progress | None) -> PretrainSummary:
        cohort, lacking = gather_unlabelled(self.study, self.config, jobs=jobs, random_state=self.random_state)
        away = [] if self.include_validation else held_out_people(cohort, self.config)
        seen = cohort.photographs[~cohort.photographs.participant_id.isin(away)]
        unseen = cohort.photographs[cohort.photographs.participant_id.isin(away)]
        crops = self._cut(dataclasses.replace(cohort, photographs=seen), "crops", jobs, progress, required=True)
        held_out = self._cut(dataclasses.replace(cohort, photographs=unseen), "held_out", jobs, progress, required=False)
        lacking = lacking or _too_few(cohort, self.config, {*crops.participant_ids, *held_out.participant_ids})
        self.tell(_counts(crops, held_out))
        if lacking:
            self.tell(lacking)
        record, ran = run_stage(
            self.study, self._stage(cohort, lacking, crops, held_out, jobs, progress), random_state=self.random_state
        )  # fmt: skip
        return _summary(self.study, record, ran)

    def _cut(self, cohort: Cohort, name: str, jobs: int, progress: Progress | None, *, required: bool) -> CropArray:
        contract = training_contract(self.study, self.config, size=self.recipe.size)
        return cut_crops(self.study, self.config, cohort, contract, self.folder / name, jobs, progress, required=required)

    def _stage(
        self, cohort: Cohort, lacking: str, crops: CropArray, held_out: CropArray, jobs: int, progress: Progress | None
    ) -> Stage:  # fmt: skip
        settings = {
            "recipe": self.recipe.model_dump(mode="json", exclude_none=True, exclude={"checkpoint_every"}),
            "start": self._start_sha256(),
            "validation_fold": "included" if self.include_validation else "held out",
            "encoders": self.config.embeddings.encoders, "target": self.config.study.target,
            "n_bootstrap": self.config.evaluation.n_bootstrap, **self.config.models.model_dump(), "learnt_from": cohort.learnt_from(),
        }  # fmt: skip
        inputs = {name: self.folder / name / "crops.json" for name in ("crops", "held_out")}
        return Stage(STAGE, settings, inputs, lambda: self._compute(cohort, lacking, crops, held_out, jobs, progress))

    def _compute(
        self, cohort: Cohort, lacking: str, crops: CropArray, held_out: CropArray, jobs: int, progress: Progress | None
    ) -> Outcome:  # fmt: skip
        from facies.embeddings.pretrain.train import pretrain

        probe = None if lacking else make_probe(cohort, self.config, crops, random_state=self.random_state)
        own = {"recipe": self.recipe.sha256(), "crops": crops.sha256, "start": self._start_sha256()}
        marker = self.folder / "checkpoints" / FINISHED
        resume = not marker.exists() or read_json(marker) == own
        marker.unlink(missing_ok=True)
        trained = pretrain(
            crops, self.recipe, self.folder, probe=probe, weights=self.start, resume=resume, progress=progress, tell=self.tell
        )  # fmt: skip
        write_json(marker, own)
        encoder = self._export(trained.weights, self.folder / "encoder.onnx", NAME, crops)
        details = self._details(cohort, lacking, crops, held_out, trained, probed=probe is not None)
        written = [self.folder / name for name in ("recipe.toml", "history.tsv", "weights.safetensors")]
        written += [encoder, sidecar_path(encoder), write_json(self.folder / SUMMARY, details)]
        if lacking:
            table_path(self.study, PRETRAINING_HELP).unlink(missing_ok=True)
        else:
            helped = self._helped(cohort, crops, held_out, (encoder, trained.start), jobs, progress)
            written.append(write_table(self.study, PRETRAINING_HELP, helped))
        return Outcome(tuple(written), int(cohort.photographs.included.sum()), len(crops), {"held_out": len(held_out)})

    def _start_sha256(self) -> str:
        return "fresh" if self.start is None else file_sha256(self.start)

    def _export(self, weights: Path, path: Path, name: str, crops: CropArray) -> Path:
        """Write the network with these weights as an encoder."""
        from facies.embeddings.pretrain.backbones import make_backbone
        from facies.embeddings.pretrain.export import export_encoder

        recipe = self.recipe
        network = make_backbone(recipe.backbone, size=recipe.size, weights=weights)
        n = len(set(crops.participant_ids))
        return export_encoder(
            network, path, name=name, crop=dataclasses.replace(crops.contract, detector="", detector_sha256=""),
            licence="the study's own", source=f"{recipe.method} on {recipe.backbone}, facies {__version__}",
            trained_on=f"{len(crops)} photographs of {n} participants of this study, without labels",
        )  # fmt: skip

    def _details(
        self, cohort: Cohort, lacking: str, crops: CropArray, held_out: CropArray, trained: Pretrained, *, probed: bool
    ) -> dict[str, Any]:
        people = sorted(set(crops.participant_ids))
        return {
            "method": self.recipe.method, "backbone": self.recipe.backbone, "size": self.recipe.size,
            "n_photographs": len(crops), "n_people": len(people),
            "n_labelled": sum(person in cohort.labels.index for person in people),
            "n_held_out_photographs": len(held_out), "n_held_out_people": len(set(held_out.participant_ids)),
            "validation_fold": "included" if self.include_validation else "held out", "not_told": lacking, "probed": probed,
            "start": UNTRAINED if self.start is None else START, "seconds": round(trained.seconds, 1), "steps": trained.steps,
            "kept_step": trained.kept_step, "stopped_early": trained.stopped_early, "collapsed": trained.collapsed,
            "surroundings": trained.surroundings, "learnt_from": people,
        }  # fmt: skip

    def _helped(
        self, cohort: Cohort, crops: CropArray, held_out: CropArray, networks: tuple[Path, Path], jobs: int, progress: Progress | None
    ) -> pd.DataFrame:  # fmt: skip
        self.tell("comparing the encoder with the network before it and with the study's other encoders")
        encoder, start = networks
        with tempfile.TemporaryDirectory() as folder:
            before = self._export(start, Path(folder) / "before.onnx", UNTRAINED if self.start is None else START, crops)
            encoded = [_encode(path, (crops, held_out), jobs) for path in (encoder, before)]
        encoded += _encode_by_others(self.study, self.config, cohort, jobs, progress)
        return compare_encoders(
            encoded, cohort, self.config, held_out=set(held_out.participant_ids), random_state=self.random_state
        )  # fmt: skip


def _silent(_: str) -> None:
    """Tell nobody."""


def make_probe(cohort: Cohort, config: StudyConfig, crops: CropArray, *, random_state: int) -> Probe | None:
    """Return what watches a run: the labels of people who are learnt from, in folds of their own.

    Nobody of the validation fold is among them, unless that is learnt from too: choosing the best weights by the probe then says nothing
    about people who were held out. None where fewer people are left than folds, or than a probe needs.
    """
    from facies.embeddings.pretrain.monitor import MIN_PEOPLE, Probe

    people = cohort.participants[cohort.participants.participant_id.isin(crops.participant_ids)].reset_index(drop=True)
    labels = cohort.labels.observed[cohort.labels.index.isin(people.participant_id)]
    if _too_few(cohort, config, labels.index) or len(labels) < MIN_PEOPLE:
        return None
    splits = assign_folds(
        people, n_folds=config.models.n_folds, group=config.models.group, labelled=pd.Series(True, index=labels.index),
        random_state=random_state,
    )  # fmt: skip
    folds = dict(zip(splits.participant_id, splits.fold.tolist(), strict=True))
    return Probe(config.study.target, {str(person): float(label) for person, label in labels.items()}, folds)


def _encode(path: Path, crops: Sequence[CropArray], threads: int) -> Encoded:
    """Return the vectors of all crops by a network's file."""
    encoder = load_encoder(f"onnx:{path}", threads=threads)
    rows = ((face_id, np.asarray(crop)) for array in crops for face_id, crop in zip(array.face_ids, array.crops, strict=True))
    return Encoded(embed(rows, encoder), [person for array in crops for person in array.participant_ids])


def _encode_by_others(study: Path, config: StudyConfig, cohort: Cohort, jobs: int, progress: Progress | None) -> list[Encoded]:
    """Return the vectors by the study's other encoders; what ``facies run`` has encoded is not encoded again."""
    others = without_own(config)
    if others is None:
        return []
    extractor = make_extractor(study, others)
    tasks = plan_tasks(cohort.photographs, photograph_folders(study, others), extractor)
    index = extract_parts(tasks, extractor, parts_folder(study), jobs=jobs, progress=progress)
    owner = cohort.photographs.set_index("photo_id").participant_id
    person = collect_faces(tasks, index).set_index("face_id").photo_id.map(owner)
    found = collect_embeddings(tasks, index, [encoder.card for encoder in extractor.encoders])
    return [Encoded(embeddings, [str(person[face_id]) for face_id in embeddings.face_ids]) for embeddings in found]


def without_own(config: StudyConfig) -> StudyConfig | None:
    """Return the settings without the encoder ``ssl``, which may not be there yet; None where there is no other."""
    names = [spec for spec in config.embeddings.encoders if spec != NAME]
    if not names:
        return None
    unused = {} if any(map(has_runtimes, names)) else {
        name: EmbeddingSection.model_fields[name].default for name in ("runtime", "precision")
    }  # fmt: skip
    return config.model_copy(update={"embeddings": config.embeddings.model_copy(update={"encoders": names, **unused})})


def _counts(crops: CropArray, held_out: CropArray) -> str:
    """Say how many photographs and people are learnt from, and how many are not."""
    seen, away = (f"{len(array)} photographs of {len(set(array.participant_ids))} people" for array in (crops, held_out))
    return f"learning from {seen}; {f'{away} of the validation fold are held out' if len(held_out) else 'nobody is held out'}"


def _summary(study: Path, record: RunRecord, ran: bool) -> PretrainSummary:
    folder = study / "derived" / STAGE
    details = read_json(folder / SUMMARY)
    helped = None if details["not_told"] else read_table(study, PRETRAINING_HELP)
    sentences = (details["not_told"],) if helped is None else tuple(help_sentences(helped))
    return PretrainSummary(record, ran, folder / "encoder.onnx", details, helped, sentences)


def plan_pretraining(
    study: Path, *, recipe: PretrainRecipe | None = None, start: Path | None = None, include_validation: bool = False, jobs: int = 1,
    seed: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Say what :func:`pretrain_study` would learn from and how, without finding faces or writing anything."""
    config = read_config(study)
    chosen = (recipe or default_recipe(config)).filled()
    _require_backbone(chosen, start)
    cohort, lacking = gather_unlabelled(study, config, jobs=jobs, random_state=config.study.random_state if seed is None else seed)
    away = [] if include_validation else held_out_people(cohort, config)
    usable = cohort.photographs[cohort.photographs.included]
    seen, unseen = usable[~usable.participant_id.isin(away)], usable[usable.participant_id.isin(away)]
    return {
        "method": chosen.method, "backbone": chosen.backbone, "size": chosen.size,
        "n_photographs": len(seen), "n_people": int(seen.participant_id.nunique()),
        "n_labelled": int(seen.participant_id.drop_duplicates().isin(cohort.labels.index).sum()),
        "n_held_out_photographs": len(unseen), "n_held_out_people": int(unseen.participant_id.nunique()),
        "n_steps": chosen.n_steps(len(seen)), "not_told": lacking,
    }  # fmt: skip
