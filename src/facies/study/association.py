"""The stage that holds perceived ages against outcomes and genes: what is asked, from whom, and the tables that come of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from facies.association import (
    OutcomeSpec,
    age_gaps,
    associate,
    associate_traits,
    association_curves,
    association_steps,
    compare_sources,
    compare_sources_on_traits,
    exposures_from_predictions,
    proxy_inference,
    proxy_slopes,
    require_counts,
    require_covariates,
    require_outcomes,
)
from facies.association.genes import preflight
from facies.cohort import consenting_participants, near_identifiers, why_differ
from facies.errors import InputError
from facies.store import table_path, write_table
from facies.study.config import CONFIG_NAME, AssociationSection, OutcomeSection, StudyConfig
from facies.study.intake import Cohort, values_hash
from facies.study.margins import coefficient_margins, mark_compared, read_margins
from facies.study.stages import Outcome, Stage
from facies.tables import (
    AGE_GAP_SUMMARIES,
    AGE_GAPS,
    ASSOCIATION_CURVES,
    ASSOCIATION_STEPS,
    ASSOCIATIONS,
    COMPARISONS,
    FOLD_PREDICTIONS,
    PARTICIPANT_PREDICTIONS,
    PREFLIGHT,
    PROXY_ESTIMATES,
    READING_NOISE,
    Table,
)

PANEL = "panel"
"""The source of the human perceived age."""


@dataclass(frozen=True, eq=False)
class Material:
    """What associations are computed from; ``people`` are participants with their outcomes and gene scores beside them."""

    predictions: pd.DataFrame
    fold_predictions: pd.DataFrame
    people: pd.DataFrame
    noise: pd.DataFrame | None
    asked: AssociationSection
    target: str
    random_state: int

    @property
    def sources(self) -> list[str] | None:
        """Return the sources that the study names; None for the panel and every model."""
        return [exposure.source for exposure in self.asked.exposures] or None

    @cached_property
    def perceived_ages(self) -> pd.DataFrame:
        """Return the perceived ages (or ages) by source, in years."""
        return exposures_from_predictions(self.predictions, target=self.target, participants=self.people, sources=self.sources)

    @cached_property
    def exposures(self) -> pd.DataFrame:
        """Return perceived ages as they are put into a regression: as their difference from age under the study's direction."""
        if self.target == "age":
            return self.perceived_ages.drop(columns="age[panel]", errors="ignore")
        return exposures_from_predictions(
            self.predictions, target=self.target, participants=self.people, direction=self.asked.direction, sources=self.sources
        )

    @cached_property
    def outcome_specs(self) -> dict[str, OutcomeSpec]:
        """Return what each outcome is."""
        return {outcome.name: outcome_spec(outcome) for outcome in self.asked.outcomes}

    @property
    def outcomes(self) -> pd.DataFrame:
        """Return the columns that outcomes are read from."""
        columns = [column for spec in self.outcome_specs.values() for column in (spec.name, spec.duration, spec.person_time) if column]
        return self.people[["participant_id", *dict.fromkeys(columns)]]

    @property
    def traits(self) -> pd.DataFrame:
        """Return the columns of what may change how old people look."""
        return self.people[["participant_id", *(trait.name for trait in self.asked.traits)]]

    @property
    def trait_steps(self) -> dict[str, float]:
        """Return the step of each trait."""
        return {trait.name: trait.per for trait in self.asked.traits}

    @property
    def step(self) -> dict[str, float]:
        """Return the step of each exposure, by its name before the bracket."""
        return {str(name).partition("[")[0]: self.asked.per_years for name in self.exposures.columns if name != "participant_id"}

    @property
    def has_human(self) -> bool:
        """Return whether a human perceived age stands beside computed ones."""
        return self.target == "perceived_age" and f"perceived_age[{PANEL}]" in self.perceived_ages and self.perceived_ages.shape[1] > 2


def outcome_spec(outcome: OutcomeSection) -> OutcomeSpec:
    """Return an outcome of ``study.toml`` as associations take it."""
    return OutcomeSpec(
        name=outcome.name,
        kind=outcome.kind,
        duration=outcome.duration,
        time_scale=outcome.time_scale,
        person_time=outcome.person_time,
        count_model=outcome.count_model,
        test_family=outcome.test_family,
    )


def is_asked(config: StudyConfig) -> bool:
    """Return whether the study names outcomes or traits."""
    return bool(config.association.outcomes or config.association.traits)


