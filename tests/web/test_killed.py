"""The server is killed between an answer and the page after it."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

import room

from facies.web import create_link, export_readings, verify_audit

PROGRAM = "import sys, room, facies.web; facies.web.serve(sys.argv[1], settings=room.SETTINGS, port=int(sys.argv[2]))"


def start(url: str, port: int) -> subprocess.Popen:
    paths = f"import sys; sys.path[:0] = {sys.path!r}; "
    process = subprocess.Popen([sys.executable, "-c", paths + PROGRAM, url, str(port)])
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        assert process.poll() is None
        time.sleep(0.05)


def ask(port: int, method: str, path: str, body: str = "", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


def test_acknowledged_answer__is_there_once_after_the_server_was_killed_and_sent_again(tmp_path):
    url = f"sqlite:///{tmp_path}/room.db"
    engine = room.small_room(url)
    secret = create_link(engine, "anna")
    engine.dispose()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = start(url, port)
    entered = ask(port, "POST", "/enter", f"secret={secret}", Content_Type="application/x-www-form-urlencoded")
    cookie = entered.headers["set-cookie"].split(";")[0]
    csrf = json.loads(ask(port, "GET", "/api/room", Cookie=cookie).text)["csrf"]
    trial = json.loads(ask(port, "GET", "/api/next", Cookie=cookie).text)["trial"]
    body = json.dumps({"trial": trial["id"], "stage": "unaided", "position": 1, "token": "k" * 32, "value": {"age": 60}, "seconds": 2})
    headers = {"Cookie": cookie, "X_CSRF_Token": csrf, "Content_Type": "application/json"}
    assert ask(port, "POST", "/api/answers", body, **headers).status == 200
    process.send_signal(signal.SIGKILL)
    process.wait()
    process = start(url, port)
    assert ask(port, "POST", "/api/answers", body, **headers).status == 200
    assert json.loads(ask(port, "GET", "/api/next", Cookie=cookie).text)["trial"]["position"] == 2
    assert "server" not in entered.headers
    process.terminate()
    process.wait()
    engine = room.open_room(url)
    assert export_readings(engine, settings=room.SETTINGS, kind="training").reading.tolist() == [60]
    assert verify_audit(engine).whole
    engine.dispose()
