"""A simulated study on disk: people with a known truth, painted faces, and the study.toml to run it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from facies.errors import InputError
from facies.simulation import Cohort, draw_face_parameters, simulate_cohort
from facies.simulation.photographs import faces_to_paint, iterate_written
from facies.store import sidecar, write_json, write_tsv, write_whole
from facies.study.config import CONFIG_NAME
from facies.study.extraction import Progress
from facies.tables import OUTCOMES, PARTICIPANTS, PHOTOGRAPHS, READINGS

TRUTH = "truth.json"
"""The planted truth; it marks a folder as simulated."""

_CONFIG = """\
# A simulated study; the planted truth is in truth.json.
[study]
name = "Perceived age in {n} simulated people"
target = "perceived_age"
random_state = {random_state}
simulated = true

[embeddings]
encoders = ["hog", "pixels"]

[association]
per_years = 5.0
adjustments = {{ model_1 = ["age", "sex"], model_2 = ["age", "sex", "bmi", "smoking", "sun_exposure"] }}

[[association.outcomes]]
name = "osteoporosis"
kind = "binary"
[[association.outcomes]]
name = "copd"
kind = "binary"
[[association.outcomes]]
name = "cataract"
kind = "binary"
[[association.outcomes]]
name = "hearing_loss"
kind = "continuous"
unit = "dB"
[[association.outcomes]]
name = "cognition"
kind = "continuous"

[[association.traits]]
name = "mc1r"
per = 1.0
"""


def simulate_study(
    folder: Path,
    *,
    n_participants: int = 600,
    n_unlabelled: int = 0,
    n_faults: int = 0,
    random_state: int = 1,
    size: int = 256,
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

    Raises
    ------
    InputError
        When the folder holds anything else than a simulated study of facies, or there are more faults than people.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cohort = simulate_study(Path(folder), n_participants=60, size=64)
    ...     len(list((Path(folder) / "photos").iterdir()))
    60
    """
    if folder.exists() and not (folder / TRUTH).exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} already holds something else: choose another folder for the simulated study")
    if not 0 <= n_faults <= n_participants:
        raise InputError(f"n_faults is {n_faults}: choose 0 to {n_participants}, the number of participants")
    cohort = simulate_cohort(n_participants, n_unlabelled=n_unlabelled, random_state=random_state)
    _write_tables(folder, cohort)
    parameters = draw_face_parameters(faces_to_paint(cohort), random_state=random_state)
    for done, _ in enumerate(iterate_written(cohort, parameters, folder, size=size), start=1):
        if progress is not None:
            progress(done, len(parameters))
    spoil(sorted(folder.glob("photos/*.jpg"))[:: max(1, n_participants // max(n_faults, 1))][:n_faults])
    write_whole(folder / CONFIG_NAME, _CONFIG.format(n=n_participants, random_state=random_state).encode())
    return cohort


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


def _write_tables(folder: Path, cohort: Cohort) -> None:
    """Write truth.json first: it marks the folder as simulated."""
    planted = [asdict(effect) for effect in cohort.planted.values()]
    write_json(folder / TRUTH, {"planted": planted, "people": cohort.truth.to_dict("records")})
    tables = {PARTICIPANTS: cohort.participants, PHOTOGRAPHS: cohort.photographs, READINGS: cohort.readings, OUTCOMES: cohort.outcomes}
    for table, frame in tables.items():
        write_tsv(folder / f"{table.name}.tsv", frame)
        write_json(folder / f"{table.name}.json", sidecar(table, list(frame.columns)))
