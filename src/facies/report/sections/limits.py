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


def limits_section(data: ReportData) -> Section:
    """Return limitations that the numbers show and uses that are ruled out."""
    return Section("limits", "Limitations", (Bullets(tuple(_limits(data))), Heading("Must not be used for"), Bullets(NEVER)))


def _limits(data: ReportData) -> list[str]:
    limits = [
        "Errors come from cross-fitting within this study. They say nothing about another population, camera or panel until tested there."
    ]
    model = data.drawn_model()
    slope = find_metric(data, model, "slope")
    if slope is not None and slope.value < 0.95:
        limits.append(
            f"Estimates are compressed (slope {fixed(slope.value)}): the youngest-looking are estimated too old and the oldest-looking too young, which a mean error hides."
        )
    for card in data.model_cards[:1]:
        limits.append(f"Outside {printed_range(card.training_years)} years, the range of the training references, the models extrapolate.")
    groups = subgroups(data, str(model))
    small = groups[(groups.metric == "mae") & (groups.n < 30)]
    if len(small):
        limits.append(f"{plural(len(small), 'subgroup')} had fewer than 30 participants; their errors are hardly known.")
    if data.table("participants") is not None and not {"skin_tone", "ethnicity", "ancestry"} & set(data.table("participants").columns):  # type: ignore[union-attr]
        limits.append("Skin tone and ancestry were not among the tables, so errors by them are unknown.")
    if data.target == "perceived_age":
        limits.append("Perceived age is an opinion of this panel. A model that agrees with it shares its prejudices.")
    limits.append("Associations are observational: they do not say that looking older causes anything, or that anything causes it.")
    return limits
