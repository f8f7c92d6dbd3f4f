"""What is refused before a room opens, each in one line that says what to do."""

from __future__ import annotations

import stat
import subprocess
import sys

import pytest

pytest.importorskip("fastapi")

import room

from facies.errors import InputError, StoreError
from facies.web import AgeTask, DiagnosisTask, RoomSettings, add_account, create_link, open_room


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: open_room("mysql://host/room"), "database is 'mysql': use sqlite or postgresql"),
        (lambda: open_room("://"), "URL cannot be read"),
        (lambda: AgeTask(bin_years=10), "bin_years is 10: choose 0 .years. or 5"),
        (lambda: AgeTask(lowest=90, highest=20), "choose two within 0 to 130, the lower first"),
        (lambda: DiagnosisTask(()), "name at least one"),
        (lambda: DiagnosisTask(("none",)), "not 'none'"),
        (lambda: DiagnosisTask(("a", "a")), "each once"),
        (lambda: RoomSettings(tasks={}), "the room has no tasks"),
        (lambda: RoomSettings(attention="loose"), "attention is 'loose': choose instructed or hidden"),
        (lambda: RoomSettings(body_bytes=0), "body_bytes is 0: choose more than 0"),
        (lambda: add_account(open_room("sqlite://"), "x", role="king"), "role is 'king': choose one of reader, coordinator, analyst"),
        (lambda: add_account(open_room("sqlite://"), " x"), "without spaces at the ends"),
        (lambda: add_account(room.small_room(), "anna"), "account 'anna' exists"),
        (lambda: create_link(room.small_room(), "nobody"), "there is no account 'nobody': add it first"),
    ],
)
def test_wrong_setting__is_refused_in_one_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_room_in_a_folder_that_there_is_not__is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"room\.db cannot be written: choose a file in a folder that exists"):
        open_room(str(tmp_path / "absent" / "room.db"))


def test_file_that_is_no_database__is_refused(tmp_path):
    (tmp_path / "room.db").write_bytes(b"dear doctor " * 100)
    with pytest.raises(StoreError, match="cannot be opened"):
        open_room(str(tmp_path / "room.db"))


def test_database_file__is_for_its_owner_only(tmp_path):
    engine = room.small_room(str(tmp_path / "room.db"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("room.db*")} == {0o600}
    engine.dispose()


def test_plan_that_names_a_coordinator_as_reader__is_refused():
    engine = open_room("sqlite://")
    add_account(engine, "anna", role="coordinator")
    with pytest.raises(InputError, match="'anna' of the plan is a coordinator"):
        room.load_plan(engine, room.small_plan(("anna",)), settings=room.SETTINGS)


def test_missing_extra__is_the_line_to_run():
    code = "import sys; sys.modules['fastapi'] = None; import facies.web"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith("The `fastapi` package is required for this: pip install 'facies[web]'")


def test_command_line__does_not_load_a_web_server():
    code = "import sys; from facies.cli.app import run; run(['--help']); sys.exit('fastapi' in sys.modules or 'sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
