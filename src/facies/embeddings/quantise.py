"""Networks in 8-bit integers: about a third of the file, seldom faster, and never without a check of what it changes.

Weights and activations become signed 8-bit integers, weights with one scale a channel, activations with the range of the values that
calibration crops produce (static quantisation; Jacob et al. 2018, "Quantization and training of neural networks for efficient
integer-arithmetic-only inference"). Sums of 8-bit products are taken differently by processors with and without VNNI instructions, so
that int8 vectors may differ from one kind of processor to another.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from facies._optional import import_extra
from facies.embeddings.onnx_network import OnnxNetwork
from facies.embeddings.sidecar import NetworkSidecar, sidecar_path
from facies.embeddings.templates import require_crops
from facies.errors import InputError, WeightsError
from facies.store import file_sha256, write_whole
from facies.types import Floats, Images, Vectors

FEWEST_CROPS = 16
"""Fewer calibration crops say too little about the ranges of the activations."""


def quantise_network(source: Path, target: Path, *, crops: Images) -> Path:
    """Write a network in 8-bit integers, and its description ``<target>.json`` beside it.

    Parameters
    ----------
    source
        The ONNX file in float32, with its description (:class:`facies.embeddings.NetworkSidecar`).
    target
        Where the new file goes.
    crops
        Calibration crops as the network sees them, uint8 (n, size, size, 3), 16 or more; 100 of the kind that it is for are enough.

    Returns
    -------
    ``target``. Nothing says that the network is still good: compare its vectors (:func:`cosine_distances`) and what is made of them.

    Raises
    ------
    InputError
        When the file is in 8-bit integers already, or the crops are too few or not the network's.
    MissingExtraError
        When the package ``onnx`` is not installed.
    WeightsError
        When the network cannot be read or cannot be quantised.
    """
    import_extra("onnx", extra="train")
    network = OnnxNetwork(source)
    _require_crops(network, crops, source)
    with tempfile.TemporaryDirectory() as folder:
        made = _quantise(source, Path(folder), _Calibration(network, crops))
        description = _describe(network.sidecar, file_sha256(made))
        write_whole(target, made.read_bytes())
    write_whole(sidecar_path(target), (description.model_dump_json(indent=2) + "\n").encode())
    return target


def cosine_distances(vectors: Vectors, others: Vectors) -> Floats:
    """Return 1 minus the cosine between the rows of two arrays, (n,); 0 is the same direction.

    Examples
    --------
    >>> cosine_distances(np.eye(2, dtype=np.float32), np.array([[2, 0], [1, 0]], np.float32))
    array([0., 1.])
    """
    one, other = (np.asarray(rows, dtype=np.float64) for rows in (vectors, others))
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    distances: Floats = 1 - (one * other).sum(axis=1) / lengths
    return distances


def _require_crops(network: OnnxNetwork, crops: Images, source: Path) -> None:
    if network.card.precision != "float32":
        raise InputError(f"{source.name} computes in {network.card.precision} already: give the float32 file")
    require_crops(crops, network.card.crop, encoder=network.card.name)
    if len(crops) < FEWEST_CROPS:
        raise InputError(f"{len(crops)} calibration crops are too few: give {FEWEST_CROPS} or more, best 100")


class _Calibration:
    """Calibration crops as onnxruntime asks for them."""

    def __init__(self, network: OnnxNetwork, crops: Images) -> None:
        self._feeds: Iterator[dict[str, Vectors]] = iter(network.feed(crop) for crop in crops)

    def get_next(self) -> dict[str, Vectors] | None:
        """Return the next crop's input, None after the last."""
        return next(self._feeds, None)


def _quantise(source: Path, folder: Path, calibration: Any) -> Path:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    CalibrationDataReader.register(_Calibration)
    prepared, made = folder / "prepared.onnx", folder / "int8.onnx"
    try:
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared, made, calibration, quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
        raise WeightsError(f"{source.name} cannot be quantised: stay with float32 ({reason})") from error
    return made


def _describe(sidecar: NetworkSidecar, sha256: str) -> NetworkSidecar:
    return sidecar.model_copy(update={"name": f"{sidecar.name}-int8", "precision": "int8", "sha256": sha256})
