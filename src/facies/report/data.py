"""What a report is made from: tables and records, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from facies.errors import InputError
from facies.records import ModelCard, RunRecord
from facies.types import Image

SIGN_CONVENTION = "years looking older = perceived age − age; a positive number means that the person looks older than they are"
"""The default of ``ReportData.sign_convention``."""

ABBREVIATIONS = {word.lower(): word for word in ("COPD", "BMI", "MC1R", "ARHL", "BP", "HbA1c", "UV")}
"""Words of table columns that are written otherwise in print."""

FLOW_COLUMNS = ("step", "level", "n", "reason")
POINT_COLUMNS = ("trait", "chromosome", "position", "p_value", "expected_p")
MARGIN_KEYS = ("margins", "registered_at", "results_seen")

MISSING = {
    "flow": "no flow of participants was recorded",
    "participants": "no participants table was given",
    "splits": "no folds were assigned",
    "photographs": "no photographs table was given",
    "faces": "no faces table was given",
    "average_faces": "no average faces were given, or a third had fewer than 10 participants",
    "panel_estimates": "neither readings.tsv nor panel_estimates.tsv was given",
    "participant_predictions": "no model was fitted, or nobody had both a usable photograph and a reference",
    "metrics": "no predictions were evaluated against a reference",
    "error_by_age": "no errors by age band were computed",
    "comparisons": "models were not compared in pairs",
    "bland_altman": "no limits of agreement were computed",
    "associations": "no outcomes.tsv was given",
    "association_steps": "no associations were asked for",
    "association_curves": "curves were not asked for",
    "source_comparisons": "there was no human perceived age beside a computed one",
    "proxy_estimates": "everybody had human readings, or nobody had, or it was not asked for",
    "age_gaps": "age gaps were not computed",
    "age_gap_summaries": "age gaps were not computed",
    "preflight": "participants were not compared across tables",
    "score_variants": "no gene score was asked for",
    "score_groups": "no gene score was asked for",
    "scans": "no scan of variants was asked for",
    "scan_points": "no scan of variants was asked for",
    "replications": "no validation study was named",
    "shifts": "no validation study was named",
    "replication_metrics": "no validation study was named, or it had no readings",
    "pretraining": "no encoder was learnt from this study's photographs (facies pretrain)",
    "pretraining_history": "no encoder was learnt from this study's photographs",
    "pretraining_help": "no encoder was learnt from this study's photographs, or there were too few labels",
    **dict.fromkeys(
        ("learning_ways", "learning_pairs", "learning_associations", "learning_costs", "learning_curves", "learning_forecasts"),
        "ways to learn were not compared (facies compare-learning), or there was too little for this part",
    ),
    **dict.fromkeys(("panel_model", "reader_estimates"), "readings are calls, or too few for a model of the panel"),
    **dict.fromkeys(("reader_performance", "reader_comparison", "reader_study_sizes"), "readers and models did not judge the same people"),
    "reader_agreement": "no computed age stands beside readings of the same people",
    **dict.fromkeys(("region_agreement", "region_consensus"), "there is no region_marks.tsv of regions that readers marked"),
    "margins": "no equivalence margin was given",
    "runs": "no run records were given",
    "model_cards": "no model cards were given",
}
"""Why a part may be absent; ``ReportData.missing`` replaces these sentences by the true reason."""


@dataclass(frozen=True, eq=False)
class AverageFace:
    """The mean of one crop a person over many people, in which no person can be recognised.

    Parameters
    ----------
    label
        Whom it shows, such as ``"youngest-looking third"``.
    image
        The mean crop, (height, width, 3), sRGB.
    n
        Participants behind it. Fewer than :data:`facies.report.averages.MIN_PEOPLE` in any average, and none is shown.
    """

    label: str
    image: Image
    n: int


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything that a report may hold. A part that is ``None`` or empty is named as missing, with the reason.

    There is no field for the face of one person, and no text of the report is taken from an identifier or a path.

    Parameters
    ----------
    study_name
        The title of the page.
    date
        When the report was made, as text that is printed (YYYY-MM-DD). The report reads no clock.
    version
        Version of facies.
    target
        What the models learned: ``perceived_age`` or ``age``.
    flow
        One row a count, in the order of the study: ``step`` (what was done), ``level`` (``participants``, ``photographs``),
        ``n``, ``reason``. Without a reason (NaN or empty) ``n`` is what remains after the step, with one it is what left before
        the next such row. The numbers must add up: see :func:`facies.report.flow.flow_steps`. ``cohort.summarise_flow`` makes it.
    participants, photographs, faces, splits, participant_predictions, panel_estimates, metrics, associations
        The tables of :mod:`facies.tables`. ``participants`` and ``photographs`` as they came in, exclusions included.
        Metrics are looked up as ``system`` = a model_id, ``predicting_the_mean``, ``label_noise_floor``, ``one_reader`` or
        ``panel``; ``subgroup`` = ``all`` or ``column=level``. Systems ``reader <reader_id>``
        are left out. Exposures and outcomes that are a perceived age are written ``perceived_age[panel]`` or
        ``perceived_age[<model_id>]``.
    bland_altman
        Schema METRICS: ``mean_difference limit_low limit_high`` and perhaps ``proportional_bias`` of each model, in years,
        predicted − reference. ``evaluation.bland_altman`` makes it.
    error_by_age
        Schema METRICS: ``mae`` and ``bias`` of each model by subgroups such as ``age=50-54``. ``evaluation.error_by_age`` makes
        it; without it the age bands of ``metrics`` are drawn.
    association_steps, association_curves, proxy_estimates, age_gap_summaries, score_variants, score_groups, scans, replications, shifts
        The tables of :mod:`facies.tables` of these names.
    replication_metrics
        Table REPLICATION_METRICS: the models' errors in the validation study.
    source_comparisons
        Table COMPARISONS: human against computed perceived age in the same people.
    age_gaps, preflight
        The tables of these names, one row a person (and source): the page shows counts and means of groups only.
    scan_points
        ``trait chromosome position p_value expected_p``, thinned: all small p-values and a sample of the others. ``expected_p`` is the
        p-value expected at that rank among all variants tested.
    pretraining
        What ``derived/pretrain/pretraining.json`` says of the encoder that the study learnt itself, and ``n_gone``: people whom it learnt
        from and who are not in the study any more.
    pretraining_history, pretraining_help
        How that run went (``step probe_mae knn_mae rank``), and table ``helped``.
    learning_ways, learning_pairs, learning_associations, learning_costs, learning_curves, learning_forecasts
        The tables of these names: ways to learn side by side.
    panel_model, reader_estimates, reader_performance, reader_comparison, reader_agreement, reader_study_sizes
        The panel and the models against it, tables of these names. Readers are numbered in print, never named.
    region_agreement, region_consensus
        What readers marked.
    reader_ids
        Identifiers of all who read or are to read, so that none is printed.
    reader_notes
        What a reader of these results should know.
    learning_notes
        Sentences about what the comparison of ways lacks.
    margins
        The log of equivalence margins, oldest first: ``margins`` (variable to margin, on the coefficient's scale),
        ``registered_at`` (ISO 8601) and ``results_seen`` (whether comparisons had been made in this study before).
    comparisons
        Schema METRICS: systems ``<model_id> minus <model_id>``. ``evaluation.compare_models`` makes it; such rows may also stand
        in ``metrics``.
    runs
        Run records, in the order of the stages.
    model_cards
        One a model; the order is that of the tables, and the first is drawn unless ``primary_model`` says otherwise.
    average_faces
        From :func:`facies.report.average_faces`.
    average_face_rule
        How the groups of the average faces were chosen, as one sentence.
    duplicates
        Counts of repeated photographs: ``exact`` copies that were left out, ``near`` pairs that look alike under two participants.
    consent
        Participants by ``consent_scope``; counted from ``participants`` when empty.
    warnings
        Sentences that a reader must see first.
    settings
        What ``study.toml`` says, nested or flat, plain values.
    sign_convention
        One sentence that names the direction of every difference.
    primary_model
        The model_id that is drawn and named in the summary; chosen before the results were seen.
    primary_adjustment
        The adjustment set that is drawn and named in the summary; the first of ``associations`` when ``None``.
    labels
        What to print for a model_id, outcome, exposure, covariate or subgroup column, and for sources of perceived age:
        ``{"panel": "Human", "hog+ridge": "DFT", "column:pa_ssl": "SSL"}``.
    units
        Units of continuous outcomes.
    missing
        Field name to the reason for its absence, such as ``{"associations": "no outcomes.tsv was given"}``.
    simulated
        Whether the people are simulated; said at the top of the page.

    Examples
    --------
    >>> data = ReportData("A study", date="2025-01-31", version="0.1.0")
    >>> data.why_missing("associations")
    'no outcomes.tsv was given'
    """

    study_name: str
    date: str
    version: str
    target: str = "perceived_age"
    flow: pd.DataFrame | None = None
    participants: pd.DataFrame | None = None
    photographs: pd.DataFrame | None = None
    faces: pd.DataFrame | None = None
    splits: pd.DataFrame | None = None
    panel_estimates: pd.DataFrame | None = None
    participant_predictions: pd.DataFrame | None = None
    metrics: pd.DataFrame | None = None
    bland_altman: pd.DataFrame | None = None
    error_by_age: pd.DataFrame | None = None
    comparisons: pd.DataFrame | None = None
    associations: pd.DataFrame | None = None
    association_steps: pd.DataFrame | None = None
    association_curves: pd.DataFrame | None = None
    source_comparisons: pd.DataFrame | None = None
    proxy_estimates: pd.DataFrame | None = None
    age_gaps: pd.DataFrame | None = None
    age_gap_summaries: pd.DataFrame | None = None
    preflight: pd.DataFrame | None = None
    score_variants: pd.DataFrame | None = None
    score_groups: pd.DataFrame | None = None
    scans: pd.DataFrame | None = None
    scan_points: pd.DataFrame | None = None
    replications: pd.DataFrame | None = None
    shifts: pd.DataFrame | None = None
    replication_metrics: pd.DataFrame | None = None
    pretraining: Mapping[str, Any] = field(default_factory=dict)
    pretraining_history: pd.DataFrame | None = None
    pretraining_help: pd.DataFrame | None = None
    learning_ways: pd.DataFrame | None = None
    learning_pairs: pd.DataFrame | None = None
    learning_associations: pd.DataFrame | None = None
    learning_costs: pd.DataFrame | None = None
    learning_curves: pd.DataFrame | None = None
    learning_forecasts: pd.DataFrame | None = None
    learning_notes: tuple[str, ...] = ()
    panel_model: pd.DataFrame | None = None
    reader_estimates: pd.DataFrame | None = None
    reader_performance: pd.DataFrame | None = None
    reader_comparison: pd.DataFrame | None = None
    reader_agreement: pd.DataFrame | None = None
    reader_study_sizes: pd.DataFrame | None = None
    region_agreement: pd.DataFrame | None = None
    region_consensus: pd.DataFrame | None = None
    reader_ids: tuple[str, ...] = ()
    reader_notes: tuple[str, ...] = ()
    margins: tuple[Mapping[str, Any], ...] = ()
    runs: tuple[RunRecord, ...] = ()
    model_cards: tuple[ModelCard, ...] = ()
    average_faces: tuple[AverageFace, ...] = ()
    average_face_rule: str = ""
    duplicates: Mapping[str, int] = field(default_factory=dict)
    consent: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    sign_convention: str = SIGN_CONVENTION
    primary_model: str | None = None
    primary_adjustment: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    simulated: bool = False

    def __post_init__(self) -> None:
        unknown = [name for name in self.missing if name not in MISSING]
        if unknown:
            raise InputError(f"missing names '{unknown[0]}': use one of {', '.join(MISSING)}")
        for name, columns in (("flow", FLOW_COLUMNS), ("scan_points", POINT_COLUMNS)):
            frame = getattr(self, name)
            lacking = [] if frame is None else [column for column in columns if column not in frame.columns]
            if lacking:
                raise InputError(f"{name} has no column '{lacking[0]}': give {', '.join(columns)}")
        if any(key not in entry for entry in self.margins for key in MARGIN_KEYS):
            raise InputError(f"an entry of margins is incomplete: give {', '.join(MARGIN_KEYS)}")

    def table(self, name: str) -> pd.DataFrame | None:
        """Return the table of this name, or ``None`` when it is absent or has no rows."""
        frame: pd.DataFrame | None = getattr(self, name)
        return None if frame is None or frame.empty else frame

    def why_missing(self, name: str) -> str:
        """Return the reason why a part is absent."""
        return self.missing.get(name, MISSING[name])

    def label(self, name: str) -> str:
        """Return what to print for a name of a table."""
        if name in self.labels or "+" in name or ":" in name:
            return self.labels.get(name) or name  # a model's name is not taken apart
        return " ".join(ABBREVIATIONS.get(word, word) for word in name.split("_"))

    def title(self, name: str) -> str:
        """Return the label with a capital first letter."""
        label = self.label(name)
        return label[:1].upper() + label[1:]

    def sign_sentence(self) -> str:
        """Return the sign convention as a sentence."""
        return f"{self.sign_convention[:1].upper()}{self.sign_convention[1:].rstrip('.')}."

    def model_ids(self) -> list[str]:
        """Return the models in the order of their cards, then those that only the predictions or metrics name."""
        from facies.report.metric_values import is_model

        names = [card.model_id for card in self.model_cards]
        for table, column in (("participant_predictions", "model_id"), ("metrics", "system")):
            frame = self.table(table)
            if frame is not None:
                names += [name for name in frame.loc[frame.target == self.target, column] if is_model(name)]
        return list(dict.fromkeys(names))

    def drawn_model(self) -> str | None:
        """Return the model that is drawn: ``primary_model``, or the first."""
        return self.primary_model or next(iter(self.model_ids()), None)
