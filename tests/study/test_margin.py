"""Why the crop is part of the model: how far age estimates shift when the margin moves by 20 %."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facies.embeddings import load_encoder
from facies.errors import CropContractError
from facies.imaging import align_face, decode_photograph
from facies.models import read_bundle
from facies.store import read_table
from facies.tables import FACES, GIVEN_POINTS


def predictions_at(study, margin: float, n: int = 40) -> np.ndarray:
    """Return what the hog model says of the first faces, cut with another margin and forced upon it."""
    bundle, encoder = read_bundle(study / "derived/models/hog+ridge.bundle"), load_encoder("hog")
    contract = replace(bundle.crop, margin=margin)
    faces = read_table(study, FACES)
    points = faces.loc[faces.included, list(GIVEN_POINTS)].to_numpy().reshape(-1, 5, 2)[:n]
    photos = [study / "photos" / f"{photo_id}.jpg" for photo_id in faces.photo_id[faces.included][:n]]
    crops = np.stack([align_face(decode_photograph(photo).image, five, contract) for photo, five in zip(photos, points, strict=True)])
    if margin != bundle.crop.margin:
        with pytest.raises(CropContractError, match="margin"):
            bundle.predict(crops, crop_contract=contract, encoder=encoder)
    return bundle.predict_vectors(encoder.encode(crops)).predicted.to_numpy()


@pytest.mark.parametrize("margin", [-0.2, 0.2])
def test_margin__moved_by_a_fifth_shifts_ages_by_more_than_a_year_and_is_refused(finished, margin):
    study, _ = finished
    shift = predictions_at(study, margin) - predictions_at(study, 0.0)
    print(f"margin {margin:+.1f}: mean shift {shift.mean():+.2f} years, mean absolute shift {np.abs(shift).mean():.2f} years")
    assert np.abs(shift).mean() > 1.0
