"""Learning curves of a study: the error against labelled people and against readers a photograph, and what more of each would bring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from facies.cohort import consenting_participants, read_intake
from facies.evaluation import FEWEST_SIZES, Forecast, LearningCurve, learning_curve, log_sizes
from facies.models.subsets import SubsetPredictions, predict_by_labels, predict_by_subsets
from facies.readers import FewerReaders, draw_fewer_readers, readers_a_photograph
from facies.records import Embeddings
from facies.stats.noise import MEAN_ABSOLUTE_NORMAL, pooled_sd
from facies.study.config import StudyConfig
from facies.study.intake import Cohort, intake_settings
from facies.study.learning_ways import way_of
from facies.tables import LEARNING_CURVES, LEARNING_FORECASTS, Table

N_REPEATS = 5
"""Random subsets of each size."""
N_SIZES, N_READER_SIZES = 8, 6
SMALLEST = 20
"""A subset has at least so many people."""
SPAN = 16
"""The largest subset has at most so many times the people of the smallest."""
MORE_PEOPLE, MORE_READERS = 500, 10
"""How many more the forecasts are for."""

EXPONENTS = {"people": None, "readers": 1.0}
"""The exponent of each curve: chosen, or known, since the variance of a mean of k readings goes with 1/k."""


class _Case(NamedTuple):
    """One curve to be drawn: what grows, how far, whose predictions, and the noise floor of the labels learnt from."""

    along: str
    sizes: list[int]
    predictions: SubsetPredictions
    floors: list[float]
    now: int


class ReaderDraws(NamedTuple):
    """Labels by fewer readers, and how many readers a photograph has."""

    drawn: list[FewerReaders]
    reading_sd: float
    n_readers: int


def draw_curves(
    encoded: Sequence[Embeddings], cohort: Cohort, config: StudyConfig, owners: pd.Series, readers: ReaderDraws | None, *, random_state: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return tables ``learning_curves`` and ``learning_forecasts`` of ridge regression on each encoder's vectors.

    Parameters
    ----------
    encoded
        Vectors of included faces.
    owners
        participant_id by face_id.
    readers
        From :func:`draw_readers`; None for the curve over people alone.
    """
    curves, forecasts = [LEARNING_CURVES.empty()], [LEARNING_FORECASTS.empty()]
    for embeddings in encoded:
        for case in _cases(embeddings, cohort, config, owners, readers, random_state):
            curve = _curve(case, cohort, config, random_state)
            curves.append(_curve_rows(embeddings.card.name, case, curve))
            forecasts.append(_forecast_rows(embeddings.card.name, case, curve))
    return _joined(LEARNING_CURVES, curves), _joined(LEARNING_FORECASTS, forecasts)


def _joined(table: Table, frames: list[pd.DataFrame]) -> pd.DataFrame:
    return table.validate(pd.concat(frames[1:], ignore_index=True) if len(frames) > 1 else frames[0])


def draw_readers(study: Path, config: StudyConfig, cohort: Cohort, *, random_state: int) -> tuple[ReaderDraws | None, str]:
    """Return labels by fewer readers a photograph, or None and why there are none."""
    if config.study.target != "perceived_age":
        return None, "no curve over readers: the target is age, which nobody reads"
    readings = read_intake(study, settings=intake_settings(config)).readings
    if readings is None:
        return None, "no curve over readers: it needs single readings (readings.tsv), the study has panel estimates"
    people = consenting_participants(cohort.participants)
    photographs = cohort.photographs[cohort.photographs.included & cohort.photographs.participant_id.isin(people.participant_id)]
    n_readers = readers_a_photograph(readings, photographs, target=config.study.target)
    sizes = log_sizes(1, n_readers, n=N_READER_SIZES)
    if len(sizes) < FEWEST_SIZES or cohort.noise is None:
        return None, f"no curve over readers: half of the photographs have {n_readers} or fewer, it needs 3"
    drawn = draw_fewer_readers(
        readings, photographs, target=config.study.target, sizes=sizes, n_repeats=N_REPEATS, random_state=random_state
    )  # fmt: skip
    sd = pooled_sd(cohort.noise.sum_squares.to_numpy(), cohort.noise.degrees_of_freedom.to_numpy())
    return ReaderDraws(drawn, sd, n_readers), ""


