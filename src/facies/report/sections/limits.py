"""What the results do not say, and what they must not be used for."""

from __future__ import annotations

from facies.report.blocks import Bullets, Heading, Section
from facies.report.compared import comparisons
from facies.report.data import ReportData
from facies.report.effects import effects
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


def replication_limits(data: ReportData) -> Section:
    """Return the limitations of a replication's own page."""
    found = (*_of_replication(data), *_observational(data, tables=("replications",)))
    return Section("limits", "Limitations", (Bullets(found), Heading("Must not be used for"), Bullets(NEVER)))


def learning_limits(data: ReportData) -> Section:
    """Return the limitations of the page of ways to learn."""
    found = (*_of_opinion(data), *_of_learning(data), *_observational(data, tables=("learning_associations",)))
    return Section("limits", "Limitations", (Bullets(found), Heading("Must not be used for"), Bullets(NEVER)))


def _of_learning(data: ReportData) -> list[str]:
    """Return what a comparison of ways to learn does not say."""
    if data.table("learning_ways") is None:
        return []
    found = ["Ways are compared as this study had them: another network, recipe or larger cohort may put them in another order."]
    if data.table("learning_forecasts") is not None:
        found.append(
            "What more people or readers would bring is read from a curve beyond its end, and supposes that they are like those of this "
            "study."
        )
    return found


def _limits(data: ReportData) -> list[str]:
    return [
        *_of_evaluation(data),
        *_of_slope(data),
        *_of_training(data),
        *_of_subgroups(data),
        *_of_tables(data),
        *_of_opinion(data),
        *_observational(data, tables=("associations",)),
        *_of_missing_values(data),
        *_of_comparisons(data),
        *_of_gaps(data),
        *_of_genes(data),
        *_of_learning(data),
        *(_of_replication(data) if data.table("replications") is not None else []),
    ]


def _of_opinion(data: ReportData) -> list[str]:
    if data.target != "perceived_age":
        return []
    return ["Perceived age is an opinion of this panel. A model that agrees with it shares its prejudices."]


def _observational(data: ReportData, *, tables: tuple[str, ...]) -> list[str]:
    if all(data.table(name) is None for name in tables):
        return []
    return ["Associations are observational: they do not say that looking older causes anything, or that anything causes it."]


def _of_missing_values(data: ReportData) -> list[str]:
    rows = effects(data, analysis=None)
    if rows.empty or (rows.analysis == "multiple_imputation").any():
        return []
    return [
        "People with a missing value were left out of the regression that needed it; if they differ from the others, estimates are biased."
    ]


def _of_comparisons(data: ReportData) -> list[str]:
    rows = comparisons(data)
    if rows.empty:
        return []
    found = []
    without, late = int((rows.verdict == "no margin").sum()), int(rows.late.sum())
    if without:
        found.append(f"{plural(without, 'comparison')} of human and computed perceived age had no margin, so they cannot show equivalence.")
    if late:
        found.append(
            f"{plural(late, 'comparison')} used a margin that was given or changed after results had been seen, or that is not in the log: "
            "these verdicts on equivalence are not confirmatory."
        )
    found.append(
        "Equivalence of two associations does not say that the computed perceived age measures the same thing in one person, or in other "
        "people."
    )
    return found


def _of_gaps(data: ReportData) -> list[str]:
    if data.table("age_gap_summaries") is None:
        return []
    return ["A corrected age gap is not correlated with age by construction; nothing about a model's accuracy follows from it."]


def _of_genes(data: ReportData) -> list[str]:
    found = []
    variants = data.table("score_variants")
    if variants is not None and not variants.included.all():
        left = int((~variants.included).sum())
        found.append(f"{plural(left, 'variant')} of the gene scores could not be used; a score without them is another score.")
    if data.table("scans") is not None:
        found.append("The scan takes people as independent; relatives and population structure beyond the components inflate its p-values.")
    if variants is not None or data.table("scans") is not None:
        found.append("Genetic associations hold for people of this ancestry; frequencies and effects differ elsewhere.")
    return found


def _of_replication(data: ReportData) -> list[str]:
    rows = data.table("replications")
    if rows is None:
        return [f"Nothing was replicated: {data.why_missing('replications')}."]
    weak = int((rows.power < 0.8).sum())
    found = (
        [f"{plural(weak, 'association')} had less than 80% power to be replicated: that they were not found there says little."]
        if weak
        else []
    )
    return [
        *found,
        "Two studies cannot tell how much effects vary between populations: Q has little power and no between-study variance was "
        "estimated.",
        "Both studies were analysed with the same software and settings; errors that both share are not found by replication.",
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
