"""Frozen models of conditions on new photographs: one row a photograph and condition."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.faces import faces_table
from facies.models import Bundle, ConditionBundle
from facies.study.extraction import Result

if TYPE_CHECKING:
    from facies.study.cluster.photographs import Photograph

INTENDED_USE = "research only"

BEFORE = ("photo_id", "face_id", "model_id", "target_condition", "score", "probability")
AFTER = ("warning", "included", "exclusion_reason", "intended_use")


def parse_prevalence(given: Sequence[str], model: Bundle | ConditionBundle) -> dict[str, float] | None:
    """Read ``condition=share``, or a share alone for all conditions of the model; None where nothing is given.

    Raises
    ------
    InputError
        When the model predicts age, has no such condition, or a share is not between 0 and 1.
    """
    if not given:
        return None
    if isinstance(model, Bundle):
        raise InputError(f"{model.card.model_id} predicts {model.card.target}, which no prevalence changes: leave --prevalence out")
    found: dict[str, float] = {}
    for text in given:
        name, equals, share = text.rpartition("=")
        if equals and name not in model.models:
            raise InputError(f"--prevalence {text}: {model.card.model_id} knows {', '.join(model.models)}, name one of these")
        found |= dict.fromkeys([name] if equals else list(model.models), _share(share, text))
    return found


def _share(share: str, text: str) -> float:
    try:
        value = float(share)
    except ValueError:
        value = np.nan
    if not 0 < value < 1:
        raise InputError(f"--prevalence {text}: give a share between 0 and 1, such as 0.001 or acromegaly=0.001")
    return value


def columns_of(model: ConditionBundle, prevalence: Mapping[str, float] | None) -> list[str]:
    """Return the columns of the table, in order."""
    further = [] if prevalence is None else ["probability_at_prevalence"]
    return [*BEFORE, *further, *(f"positive_{rule}" for rule in model.card.operating_points), *AFTER]


def condition_predictions(
    model: ConditionBundle, photographs: Sequence[Photograph], results: Sequence[Result], *, prevalence: Mapping[str, float] | None
) -> pd.DataFrame:
    """Return one row a photograph and condition, in the order of ``photographs``: scores and calls, or why there are none."""
    with_face = [result for result in results if result.face_id is not None]
    scores = _scores(model, with_face, prevalence)
    columns = ["photo_id", "face_id", "included", "exclusion_reason", *model.card.quality]
    faces = pd.concat([chosen_face(result)[columns] for result in results], ignore_index=True)
    conditions = pd.DataFrame({"target_condition": list(model.models)})
    table = faces.merge(conditions, how="cross").merge(scores, on=["face_id", "target_condition"], how="left", validate="one_to_one")
    order = {photograph.photo_id: place for place, photograph in enumerate(photographs)}
    table = table.sort_values("photo_id", key=lambda names: names.map(order), kind="stable", ignore_index=True)
    known = {photograph.photo_id: photograph for photograph in photographs}
    warnings = [_warning(model, row, known[row["photo_id"]]) for row in table.to_dict("records")]
    return table.assign(model_id=model.card.model_id, warning=warnings, intended_use=INTENDED_USE)[columns_of(model, prevalence)]


def _scores(model: ConditionBundle, with_face: Sequence[Result], prevalence: Mapping[str, float] | None) -> pd.DataFrame:
    vectors = [result.vectors[0] for result in with_face]
    stacked = np.concatenate(vectors) if vectors else np.empty((0, model.card.encoder.dimension))
    scores = model.predict_vectors(stacked, prevalence=prevalence)
    face_ids = np.array([str(result.face_id) for result in with_face], dtype=object)
    calls = {name: "boolean" for name in scores.columns if name.startswith("positive_")}
    table: pd.DataFrame = scores.assign(face_id=face_ids[scores["row"].to_numpy(dtype=np.int64)]).astype(calls)
    return table.drop(columns="row")


def _warning(model: ConditionBundle, row: Mapping[Hashable, Any], photograph: Photograph) -> str | float:
    """Return the row's warnings; missing where there is no prediction, as where there is nothing to say."""
    if not row["included"]:
        return np.nan
    quality = {name: float(row[name]) for name in model.card.quality}
    return model.warn(unlike=bool(row["unlike_training"]), quality=quality, age=photograph.age, source=photograph.source) or np.nan


def chosen_face(result: Result) -> pd.DataFrame:
    """Return the row of the face that is used, or the one that says why there is none."""
    faces = faces_table(result.rows)
    used = faces[faces.included]
    telling = faces[faces.exclusion_reason.ne("another_face_chosen")]
    return (used if len(used) else telling).head(1)
