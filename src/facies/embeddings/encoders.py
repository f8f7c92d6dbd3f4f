"""Which encoders there are, and one of them ready to use."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from facies.errors import InputError
from facies.records import EncoderCard
from facies.types import Images, Vectors

if TYPE_CHECKING:
    import pandas as pd


@runtime_checkable
class CardedEncoder(Protocol):
    """An encoder that says what it is; may be called from several threads."""

    @property
    def card(self) -> EncoderCard:
        """What the encoder is, and how its crops are cut."""

    def encode(self, crops: Images) -> Vectors:
        """Return one vector a crop; a crop's vector does not depend on the other crops."""


@dataclass(frozen=True)
class EncoderEntry:
    """One kind of encoder.

    Parameters
    ----------
    path
        ``module:name`` of what makes it: called without arguments, as ``load(argument, weights=..., threads=...)`` where
        ``needs_weights`` is true, with ``runtime=..., precision=...`` besides where ``has_runtimes`` is.
    licence
        Of the encoder, its weights included.
    meaning
        What it is, in one line.
    argument
        What follows the name and a colon in a specification, empty when nothing does.
    needs_weights
        Whether it needs a file that is not part of the package.
    extra
        The optional dependencies it needs, empty when none.
    has_runtimes
        Whether it is a network in an ONNX file, for which runtime and precision can be chosen.
    """

    path: str
    licence: str
    meaning: str
    argument: str = ""
    needs_weights: bool = False
    extra: str = ""
    has_runtimes: bool = False


ENCODERS: dict[str, EncoderEntry] = {
    "pixels": EncoderEntry(
        path="facies.embeddings.pixels:Pixels",
        licence="Apache-2.0",
        meaning="32 x 32 grey values, standardised within the crop: the floor that every encoder must beat",
    ),
    "hog": EncoderEntry(
        path="facies.embeddings.hog:Hog",
        licence="Apache-2.0",
        meaning="gradient orientations, local binary patterns, fine texture and colour by cell; no training, no weights",
    ),
    "facies-s": EncoderEntry(
        path="facies.embeddings.facies_s:load",
        licence="Apache-2.0",
        meaning="hog beside a small network that facies trained on portraits and painted faces; carried by the package",
        has_runtimes=True,
    ),
    "onnx": EncoderEntry(
        path="facies.embeddings.onnx_network:load",
        licence="the network's own",
        meaning="a network of yours, described by a JSON file beside it",
        argument="<file>",
        needs_weights=True,
        has_runtimes=True,
    ),
    "timm": EncoderEntry(
        path="facies.embeddings.timm_network:load",
        licence="the weights' own",
        meaning="a network of the timm library with weights from a local .safetensors file",
        argument="<name>",
        needs_weights=True,
        extra="train",
    ),
    "farl": EncoderEntry(
        path="facies.embeddings.farl:load",
        licence="MIT",
        meaning="FaRL, ViT-B/16 trained on 20 million faces with captions; `facies weights fetch farl`",
        needs_weights=True,
        extra="train",
    ),
    "ssl": EncoderEntry(
        path="facies.embeddings.own_network:load",
        licence="the study's own",
        meaning="a network that the study learnt from its own photographs without labels; `facies pretrain STUDY`",
        needs_weights=True,
        has_runtimes=True,
    ),
}
"""The encoders by name: a table to read, not a registry that fills itself."""

RUNTIMES = ("onnxruntime", "openvino")
"""What runs networks in ONNX files; ``openvino`` is an extra."""

PRECISIONS = ("float32", "bfloat16", "int8")
"""What networks in ONNX files compute in."""


