"""face_recognition: dlib's gradient-histogram detector, its five landmarks and its ResNet, with the weights that it installs."""

from __future__ import annotations

import argparse

from timed import Embed, run


def make(options: argparse.Namespace) -> Embed:
    """Return the pipeline; ``--setting`` is how many times the photograph is doubled before the search."""
    import face_recognition

    doublings = int(options.setting or 1)

    def embed(paths: list[str]) -> int:
        found = 0
        for path in paths:
            image = face_recognition.load_image_file(path)
            places = face_recognition.face_locations(image, number_of_times_to_upsample=doublings)
            found += bool(face_recognition.face_encodings(image, known_face_locations=places[:1]))
        return found

    return embed


if __name__ == "__main__":
    run(make)
