"""What a model is, for whom and for what: the record and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from facies import __version__
from facies.models.frozen import WARNINGS, FrozenModel
from facies.records import CropContract, EncoderCard, Estimate, ModelCard

INTENDED_USE = """\
For research on groups of people, by researchers who may hold their photographs. Not a medical device: it must not be used to diagnose,
to screen, to treat or to decide about a person. Not for finding out or confirming who somebody is, nor for estimating the age of people
who did not agree to it. A prediction is what this model makes of one photograph, not a property of the person."""


def describe_model(
    frozen: FrozenModel,
    *,
    encoder: EncoderCard,
    unit: str = "years",
    metrics: Mapping[str, Estimate] | None = None,
    licences: Sequence[str] = (),
    random_state: int = 0,
) -> ModelCard:
    """Gather what is to be known of a model in one record.

    Parameters
    ----------
    metrics
        Person-level results of the cross-fitted predictions, such as ``{"mae": Estimate(...)}``.
    licences
        One line for each part that has terms of its own.
    """
    training = frozen.training
    return ModelCard(
        model_id=frozen.model_id,
        target=frozen.target,
        unit=unit,
        regressor=frozen.regressor_name,
        encoder=encoder,
        n_participants=training.n_participants,
        n_photographs=training.n_photographs,
        training_years=(training.lowest, training.highest),
        interval_level=frozen.level,
        random_state=random_state,
        facies_version=__version__,
        metrics=dict(metrics or {}),
        licences=tuple(licences),
        histogram_edges=training.histogram_edges,
        histogram_counts=training.histogram_counts,
        settings=frozen.settings,
    )


def render_model_card(card: ModelCard, crop: CropContract) -> str:
    """Write MODEL_CARD.md (sections after Mitchell et al. 2019, Model Cards for Model Reporting)."""
    sections = (
        ("Intended use", INTENDED_USE),
        ("What it does", _what(card)),
        ("Trained on", _training(card)),
        ("How good it was", _metrics(card)),
        ("How faces must be cut", _crop(crop)),
        ("Warnings it gives", "\n".join(f"- `{name}`: {meaning}." for name, meaning in WARNINGS.items())),
        ("What it holds of people", _holds(card)),
        ("Licences", "\n".join(f"- {line}" for line in _licences(card)) or "Not stated."),
    )
    return f"# {card.model_id}\n\n" + "\n\n".join(f"## {title}\n\n{text}" for title, text in sections) + "\n"


def _what(card: ModelCard) -> str:
    chosen = card.settings.get("chosen", {})
    settings = ", ".join(f"{name} {value:.4g}" for name, value in chosen.items()) or "as given"
    return (
        f"Predicts `{card.target}` in {card.unit} from a face: encoder {card.encoder.name} ({card.encoder.dimension} numbers a face, "
        f"SHA-256 {card.encoder.sha256 or 'none'}), then {card.regressor} ({settings}). Each prediction has an interval that should hold "
        f"the reference in {100 * card.interval_level:g} % of people like those it was trained on; the interval is for the reference as it "
        f"was measured, and for one photograph. facies {card.facies_version}, seed {card.random_state}."
    )


def _training(card: ModelCard) -> str:
    lowest, highest = card.training_years
    rows = [
        f"| {low:g} to {high:g} | {count} |"
        for low, high, count in zip(card.histogram_edges, card.histogram_edges[1:], card.histogram_counts, strict=False)
    ]
    head = f"{card.n_participants} people, {card.n_photographs} photographs; {card.target} from {lowest:.1f} to {highest:.1f} {card.unit}."
    table = "\n".join([f"| {card.target} ({card.unit}) | people |", "|---|---|", *rows])
    encoder = f"The encoder was trained on: {card.encoder.trained_on or 'not stated'}."
    return f"{head}\n{encoder}\n\n{table}"


def _holds(card: ModelCard) -> str:
    ends = "The lowest and the highest label and a histogram of all."
    if card.regressor == "svr":
        return f"The vectors of single training faces, as this method needs them: treat it as personal data. {ends}"
    return f"No vector of a single face. {ends}"


def _metrics(card: ModelCard) -> str:
    if not card.metrics:
        return "Not stated."
    rows = [
        f"| {name} | {value.value:.3g} | {value.ci_low:.3g} to {value.ci_high:.3g} | {value.n} |"
        for name, value in sorted(card.metrics.items())
    ]
    lines = ["| metric | value | 95 % interval | people |", "|---|---|---|---|", *rows]
    note = "From people whom the model had not seen (cross-fitted, folds by participant or family). Elsewhere it may be worse: check it."
    return "\n".join([note, "", *lines])


def _crop(crop: CropContract) -> str:
    points = ", ".join(f"({x:.4f}, {y:.4f})" for x, y in crop.template)
    return (
        f"Five points to {points} of a square of {crop.size} px, margin {crop.margin:g}, {crop.colour_order}, filter {crop.resize_filter}; "
        f"points by {crop.detector or 'not stated'} ({crop.detector_sha256[:12] or 'no hash'}). Faces cut in another way are refused."
    )


def _licences(card: ModelCard) -> list[str]:
    encoder = [f"encoder {card.encoder.name}: {card.encoder.licence}"] if card.encoder.licence else []
    return [*encoder, *card.licences]
