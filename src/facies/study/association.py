"""The stage that holds perceived ages against outcomes and genes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facies.association import (
    associate,
    associate_traits,
    exposures_from_predictions,
    proxy_slopes,
    require_counts,
    require_covariates,
    require_outcome,
)
from facies.cohort import consenting_participants
from facies.errors import InputError
from facies.store import table_path, write_table
from facies.study.config import CONFIG_NAME, AssociationSection, StudyConfig
from facies.study.intake import Cohort, values_hash
from facies.study.stages import Outcome, Stage
from facies.tables import ASSOCIATIONS, PARTICIPANT_PREDICTIONS


def association_stage(study: Path, config: StudyConfig, cohort: Cohort, predictions: pd.DataFrame) -> Stage | None:
    """Return the stage ``association``, or None when the study names neither outcomes nor traits."""
    asked = config.association
    if not asked.outcomes and not asked.traits:
        return None

    people = join_people(consenting_participants(cohort.participants), cohort.outcomes)

    def compute() -> Outcome:
        table = associate_study(predictions, people, asked, target=config.study.target)
        path = write_table(study, ASSOCIATIONS, table)
        without = int(table.estimate.isna().sum())
        return Outcome((path,), len(table), len(table) - without, {"no estimate": without} if without else {})

    inputs = {"participant_predictions": table_path(study, PARTICIPANT_PREDICTIONS)}
    return Stage("association", asked.model_dump() | {"people": values_hash(people)}, inputs, compute)


def require_analysable(people: pd.DataFrame, asked: AssociationSection) -> None:
    """Refuse outcomes, traits and covariates that cannot be analysed as the study asks.

    Raises
    ------
    InputError
        Naming the column and what to do.
    """
    for named in ([outcome.name for outcome in asked.outcomes], [trait.name for trait in asked.traits]):
        twice = [name for name in named if named.count(name) > 1]
        if twice:
            raise InputError(f"{CONFIG_NAME}, association names '{twice[0]}' twice: name it once")
    for outcome in asked.outcomes:
        require_outcome(people[outcome.name], outcome.kind)
    for trait in asked.traits:
        require_counts(people[trait.name])
    if asked.outcomes or asked.traits:
        require_covariates(people, asked.adjustments)


def associate_study(predictions: pd.DataFrame, people: pd.DataFrame, asked: AssociationSection, *, target: str) -> pd.DataFrame:
    """Return table ``associations`` of all that the study asks for; ``people`` are participants with their outcomes beside them.

    Raises
    ------
    InputError
        When a named column is not what it is said to be.
    """
    tables = []
    if asked.outcomes:
        exposures = _exposures(predictions, people, asked, target=target)
        step = {str(name).partition("[")[0]: asked.per_years for name in exposures.columns if name != "participant_id"}
        kinds = {outcome.name: outcome.kind for outcome in asked.outcomes}
        named = people[["participant_id", *kinds]]
        tables.append(
            associate(exposures, named, people, outcome_kinds=kinds, adjustments=asked.adjustments, per=step, min_events=asked.min_events)
        )
    if asked.traits:
        counts = people[["participant_id", *(trait.name for trait in asked.traits)]]
        traits = exposures_from_predictions(predictions, target=target)
        per = {trait.name: trait.per for trait in asked.traits}
        tables.append(associate_traits(counts, traits, people, adjustments=asked.adjustments, per=per))
    if target == "perceived_age":
        tables.append(proxy_slopes(exposures_from_predictions(predictions), people, adjustments=asked.adjustments))
    return ASSOCIATIONS.validate(pd.concat(tables, ignore_index=True))


def _exposures(predictions: pd.DataFrame, people: pd.DataFrame, asked: AssociationSection, *, target: str) -> pd.DataFrame:
    """Return perceived ages by source, as they are or as their difference from age under the study's direction."""
    if target == "age":
        return exposures_from_predictions(predictions, target=target).drop(columns="age[panel]")
    return exposures_from_predictions(predictions, target=target, participants=people, direction=asked.direction)


def join_people(participants: pd.DataFrame, outcomes: pd.DataFrame | None) -> pd.DataFrame:
    """Return participants with their outcomes beside them.

    Raises
    ------
    InputError
        When a column stands in both tables.
    """
    if outcomes is None:
        return participants
    both = [name for name in outcomes.columns if name in participants.columns and name != "participant_id"]
    if both:
        raise InputError(f"column '{both[0]}' stands in the participants' and in the outcomes' table: keep one of them")
    return participants.merge(outcomes, on="participant_id", how="left", validate="one_to_one")
