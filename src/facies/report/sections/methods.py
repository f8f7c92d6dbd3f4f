"""How it was done: detector, crop, encoder, folds, versions, hashes, seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from facies.records import CropContract, ModelCard, RunRecord
from facies.report.blocks import Block, Grid, Heading, Missing, Section, Text
from facies.report.condition_data import ConditionData
from facies.report.data import ReportData
from facies.report.numbers import DASH, count, fixed, plural, printed_range
from facies.report.sections.analyses import analysis_blocks, replication_analysis
from facies.report.sections.found import reference_noun
from facies.tables import TABLES

SHORT = 12
"""Characters of a hash that are printed; results.json has all of them."""


def methods_section(data: ReportData) -> Section:
    """Return the methods paragraph, the models' cards, the run records and the settings."""
    blocks = (
        *(Text(text) for text in _paragraphs(data)),
        *analysis_blocks(data),
        Heading("Models and networks"), *_cards(data),
        Heading("Crop contract"), *_contracts(data),
        Heading("Runs"), *_runs(data),
        Heading("Settings"), *_settings(data),
    )  # fmt: skip
    return Section("methods", "Methods and provenance", blocks)


def replication_methods(data: ReportData) -> Section:
    """Return the methods of a replication's own page: the frozen models, their crop contract, the runs and the settings."""
    intro = (
        f"Analyses were run with facies {data.version}. The models came from the discovery as bundles and were not changed; a bundle "
        "refuses faces "
        "that were found, aligned or cropped in another way. Outcomes, adjustment sets, steps and signs are those of the discovery's "
        "study.toml."
    )
    blocks = (
        Text(intro), Text(f"Sign convention: {data.sign_sentence()}"), *replication_analysis(data),
        Heading("Models and networks"), *_cards(data),
        Heading("Crop contract"), *_contracts(data),
        Heading("Runs"), *_runs(data),
        Heading("Settings"), *_settings(data),
    )  # fmt: skip
    return Section("methods", "Methods and provenance", blocks)


def learning_methods(data: ReportData) -> Section:
    """Return the methods of the page of ways to learn: the runs and the settings."""
    intro = (
        f"Analyses were run with facies {data.version}. Differences between models are paired: the same people, drawn anew together, or "
        "whole families where they are known. Learning curves: inverse power law with a floor (Cortes et al. 1994), weighted least squares "
        "(Figueroa et al. 2012) over the sizes from an eighth of the largest on."
    )
    blocks = (
        Text(intro), Text(f"Sign convention: {data.sign_sentence()}"),
        Heading("Runs"), *_runs(data),
        Heading("Settings"), *_settings(data),
    )  # fmt: skip
    return Section("methods", "Methods and provenance", blocks)


def reader_methods(data: ReportData) -> Section:
    """Return the methods of the page of readers: the statistics, the runs and the settings."""
    intro = (
        f"Analyses were run with facies {data.version}. Panel: crossed mixed model by restricted maximum likelihood, photographs "
        f"eliminated "
        "sparsely; intervals of standard deviations by profile likelihood. Models against readers: Obuchowski-Rockette with Hillis's "
        "degrees "
        "of freedom (Stat Med 2007;26:596-619), the single-treatment test for one model against a panel; covariances by jackknife over "
        "people. "
        "Limits of agreement with several readers after Obuchowski & Bullen; marked regions: STAPLE (Warfield, IEEE TMI 2004;23:903-921)."
    )
    blocks = (Text(intro), Heading("Runs"), *_runs(data), Heading("Settings"), *_settings(data))
    return Section("methods", "Methods and provenance", blocks)


def condition_methods(data: ConditionData) -> Section:
    """Return the methods of a report on conditions: how people were scored, the models, the runs and the settings."""
    intro = (
        f"Analyses were run with facies {data.version}. Faces were found, aligned by five points to a fixed template and turned into "
        "vectors by an encoder whose weights were not changed. A classifier told people with each condition from all others. People were "
        "assigned to folds by participant, or by family where the settings say so, alike in diagnosis, source and sex, and anew in every "
        "repeat; everybody was scored by a model that had seen neither the person nor a relative in its fold. What was chosen, the "
        "calibration to log-odds and the thresholds come from inner folds of the other people. A person's photographs of a visit, all "
        "views, are averaged. Statistics are averaged over the repeats; intervals and counts are by person."
    )
    blocks = (
        Text(intro),
        Heading("Models and networks"), *_condition_cards(data),
        Heading("Runs"), *_runs(data),
        Heading("Settings"), *_settings(data),
    )  # fmt: skip
    return Section("methods", "Methods and provenance", blocks)


