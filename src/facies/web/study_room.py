"""The reading room of a study: its settings, plan, pictures and readings, as study.toml says."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
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
from facies.store import read_table, table_path, write_tsv
from facies.study.conditions.intake import gather_conditions
from facies.study.config import CONFIG_NAME, StudyConfig, read_config
from facies.study.crops import training_contract
from facies.study.extraction import Progress
from facies.study.intake import photograph_folders
from facies.study.reading.plan import FOLDER, photographs_of, read_plan
from facies.tables import (
    CONDITION_SCORES,
    FACES,
    PANEL_ESTIMATES,
    PARTICIPANT_PREDICTIONS,
    READINGS,
    REGION_MARKS,
)
from facies.types import Image
from facies.web.accounts import add_account, create_link, has_account
from facies.web.database import open_room, reading
from facies.web.exports import export_attention, export_readings, export_remarks, export_strokes
from facies.web.pictures import SIDE, prepare_pictures, withdraw_photographs
from facies.web.plans import load_plan, planned_photographs
from facies.web.schema import PICTURES
from facies.web.settings import RoomSettings
from facies.web.tasks import AgeTask, ChoiceTask, DiagnosisTask, Task

COORDINATOR = "coordinator"
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
    n_trials, n_pictures, n_withdrawn
        What was added now: trials, pictures, and pictures of people who withdrew that were deleted.
    """

    engine: sa.Engine
    settings: RoomSettings
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
        When there is none yet.
    """
    config = read_config(study)
    url = room_url(study, config)
    if "://" not in url and not Path(url).is_file():
        raise InputError(f"{study} has no reading room yet: open one with `facies read serve {study}`")
    return StudyRoom(open_room(url), room_settings(config))


def prepare_study_room(study: Path, *, jobs: int = 1, progress: Progress | None = None) -> StudyRoom:
    """Open the room, load the plan that is on disk, make the pictures, and delete those of people who withdrew.

    Raises
    ------
    InputError
        When there is no plan, a photograph of it is gone, or a model's answer is to be shown and there is none.
    """
    config = read_config(study)
    plan, photographs = read_plan(study), photographs_of(study, config, jobs=jobs)
    url = room_url(study, config)
    if "://" not in url:
        Path(url).parent.mkdir(parents=True, exist_ok=True)
    engine, settings = open_room(url), room_settings(config)
    gone = (set(plan.photo_id) | planned_photographs(engine)) - set(photographs.photo_id)
    new = plan[~plan.photo_id.isin(gone)]
    n_trials = load_plan(engine, _with_answers(study, config, new, photographs), settings=settings)
    n_withdrawn = withdraw_photographs(engine, gone & planned_photographs(engine))
    paths = dict(zip(photographs.photo_id, photographs.path, strict=True))
    folders = photograph_folders(study, config)
    wanted = len(planned_photographs(engine))
    done = 0

    def load(photo_id: str) -> Image:
        nonlocal done
        from facies.imaging import decode_photograph

        image = decode_photograph(
            locate_photograph(str(paths[photo_id]), folders), max_pixels=config.faces.max_pixels, target_side=SIDE
        ).image
        done += 1
        if progress is not None:
            progress(done, wanted)
        return image

    n_pictures = prepare_pictures(engine, load)
    if not has_account(engine, COORDINATOR):
        add_account(engine, COORDINATOR, role="coordinator")
    return StudyRoom(engine, settings, n_trials, n_pictures, n_withdrawn)


def invite(room: StudyRoom, *, base: str, hours: float = 72) -> pd.DataFrame:
    """Make one link for everybody who has not entered yet, the coordinator included: ``name``, ``role``, ``link``.

    Links that were made before and not used are void.
    """
    from facies.web.accounts import waiting_accounts

    rows = [(name, role, f"{base}/enter#{create_link(room.engine, name, hours=hours)}") for name, role in waiting_accounts(room.engine)]
    return pd.DataFrame(rows, columns=["name", "role", "link"])


def _with_answers(study: Path, config: StudyConfig, plan: pd.DataFrame, photographs: pd.DataFrame) -> pd.DataFrame:
    """Add what a training case shows afterwards, and what the model says where it is to be shown."""
    owner = photographs.set_index("photo_id").participant_id
    taught = plan.is_training | plan.is_attention
    expected: list[Any] = [None] * len(plan)
    score: list[Any] = [None] * len(plan)
    for target in dict.fromkeys(plan.target):
        own = (plan.target == target).to_numpy()
        shown = own & (plan.arm == "aided").to_numpy() & ~taught.to_numpy()
        if (own & plan.is_training.to_numpy()).any():
            _fill(expected, own & plan.is_training.to_numpy(), plan, _truth(study, config, target), owner, by_photo=target != "diagnosis")
        if shown.any():
            _fill(score, shown, plan, _model_says(study, config, target), owner, by_photo=False)
    return plan.assign(
        expected=pd.Series(expected, plan.index, dtype=object), model_score=pd.Series(score, plan.index, dtype=object),
        arm=plan.arm.mask(taught, "unaided"),
    )  # fmt: skip


def _fill(cells: list[Any], rows: Any, plan: pd.DataFrame, values: pd.Series, owner: pd.Series, *, by_photo: bool) -> None:
    """Write values, by photo_id or by participant_id, into the cells of these rows; None where there is none."""
    known = values.to_dict()
    for row in np.flatnonzero(rows):
        photo_id = plan.photo_id.iloc[row]
        cells[row] = known.get(photo_id if by_photo else owner[photo_id])


def _truth(study: Path, config: StudyConfig, target: str) -> pd.Series:
    """Return the answers that training cases show: the panel's value by photo_id, or the diagnosis by participant_id."""
    if target == "diagnosis":
        diagnoses = gather_conditions(study, config, jobs=1).diagnoses.drop_duplicates("participant_id")
        known = diagnoses.set_index("participant_id").diagnosis
        return known.where(known.isin(config.conditions.target_conditions), "none")
    if target != "perceived_age":
        return pd.Series(dtype=object)
    path = find_optional_table(study, PANEL_ESTIMATES.name)
    if path is not None:
        panel = read_user_table(path, PANEL_ESTIMATES)
    else:
        given = find_optional_table(study, READINGS.name)
        if given is None:
            return pd.Series(dtype=float)
        readings = read_user_table(given, READINGS)
        if "perceived_age" not in set(readings.target):
            return pd.Series(dtype=float)
        panel = panel_means(readings, target="perceived_age")
    own = panel[panel.target == "perceived_age"]
    return pd.Series(np.round(own.panel_mean.to_numpy()), index=own.photo_id)


