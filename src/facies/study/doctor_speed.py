"""How long each step takes for one photograph on one core of this machine, and what that recommends."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd

from facies.embeddings import ENCODERS, has_runtimes, load_encoder
from facies.embeddings.encoders import CardedEncoder
from facies.errors import FaciesError, InputError
from facies.types import DetectedFace, Image

SIDE, CAMERA = 400, (4000, 3000)
"""Pixels of a portrait and of a 12-megapixel photograph."""

SECONDS_A_STEP = 0.35
"""A step is repeated for at most so long."""

SHARE_OF_BOUND = 0.8
"""Throughput of all cores as a share of cores / time of one photograph on one core; the rest is reading files and keeping results."""

WORTH_CHANGING = 1.15
"""A runtime or precision is recommended where whole photographs are at least so much faster."""

WORKER_GIB = 0.5
"""Memory that one worker is given, ample for networks of 100 MB."""

COHORTS = (10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Encoding:
    """What one encoder costs with one runtime in one precision: milliseconds a crop, or why it cannot be used."""

    encoder: str
    runtime: str
    precision: str
    milliseconds: float
    problem: str = ""


@dataclass(frozen=True)
class Steps:
    """Milliseconds on one core: what every photograph costs, and each encoder.

    ``decode`` is by kind of photograph: a portrait of 400 px, a photograph of 12 megapixels as facies reads it, and the same in full.
    """

    decode: dict[str, float]
    find: float
    judge: float
    align: float
    encode: tuple[Encoding, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the steps as plain values, rounded to a hundredth."""
        return {
            "decode": {kind: round(ms, 2) for kind, ms in self.decode.items()},
            "find": round(self.find, 2),
            "judge": round(self.judge, 2),
            "align": round(self.align, 2),
            "encode": [{**vars(one), "milliseconds": round(one.milliseconds, 2)} for one in self.encode],
        }

    def photograph(self, kind: str, encoding: Encoding) -> float:
        """Return the milliseconds of one photograph of a kind from file to vector."""
        return self.decode[kind] + self.find + self.judge + self.align + encoding.milliseconds


def measure_steps(specs: Sequence[str] = ()) -> Steps:
    """Time every step on a simulated portrait, one thread.

    Raises
    ------
    InputError, WeightsError
        When one of the encoders asked for cannot be used.
    """
    from facies.faces import load_detector
    from facies.imaging import measure_quality

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        image = _portrait()
        detector = load_detector("facies-finder")
        faces = detector.detect(image)
        if not faces:
            raise InputError("the finder finds no face in the simulated portrait: the installation is damaged, install facies again")
        contract = load_encoder("hog").card.crop
        return Steps(
            decode=_decoding(image),
            find=milliseconds(lambda: detector.detect(image)),
            judge=milliseconds(lambda: measure_quality(image, faces[0])),
            align=milliseconds(lambda: _cut(image, faces[0], contract)),
            encode=tuple(_encodings(image, faces[0], specs)),
        )
    finally:
        cv2.setNumThreads(threads)


def milliseconds(call: Callable[[], object]) -> float:
    """Return the median milliseconds of a call, repeated for a third of a second or 20 times."""
    call()
    spent: list[float] = []
    while len(spent) < 3 or (len(spent) < 20 and sum(spent) < SECONDS_A_STEP):
        start = time.perf_counter()
        call()
        spent.append(time.perf_counter() - start)
    return float(1000 * np.median(spent))


def _portrait() -> Image:
    from facies.simulation import simulate_faces

    person = pd.DataFrame({"photo_id": ["a"], "participant_id": ["a"], "age": [60.0], "sex": ["female"]})
    image: Image = simulate_faces(person, random_state=1, size=SIDE).images[0]
    return image


def _decoding(image: Image) -> dict[str, float]:
    from facies.faces.read import MIN_SIDE
    from facies.imaging import decode_photograph

    small, large = _jpeg(image), _jpeg(cv2.resize(image, CAMERA, interpolation=cv2.INTER_LINEAR))
    return {
        "400 px": milliseconds(lambda: decode_photograph(small, target_side=MIN_SIDE)),
        "12 MP": milliseconds(lambda: decode_photograph(large, target_side=MIN_SIDE)),
        "12 MP, in full": milliseconds(lambda: decode_photograph(large)),
    }


