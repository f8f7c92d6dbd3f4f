"""The commands of readers: exit status, one clear line, JSON, and what is not written."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("fastapi")

sys.path.insert(0, str(Path(__file__).parents[1] / "study"))

from reading_studies import set_reading

from facies.cli.app import run
from facies.store import read_frame
from facies.study.demo import simulate_study
from facies.web import serve


@pytest.fixture(scope="module")
def painted(tmp_path_factory):
    """Return a study of the ages of 20 people; do not write in it."""
    study = tmp_path_factory.mktemp("ages") / "study"
    simulate_study(study, n_participants=20, encoders=("pixels",), size=64, random_state=3)
    return study


@pytest.fixture
def study(painted, tmp_path):
    """Return a copy that nobody has read yet, for two readers."""
    folder = Path(shutil.copytree(painted, tmp_path / "study"))
    (folder / "readings.tsv").unlink()
    set_reading(folder, n_readers=2, n_photographs=6, repeat_fraction=0)
    return folder


def json_of(capsys, *arguments: str) -> dict:
    capsys.readouterr()
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def files_of(study: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(study.rglob("*")) if path.is_file()}


def refused(capsys, *arguments: str) -> str:
    """Run a command that must fail in one line, and return that line."""
    capsys.readouterr()
    assert run(list(arguments)) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("facies: ")
    assert shown.err.count("\n") == 1
    return shown.err


def test_reading_commands__that_are_only_asked_what_they_would_do_write_nothing(study, capsys):
    before = files_of(study)
    assert run(["read", "plan", str(study), "--dry-run"]) == 0
    assert "would write" in capsys.readouterr().out
    assert files_of(study) == before
    run(["read", "plan", str(study)])
    before = files_of(study)
    assert run(["read", "serve", str(study), "--dry-run"]) == 0
    assert "2 readers, 6 photographs, 12 readings at http://127.0.0.1:8000" in capsys.readouterr().out
    ids = sorted(read_frame(study / "photographs.tsv").photo_id)[:2]
    panel = study.parent / "panel.csv"
    pd.DataFrame({"photo_id": ids, "anna": ["50-54", "57"]}).to_csv(panel, index=False)
    assert run(["read", "import", str(study), str(panel), "--dry-run"]) == 0
    assert "2 readings of 2 photographs by 1 readers: would be added to" in capsys.readouterr().out
    assert files_of(study) == before


def test_reading_commands__answer_in_json(study, capsys):
    found = json_of(capsys, "read", "plan", str(study))
    assert found["added"] == ["r01", "r02"]
    assert [row["readings"] for row in found["loads"]] == [6, 6]
    assert "the plan stays as it is" in json_of(capsys, "read", "plan", str(study))["notes"][0]
    ids = sorted(read_frame(study / "photographs.tsv").photo_id)
    panel = study.parent / "panel.csv"
    columns = {name: [40 + (7 * place * (shift + 1)) % 31 for place in range(len(ids))] for shift, name in enumerate(("anna", "ben"))}
    pd.DataFrame({"photo_id": ids, **columns}).to_csv(panel, index=False)
    found = json_of(capsys, "read", "import", str(study), str(panel))
    assert (found["readings"], found["readers"], found["notes"]) == (40, 2, [])
    found = json_of(capsys, "compare", str(study))
    assert [stage["stage"] for stage in found["stages"]] == ["panel", "readers", "readers_report"]
    assert Path(found["page"]).is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["read", "serve", "STUDY"], "has no plan of readings"),
        (["read", "status", "STUDY"], "has no reading room yet"),
        (["read", "export", "STUDY"], "has no reading room yet"),
        (["read", "invite", "STUDY", "r01"], "has no reading room yet"),
        (["read", "audit", "verify", "STUDY"], "has no reading room yet"),
        (["read", "import", "STUDY", "nothing.csv"], "is not there: give the file"),
        (["read", "imrmc", "STUDY", "acromegaly"], "needs a study of conditions"),
        (["read", "plan", "no-such-folder"], "has no study.toml"),
        (["compare", "STUDY"], "has no readings.tsv"),
        (["compare", "no-such-folder"], "has no study.toml"),
    ],
)
def test_what_is_not_there__is_one_line_and_nothing_is_made(study, capsys, arguments, said):
    before = {path for path in files_of(study) if path.name != ".lock"}
    assert said in refused(capsys, *[str(study) if word == "STUDY" else word for word in arguments])
    assert {path for path in files_of(study) if path.name != ".lock"} == before
    assert not Path("no-such-folder").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "rooms.example.org"])
def test_room_for_others_without_https__is_refused_before_anything_is_prepared_or_a_link_made(study, capsys, host):
    run(["read", "plan", str(study)])
    before = files_of(study)
    said = refused(capsys, "read", "serve", str(study), "--host", host)
    assert "can be reached by others: give a certificate and its key" in said
    assert files_of(study) == before


def test_room_in_a_folder_with_any_name__is_served_from_its_own_file(study, capsys, monkeypatch):
    odd = study.rename(study.parent / "50% of #1 ?x=1")
    run(["read", "plan", str(odd)])
    served = []
    monkeypatch.setattr("facies.web.serve", lambda url, **settings: served.append((url, settings)))
    capsys.readouterr()
    assert run(["read", "serve", str(odd), "--host", "::1", "--port", "8123"]) == 0
    shown = capsys.readouterr().out
    assert "reader r01: http://[::1]:8123/enter#" in shown
    assert "12 readings and 6 pictures added" in shown
    assert Path(served[0][0]) == odd / "reading" / "room.db"
    assert callable(serve)
    status = json_of(capsys, "read", "status", str(odd))
    assert [(row["name"], row["done"], row["total"]) for row in status["readers"]] == [("r01", 0, 6), ("r02", 0, 6)]
    assert json_of(capsys, "read", "audit", "verify", str(odd))["whole"]
    assert run(["read", "invite", str(odd), "r01", "--base", "https://rooms.example.org"]) == 0
    assert capsys.readouterr().out.startswith("https://rooms.example.org/enter#")
    assert "nobody has read anything yet" in refused(capsys, "read", "export", str(odd))
