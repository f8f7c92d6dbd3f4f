"""Where the reading room keeps what it knows: one database, SQLite in a file or PostgreSQL by URL.

An acknowledged reading is on the disk: SQLite writes ahead (WAL) and waits for the disk at each commit. A writer takes the database
before it looks, so that two browser tabs cannot both find a trial unanswered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from facies.errors import InputError, StoreError
from facies.web import migrations

BUSY_SECONDS = 15
"""How long a writer waits for another one before the room says that it is busy."""


_UPGRADE = 0x666163696573
"""The lock under which PostgreSQL's tables are made, a number of our own."""


def open_room(url: str) -> sa.Engine:
    """Open the room's database, made or brought up to date where needed.

    Parameters
    ----------
    url
        ``sqlite:////folder/room.db``, or ``postgresql+psycopg://user@host/name``; a plain path is an SQLite file.

    Raises
    ------
    InputError
        When the URL names another kind of database or cannot be read.
    StoreError
        When the database cannot be reached.

    Examples
    --------
    >>> engine = open_room("sqlite://")
    >>> engine.dialect.name
    'sqlite'
    >>> engine.dispose()
    """
    engine = _engine(_parsed(url))
    try:
        with writing(engine) as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE)))  # two servers may start at once
            migrations.upgrade(connection)
    except DatabaseError as error:
        engine.dispose()
        raise StoreError("the reading room's database cannot be opened: check its URL, its folder and that it runs") from error
    return engine


def _parsed(url: str) -> sa.URL:
    if "://" not in url:
        return sa.URL.create("sqlite", database=str(Path(url).absolute()))  # a file's name may hold ? and %
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise InputError("the reading room's URL cannot be read: write sqlite:////folder/room.db or postgresql+psycopg://...") from error
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        raise InputError(f"the reading room's database is '{parsed.get_backend_name()}': use sqlite or postgresql")
    return parsed


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_size=10, max_overflow=30, pool_pre_ping=True)
    if not url.database:
        engine = sa.create_engine(url, poolclass=sa.pool.StaticPool, connect_args={"check_same_thread": False})
    else:
        _make_private(Path(url.database))
        engine = sa.create_engine(url, pool_size=10, max_overflow=40, connect_args={"timeout": BUSY_SECONDS})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(path: Path) -> None:
    """Make the file readable by its owner only, before SQLite makes it readable by all."""
    try:
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: choose a file in a folder that exists and is yours") from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver's guess
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", f"busy_timeout={BUSY_SECONDS * 1000}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Give a connection that only looks."""
    with engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Give a connection whose changes are kept together, or not at all."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


def empty_journal(engine: sa.Engine) -> None:
    """Bring SQLite's write-ahead file into the database and empty it, so that what was deleted is nowhere any more."""
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()