def _jpeg(image: Image) -> bytes:
    """Return a JPEG with some grain, as a camera's has: without it decoding would be too quick."""
    grain = np.random.default_rng(1).integers(0, 9, image.shape, dtype=np.uint8)
    done, data = cv2.imencode(".jpg", cv2.add(image, grain)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    if not done:
        raise InputError("OpenCV cannot write a JPEG: install opencv-python-headless again")
    return bytes(data)


def _cut(image: Image, face: DetectedFace, contract: Any) -> Image:
    from facies.imaging import align_face

    return align_face(image, face.points, contract)


def _encodings(image: Image, face: DetectedFace, specs: Sequence[str]) -> Iterator[Encoding]:
    own = [name for name, entry in ENCODERS.items() if not entry.needs_weights]
    for spec in [*own, *specs]:
        asked = spec in specs
        for runtime, precision in _choices(spec):
            yield _encoding(image, face, spec, runtime, precision, asked=asked)


def _choices(spec: str) -> list[tuple[str, str]]:
    if not has_runtimes(spec):
        return [("", "float32")]
    openvino = [("openvino", "float32"), ("openvino", "bfloat16")] if importlib.util.find_spec("openvino") else []
    return [("onnxruntime", "float32"), *openvino]


def _encoding(image: Image, face: DetectedFace, spec: str, runtime: str, precision: str, *, asked: bool) -> Encoding:
    settings = {"runtime": runtime, "precision": precision} if runtime else {}
    try:
        encoder = load_encoder(spec, **settings)  # type: ignore[arg-type]
    except FaciesError as error:
        if asked and runtime != "openvino":
            raise
        return Encoding(_short(spec), runtime, precision, float("nan"), str(error))
    return Encoding(_short(spec), runtime, encoder.card.precision, _encode_time(encoder, image, face))


def _short(spec: str) -> str:
    kind, _, name = spec.partition(":")
    return f"{kind}:{name.rpartition('/')[2]}" if name else kind


def _encode_time(encoder: CardedEncoder, image: Image, face: DetectedFace) -> float:
    crop = _cut(image, face, encoder.card.crop)[None]
    return milliseconds(lambda: encoder.encode(crop))


def recommend(steps: Steps, *, n_cores: int, memory_gib: float | None) -> dict[str, Any]:
    """Return runtime, precision and jobs for this machine, with the hours that cohorts would take, and lines that say so.

    The recommended precision is always float32: it is the one whose vectors another machine can repeat. What bfloat16 would save is said.

    Examples
    --------
    >>> hog = Encoding("hog", "", "float32", 5.0)
    >>> slow, fast = (Encoding("mine", name, "float32", ms) for name, ms in (("onnxruntime", 30.0), ("openvino", 10.0)))
    >>> steps = Steps({"400 px": 1.0, "12 MP": 20.0, "12 MP, in full": 80.0}, 2.0, 1.0, 1.0, (hog, slow, fast))
    >>> found = recommend(steps, n_cores=2, memory_gib=8.0)
    >>> found["runtime"], found["precision"], found["jobs"]
    ('openvino', 'float32', 2)
    >>> found["hours"]["mine, openvino, float32"]["400 px"]["100,000"]
    0.26
    """
    jobs = n_cores if memory_gib is None else max(1, min(n_cores, int(memory_gib / 2 / WORKER_GIB)))
    networks = [one for one in steps.encode if one.runtime and not one.problem]
    runtime = _best_runtime(steps, networks)
    shown = [one for one in steps.encode if not one.problem]
    return {
        "runtime": runtime,
        "precision": "float32",
        "jobs": jobs,
        "hours": {_name(one): _hours(steps, one, jobs) for one in shown},
        "why": [*_why_runtime(steps, networks, runtime), *_why_precision(steps, networks), _why_jobs(jobs, n_cores)],
    }


def _name(one: Encoding) -> str:
    return ", ".join(part for part in (one.encoder, one.runtime, one.precision if one.runtime else "") if part)


def _hours(steps: Steps, one: Encoding, jobs: int) -> dict[str, dict[str, float]]:
    return {
        kind: {f"{n:,}": _rounded(n * steps.photograph(kind, one) / 3.6e6 / (jobs * SHARE_OF_BOUND)) for n in COHORTS}
        for kind in ("400 px", "12 MP")
    }


def _rounded(hours: float) -> float:
    return float(f"{hours:.2g}")


def _gain(steps: Steps, slower: Encoding, faster: Encoding) -> float:
    """Return how many times as many portraits are read in the same time."""
    return steps.photograph("400 px", slower) / steps.photograph("400 px", faster)


def _pairs(networks: Sequence[Encoding], before: tuple[str, str], after: tuple[str, str]) -> list[tuple[Encoding, Encoding]]:
    """Return the networks that were timed both ways."""
    held = {(one.encoder, one.runtime, one.precision): one for one in networks}
    names = dict.fromkeys(one.encoder for one in networks)
    return [(held[name, *before], held[name, *after]) for name in names if (name, *before) in held and (name, *after) in held]


_ORT, _OV, _BF16 = ("onnxruntime", "float32"), ("openvino", "float32"), ("openvino", "bfloat16")


def _best_runtime(steps: Steps, networks: Sequence[Encoding]) -> str:
    gains = [_gain(steps, *pair) for pair in _pairs(networks, _ORT, _OV)]
    return "openvino" if gains and min(gains) >= WORTH_CHANGING else "onnxruntime"


def _why_runtime(steps: Steps, networks: Sequence[Encoding], runtime: str) -> list[str]:
    pairs = _pairs(networks, _ORT, _OV)
    if not pairs:
        return [_untried(networks)]
    gains = ", ".join(f"{_gain(steps, *pair):.2f} times as many photographs by openvino ({pair[0].encoder})" for pair in pairs)
    return [f"runtime {runtime}: {gains}, in float32 both"]


def _untried(networks: Sequence[Encoding]) -> str:
    if not networks:
        return "runtime onnxruntime: no network was timed, name one by --encoder onnx:FILE"
    return "runtime onnxruntime: openvino was not tried, it is an extra: pip install 'facies[openvino]'"


def _why_precision(steps: Steps, networks: Sequence[Encoding]) -> list[str]:
    gains = [(pair[0].encoder, _gain(steps, *pair)) for pair in _pairs(networks, _OV, _BF16)]
    worth = [f"{gain:.2f} times as many ({name})" for name, gain in gains if gain >= WORTH_CHANGING]
    if not worth:
        return ["precision float32: the vectors of other machines are then the same to 5 digits"]
    return [f"precision float32: repeatable elsewhere; bfloat16 would read {', '.join(worth)}, its models need bfloat16 from then on"]


def _why_jobs(jobs: int, n_cores: int) -> str:
    reason = "one a core" if jobs == n_cores else "as many as the memory holds"
    return f"jobs {jobs}: {reason}, each with one thread"
