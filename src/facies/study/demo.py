"""A simulated study on disk: people with a known truth, painted faces, and the study.toml to run it."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from facies.errors import InputError
from facies.simulation import (
    Cohort,
    GenotypeSettings,
    draw_face_parameters,
    simulate_cohort,
    simulate_validation,
    write_genotypes,
)
from facies.simulation.photographs import faces_to_paint, iterate_written
from facies.store import sidecar, write_json, write_tsv, write_whole
from facies.study.config import CONFIG_NAME
from facies.study.extraction import Progress
from facies.study.initiate import toml_value
from facies.tables import OUTCOMES, PARTICIPANTS, PHOTOGRAPHS, READINGS

TRUTH = "truth.json"
"""The planted truth; it marks a folder as simulated."""

GENOTYPE_FORMATS = ("tsv", "vcf", "bed")
"""What genotypes can be written as; only tables (tsv) are read without the extra ``genes``."""

SCANNED = "16:89800000-90000000"
"""The region around MC1R in GRCh38."""

MARGINS = {"osteoporosis": 1.1, "copd": 1.1, "cataract": 1.1, "hearing_loss": 0.5, "cognition": 0.05, "mc1r": 0.25,
           "fracture": 1.1, "falls": 1.1, "frailty": 1.1}  # fmt: skip
"""Equivalence margins of the simulated study: factors, or units of the outcome, of a third to two thirds of the planted effect."""

_CONFIG = """\
# A simulated study; the planted truth is in truth.json.
[study]
name = "{name}"
target = "perceived_age"
random_state = {random_state}
simulated = true

[embeddings]
encoders = {encoders}

[association]
per_years = 5.0
adjustments = {{ model_1 = ["age", "sex"], model_2 = ["age", "sex", "bmi", "smoking", "sun_exposure"] }}
"""

OUTCOME_SETTINGS: dict[str, dict[str, str]] = {
    "osteoporosis": {"kind": "binary"},
    "copd": {"kind": "binary"},
    "cataract": {"kind": "binary"},
    "hearing_loss": {"kind": "continuous", "unit": "dB"},
    "cognition": {"kind": "continuous"},
}
FURTHER_SETTINGS: dict[str, dict[str, str]] = {
    "fracture": {"kind": "time_to_event", "duration": "fracture_years"},
    "falls": {"kind": "count", "person_time": "falls_years"},
    "frailty": {"kind": "ordinal"},
}
"""How study.toml declares the outcomes of :func:`facies.simulation.simulate_cohort`, and those of ``further_outcomes``."""


def simulate_study(
    folder: Path,
    *,
    n_participants: int = 600,
    n_unlabelled: int = 0,
    n_faults: int = 0,
    random_state: int = 1,
    size: int = 256,
    encoders: Sequence[str] = ("facies-s", "pixels"),
    family_share: float = 0.0,
    further_outcomes: bool = False,
    genotypes: str | None = None,
    n_variants: int = 300,
    validation: Path | None = None,
    n_validation: int = 150,
    validation_readings: bool = False,
    progress: Progress | None = None,
) -> Cohort:
    """Simulate a cohort and write it as a study folder: tables, photographs, study.toml and truth.json.

    Photographs that are there already are painted again, each written whole; the same seed gives the same bytes.

    Parameters
    ----------
    n_unlabelled
        How many of the people have no readings.
    n_faults
        How many photographs are spoilt as photographs of a real cohort are: cut off, blurred, dark, without a face, or missing.
    size
        Side of the photographs in pixels.
    encoders
        What study.toml names as encoders.
    family_share, further_outcomes
        As in :func:`facies.simulation.simulate_cohort`.
    genotypes
        Write genotypes too, as ``tsv``, ``vcf`` or ``bed``. MC1R then stands in them and no longer among the participants' columns.
    n_variants
        Variants in the genotypes.
    validation
        A folder for a second study of other people, seen elsewhere, to replicate the findings in.
    n_validation, validation_readings
        How many people are in it, and whether they have readings.
    progress
        Called with the photographs painted and all photographs, of both studies.

    Raises
    ------
    InputError
        When a folder holds anything else than a simulated study of facies, or a setting is out of its range.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cohort = simulate_study(Path(folder), n_participants=60, size=64)
    ...     len(list((Path(folder) / "photos").iterdir()))
    60
    """
    _require_free(folder, validation)
    if not 0 <= n_faults <= n_participants:
        raise InputError(f"n_faults is {n_faults}: choose 0 to {n_participants}, the number of participants")
    if genotypes is not None and genotypes not in GENOTYPE_FORMATS:
        raise InputError(f"genotypes is '{genotypes}': choose from {', '.join(GENOTYPE_FORMATS)}")
    drawn: dict[str, Any] = {
        "family_share": family_share,
        "further_outcomes": further_outcomes,
        "genotypes": None if genotypes is None else GenotypeSettings(n_variants=n_variants),
        "random_state": random_state,
    }
    cohort = simulate_cohort(n_participants, n_unlabelled=n_unlabelled, **drawn)
    studies = [(folder, cohort, f"Perceived age in {n_participants} simulated people")]
    if validation is not None:
        second = simulate_validation(n_validation, readings=validation_readings, **drawn)
        studies.append((validation, second, f"Perceived age in {n_validation} other simulated people"))
    for place, planned, _ in studies:
        _write_tables(place, planned, genotypes)
    _paint(studies, size, progress)
    spoil(sorted(folder.glob("photos/*.jpg"))[:: max(1, n_participants // max(n_faults, 1))][:n_faults])
    for place, planned, name in reversed(studies):
        settings = study_settings(name, planned, genotypes, encoders=encoders, random_state=random_state)
        if validation is not None and place == folder:
            settings += f"\n[replication]\nvalidation = {toml_value(Path(os.path.relpath(validation, folder)).as_posix())}\n"
        write_whole(place / CONFIG_NAME, settings.encode())
    return cohort


def _require_free(folder: Path, validation: Path | None) -> None:
    """Refuse folders that hold anything of the user's, before anything is written."""
    if validation is not None and validation.resolve() == folder.resolve():
        raise InputError(f"{folder} cannot be its own validation: choose another folder for validation")
    for place in (folder, validation):
        if place is not None and place.exists() and not (place / TRUTH).exists() and (not place.is_dir() or any(place.iterdir())):
            raise InputError(f"{place} already holds something else: choose another folder for the simulated study")


