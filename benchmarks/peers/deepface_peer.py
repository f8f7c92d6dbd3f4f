"""deepface by ``DeepFace.represent`` on onnxruntime, its quickest engine; networks of its own classes with random weights.

``deepface_peer.py --prepare YUNET-FILE`` writes the networks where deepface looks for them, instead of a download.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from timed import Embed, run

NETWORKS = {"GhostFaceNet": ("ghostfacenet_v1.onnx", 112), "Facenet512": ("facenet512_weights.onnx", 160)}


def make(options: argparse.Namespace) -> Embed:
    """Return the pipeline; ``--setting`` is ``network,detector``."""
    from deepface import DeepFace

    network, detector = options.setting.split(",")

    def embed(paths: list[str]) -> int:
        answers = DeepFace.represent(
            list(paths), model_name=network, detector_backend=detector, max_faces=1, enforce_detection=False, normalization="base"
        )
        return sum(bool(faces) and faces[0]["face_confidence"] > 0 for faces in answers)

    return embed


def prepare(yunet: str) -> None:
    """Write deepface's networks with random weights, and the detector's file, into its folder of weights."""
    weights = Path(os.environ["DEEPFACE_HOME"]) / ".deepface" / "weights"
    weights.mkdir(parents=True, exist_ok=True)
    if yunet:
        shutil.copy(yunet, weights / "face_detection_yunet_2023mar.onnx")
    for name, (file, size) in NETWORKS.items():
        _export(_random(name), weights / file, size)


def _random(name: str) -> Any:
    """Return one of deepface's torch networks with random weights: its loader of weights is told to load none."""
    import importlib

    module = importlib.import_module(f"deepface.models.facial_recognition.pytorch.{'Facenet' if name == 'Facenet512' else name}")
    module.weight_utils.download_weights_if_necessary = lambda **_: ""
    module.load_model_weights = lambda model, weight_file: model  # noqa: ARG005
    return (module.load_facenet512d_model if name == "Facenet512" else module.load_model)()


def _export(network: Any, path: Path, size: int) -> None:
    import torch

    class ChannelsLast(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.network(x.permute(0, 3, 1, 2))

    with torch.no_grad():
        for _ in range(8):  # statistics that fit the random weights, so that no activation overflows or vanishes
            network.train()(torch.rand(4, 3, size, size))
    example = torch.rand(2, size, size, 3)
    axes = {"input": {0: "n"}, "output": {0: "n"}}
    torch.onnx.export(
        ChannelsLast().eval(), (example,), str(path), input_names=["input"], output_names=["output"], dynamic_axes=axes,
        opset_version=17, dynamo=False,
    )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1] == "--prepare":
        prepare(sys.argv[2])
    else:
        run(make)
