"""How the learning rate and the teacher's momentum change over a run: functions of the step alone, so that a resumed run has them too."""

from __future__ import annotations

import math


def learning_rate(step: int, *, n_steps: int, largest: float, warmup: float) -> float:
    """Return the learning rate of a step, counted from 0: a straight rise, then half a cosine down to 0.

    Method: Loshchilov and Hutter 2017 (without restarts).

    Examples
    --------
    >>> [round(learning_rate(step, n_steps=10, largest=1.0, warmup=0.2), 2) for step in (0, 1, 2, 6, 9)]
    [0.5, 1.0, 1.0, 0.5, 0.04]
    """
    rise = round(warmup * n_steps)
    if step < rise:
        return largest * (step + 1) / rise
    return largest * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(n_steps - rise, 1)))


def teacher_momentum(step: int, *, n_steps: int, start: float) -> float:
    """Return how much of the teacher is kept in a step: from ``start`` up to 1 along half a cosine (Grill et al. 2020).

    Examples
    --------
    >>> [round(teacher_momentum(step, n_steps=10, start=0.9), 3) for step in (0, 5, 10)]
    [0.9, 0.95, 1.0]
    """
    return 1 - (1 - start) * 0.5 * (1 + math.cos(math.pi * step / n_steps))