def _model_says(study: Path, config: StudyConfig, target: str) -> pd.Series:
    """Return the first model's answer by participant_id, from folds that never saw the person: an age, or a probability in per cent.

    Raises
    ------
    InputError
        When the study was not run, or names several conditions: one number could not say which.
    """
    if target not in ("perceived_age", "diagnosis"):
        raise InputError(f"{CONFIG_NAME}, reading.arms: no model answers '{target}': read it unaided, in a study of its own")
    table = PARTICIPANT_PREDICTIONS if target == "perceived_age" else CONDITION_SCORES
    if not table_path(study, table).exists():
        raise InputError(f"readers are to see the model's answer and there is none: run `facies run {study}` first, or set reading.arms")
    frame = read_table(study, table)
    frame = frame[(frame.model_id == frame.model_id.iloc[0]) & (frame.fold >= 0)]
    if target == "perceived_age":
        own = frame[frame.target == config.study.target]
        return pd.Series(np.round(own.predicted.to_numpy()), index=own.participant_id)
    if len(config.conditions.target_conditions) > 1:
        raise InputError(
            f"{CONFIG_NAME}, reading.arms: the model's answer is one number, and there are several target_conditions: read unaided"
        )
    said = frame[frame.learnt_from].groupby("participant_id").score.mean()
    return pd.Series(np.round(100 / (1 + np.exp(-said.to_numpy()))), index=said.index)


def export_study_readings(study: Path) -> dict[str, Path]:
    """Write what was read: ``readings.tsv`` beside the study's tables; remarks, checks and strokes in ``reading/``; marked regions.

    A readings.tsv that did not come from the room is not written over.

    Returns
    -------
    The files by what they hold.

    Raises
    ------
    InputError
        When nothing was read, or a readings.tsv of another origin is there.
    """
    config, room = read_config(study), open_study_room(study)
    readings = export_readings(room.engine, settings=room.settings)
    if readings.empty:
        raise InputError("nobody has read anything yet: see `facies read status`")
    path, copy = study / "readings.tsv", study / FOLDER / "exported_readings.tsv"
    if path.exists() and not (copy.exists() and path.read_bytes() == copy.read_bytes()):
        raise InputError(f"{path.name} is there and did not come from the room as it is: move it away, then export again")
    written = {"copy": write_tsv(copy, READINGS.validate(readings)), "readings": write_tsv(path, readings)}
    for name, frame in (
        ("remarks", export_remarks(room.engine)), ("attention", export_attention(room.engine, settings=room.settings)),
        ("strokes", export_strokes(room.engine)),
    ):  # fmt: skip
        if len(frame):
            written[name] = write_tsv(study / FOLDER / f"{name}.tsv", frame)
    if "strokes" in written:
        written |= _marks(study, config, room, export_strokes(room.engine))
    return written


def _marks(study: Path, config: StudyConfig, room: StudyRoom, strokes: pd.DataFrame) -> dict[str, Path]:
    """Bring strokes onto the face atlas, where faces have been found (`facies run`)."""
    if not table_path(study, FACES).exists():
        return {}
    faces = read_table(study, FACES)
    used = faces[faces.included]
    sizes = _upright_sizes(study, config, room)
    unaided = strokes[(strokes.stage == "unaided") & strokes.photo_id.isin(set(used.photo_id))]
    if unaided.empty:
        return {}
    contract = training_contract(study, config, size=MARKS_SIDE)
    painted = paint_crops(unaided[list(STROKE_COLUMNS)], used, sizes, contract)
    marks = mark_regions(painted.brushes, contract, points=painted.points)
    return {"region_marks": write_tsv(study / "region_marks.tsv", REGION_MARKS.validate(marks))}


def _upright_sizes(study: Path, config: StudyConfig, room: StudyRoom) -> dict[str, tuple[float, float]]:
    """Return width and height of each photograph as people see it; files hold them before they are turned."""
    known = photographs_of(study, config, jobs=1).set_index("photo_id")
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
