"""Detectors by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from facies.errors import InputError, WeightsError
from facies.faces import DETECTORS, load_detector
from facies.types import Detector


def test_load_detector__the_packaged_finder_needs_no_file() -> None:
    finder = load_detector("facies-finder")
    assert isinstance(finder, Detector)
    assert finder.name == "facies-finder"


def test_detectors__each_says_its_licence_and_what_it_is() -> None:
    assert all(entry.licence and entry.meaning for entry in DETECTORS.values())


def test_load_detector__yunet_without_its_file_says_how_to_fetch_it() -> None:
    with pytest.raises(WeightsError, match="facies weights fetch yunet"):
        load_detector("yunet")


def test_load_detector__a_file_for_a_detector_without_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="takes no weights file"):
        load_detector("facies-finder", weights=tmp_path / "other.onnx")


def test_load_detector__yunet_from_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "yunet.onnx").write_bytes(b"not a network")
    with pytest.raises(WeightsError, match=r"yunet\.onnx is not an ONNX network"):
        load_detector("yunet", weights=tmp_path / "yunet.onnx")
