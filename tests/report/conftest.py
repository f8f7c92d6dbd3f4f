"""A study whose numbers are invented, as a report receives it."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import invented_tables as invented

from facies.records import CropContract, EncoderCard, Estimate, ModelCard, RunRecord
from facies.report import AverageFace, ReportData, render_report

SQUARE = ((0.34, 0.46), (0.66, 0.46), (0.5, 0.64), (0.37, 0.82), (0.63, 0.82))
MODELS = ("hog-ridge", "retail0095-ridge")
BANDS = ("50-59", "60-69", "70-79", "80+")


def _participants(rng: np.random.Generator, n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "participant_id": [f"person-{i:05d}" for i in range(n)],
            "age": rng.uniform(51.5, 87.8, n).round(1),
            "sex": rng.choice(["female", "male"], n, p=[0.57, 0.43]),
            "site": rng.choice(["North", "South", "<script>alert(1)</script>"], n, p=[0.5, 0.3, 0.2]),
            "family_id": [f"family-{i // 2:05d}" for i in range(n)],
            "consent_scope": rng.choice(["analysis", "publication"], n, p=[0.9, 0.1]),
        }
    )


def _photographs(people: pd.DataFrame) -> pd.DataFrame:
    rows = [(f"photo-{owner}-{k}", owner, f"photos/{owner}_{k}.jpg") for owner in people.participant_id for k in range(2)]
    frame = pd.DataFrame(rows, columns=["photo_id", "participant_id", "path"])
    return frame.assign(included=True, exclusion_reason=None)


def _faces(rng: np.random.Generator, photographs: pd.DataFrame) -> pd.DataFrame:
    n = len(photographs)
    columns = {
        "inter_eye_distance": rng.normal(150, 18, n), "sharpness": rng.lognormal(6, 0.4, n), "exposure": rng.normal(0.48, 0.06, n),
        "underexposed": rng.beta(1, 60, n), "overexposed": rng.beta(1, 90, n), "illumination_uniformity": rng.beta(18, 4, n),
        "yaw": rng.normal(0, 5, n),
        "pitch": rng.normal(-1, 4, n), "roll": rng.normal(0, 2.5, n), "background_uniformity": rng.beta(20, 2, n),
        "compression": rng.beta(1, 30, n),
        "outside": np.zeros(n),
    }  # fmt: skip
    reason = np.where(np.arange(n) % 41 == 3, "blurred", np.where(np.arange(n) % 97 == 5, "turned", ""))
    return pd.DataFrame(
        {
            "face_id": photographs.photo_id + "_f1",
            "photo_id": photographs.photo_id,
            **columns,
            "included": reason == "",
            "exclusion_reason": reason,
        }
    )


def _predictions(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    seen = people.age + rng.normal(0, 4.2, len(people))
    frames = []
    for model, noise, slope in zip(MODELS, (4.4, 3.1), (0.62, 0.83), strict=True):
        predicted = 69 + slope * (seen - 69) + rng.normal(0, noise, len(people))
        reach = 1.7 * noise + 0.5
        frames.append(
            pd.DataFrame(
                {
                    "participant_id": people.participant_id, "model_id": model, "target": "perceived_age",
                    "fold": np.arange(len(people)) // 2 % 5, "n_photographs": 2,
                    "predicted": predicted, "ci_low": predicted - reach, "ci_high": predicted + reach, "observed": seen,
                    "label_weight": 1.0,
                }
            )
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _metric_rows(rows: pd.DataFrame, subgroup: str) -> list[dict[str, object]]:
    error, n = rows.predicted - rows.observed, len(rows)
    values = {
        "mae": error.abs().mean(), "rmse": float(np.sqrt((error**2).mean())), "r": rows.predicted.corr(rows.observed),
        "slope": float(np.polyfit(rows.observed, rows.predicted, 1)[0]), "bias": error.mean(),
        "slope_observed_on_predicted": float(np.polyfit(rows.predicted, rows.observed, 1)[0]),
        "interval_coverage": float(rows.observed.between(rows.ci_low, rows.ci_high).mean()),
    }  # fmt: skip
    half = {"mae": 2.4, "rmse": 2.8, "r": 0.15, "slope": 0.6, "bias": 4.0, "slope_observed_on_predicted": 0.6, "interval_coverage": 0.4}
    return [_metric(rows.model_id.iloc[0], subgroup, name, value, half[name] * 1.96 / n**0.5, n) for name, value in values.items()]


def _metrics(predictions: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    rows = predictions.merge(people, on="participant_id")
    rows = rows.assign(age_band=pd.cut(rows.age, [0, 60, 70, 80, 200], labels=list(BANDS), right=False).astype(str))
    found: list[dict[str, object]] = []
    for _, part in rows.groupby("model_id", sort=False):
        found += _metric_rows(part, "all")
        for column in ("age_band", "sex", "site"):
            for level, group in part.groupby(column):
                found += _metric_rows(group, f"{column}={level}")
    spread = float((rows.observed - rows.observed.mean()).abs().mean())
    others = {
        "predicting_the_mean": (spread, 0.4),
        "label_noise_floor": (0.92, 0.05),
        "one_reader": (4.71, 0.11),
        "reader anna": (5.5, 0.3),
    }
    for system, (value, reach) in others.items():
        found.append(_metric(system, "all", "mae", value, reach, len(people)))
    return pd.DataFrame(found)


def _metric(system: str, subgroup: str, metric: str, value: float, reach: float, n: int) -> dict[str, object]:
    ends = {"value": value, "ci_low": value - reach, "ci_high": value + reach, "n": n}
    return {"system": system, "target": "perceived_age", "subgroup": subgroup, "metric": metric, **ends}


def _bland_altman(predictions: pd.DataFrame) -> pd.DataFrame:
    found = []
    for model, rows in predictions.groupby("model_id", sort=False):
        error = rows.predicted - rows.observed
        bias, sd, n = float(error.mean()), float(error.std()), len(rows)
        values = {"mean_difference": bias, "limit_low": bias - 1.96 * sd, "limit_high": bias + 1.96 * sd, "proportional_bias": -0.18}
        found += [_metric(str(model), "all", metric, value, 1.96 * sd / n**0.5, n) for metric, value in values.items()]
    return pd.DataFrame(found)


def _error_by_age(predictions: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    rows = predictions.merge(people, on="participant_id").assign(start=lambda frame: frame.age // 5 * 5)
    found = []
    for (model, start), part in rows.groupby(["model_id", "start"]):
        error = part.predicted - part.observed
        for metric, value in (("mae", float(error.abs().mean())), ("bias", float(error.mean()))):
            found.append(_metric(str(model), f"age={start:.0f}-{start + 4:.0f}", metric, value, 5 / len(part) ** 0.5, len(part)))
    return pd.DataFrame(found)


def _comparisons(n: int) -> pd.DataFrame:
    system = " minus ".join(reversed(MODELS))
    return pd.DataFrame([_metric(system, "all", "mae_difference", -1.9, 0.2, n), _metric(system, "all", "r_difference", 0.1, 0.02, n)])


def _average(label: str, n: int, shade: float) -> AverageFace:
    y, x = np.mgrid[-1:1:112j, -1:1:112j]
    head = np.exp(-((x / 0.62) ** 4 + (y / 0.82) ** 4))
    eyes = sum(np.exp(-(((x - side) / 0.12) ** 2 + ((y + 0.12) / 0.07) ** 2)) for side in (-0.32, 0.32))
    mouth = np.exp(-((x / 0.28) ** 2 + ((y - 0.5) / 0.06) ** 2))
    light = 225 - head * (60 + shade) - 70 * eyes * head - 45 * mouth * head
    return AverageFace(label, np.stack([light, light * 0.88, light * 0.8], axis=-1).clip(0, 255).astype(np.uint8), n)


def _card(model: str) -> ModelCard:
    crop = CropContract(SQUARE, size=128, detector="facies-finder", detector_sha256="ab12" * 16)
    hog = model.startswith("hog")
    encoder = EncoderCard(
        "hog" if hog else "onnx:face-reidentification-retail-0095", 1764 if hog else 256, crop, "" if hog else "cd34" * 16, "Apache-2.0"
    )
    return ModelCard(
        model, "perceived_age", "years", "ridge", encoder, 600, 1200, (51.5, 87.8), 0.9, 7, "0.1.0", {"mae": Estimate(3.1, 2.9, 3.3, 600)}
    )


def _run(stage: str, n_in: int, n_out: int) -> RunRecord:
    hashes = {"participants.tsv": "11" * 32, "photos/person-00003_0.jpg": "22" * 32}
    return RunRecord(
        stage,
        "0.1.0",
        "0123456789abcdef",
        {},
        7,
        hashes,
        {f"derived/{stage}/faces.tsv": "33" * 32},
        "2025-01-31T10:00:00",
        12.5,
        n_in,
        n_out,
        {},
        {"numpy": "2.4.0"},
    )


def _flow(n: int, faces: pd.DataFrame) -> pd.DataFrame:
    blurred, turned = (int((faces.exclusion_reason == reason).sum()) for reason in ("blurred", "turned"))
    photographs = [
        ("given", 2 * n + 25, ""), ("excluded at intake", 5, "exact_duplicate"), ("excluded at intake", 8, "truncated"),
        ("excluded at intake", 12, "withdrawn"), ("after intake", 2 * n, ""), ("excluded at faces", blurred, "blurred"),
        ("excluded at faces", turned, "turned"), ("after faces", 2 * n - blurred - turned, ""),
    ]  # fmt: skip
    people = [
        ("given", n + 9, ""), ("excluded at intake", 3, "no_usable_photograph"), ("excluded at intake", 6, "withdrawn"),
        ("after intake", n, ""), ("after faces", n, ""), ("without label", 0, "no_reading"), ("with label", n, ""),
    ]  # fmt: skip
    rows = [
        (step, level, count, why) for level, part in (("photographs", photographs), ("participants", people)) for step, count, why in part
    ]
    return pd.DataFrame(rows, columns=["step", "level", "n", "reason"])


def analyses(people: pd.DataFrame, sources: tuple[str, ...]) -> dict[str, Any]:
    """Return the tables of associations, genes and replication for these people and sources of perceived age, the panel first."""
    n, computed = len(people), [source for source in sources if source != "panel"]
    gaps, summaries = invented.age_gaps(people, sources)
    points = invented.scan_points(sources)
    return {
        "associations": invented.associations(n, sources), "association_steps": invented.steps(n, sources),
        "association_curves": invented.curves(n, sources), "source_comparisons": invented.comparisons(n, computed) if computed else None,
        "proxy_estimates": invented.proxies(n, computed) if computed else None, "age_gaps": gaps, "age_gap_summaries": summaries,
        "preflight": invented.preflight(people), "score_variants": invented.score_variants(n),
        "score_groups": invented.score_groups(n, sources), "scans": invented.scans(n, sources, points, 100_000), "scan_points": points,
        "replications": invented.replications(n, sources), "shifts": invented.shifts(computed),
        "replication_metrics": invented.replication_metrics(computed) if computed else None, "margins": invented.MARGIN_LOG,
        **(invented.learning(n, computed) if computed else {}),
    }  # fmt: skip


def build(n: int = 600) -> ReportData:
    """Return a whole report of ``n`` participants."""
    rng = np.random.default_rng(7)
    people = _participants(rng, n)
    photographs = _photographs(people)
    faces, predictions = _faces(rng, photographs), _predictions(rng, people)
    panel = pd.DataFrame(
        {
            "photo_id": photographs.photo_id,
            "target": "perceived_age",
            "panel_mean": 60.0,
            "n_readers": rng.integers(20, 31, len(photographs)),
        }
    )
    panel = panel.assign(reading_sd=rng.normal(6, 0.6, len(panel)), std_error=lambda frame: frame.reading_sd / frame.n_readers**0.5)
    splits = pd.DataFrame({"participant_id": people.participant_id, "fold": np.arange(n) // 2 % 5, "partition": "train"})
    return ReportData(
        "Perceived age in the Example Study", "2025-01-31", "0.1.0",
        flow=_flow(n, faces), participants=people, photographs=photographs, faces=faces, splits=splits, panel_estimates=panel,
        participant_predictions=predictions, metrics=_metrics(predictions, people),
        bland_altman=_bland_altman(predictions), error_by_age=_error_by_age(predictions, people), comparisons=_comparisons(n),
        **analyses(people, ("panel", *MODELS)),
        runs=(_run("intake", 1225, 1200), _run("faces", 1200, 1158)), model_cards=tuple(_card(model) for model in MODELS),
        average_faces=(_average("youngest-looking third", n // 3, 0), _average("oldest-looking third", n // 3, 22)),
        average_face_rule="Participants were ordered by how much older they look than people of their age and cut into thirds.",
        duplicates={"exact": 0, "near": 3}, warnings=("person-00003 and person-00009 share photos/person-00003_0.jpg.",),
        settings={"folds": {"n_folds": 5}, "photographs": {"folder": "/data/clinic/secret/photos"},
                  "quality": {"sharpness": 30.0, "yaw": None}},
        primary_model="retail0095-ridge",
        labels={"model_1": "model 1", "model_2": "model 2", "copd": "COPD", "osteoporosis": "Osteoporosis", "cataract": "Cataract",
                "hearing_loss": "Hearing threshold", "fracture": "Fracture",
                "cognition": "Global cognition", "mc1r": "MC1R risk alleles", "bmi": "BMI",
                "hog-ridge": "HOG + ridge", "retail0095-ridge": "retail-0095 + ridge"},
        units={"hearing_loss": "dB", "cognition": "SD"}, simulated=True,
    )  # fmt: skip


@pytest.fixture(scope="session")
def report_data() -> ReportData:
    return build()


@pytest.fixture(scope="session")
def bare_data() -> ReportData:
    return ReportData("A bare study", "2025-01-31", "0.1.0")


@pytest.fixture(scope="session")
def plain_data(report_data: ReportData) -> ReportData:
    """A study of models alone: no associations, genes or replication, so that it is drawn quickly."""
    return without_analyses(report_data)


def without_analyses(data: ReportData) -> ReportData:
    names = analyses(data.participants.head(20), ("panel",))
    return dataclasses.replace(data, **(dict.fromkeys(names) | {"margins": ()}))


@pytest.fixture(scope="session")
def large_data() -> ReportData:
    """A study of 4,000 people: density instead of points."""
    return dataclasses.replace(without_analyses(build(4000)), study_name="A large study")


@pytest.fixture(scope="session")
def build_data() -> Callable[[int], ReportData]:
    return build


class Page(HTMLParser):
    """What a test asks of a page: its text, attributes, headings and pictures."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str]] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th", "li", "p", "strong", "span", "dt", "dd", "caption", "div"}:
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).replace("\N{NO-BREAK SPACE}", " ").split())

    def values(self, name: str, tag: str | None = None) -> list[str]:
        return [value for owner, found, value in self.attributes if found == name and tag in (None, owner)]


@pytest.fixture(scope="session")
def report_html(report_data: ReportData) -> str:
    return render_report(report_data)


@pytest.fixture(scope="session")
def page(report_html: str) -> Page:
    return Page(report_html)


@pytest.fixture(scope="session")
def bare_page(bare_data: ReportData) -> Page:
    return Page(render_report(bare_data))


@pytest.fixture(scope="session")
def read_page() -> type[Page]:
    return Page


@pytest.fixture(scope="session")
def build_analyses() -> Callable[[pd.DataFrame, tuple[str, ...]], dict[str, Any]]:
    return analyses
