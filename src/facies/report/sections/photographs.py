"""Photographs and faces: quality, reasons of exclusion, average faces."""

from __future__ import annotations

import base64
import io

import pandas as pd

from facies.report.averages import MIN_PEOPLE
from facies.report.blocks import Block, Grid, Heading, Missing, Portrait, Portraits, Section, Text
from facies.report.data import AverageFace, ReportData
from facies.report.numbers import count, fixed, plural, share
from facies.report.sections.people import reason_text
from facies.tables import FACES

QUALITY = (
    "inter_eye_distance", "sharpness", "exposure", "underexposed", "overexposed", "illumination_uniformity",
    "yaw", "pitch", "roll", "background_uniformity", "compression", "outside",
)  # fmt: skip


DUPLICATES = {"exact": "Exact copies, left out", "near": "pairs that look alike under two participants, kept"}
"""Kinds of repeated photographs in words."""


def photographs_section(data: ReportData) -> Section:
    """Return quality, exclusions, repeated photographs and the average faces."""
    blocks = (Heading("Image quality"), *_quality(data), Heading("Photographs and faces left out"), *_exclusions(data), *_duplicates(data))
    return Section("photographs", "Photographs and faces", (*blocks, Heading("Average faces"), *_averages(data)))


def _quality(data: ReportData) -> list[Block]:
    faces = data.table("faces")
    if faces is None:
        return [Missing("Image quality", data.why_missing("faces"))]
    used = faces[faces.included]
    rows = tuple(_quality_row(used[name], name) for name in QUALITY if used[name].notna().any())
    if not rows:
        return [Missing("Image quality", "no face was used, or no quality was measured")]
    caption = f"Quality of the {plural(len(used), 'face')} that were used"
    return [
        Grid(
            "table-quality",
            caption,
            ("Measure", "5th percentile", "Median", "95th percentile", "Meaning"),
            rows,
            text_columns=frozenset({4}),
        )
    ]


def _quality_row(values: pd.Series, name: str) -> tuple[str, ...]:
    column = FACES.column(name)
    digits = 0 if values.abs().median() >= 20 else 2
    title = name.replace("inter_eye", "inter-eye").replace("_", " ").capitalize() + (f", {column.unit}" if column.unit else "")
    return (title, *(fixed(values.quantile(q), digits) for q in (0.05, 0.5, 0.95)), column.meaning)


def _exclusions(data: ReportData) -> list[Block]:
    tables = [("photograph", data.table("photographs")), ("face", data.table("faces"))]
    if all(frame is None for _, frame in tables):
        return [Missing("Exclusions", data.why_missing("photographs"))]
    rows = [row for noun, frame in tables if frame is not None for row in _reasons(noun, frame)]
    if not rows:
        return [Text("Every photograph was used.")]
    return [
        Grid(
            "table-exclusions",
            "Why photographs and faces were left out",
            ("Reason", "Left out", "n (% of all)"),
            tuple(rows),
            text_columns=frozenset({1}),
        )
    ]


def _reasons(noun: str, frame: pd.DataFrame) -> list[tuple[str, ...]]:
    if "exclusion_reason" not in frame:
        return []
    reasons = frame.exclusion_reason.dropna()
    counts = reasons[reasons != ""].value_counts()
    ordered = sorted(counts.items(), key=lambda item: (-int(item[1]), str(item[0])))
    return [(_first_capital(reason_text(str(reason))), noun, share(int(n), len(frame))) for reason, n in ordered]


def _first_capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _duplicates(data: ReportData) -> list[Block]:
    if not data.duplicates:
        return []
    parts = "; ".join(f"{DUPLICATES.get(name, data.label(name))}: {count(n)}" for name, n in sorted(data.duplicates.items()))
    return [Text(f"Repeated photographs. {parts}. A person who stands under two identifiers in two folds would flatter the error.")]


def _averages(data: ReportData) -> list[Block]:
    shown = data.average_faces
    if not shown or min(face.n for face in shown) < MIN_PEOPLE:
        return [Missing("Average faces", data.why_missing("average_faces"))]
    caption = (
        f"{data.average_face_rule} Averages are shown only when each is made from at least {MIN_PEOPLE} people, so that nobody can be "
        "recognised. The face of a single person is never shown."
    )
    return [Portraits(caption.strip(), tuple(_portrait(face) for face in shown))]


def _portrait(face: AverageFace) -> Portrait:
    alt = f"Average of the aligned faces of {face.n} people: {face.label}."
    return Portrait(_first_capital(face.label), f"n = {count(face.n)}", alt, _png(face))


def _png(face: AverageFace) -> str:
    """Return the picture as base64 text; shrunk to 320 px at most, without metadata."""
    from PIL import Image as Picture

    picture = Picture.fromarray(face.image)
    picture.thumbnail((320, 320))
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
