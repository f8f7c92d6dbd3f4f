"""Running the room."""

from __future__ import annotations

import dataclasses
import ipaddress
import socket
from pathlib import Path

import sqlalchemy as sa

from facies.errors import InputError
from facies.web.app import create_app
from facies.web.database import open_room, reading
from facies.web.pictures import LoadPhotograph
from facies.web.schema import ACCOUNTS
from facies.web.settings import LOOPBACK, RoomSettings


def serve(
    room_url: str,
    *,
    photographs: LoadPhotograph | None = None,
    settings: RoomSettings | None = None,
    host: str = "127.0.0.1",
    port: int = 8765,
    certificate: Path | None = None,
    key: Path | None = None,
    names: tuple[str, ...] = (),
) -> None:
    """Run the room until it is stopped. No access log is written: addresses of people and of pages are nobody's business.

    Parameters
    ----------
    room_url
        See :func:`facies.web.open_room`.
    photographs, settings
        See :func:`facies.web.create_app`.
    host, port
        Where to listen; others than this machine reach the room only at an address that is not loopback.
    certificate, key
        PEM files for https.
    names
        Names under which readers reach the room, such as ``rooms.example.org``.

    Raises
    ------
    InputError
        When the room would be open to others without https, without accounts or without a name.
    """
    import uvicorn

    engine = open_room(room_url)
    ready = checked_settings(engine, settings or RoomSettings(), host=host, certificate=certificate, key=key, names=names)
    app = create_app(engine, photographs, ready)
    uvicorn.run(
        app, host=host, port=port, ssl_certfile=certificate, ssl_keyfile=key, access_log=False, server_header=False,
        log_level="warning", timeout_keep_alive=30, limit_concurrency=500, proxy_headers=False,
    )  # fmt: skip


def checked_settings(
    engine: sa.Engine, settings: RoomSettings, *, host: str, certificate: Path | None, key: Path | None, names: tuple[str, ...]
) -> RoomSettings:
    """Return the settings for this way to listen, or refuse it.

    Raises
    ------
    InputError
        See :func:`serve`.
    """
    require_reachable(host, certificate=certificate, key=key, names=names)
    if not is_loopback(host):
        _require_accounts(engine, host)
    hosts = tuple(name.lower() for name in names) + tuple(name for name in LOOPBACK if name not in names)
    own = () if host in ("0.0.0.0", "::") else (host,)
    return dataclasses.replace(settings, hosts=tuple(dict.fromkeys(hosts + own)), tls=certificate is not None)


def require_reachable(host: str, *, certificate: Path | None, key: Path | None, names: tuple[str, ...]) -> None:
    """Refuse a way to listen that would show the room to others without https or a name, before anything is prepared.

    Raises
    ------
    InputError
        See :func:`serve`.
    """
    if (certificate is None) != (key is None):
        raise InputError("https needs both a certificate and its key: give both or none")
    missing = [path for path in (certificate, key) if path is not None and not path.is_file()]
    if missing:
        raise InputError(f"{missing[0]} is not there: give the PEM file of the certificate and of its key")
    if is_loopback(host):
        return
    if certificate is None:
        raise InputError(f"{host} can be reached by others: give a certificate and its key, or listen on 127.0.0.1")
    if host in ("0.0.0.0", "::") and not names:
        raise InputError(f"{host} is every address of this machine: name the hosts under which readers reach the room")


def _require_accounts(engine: sa.Engine, host: str) -> None:
    with reading(engine) as connection:
        if connection.execute(sa.select(ACCOUNTS.c.id).limit(1)).first() is None:
            raise InputError(f"{host} can be reached by others and the room has no accounts: add a coordinator first")


def base_address(host: str, port: int, *, tls: bool, names: tuple[str, ...] = ()) -> str:
    """Return the address of the room as readers type it.

    Examples
    --------
    >>> base_address("::1", 8000, tls=False), base_address("0.0.0.0", 8443, tls=True, names=("rooms.example.org",))
    ('http://[::1]:8000', 'https://rooms.example.org:8443')
    """
    name = (names or (host,))[0]
    return f"{'https' if tls else 'http'}://{f'[{name}]' if ':' in name else name}:{port}"


def require_free_port(host: str, port: int) -> None:
    """Refuse an address at which the room cannot listen, before anybody is invited to it.

    Raises
    ------
    InputError
        When another program listens there, or the address is not this machine's.

    Examples
    --------
    >>> require_free_port("127.0.0.1", 0)
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.create_server(address[:2], family=family):
            pass
    except OSError as error:
        raise InputError(f"the room cannot listen at {host}, port {port} ({error.strerror or error}): choose another --port") from error


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("192.168.1.5"), is_loopback("rooms.example.org")
    (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
