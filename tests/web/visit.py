"""A browser without a screen: signs in and reads by HTTP."""

from __future__ import annotations

from typing import Any

import httpx2
import room
import sqlalchemy as sa
from starlette.testclient import TestClient

from facies.web import RoomSettings, add_account, create_app, create_link

PASSWORD = "correct horse battery"


def client_of(engine: sa.Engine, settings: RoomSettings | None = None, **options: Any) -> TestClient:
    return TestClient(create_app(engine, settings=settings or room.SETTINGS), follow_redirects=False, **options)


def enter(engine: sa.Engine, name: str, settings: RoomSettings | None = None, **options: Any) -> TestClient:
    """Return a client that entered by an invitation."""
    client = client_of(engine, settings, **options)
    answer = client.post("/enter", data={"secret": create_link(engine, name)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return client


def staff(engine: sa.Engine, role: str) -> TestClient:
    """Return a client of a coordinator or analyst who signed in by password."""
    add_account(engine, f"the {role}", role=role, password=PASSWORD)
    client = client_of(engine)
    assert client.post("/sign-in", data={"name": f"the {role}", "password": PASSWORD}).status_code == 303
    return client


def csrf_of(client: TestClient) -> str:
    """Return the session's form token, as its pages show it."""
    home = client.get("/").headers["location"]
    return client.get(home).text.split('name="csrf" value="')[1].split('"')[0]


def answer(
    client: TestClient, value: dict[str, Any], *, csrf: str, token: str = "", trial: dict[str, Any] | None = None, remark: Any = None
) -> httpx2.Response:
    """Answer a trial, or the one that is next."""
    trial = trial or client.get("/api/next").json()["trial"]
    body = {"trial": trial["id"], "stage": trial["stage"], "position": trial["position"], "value": value, "seconds": 1.5, "remark": remark}
    return client.post("/api/answers", json={**body, "token": token or f"{trial['id']}-{trial['stage']}"}, headers={"X-CSRF-Token": csrf})


def read_everything(client: TestClient, ages: list[float]) -> list[httpx2.Response]:
    """Read as the browser does, picture by picture; return all responses."""
    csrf = client.get("/api/room").json()["csrf"]
    seen = []
    for age in ages:
        step = client.get("/api/next")
        trial = step.json()["trial"]
        seen += [step, client.get(f"/picture/{trial['id']}"), answer(client, {"age": age}, csrf=csrf, trial=trial)]
    return [*seen, client.get("/api/next")]
