"""Frozen records: what travels beside the tables.

Each is a frozen dataclass of plain values that :func:`to_json` writes and :func:`from_json` reads back unchanged.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from facies.errors import CropContractError, InputError
from facies.types import Floats, Vectors

Record = TypeVar("Record")


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval and the number of participants behind it.

    Examples
    --------
    >>> print(Estimate(value=4.1, ci_low=3.6, ci_high=4.7, n=312))
    4.10 (3.60 to 4.70; n=312)
    """

    value: float
    ci_low: float
    ci_high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.ci_low:.2f} to {self.ci_high:.2f}; n={self.n})"


@dataclass(frozen=True)
class CropContract:
    """How a face is cut from a photograph: part of every model (DESIGN rule 3).

    Parameters
    ----------
    template
        Where the five points lie in the crop, as fractions of its side, in the order of :data:`facies.types.POINT_NAMES`.
    size
        Side of the square crop in pixels.
    margin
        How much more than the template is shown: at 0.2 the crop covers 1.2 times the template's width, about its centre.
    colour_order
        ``"RGB"`` or ``"BGR"``: what the network is given.
    resize_filter
        ``"area"`` (antialiased) or ``"linear"``.
    detector, detector_sha256
        Who found the points. Empty in an encoder's own card, filled by the study.
    harmonise
        Steps of :mod:`facies.imaging.harmonise` that make crops of different sources alike.
    """

    template: tuple[tuple[float, float], ...]
    size: int
    margin: float = 0.0
    colour_order: str = "RGB"
    resize_filter: str = "area"
    detector: str = ""
    detector_sha256: str = ""
    harmonise: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.template) != 5:
            raise InputError(f"the crop template has {len(self.template)} points: give 5")
        if self.size < 8:
            raise InputError(f"the crop size is {self.size}: give at least 8 pixels")
        if not -0.5 < self.margin < 3:
            raise InputError(f"the crop margin is {self.margin}: give more than -0.5 and less than 3")

    def points(self) -> Floats:
        """Return the template in pixels of the crop, margin applied, (5, 2).

        Examples
        --------
        >>> square = ((0.25, 0.25), (0.75, 0.25), (0.5, 0.5), (0.25, 0.75), (0.75, 0.75))
        >>> CropContract(square, size=100).points()[0]
        array([24.5, 24.5])
        """
        unit = 0.5 + (np.asarray(self.template, dtype=np.float64) - 0.5) / (1 + self.margin)
        return unit * self.size - 0.5

    def found_by(self, name: str, sha256: str) -> CropContract:
        """Return the same contract for faces that this detector found."""
        return dataclasses.replace(self, detector=name, detector_sha256=sha256)

    def digest(self) -> str:
        """Return a short hash that differs when anything in the contract does."""
        return hashlib.sha256(to_json(self).encode()).hexdigest()[:16]

    def require(self, other: CropContract) -> None:
        """Refuse faces that were cut under another contract.

        Raises
        ------
        CropContractError
            Naming what differs, as the model has it and as the faces have it.
        """
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        differing = [f"{name} {_short(mine[name])} (faces: {_short(theirs[name])})" for name in mine if mine[name] != theirs[name]]
        if differing:
            raise CropContractError(
                f"the model expects faces cut with {'; '.join(differing)}: cut the faces as the model expects, or train a model on these"
            )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:21]}..."


@dataclass(frozen=True)
class EncoderCard:
    """What a network is: name, hash, licence, what goes in and what comes out.

    ``preparation`` says how pixels are prepared and which output is read, where that is not part of the network's file. ``runtime`` is the
    program that ran a network, with its version; empty where facies computes by itself.
    """

    name: str
    dimension: int
    crop: CropContract
    sha256: str = ""
    licence: str = ""
    source: str = ""
    trained_on: str = ""
    precision: str = "float32"
    preparation: str = ""
    runtime: str = ""


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Vectors of faces by one encoder; row i belongs to ``face_ids[i]``.

    Raises
    ------
    InputError
        When the numbers of identifiers and vectors differ or an identifier is repeated.
    """

    face_ids: tuple[str, ...]
    vectors: Vectors
    card: EncoderCard

    def __post_init__(self) -> None:
        if self.vectors.shape != (len(self.face_ids), self.card.dimension):
            raise InputError(
                f"embeddings by {self.card.name} have shape {self.vectors.shape}: expected {(len(self.face_ids), self.card.dimension)}"
            )
        if len(set(self.face_ids)) != len(self.face_ids):
            raise InputError(f"embeddings by {self.card.name} name a face twice: give each face_id once")

    def rows_of(self, face_ids: list[str]) -> Vectors:
        """Return the vectors of these faces in this order.

        Raises
        ------
        InputError
            When a face has no vector.
        """
        row = {face_id: i for i, face_id in enumerate(self.face_ids)}
        missing = [face_id for face_id in face_ids if face_id not in row]
        if missing:
            raise InputError(f"{len(missing)} faces have no embedding by {self.card.name}, first {missing[0]}: run the embedding again")
        return self.vectors[[row[face_id] for face_id in face_ids]]


@dataclass(frozen=True)
class ModelCard:
    """What a fitted model is and on whom it was fitted; the data behind MODEL_CARD.md."""

    model_id: str
    target: str
    unit: str
    regressor: str
    encoder: EncoderCard
    n_participants: int
    n_photographs: int
    training_years: tuple[float, float]
    interval_level: float
    random_state: int
    facies_version: str
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    licences: tuple[str, ...] = ()
    histogram_edges: tuple[float, ...] = ()
    histogram_counts: tuple[int, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ConditionCard:
    """What a model of conditions is and on whom it was fitted; the data behind its MODEL_CARD.md.

    ``n_cases`` counts people by condition and ``sources`` people by where their photographs come from; ``ages`` and ``quality`` are the
    ranges (lowest and highest, by measure) outside of which a prediction is warned about.
    """

    model_id: str
    target_conditions: tuple[str, ...]
    classifier: str
    encoder: EncoderCard
    n_participants: int
    n_photographs: int
    n_cases: Mapping[str, int]
    sources: Mapping[str, int]
    ages: tuple[float, float] | None
    quality: Mapping[str, tuple[float, float]]
    operating_points: tuple[str, ...]
    random_state: int
    facies_version: str
    licences: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunRecord:
    """What one stage did: settings, hashes in and out, versions, seed, times, n in, n out, n excluded and why."""

    stage: str
    facies_version: str
    commit: str
    settings: Mapping[str, Any]
    random_state: int
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    started_at: str
    seconds: float
    n_in: int
    n_out: int
    excluded: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    precision: str = "float32"


def to_json(record: object, *, indent: int | None = None) -> str:
    """Return a record as JSON with sorted keys; equal records give equal text."""
    return json.dumps(dataclasses.asdict(record), indent=indent, sort_keys=True, ensure_ascii=False)  # type: ignore[call-overload]


def from_json(kind: type[Record], text: str) -> Record:
    """Read a record that :func:`to_json` wrote.

    Raises
    ------
    InputError
        When the text is not JSON or not a record of this kind.

    Examples
    --------
    >>> from_json(Estimate, to_json(Estimate(4.1, 3.6, 4.7, 312)))
    Estimate(value=4.1, ci_low=3.6, ci_high=4.7, n=312)
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"not a {kind.__name__} record: {where} {first['msg']}") from error
