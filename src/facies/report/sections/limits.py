"""What the results do not say, and what they must not be used for."""

from __future__ import annotations

from facies.report.blocks import Bullets, Heading, Section
from facies.report.data import ReportData
from facies.report.metric_values import find_metric, subgroups
from facies.report.numbers import fixed, plural, printed_range

NEVER = (
    "Diagnosis, screening or any decision about one person. An estimate for one person is far less certain than a mean over many.",
    "Finding out who somebody is, or whether a person is of age (identity, border, asylum, police, sales).",
    "Employment, insurance, credit, schooling or advertising.",
    "Faces that were photographed, found or cropped in another way than those of this study.",
)


FEW = 30
"""Subgroups with fewer participants are named as a limitation."""


def limits_section(data: ReportData) -> Section:
    """Return limitations that the numbers show and uses that are ruled out."""
    return Section("limits", "Limitations", (Bullets(tuple(_limits(data))), Heading("Must not be used for"), Bullets(NEVER)))


def _limits(data: ReportData) -> list[str]:
    return [
        *_of_evaluation(data),
        *_of_slope(data),
        *_of_training(data),
        *_of_subgroups(data),
        *_of_tables(data),
        *(
            ["Perceived age is an opinion of this panel. A model that agrees with it shares its prejudices."]
            if data.target == "perceived_age"
            else []
        ),
        *(
            ["Associations are observational: they do not say that looking older causes anything, or that anything causes it."]
            if data.table("associations") is not None
            else []
        ),
    ]


def _of_evaluation(data: ReportData) -> list[str]:
    if data.table("metrics") is None:
        return ["Nothing was evaluated, so this page says nothing about errors."]
    return [
        "Errors come from cross-fitting within this study. They say nothing about another population, camera or panel until tested there."
    ]


def _of_slope(data: ReportData) -> list[str]:
    slope = find_metric(data, data.drawn_model(), "slope")
    if slope is None or slope.value >= 0.95:
        return []
    who = ("youngest-looking", "oldest-looking") if data.target == "perceived_age" else ("youngest", "oldest")
    return [
        f"Estimates are compressed (slope {fixed(slope.value)}): the {who[0]} are estimated too old and the {who[1]} too young, "
        "which a mean error hides."
    ]


def _of_training(data: ReportData) -> list[str]:
    ranges = dict.fromkeys(card.training_years for card in data.model_cards)
    return [f"Outside {printed_range(ends)} years, the range of the references in training, estimates extrapolate." for ends in ranges]


def _of_subgroups(data: ReportData) -> list[str]:
    groups = subgroups(data.table("metrics"), str(data.drawn_model()), target=data.target)
    small = int(((groups.metric == "mae") & (groups.n < FEW)).sum())
    return [f"{plural(small, 'subgroup')} had fewer than {FEW} participants; errors there are hardly known."] if small else []


def _of_tables(data: ReportData) -> list[str]:
    people = data.table("participants")
    if people is None or {"skin_tone", "ethnicity", "ancestry"} & set(people.columns):
        return []
    return ["Skin tone and ancestry were not among the tables, so errors by them are unknown."]
