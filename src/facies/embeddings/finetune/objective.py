"""What a network is fitted to: ages as distributions, or conditions each against all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax, smooth_l1_loss

from facies.types import Floats


class Objective(Protocol):
    """A loss to be made small, and the error of held-out people by which epochs are chosen.

    Logits are (n, k), labels and weights (n,).
    """

    def loss(self, logits: torch.Tensor, y: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return the weighted loss of a batch."""

    def error(self, logits: torch.Tensor, y: Floats, weights: Floats) -> float:
        """Return the weighted error."""


@dataclass(frozen=True, eq=False)
class AgeObjective:
    """The divergence from a bell of bins around each label, and the error of the predicted mean.

    Parameters
    ----------
    centres
        Of the bins, in the label's unit, (k,).
    spread
        Standard deviation of the bell.
    mean_loss
        Weight of the error of the mean, in spreads.
    """

    centres: Floats
    spread: float
    mean_loss: float

    def loss(self, logits: torch.Tensor, y: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return the weighted divergence from the bells around the labels, and the error of the predicted means in spreads."""
        centres = self._bins(logits)
        targets = torch.softmax(-0.5 * ((y[:, None] - centres) / self.spread) ** 2, dim=1)
        logs = log_softmax(logits, dim=1)
        divergence = (targets * (torch.log(targets + 1e-12) - logs)).sum(dim=1)
        means = logs.exp() @ centres
        off = smooth_l1_loss(means / self.spread, y / self.spread, reduction="none")
        return (weights * (divergence + self.mean_loss * off)).mean()

    def error(self, logits: torch.Tensor, y: Floats, weights: Floats) -> float:
        """Return the mean absolute error, in the label's unit."""
        means = (torch.softmax(logits, dim=1) @ self._bins(logits)).cpu().numpy()
        return float(np.average(np.abs(means - y), weights=weights))

    def _bins(self, logits: torch.Tensor) -> torch.Tensor:
        return torch.tensor(self.centres, dtype=torch.float32, device=logits.device)


@dataclass(frozen=True, eq=False)
class ConditionObjective:
    """The log-loss of each condition against all others, summed over the conditions.

    A label is 0 for people without any of the conditions, and i + 1 with the i-th.

    Parameters
    ----------
    balance
        What others and cases of each condition count, (k, 2): ones, or what makes both count alike (:func:`class_balance`).
    """

    balance: Floats

    def loss(self, logits: torch.Tensor, y: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return the weighted log-loss."""
        codes = torch.arange(1, logits.shape[1] + 1, device=logits.device)
        case = (y[:, None].round().long() == codes).to(logits.dtype)
        counted = torch.tensor(self.balance, dtype=logits.dtype, device=logits.device)
        each = counted[:, 0] * (1 - case) + counted[:, 1] * case
        losses = each * binary_cross_entropy_with_logits(logits, case, reduction="none")
        return (weights * losses.sum(dim=1)).mean()

    def error(self, logits: torch.Tensor, y: Floats, weights: Floats) -> float:
        """Return the same of held-out people."""
        y_, weights_ = (torch.tensor(values, dtype=torch.float32, device=logits.device) for values in (y, weights / np.mean(weights)))
        return float(self.loss(logits.float(), y_, weights_))


def class_balance(y: NDArray[np.int64], weights: Floats, n_conditions: int) -> Floats:
    """Return weights (k, 2) under which the others and the cases of each condition count alike; their mean over people is 1.

    Examples
    --------
    >>> class_balance(np.array([0, 0, 0, 1]), np.ones(4), 1)
    array([[0.66666667, 2.        ]])
    """
    return np.array([_balance(weights, y == number + 1) for number in range(n_conditions)])


def _balance(weights: Floats, case: NDArray[np.bool_]) -> Sequence[float]:
    total = float(weights.sum())
    return [total / (2 * float(weights[~case].sum())), total / (2 * float(weights[case].sum()))]
