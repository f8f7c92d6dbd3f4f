"""The reading room of a study: its settings, plan, pictures and readings, as study.toml says."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from facies.cohort import find_optional_table, locate_photograph
from facies.cohort.files import read_user_table
from facies.errors import InputError
from facies.readers import mark_regions, paint_crops, panel_means
from facies.readers.strokes import STROKE_COLUMNS
from facies.store import file_sha256, locked, read_json, read_table, table_path, tsv_bytes, write_json, write_tsv, write_whole
from facies.study.conditions.intake import gather_conditions
from facies.study.config import CONFIG_NAME, StudyConfig, read_config
from facies.study.crops import training_contract
from facies.study.extraction import Progress
from facies.study.intake import photograph_folders
from facies.study.reading.files import require_no_panel
from facies.study.reading.plan import FOLDER, ReadableStudy, read_plan, readable_study, require_photographs
from facies.tables import (
    CONDITION_SCORES,
    FACES,
    PANEL_ESTIMATES,
    PARTICIPANT_PREDICTIONS,
    READINGS,
    REGION_MARKS,
    Table,
)
from facies.types import Image
from facies.web.accounts import add_account, create_link, has_account
from facies.web.database import open_room, reading
from facies.web.exports import export_attention, export_readings, export_remarks, export_strokes
from facies.web.pictures import SIDE, LoadPhotograph, prepare_pictures, withdraw_photographs
from facies.web.plans import LOADED_KEY, load_plan, loaded_answers, planned_photographs, require_same_questions
from facies.web.schema import PICTURES
from facies.web.settings import RoomSettings
from facies.web.tasks import AgeTask, ChoiceTask, DiagnosisTask, Task

COORDINATOR = "coordinator"
EXPORTED = "exported.json"
"""In ``reading/``: SHA-256 of the tables that the room wrote."""

MARKS_SIDE = 224
"""Side of the crops onto which readers' strokes are brought, in pixels."""


@dataclass(frozen=True, eq=False)
class StudyRoom:
    """A study's room, open.

    Parameters
    ----------
    engine
        The database.
    settings
        How it is set up.
    url
        Where the database is, for :func:`facies.web.serve`.
    n_trials, n_pictures, n_withdrawn
        What was added now: trials, pictures, and pictures of people who withdrew that were deleted.
    """

    engine: sa.Engine
    settings: RoomSettings
    url: str = dataclasses.field(repr=False)
    n_trials: int = 0
    n_pictures: int = 0
    n_withdrawn: int = 0


def room_url(study: Path, config: StudyConfig) -> str:
    """Return where the room's database is: a URL, or a file seen from the study."""
    name = config.reading.database
    return name if "://" in name else str((study / name).absolute())


def room_settings(config: StudyConfig) -> RoomSettings:
    """Return how a study's room is set up."""
    asked = config.reading
    tasks: dict[str, Task] = {"perceived_age": AgeTask(bin_years=asked.bin_years, lowest=asked.lowest, highest=asked.highest)}
    conditions = tuple(config.conditions.target_conditions)
    if conditions:
        tasks["diagnosis"] = DiagnosisTask(conditions, severity_grades=asked.severity_grades, regions=asked.regions)
    tasks |= {one.name: ChoiceTask(one.question, tuple(one.choices)) for one in asked.lists}
    return RoomSettings(tasks=tasks, title=asked.title, picture_mm=asked.picture_mm)


def open_study_room(study: Path) -> StudyRoom:
    """Open the room of a study as it stands.

    Raises
    ------
    InputError
        When there is none yet, or it asked readers something else than the settings do now.
    """
    config = read_config(study)
    url = room_url(study, config)
    if "://" not in url and not Path(url).is_file():
        raise InputError(f"{study} has no reading room yet: open one with `facies read serve {study}`")
    room = StudyRoom(open_room(url), room_settings(config), url)
    require_same_questions(room.engine, room.settings)
    return room


