"""Who may enter: accounts, invitations that work once, passwords, and sessions that end."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

import sqlalchemy as sa

from facies.errors import InputError
from facies.web import audit
from facies.web.database import reading, writing
from facies.web.moments import moment, now
from facies.web.refusals import RequestRefused
from facies.web.schema import ACCOUNTS, ATTEMPTS, LINKS, ROLES, SESSIONS
from facies.web.settings import RoomSettings

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 200

WINDOW = timedelta(minutes=15)

_GATE = threading.BoundedSemaphore(2)
"""Passwords that are checked at a time: each takes 64 MiB, on purpose."""

LIMITS = {"pair": 5, "address": 40, "name": 40}
"""Failed tries within :data:`WINDOW`: of a name from an address, of all from an address, of a name from anywhere."""


@dataclass(frozen=True)
class Visitor:
    """Who makes a request."""

    account_id: int
    name: str
    role: str
    csrf: str
    session_hash: str


def add_account(engine: sa.Engine, name: str, *, role: str = "reader", password: str | None = None, actor: str = "facies") -> int:
    """Add an account and return its number; a reader's name is the ``reader_id`` of the plan.

    Parameters
    ----------
    engine
        From :func:`facies.web.open_room`.
    name
        As it stands in the plan and the exports.
    role
        ``reader``, ``coordinator`` or ``analyst``.
    password
        Without one the account is entered by :func:`create_link`.
    actor
        Who adds, for the log.

    Raises
    ------
    InputError
        When the name is empty or taken, the role unknown or the password short.

    Examples
    --------
    >>> from facies.web.database import open_room
    >>> add_account(open_room("sqlite://"), "r01")
    1
    """
    hashed = None if password is None else hash_password(password)
    with writing(engine) as connection:
        return insert_account(connection, name, role=role, password_hash=hashed, actor=actor)


def insert_account(
    connection: sa.Connection, name: str, *, role: str = "reader", password_hash: str | None = None, actor: str = "facies"
) -> int:
    """Add an account within a transaction."""
    if role not in ROLES:
        raise InputError(f"role is '{role}': choose one of {', '.join(ROLES)}")
    if not name or name != name.strip() or len(name) > 200:
        raise InputError(f"the account's name is '{name[:40]}': give 1 to 200 characters without spaces at the ends")
    audit.lock(connection)
    if connection.execute(sa.select(ACCOUNTS.c.id).where(ACCOUNTS.c.name == name)).first():
        raise InputError(f"account '{name}' exists: choose another name, or make a new link for it")
    row = {"name": name, "role": role, "password_hash": password_hash, "created_at": moment(now())}
    account_id = connection.execute(sa.insert(ACCOUNTS).values(row).returning(ACCOUNTS.c.id)).scalar_one()
    audit.append(connection, actor=actor, action="account_added", account=name, role=role)
    return int(account_id)


def create_link(engine: sa.Engine, name: str, *, hours: float = 72, actor: str = "facies") -> str:
    """Return the secret of an invitation that works once; it is shown here only, the database keeps its hash.

    Earlier ones of the account that were not used are void. The link is ``<address of the room>/enter#<secret>``: what follows # is never
    sent to a server or written in its log.

    Raises
    ------
    InputError
        When there is no such account.
    """
    secret = secrets.token_urlsafe(32)
    with writing(engine) as connection:
        audit.lock(connection)
        account_id = connection.execute(sa.select(ACCOUNTS.c.id).where(ACCOUNTS.c.name == name)).scalar_one_or_none()
        if account_id is None:
            raise InputError(f"there is no account '{name}': add it first")
        at, expires = moment(now()), moment(now(), plus=timedelta(hours=hours))
        connection.execute(sa.update(LINKS).where(LINKS.c.account_id == account_id, LINKS.c.used_at.is_(None)).values(used_at=at))
        connection.execute(sa.insert(LINKS).values(token_hash=hash_secret(secret), account_id=account_id, expires_at=expires))
        audit.append(connection, actor=actor, action="link_created", account=name, expires_at=expires)
    return secret


def redeem_link(engine: sa.Engine, secret: str, settings: RoomSettings, *, address: str, password: str = "") -> str:
    """Enter by an invitation, once; return the session's secret. With a password given, the account can be entered by it later.

    Raises
    ------
    RequestRefused
        When the link was used, has expired or never was; or the password is too short.
    """
    throttle(engine, address=address)
    hashed = _chosen_password(password)
    at = moment(now())
    with writing(engine) as connection:
        audit.lock(connection)
        use = sa.update(LINKS).where(LINKS.c.token_hash == hash_secret(secret), LINKS.c.used_at.is_(None), LINKS.c.expires_at > at)
        account_id = connection.execute(use.values(used_at=at).returning(LINKS.c.account_id)).scalar_one_or_none()
        if account_id is not None:
            if hashed is not None:
                connection.execute(sa.update(ACCOUNTS).where(ACCOUNTS.c.id == account_id).values(password_hash=hashed))
            audit.append(connection, actor=_name(connection, account_id), action="link_used", password_set=hashed is not None)
            return _start_session(connection, account_id, settings)
    note_failure(engine, address=address)
    raise RequestRefused(403, "link_spent")


def _chosen_password(password: str) -> str | None:
    try:
        return hash_password(password) if password else None
    except InputError as error:
        raise RequestRefused(422, "weak_password") from error


def sign_in(engine: sa.Engine, name: str, password: str, settings: RoomSettings, *, address: str) -> str:
    """Enter by a password; return the session's secret.

    An unknown name costs as much time as a wrong password, so that names cannot be tried out.

    Raises
    ------
    RequestRefused
        When the name or the password is wrong, or there were too many tries.
    """
    with _one_of_few():
        throttle(engine, address=address, name=name)
        account_id = _account_by_password(engine, name, password)
        if account_id is None:
            note_failure(engine, address=address, name=name)
            raise RequestRefused(403, "wrong_password")
    with writing(engine) as connection:
        audit.append(connection, actor=name, action="signed_in")
        return _start_session(connection, account_id, settings)


@contextmanager
def _one_of_few() -> Iterator[None]:
    if not _GATE.acquire(timeout=10):
        raise RequestRefused(503, "busy")
    try:
        yield
    finally:
        _GATE.release()


def _account_by_password(engine: sa.Engine, name: str, password: str) -> int | None:
    with reading(engine) as connection:
        account = connection.execute(sa.select(ACCOUNTS).where(ACCOUNTS.c.name == name)).one_or_none()
    hashed = account.password_hash if account is not None else None
    matches = _matches(hashed or _decoy(), password)
    return int(account.id) if matches and account is not None and hashed else None


def _start_session(connection: sa.Connection, account_id: int, settings: RoomSettings) -> str:
    secret, at = secrets.token_urlsafe(32), now()
    row = {
        "token_hash": hash_secret(secret), "account_id": account_id, "csrf": secrets.token_urlsafe(24), "seen_at": moment(at),
        "expires_at": moment(at, plus=timedelta(hours=settings.session_hours)),
    }  # fmt: skip
    connection.execute(sa.insert(SESSIONS).values(row))
    return secret


def visitor_of(engine: sa.Engine, secret: str | None, settings: RoomSettings) -> Visitor | None:
    """Return who holds this session, or None when there is no such session or it has ended."""
    if not secret:
        return None
    at = now()
    query = sa.select(SESSIONS, ACCOUNTS.c.name, ACCOUNTS.c.role).join(ACCOUNTS).where(
        SESSIONS.c.token_hash == hash_secret(secret), SESSIONS.c.ended_at.is_(None), SESSIONS.c.expires_at > moment(at),
        SESSIONS.c.seen_at > moment(at, plus=-timedelta(minutes=settings.idle_minutes)),
    )  # fmt: skip
    with reading(engine) as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        return None
    if row.seen_at < moment(at, plus=-timedelta(minutes=1)):
        with writing(engine) as connection:
            connection.execute(sa.update(SESSIONS).where(SESSIONS.c.token_hash == row.token_hash).values(seen_at=moment(at)))
    return Visitor(row.account_id, row.name, row.role, row.csrf, row.token_hash)


def sign_out(engine: sa.Engine, visitor: Visitor) -> None:
    """End a session."""
    with writing(engine) as connection:
        connection.execute(sa.update(SESSIONS).where(SESSIONS.c.token_hash == visitor.session_hash).values(ended_at=moment(now())))
        audit.append(connection, actor=visitor.name, action="signed_out")


def throttle(engine: sa.Engine, *, address: str, name: str = "") -> None:
    """Refuse when too many tries failed lately.

    Raises
    ------
    RequestRefused
        With status 429.
    """
    since = moment(now(), plus=-WINDOW)
    with reading(engine) as connection:
        for kind, bucket in _buckets(address, name).items():
            query = sa.select(sa.func.count()).where(ATTEMPTS.c.bucket == bucket, ATTEMPTS.c.at > since)
            if connection.execute(query).scalar_one() >= LIMITS[kind]:
                raise RequestRefused(429, "too_many_tries")


def note_failure(engine: sa.Engine, *, address: str, name: str = "") -> None:
    """Note a failed try, without the name or the address in clear."""
    at = now()
    with writing(engine) as connection:
        connection.execute(sa.delete(ATTEMPTS).where(ATTEMPTS.c.at < moment(at, plus=-4 * WINDOW)))
        rows = [{"bucket": bucket, "at": moment(at)} for bucket in _buckets(address, name).values()]
        connection.execute(sa.insert(ATTEMPTS), rows)
        audit.append(connection, actor="visitor", action="entry_failed")


def _buckets(address: str, name: str) -> dict[str, str]:
    buckets = {"address": hash_secret(f"address {address}")}
    if name:
        buckets |= {"name": hash_secret(f"name {name}"), "pair": hash_secret(f"pair {address} {name}")}
    return buckets


def _name(connection: sa.Connection, account_id: int) -> str:
    return str(connection.execute(sa.select(ACCOUNTS.c.name).where(ACCOUNTS.c.id == account_id)).scalar_one())


def hash_secret(secret: str) -> str:
    """Return the hash under which a random secret is kept; it needs no salt, since nobody can guess 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def hash_password(password: str) -> str:
    """Return a password's Argon2id hash (RFC 9106).

    Raises
    ------
    InputError
        When it is shorter than 10 or longer than 200 characters.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InputError(f"the password has {len(password)} characters: choose {SHORTEST_PASSWORD} to {LONGEST_PASSWORD}")
    return str(_hasher().hash(password))


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _decoy() -> str:
    return str(_hasher().hash(secrets.token_urlsafe(16)))


def _matches(hashed: str, password: str) -> bool:
    from argon2.exceptions import VerifyMismatchError

    try:
        return _hasher().verify(hashed, password[:LONGEST_PASSWORD])
    except VerifyMismatchError:
        return False


def has_account(engine: sa.Engine, name: str) -> bool:
    """Return whether an account of this name is there.

    Examples
    --------
    >>> from facies.web.database import open_room
    >>> has_account(open_room("sqlite://"), "r1")
    False
    """
    with reading(engine) as connection:
        return connection.execute(sa.select(ACCOUNTS.c.id).where(ACCOUNTS.c.name == name)).first() is not None


def waiting_accounts(engine: sa.Engine) -> list[tuple[str, str]]:
    """Return name and role of the accounts that nobody has entered yet and that have no password, by name."""
    entered = sa.select(SESSIONS.c.account_id)
    query = (
        sa.select(ACCOUNTS.c.name, ACCOUNTS.c.role)
        .where(ACCOUNTS.c.password_hash.is_(None), ACCOUNTS.c.id.not_in(entered))
        .order_by(ACCOUNTS.c.role, ACCOUNTS.c.name)
    )
    with reading(engine) as connection:
        return [(str(name), str(role)) for name, role in connection.execute(query)]
