"""Ways of taking pictures: pose, framing, light, background and what the camera does."""

from __future__ import annotations

import hashlib

import numpy as np

from facies.simulation.backdrop import KINDS
from facies.types import Floats

RNG = np.random.Generator


def generator(random_state: int, *names: str) -> RNG:
    """Return a generator that depends on the seed and these names alone."""
    digest = hashlib.sha256("\x1f".join(names).encode()).digest()
    return np.random.default_rng(np.random.SeedSequence([random_state, *np.frombuffer(digest[:16], dtype=np.uint32).tolist()]))


def bounded(rng: RNG, n: int) -> Floats:
    """Draw normal numbers, cut off at 2.2 standard deviations."""
    return np.clip(rng.standard_normal(n), -2.2, 2.2)


def _clinic(rng: RNG, device: RNG) -> dict[str, float]:
    """Draw a studio picture: frontal, even light, plain background; each device has its own colour and resolution."""
    z, u = bounded(rng, 16), rng.random(8)
    camera = device.random(6)
    return {
        "yaw": 2.5 * z[0], "pitch": 2.5 * z[1], "roll": 1.8 * z[2], "smile": 0.35 * z[3],
        "eye_distance": 0.232 + 0.008 * z[4], "offset_x": 0.008 * z[5], "offset_y": 0.01 * z[6], "camera_distance": 18.0 + 6 * camera[0],
        "light_azimuth": -35 + 70 * camera[1] + 6 * z[7], "light_elevation": 22 + 14 * camera[2] + 3 * z[8],
        "light_strength": 1.0 + 0.05 * z[9], "light_fill": 0.55 + 0.2 * camera[3], "light_warmth": 0.25 * (camera[4] - 0.5) + 0.03 * z[10],
        "exposure": 1.0 + 0.04 * z[11], "backdrop": 0.0, "backdrop_hue": camera[5] * 0.999, "backdrop_lightness": 0.35 + 0.5 * camera[3],
        "blur": 0.35 + 0.25 * u[0], "grain": 0.008 + 0.010 * u[1], "jpeg_quality": 92,
    }  # fmt: skip


def _anywhere(rng: RNG, _: RNG) -> dict[str, float]:
    """Draw a picture from anywhere: heads turned, light from any side, any background, sharpness and compression."""
    z, u = bounded(rng, 16), rng.random(16)
    return {
        "yaw": 8.0 * z[0], "pitch": 6.0 * z[1], "roll": 5.0 * z[2], "smile": 0.6 * z[3],
        "eye_distance": 0.15 + 0.12 * u[0], "offset_x": 0.03 * z[5], "offset_y": 0.02 * z[6], "camera_distance": 7 + 20 * u[1],
        "light_azimuth": 32 * z[7], "light_elevation": 24 + 11 * z[8],
        "light_strength": 1.0 + 0.12 * z[9], "light_fill": 0.35 + 0.55 * u[2], "light_warmth": 0.08 * z[10],
        "exposure": 1.0 + 0.10 * z[11], "backdrop": float(int(len(KINDS) * u[3])),
        "backdrop_hue": u[4], "backdrop_lightness": 0.1 + 0.8 * u[5],
        "blur": 0.3 + 0.7 * u[6] + 0.9 * u[8] ** 3, "grain": 0.006 + 0.030 * u[7] ** 2, "jpeg_quality": int(60 + 38 * u[9]),
    }  # fmt: skip


CAMERAS = {"clinic": _clinic, "anywhere": _anywhere}
"""Ways of taking pictures."""