def prepare_study_room(study: Path, *, jobs: int = 1, progress: Progress | None = None) -> StudyRoom:
    """Open the room, load the plan that is on disk, make the pictures, and delete those of people who withdrew.

    Raises
    ------
    InputError
        When there is no plan, a photograph of it is gone although nobody withdrew, or a model's answer is to be shown and there is none.
    """
    config = read_config(study)
    plan, readable = read_plan(study), readable_study(study, config, jobs=jobs)
    require_photographs(plan, readable)
    url = room_url(study, config)
    if "://" not in url:
        Path(url).parent.mkdir(parents=True, exist_ok=True)
    engine, settings = open_room(url), room_settings(config)
    require_same_questions(engine, settings)
    n_withdrawn = _withdraw(engine, readable)
    new = plan[~plan.photo_id.isin(readable.withdrawn)].reset_index(drop=True)
    answered = _with_answers(study, config, new, readable.photographs, loaded_answers(engine))
    n_trials = load_plan(engine, answered, settings=settings)
    n_pictures = prepare_pictures(engine, _loader(study, config, readable.photographs, progress, n=new.photo_id.nunique()))
    if not has_account(engine, COORDINATOR):
        add_account(engine, COORDINATOR, role="coordinator")
    return StudyRoom(engine, settings, url, n_trials, n_pictures, n_withdrawn)


def _withdraw(engine: sa.Engine, readable: ReadableStudy) -> int:
    """Delete the pictures of people who withdrew since; their readings are exported no more."""
    gone = readable.withdrawn & planned_photographs(engine)
    return withdraw_photographs(engine, gone) if gone else 0


def _loader(study: Path, config: StudyConfig, photographs: pd.DataFrame, progress: Progress | None, *, n: int) -> LoadPhotograph:
    paths = dict(zip(photographs.photo_id, photographs.path, strict=True))
    folders = photograph_folders(study, config)
    done = count(1)

    def load(photo_id: str) -> Image:
        from facies.imaging import decode_photograph

        if photo_id not in paths:
            raise InputError(f"photograph '{photo_id}' of the room is no usable photograph of the study any more: restore it")
        file = locate_photograph(str(paths[photo_id]), folders)
        image = decode_photograph(file, max_pixels=config.faces.max_pixels, target_side=SIDE).image
        if progress is not None:
            progress(next(done), n)
        return image

    return load


def invite(room: StudyRoom, *, base: str, hours: float = 72) -> pd.DataFrame:
    """Make one link for everybody who has not entered yet, the coordinator included: ``name``, ``role``, ``link``.

    Links that were made before and not used are void.
    """
    from facies.web.accounts import waiting_accounts

    rows = [(name, role, f"{base}/enter#{create_link(room.engine, name, hours=hours)}") for name, role in waiting_accounts(room.engine)]
    return pd.DataFrame(rows, columns=["name", "role", "link"])


def _with_answers(
    study: Path, config: StudyConfig, plan: pd.DataFrame, photographs: pd.DataFrame, loaded: pd.DataFrame
) -> pd.DataFrame:  # fmt: skip
    """Add what a training case shows afterwards, and what the model says where it is to be shown.

    What the room holds already stays as it was shown, also to readers who come later: models may have been fitted anew since.
    """
    taught = plan.is_training | plan.is_attention
    plan = plan.assign(arm=plan.arm.mask(taught, "unaided"))
    there = plan.merge(loaded, on=list(LOADED_KEY), how="left", validate="one_to_one")
    is_new = there["loaded"].isna()
    expected, score = there.expected.astype(object), there.model_score.astype(object)
    for target in dict.fromkeys(plan.target):
        training = is_new & plan.is_training & (plan.target == target)
        if training.any():
            shown = _shown_before(loaded, target, "expected", _truth(study, config, target, photographs))
            expected = expected.where(~training, plan.photo_id.map(shown))
        aided = is_new & (plan.arm == "aided") & (plan.target == target)
        if aided.any():
            score = score.where(~aided, plan.photo_id.map(_said(study, config, target, photographs, loaded, plan.photo_id[aided])))
    return plan.assign(expected=expected, model_score=score)


def _shown_before(loaded: pd.DataFrame, target: str, name: str, otherwise: pd.Series) -> pd.Series:
    """Return values by photo_id: those that the room shows already, else others."""
    shown = loaded[(loaded.target == target) & loaded[name].notna()].drop_duplicates("photo_id").set_index("photo_id")[name]
    return pd.Series({**otherwise.to_dict(), **shown.to_dict()}, dtype=object)