def _cases(
    embeddings: Embeddings, cohort: Cohort, config: StudyConfig, owners: pd.Series, readers: ReaderDraws | None, random_state: int
) -> Iterator[_Case]:
    families = cohort.participants.set_index("participant_id").family_id if config.models.group == "family_id" else None
    given: dict[str, Any] = {
        "face_ids": embeddings.face_ids, "participant_ids": [str(owners[face_id]) for face_id in embeddings.face_ids],
        "y_by_participant": cohort.labels.observed, "folds": cohort.splits.set_index("participant_id").fold, "groups": families,
        "random_state": random_state,
    }  # fmt: skip
    n_labelled, n_training = count_training(cohort, given["participant_ids"])
    sizes = log_sizes(max(SMALLEST, round(n_training / SPAN)), n_training, n=N_SIZES)
    if len(sizes) >= FEWEST_SIZES:
        predictions = predict_by_subsets(
            embeddings.vectors, sizes=sizes, n_repeats=N_REPEATS, weight_by_participant=cohort.labels.n_readers, **given
        )  # fmt: skip
        yield _Case("people", sizes, predictions, [_floor(cohort)] * len(sizes), n_labelled)
    if readers is not None:
        labels = {each.n_readers: each.labels for each in readers.drawn}
        weights = {each.n_readers: each.weights for each in readers.drawn}
        predictions = predict_by_labels(embeddings.vectors, labels=labels, weights=weights, **given)
        floors = [MEAN_ABSOLUTE_NORMAL * readers.reading_sd * each.noise_factor for each in readers.drawn]
        yield _Case("readers", list(labels), predictions, floors, readers.n_readers)


def count_training(cohort: Cohort, participant_ids: Sequence[str]) -> tuple[int, int]:
    """Return how many labelled people in folds have a face, and how many of them the largest training set holds."""
    fold = cohort.splits.set_index("participant_id").fold
    fold = fold[(fold >= 0) & fold.index.isin(cohort.labels.index) & fold.index.isin(set(participant_ids))]
    return len(fold), int(len(fold) - fold.value_counts().min())


def _floor(cohort: Cohort) -> float:
    """Return the noise floor of the full labels; NaN where nobody read, or only one reader."""
    if cohort.noise is None:
        return float("nan")
    sd = pooled_sd(cohort.noise.sum_squares.to_numpy(), cohort.noise.degrees_of_freedom.to_numpy())
    return MEAN_ABSOLUTE_NORMAL * sd * float(cohort.noise.noise_factor.mean())


def _curve(case: _Case, cohort: Cohort, config: StudyConfig, random_state: int) -> LearningCurve:
    observed = cohort.labels.observed[case.predictions.participant_ids].to_numpy(dtype=np.float64)
    return learning_curve(
        case.predictions.predicted, observed, sizes=case.sizes, clusters=_clusters(cohort, case.predictions.participant_ids),
        exponent=EXPONENTS[case.along], n_bootstrap=config.evaluation.n_bootstrap, random_state=random_state,
    )  # fmt: skip


def _clusters(cohort: Cohort, participant_ids: list[str]) -> list[str]:
    """Name the family of each person; people without one are their own."""
    people = cohort.participants.set_index("participant_id")
    families = people.family_id.to_dict() if "family_id" in people else {}
    return [f"person {name}" if pd.isna(families.get(name)) else f"family {families[name]}" for name in participant_ids]


def _curve_rows(encoder: str, case: _Case, curve: LearningCurve) -> pd.DataFrame:
    return pd.DataFrame({
        "way": way_of(encoder), "model_id": f"{encoder}+ridge", "along": case.along, "size": curve.sizes, "n": curve.n,
        "n_repeats": curve.n_repeats, "mae": curve.mae, "ci_low": curve.ci_low, "ci_high": curve.ci_high, "repeat_sd": curve.repeat_sd,
        "fitted": [float(curve.law.at(size)) for size in curve.sizes], "label_noise_floor": case.floors,
    })  # fmt: skip


def _forecast_rows(encoder: str, case: _Case, curve: LearningCurve) -> pd.DataFrame:
    wanted = sorted({2 * case.now, case.now + MORE_PEOPLE}) if case.along == "people" else [case.now + MORE_READERS]
    shared = {
        "way": way_of(encoder), "model_id": f"{encoder}+ridge", "along": case.along, "asymptote": float(curve.law.asymptote),
        "exponent": float(curve.law.exponent), "miss": curve.miss,
    }  # fmt: skip
    table = pd.DataFrame([shared | _forecast_row(curve.forecast(case.now, size)) for size in wanted])
    return table[[column.name for column in LEARNING_FORECASTS.columns]]


def _forecast_row(forecast: Forecast) -> dict[str, float]:
    names = (("mae", "mae_low", "mae_high"), ("gain", "gain_low", "gain_high"))
    numbers = dict(zip(names[0], forecast.mae, strict=True)) | dict(zip(names[1], forecast.gain, strict=True))
    return {"start": forecast.start, "size": forecast.size, "mae_start": forecast.mae_start} | numbers
