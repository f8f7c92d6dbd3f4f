"""Networks in ONNX files, run by onnxruntime on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from facies.embeddings.sidecar import NetworkSidecar, read_sidecar
from facies.embeddings.templates import require_crops
from facies.errors import InputError, WeightsError
from facies.records import EncoderCard
from facies.store import file_sha256
from facies.types import Floats, Image, Images, Vectors


class OnnxNetwork:
    """An ONNX network as an encoder.

    Crops go through the network one at a time: a vector then cannot depend on its batch, not even in its last bit.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """Open the network and try it on one grey crop.

        Raises
        ------
        WeightsError
            When the file or its description is absent or wrong.
        """
        sha256 = _hash(path)
        self.sidecar = read_sidecar(path, sha256=sha256)
        self._session = open_session(path, threads=threads)
        self._input = _only_input(self._session, path)
        _require_output(self._session, self.sidecar, path)
        self._scale, self._offset = _affine(self.sidecar)
        self.card = self._describe(path, sha256)

    def encode(self, crops: Images) -> Vectors:
        """Return one vector a crop, (n, dimension).

        Raises
        ------
        InputError
            When the crops are not uint8 (n, size, size, 3) of the network's size.
        """
        require_crops(crops, self.card.crop, encoder=self.card.name)
        vectors = np.empty((len(crops), self.card.dimension), dtype=np.float32)
        for row, crop in zip(vectors, crops, strict=True):
            row[:] = self._vector(crop)
        return vectors

    def _vector(self, crop: Image) -> Vectors:
        output = self._session.run([self.sidecar.output], {self._input: self._prepare(crop)})[0]
        return flatten(np.asarray(output))

    def _prepare(self, crop: Image) -> Vectors:
        colours = crop if self.sidecar.colour_order == "RGB" else crop[:, :, ::-1]
        values = colours.astype(np.float32) * self._scale + self._offset
        ordered = values.transpose(2, 0, 1) if self.sidecar.layout == "NCHW" else values
        return np.ascontiguousarray(ordered[None])

    def _describe(self, path: Path, sha256: str) -> EncoderCard:
        known = self.sidecar
        grey = np.full((known.size, known.size, 3), 128, dtype=np.uint8)
        try:
            dimension = len(self._vector(grey))
        except Exception as error:
            raise WeightsError(
                f"{path.name} does not run on a {known.size} x {known.size} crop: check its size and layout ({_first_line(error)})"
            ) from error
        return EncoderCard(
            name=known.name,
            dimension=dimension,
            crop=known.crop(),
            sha256=sha256,
            licence=known.licence,
            source=known.source,
            trained_on=known.trained_on,
            preparation=known.preparation(),
        )


def open_session(path: Path, *, threads: int) -> Any:
    """Open an ONNX file for the CPU.

    Raises
    ------
    WeightsError
        When onnxruntime cannot read the file.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = _first_line(error)
        raise WeightsError(f"{path.name} is not an ONNX network that onnxruntime can read: copy or fetch it again ({reason})") from error


def flatten(output: Floats | Vectors) -> Vectors:
    """Return one crop's output as a vector; a map is averaged over its height and width.

    Examples
    --------
    >>> flatten(np.arange(8.0).reshape(1, 2, 2, 2))
    array([1.5, 5.5], dtype=float32)
    """
    pooled = output.mean(axis=(2, 3)) if output.ndim == 4 else output
    return np.asarray(pooled, dtype=np.float32).reshape(-1)


def _affine(sidecar: NetworkSidecar) -> tuple[Vectors, Vectors]:
    """Return factor and offset such that ``pixel * factor + offset`` is what the network is given."""
    mean, std = np.asarray(sidecar.mean), np.asarray(sidecar.std)
    return (sidecar.scale / std).astype(np.float32), (-mean / std).astype(np.float32)


def _hash(path: Path) -> str:
    if not path.is_file():
        raise WeightsError(f"{path} is not there: give the path of an ONNX file")
    return file_sha256(path)


def _only_input(session: Any, path: Path) -> str:
    names: list[str] = [entry.name for entry in session.get_inputs()]
    if len(names) != 1:
        raise WeightsError(f"{path.name} has {len(names)} inputs ({', '.join(names)}): give a network with one")
    return names[0]


def _require_output(session: Any, sidecar: NetworkSidecar, path: Path) -> None:
    names = [entry.name for entry in session.get_outputs()]
    if sidecar.output not in names:
        raise WeightsError(f"{path.name} has no output '{sidecar.output}': name one of {', '.join(names)}")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__


def load(argument: str, *, weights: Path | None, threads: int) -> OnnxNetwork:
    """Return the network of this file.

    Raises
    ------
    InputError
        When a weights file is given as well.
    """
    if weights is not None:
        raise InputError(f"onnx:{argument} names its own file: leave out the weights file")
    return OnnxNetwork(Path(argument), threads=threads)
