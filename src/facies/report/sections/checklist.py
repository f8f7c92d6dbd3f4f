"""A checklist after TRIPOD+AI (27 items): where the page answers an item, and what only an author can answer.

Items are worded by us after Collins et al., BMJ 2024;385:e078378. An answer is given only where the data are there.
"""

from __future__ import annotations

from facies.report.blocks import Block, Heading, Section
from facies.report.data import ReportData
from facies.report.metric_values import noise_floor, subgroups
from facies.report.numbers import plural
from facies.report.sections.items import Item, checklist_blocks, when
from facies.report.sections.methods import exclusivity_text
from facies.report.sections.strobe import strobe_blocks


def checklist_section(data: ReportData) -> Section:
    """Return the checklists with what the page reports and what it does not."""
    tripod = checklist_blocks(data, ITEMS, name="table-checklist", caption="Checklist after TRIPOD+AI")
    strobe = strobe_blocks(data)
    blocks: tuple[Block, ...] = (
        *((Heading("The models"),) if strobe else ()), *tripod,
        *((Heading("The associations"), *strobe) if strobe else ()),
    )  # fmt: skip
    return Section("checklist", "Reporting checklist", blocks)


def _setting(data: ReportData) -> str:
    people = data.table("participants")
    if people is None:
        return ""
    sites = people.site.nunique() if "site" in people else 0
    return f"Participants: {plural(sites, 'site')} by name; dates and recruitment need author" if sites else ""


def _flow(data: ReportData) -> str:
    return "Participants: flow with reasons at each step" if data.table("flow") is not None else ""


def _quality(data: ReportData) -> str:
    return (
        "Photographs and faces: quality measures, thresholds in Settings, exclusions with reasons"
        if data.table("faces") is not None
        else ""
    )


def _outcome(data: ReportData) -> str:
    if data.target == "age":
        return "Reference: calendar age as given in participants"
    return "Predicted against perceived age: readings a photograph, SD between readers" if data.table("panel_estimates") is not None else ""


def _blinding(data: ReportData) -> str:
    panel = data.table("panel_estimates")
    return "Number of readings is reported; who the readers were and whether they were blind needs author" if panel is not None else ""


def _predictors(data: ReportData) -> str:
    return "Methods: detector, crop contract, encoder, dimension, hash of weights" if data.model_cards else ""


def _partition(data: ReportData) -> str:
    return exclusivity_text(data) if data.table("splits") is not None else ""


def _fairness(data: ReportData) -> str:
    names = subgroups(data.table("metrics"), str(data.drawn_model()), target=data.target).column.unique()
    return f"Subgroups: error by {', '.join(map(data.label, names))}" if len(names) else ""


def _performance(data: ReportData) -> str:
    extra = ", label-noise floor" if noise_floor(data) is not None else ""
    return (
        f"Models side by side: error, r, slope, bias with intervals{extra}; error of predicting the mean"
        if data.table("metrics") is not None
        else ""
    )


def _code(data: ReportData) -> str:
    commits = sorted({run.commit[:12] for run in data.runs if run.commit})
    return f"facies {data.version}" + (f", commit {', '.join(commits)}" if commits else "") + "; Apache-2.0"


def _external(data: ReportData) -> str:
    if data.table("shifts") is not None:
        return "Replication: age, sex, photographs and embedding distance of both studies"
    return "None: cross-fitting within one study; external evaluation needs another study" if data.table("splits") is not None else ""


ITEMS = (
    Item("1", "Title that names a prediction model, target population and outcome"),
    Item("2", "Structured abstract"),
    Item("3a", "Health context and why the model is needed"),
    Item("3b", "Intended users and place in care"),
    Item("3c", "Known health inequalities"),
    Item("4", "Objectives"),
    Item("5a", "Sources of data", when("participants", "Participants: cohort table; origin of the cohort needs author")),
    Item("5b", "Dates of data collection"),
    Item("6a", "Setting and sites", _setting),
    Item("6b", "Eligibility", when("flow", "Participants: exclusions with reasons; eligibility before intake needs author")),
    Item("6c", "Treatments received"),
    Item("7", "Preparation and quality checks of data", _quality),
    Item("8a", "Outcome that is predicted and how it is assessed", _outcome),
    Item("8b", "Qualification and blinding of assessors", _blinding),
    Item("8c", "Blinding of the outcome to predictors"),
    Item("9a", "Choice of predictors", _predictors),
    Item("9b", "Definition and measurement of predictors", when("model_cards", "Methods: crop contract and encoder")),
    Item(
        "9c",
        "Qualification of assessors of predictors, where human",
        lambda data: "No human assesses predictors: they are computed from photographs" if data.model_cards else "",
    ),
    Item("10", "Sample size and its reason", when("participants", "Numbers are reported; their reason needs author")),
    Item(
        "11",
        "Missing data",
        when("flow", "Participants: exclusions with reasons. Associations: n at each step; see the STROBE list"),
    ),
    Item("12a", "How data were used: partition", _partition),
    Item("12b", "Handling of predictors", when("model_cards", "Methods: vectors of a frozen encoder, mean over a person's photographs")),
    Item(
        "12c",
        "Type of model, building steps, internal validation",
        when("model_cards", "Methods: regressor, inner choice of penalty, cross-fitting by person"),
    ),
    Item("12d", "Heterogeneity between clusters", _fairness),
    Item("12e", "Measures of performance", _performance),
    Item("12f", "Updating of the model", lambda data: "No model was updated or recalibrated" if data.model_cards else ""),
    Item(
        "12g",
        "How predictions were calculated in evaluation",
        when("splits", "Methods: each person by the model fitted without their fold"),
    ),
    Item("13", "Class imbalance", lambda data: "Does not apply: the target is a number of years" if data.target.endswith("age") else ""),
    Item("14", "Fairness", _fairness),
    Item(
        "15",
        "Output of the model",
        lambda data: f"{data.label(data.target).capitalize()} in years, with a prediction interval" if data.model_cards else "",
    ),
    Item(
        "16",
        "Differences between training and evaluation data",
        _external,
    ),
    Item("17", "Ethical approval and consent"),
    Item("18a", "Funding"),
    Item("18b", "Conflicts of interest"),
    Item("18c", "Protocol"),
    Item("18d", "Registration"),
    Item("18e", "Sharing of data"),
    Item("18f", "Sharing of code", _code),
    Item("19", "Involvement of patients and public"),
    Item("20a", "Flow of participants", _flow),
    Item("20b", "Characteristics of participants", when("participants", "Participants: characteristics by partition and fold")),
    Item("20c", "Comparison of development and evaluation data", when("splits", "Participants: characteristics by fold")),
    Item("21", "Numbers in model development", when("model_cards", "Methods: participants and photographs of each model")),
    Item(
        "22",
        "Full specification of the model",
        when("model_cards", "Bundle of the study, named by the hashes in Methods; whether it is shared needs author"),
    ),
    Item("23a", "Performance with intervals, subgroups", _performance),
    Item("23b", "Heterogeneity in performance", _fairness),
    Item("24", "Results of updating", lambda data: "Does not apply: no model was updated" if data.model_cards else ""),
    Item("25", "Interpretation in the light of other studies"),
    Item("26", "Limitations", when("metrics", "Limitations: those that the numbers show; others need author")),
    Item("27a", "Handling of poor input in use", when("faces", "Photographs and faces: the quality gate and its reasons")),
    Item("27b", "Interaction with users and their skill"),
    Item("27c", "Next steps of research"),
)
