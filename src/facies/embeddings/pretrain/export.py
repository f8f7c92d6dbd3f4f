"""A trained network as an ONNX file with its description: the way into everything else, without torch."""

from __future__ import annotations

import io
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from facies.embeddings.pretrain.offline import import_training
from facies.embeddings.sidecar import NetworkSidecar, sidecar_path
from facies.errors import InputError, WeightsError
from facies.records import CropContract
from facies.store import file_sha256, write_json, write_whole
from facies.types import Images, Vectors

OPSET = 17
OUTPUT = "features"
N_COMPARED = 4
MAX_DIFFERENCE = 1e-4
"""How far the file's vectors may be from the network's, as a share of the largest number in them."""


def export_encoder(
    backbone: Any, path: Path, *, name: str, crop: CropContract, licence: str, source: str, trained_on: str
) -> Path:  # fmt: skip
    """Write a network as ``path`` and describe it in ``path.json``; ``load_encoder("onnx:<path>")`` opens it.

    The file is compared with the network on random crops before it is kept; the largest difference stands in the description's ``source``.

    Parameters
    ----------
    backbone
        A torch network from float (n, 3, size, size), ``(pixel / 255 - 0.5) / 0.5``, to vectors (n, dimension). It is left as it was.
    path
        The ``.onnx`` file.
    name, licence, source, trained_on
        What will stand in reports.
    crop
        How its crops are cut; ``size`` is the side that the network takes.

    Raises
    ------
    InputError
        When the network uses something that ONNX cannot express.
    WeightsError
        When the file gives other vectors than the network.
    StoreError
        When it cannot be written; what was there before is untouched.
    """
    if crop.colour_order != "RGB":
        raise InputError(f"the crop's colour order is {crop.colour_order}: networks are trained on RGB")
    frozen = _frozen(backbone)
    data = _convert(frozen, crop.size)
    described = NetworkSidecar(
        name=name,
        output=OUTPUT,
        size=crop.size,
        template=crop.template,
        licence=licence,
        margin=crop.margin,
        scale=1 / 255,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        resize_filter=crop.resize_filter,
        source=source,
        trained_on=trained_on,
    )
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / path.name
        sha256 = _draft(draft, data, described)
        difference = _compare(frozen, draft, crop.size)
    write_whole(path, data)
    stated = f"{source}; file and trained network differ by at most {difference:.0e} of the largest number"
    write_json(sidecar_path(path), described.model_copy(update={"source": stated, "sha256": sha256}).model_dump(mode="json"))
    return path


def _draft(draft: Path, data: bytes, described: NetworkSidecar) -> str:
    draft.write_bytes(data)
    sidecar_path(draft).write_text(described.model_dump_json(), encoding="utf-8")
    return file_sha256(draft)


def _frozen(backbone: Any) -> Any:
    """Return a copy in full precision on the CPU, in the usual memory order, ready to predict."""
    import copy

    torch = import_training("torch")
    return copy.deepcopy(backbone).to(device="cpu", dtype=torch.float32, memory_format=torch.contiguous_format).eval().requires_grad_(False)


def _convert(network: Any, size: int) -> bytes:
    torch = import_training("torch")
    import_training("onnx")
    file = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter used needs no further package, and says that a newer one exists
        try:
            torch.onnx.export(
                network,
                (torch.zeros(1, 3, size, size),),
                file,
                input_names=["crop"],
                output_names=[OUTPUT],
                opset_version=OPSET,
                dynamic_axes={"crop": {0: "n"}, OUTPUT: {0: "n"}},
                dynamo=False,
            )
        except (RuntimeError, TypeError, ValueError) as error:  # torch's exporter errors are RuntimeErrors
            detail = str(error).strip().splitlines()[0][:160]
            raise InputError(f"the network cannot be written as ONNX ({detail}): choose another backbone") from error
    return file.getvalue()


def _compare(network: Any, draft: Path, size: int) -> float:
    """Return the largest difference on random crops, as a share of the largest number.

    Raises
    ------
    WeightsError
        When it is more than :data:`MAX_DIFFERENCE`.
    """
    from facies.embeddings.onnx_network import OnnxNetwork

    crops = np.random.default_rng(0).integers(0, 256, (N_COMPARED, size, size, 3), dtype=np.uint8)
    expected, found = encode_with(network, crops), OnnxNetwork(draft).encode(crops)
    if expected.shape != found.shape:
        raise WeightsError(f"the network gives {expected.shape} numbers and its file {found.shape}: give a network of one vector a crop")
    difference = float(np.abs(found - expected).max() / max(float(np.abs(expected).max()), 1e-12))
    if not difference <= MAX_DIFFERENCE:
        raise WeightsError(f"the file's vectors differ by {difference:.1e} of the largest number: the network cannot be kept as ONNX")
    return difference


def encode_with(network: Any, crops: Images) -> Vectors:
    """Return a torch network's vectors of crops, each crop alone, (n, dimension).

    The network is used as it stands: put it in ``eval`` mode first.
    """
    torch = import_training("torch")
    with torch.inference_mode():
        rows = [network(to_input(torch.from_numpy(np.array(crop[None]))))[0].float().cpu().numpy() for crop in crops]
    return np.asarray(rows, dtype=np.float32)


def to_input(crops: Any) -> Any:
    """Return what every network is fed: float (n, 3, size, size) of a uint8 tensor (n, size, size, 3).

    The memory stays in the order of the pixels, which torch calls channels last: convolutions on the CPU are faster so.
    """
    return crops.permute(0, 3, 1, 2).float().mul_(1 / 127.5).sub_(1)
