"""Whether pretraining helped: the pretrained encoder against the same network before it, and against the study's other encoders."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from facies.evaluation import compare_models, evaluate_predictions
from facies.models import cross_fit
from facies.records import Embeddings
from facies.study.config import StudyConfig
from facies.study.intake import Cohort
from facies.tables import PRETRAINING_HELP

ALL, HELD_OUT = "all", "held_out"


@dataclass(frozen=True, eq=False)
class Encoded:
    """Vectors by one encoder, and whose face each is."""

    embeddings: Embeddings
    participant_ids: Sequence[str]


def compare_encoders(
    encoded: Sequence[Encoded], cohort: Cohort, config: StudyConfig, *, held_out: Collection[str], random_state: int
) -> pd.DataFrame:
    """Cross-fit each encoder with the study's first regressor, and take the error of the first encoder minus that of each other.

    Differences are of the same people and their intervals resample people, both errors together.

    Parameters
    ----------
    encoded
        The pretrained encoder first.
    held_out
        People whom pretraining never saw; they are also compared on their own.

    Returns
    -------
    Table ``helped`` (:data:`facies.tables.PRETRAINING_HELP`).
    """
    predictions = pd.concat([_predictions(one, cohort, config, random_state) for one in encoded], ignore_index=True)
    groups = {ALL: predictions, HELD_OUT: predictions[predictions.participant_id.isin(held_out)]}
    rows = [row for people, part in groups.items() for row in _rows(part, people, cohort, config, random_state)]
    return PRETRAINING_HELP.validate(pd.DataFrame(rows, columns=[column.name for column in PRETRAINING_HELP.columns]))


def _predictions(encoded: Encoded, cohort: Cohort, config: StudyConfig, random_state: int) -> pd.DataFrame:
    regressor = config.models.regressors[0]
    people = cohort.participants.set_index("participant_id")
    fit = cross_fit(
        encoded.embeddings.vectors,
        face_ids=encoded.embeddings.face_ids,
        participant_ids=encoded.participant_ids,
        y_by_participant=cohort.labels.observed,
        weight_by_participant=cohort.labels.n_readers,
        folds=cohort.splits.set_index("participant_id").fold,
        groups=people.family_id if config.models.group == "family_id" else None,
        regressor=regressor,
        model_id=f"{encoded.embeddings.card.name}+{regressor}",
        target=config.study.target,
        level=config.models.interval_level,
        random_state=random_state,
    )
    known: pd.DataFrame = fit.participant_predictions[fit.participant_predictions.observed.notna()]
    return known


def _rows(predictions: pd.DataFrame, people: str, cohort: Cohort, config: StudyConfig, random_state: int) -> list[dict[str, Any]]:
    """Return one row a model; none where fewer than two people are left to compare."""
    if predictions.participant_id.nunique() < 2:
        return []
    target, n_bootstrap = config.study.target, config.evaluation.n_bootstrap
    errors = evaluate_predictions(
        predictions, cohort.participants, target=target, subgroups=(), n_bootstrap=n_bootstrap, random_state=random_state
    )  # fmt: skip
    own = errors[errors.metric == "mae"].set_index("system")
    first, *others = dict.fromkeys(predictions.model_id)
    rows = [_row(first, people, own.loc[first], None)]
    for other in others:
        compared = compare_models(
            predictions, cohort.participants, target=target, model_id=first, against=other, n_bootstrap=n_bootstrap,
            random_state=random_state,
        )  # fmt: skip
        rows.append(_row(other, people, own.loc[other], compared[compared.metric == "mae_difference"].iloc[0]))
    return rows


def _row(model_id: str, people: str, mae: Any, difference: Any) -> dict[str, Any]:
    ends = (np.nan, np.nan, np.nan) if difference is None else (difference.value, difference.ci_low, difference.ci_high)
    values = dict(zip(("difference", "ci_low", "ci_high"), map(float, ends), strict=True))
    own = {"n": int(mae.n), "mae": float(mae.value), "mae_low": float(mae.ci_low), "mae_high": float(mae.ci_high)}
    return {"model_id": model_id, "people": people, **own, **values}
