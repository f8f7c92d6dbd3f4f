"""py-feat: its ``Detector``, whose networks it fetches from the network when it is made."""

from __future__ import annotations

import argparse

from timed import Embed, run


def make(options: argparse.Namespace) -> Embed:
    """Return the pipeline of a face detector and an identity network."""
    import torch
    from feat import Detector

    torch.set_num_threads(options.threads)
    detector = Detector(identity_model="facenet", device="cpu")

    def embed(paths: list[str]) -> int:
        found = detector.detect(list(paths), data_type="image", batch_size=1, progress_bar=False)
        return int(found.groupby("input").size().shape[0])

    return embed


if __name__ == "__main__":
    run(make)
