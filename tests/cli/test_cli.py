"""The command line: exit status, one-line errors, machine-readable answers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from facies.cli.app import run


def test_help__names_every_command(capsys):
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for command in ("init", "check", "run", "predict", "encoders", "weights", "doctor", "demo"):
        assert command in shown


@pytest.mark.parametrize("arguments", [[], ["weights"]])
def test_no_command__shows_the_help_and_nothing_else(arguments, capsys):
    assert run(arguments) == 2
    shown = capsys.readouterr().err.strip()
    assert shown.startswith("Usage:")
    assert not shown.endswith("see --help")


@pytest.mark.parametrize("arguments", [["encoders", "--json"], ["weights", "list", "--json"], ["check", "STUDY", "--json"]])
def test_json__is_strict_json_and_nothing_else(arguments, capsys, tmp_path):
    init = tmp_path / "study"
    run(["init", str(init)])
    capsys.readouterr()
    run([str(init) if word == "STUDY" else word for word in arguments])
    assert json.loads(capsys.readouterr().out, parse_constant=refuse)


def refuse(constant):
    raise ValueError(f"{constant} is not JSON")


def test_version__is_printed(capsys):
    import facies

    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == facies.__version__


@pytest.mark.parametrize(
    "arguments", [["run", "no-such-folder"], ["check", "no-such-folder"], ["frobnicate"], ["predict", "nothing", "nowhere"]]
)
def test_errors__are_one_line_and_exit_status_two(arguments, capsys):
    assert run(arguments) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("facies: ")
    assert shown.err.count("\n") == 1
    assert "Traceback" not in shown.err


def test_init_then_check__says_that_the_example_has_no_photographs(tmp_path, capsys):
    assert run(["init", str(tmp_path / "new")]) == 0
    assert run(["check", str(tmp_path / "new")]) == 2
    assert "none of 4 photographs can be used (4 missing_file)" in capsys.readouterr().err


def test_encoders__name_the_extra_to_install(capsys):
    assert run(["encoders"]) == 0
    shown = capsys.readouterr().out
    assert "hog" in shown
    assert "facies[train]" in shown or "extra: train" in shown


def test_encoders__example_is_json(capsys):
    assert run(["encoders", "--example"]) == 0
    assert "template" in json.loads(capsys.readouterr().out)


def test_weights_fetch__without_accepting_the_licence_fetches_nothing(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("FACIES_WEIGHTS", str(tmp_path / "weights"))
    assert run(["weights", "fetch", "yunet"]) == 2
    assert "licence" in capsys.readouterr().err
    assert not (tmp_path / "weights").exists() or list((tmp_path / "weights").iterdir()) == []


def test_doctor__answers_in_json(capsys):
    assert run(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["milliseconds"]["find"] > 0
    assert found["recommended"]["precision"] == "float32"
    assert found["recommended"]["hours"]["hog"]["12 MP"]["1,000,000"] > 0


def test_encoders__are_listed_and_have_a_command_of_their_own(capsys):
    assert run(["encoders", "--json"]) == 0
    assert {"hog", "onnx:<file>"} <= {row["encoder"] for row in json.loads(capsys.readouterr().out)}
    assert run(["encoders", "quantise", "--help"]) == 0
    assert "NAME.int8.onnx" in capsys.readouterr().out


def test_interrupt__says_that_what_is_finished_is_kept(tmp_path):
    # A test run in the background may have been told to ignore interrupts, and programs started by it inherit that.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from facies.cli import main; main()"
    command = [sys.executable, "-c", heeding, "demo", str(tmp_path / "demo"), "--participants", "5000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        while not list((tmp_path / "demo").glob("photos/*.jpg")):
            assert running.poll() is None
            time.sleep(0.1)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "stopped; what was finished is kept" in errors
    assert "Traceback" not in errors