def association_stage(
    study: Path, config: StudyConfig, cohort: Cohort, predictions: pd.DataFrame, fold_predictions: pd.DataFrame,
    scores: pd.DataFrame | None, *, genotypes: Mapping[str, Path], genotyped: Callable[[], Collection[str] | None], random_state: int,
) -> Stage | None:  # fmt: skip
    """Return the stage ``association``, or None when the study names neither outcomes nor traits.

    ``genotypes`` are the files whose change makes it run again, ``genotyped`` reads who stands in them when it does.
    """
    if not is_asked(config):
        return None
    people = with_scores(join_people(consenting_participants(cohort.participants), cohort.outcomes), scores)
    material = Material(predictions, fold_predictions, people, cohort.noise, config.association, config.study.target, random_state)

    def compute() -> Outcome:
        tables = analyse(material) | {PREFLIGHT: find_losses(config, cohort, predictions, genotyped())}
        paths = [write_table(study, table, frame) for table, frame in tables.items()]
        _remove_others(study, paths)
        if COMPARISONS in tables:
            mark_compared(study)
        found = tables[ASSOCIATIONS]
        without = int(found.estimate.isna().sum())
        return Outcome(tuple(paths), len(found), len(found) - without, {"no estimate": without} if without else {})

    inputs = {
        "participant_predictions": table_path(study, PARTICIPANT_PREDICTIONS),
        "fold_predictions": table_path(study, FOLD_PREDICTIONS),
        **genotypes,
    }
    if cohort.noise is not None:
        inputs["reading_noise"] = table_path(study, READING_NOISE)
    registered = [record.registered_at for record in read_margins(study)][-1:]
    settings = config.association.model_dump() | {"people": values_hash(people), "margins_registered_at": registered}
    return Stage("association", settings, inputs, compute)


WRITTEN = (
    ASSOCIATION_STEPS, ASSOCIATION_CURVES, COMPARISONS, PROXY_ESTIMATES, AGE_GAPS, AGE_GAP_SUMMARIES, PREFLIGHT,
)  # fmt: skip
"""Tables beside ``associations`` that the stage may write."""


def _remove_others(study: Path, paths: list[Path]) -> None:
    """Delete tables of an earlier run that the study no longer asks for."""
    for table in WRITTEN:
        path = table_path(study, table)
        if path not in paths:
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)


def find_losses(config: StudyConfig, cohort: Cohort, predictions: pd.DataFrame, genotyped: Collection[str] | None) -> pd.DataFrame:
    """Return table ``preflight``: who is in which tables, and what each lacks first of what the study asks for."""
    asked = config.association
    needs = ["in_participants", "photographed", "computed"]
    needs += ["human"] * (config.study.target == "perceived_age")
    needs += ["outcomes"] * bool(asked.outcomes and cohort.outcomes is not None)
    needs += ["genotyped"] * (genotyped is not None)
    consenting = consenting_participants(cohort.participants)
    table = preflight(
        consenting, cohort.photographs, predictions, cohort.outcomes, genotyped, needs=needs, near=near_identifiers, why_differ=why_differ,
    )  # fmt: skip
    withdrawn = ~cohort.participants.participant_id.isin(consenting.participant_id)
    return table[~table.participant_id.isin(cohort.participants.participant_id[withdrawn])].reset_index(drop=True)


def analyse(material: Material) -> dict[Table, pd.DataFrame]:
    """Return every table that the study asks for; tables that would have no rows are left out, ``associations`` apart.

    Raises
    ------
    InputError
        When a named column is not what it is said to be.
    """
    tables = {ASSOCIATIONS: estimate_associations(material)}
    if material.asked.outcomes:
        tables[ASSOCIATION_STEPS] = _steps(material)
        if material.asked.curves:
            tables[ASSOCIATION_CURVES] = _curves(material)
    if material.has_human:
        tables[COMPARISONS] = compare_with_human(material)
        if material.asked.proxy_inference:
            tables[PROXY_ESTIMATES] = _proxies(material)
    if material.target == "perceived_age":
        gaps, summaries = age_gaps(
            material.predictions, material.people, n_bootstrap=material.asked.n_bootstrap, cluster_by=material.asked.cluster_by,
            random_state=material.random_state,
        )  # fmt: skip
        tables |= {AGE_GAPS: gaps, AGE_GAP_SUMMARIES: summaries}
    return {table: frame for table, frame in tables.items() if table is ASSOCIATIONS or len(frame)}


