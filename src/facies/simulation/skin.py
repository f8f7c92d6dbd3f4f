"""Colour of the skin: melanin, blood, spots and shadows of beard and lids."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from facies.simulation.canvas import Field, dome, domes, hill, noise, pair, ramp, skin_canvas
from facies.simulation.rows import Row
from facies.simulation.sculpture import neutral_head

LIGHTEST = np.log(np.array([0.70, 0.50, 0.41], np.float32))
DARKEST = np.log(np.array([0.070, 0.038, 0.024], np.float32))
MELANIN = np.array([0.62, 0.92, 1.20], np.float32)
"""How much a unit of darkness takes from red, green and blue, in logarithms."""
BLOOD = np.array([0.07, 0.78, 0.58], np.float32)
"""The same for a unit of redness."""
N_SPOT_MAPS = 8


@dataclass(frozen=True, eq=False)
class _Maps:
    """Fixed maps of the sheet. ``flush`` is where blood shows, ``plethora`` where it does in Cushing's syndrome."""

    flush: Field
    plethora: Field
    shadow: Field
    beard: Field
    blotches: Field
    veins: Field
    spots: Field
    freckles: Field


@cache
def _maps(side: int) -> _Maps:
    sheet, head = skin_canvas(side), neutral_head(side)
    x, y = sheet.x, sheet.y
    flush = 0.15 * pair(x, y, 0.64, 0.52, 0.34, 0.28) + 0.18 * hill(x, y, 0, 0.68, 0.22, 0.15) + 0.10 * hill(x, y, 0, 1.62, 0.3, 0.2)
    flush += (
        0.16 * ramp(np.abs(x), 1.05, 1.18) * (y > -0.3) + 0.14 * pair(x, y, 0.5, 0.02, 0.30, 0.17) - 0.05 * hill(x, y, 0, -0.8, 0.8, 0.4)
    )
    plethora = domes(x, y, 0.82, 0.76, 0.46, 0.60)
    shadow = 0.22 * pair(x, y, 0.40, 0.13, 0.20, 0.08) + 0.16 * pair(x, y, 0.22, 0.02, 0.10, 0.10) + 1.9 * _nostrils(x, y)
    beard = ramp(y, 0.75, 1.05) * (1 - 0.9 * dome(x, y, 0, 1.13, 0.44, 0.12)) * ramp(y + 0.9 * np.abs(x), 1.05, 1.45) * (y < 3)
    inside = (head.radius < 0.98).astype(np.float32)
    shape, grain = (x.shape[0] + side // 2, x.shape[1] + side // 2), side / 256
    blotches = 0.5 * noise(shape, 5 * grain, 61) + 0.6 * noise(shape, 13 * grain, 62) + 0.6 * noise(shape, 30 * grain, 63)
    veins = 0.8 * noise(shape, 3 * grain, 64) + 0.8 * noise(shape, 9 * grain, 65)
    spots = np.stack([_spots(x, y, 71 + i, 16, 0.018, 0.05) * inside for i in range(N_SPOT_MAPS)])
    freckles = _spots(x, y, 91, 260, 0.010, 0.02) * (0.3 + 0.7 * domes(x, y, 0.4, 0.4, 0.7, 0.5)) * inside
    return _Maps(flush, plethora, shadow.astype(np.float32), beard.astype(np.float32), blotches, veins, spots, freckles.astype(np.float32))


def _nostrils(x: Field, y: Field) -> Field:
    u = np.abs(x) - 0.125
    return np.exp(-(((u + 0.25 * (y - 0.785)) / 0.060) ** 2) - ((y - 0.785 + 0.16 * u) / 0.026) ** 2).astype(np.float32)


def _spots(x: Field, y: Field, seed: int, n: int, smallest: float, largest: float) -> Field:
    """Return ``n`` soft spots at random places, most of them at the sides of face and forehead."""
    rng = np.random.default_rng(seed)
    total = np.zeros_like(x)
    for _ in range(n):
        side = rng.choice([-1, 1]) * np.sqrt(rng.uniform(0.05, 1.0)) * 1.02
        cy, r = rng.uniform(-1.15, 1.2), rng.uniform(smallest, largest)
        d = np.hypot((x - side) * rng.uniform(0.8, 1.2), (y - cy) * rng.uniform(0.8, 1.2)) / r
        total = np.maximum(total, np.clip(1.6 - d * 1.1, 0, 1) * rng.uniform(0.5, 1.0))
    return total.astype(np.float32)


def base_skin(row: Row) -> Field:
    """Return the logarithm of the skin's reflectance without any local change, (3,)."""
    return LIGHTEST + np.float32(row["skin_darkness"]) * (DARKEST - LIGHTEST) - BLOOD * np.float32(0.16 * row["skin_redness"])


def skin_pigments(row: Row, side: int) -> tuple[Field, Field]:
    """Return darkness and redness over the skin's part of the sheet."""
    m = _maps(side)
    rng = np.random.default_rng([int(row["person_seed"]), 7])
    top, left = (int(v) for v in rng.integers(0, side // 2, 2))
    cut = slice(top, top + m.flush.shape[0]), slice(left, left + m.flush.shape[1])
    old = row["sign_mottling"]
    darkness = m.blotches[cut] * np.float32(0.018 + 0.025 * old) + m.shadow * np.float32(0.8 + 0.3 * row["sign_eye_bag"])
    redness = m.flush * np.float32(0.7 + 0.5 * row["skin_redness"] + 0.35 * old) + m.veins[cut] * np.float32(0.025 + 0.05 * old)
    weights = rng.random(N_SPOT_MAPS)
    for i in np.argsort(weights)[-4:]:
        darkness += m.spots[i] * np.float32(0.55 * row["sign_spots"] * weights[i])
    darkness += m.freckles * np.float32(0.5 * row["freckles"])
    if row["beard_shadow"] > 0:
        darkness += m.beard * np.float32(0.30 * row["beard_shadow"] * (1 - 0.5 * row["hair_grey"]))
        redness -= m.beard * np.float32(0.12 * row["beard_shadow"])
    if row["cushing"] > 0:
        redness += m.plethora * np.float32(0.62 * row["cushing"])
    return darkness, redness
