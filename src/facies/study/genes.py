"""The stages of genes: scores with their checks and groups, principal components, the scan, and files for other programs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from facies import __version__
from facies.association import exposures_from_predictions
from facies.association.genes import (
    SCORES,
    GeneScore,
    Genotypes,
    file_name,
    gene_scores,
    is_sorted,
    open_genotypes,
    prepare_exports,
    principal_components,
    scan_variants,
    score_from_table,
    score_groups,
    select_variants,
    ssf_files,
    write_exports,
    write_metadata,
)
from facies.cohort import consenting_participants, near_identifiers, read_user_table, why_differ
from facies.errors import InputError, StoreError
from facies.store import read_table, table_path, write_table
from facies.study.association import join_people, with_scores
from facies.study.config import CONFIG_NAME, GenotypesSection, ScoreSection, StudyConfig
from facies.study.extraction import Progress
from facies.study.intake import Cohort, values_hash
from facies.study.stages import Outcome, Stage
from facies.tables import (
    COMPONENTS,
    GENE_SCORES,
    PARTICIPANT_PREDICTIONS,
    SCAN_POINTS,
    SCANS,
    SCORE_GROUPS,
    SCORE_VARIANTS,
    SCORE_WEIGHTS,
)

EXPORT = "export"
"""The folder of the files for PLINK 2 and REGENIE, in ``derived/genes``."""

UNREADABLE_BY_PLINK = (".tsv", ".tsv.gz")
"""Genotype files that PLINK 2 does not read: nothing is exported beside them."""


def genes_folder(study: Path) -> Path:
    """Return where the tables of genes lie."""
    return table_path(study, GENE_SCORES).parent


def genotypes_path(study: Path, asked: GenotypesSection) -> Path:
    """Return the genotypes' file.

    Raises
    ------
    InputError
        When the study names none.
    """
    if asked.file is None:
        raise InputError(f"{CONFIG_NAME} names no genotypes: add genotypes.file")
    return study / asked.file


def open_study_genotypes(study: Path, asked: GenotypesSection, *, threads: int = 2) -> Genotypes:
    """Open the study's genotypes, whose samples are named by the study's rule.

    Raises
    ------
    InputError
        When the file is absent or damaged, or two samples get one name.
    MissingExtraError
        When the package that reads it is not installed.
    """
    return open_genotypes(genotypes_path(study, asked), sample_id=asked.sample_id, threads=threads)


def study_scores(study: Path, asked: GenotypesSection) -> list[GeneScore]:
    """Return the gene scores that the study names.

    Raises
    ------
    InputError
        When a score is neither built in nor given by a table.
    """
    return [_score(study, section) for section in asked.scores]


def _score(study: Path, section: ScoreSection) -> GeneScore:
    if section.variants is not None:
        return score_from_table(section.name, read_user_table(study / section.variants, SCORE_WEIGHTS))
    if section.name not in SCORES:
        known = ", ".join(SCORES)
        raise InputError(f"{CONFIG_NAME}, gene score '{section.name}' is not built in ({known}): name its table of variants")
    return SCORES[section.name]


def require_genes(study: Path, config: StudyConfig, participant_ids: list[str]) -> list[str]:
    """Refuse genotypes, scores and regions that cannot be used, before any long work; return what to know about them.

    Raises
    ------
    InputError
        Naming the file or setting.
    """
    asked = config.genotypes
    if asked.file is None:
        return []
    scan_adjustment(config)
    with open_study_genotypes(study, asked) as genotypes:
        study_scores(study, asked)
        if asked.scan:
            select_variants(genotypes.variants, asked.scan)
        theirs = set(genotypes.sample_ids)
    lacking = [name for name in participant_ids if name not in theirs]
    if len(lacking) == len(participant_ids):
        raise InputError(f"nobody of the participants stands in {asked.file}: compare participant_id with its samples, and sample_id")
    note = f"{len(participant_ids) - len(lacking)} of {len(participant_ids)} participants have genotypes"
    near = near_identifiers(lacking, theirs - set(participant_ids))
    hints = [f"'{one}' here is '{other}' in {asked.file}: {why_differ(one, other)}" for one, other in list(near.items())[:1]]
    return ["; ".join([note, *hints])]


def genes_stage(study: Path, config: StudyConfig, cohort: Cohort, predictions: pd.DataFrame, *, random_state: int) -> Stage | None:
    """Return the stage ``genes``, or None when the study has no genotypes."""
    asked = config.genotypes
    if asked.file is None:
        return None
    people = join_people(consenting_participants(cohort.participants), cohort.outcomes)
    adjustment = scan_adjustment(config)

    def compute() -> Outcome:
        with open_study_genotypes(study, asked) as genotypes:
            groups = None if asked.group is None else people.set_index("participant_id")[asked.group]
            scores, checks = gene_scores(
                genotypes, study_scores(study, asked), participant_ids=people.participant_id.tolist(), groups=groups,
                min_call_rate=asked.min_call_rate,
            )  # fmt: skip
            components = _components(study, asked, genotypes, people, random_state)
        written = [write_table(study, GENE_SCORES, scores), write_table(study, SCORE_VARIANTS, checks)]
        written += [] if components is None else [write_table(study, COMPONENTS, components)]
        if asked.scores:
            known = people if components is None else people.merge(components, on="participant_id", how="left", validate="one_to_one")
            covariates = [*config.association.adjustments[adjustment], *_component_names(components)]
            ages = _perceived_ages(config, predictions, people)
            written.append(write_table(study, SCORE_GROUPS, score_groups(scores, ages, known, covariates=covariates)))
        return Outcome(tuple(written), len(people), len(scores), {"not genotyped": len(people) - len(scores)})

    inputs = {"participant_predictions": table_path(study, PARTICIPANT_PREDICTIONS), **genotype_inputs(study, asked)}
    settings = asked.model_dump() | {"people": values_hash(people), "adjustments": config.association.adjustments}
    return Stage("genes", settings, inputs, compute)


def scan_adjustment(config: StudyConfig) -> str:
    """Return the adjustment set of gene analyses: the one that is named, or the first.

    Raises
    ------
    InputError
        When the named one is no adjustment set.
    """
    sets = config.association.adjustments
    name = config.genotypes.adjustment or next(iter(sets))
    if name not in sets:
        raise InputError(f"{CONFIG_NAME}, genotypes.adjustment is '{name}': choose {', '.join(sets)}")
    return name


COMPANIONS = {".bed": (".bim", ".fam"), ".pgen": (".pvar", ".pvar.zst", ".psam")}
"""Files that belong to genotypes of this ending."""


def genotype_files(path: Path) -> list[Path]:
    """Return a file of genotypes and those beside it that belong to it."""
    return [path, *(other for ending in COMPANIONS.get(path.suffix, ()) if (other := path.with_suffix(ending)).exists())]


def genotype_inputs(study: Path, asked: GenotypesSection) -> dict[str, Path]:
    """Return the files whose change makes the stages of genes run again; none where the study has no genotypes."""
    if asked.file is None:
        return {}
    tables = [section.variants for section in asked.scores if section.variants] + [asked.components_file] * bool(asked.components_file)
    files = [*genotype_files(genotypes_path(study, asked)), *(study / str(name) for name in tables)]
    return {f"genotypes_{number}": path for number, path in enumerate(files)}


def _components(study: Path, asked: GenotypesSection, genotypes: Genotypes, people: pd.DataFrame, random_state: int) -> pd.DataFrame | None:
    if asked.components:
        families = people.set_index("participant_id").family_id if "family_id" in people else None
        ids = people.participant_id.tolist()
        found = principal_components(
            genotypes, n_components=asked.components, participant_ids=ids, families=families, random_state=random_state
        )
        return found.scores
    if asked.components_file is None:
        return None
    given: pd.DataFrame = read_user_table(study / asked.components_file, COMPONENTS)
    return given


def _component_names(components: pd.DataFrame | None) -> list[str]:
    return [] if components is None else [str(name) for name in components.columns if name != "participant_id"]


def _perceived_ages(config: StudyConfig, predictions: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    sources = [exposure.source for exposure in config.association.exposures] or None
    return exposures_from_predictions(predictions, target=config.study.target, participants=people, sources=sources)


def read_scores(study: Path) -> pd.DataFrame | None:
    """Return the study's gene scores, or None where there are none."""
    if not table_path(study, GENE_SCORES).exists():
        return None
    scores = read_table(study, GENE_SCORES)
    return scores if scores.shape[1] > 1 else None


