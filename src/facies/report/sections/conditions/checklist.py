"""Checklists after STARD-AI and CLAIM: where the page answers an item, and what only an author can answer.

Items are worded by us after Sounderajah et al., Nat Med 2025 (STARD-AI, 40 items), and Tejani et al., Radiol Artif Intell 2024;6:e240300
(CLAIM 2024, 44 items). An answer is given only where the data are there; it says where something stands, not that it is good.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from facies.report.blocks import Heading, Section
from facies.report.condition_data import ConditionData
from facies.report.data import ReportData
from facies.report.sections.items import Answer, Item, checklist_blocks, when


def condition_checklists(data: ConditionData) -> Section:
    """Return both checklists."""
    stard = checklist_blocks(data, STARD_AI, name="table-stard-ai", caption="Checklist after STARD-AI")
    claim = checklist_blocks(data, CLAIM, name="table-claim", caption="Checklist after CLAIM 2024")
    return Section("checklist", "Reporting checklists", (Heading("STARD-AI"), *stard, Heading("CLAIM 2024"), *claim))


def _of(answer: Callable[[ConditionData], str]) -> Answer:
    def found(data: ReportData) -> str:
        return answer(cast("ConditionData", data))

    return found


def _cards(text: str) -> Answer:
    return when("condition_cards", text)


_FLOW = when("flow", "Participants: flow with reasons at each step")
_PEOPLE = when("people", "Cases, controls and sources: numbers, age and sex by diagnosis and source")
_METRICS = when("condition_metrics", "Discrimination and Operating points: estimates with intervals by person")
_VERDICT = when("confounding_verdicts", "Is it the disease or the camera?: verdict, rule and every probe")
_REGIONS = when("region_shares", "Where the model looks: region shares with intervals, checks of the maps")
_SUBGROUPS = when("condition_metrics", "Subgroups: AUC by sex, age, skin tone (a crude measure), quality, source")
_SOURCES = _of(lambda data: "Cases, controls and sources: licence, terms and citation of each public source" if data.sources else "")
_CODE = _of(lambda data: f"facies {data.version}, Apache-2.0; commit, versions and hashes in Methods" if data.runs else "")
_FOLDS = when("people", "Methods: people are assigned to folds by participant or family, several times over; nobody is on both sides")
_THRESHOLDS = _of(
    lambda data: (
        "Operating points: rules declared in study.toml, thresholds fixed on inner folds"
        if data.table("condition_metrics") is not None
        else ""
    )
)
_PREVALENCE = when("prevalence_curves", "At the real prevalence: PPV, NPV and net benefit at the prevalences given")
_QUALITY = when("faces", "Photographs and faces: quality measures, thresholds, exclusions with reasons")
_CALIBRATION = when("calibration_curves", "Calibration: intercept, slope, curve")

STARD_AI = (
    Item("1", "Title or abstract names a study of diagnostic accuracy with AI"),
    Item("2", "Structured abstract"),
    Item("3", "Clinical background, intended use and role of the test"),
    Item("4", "Objectives and hypotheses"),
    Item("5", "Ethics approval or waiver"),
    Item("6", "Registration and protocol"),
    Item("7", "Data collected before or after index test and reference"),
    Item("8", "Eligibility criteria", when("flow", "Exclusions with reasons are counted; eligibility before intake needs author")),
    Item("9", "How eligible people were found"),
    Item("10", "Where and when people were included"),
    Item("11", "Consecutive, random or convenience series"),
    Item("12", "Source of the data, public sets and their terms", _SOURCES),
    Item("13", "How the data were annotated and by whom"),
    Item(
        "14",
        "Devices and way of taking the photographs",
        when("photographs", "Photographs and faces: format, size, quality; devices need author"),
    ),
    Item("15", "Preparation of the data", when("faces", "Methods: detector, alignment, crop contract")),
    Item("16", "Partition of the data and proof of no overlap", _FOLDS),
    Item("17", "Index test: the model, its version and inputs", _cards("Methods: encoder, classifier, hashes of weights, crop contract")),
    Item("18", "How the model was trained and chosen", _cards("Methods: penalties, calibration and thresholds on inner folds")),
    Item("19", "Reference standard and its reason"),
    Item("20", "Thresholds of the index test, and whether fixed beforehand", _THRESHOLDS),
    Item("21", "Thresholds of the reference standard"),
    Item("22", "Blinding of readers of index test and reference"),
    Item("23", "Users of the model and what they were told"),
    Item("24", "Measures of accuracy and their comparison", _METRICS),
    Item("25", "Indeterminate results and missing data", _QUALITY),
    Item("26", "Variability, and subgroup analyses", _SUBGROUPS),
    Item("27", "Intended sample size and how it was reached"),
    Item("28", "Bias and confounding that were looked for", _VERDICT),
    Item("29", "Explanations of the model's output", _REGIONS),
    Item("30", "Flow of people", _FLOW),
    Item("31", "Characteristics of people", _PEOPLE),
    Item(
        "32",
        "Severity among cases and other diagnoses among the others",
        when("people", "Grades are in the table of people; other diagnoses need author"),
    ),
    Item("33", "Time and treatment between index test and reference"),
    Item("34", "Index test against reference", when("condition_metrics", "Operating points: cross table of calls by reference")),
    Item("35", "Accuracy with intervals", _METRICS),
    Item("36", "Harms of index test or reference"),
    Item("37", "Limits: bias, uncertainty, generalisability", _of(lambda data: "Limits and intended use" if data.condition_cards else "")),
    Item("38", "What it means for practice", _PREVALENCE),
    Item("39", "Availability of code, model and data", _CODE),
    Item("40", "Funding and other support"),
)

CLAIM = (
    Item("1", "Title names AI and the kind of study"),
    Item("2", "Abstract"),
    Item("3", "Background and intended role"),
    Item("4", "Aims and hypotheses"),
    Item("5", "Prospective or retrospective"),
    Item("6", "Kind of study, such as feasibility or non-inferiority"),
    Item("7", "Sources of the data", _SOURCES),
    Item("8", "Inclusion and exclusion", _FLOW),
    Item("9", "Preparation of the data", when("faces", "Methods: detector, alignment, crop contract")),
    Item("10", "Choice of parts of the data", when("flow", "First visit with a usable face and a diagnosis; exclusions are counted")),
    Item("11", "Definition of data elements", when("people", "Tables and columns are defined in the documentation and sidecars")),
    Item("12", "De-identification", when("faces", "No face, identifier or path is in this report; photographs stay in the study folder")),
    Item("13", "Missing data", _QUALITY),
    Item("14", "Protocol of image acquisition"),
    Item("15", "Reference standard: definition"),
    Item("16", "Reference standard: reason"),
    Item("17", "Source and qualification of annotators"),
    Item("18", "Test sets annotated how"),
    Item("19", "Variability between and within annotators"),
    Item("20", "Assignment of data to partitions", _FOLDS),
    Item(
        "21",
        "Level at which partitions are disjoint",
        _of(lambda data: "Participants (or families)" if data.table("people") is not None else ""),
    ),
    Item("22", "Intended sample size"),
    Item("23", "The model in detail", _cards("Methods: encoder, classifier, dimension")),
    Item("24", "Software, libraries, versions", _CODE),
    Item("25", "How parameters were started", _cards("Methods: encoder's weights by hash and source")),
    Item("26", "How the model was trained", _cards("Methods: cross-fitting, inner folds, class weights, seed")),
    Item("27", "How the final model was chosen", _cards("Methods: least log-loss on inner folds")),
    Item("28", "Ensembling", _cards("None; several repeats are averaged at the level of each statistic")),
    Item("29", "Measures of performance", _METRICS),
    Item("30", "Statistical measures of uncertainty", _METRICS),
    Item("31", "Robustness and sensitivity analyses", _VERDICT),
    Item("32", "Explanations", _REGIONS),
    Item("33", "Internal validation", _FOLDS),
    Item("34", "Testing on external data"),
    Item("35", "Registration of a clinical trial"),
    Item("36", "Flow of people", _FLOW),
    Item("37", "Characteristics of people by partition", _PEOPLE),
    Item("38", "Performance with intervals", _METRICS),
    Item("39", "Performance of the best model", _CALIBRATION),
    Item(
        "40",
        "Failures",
        _of(lambda data: "Where the model looks: cases missed and false alarms" if data.table("region_shares") is not None else ""),
    ),
    Item("41", "Limits", _of(lambda data: "Limits and intended use" if data.condition_cards else "")),
    Item("42", "What it means for practice"),
    Item("43", "Where protocol, code and model are", _CODE),
    Item("44", "Funding"),
)