def _condition_cards(data: ConditionData) -> list[Block]:
    if not data.condition_cards:
        return [Missing("Models", data.why_missing("model_cards"))]
    rows = tuple(
        (card.model_id, card.classifier, f"{card.encoder.name}, {card.encoder.precision}", count(card.encoder.dimension),
         card.encoder.sha256[:SHORT] or DASH, count(card.n_participants), str(card.random_state))
        for card in data.condition_cards
    )  # fmt: skip
    columns = ("Model", "Classifier", "Encoder", "Dimension", "Weights", "People", "Seed")
    return [Grid("table-condition-models", "Models", columns, rows, "", frozenset({1, 2, 4}))]


def _paragraphs(data: ReportData) -> list[str]:
    seeds = sorted({run.random_state for run in data.runs} | {card.random_state for card in data.model_cards})
    seed = f", random seed {', '.join(map(str, seeds))}" if seeds else ""
    sentences = [f"Analyses were run with facies {data.version}{seed}."]
    if data.model_cards:
        sentences.append(
            "Faces were found, aligned by five points to a fixed template, turned into vectors by an encoder whose weights were not "
            f"changed, and regressed on {reference_noun(data)}. The prediction for a person is the mean over their photographs."
        )
        sentences += _finetuning(data)
    if data.table("metrics") is not None:
        sentences.append("Intervals of errors resample participants, or whole families where they are known, never photographs.")
    return [" ".join(sentences), exclusivity_text(data), f"Sign convention: {data.sign_sentence()}"]


def _finetuning(data: ReportData) -> list[str]:
    """Say how the fine-tuned model differs from the others, where there is one."""
    if not any(card.model_id == "finetuned" for card in data.model_cards):
        return []
    return [
        f"For {data.label('finetuned')} the weights of the network were themselves fitted to {reference_noun(data)}, with smaller learning "
        "rates in earlier blocks, a loss on the distribution over ages (Geng et al. 2013; Gao et al. 2018) and labels weighted by the "
        "readings behind them: one network for each fold, fitted without its people, and one on everybody."
    ]


def exclusivity_text(data: ReportData) -> str:
    """Return how folds were made and the proof that nobody is on both sides."""
    splits = data.table("splits")
    if splits is None:
        return f"Folds: {data.why_missing('splits')}."
    inside = splits[splits.fold >= 0]
    twice = int((inside.groupby("participant_id").fold.nunique() > 1).sum())
    return (
        f"{plural(len(inside), 'participant')} were divided into {plural(inside.fold.nunique(), 'fold')} by person; every prediction with "
        "a reference comes from a model that was fitted without that person's fold. Counted in the tables of this study: "
        f"{plural(twice, 'participant')} and {_families(data)} stand in more than one fold."
    )


def _families(data: ReportData) -> str:
    people, splits = data.table("participants"), data.table("splits")
    if people is None or splits is None or "family_id" not in people or people.family_id.isna().all():
        return "0 families (no family_id was given)"
    joined = people.dropna(subset=["family_id"]).merge(splits[splits.fold >= 0], on="participant_id")
    n = int((joined.groupby("family_id").fold.nunique() > 1).sum())
    return f"{count(n)} {'family' if n == 1 else 'families'}"


def _cards(data: ReportData) -> list[Block]:
    if not data.model_cards:
        return [Missing("Model cards", data.why_missing("model_cards"))]
    rows = tuple((title, *(answer(card) for card in data.model_cards)) for title, answer in CARD_ROWS.items())
    columns = ("", *(data.label(card.model_id) for card in data.model_cards))
    return [Grid("table-cards", "Models and the networks under them", columns, rows, text_columns=frozenset(range(1, len(columns))))]


def _licence(card: ModelCard) -> str:
    return card.encoder.licence or ", ".join(card.licences) or "not stated"


CARD_ROWS: dict[str, Callable[[ModelCard], str]] = {
    "Encoder": lambda card: card.encoder.name,
    "Weights, SHA-256": lambda card: card.encoder.sha256[:SHORT] or "no weights",
    "Licence of the encoder": _licence,
    "Source of the encoder": lambda card: card.encoder.source or "not stated",
    "Encoder trained on": lambda card: card.encoder.trained_on or "not stated",
    "Dimension": lambda card: count(card.encoder.dimension),
    "Precision": lambda card: card.encoder.precision,
    "Runtime": lambda card: card.encoder.runtime or "not stated",
    "Regressor": lambda card: card.regressor.replace("_", " "),
    "Participants": lambda card: count(card.n_participants),
    "Photographs": lambda card: count(card.n_photographs),
    "Training range, years": lambda card: printed_range(card.training_years),
    "Level of prediction intervals": lambda card: f"{100 * card.interval_level:.0f}%",
}
"""What is printed of each model's card."""


