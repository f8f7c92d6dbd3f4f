"""A tiny network."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def torch() -> Any:
    """Return torch, on one thread."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    return torch


@pytest.fixture
def tiny(torch: Any) -> Any:
    """Return what makes a network of two convolutions and one normalisation, always with the same weights."""

    def make() -> Any:
        torch.manual_seed(0)
        nn = torch.nn
        network = nn.Sequential(
            nn.Conv2d(3, 6, 5, 4), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 12, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        network.num_features = 12
        return network

    return make
