"""facenet-pytorch: MTCNN (its own weights) and InceptionResnetV1 (random weights, which are as quick as trained ones)."""

from __future__ import annotations

import argparse
from collections import defaultdict
from typing import Any

from timed import Embed, run


def make(options: argparse.Namespace) -> Embed:
    """Return the pipeline; ``--setting`` is the smallest face that is looked for, in pixels."""
    import torch
    from facenet_pytorch import MTCNN, InceptionResnetV1
    from PIL import Image

    torch.set_num_threads(options.threads)
    finder = MTCNN(image_size=160, min_face_size=int(options.setting or 20), device="cpu")
    network = _settled(InceptionResnetV1(pretrained=None, classify=False))

    def embed(paths: list[str]) -> int:
        by_size: dict[tuple[int, int], list[Any]] = defaultdict(list)
        for path in paths:
            image = Image.open(path).convert("RGB")
            by_size[image.size].append(image)
        with torch.inference_mode():
            crops = [crop for images in by_size.values() for crop in finder(images) if crop is not None]
            return len(network(torch.stack(crops))) if crops else 0

    return embed


def _settled(network: Any) -> Any:
    """Give the normalisations statistics that fit the random weights, so that no activation overflows or vanishes."""
    import torch

    with torch.no_grad():
        for _ in range(8):
            network.train()(torch.randn(4, 3, 160, 160))
    return network.eval()


if __name__ == "__main__":
    run(make)
