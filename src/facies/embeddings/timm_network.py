"""Networks of the timm library with weights from a local file; nothing is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from facies._optional import import_extra
from facies.embeddings.templates import face_template, require_crops
from facies.errors import InputError, WeightsError
from facies.records import CropContract, EncoderCard
from facies.store import file_sha256
from facies.types import Image, Images, Vectors


class TimmNetwork:
    """The pooled features of a timm network."""

    def __init__(self, name: str, weights: Path) -> None:
        """Build the network and give it its weights.

        Raises
        ------
        InputError
            When timm knows no network of this name.
        WeightsError
            When the weights are absent, not safetensors, or those of another network.
        """
        self._torch = import_extra("torch", extra="train")
        timm = import_extra("timm", extra="train")
        if not timm.is_model(name.split(".")[0]):
            raise InputError(f"timm knows no network '{name}': write a name from timm.list_models()")
        self._network = timm.create_model(name, pretrained=False, num_classes=0)
        _fill(self._network, weights)
        self._network.eval()
        settings = self._network.pretrained_cfg
        self._mean, self._std = (np.array(settings[key], dtype=np.float32) for key in ("mean", "std"))
        self.card = self._describe(name, weights, size=int(settings["input_size"][-1]))

    def encode(self, crops: Images) -> Vectors:
        """Return one vector a crop; crops go through one at a time, so that no vector depends on its batch.

        Raises
        ------
        InputError
            When the crops are not uint8 (n, size, size, 3).
        """
        require_crops(crops, self.card.crop, encoder=self.card.name)
        return np.stack([self._vector(crop) for crop in crops]) if len(crops) else np.empty((0, self.card.dimension), dtype=np.float32)

    def _vector(self, crop: Image) -> Vectors:
        values = (crop.astype(np.float32) / 255 - self._mean) / self._std
        with self._torch.inference_mode():
            output = self._network(self._torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)[None])))
        return np.asarray(output[0].numpy(), dtype=np.float32)

    def _describe(self, name: str, weights: Path, *, size: int) -> EncoderCard:
        return EncoderCard(
            name=f"timm:{name}",
            dimension=len(self._vector(np.zeros((size, size, 3), dtype=np.uint8))),
            crop=CropContract(face_template(eye_distance=0.3, eye_height=0.4), size=size),
            sha256=file_sha256(weights),
            licence="as stated by whoever gave the weights",
            source="timm",
            trained_on="as stated by whoever gave the weights",
            preparation=f"(pixel / 255 - {self._mean.tolist()}) / {self._std.tolist()}",
        )


def _fill(network: Any, weights: Path) -> None:
    """Load the weights; the classifier's may be there and are left out, everything else must match."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(weights)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{weights} cannot be read as safetensors: give the network's .safetensors file") from error
    heads = network.pretrained_cfg.get("classifier") or ()
    heads = (heads,) if isinstance(heads, str) else tuple(heads)
    state = {name: value for name, value in state.items() if not any(name.startswith(f"{head}.") for head in heads)}
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        detail = str(error).splitlines()[1].strip()[:120]
        raise WeightsError(f"{weights.name} holds the weights of another network ({detail}): give those of this one") from error


def load(argument: str, *, weights: Path | None, threads: int) -> TimmNetwork:
    """Return a timm network with the weights of a local file.

    Raises
    ------
    WeightsError
        When no file of weights is given: networks are never fetched by themselves.
    """
    torch = import_extra("torch", extra="train")
    if weights is None:
        raise WeightsError(f"timm:{argument} has no weights: give its .safetensors file; facies never fetches them by itself")
    torch.set_num_threads(threads)
    return TimmNetwork(argument, weights)
