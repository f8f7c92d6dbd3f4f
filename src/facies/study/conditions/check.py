"""What a run of a study of conditions would use: everything is read, nothing is computed and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facies.cohort import match_ids, read_study_tables, summarise_flow
from facies.cohort.diagnoses import require_enough
from facies.errors import FaciesError
from facies.models.classifiers import classifier_entry
from facies.study.check import CheckResult
from facies.study.conditions.intake import ConditionCohort, gather_conditions
from facies.study.config import StudyConfig
from facies.study.extraction import Progress
from facies.study.faces import make_extractor
from facies.study.intake import intake_settings
from facies.study.reading.check import reading_notes


def check_conditions(study: Path, config: StudyConfig, *, jobs: int = 1, progress: Progress | None = None) -> CheckResult:
    """Read settings, tables, diagnoses, negatives and photographs' headers, and say what a run would use.

    Raises
    ------
    InputError
        When a table cannot be read at all.
    """
    tables = read_study_tables(study, settings=intake_settings(config)).given()
    matches = match_ids({name: table.frame for name, table in tables.items()}, files={name: table.file for name, table in tables.items()})
    try:
        for name in config.conditions.classifiers:
            classifier_entry(name)
        make_extractor(study, config)
        cohort = gather_conditions(study, config, jobs=jobs, progress=progress)
        usable = cohort.photographs[cohort.photographs.included]
        first = cohort.diagnoses.drop_duplicates("participant_id").set_index("participant_id").diagnosis
        seen = first[first.index.isin(usable.participant_id)]
        read = reading_notes(study, config, cohort.photographs)
        require_enough(seen, config.conditions.target_conditions, n_folds=config.models.n_folds)
    except FaciesError as error:
        flow = pd.DataFrame(columns=["step", "level", "n", "reason"])
        return CheckResult(matches, flow, (), 0, 0, str(error))
    flow = summarise_flow(cohort.participants, cohort.photographs)
    notes = (*cohort.notes, *_counts(cohort, seen), *read, *_prevalences(config))
    return CheckResult(matches, flow, notes, int(usable.participant_id.nunique()), len(usable))


def _counts(cohort: ConditionCohort, seen: pd.Series) -> list[str]:
    source = cohort.photographs.drop_duplicates("participant_id").set_index("participant_id").source.reindex(seen.index)
    counts = pd.DataFrame({"diagnosis": seen, "source": source}).groupby(["diagnosis", "source"]).size()
    return [f"{n} people with the diagnosis {keys[0]} from {keys[1]}" for keys, n in counts.items()]  # type: ignore[index]


def _prevalences(config: StudyConfig) -> list[str]:
    lacking = [name for name in config.conditions.target_conditions if name not in config.conditions.prevalence]
    return [f"no prevalence is given for {name}: the report will have no PPV, NPV or net benefit for it" for name in lacking]