def _said(
    study: Path, config: StudyConfig, target: str, photographs: pd.DataFrame, loaded: pd.DataFrame, wanted: pd.Series
) -> pd.Series:  # fmt: skip
    """Return what the model said of each photograph that is wanted, by photo_id."""
    said = _shown_before(loaded, target, "model_score", pd.Series(dtype=float))
    if not set(wanted) <= set(said.index):
        said = _shown_before(loaded, target, "model_score", _model_says(study, config, target, photographs))
    silent = sorted(set(wanted) - set(said.index))
    if silent:
        raise InputError(
            f"photograph '{silent[0]}' is to be read with the model's answer and no model judged it ({len(silent)} such): "
            f"run `facies run {study}` again, or leave its person out of the plan"
        )
    return said


def _truth(study: Path, config: StudyConfig, target: str, photographs: pd.DataFrame) -> pd.Series:
    """Return the answers that training cases show, by photo_id: the panel's value, or the diagnosis."""
    if target == "diagnosis":
        diagnoses = gather_conditions(study, config, jobs=1).diagnoses.drop_duplicates("participant_id")
        known = diagnoses.set_index("participant_id").diagnosis
        shown = known.where(known.isin(config.conditions.target_conditions), "none")
        return _by_photo(shown, photographs)
    if target != "perceived_age":
        return pd.Series(dtype=object)
    panel = _panel_of(study, config)
    own = panel[panel.target == "perceived_age"]
    return pd.Series(np.round(own.panel_mean.to_numpy()), index=own.photo_id)


def _by_photo(values: pd.Series, photographs: pd.DataFrame) -> pd.Series:
    owner = photographs.set_index("photo_id").participant_id
    return owner.map(values).dropna()


def _panel_of(study: Path, config: StudyConfig) -> pd.DataFrame:
    """Return the panel's values that the study has from elsewhere, or none."""
    for table in (PANEL_ESTIMATES, READINGS):
        path = find_optional_table(study, table.name)
        if path is not None:
            frame = read_user_table(path, table, rename=config.inputs.rename.get(table.name), encoding=config.inputs.encoding)
            read = "perceived_age" in set(frame.target)
            return frame if table is PANEL_ESTIMATES else panel_means(frame, target="perceived_age") if read else PANEL_ESTIMATES.empty()
    return PANEL_ESTIMATES.empty()


def _model_says(study: Path, config: StudyConfig, target: str, photographs: pd.DataFrame) -> pd.Series:
    """Return the first model's answer by photo_id, from folds that never saw the person: an age, or a probability in per cent.

    Raises
    ------
    InputError
        When the study was not run, or names several conditions: one number could not say which.
    """
    if target not in ("perceived_age", "diagnosis"):
        raise InputError(f"{CONFIG_NAME}, reading.arms: no model answers '{target}': read it unaided, in a study of its own")
    table = PARTICIPANT_PREDICTIONS if target == "perceived_age" else CONDITION_SCORES
    if target != "perceived_age" and len(config.conditions.target_conditions) > 1:
        raise InputError(
            f"{CONFIG_NAME}, reading.arms: the model's answer is one number, and there are several target_conditions: read unaided"
        )
    if not table_path(study, table).exists():
        raise InputError(f"readers are to see the model's answer and there is none: run `facies run {study}` first, or set reading.arms")
    frame = read_table(study, table)
    frame = frame[(frame.model_id == frame.model_id.iloc[0]) & (frame.fold >= 0)]
    if target == "perceived_age":
        own = frame[frame.target == config.study.target].set_index("participant_id").predicted
        return _by_photo(np.round(own), photographs)
    said = _of_visits(frame, photographs).groupby("photo_id").score.mean()
    return pd.Series(np.round(100 / (1 + np.exp(-said.to_numpy(dtype=float)))), index=said.index)


def _of_visits(scores: pd.DataFrame, photographs: pd.DataFrame) -> pd.DataFrame:
    """Return a row a photograph and repeat: the score of the person at the visit of the photograph."""
    if "session_id" not in photographs.columns:
        return photographs[["photo_id", "participant_id"]].merge(scores[scores.learnt_from], on="participant_id")
    own = photographs[["photo_id", "participant_id", "session_id"]].astype(object)
    return own.merge(scores.astype({"session_id": object}), on=["participant_id", "session_id"])


