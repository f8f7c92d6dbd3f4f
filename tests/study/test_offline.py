"""No step of a study opens a connection."""

from __future__ import annotations

import socket

from facies.study.check import check_study
from facies.study.demo import simulate_study
from facies.study.predict import predict_photographs
from facies.study.run import run_study


def test_study__opens_no_connection_from_simulation_to_prediction(tmp_path, monkeypatch):
    asked = []
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, lambda *arguments: asked.append(arguments))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **_: asked.append(arguments))
    study = tmp_path / "study"
    simulate_study(study, encoders=("hog", "pixels"), n_participants=60, size=96)
    toml = study / "study.toml"
    settings = "\n[evaluation]\nn_bootstrap = 200\n[faces.gate]\nmin_sharpness = nan\n"
    toml.write_text(toml.read_text().replace('["hog", "pixels"]', '["pixels"]') + settings)
    check_study(study)
    run_study(study)
    assert predict_photographs(study / "derived/models/pixels+ridge.bundle", study / "photos", None).n_predicted > 50
    assert asked == []