def genotyped_people(study: Path, config: StudyConfig) -> list[str] | None:
    """Return the people of the genotypes as participant_id; None where the study has no genotypes."""
    if config.genotypes.file is None:
        return None
    with open_study_genotypes(study, config.genotypes) as genotypes:
        return list(genotypes.sample_ids)


def remove_scan(study: Path) -> None:
    """Delete the results of an earlier scan, which lie among the tables of genes.

    Raises
    ------
    StoreError
        When a file cannot be deleted.
    """
    places = [table_path(study, table) for table in (SCANS, SCAN_POINTS)]
    files = list(read_table(study, SCANS).file) if places[0].exists() else []
    results = [genes_folder(study) / str(file) for file in files]
    gone = [*(path.with_suffix(".json") for path in places), *results, *(path.with_name(f"{path.name}-meta.yaml") for path in results)]
    try:
        for path in (*gone, *places):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path.name} cannot be deleted ({error.strerror}): make the folder writable and run the same command again"
        ) from error


def read_components(study: Path) -> pd.DataFrame | None:
    """Return the study's principal components, or None where there are none."""
    return read_table(study, COMPONENTS) if table_path(study, COMPONENTS).exists() else None


def scan_stage(
    study: Path, config: StudyConfig, cohort: Cohort, predictions: pd.DataFrame, *, jobs: int, progress: Progress | None
) -> Stage | None:
    """Return the stage ``scan``: results of the scan and files for PLINK 2 and REGENIE; None when neither is asked for."""
    asked = config.genotypes
    exported = asked.export and asked.file is not None and not asked.file.lower().endswith(UNREADABLE_BY_PLINK)
    if not asked.scan and not exported:
        return None
    components = read_components(study)
    people = with_scores(join_people(consenting_participants(cohort.participants), cohort.outcomes), components)
    traits = _perceived_ages(config, predictions, people).merge(
        people[["participant_id", *asked.scan_outcomes]], on="participant_id", how="outer", validate="one_to_one"
    )
    covariates = [*config.association.adjustments[scan_adjustment(config)], *_component_names(components)]

    def compute() -> Outcome:
        with open_study_genotypes(study, asked, threads=jobs) as genotypes:
            written = _export(study, config, genotypes, traits, people, covariates) if exported else []
            summary = None
            if not asked.scan:
                remove_scan(study)
            else:
                paths, summary = _scan(study, asked, genotypes, traits, people, covariates, jobs, progress)
                written += paths
        n_in = 0 if summary is None else int(summary.n_variants.max() + summary.n_skipped.max())
        n_out = 0 if summary is None else int(summary.n_variants.max())
        return Outcome(tuple(written), n_in, n_out)

    inputs = {"participant_predictions": table_path(study, PARTICIPANT_PREDICTIONS), **genotype_inputs(study, asked)}
    settings = asked.model_dump() | {"people": values_hash(people), "covariates": covariates, "traits": values_hash(traits)}
    return Stage("scan", settings, inputs, compute)