def estimate_associations(material: Material) -> pd.DataFrame:
    """Return table ``associations``: every source with every outcome and trait, and human and computed ones on each other."""
    asked = material.asked
    tables: list[pd.DataFrame] = []
    shared: dict[str, Any] = {"adjustments": asked.adjustments, "cluster_by": asked.cluster_by, "clustering": asked.clustering}
    imputing: dict[str, Any] = {
        "multiple_imputation": asked.multiple_imputation,
        "n_imputations": asked.n_imputations,
        "random_state": material.random_state,
    }
    if asked.outcomes:
        tables.append(
            associate(
                material.exposures, material.outcomes, material.people, outcome_kinds=material.outcome_specs, per=material.step,
                min_events=asked.min_events, sex_interaction=asked.sex_interaction, e_values=asked.e_values, **shared, **imputing,
            )
        )  # fmt: skip
    if asked.traits:
        tables.append(
            associate_traits(material.traits, material.perceived_ages, material.people, per=material.trait_steps, **shared, **imputing)
        )
    if material.has_human:
        slopes = proxy_slopes(material.perceived_ages, material.people, adjustments=asked.adjustments, cluster_by=asked.cluster_by)
        tables.append(slopes)
    return ASSOCIATIONS.validate(pd.concat(tables, ignore_index=True))


def _steps(material: Material) -> pd.DataFrame:
    asked = material.asked
    return association_steps(
        material.exposures, material.outcomes, material.people, outcome_kinds=material.outcome_specs, adjustments=asked.adjustments,
        multiple_imputation=asked.multiple_imputation,
    )  # fmt: skip


def _curves(material: Material) -> pd.DataFrame:
    asked = material.asked
    return association_curves(
        material.exposures, material.outcomes, material.people, outcome_kinds=material.outcome_specs, adjustments=asked.adjustments,
        min_events=asked.min_events, cluster_by=asked.cluster_by,
    )  # fmt: skip


def compare_with_human(material: Material) -> pd.DataFrame:
    """Return table ``comparisons``: each computed source against the human one in the same people."""
    asked = material.asked
    tables: list[pd.DataFrame] = []
    shared: dict[str, Any] = {
        "adjustments": asked.adjustments,
        "n_bootstrap": asked.n_bootstrap,
        "cluster_by": asked.cluster_by,
        "noise": material.noise,
        "random_state": material.random_state,
    }
    margins = coefficient_margins(asked)
    if asked.outcomes:
        human = next(str(name) for name in material.exposures.columns if str(name).endswith(f"[{PANEL}]"))
        tables.append(
            compare_sources(
                material.exposures, material.outcomes, material.people, outcome_kinds=material.outcome_specs, per=material.step,
                min_events=asked.min_events, human=human, margins=_only(margins, material.outcome_specs), **shared,
            )
        )  # fmt: skip
    if asked.traits:
        tables.append(
            compare_sources_on_traits(
                material.traits, material.perceived_ages, material.people, per=material.trait_steps,
                margins=_only(margins, material.trait_steps), **shared,
            )
        )  # fmt: skip
    return COMPARISONS.validate(pd.concat(tables, ignore_index=True))


def _only(margins: Mapping[str, float], names: Iterable[str]) -> dict[str, float]:
    return {name: margins[name] for name in names if name in margins}


def _proxies(material: Material) -> pd.DataFrame:
    """Return estimates that use the computed perceived ages of people without readings, by the models of the folds."""
    asked = material.asked
    kinds = {name: spec for name, spec in material.outcome_specs.items() if spec.kind in ("binary", "continuous")}
    return proxy_inference(
        material.predictions, material.fold_predictions, material.people, outcomes=material.outcomes if kinds else None,
        outcome_kinds=kinds or None, traits=material.traits if asked.traits else None, adjustments=asked.adjustments,
        per={**material.step, **material.trait_steps}, direction=asked.direction, min_events=asked.min_events, cluster_by=asked.cluster_by,
    )  # fmt: skip


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
    require_outcomes(people, [outcome_spec(outcome) for outcome in asked.outcomes])
    for trait in asked.traits:
        if trait.name in people:
            require_counts(people[trait.name])
    if asked.outcomes or asked.traits:
        require_covariates(people, asked.adjustments)


def with_scores(people: pd.DataFrame, scores: pd.DataFrame | None) -> pd.DataFrame:
    """Return people with their gene scores beside them.

    Raises
    ------
    InputError
        When a score has the name of a column that is there already.
    """
    if scores is None:
        return people
    both = [name for name in scores.columns if name in people.columns and name != "participant_id"]
    if both:
        raise InputError(f"gene score '{both[0]}' is also a column of the participants or outcomes: rename one of them")
    return people.merge(scores, on="participant_id", how="left", validate="one_to_one")


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