def load_encoder(
    spec: str, *, weights: Path | None = None, threads: int = 1, runtime: str = "onnxruntime", precision: str = "float32"
) -> CardedEncoder:
    """Return the encoder that a specification names.

    Parameters
    ----------
    spec
        A name from :data:`ENCODERS`, with ``:argument`` where the entry has one: ``"hog"``, ``"onnx:networks/mine.onnx"``.
    weights
        The weights file of an encoder that needs one. ``onnx:<file>`` names its own.
    threads
        Threads that a network may use for one crop; ``pixels`` and ``hog`` always use one.
    runtime
        What runs a network in an ONNX file, one of :data:`RUNTIMES`.
    precision
        What such a network computes in, one of :data:`PRECISIONS`: ``"bfloat16"`` needs OpenVINO and a processor that has it, ``"int8"``
        a file that :func:`facies.embeddings.quantise.quantise_network` wrote. Other encoders always compute in ``"float32"``.

    Raises
    ------
    InputError
        When the specification or a setting is wrong.
    WeightsError
        When the network's file is absent or cannot be read.
    MissingExtraError
        When the encoder needs an optional package.

    Examples
    --------
    >>> load_encoder("pixels").card.dimension
    1024
    >>> load_encoder("resnet")
    Traceback (most recent call last):
    ...
    facies.errors.InputError: no encoder 'resnet': choose one of pixels, hog, facies-s, onnx:<file>...
    """
    name, _, argument = spec.partition(":")
    entry = _entry(name, argument, spec)
    _require_settings(threads, runtime, precision)
    if entry.has_runtimes:
        return _loader(entry)(argument, weights=weights, threads=threads, runtime=runtime, precision=precision)
    if (runtime, precision) != ("onnxruntime", "float32"):
        raise InputError(f"{name} is no network in an ONNX file: it has no runtime or precision to choose, leave them out")
    if entry.needs_weights:
        return _loader(entry)(argument, weights=weights, threads=threads)
    if weights is not None:
        raise InputError(f"{name} has no weights: leave out the weights file")
    return _loader(entry)()


def _entry(name: str, argument: str, spec: str) -> EncoderEntry:
    if name not in ENCODERS:
        raise InputError(f"no encoder '{spec}': choose one of {', '.join(map(_usage, ENCODERS))}")
    entry = ENCODERS[name]
    if bool(argument) != bool(entry.argument):
        raise InputError(f"encoder '{spec}' is not complete or says too much: write {_usage(name)}")
    return entry


def _usage(name: str) -> str:
    argument = ENCODERS[name].argument
    return f"{name}:{argument}" if argument else name


def _require_settings(threads: int, runtime: str, precision: str) -> None:
    if threads < 1:
        raise InputError(f"threads is {threads}: give 1 or more")
    if runtime not in RUNTIMES:
        raise InputError(f"runtime is '{runtime}': choose one of {', '.join(RUNTIMES)}")
    if precision not in PRECISIONS:
        raise InputError(f"precision is '{precision}': choose one of {', '.join(PRECISIONS)}")
    if precision == "bfloat16" and runtime != "openvino":
        raise InputError("precision bfloat16 needs runtime openvino: choose it, or float32")


def has_runtimes(spec: str) -> bool:
    """Return whether runtime and precision can be chosen for an encoder.

    Examples
    --------
    >>> has_runtimes("onnx:networks/mine.onnx"), has_runtimes("hog")
    (True, False)
    """
    entry = ENCODERS.get(spec.partition(":")[0])
    return entry is not None and entry.has_runtimes


def _loader(entry: EncoderEntry) -> Callable[..., CardedEncoder]:
    module, _, function = entry.path.partition(":")
    loader: Callable[..., CardedEncoder] = getattr(importlib.import_module(module), function)
    return loader


def list_encoders() -> pd.DataFrame:
    """Return the encoders as a table: encoder, meaning, licence, needs_weights, extra, to_do.

    ``to_do`` is what is still needed before the encoder can be used, empty when nothing is.

    Examples
    --------
    >>> list_encoders().set_index("encoder").loc["onnx:<file>", "needs_weights"]
    np.True_
    """
    import pandas as pd

    columns = ("meaning", "licence", "needs_weights", "extra")
    rows = [
        {"encoder": _usage(name), **{key: getattr(entry, key) for key in columns}, "to_do": _to_do(name, entry)}
        for name, entry in ENCODERS.items()
    ]
    return pd.DataFrame(rows)


def _to_do(name: str, entry: EncoderEntry) -> str:
    from facies.embeddings.weights import WEIGHTS, weights_dir

    if entry.extra and importlib.util.find_spec("torch") is None:
        return f"pip install 'facies[{entry.extra}]'"
    if name in WEIGHTS and not (weights_dir() / WEIGHTS[name].file).is_file():
        return f"facies weights fetch {name}"
    return f"give {entry.argument}" if entry.argument else ""
