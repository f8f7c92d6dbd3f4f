"""Turn aligned face crops into vectors.

::

    ENCODERS, load_encoder, list_encoders   which encoders there are, and one of them ready to use
    embed                                   a stream of crops to one Embeddings record
    WEIGHTS, fetch_weights, weights_dir     files that some encoders and detectors need, fetched on request only

An encoder has a ``card`` (:class:`facies.records.EncoderCard`) and ``encode``: crops in red, green, blue, 8 bit,
(n, size, size, 3), to float32 vectors, (n, dimension). A crop's vector never depends on the other crops of its batch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facies.embeddings.encoders import ENCODERS as ENCODERS
    from facies.embeddings.encoders import CardedEncoder as CardedEncoder
    from facies.embeddings.encoders import EncoderEntry as EncoderEntry
    from facies.embeddings.encoders import has_runtimes as has_runtimes
    from facies.embeddings.encoders import list_encoders as list_encoders
    from facies.embeddings.encoders import load_encoder as load_encoder
    from facies.embeddings.sidecar import KNOWN_NETWORKS as KNOWN_NETWORKS
    from facies.embeddings.sidecar import NetworkSidecar as NetworkSidecar
    from facies.embeddings.sidecar import example_sidecar as example_sidecar
    from facies.embeddings.vectors import embed as embed
    from facies.embeddings.weights import WEIGHTS as WEIGHTS
    from facies.embeddings.weights import WeightsEntry as WeightsEntry
    from facies.embeddings.weights import fetch_weights as fetch_weights
    from facies.embeddings.weights import find_weights as find_weights
    from facies.embeddings.weights import list_weights as list_weights
    from facies.embeddings.weights import weights_dir as weights_dir

_HOMES = {
    "ENCODERS": "encoders",
    "CardedEncoder": "encoders",
    "EncoderEntry": "encoders",
    "has_runtimes": "encoders",
    "list_encoders": "encoders",
    "load_encoder": "encoders",
    "KNOWN_NETWORKS": "sidecar",
    "NetworkSidecar": "sidecar",
    "example_sidecar": "sidecar",
    "embed": "vectors",
    "WEIGHTS": "weights",
    "WeightsEntry": "weights",
    "fetch_weights": "weights",
    "find_weights": "weights",
    "list_weights": "weights",
    "weights_dir": "weights",
}

__all__ = [
    "ENCODERS",
    "KNOWN_NETWORKS",
    "WEIGHTS",
    "CardedEncoder",
    "EncoderEntry",
    "NetworkSidecar",
    "WeightsEntry",
    "embed",
    "example_sidecar",
    "fetch_weights",
    "find_weights",
    "has_runtimes",
    "list_encoders",
    "list_weights",
    "load_encoder",
    "weights_dir",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
