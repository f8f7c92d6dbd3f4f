"""FaRL: a vision transformer trained on faces with captions.

Zheng et al. 2022, "General facial representation learning in a visual-linguistic manner". The weights are fetched on
request (``facies weights fetch farl``) and converted once to safetensors; the published file is a pickle and is read
only by a loader that takes arrays and nothing else.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from facies._optional import import_extra
from facies.embeddings.templates import face_template, require_crops
from facies.embeddings.vit import ClipVit
from facies.embeddings.weights import find_weights, weights_dir
from facies.errors import WeightsError
from facies.records import CropContract, EncoderCard
from facies.store import file_sha256, read_arrays, write_arrays
from facies.types import Image, Images, Vectors

MEAN = np.array((0.48145466, 0.4578275, 0.40821073), dtype=np.float32)
STD = np.array((0.26862954, 0.26130258, 0.27577711), dtype=np.float32)
TOWER = "visual."


class Farl:
    """The class token of FaRL's image tower, before its projection onto captions, (n, 768)."""

    def __init__(self, tower: ClipVit, *, sha256: str) -> None:
        self._torch = import_extra("torch", extra="train")
        self._tower = tower
        self.card = EncoderCard(
            name="farl",
            dimension=tower.width,
            crop=CropContract(face_template(eye_distance=0.3, eye_height=0.4), size=tower.size),
            sha256=sha256,
            licence="MIT",
            source="https://github.com/FacePerceiver/FaRL",
            trained_on="LAION-Face, 20 million pictures from the web with captions",
        )

    def encode(self, crops: Images) -> Vectors:
        """Return one vector a crop; crops go through one at a time, so that no vector depends on its batch.

        Raises
        ------
        InputError
            When the crops are not uint8 (n, size, size, 3).
        """
        require_crops(crops, self.card.crop, encoder="farl")
        vectors = np.empty((len(crops), self.card.dimension), dtype=np.float32)
        with self._torch.inference_mode():
            for row, crop in zip(vectors, crops, strict=True):
                row[:] = self._tower(self._torch.from_numpy(_prepare(crop)))[0].numpy()
        return vectors


def _prepare(crop: Image) -> Vectors:
    values = (crop.astype(np.float32) / 255 - MEAN) / STD
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def load(argument: str, *, weights: Path | None, threads: int) -> Farl:  # noqa: ARG001
    """Return FaRL from a file of weights, or from the weights folder.

    Parameters
    ----------
    argument
        Not used: FaRL has no variants here.
    weights
        The published ``.pth`` file or its ``.safetensors`` conversion; the fetched file when None.
    threads
        Threads of torch, for the whole program.

    Raises
    ------
    WeightsError
        When the file is absent, was altered or is another network.
    MissingExtraError
        When torch is absent.
    """
    torch = import_extra("torch", extra="train")
    path = find_weights("farl") if weights is None else weights
    if not path.is_file():
        raise WeightsError(f"{path} is not there: give FaRL's weights or run `facies weights fetch farl`")
    torch.set_num_threads(threads)
    sha256 = file_sha256(path)
    arrays = _converted(path, sha256) if path.suffix == ".pth" else read_arrays(path)[0]
    return Farl(ClipVit(arrays), sha256=sha256)


def _converted(path: Path, sha256: str) -> dict[str, np.ndarray[Any, Any]]:
    """Return the image tower's arrays, written once as safetensors beside the fetched weights."""
    converted = weights_dir() / f"farl-{sha256[:16]}.safetensors"
    if not converted.is_file():
        write_arrays(converted, tower_arrays(path), {"source_sha256": sha256})
    return read_arrays(converted)[0]


def tower_arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Read the image tower out of a published ``.pth`` file; nothing but arrays is unpickled.

    Raises
    ------
    WeightsError
        When the file cannot be read that way or holds no image tower.
    """
    torch = import_extra("torch", extra="train")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0][:120]
        raise WeightsError(f"{path.name} is not a file of torch weights, or holds more than arrays: fetch it again ({reason})") from error
    state = content.get("state_dict", content) if isinstance(content, dict) else {}
    tower = {name.removeprefix(TOWER): value.float().numpy() for name, value in state.items() if name.startswith(TOWER)}
    if not tower:
        raise WeightsError(f"{path.name} holds no image tower ('{TOWER}...'): give FaRL's weights")
    return tower
