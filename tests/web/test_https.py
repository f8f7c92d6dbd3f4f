"""The room over https, as readers elsewhere reach it."""

from __future__ import annotations

import http.client
import shutil
import socket
import ssl
import subprocess
import sys
import time

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

import room

from facies.web import create_link

PROGRAM = """
import pathlib, room, facies.web
folder = pathlib.Path(sys.argv[1])
facies.web.serve(f"sqlite:///{folder}/room.db", settings=room.SETTINGS, host="127.0.0.1", port=int(sys.argv[2]),
                 certificate=folder / "cert.pem", key=folder / "key.pem", names=("localhost",))
"""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_room_over_https__sets_a_cookie_that_only_https_carries(tmp_path):
    engine = room.small_room(f"sqlite:///{tmp_path}/room.db")
    secret = create_link(engine, "anna")
    engine.dispose()
    keys = [
        "-keyout",
        tmp_path / "key.pem",
        "-out",
        tmp_path / "cert.pem",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
    ]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *keys], check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{PROGRAM}", str(tmp_path), str(port)])
    try:
        answer = entered(port, secret, ssl.create_default_context(cafile=str(tmp_path / "cert.pem")), process)
    finally:
        process.terminate()
        process.wait()
    assert answer.status == 303
    assert answer.headers["set-cookie"].startswith("__Host-room=")
    assert "Secure" in answer.headers["set-cookie"]
    assert "strict-transport-security" in answer.headers


def entered(port: int, secret: str, context: ssl.SSLContext, process: subprocess.Popen) -> http.client.HTTPResponse:
    """Enter by an invitation as soon as the server is there."""
    for _ in range(300):
        assert process.poll() is None
        try:
            connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=20)
            connection.request("POST", "/enter", f"secret={secret}", {"Content-Type": "application/x-www-form-urlencoded"})
            answer = connection.getresponse()
            answer.read()
            connection.close()
        except ConnectionError:
            time.sleep(0.1)
        else:
            return answer
    raise AssertionError("the server did not start")
