"""Write docs/reference/ from the code: commands, settings, tables, exclusion reasons and the public surface.

``python docs/generate_reference.py`` writes; with ``--check`` it only says whether the files are current (exit status 1 when not).
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "reference"


def main() -> int:
    """Write the reference, or check it."""
    pages = {"commands.md": commands(), "settings.md": settings(), "tables.md": tables(), "python.md": surface()}
    stale = [name for name, text in pages.items() if not (FOLDER / name).exists() or (FOLDER / name).read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        for name in stale:
            print(f"docs/reference/{name} is not current: run `make docs`")
        return int(bool(stale))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(pages[name], encoding="utf-8")
        print(f"docs/reference/{name}")
    return 0


def commands() -> str:
    """Return the page of commands, as `--help` describes them."""
    import typer

    from facies.cli.app import app

    group = typer.main.get_command(app)
    lines = ["# Commands", "", "Exit status: 0 done; 1 a fault of facies; 2 something to mend, said in one line; 130 interrupted.", ""]
    for name, command in _walk(group, "facies"):
        lines += [f"## `{name}`", "", (command.help or "").strip(), ""]
        for parameter in command.params:
            lines.append(_parameter(parameter))
        lines.append("")
    return "\n".join(lines)


def _walk(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            if command.invoke_without_command:
                yield f"{prefix} {name}", command
            yield from _walk(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def _parameter(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or parameter.name.upper()}`"
    default = parameter.default
    shown = "" if default in (None, False) or callable(default) or parameter.required else f" (default `{default}`)"
    return f"- {names}: {parameter.help or 'this help'}{shown}"


def settings() -> str:
    """Return the page of settings of study.toml."""
    from facies.study.condition_settings import NegativesSection, SaliencySection
    from facies.study.config import ExposureSection, OutcomeSection, ScoreSection, StudyConfig, TraitSection

    lines = ["# Settings of `study.toml`", ""]
    sections = [(f"[{name}]", field.annotation) for name, field in StudyConfig.model_fields.items()]
    sections.append(("[conditions.saliency]", SaliencySection))
    lists = {
        "association.exposures": ExposureSection, "association.outcomes": OutcomeSection, "association.traits": TraitSection,
        "conditions.negatives": NegativesSection, "genotypes.scores": ScoreSection,
    }  # fmt: skip
    for title, kind in [*sections, *((f"[[{name}]]", kind) for name, kind in lists.items())]:
        lines += [f"## `{title}`", "", "| setting | default | what it does |", "|---|---|---|"]
        for name, field in kind.model_fields.items():
            nested = field.annotation is SaliencySection
            default = "required" if field.is_required() else "" if nested else f"`{field.get_default(call_default_factory=True)!r}`"
            lines.append(f"| `{name}` | {default} | {field.description or 'tables of their own, below'} |")
        lines.append("")
    return "\n".join([*lines, *gate()])


def gate() -> list[str]:
    """Return the thresholds of the quality gate, in the order in which they are asked."""
    from facies.faces import QualityGate
    from facies.faces.gate import CHECKS
    from facies.tables import FACES

    lines = ["## `[faces.gate]`", "", "The first that fails is the `exclusion_reason`; `nan` switches one off.", ""]
    lines += ["| threshold | default | of what | reason |", "|---|---|---|---|"]
    for name, column, _, reason in CHECKS:
        default = getattr(QualityGate(), name)
        shown = "not checked" if default is None else f"`{default}`"
        lines.append(f"| `{name}` | {shown} | {FACES.column(column).meaning} | `{reason}` |")
    return [*lines, ""]


def tables() -> str:
    """Return the page of tables and columns."""
    from facies.tables import EXCLUSION_REASONS, TABLES

    lines = ["# Tables", "", "`n/a` is missing. Columns marked * may be left out.", ""]
    for table in TABLES.values():
        more = "; takes further columns" if table.open_ended else ""
        lines += [f"## `{table.name}`", "", f"Key: {', '.join(table.key)}. Written by: {table.written_by}{more}.", ""]
        lines += ["| column | kind | unit | meaning |", "|---|---|---|---|"]
        for column in table.columns:
            levels = f" ({', '.join(column.levels)})" if 0 < len(column.levels) <= 10 else ""
            mark = "" if column.required else " *"
            lines.append(f"| `{column.name}`{mark} | {column.kind} | {column.unit} | {column.meaning}{levels} |")
        lines.append("")
    lines += ["## Levels of `exclusion_reason`", "", "| level | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in EXCLUSION_REASONS.items()]
    return "\n".join([*lines, ""])


def surface() -> str:
    """Return the page of public names, each with the first line of its docstring."""
    import facies

    lines = ["# Python", "", "`import facies` offers:", "", "| name | what it is |", "|---|---|"]
    for name in facies.__all__:
        thing = getattr(facies, name)
        first = (inspect.getdoc(thing) or "").splitlines()[0] if not isinstance(thing, str) else "the version"
        lines.append(f"| `{name}` | {first} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