def _export(
    study: Path, config: StudyConfig, genotypes: Genotypes, traits: pd.DataFrame, people: pd.DataFrame, covariates: list[str]
) -> list[Path]:
    known = people[["participant_id", *covariates]]
    sexes = people.set_index("participant_id").sex if "sex" in people else None
    ready = prepare_exports(genotypes.samples, traits, known, binary=config.genotypes.scan_outcomes, sexes=sexes)
    return write_exports(genes_folder(study) / EXPORT, ready, genotypes_path(study, config.genotypes), hard_calls=genotypes.hard_calls)


def _scan(
    study: Path, asked: GenotypesSection, genotypes: Genotypes, traits: pd.DataFrame, people: pd.DataFrame, covariates: list[str],
    jobs: int, progress: Progress | None,
) -> tuple[list[Path], pd.DataFrame]:  # fmt: skip
    folder = genes_folder(study)
    files = {str(trait): file_name(str(trait)) for trait in traits.columns if trait != "participant_id"}
    with ssf_files(folder, files, genotypes.variants) as sinks:
        scans = scan_variants(
            genotypes, traits, people, adjustment=covariates, binary=asked.scan_outcomes, regions=asked.scan,
            min_call_rate=asked.min_call_rate, min_frequency=asked.min_frequency, exact_below=asked.exact_below, sinks=sinks,
            threads=jobs, progress=progress,
        )  # fmt: skip
    written = [write_table(study, SCANS, scans.summaries), write_table(study, SCAN_POINTS, _numbered(scans.points))]
    written += _described(folder, files, scans.summaries, covariates, sorted_by_place=is_sorted(genotypes.variants))
    return written, scans.summaries


def _described(
    folder: Path, files: dict[str, str], summaries: pd.DataFrame, covariates: list[str], *, sorted_by_place: bool
) -> Iterable[Path]:
    """Write the metadata beside each file that the scan wrote; return files and metadata."""
    written = []
    for row in summaries.to_dict("records"):
        path = folder / files[str(row["trait"])]
        day = datetime.now(UTC).strftime("%Y-%m-%d")
        meta: dict[str, Any] = {"covariates": covariates, "date": day, "software": f"facies {__version__}"}
        written += [path, write_metadata(path, {str(name): value for name, value in row.items()}, is_sorted=sorted_by_place, **meta)]
    return written


def _numbered(points: pd.DataFrame) -> pd.DataFrame:
    return points.assign(point=points.groupby("trait").cumcount())[[column.name for column in SCAN_POINTS.columns]]
