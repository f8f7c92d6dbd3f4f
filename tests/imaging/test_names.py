"""The package's public names."""

from __future__ import annotations

import subprocess
import sys

import pytest

import facies.imaging


def test_imaging__gives_each_public_name_and_no_other():
    assert set(facies.imaging.__all__) == set(facies.imaging._HOMES)
    assert all(getattr(facies.imaging, name) is not None for name in facies.imaging.__all__)
    with pytest.raises(AttributeError, match="no attribute 'open'"):
        facies.imaging.open  # noqa: B018


def test_imaging__loads_no_decoder_until_a_name_is_used():
    code = "import sys, facies.imaging; print([m for m in ('PIL', 'cv2', 'pydicom', 'pillow_heif') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
