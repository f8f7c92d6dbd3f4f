"""The discovery's analyses on another study's people: outcomes, traits, steps, signs and adjustment sets as they were, none chosen anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from facies.association import associate, associate_traits
from facies.association.replication import KEY, is_effect
from facies.errors import InputError
from facies.study.association import PANEL, Material, require_analysable
from facies.study.config import AssociationSection, OutcomeSection
from facies.tables import REPLICATION_ASSOCIATIONS

COLUMN = "column:"


@dataclass(frozen=True, eq=False)
class Feasible:
    """What of the discovery's analyses can be done here, and why the rest cannot.

    ``lacking`` leads from a kind (source, variable or adjustment) and its name to what is absent.
    """

    asked: AssociationSection
    sources: tuple[str, ...]
    lacking: dict[tuple[str, str], str]


def find_feasible(asked: AssociationSection, people: pd.DataFrame, *, model_ids: Iterable[str], has_readings: bool) -> Feasible:
    """Hold the discovery's analyses against the columns that this study has.

    Raises
    ------
    InputError
        When none of the outcomes and traits, or none of the adjustment sets, can be had here.
    """
    models = list(model_ids)
    lacking = {("source", name): reason for name, reason in _lacking_sources(asked, people, models, has_readings)}
    columns = {("variable", outcome.name): _columns_of(outcome) for outcome in asked.outcomes}
    columns |= {("variable", trait.name): [trait.name] for trait in asked.traits}
    columns |= {("adjustment", name): covariates for name, covariates in asked.adjustments.items()}
    lacking |= {key: reason for key, names in columns.items() if (reason := _absent(names, people))}
    kept = asked.model_copy(
        update={
            "outcomes": [outcome for outcome in asked.outcomes if ("variable", outcome.name) not in lacking],
            "traits": [trait for trait in asked.traits if ("variable", trait.name) not in lacking],
            "adjustments": {name: covariates for name, covariates in asked.adjustments.items() if ("adjustment", name) not in lacking},
            "multiple_imputation": False,
            "sex_interaction": False,
            "curves": False,
            "e_values": False,
        }
    )
    _require_something(asked, kept)
    named = [exposure.source for exposure in asked.exposures] or [PANEL, *models]
    return Feasible(kept, tuple(source for source in named if ("source", source.removeprefix(COLUMN)) not in lacking), lacking)


def _lacking_sources(asked: AssociationSection, people: pd.DataFrame, models: list[str], has_readings: bool) -> Iterable[tuple[str, str]]:
    for source in [exposure.source for exposure in asked.exposures] or [PANEL]:
        name = source.removeprefix(COLUMN)
        if source == PANEL and not has_readings:
            yield PANEL, "no readings"
        elif source.startswith(COLUMN) and name not in people.columns:
            yield name, f"no column '{name}'"
        elif source != PANEL and not source.startswith(COLUMN) and source not in models:
            yield source, f"there is no bundle of {source}"


def _columns_of(outcome: OutcomeSection) -> list[str]:
    return [column for column in (outcome.name, outcome.duration, outcome.person_time) if column is not None]


def _absent(columns: Iterable[str], people: pd.DataFrame) -> str:
    """Name the first column that is not there or holds nothing, or return an empty string."""
    for column in columns:
        if column not in people.columns:
            return f"no column '{column}'"
        if people[column].isna().all():
            return f"column '{column}' is empty"
    return ""


def _require_something(asked: AssociationSection, kept: AssociationSection) -> None:
    if not kept.outcomes and not kept.traits:
        named = ", ".join([*(outcome.name for outcome in asked.outcomes), *(trait.name for trait in asked.traits)])
        raise InputError(f"the validation has none of the discovery's outcomes and traits ({named}): add the columns under these names")
    if not kept.adjustments:
        wanted = "; ".join(f"{name}: {', '.join(columns)}" for name, columns in asked.adjustments.items())
        raise InputError(f"the validation lacks covariates of every adjustment set of the discovery ({wanted}): add the columns")


def associate_validation(material: Material, discovery: pd.DataFrame, feasible: Feasible) -> pd.DataFrame:
    """Return table ``replication_associations``: what can be estimated here, and a row with the reason for each effect that cannot.

    Every source is analysed in everybody who has it: nothing is compared between sources here.

    Parameters
    ----------
    material
        This study's people and predictions; its settings are replaced by the feasible ones.
    discovery
        The discovery's table ``associations``.

    Raises
    ------
    InputError
        When a column here does not hold what the discovery's settings say.
    """
    require_analysable(material.people, feasible.asked)
    tables = _estimated(replace(material, asked=_with_sources(feasible)), feasible)
    found = pd.concat(tables, ignore_index=True) if tables else REPLICATION_ASSOCIATIONS.empty()
    return REPLICATION_ASSOCIATIONS.validate(pd.concat([found, *_reasons(discovery, found, feasible)], ignore_index=True))


def _with_sources(feasible: Feasible) -> AssociationSection:
    exposures = [{"source": source} for source in feasible.sources]
    return AssociationSection.model_validate(feasible.asked.model_dump() | {"exposures": exposures})


def _estimated(material: Material, feasible: Feasible) -> list[pd.DataFrame]:
    asked = material.asked
    if not feasible.sources:
        return []
    shared: dict[str, Any] = {
        "adjustments": asked.adjustments,
        "cluster_by": asked.cluster_by,
        "clustering": asked.clustering,
        "same_participants": False,
        "random_state": material.random_state,
    }
    tables = []
    if asked.outcomes and material.exposures.shape[1] > 1:
        tables.append(
            associate(
                material.exposures, material.outcomes, material.people, outcome_kinds=material.outcome_specs, per=material.step,
                min_events=asked.min_events, **shared,
            )
        )  # fmt: skip
    if asked.traits:
        tables.append(associate_traits(material.traits, material.perceived_ages, material.people, per=material.trait_steps, **shared))
    return tables


def _reasons(discovery: pd.DataFrame, found: pd.DataFrame, feasible: Feasible) -> list[pd.DataFrame]:
    """Return the discovery's effects that were not estimated here, without numbers and with the reason; none when all were."""
    effects = discovery[is_effect(discovery)]
    done = set(map(tuple, found[KEY].to_numpy())) if len(found) else set()
    open_rows = effects[[tuple(key) not in done for key in effects[KEY].to_numpy()]]
    if open_rows.empty:
        return []
    numbers = ("estimate", "std_error", "ci_low", "ci_high", "p_value", "q_value", "p_holm", "p_bonferroni", "n_events")
    notes = [_reason(*map(str, key), feasible=feasible) for key in open_rows[KEY].to_numpy()]
    kept = [column.name for column in REPLICATION_ASSOCIATIONS.columns if column.required]
    return [open_rows[kept].assign(n=0, note=notes, **dict.fromkeys(numbers, np.nan))]


def _reason(exposure: str, outcome: str, adjustment: str, *, feasible: Feasible) -> str:
    sources = [("source", source) for name in (exposure, outcome) if (source := _source(name))]
    keys = [*sources, ("variable", exposure), ("variable", outcome), ("adjustment", adjustment)]
    reasons = [feasible.lacking[key] for key in keys if key in feasible.lacking]
    return "; ".join(reasons) or "not among the analyses that the discovery's study.toml asks for"


def _source(name: str) -> str:
    """Return what stands in the brackets, or an empty string."""
    return name.partition("[")[2].removesuffix("]") if name.endswith("]") else ""
