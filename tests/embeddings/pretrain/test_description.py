"""The description that pretraining teaches."""

from __future__ import annotations

import pytest
import torch

from facies.embeddings.pretrain.description import BANDS, CELLS, CONTOURS, ORIENTATIONS, describe_crops

N_CONTOURS = [cells * ((cells + 1) // 2) * ORIENTATIONS for _, cells in CONTOURS]
N_BANDS = CELLS * CELLS // 2 * BANDS


def waves(period: float, *, along: int = 3, size: int = 64) -> torch.Tensor:
    """Return two equal crops of grey waves along an axis, (2, 3, size, size)."""
    line = 0.5 * torch.sin(torch.arange(size) * (2 * torch.pi / period))
    return line.view(-1, 1).expand(size, size).movedim(0, -1 if along == 3 else 0).expand(2, 3, size, size)


@pytest.mark.parametrize(("along", "orientation"), [(3, 0), (2, ORIENTATIONS // 2)])
def test_describe_crops__finds_the_orientation_of_waves(along: int, orientation: int) -> None:
    fine = describe_crops(waves(12, along=along))[0, : N_CONTOURS[0]].reshape(ORIENTATIONS, -1)
    assert fine.mean(1).argmax().item() == orientation
    assert fine[orientation].mean() > 10 * fine.mean(1).sort().values[-2]


def test_describe_crops__finds_fine_waves_in_a_finer_band_than_coarse_ones() -> None:
    first = sum(N_CONTOURS)
    fine, coarse = (describe_crops(waves(period))[0, first : first + N_BANDS].reshape(BANDS, -1).mean(1) for period in (2.5, 24))
    assert fine.argmax() < coarse.argmax()


def test_describe_crops__hardly_knows_brightness_in_its_contours() -> None:
    crops = 0.4 * torch.rand(2, 3, 64, 64)
    n = sum(N_CONTOURS)
    torch.testing.assert_close(describe_crops(crops)[:, :n], describe_crops(1.5 * crops + 0.3)[:, :n], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("size", [16, 33, 96])
def test_describe_crops__has_as_many_finite_values_at_any_size_and_for_flat_crops(size: int) -> None:
    found = describe_crops(torch.zeros(1, 3, size, size))
    assert found.shape == (1, 980)
    assert found.isfinite().all()
