"""The light in which a picture is taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facies.simulation.canvas import Field
from facies.simulation.rows import Row
from facies.types import Floats


@dataclass(frozen=True, eq=False)
class Light:
    """Where the main light comes from (3,), and the colours of the main and of the filling light, (3,) each."""

    direction: Floats
    main: Field
    fill: Field

    def turned(self, turn: Floats) -> Light:
        """Return the same light as a head turned by this rotation sees it."""
        return Light(turn.T @ self.direction, self.main, self.fill)


def light_of(row: Row) -> Light:
    """Return the light in which the picture is taken, exposure included."""
    azimuth, elevation = np.deg2rad([row["light_azimuth"], row["light_elevation"]])
    direction = np.array([np.sin(azimuth) * np.cos(elevation), -np.sin(elevation), np.cos(azimuth) * np.cos(elevation)])
    warm = np.array([1 + row["light_warmth"], 1.0, 1 - row["light_warmth"]], np.float32)
    strength = row["light_strength"] * row["exposure"]
    return Light(direction, 1.45 * strength * warm, 0.72 * row["light_fill"] * strength * (2 - warm))
