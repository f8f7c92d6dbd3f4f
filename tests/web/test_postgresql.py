"""The same room in PostgreSQL, on a socket of its own in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

pytest.importorskip("fastapi")
pytest.importorskip("psycopg")

import room
import visit
from test_answers import drop_guards, read_all, step, submission, visitor

from facies.web import export_readings, verify_audit
from facies.web.answers import store_answer
from facies.web.database import reading, writing
from facies.web.refusals import RequestRefused
from facies.web.schema import ANSWERS, METADATA

BINARIES = next((path for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True) if (path / "initdb").exists()), None)


def server_user() -> str | None:
    """Return a user that is not root, as the server demands; None when this is one."""
    if os.geteuid() != 0:
        return None
    return next((name for name in ("postgres", "nobody") if name in {entry.pw_name for entry in pwd.getpwall()}), "nobody")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    if BINARIES is None:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="room"))
    user = server_user()
    if user is not None:
        shutil.chown(folder, user)

    def run(*command: str) -> None:
        subprocess.run(
            [str(BINARIES / command[0]), *command[1:]],
            user=user,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
        )

    data, log = str(folder / "data"), str(folder / "log")
    run("initdb", "-D", data, "-U", "facies", "-A", "trust", "--no-sync", "-E", "UTF8")
    run("pg_ctl", "-D", data, "-l", log, "-w", "-o", f"-c listen_addresses='' -k {folder}", "start")
    yield f"postgresql://facies@/postgres?host={folder}"
    run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def engine(url) -> Iterator[sa.Engine]:
    opened = room.small_room(url)
    yield opened
    with opened.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    opened.dispose()


def test_whole_reading_in_postgresql__equals_that_in_sqlite(engine):
    ages, here = [60, 50, 51, 37, 70, 74, 52], room.small_room()
    for database in (engine, here):
        visit.read_everything(visit.enter(database, "anna"), ages)
    tables = [export_readings(database, settings=room.SETTINGS).drop(columns="read_at") for database in (engine, here)]
    assert tables[0].equals(tables[1])
    assert verify_audit(engine).whole


def test_migrations__make_the_same_tables_in_postgresql(engine):
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_postgresql__itself_refuses_to_change_an_answer_or_the_log(engine):
    read_all(engine, "anna", [60])
    for statement in ("UPDATE answers SET value = '{}'", "DELETE FROM audit", "TRUNCATE answers"):
        with pytest.raises(sa.exc.DBAPIError, match="is only added to"), writing(engine) as connection:
            connection.execute(sa.text(statement))
    drop_guards(engine)
    with writing(engine) as connection:
        connection.execute(sa.update(ANSWERS).values(seconds=9.0))
    assert not verify_audit(engine).whole


def test_twenty_tabs_at_once__store_one_answer(engine):
    who = visitor(engine, "anna")
    trial, outcomes = step(engine, who)["trial"], []

    def answer(age: int) -> None:
        try:
            store_answer(engine, who, submission(trial, {"age": age}, token=f"token-of-tab-number-{age}"), room.SETTINGS)
            outcomes.append("stored")
        except RequestRefused as error:
            outcomes.append(error.code)

    tabs = [threading.Thread(target=answer, args=(age,)) for age in range(30, 50)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert sorted(outcomes) == ["already_answered"] * 19 + ["stored"]
    with reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(ANSWERS)).scalar_one() == 1
    assert verify_audit(engine).whole