def _contracts(data: ReportData) -> list[Block]:
    if not data.model_cards:
        return [Missing("Crop contract", data.why_missing("model_cards"))]
    crops = {card.encoder.crop.digest(): card.encoder.crop for card in data.model_cards}
    users = {digest: [card for card in data.model_cards if card.encoder.crop.digest() == digest] for digest in crops}
    rows = tuple(_contract_row(data, digest, crop, users[digest]) for digest, crop in crops.items())
    note = "A model refuses faces that were found, aligned or cropped in another way."
    columns = ("Contract", "Models", "Detector", "Its SHA-256", "Side, px", "Margin", "Colours", "Resize filter")
    caption = "How faces were cut: part of every model"
    return [Grid("table-contracts", caption, columns, rows, note=note, text_columns=frozenset({1, 2, 3, 6, 7}))]


def _contract_row(data: ReportData, digest: str, crop: CropContract, users: list[ModelCard]) -> tuple[str, ...]:
    return (
        digest,
        ", ".join(data.label(card.model_id) for card in users),
        crop.detector or "not stated",
        crop.detector_sha256[:SHORT] or DASH,
        count(crop.size),
        fixed(crop.margin),
        crop.colour_order,
        crop.resize_filter,
    )


def _runs(data: ReportData) -> list[Block]:
    if not data.runs:
        return [Missing("Run records", data.why_missing("runs"))]
    columns = ("Stage", "facies", "Commit", "Seed", "In", "Out", "Left out", "Inputs, SHA-256", "Outputs, SHA-256")
    table = Grid(
        "table-runs", "What each stage did", columns, tuple(_run_row(run) for run in data.runs), text_columns=frozenset({1, 2, 7, 8})
    )
    versions = {name: version for run in data.runs for name, version in run.versions.items()}
    text = (
        "Software: " + ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) + "."
        if versions
        else "Versions of libraries were not recorded."
    )
    return [table, Text(text)]


def _run_row(run: RunRecord) -> tuple[str, ...]:
    return (
        run.stage.replace("_", " "), run.facies_version, run.commit[:SHORT] or DASH, str(run.random_state), count(run.n_in),
        count(run.n_out),
        count(sum(run.excluded.values())), hashes_text(run.inputs), hashes_text(run.outputs),
    )  # fmt: skip


def hashes_text(files: Mapping[str, str]) -> str:
    """Name the tables among the files with the start of their hash, and count the rest: a file's name may tell who is in it.

    Examples
    --------
    >>> hashes_text({"participants.tsv": "ab" * 32, "photos/anna.jpg": "cd" * 32})
    'participants abababababab; 1 further file'
    """
    known = known_files(files)
    parts = [f"{name} {digest[:SHORT]}" for name, digest in sorted(known.items())]
    rest = len(files) - len(known)
    return "; ".join([*parts, *([plural(rest, "further file")] if rest else [])]) or DASH


def known_files(files: Mapping[str, str]) -> dict[str, str]:
    """Return the hashes of those files that are tables of the vocabulary or the study's settings, by table name."""
    return {name: digest for path, digest in files.items() if (name := PurePosixPath(path).stem) in {*TABLES, "study"}}


def _settings(data: ReportData) -> list[Block]:
    rows = tuple((name, value) for name, value in flat_settings(data.settings))
    if not rows:
        return [Missing("Settings", "no settings were given")]
    return [Grid("table-settings", "Settings of the study", ("Setting", "Value"), rows, text_columns=frozenset({1}))]


def flat_settings(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Give nested settings as dotted names and text.

    Examples
    --------
    >>> list(flat_settings({"models": {"n_folds": 5, "regressors": ["ridge", "svr"]}}))
    [('models.n_folds', '5'), ('models.regressors', 'ridge, svr')]
    """
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat_settings(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {_plain(part)}" for name, part in value.items() if part is not None)
    if isinstance(value, (list, tuple)):
        return ("\n" if any(isinstance(item, Mapping) for item in value) else ", ").join(map(_plain, value)) or "none"
    return {True: "yes", False: "no", None: "not set"}.get(value, str(value)) if isinstance(value, (bool, type(None))) else str(value)