def export_study_readings(study: Path) -> dict[str, Path]:
    """Write what was read: ``readings.tsv`` beside the study's tables; remarks, checks and strokes in ``reading/``; marked regions.

    Tables of the study that did not come from the room are not written over. Of people who withdrew nothing is written; what an earlier
    export wrote of remarks, checks or strokes and is there no more is removed.

    Returns
    -------
    The files by what they hold.

    Raises
    ------
    InputError
        When nothing was read, or a readings.tsv or region_marks.tsv of another origin is there.
    StoreError
        When another program is writing in the folder.
    """
    config, room = read_config(study), open_study_room(study)
    with locked(study):
        readable = readable_study(study, config, jobs=1)
        _withdraw(room.engine, readable)
        readings = export_readings(room.engine, settings=room.settings)
        if readings.empty:
            raise InputError("nobody has read anything yet: see `facies read status`")
        require_no_panel(study)
        strokes = export_strokes(room.engine)
        tables = {"readings": (READINGS, readings)}
        if len(strokes) and len(marks := _marks(study, config, room, strokes, readable.photographs)):
            tables["region_marks"] = (REGION_MARKS, marks)
        written = _write_exported(study, tables)
        for name, frame in (
            ("remarks", export_remarks(room.engine)), ("attention", export_attention(room.engine, settings=room.settings)),
            ("strokes", strokes),
        ):  # fmt: skip
            path = study / FOLDER / f"{name}.tsv"
            path.unlink(missing_ok=True)
            if len(frame):
                written[name] = write_tsv(path, frame)
    return written


def _write_exported(study: Path, tables: dict[str, tuple[Table, pd.DataFrame]]) -> dict[str, Path]:
    """Write tables of the study that the room makes, where what is there came from the room.

    The hashes of all that was exported are noted before anything is written, so that an interrupted export is known as one.
    """
    texts = {name: tsv_bytes(table.validate(frame)) for name, (table, frame) in tables.items()}
    noted = set(read_json(study / FOLDER / EXPORTED)) if (study / FOLDER / EXPORTED).is_file() else set()
    for name in texts:
        given = find_optional_table(study, name)
        if given is not None and (given.name != f"{name}.tsv" or file_sha256(given) not in noted):
            raise InputError(f"{given.name} is there and did not come from the room as it is: move it away, then export again")
    write_json(study / FOLDER / EXPORTED, sorted(noted | {hashlib.sha256(text).hexdigest() for text in texts.values()}))
    return {name: write_whole(study / f"{name}.tsv", text) for name, text in texts.items()}


def _marks(study: Path, config: StudyConfig, room: StudyRoom, strokes: pd.DataFrame, photographs: pd.DataFrame) -> pd.DataFrame:
    """Bring strokes onto the face atlas, where faces have been found (`facies run`)."""
    if not table_path(study, FACES).exists():
        return REGION_MARKS.empty()
    faces = read_table(study, FACES)
    used = faces[faces.included]
    sizes = _upright_sizes(photographs, room)
    unaided = strokes[(strokes.stage == "unaided") & strokes.photo_id.isin(set(used.photo_id)) & strokes.photo_id.isin(set(sizes))]
    if unaided.empty:
        return REGION_MARKS.empty()
    contract = training_contract(study, config, size=MARKS_SIDE)
    painted = paint_crops(unaided[list(STROKE_COLUMNS)], used, sizes, contract)
    return mark_regions(painted.brushes, contract, points=painted.points)


def _upright_sizes(photographs: pd.DataFrame, room: StudyRoom) -> dict[str, tuple[float, float]]:
    """Return width and height of each photograph as people see it; files hold them before they are turned."""
    known = photographs.set_index("photo_id")
    with reading(room.engine) as connection:
        shown = connection.execute(sa.select(PICTURES.c.photo_id, PICTURES.c.width, PICTURES.c.height).where(PICTURES.c.width > 0)).all()
    sizes = {}
    for photo_id, width, height in shown:
        if photo_id in known.index:
            stored = (float(known.width[photo_id]), float(known.height[photo_id]))
            turned = (width > height) != (stored[0] > stored[1]) and width != height
            sizes[str(photo_id)] = stored[::-1] if turned else stored
    return sizes


def room_status(study: Path) -> dict[str, Any]:
    """Return progress by reader and agreement so far, without anything that unblinds."""
    from facies.web.progress import agreement_so_far, reader_progress

    room = open_study_room(study)
    progress = [dataclasses.asdict(one) for one in reader_progress(room.engine, room.settings)]
    return {"readers": progress, "agreement": agreement_so_far(room.engine, room.settings)}
