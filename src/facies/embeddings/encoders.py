"""Which encoders there are, and one of them ready to use."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import pandas as pd

from facies.errors import InputError
from facies.records import EncoderCard
from facies.types import Images, Vectors


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
        ``module:name`` of what makes it: called without arguments, or as ``load(argument, weights=..., threads=...)``
        where ``needs_weights`` is true.
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
    """

    path: str
    licence: str
    meaning: str
    argument: str = ""
    needs_weights: bool = False
    extra: str = ""


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
    "onnx": EncoderEntry(
        path="facies.embeddings.onnx_network:load",
        licence="the network's own",
        meaning="a network of yours, described by a JSON file beside it",
        argument="<file>",
        needs_weights=True,
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
}
"""The encoders by name: a table to read, not a registry that fills itself."""


def load_encoder(spec: str, *, weights: Path | None = None, threads: int = 1, precision: str = "float32") -> CardedEncoder:
    """Return the encoder that a specification names.

    Parameters
    ----------
    spec
        A name from :data:`ENCODERS`, with ``:argument`` where the entry has one: ``"hog"``, ``"onnx:networks/mine.onnx"``.
    weights
        The weights file of an encoder that needs one. ``onnx:<file>`` names its own.
    threads
        Threads that a network may use for one crop; ``pixels`` and ``hog`` always use one.
    precision
        ``"float32"``, the only one whose vectors are the same on every run.

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
    facies.errors.InputError: no encoder 'resnet': choose one of pixels, hog, onnx:<file>...
    """
    name, _, argument = spec.partition(":")
    entry = _entry(name, argument, spec)
    _require_settings(threads, precision)
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


def _require_settings(threads: int, precision: str) -> None:
    if threads < 1:
        raise InputError(f"threads is {threads}: give 1 or more")
    if precision != "float32":
        raise InputError(f"precision is '{precision}': only 'float32' gives the same vectors on every run")


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