def _paint(studies: list[tuple[Path, Cohort, str]], size: int, progress: Progress | None) -> None:
    n, done = sum(len(cohort.photographs) for _, cohort, _ in studies), 0
    for folder, cohort, _ in studies:
        parameters = draw_face_parameters(faces_to_paint(cohort), random_state=cohort.random_state)
        for _ in iterate_written(cohort, parameters, folder, size=size):
            done += 1
            if progress is not None:
                progress(done, n)


def study_settings(name: str, cohort: Cohort, genotypes: str | None, *, encoders: Sequence[str], random_state: int) -> str:
    """Return the study.toml of a simulated cohort: its outcomes and MC1R with equivalence margins, and its genotypes."""
    outcomes = {name: kind for name, kind in (OUTCOME_SETTINGS | FURTHER_SETTINGS).items() if name in cohort.outcomes}
    sections = [_CONFIG.format(name=name, encoders=toml_value(list(encoders)), random_state=random_state)]
    sections += [
        _list_item("association.outcomes", {"name": name, **kind, "equivalence_margin": MARGINS[name]}) for name, kind in outcomes.items()
    ]
    sections.append(_list_item("association.traits", {"name": "mc1r", "per": 1.0, "equivalence_margin": MARGINS["mc1r"]}))
    if genotypes is not None:
        scan = "" if genotypes == "tsv" else f"scan = {toml_value([SCANNED])}\n"  # the columns of a table say no positions
        sections.append(f'[genotypes]\nfile = "{_genotype_file(genotypes)}"\ngroup = "ancestry"\n{scan}')
        sections.append(_list_item("genotypes.scores", {"name": "mc1r"}))
    return "\n".join(sections)


def _list_item(key: str, settings: dict[str, Any]) -> str:
    return f"[[{key}]]\n" + "".join(f"{name} = {toml_value(value)}\n" for name, value in settings.items())


def _genotype_file(suffix: str) -> str:
    return f"genotypes/cohort.{suffix}"


def spoil(photographs: list[Path]) -> None:
    """Spoil photographs in turn: cut off, blurred, dark, without a face, missing."""
    for place, path in enumerate(photographs):
        FAULTS[place % len(FAULTS)](path)


def _cut_off(path: Path) -> None:
    data = path.read_bytes()
    write_whole(path, data[: len(data) // 2])


def _blurred(path: Path) -> None:
    from PIL import ImageFilter

    _edit(path, lambda image: image.filter(ImageFilter.GaussianBlur(image.width / 40)))


def _dark(path: Path) -> None:
    _edit(path, lambda image: image.point(lambda value: value // 12))


def _without_face(path: Path) -> None:
    from PIL import Image

    _edit(path, lambda image: image.crop((0, 0, image.width // 6, image.height // 6)).resize(image.size, Image.Resampling.BICUBIC))


def _missing(path: Path) -> None:
    path.unlink()


FAULTS = (_cut_off, _blurred, _dark, _without_face, _missing)
"""What befalls photographs."""


def _edit(path: Path, change: Callable[[Any], Any]) -> None:
    from PIL import Image

    data = io.BytesIO()
    with Image.open(path) as image:
        change(image).save(data, "JPEG", quality=92)
    write_whole(path, data.getvalue())


def _write_tables(folder: Path, cohort: Cohort, genotypes: str | None) -> None:
    """Write truth.json first: it marks the folder as simulated. Files of an earlier simulation that this one lacks are removed."""
    planted = [asdict(effect) for effect in cohort.planted.values()]
    write_json(folder / TRUTH, {"planted": planted, "people": _people(cohort).to_dict("records")})
    hidden = [] if genotypes is None else ["mc1r"]
    tables = {PARTICIPANTS: cohort.participants.drop(columns=hidden), PHOTOGRAPHS: cohort.photographs, OUTCOMES: cohort.outcomes}
    if len(cohort.readings):
        tables[READINGS] = cohort.readings
    for table, frame in tables.items():
        write_tsv(folder / f"{table.name}.tsv", frame)
        write_json(folder / f"{table.name}.json", sidecar(table, list(frame.columns)))
    stale = [folder / f"{READINGS.name}.{suffix}" for suffix in ("tsv", "json")] if READINGS not in tables else []
    for path in (*stale, *(folder / "genotypes").glob("cohort.*")):
        path.unlink(missing_ok=True)
    if genotypes is not None and cohort.genotypes is not None:
        write_genotypes(cohort.genotypes, folder / _genotype_file(genotypes))


def _people(cohort: Cohort) -> pd.DataFrame:
    """Return the truth, with the MC1R haplotypes where there are genotypes."""
    if cohort.genotypes is None:
        return cohort.truth
    genes = cohort.haplotypes.table(cohort.participants.participant_id)
    known = cohort.participants[["participant_id", "mc1r"]].merge(genes, on="participant_id", validate="one_to_one")
    return cohort.truth.merge(known, on="participant_id", validate="one_to_one")
