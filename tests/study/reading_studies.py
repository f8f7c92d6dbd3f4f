"""Small studies that people read, simulated, and small changes of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facies.simulation import simulate_diagnostic_readings
from facies.store import read_frame, read_table, table_path, write_tsv
from facies.tables import PHOTOGRAPHS

LEVELS = {"zoe smith": "expert", "anna": "expert", "ben": "resident", "carl": "resident"}


def set_reading(study: Path, **settings: object) -> None:
    """Write the section [reading] of study.toml anew."""
    path = study / "study.toml"
    lines = "".join(f"{name} = {_toml(value)}\n" for name, value in settings.items())
    path.write_text(path.read_text().partition("\n[reading]\n")[0] + f"\n[reading]\n{lines}")


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(part)}" for name, part in value.items()) + " }"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if not isinstance(value, str) else f'"{value}"'


def withdraw(study: Path, participant_id: str) -> None:
    """Let somebody withdraw."""
    people = read_frame(study / "participants.tsv")
    scope = people.consent_scope if "consent_scope" in people else pd.Series("analysis", people.index)
    write_tsv(study / "participants.tsv", people.assign(consent_scope=scope.mask(people.participant_id == participant_id, "withdrawn")))


def owners(study: Path) -> pd.Series:
    """Return whose photograph each is, by photo_id; public negatives are known once a study was run."""
    known = table_path(study, PHOTOGRAPHS).exists()
    frame = read_table(study, PHOTOGRAPHS) if known else read_frame(study / "photographs.tsv")
    return frame.set_index("photo_id").participant_id


def owner_of(study: Path, photo_id: str) -> str:
    """Return whose photograph it is."""
    return str(owners(study)[photo_id])


def diagnoses_of(study: Path) -> pd.Series:
    """Return the first diagnosis of each person of the clinic, by participant_id."""
    return read_frame(study / "diagnoses.tsv").drop_duplicates("participant_id").set_index("participant_id").diagnosis


def write_levels(study: Path, levels: dict[str, str] = LEVELS) -> None:
    """Say who reads."""
    write_tsv(study / "reader_levels.tsv", pd.DataFrame({"reader_id": list(levels), "level": list(levels.values())}))


def diagnose(study: Path, plan: pd.DataFrame, condition: str, levels: dict[str, str] = LEVELS) -> pd.DataFrame:
    """Let simulated readers look for a condition in the order of a plan, blind to the truth that they are simulated from."""
    has = (owners(study).map(diagnoses_of(study)) == condition).astype(float)
    asked = plan[~plan.is_training & ~plan.is_attention].assign(target=condition)
    return simulate_diagnostic_readings(asked, has, levels, target=condition, random_state=5).readings
