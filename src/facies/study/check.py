"""What a run would use: everything is read, nothing is computed and nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from facies.cohort import match_ids, read_study_tables, summarise_flow
from facies.errors import FaciesError, TableError
from facies.evaluation.subgroups import subgroup_masks
from facies.study.association import join_people, require_analysable
from facies.study.config import CONFIG_NAME, StudyConfig, read_config
from facies.study.extraction import Progress
from facies.study.faces import make_extractor
from facies.study.genes import require_genes
from facies.study.intake import Cohort, gather_cohort, intake_settings
from facies.study.models import require_regressors
from facies.study.reading.check import reading_notes
from facies.tables import GIVEN_POINTS


@dataclass(frozen=True, eq=False)
class CheckResult:
    """What ``facies check`` found.

    ``problem`` is the one line that would stop a run, or None.
    """

    matches: pd.DataFrame
    flow: pd.DataFrame
    notes: tuple[str, ...]
    n_participants: int
    n_photographs: int
    problem: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the findings as plain values."""
        return {
            "matches": self.matches.to_dict("records"),
            "flow": self.flow.to_dict("records"),
            "notes": list(self.notes),
            "n_participants": self.n_participants,
            "n_photographs": self.n_photographs,
            "problem": self.problem,
        }


def check_study(study: Path, *, jobs: int = 1, progress: Progress | None = None) -> CheckResult:
    """Read a study's settings, tables, photographs' headers and networks, and say what a run would use.

    Raises
    ------
    InputError
        When the settings or a table cannot be read at all.
    """
    config = read_config(study)
    if config.study.target == "facies":
        from facies.study.conditions.check import check_conditions

        return check_conditions(study, config, jobs=jobs, progress=progress)
    tables = read_study_tables(study, settings=intake_settings(config)).given()
    matches = match_ids({name: table.frame for name, table in tables.items()}, files={name: table.file for name, table in tables.items()})
    try:
        make_extractor(study, config)
        cohort = gather_cohort(study, config, jobs=jobs, random_state=config.study.random_state, progress=progress)
        require_columns(config, cohort)
        genes = require_genes(study, config, cohort.participants.participant_id.tolist())
        read = reading_notes(study, config, cohort.photographs)
    except FaciesError as error:
        flow = pd.DataFrame(columns=["step", "level", "n", "reason"])
        return CheckResult(matches, flow, (), 0, 0, str(error))
    usable = cohort.photographs[cohort.photographs.included]
    flow = summarise_flow(cohort.participants, cohort.photographs)
    notes = (*cohort.notes, *genes, *read, f"{len(cohort.labels)} participants have a reference for {config.study.target}")
    return CheckResult(matches, flow, notes, int(usable.participant_id.nunique()), len(usable))


def require_columns(config: StudyConfig, cohort: Cohort) -> None:
    """Refuse columns that no table has or that do not hold what the settings say, and unknown regressors, before any long work.

    Raises
    ------
    InputError
        Naming the setting and the column.
    """
    require_regressors(config)
    subgroup_masks(cohort.participants, subgroups=tuple(config.evaluation.subgroups))
    _require_points(config, cohort.photographs)
    people = join_people(cohort.participants, cohort.outcomes)
    for setting, columns in _named_columns(config).items():
        for column in columns:
            if column not in people.columns:
                raise TableError(
                    f"{setting} names '{column}', which neither the participants nor the outcomes have: correct it", file=CONFIG_NAME
                )
    require_analysable(people, config.association)


def _named_columns(config: StudyConfig) -> dict[str, list[str]]:
    """Return setting -> the columns of people that it names; gene scores are no columns yet."""
    asked, genotypes = config.association, config.genotypes
    scores = {section.name for section in genotypes.scores}
    times = [column for outcome in asked.outcomes for column in (outcome.duration, outcome.person_time) if column]
    named = {
        "association.outcomes": [outcome.name for outcome in asked.outcomes] + times,
        "association.traits": [trait.name for trait in asked.traits if trait.name not in scores],
        "genotypes.scan_outcomes": genotypes.scan_outcomes,
        "genotypes.group": [] if genotypes.group is None else [genotypes.group],
    }
    if asked.outcomes or asked.traits or genotypes.file:
        named |= {f"association.adjustments.{name}": covariates for name, covariates in asked.adjustments.items()}
    return named


def _require_points(config: StudyConfig, photographs: pd.DataFrame) -> None:
    absent = [name for name in GIVEN_POINTS if name not in photographs.columns]
    if config.faces.detector == "given" and absent:
        raise TableError(f"faces.detector is given, but the photographs' table has no {absent[0]}: add the ten columns", file=CONFIG_NAME)
