"""Networks in ONNX files, run on the CPU by onnxruntime or, where it is asked for, OpenVINO."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from facies.embeddings.sidecar import NetworkSidecar, read_sidecar
from facies.embeddings.templates import require_crops
from facies.errors import InputError, WeightsError
from facies.records import EncoderCard
from facies.store import file_sha256
from facies.types import Floats, Image, Images, Vectors


class Session(Protocol):
    """A network that a runtime has opened; may be called from several threads."""

    @property
    def name(self) -> str:
        """The runtime's name and version."""

    @property
    def inputs(self) -> Sequence[str]:
        """The names of the inputs."""

    @property
    def outputs(self) -> Collection[str]:
        """The names of the outputs."""

    def run(self, output: str, values: Vectors) -> Floats | Vectors:
        """Return one output for one input."""


class OnnxNetwork:
    """An ONNX network as an encoder.

    Crops go through the network one at a time: a vector then cannot depend on its batch, not even in its last bit.
    """

    def __init__(self, path: Path, *, threads: int = 1, runtime: str = "onnxruntime", precision: str = "float32") -> None:
        """Open the network and try it on one grey crop.

        Raises
        ------
        InputError
            When the file or the processor does not have the precision.
        MissingExtraError
            When the runtime is not installed.
        WeightsError
            When the file or its description is absent or wrong.
        """
        sha256 = _hash(path)
        self.sidecar = read_sidecar(path, sha256=sha256)
        precision = _precision(self.sidecar, precision, path)
        self._session = open_network(path, threads=threads, runtime=runtime, precision=precision)
        _require_one_input(self._session, path)
        _require_output(self._session, self.sidecar, path)
        self._scale, self._offset = _affine(self.sidecar)
        self.card = self._describe(path, sha256, precision)

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
        return flatten(self._session.run(self.sidecar.output, self._prepare(crop)))

    def feed(self, crop: Image) -> dict[str, Vectors]:
        """Return what the network is given for one crop, (size, size, 3), by the name of its input."""
        return {self._session.inputs[0]: self._prepare(crop)}

    def _prepare(self, crop: Image) -> Vectors:
        colours = crop if self.sidecar.colour_order == "RGB" else crop[:, :, ::-1]
        first = self.sidecar.layout == "NCHW"
        ordered = colours.transpose(2, 0, 1) if first else colours
        values = np.empty((1, *ordered.shape), dtype=np.float32)
        values[0] = ordered
        values *= self._scale[:, None, None] if first else self._scale
        values += self._offset[:, None, None] if first else self._offset
        return values

    def _describe(self, path: Path, sha256: str, precision: str) -> EncoderCard:
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
            precision=precision,
            preparation=known.preparation(),
            runtime=self._session.name,
        )


def _precision(sidecar: NetworkSidecar, asked: str, path: Path) -> str:
    """Return what the network computes in: an int8 file does so whatever runs it."""
    if sidecar.precision == "int8" and asked != "bfloat16":
        return "int8"
    if asked == sidecar.precision or (asked, sidecar.precision) == ("bfloat16", "float32"):
        return asked
    remedy = f"make one by `facies encoders quantise {path.name} --study STUDY`" if asked == "int8" else "give the float32 file"
    raise InputError(f"{path.name} is a file for {sidecar.precision}, precision {asked} was asked for: {remedy}")


def open_network(path: Path, *, threads: int, runtime: str, precision: str) -> Session:
    """Open an ONNX file with the runtime that was asked for."""
    if runtime == "openvino":
        from facies.embeddings.openvino_network import OpenvinoSession

        return OpenvinoSession(path, threads=threads, precision=precision)
    return OnnxruntimeSession(path, threads=threads)


class OnnxruntimeSession:
    """An ONNX file opened by onnxruntime."""

    def __init__(self, path: Path, *, threads: int) -> None:
        import onnxruntime

        self.name = f"onnxruntime {onnxruntime.__version__}"
        self._session = open_session(path, threads=threads)
        self.inputs = [entry.name for entry in self._session.get_inputs()]
        self.outputs = [entry.name for entry in self._session.get_outputs()]

    def run(self, output: str, values: Vectors) -> Floats | Vectors:
        """Return one output for one input."""
        answer: Floats | Vectors = self._session.run([output], {self.inputs[0]: values})[0]
        return answer


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


def _require_one_input(session: Session, path: Path) -> None:
    if len(session.inputs) != 1:
        raise WeightsError(f"{path.name} has {len(session.inputs)} inputs ({', '.join(session.inputs)}): give a network with one")


def _require_output(session: Session, sidecar: NetworkSidecar, path: Path) -> None:
    if sidecar.output not in session.outputs:
        raise WeightsError(f"{path.name} has no output '{sidecar.output}': name one of {', '.join(session.outputs)}")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__


def load(argument: str, *, weights: Path | None, threads: int, runtime: str = "onnxruntime", precision: str = "float32") -> OnnxNetwork:
    """Return the network of this file.

    Raises
    ------
    InputError
        When a weights file is given as well.
    """
    if weights is not None:
        raise InputError(f"onnx:{argument} names its own file: leave out the weights file")
    return OnnxNetwork(Path(argument), threads=threads, runtime=runtime, precision=precision)
