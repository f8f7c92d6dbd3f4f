"""A simulated study of conditions on disk: patients, controls and public negatives with a known truth, and the study.toml to run it."""

from __future__ import annotations

from pathlib import Path

from facies.errors import InputError
from facies.simulation.second_study import CLINIC, PUBLIC, SecondStudy, simulate_second_study, write_pictures
from facies.store import write_json, write_tsv, write_whole
from facies.study.config import CONFIG_NAME
from facies.study.extraction import Progress

TRUTH = "truth.json"

PEOPLE = sum(group.n for group in CLINIC.values()) + sum(group.n for group, _ in PUBLIC.values())
"""People of the whole study, clinic and public."""

_CONFIG = """\
# A simulated study of acromegaly and Cushing's syndrome; the planted severities are in truth.json.
[study]
name = "Two endocrine diseases in {n} simulated people"
target = "facies"
random_state = {random_state}
simulated = true

[embeddings]
encoders = {encoders}

[conditions]
target_conditions = ["acromegaly", "cushing"]
n_repeats = {n_repeats}

# Among people who are tested: in a clinic where the disease is suspected, and in the population.
[conditions.prevalence]
acromegaly = [0.1, 0.0001]
cushing = [0.05, 0.0001]
"""

_NEGATIVES = """
[[conditions.negatives]]
source = "{source}"
folder = "negatives/{source}"
table = "negatives/{source}.tsv"
licence = "CC0-1.0"
citation = "simulated"
"""


def simulate_condition_study(
    folder: Path, *, scale: float = 1.0, random_state: int = 1, encoders: tuple[str, ...] = ("facies-s",), n_repeats: int = 3,
    size: int = 256, signs: bool = True, cases_own_camera: bool = False, follow_up: bool = True, progress: Progress | None = None,
) -> SecondStudy:  # fmt: skip
    """Simulate a study of the size of the second one and write it as a study folder.

    Parameters
    ----------
    scale
        Share of the people: 160 with acromegaly, 55 with Cushing's syndrome, 150 controls of the clinic and five public sources of 160.
    signs, cases_own_camera, follow_up
        As in :func:`facies.simulation.second_study.simulate_second_study`.
    progress
        Called with the pictures painted and all pictures.

    Raises
    ------
    InputError
        When the folder holds something else than a simulated study, or a setting is out of range.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / TRUTH).is_file():
        raise InputError(f"{folder} is not empty and no simulated study: choose another folder")
    study = simulate_second_study(
        scale=scale, random_state=random_state, signs=signs, cases_own_camera=cases_own_camera, follow_up=follow_up, size=size
    )
    write_json(folder / TRUTH, {"random_state": random_state, "signs": signs, "visits": study.truth.to_dict("records")})
    write_tsv(folder / "participants.tsv", study.participants)
    write_tsv(folder / "photographs.tsv", study.photographs)
    write_tsv(folder / "diagnoses.tsv", study.diagnoses)
    for source, table in study.negatives.items():
        write_tsv(folder / "negatives" / f"{source}.tsv", table)
    n = len(study.participants) + sum(map(len, study.negatives.values()))
    shown = "[" + ", ".join(f'"{name}"' for name in encoders) + "]"
    text = _CONFIG.format(n=n, random_state=random_state, encoders=shown, n_repeats=n_repeats)
    write_whole(folder / CONFIG_NAME, (text + "".join(_NEGATIVES.format(source=source) for source in study.negatives)).encode())
    for done, _ in enumerate(write_pictures(study, folder), 1):
        if progress is not None:
            progress(done, len(study.pictures))
    return study
