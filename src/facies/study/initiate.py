"""A new study folder: a commented ``study.toml`` and example tables."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from facies.cohort import example_tables, find_optional_table
from facies.errors import InputError, StoreError
from facies.faces import QualityGate
from facies.store import write_json, write_tsv, write_whole
from facies.study.condition_settings import NegativesSection
from facies.study.config import CONFIG_NAME, ExposureSection, OutcomeSection, ScoreSection, StudyConfig, TraitSection
from facies.study.intake import INPUT_TABLES
from facies.tables import DIAGNOSES

_EXAMPLES: dict[str, Any] = {"study.name": "My cohort"}
_EXAMPLE_LISTS: dict[str, tuple[type[BaseModel], dict[str, Any]]] = {
    "association.exposures": (ExposureSection, {"source": "facies-s+ridge", "label": "DFT"}),
    "association.outcomes": (OutcomeSection, {"name": "osteoporosis", "kind": "binary"}),
    "association.traits": (TraitSection, {"name": "mc1r", "per": 1.0}),
    "genotypes.scores": (ScoreSection, {"name": "mc1r"}),
    "conditions.negatives": (NegativesSection, {"source": "london", "folder": "negatives/london", "table": "negatives/london.tsv"}),
}


_FACIES: dict[str, Any] = {
    "study.name": "My patients and controls",
    "study.target": "facies",
    "conditions.target_conditions": ["acromegaly", "cushing"],
    "conditions.prevalence": {"acromegaly": [0.1], "cushing": [0.05]},
}
"""What a study of conditions starts from."""

_OF_AGES = ("association", "genotypes", "replication")
"""Sections that a study of conditions does not use."""

TARGETS = ("perceived_age", "facies")


def init_study(folder: Path, *, target: str = "perceived_age") -> list[Path]:
    """Write a new study folder and return the files made.

    A folder that has tables already keeps them as they are and is given no example table beside them.

    Parameters
    ----------
    target
        ``perceived_age``, or ``facies`` for a study that recognises diseases.

    Raises
    ------
    InputError
        When the folder already holds a study; nothing is written over.
    """
    if (folder / CONFIG_NAME).exists():
        raise InputError(f"{folder} already holds a {CONFIG_NAME}: choose another folder, or edit that file")
    if target not in TARGETS:
        raise InputError(f"target is '{target}': choose {' or '.join(TARGETS)}")
    made = [] if _has_tables(folder) else _write_examples(folder, target)
    try:
        (folder / "photos").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder {folder} cannot be made ({error.strerror}): choose another place") from error
    return [*made, write_whole(folder / CONFIG_NAME, commented_config(target=target).encode())]


def _has_tables(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    return any(
        (folder / f"{name}.json").exists() or find_optional_table(folder, name) is not None for name in (*INPUT_TABLES, DIAGNOSES.name)
    )


def _write_examples(folder: Path, target: str) -> list[Path]:
    made = []
    for name, (frame, described) in example_tables(target=target).items():
        made += [write_tsv(folder / f"{name}.tsv", frame), write_json(folder / f"{name}.json", described)]
    return made


def commented_config(*, target: str = "perceived_age") -> str:
    """Return a ``study.toml`` with every setting at its default and what it does; a study of conditions has those that it uses."""
    examples = _FACIES if target == "facies" else _EXAMPLES
    unused = _OF_AGES if target == "facies" else ("conditions",)
    sections = [_section(name, field, examples) for name, field in StudyConfig.model_fields.items() if name not in unused]
    return "# A facies study. Every setting is here with its default; delete what you do not change.\n\n" + "\n".join(sections)


def _section(name: str, field: FieldInfo, examples: dict[str, Any]) -> str:
    kind = field.annotation
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        raise InputError(f"{name} is no section")
    lines, tables = [f"[{name}]"], []
    for setting, described in kind.model_fields.items():
        key = f"{name}.{setting}"
        if key in _EXAMPLE_LISTS:
            tables.append(_example_list(key))
            continue
        value = examples.get(key, described.get_default(call_default_factory=True))
        if isinstance(value, BaseModel):
            tables.append("\n" + _section(key, described, examples))
            continue
        lines += [f"# {described.description}", _toml_line(setting, value), *_shown(key)]
    return "\n".join(lines) + "\n" + "".join(tables)


def _shown(key: str) -> list[str]:
    """Return what may stand in a setting that is empty by default, as comments."""
    if key != "faces.gate":
        return []
    thresholds = asdict(QualityGate())
    set_, unset = ({name: value for name, value in thresholds.items() if (value is None) == absent} for absent in (False, True))
    return [f"# the thresholds where none is given: {toml_value(set_)}", f"# not checked unless given: {', '.join(unset)}"]


def _example_list(key: str) -> str:
    kind, example = _EXAMPLE_LISTS[key]
    lines = [f"# {kind.model_fields[name].description}\n# {_toml_line(name, value)}" for name, value in example.items()]
    return "\n# [[" + key + "]]\n" + "\n".join(lines) + "\n"


def _toml_line(name: str, value: Any) -> str:
    return f"# {name} = ..." if value is None else f"{name} = {toml_value(value)}"


def toml_value(value: Any) -> str:
    """Return a plain value as TOML.

    Examples
    --------
    >>> toml_value({"model_1": ["age", "sex"]})
    '{ model_1 = ["age", "sex"] }'
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        inside = ", ".join(f"{_key(key)} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return _quoted(str(value))


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else _quoted(name)


def _quoted(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)
