"""The page: sections, template and style put together into one file that asks the network for nothing."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from facies.report.blocks import Section
from facies.report.condition_data import ConditionData
from facies.report.data import ReportData
from facies.report.privacy import scrubber_for

_SVG_TEXT = re.compile(r"(?<=>)[^<>]+(?=</text>)")
_KEPT = re.compile(r"\([^()]*\)|^\S+ to \S+$")
_SIGN = re.compile(r"(?<=[_+:./])(?=[^_+:./])")
LONG_WORD = 18
"""Words of more letters may break after a sign within them."""

_VERBATIM = frozenset({"id", "png"})


def render_report(data: ReportData, *, figures: bool = True) -> str:
    """Return the report as one self-contained HTML page; equal data give equal bytes.

    Parameters
    ----------
    data
        Tables and records. What is absent is named with its reason.
    figures
        Whether to draw. Without figures the page holds their text alternatives instead.

    Raises
    ------
    InputError
        When the flow does not add up.

    Examples
    --------
    >>> page = render_report(ReportData("A <small> study", date="2025-01-31", version="0.1.0"), figures=False)
    >>> "A &lt;small&gt; study" in page, "no outcomes.tsv was given" in page
    (True, True)
    """
    return _page(data, report_sections(data, figures=figures), kicker="Study report", results="results.json")


def render_replication(data: ReportData, *, figures: bool = True) -> str:
    """Return what a second study says about a frozen model and its associations, as a page of its own.

    Parameters
    ----------
    data
        Tables ``replications``, ``shifts`` and ``replication_metrics``, run records and model cards of the replication.
    figures
        Whether to draw.

    Examples
    --------
    >>> page = render_replication(ReportData("A", date="2025-01-31", version="0.1.0"), figures=False)
    >>> "Replication report" in page, "no validation study was named" in page
    (True, True)
    """
    return _page(data, replication_sections(data, figures=figures), kicker="Replication report", results="replication.json")


def render_learning(data: ReportData, *, figures: bool = True) -> str:
    """Return the ways to learn side by side, as a page of its own.

    Parameters
    ----------
    data
        The tables ``learning_*`` and run records.
    figures
        Whether to draw.

    Examples
    --------
    >>> page = render_learning(ReportData("A", date="2025-01-31", version="0.1.0"), figures=False)
    >>> "Ways to learn" in page, "facies compare-learning" in page
    (True, True)
    """
    return _page(data, learning_sections(data, figures=figures), kicker="Ways to learn", results="learning.json")


def render_conditions(data: ConditionData, *, figures: bool = True) -> str:
    """Return the report on conditions as one self-contained HTML page; equal data give equal bytes.

    Parameters
    ----------
    data
        Tables and records. What is absent is named with its reason.
    figures
        Whether to draw.

    Examples
    --------
    >>> from facies.report.condition_data import ConditionData
    >>> page = render_conditions(ConditionData("A", date="2025-01-31", version="0.4.0", target="facies"), figures=False)
    >>> "Is it the disease or the camera?" in page
    True
    """
    return _page(data, condition_sections(data, figures=figures), kicker="Study report", results="results.json")


def condition_sections(data: ConditionData, *, figures: bool = True) -> list[Section]:
    """Return the parts of a report on conditions in their order; the verdict on confounding comes first."""
    from facies.report.sections.conditions.checklist import condition_checklists
    from facies.report.sections.conditions.discrimination import discrimination_section, subgroups_section
    from facies.report.sections.conditions.follow_up import follow_up_section
    from facies.report.sections.conditions.found import condition_found_section
    from facies.report.sections.conditions.limits import condition_limits
    from facies.report.sections.conditions.regions import regions_section
    from facies.report.sections.conditions.severity import severity_section
    from facies.report.sections.conditions.sources import sources_section
    from facies.report.sections.conditions.use import calibration_section, operating_section, prevalence_section
    from facies.report.sections.conditions.verdict import verdict_section
    from facies.report.sections.methods import condition_methods
    from facies.report.sections.people import people_section
    from facies.report.sections.photographs import photographs_section

    sections = [
        verdict_section(data, figures=figures), condition_found_section(data), people_section(data), sources_section(data),
        photographs_section(data), discrimination_section(data, figures=figures), operating_section(data),
        prevalence_section(data, figures=figures), calibration_section(data, figures=figures), subgroups_section(data),
        severity_section(data), regions_section(data, figures=figures), follow_up_section(data, figures=figures), condition_limits(data),
        condition_methods(data),
        condition_checklists(data),
    ]  # fmt: skip
    return [section for section in sections if section is not None]


def _page(data: ReportData, sections: list[Section], *, kicker: str, results: str) -> str:
    import jinja2
    from markupsafe import Markup

    folder = files("facies.report") / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters |= {"together": _together, "breakable": _breakable}
    scrub = scrubber_for(data)
    clean = [_clean(section, scrub) for section in sections]
    style = Markup((folder / "report.css").read_text(encoding="utf-8"))
    page = environment.get_template("report.html.j2")
    return page.render(data=data, title=scrub(data.study_name), kicker=kicker, results=results, sections=clean, style=style, safe=Markup)


def _together(cell: str) -> str:
    """Keep an interval on one line: what stands in brackets, and ``51.6 to 87.8``."""
    return _KEPT.sub(lambda match: match[0].replace(" ", "\N{NO-BREAK SPACE}"), cell)


def _breakable(text: str) -> Any:
    """Let a long name, such as that of a model, break after its signs."""
    from markupsafe import Markup, escape

    words = (Markup("<wbr>").join(_SIGN.split(word)) if len(word) > LONG_WORD else escape(word) for word in text.split(" "))
    return Markup(" ").join(words)


def report_sections(data: ReportData, *, figures: bool = True) -> list[Section]:
    """Return the parts of the page in their order; what was not asked for has no section, and Methods says so."""
    from facies.report.sections.age_gap import age_gap_section
    from facies.report.sections.agreement import agreement_section
    from facies.report.sections.associations import associations_section
    from facies.report.sections.checklist import checklist_section
    from facies.report.sections.comparison import comparison_section
    from facies.report.sections.found import found_section
    from facies.report.sections.genes import genes_section
    from facies.report.sections.learning import learning_section
    from facies.report.sections.limits import limits_section
    from facies.report.sections.methods import methods_section
    from facies.report.sections.people import people_section
    from facies.report.sections.photographs import photographs_section
    from facies.report.sections.pretraining import pretraining_section
    from facies.report.sections.proxies import proxy_section
    from facies.report.sections.replication import replication_section

    sections = [
        found_section(data),
        people_section(data),
        photographs_section(data),
        agreement_section(data, figures=figures),
        pretraining_section(data, figures=figures),
        learning_section(data, figures=figures),
        age_gap_section(data, figures=figures),
        associations_section(data, figures=figures),
        comparison_section(data, figures=figures),
        proxy_section(data),
        genes_section(data, figures=figures),
        replication_section(data, figures=figures),
        limits_section(data),
        methods_section(data),
        checklist_section(data),
    ]
    return [section for section in sections if section is not None]


def replication_sections(data: ReportData, *, figures: bool = True) -> list[Section]:
    """Return the parts of the page of a replication."""
    from facies.report.blocks import Block, Bullets, Heading, Missing
    from facies.report.sections.limits import replication_limits
    from facies.report.sections.methods import replication_methods
    from facies.report.sections.replication import replication_section

    absent = Section("replication", "Replication", (Missing("Replication", data.why_missing("replications")),))
    found = replication_section(data, figures=figures) or absent
    warnings: tuple[Block, ...] = (Heading("Read this first"), Bullets(data.warnings)) if data.warnings else ()
    return [dataclasses.replace(found, blocks=(*warnings, *found.blocks)), replication_limits(data), replication_methods(data)]


def learning_sections(data: ReportData, *, figures: bool = True) -> list[Section]:
    """Return the parts of the page of a comparison of ways to learn."""
    from facies.report.blocks import Block, Bullets, Heading, Missing
    from facies.report.sections.learning import learning_section
    from facies.report.sections.limits import learning_limits
    from facies.report.sections.methods import learning_methods

    absent = Section("learning", "Ways to learn", (Missing("Ways to learn", data.why_missing("learning_ways")),))
    found = learning_section(data, figures=figures) or absent
    warnings: tuple[Block, ...] = (Heading("Read this first"), Bullets(data.warnings)) if data.warnings else ()
    return [dataclasses.replace(found, blocks=(*warnings, *found.blocks)), learning_limits(data), learning_methods(data)]


def _clean(value: Any, scrub: Callable[[str], str]) -> Any:
    """Take identifiers and paths out of all text of a block, drawings included."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, tuple):
        return tuple(_clean(item, scrub) for item in value)
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    changes = {field.name: _clean_field(field.name, getattr(value, field.name), scrub) for field in dataclasses.fields(value)}
    return dataclasses.replace(value, **changes)


def _clean_field(name: str, value: Any, scrub: Callable[[str], str]) -> Any:
    if name in _VERBATIM:
        return value
    if name == "svg":
        return _SVG_TEXT.sub(lambda match: scrub(match[0]), value)
    return _clean(value, scrub)
