"""The room by HTTP: a whole reading, what is refused, and that nothing leaks."""

from __future__ import annotations

import dataclasses
import re
import string
import time

import pytest
import sqlalchemy as sa

pytest.importorskip("fastapi")
pytest.importorskip("sqlalchemy")

import room
import visit

from facies.errors import InputError
from facies.web import add_account, create_app, create_link, export_readings, load_plan, open_room, verify_audit
from facies.web.accounts import hash_password
from facies.web.database import reading, writing
from facies.web.schema import LINKS, SESSIONS, TRIALS
from facies.web.server import checked_settings

AGES = [60, 50, 51, 37, 70, 74, 52]

PLANTED = (b"SECRETNAME", b"77.125", b"anna", b"ben", b"/tmp/")
"""What no reader may be told: names of photographs, the model's score before its time, readers, paths."""


def expires(engine: sa.Engine, table: sa.Table) -> None:
    with writing(engine) as connection:
        connection.execute(sa.update(table).values(expires_at="2001-01-01T00:00:00.000000+00:00"))


def test_whole_reading_by_http__is_in_the_database_as_given():
    engine = room.small_room()
    answers = visit.read_everything(visit.enter(engine, "anna"), AGES)
    assert {answer.status_code for answer in answers} == {200}
    assert answers[-1].json() == {"state": "done", "done": 6, "total": 6}
    assert export_readings(engine, settings=room.SETTINGS).reading.tolist() == [50, 51, 70, 74, 52]
    assert verify_audit(engine).whole


def test_reload_and_another_day__go_on_where_the_stored_answers_end():
    engine = room.small_room()
    visit.read_everything(visit.enter(engine, "anna"), AGES[:3])
    again = visit.enter(engine, "anna")
    step = again.get("/api/next").json()
    assert (step["done"], step["trial"]["position"]) == (3, 4)
    assert again.get("/api/next").json() == step


def test_page_after_an_answer_that_was_stored_but_never_acknowledged__the_same_token_is_stored_once():
    engine = room.small_room()
    client = visit.enter(engine, "anna")
    csrf, trial = visit.csrf_of(client), client.get("/api/next").json()["trial"]
    first = visit.answer(client, {"age": 60}, csrf=csrf, trial=trial)
    second = visit.answer(visit.enter(engine, "anna"), {"age": 60}, csrf="", trial=trial)
    third = visit.answer(client, {"age": 60}, csrf=csrf, trial=trial)
    assert (first.status_code, second.status_code, third.status_code) == (200, 403, 200)
    assert first.json() == third.json()


def test_two_tabs__a_different_answer_to_an_answered_face_is_refused_with_409_in_the_readers_language():
    engine = room.small_room()
    client = visit.enter(engine, "anna")
    csrf, trial = visit.csrf_of(client), client.get("/api/next").json()["trial"]
    visit.answer(client, {"age": 60}, csrf=csrf, trial=trial)
    second = visit.answer(client, {"age": 20}, csrf=csrf, trial=trial, token="of-the-second-tab")
    assert (second.status_code, second.json()["error"]) == (409, "already_answered")
    assert second.json()["message"].startswith("This face was answered before")


def test_back_button__an_answered_face_is_not_shown_again():
    engine = room.small_room()
    client = visit.enter(engine, "anna")
    trial = client.get("/api/next").json()["trial"]
    assert client.get(f"/picture/{trial['id']}").status_code == 200
    visit.answer(client, {"age": 60}, csrf=visit.csrf_of(client), trial=trial)
    assert client.get(f"/picture/{trial['id']}").status_code == 404


def test_invitation__works_once():
    engine = room.small_room()
    client, secret = visit.client_of(engine), create_link(engine, "anna")
    assert client.get("/enter").status_code == 200
    assert [client.post("/enter", data={"secret": secret}).status_code for _ in range(2)] == [303, 403]


@pytest.mark.parametrize("secret", ["", "x", "../../etc", "a" * 900])
def test_invitation__that_is_not_one_is_refused_with_a_page(secret):
    answer = visit.client_of(room.small_room()).post("/enter", data={"secret": secret})
    assert answer.status_code == 403
    assert "Ask the coordinator for a new one" in answer.text


def test_invitation__expired_is_refused():
    engine = room.small_room()
    secret = create_link(engine, "anna")
    expires(engine, LINKS)
    assert visit.client_of(engine).post("/enter", data={"secret": secret}).status_code == 403


def test_invitation__a_new_one_makes_the_one_before_void():
    engine = room.small_room()
    first, second = create_link(engine, "anna"), create_link(engine, "anna")
    client = visit.client_of(engine)
    assert [client.post("/enter", data={"secret": secret}).status_code for secret in (first, second)] == [403, 303]


def test_invitation__a_short_password_does_not_spend_it():
    engine = room.small_room()
    client, secret = visit.client_of(engine), create_link(engine, "anna")
    assert client.post("/enter", data={"secret": secret, "password": "short"}).status_code == 422
    assert client.post("/enter", data={"secret": secret, "password": visit.PASSWORD}).status_code == 303
    client.cookies.clear()
    assert client.post("/sign-in", data={"name": "anna", "password": visit.PASSWORD}).status_code == 303


def test_session__ends_by_time_by_idleness_and_by_signing_out():
    engine = room.small_room()
    by_time, by_idleness, by_choice = (visit.enter(engine, name) for name in ("anna", "ben", "anna"))
    assert by_choice.post("/sign-out", data={"csrf": visit.csrf_of(by_choice)}).status_code == 303
    assert by_choice.get("/api/next").status_code == 401
    assert by_time.get("/api/next").status_code == 200
    expires(engine, SESSIONS)
    answer = by_time.get("/api/next")
    assert (answer.status_code, answer.json()["error"]) == (401, "sign_in")
    by_idleness = visit.enter(engine, "ben")
    with writing(engine) as connection:
        connection.execute(sa.update(SESSIONS).values(seen_at="2001-01-01T00:00:00.000000+00:00"))
    assert by_idleness.get("/reading").status_code == 401


def test_database__holds_no_secret_that_would_let_somebody_in():
    engine = room.small_room()
    secret = create_link(engine, "anna")
    client = visit.client_of(engine)
    client.post("/enter", data={"secret": secret, "password": visit.PASSWORD})
    with reading(engine) as connection:
        tables = connection.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
        everything = repr([connection.execute(sa.text(f"SELECT * FROM {table}")).all() for table in tables])
    assert not [text for text in (secret, client.cookies["room"], visit.PASSWORD) if text in everything]


def test_cookie__is_kept_from_scripts_and_from_other_sites_and_over_https_to_https():
    engine = room.small_room()
    plain = visit.client_of(engine).post("/enter", data={"secret": create_link(engine, "anna")}).headers["set-cookie"]
    settings = dataclasses.replace(room.SETTINGS, tls=True)
    client = visit.client_of(engine, settings, base_url="https://testserver")
    answer = client.post("/enter", data={"secret": create_link(engine, "anna")})
    closed = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict"} <= set(plain.split("; "))
    assert {"HttpOnly", "SameSite=strict", "Secure"} <= set(closed.split("; "))
    assert closed.startswith("__Host-room=")
    assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_wrong_passwords__are_refused_and_after_five_nobody_may_try_from_there():
    engine = room.small_room()
    add_account(engine, "zoe", role="analyst", password=visit.PASSWORD)
    client = visit.client_of(engine)
    tries = [client.post("/sign-in", data={"name": "zoe", "password": "wrong wrong"}).status_code for _ in range(6)]
    assert tries == [403] * 5 + [429]
    assert client.post("/sign-in", data={"name": "zoe", "password": visit.PASSWORD}).status_code == 429


def test_password__is_kept_as_argon2id_with_the_real_effort():
    assert hash_password(visit.PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    with pytest.raises(InputError, match="the password has 5 characters: choose 10 to 200"):
        hash_password("short")


def test_unknown_name__costs_as_much_time_as_a_wrong_password_at_the_real_effort():
    engine = room.small_room()
    add_account(engine, "zoe", role="analyst", password=visit.PASSWORD)
    client, seconds = visit.client_of(engine), {}
    client.post("/sign-in", data={"name": "warm", "password": "up up up up"})
    for name in ("zoe", "nobody"):
        start = time.perf_counter()
        assert client.post("/sign-in", data={"name": name, "password": "wrong wrong"}).status_code == 403
        seconds[name] = time.perf_counter() - start
    assert 0.2 < seconds["nobody"] / seconds["zoe"] < 5


@pytest.mark.parametrize("path", ["/coordinator/pause", "/coordinator/readers", "/coordinator/links", "/sign-out"])
def test_form_without_its_token__is_refused(path):
    client = visit.staff(room.small_room(), "coordinator")
    for token in ("", "wrong"):
        assert client.post(path, data={"csrf": token, "name": "x", "paused": "yes"}).status_code == 403


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}])
def test_request_from_another_site__is_refused(headers):
    engine = room.small_room()
    client = visit.client_of(engine, headers=headers)
    assert client.post("/enter", data={"secret": create_link(engine, "anna")}).status_code == 403


def test_request_to_another_host_name__is_refused():
    client = visit.client_of(room.small_room(), base_url="http://rebound.example")
    assert client.get("/").status_code == 404


def test_answer_of_ten_megabytes__is_refused_with_413_and_the_face_stays():
    engine = room.small_room()
    client = visit.enter(engine, "anna")
    csrf = visit.csrf_of(client)
    answer = visit.answer(client, {"age": 50, "x": "y" * 10_000_000}, csrf=csrf)
    pieces = (b"z" * 100_000 for _ in range(50))
    assert (answer.status_code, client.post("/api/answers", content=pieces, headers={"X-CSRF-Token": csrf}).status_code) == (413, 413)
    assert client.get("/api/next").json()["done"] == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"trial": 1}', b'{"value": NaN}', b"\xff\xfe", b"[" * 5000])
def test_answer_that_cannot_be_read__is_refused_without_an_echo(body):
    engine = room.small_room()
    client = visit.enter(engine, "anna")
    headers = {"X-CSRF-Token": visit.csrf_of(client), "Content-Type": "application/json"}
    answer = client.post("/api/answers", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (422, "not_an_answer")
    assert set(answer.json()) == {"error", "message"}


def test_script_in_a_name__is_shown_as_text():
    engine = room.small_room()
    client = visit.staff(engine, "coordinator")
    page = client.post("/coordinator/readers", data={"csrf": visit.csrf_of(client), "name": "<script>alert(1)</script>"})
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text


def test_script_and_formula_in_a_remark__are_text_on_the_page_and_in_the_export():
    engine = room.small_room()
    client = visit.enter(engine, "anna")
    for remark in ("<script>alert(1)</script>", "=HYPERLINK(1)", None):
        visit.answer(client, {"age": 60}, csrf=visit.csrf_of(client), remark=remark)
    boss = visit.staff(engine, "coordinator")
    page, table = boss.get("/coordinator").text, boss.get("/exports/remarks.tsv").text
    assert "<script>alert" not in page
    assert "anna: &lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert [line.split("\t")[-1] for line in table.splitlines()] == ["remark", "'=HYPERLINK(1)", "<script>alert(1)</script>"]


@pytest.mark.parametrize("remark", ["x" * 501, "a\0b", 5, ["x"]])
def test_remark__that_is_none_is_refused(remark):
    client = visit.enter(room.small_room(), "anna")
    assert visit.answer(client, {"age": 60}, csrf=visit.csrf_of(client), remark=remark).status_code == 422


def test_pages__hold_no_script_or_style_and_the_policy_forbids_them():
    engine = room.small_room()
    pages = [visit.client_of(engine).get("/"), visit.client_of(engine).get("/enter"), visit.enter(engine, "anna").get("/reading")]
    pages += [visit.staff(engine, "coordinator").get("/coordinator"), visit.staff(engine, "analyst").get("/exports")]
    for page in pages:
        assert page.status_code == 200
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|https?://", page.text)
        policy = page.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["cache-control"] == "no-store"


def walk(engine: sa.Engine) -> dict[str, list[str]]:
    """Return every route of the room with a foreign id in each gap, by method."""
    with reading(engine) as connection:
        foreign = connection.execute(sa.select(TRIALS.c.public_id).order_by(TRIALS.c.id.desc()).limit(1)).scalar_one()
    paths: dict[str, list[str]] = {}
    for path, methods in routes_of(create_app(engine, settings=room.SETTINGS)):
        for filled in {re.sub(r"\{[^}]+\}", value, path) for value in (foreign, "1", "readings", "..%2f..%2fetc%2fpasswd", "SECRETNAME_a")}:
            for method in methods - {"HEAD"}:
                paths.setdefault(method, []).append(filled)
    return paths


def routes_of(app) -> list[tuple[str, set[str]]]:
    from facies.web import routes_coordinator, routes_entry, routes_reader

    routers = (routes_entry, routes_reader, routes_coordinator)
    return [(route.path, set(route.methods)) for module in routers for route in module.ROUTER.routes]


OPEN = {"GET": {"/", "/enter"}, "POST": {"/enter", "/sign-in"}}
"""Doors that stand open to everybody."""

ALLOWED = {
    "nobody": {"GET": set(), "POST": set()},
    "reader": {"GET": {"/reading", "/api/room", "/api/next"}, "POST": set()},
    "coordinator": {"GET": {"/coordinator", "/exports", "/exports/readings.tsv"}, "POST": set()},
    "analyst": {"GET": {"/exports", "/exports/readings.tsv"}, "POST": set()},
}


@pytest.mark.parametrize("role", list(ALLOWED))
def test_crawler__every_other_route_refuses_every_role_and_foreign_ids(role):
    engine = room.small_room()
    clients = {"nobody": visit.client_of, "reader": lambda engine: visit.enter(engine, "anna")}
    client = clients[role](engine) if role in clients else visit.staff(engine, role)
    opened, tried = set(), 0
    for method, paths in walk(engine).items():
        for path in set(paths) - OPEN[method] - ALLOWED[role][method]:
            answer = client.request(method, path)
            tried += 1
            if answer.status_code not in (401, 403, 404, 405):
                opened.add((method, path, answer.status_code))
    assert tried > 15
    assert opened == set()
    for method, path in (
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/static/../app.py"),
        ("GET", "/static/%2e%2e/app.py"),
        ("PUT", "/reading"),
    ):
        assert client.request(method, path).status_code in (401, 403, 404, 405)


def test_picture_of_another_reader__is_as_absent_as_one_that_never_was():
    engine = room.small_room()
    foreign = visit.enter(engine, "ben").get("/api/next").json()["trial"]["id"]
    client = visit.enter(engine, "anna")
    answers = [client.get(f"/picture/{name}") for name in (foreign, "never-was")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    trial = {"id": foreign, "stage": "unaided", "position": 1}
    assert visit.answer(client, {"age": 60}, csrf=visit.csrf_of(client), trial=trial).status_code == 404


def test_no_response_to_a_reader__holds_what_is_hidden():
    engine = room.small_room()
    visit.read_everything(visit.enter(engine, "ben"), AGES)
    client = visit.enter(engine, "anna")
    answers = [client.get(path) for path in ("/reading", "/api/room", "/enter", "/nothing-here")]
    answers += visit.read_everything(client, AGES)
    bytes_sent = [answer.content + repr(sorted(answer.headers.items())).encode() + answer.url.path.encode() for answer in answers]
    scores = [i for i, sent in enumerate(bytes_sent) if b"77.125" in sent]
    assert len(scores) == 1  # once, in the aided stage, after the unaided answer
    assert answers[scores[0]].json()["trial"]["stage"] == "aided"
    hidden = [word for word in PLANTED if word != b"77.125"]
    assert [word for word in hidden for sent in bytes_sent if word in sent] == []


def test_truth_of_a_training_case__is_told_after_the_answer_and_not_before():
    engine = room.small_room()
    client = visit.enter(engine, "anna")
    before = client.get("/api/next").json()
    after = visit.answer(client, {"age": 44}, csrf=visit.csrf_of(client)).json()
    assert "expected" not in before["trial"]
    assert "61" not in re.sub(r'"id": ?"[^"]*"|"preload": ?\[[^]]*\]', "", str(before).replace("'", '"'))
    assert after == {"stored": True, "feedback": "61"}


def test_pictures__have_one_length_one_size_other_names_for_each_reader_and_no_metadata():
    import io

    from PIL import Image

    engine = room.small_room()
    seen: dict[str, list[bytes]] = {}
    names = set()
    for reader in room.READERS:
        for answer in visit.read_everything(visit.enter(engine, reader), AGES):
            if answer.headers["content-type"] == "image/jpeg":
                seen.setdefault(reader, []).append(answer.content)
                names.add((reader, answer.url.path))
                assert answer.headers["cache-control"] == "no-store"
                assert set(answer.headers) & {"etag", "last-modified", "content-disposition"} == set()
    everything = [picture for pictures in seen.values() for picture in pictures]
    assert len({len(picture) for picture in everything}) == 1
    opened = [Image.open(io.BytesIO(picture)) for picture in everything]
    assert {image.size for image in opened} == {(720, 720)}
    assert all(not image.getexif() and not image.info.get("comment", b"").strip(b"\0") for image in opened)
    assert len({path for _, path in names}) == len(names)  # no name is shared by two readers
    assert all(set(path.split("/")[-1]) <= set(string.ascii_letters + string.digits + "-_") for _, path in names)


def test_pause__holds_new_faces_back_and_keeps_an_answer_on_its_way():
    engine = room.small_room()
    client, boss = visit.enter(engine, "anna"), visit.staff(engine, "coordinator")
    trial, csrf = client.get("/api/next").json()["trial"], visit.csrf_of(boss)
    assert boss.post("/coordinator/pause", data={"csrf": csrf, "paused": "yes"}).status_code == 303
    assert client.get("/api/next").json() == {"state": "paused", "done": 0, "total": 6}
    assert visit.answer(client, {"age": 60}, csrf=visit.csrf_of(client), trial=trial).status_code == 200
    assert boss.post("/coordinator/pause", data={"csrf": csrf, "paused": "no"}).status_code == 303
    assert client.get("/api/next").json()["trial"]["position"] == 2


def test_coordinator__sees_progress_and_agreement_and_no_face():
    engine = room.small_room()
    visit.read_everything(visit.enter(engine, "anna"), AGES)
    visit.read_everything(visit.enter(engine, "ben"), [60, 53, 72, 37, 48, 48, 55])
    page = visit.staff(engine, "coordinator").get("/coordinator").text
    assert page.count("6/6") == 2
    assert "SECRETNAME" not in page
    assert "<td>1.41</td>" in page  # a, b, c by anna 50, 51, 70, by ben 48, 53, 72: sqrt((2 + 2 + 2) / 3)
    assert "<td>2.00 (2)</td>" in page  # repeats 50 and 52, 53 and 55


def test_coordinator__adds_a_reader_whose_link_lets_them_in():
    engine = room.small_room()
    client = visit.staff(engine, "coordinator")
    csrf = visit.csrf_of(client)
    page = client.post("/coordinator/readers", data={"csrf": csrf, "name": "dora"}).text
    secret = re.search(r"/enter#([\w-]+)", page).group(1)
    assert secret not in client.get("/coordinator").text
    load_plan(engine, room.small_plan(("dora",)), settings=room.SETTINGS)
    fresh = visit.client_of(engine)
    assert fresh.post("/enter", data={"secret": secret}).status_code == 303
    assert fresh.get("/api/next").json()["total"] == 6
    assert client.post("/coordinator/readers", data={"csrf": csrf, "name": "dora"}).status_code == 422


def test_exports__are_the_tables_and_are_logged():
    engine = room.small_room()
    visit.read_everything(visit.enter(engine, "anna"), AGES)
    text = visit.staff(engine, "analyst").get("/exports/readings.tsv").text
    assert text.splitlines()[1].split("\t")[:5] == ["anna", "SECRETNAME_a", "perceived_age", "0", "50.0"]
    with reading(engine) as connection:
        last = connection.execute(sa.text("SELECT action, actor FROM audit ORDER BY n DESC")).first()
    assert last == ("exported", "the analyst")


def test_database_that_stays_locked__is_answered_with_one_sentence_and_the_answer_can_be_sent_again(tmp_path, monkeypatch):
    monkeypatch.setattr("facies.web.database.BUSY_SECONDS", 0.2)
    engine = room.small_room(f"sqlite:///{tmp_path}/room.db")
    client = visit.enter(engine, "anna")
    csrf, trial = visit.csrf_of(client), client.get("/api/next").json()["trial"]
    with writing(engine):
        busy = visit.answer(client, {"age": 60}, csrf=csrf, trial=trial)
    assert (busy.status_code, busy.json()["error"], busy.headers["retry-after"]) == (503, "busy", "2")
    assert visit.answer(client, {"age": 60}, csrf=csrf, trial=trial).status_code == 200
    engine.dispose()


def test_fault_of_the_room__is_one_sentence_without_its_cause(monkeypatch):
    engine = room.small_room()
    client = visit.enter(engine, "anna", raise_server_exceptions=False)
    monkeypatch.setattr("facies.web.routes_reader.next_step", lambda *_: 1 / 0)
    answer = client.get("/api/next")
    assert (answer.status_code, set(answer.json()), answer.json()["error"]) == (500, {"error", "message"}, "failed")


@pytest.mark.parametrize(
    ("host", "names", "message"),
    [("192.168.1.5", (), "give a certificate"), ("0.0.0.0", (), "give a certificate"), ("rooms.example.org", (), "give a certificate")],
)
def test_listening_to_others__is_refused_without_https(host, names, message):
    with pytest.raises(InputError, match=message):
        checked_settings(room.small_room(), room.SETTINGS, host=host, certificate=None, key=None, names=names)


def test_listening_to_others__needs_accounts_and_a_name(tmp_path):
    pem = tmp_path / "room.pem"
    pem.write_text("")
    with pytest.raises(InputError, match="has no accounts"):
        checked_settings(open_room("sqlite://"), room.SETTINGS, host="192.168.1.5", certificate=pem, key=pem, names=())
    with pytest.raises(InputError, match="name the hosts"):
        checked_settings(room.small_room(), room.SETTINGS, host="0.0.0.0", certificate=pem, key=pem, names=())
    ready = checked_settings(room.small_room(), room.SETTINGS, host="0.0.0.0", certificate=pem, key=pem, names=("Rooms.example.org",))
    assert (ready.tls, ready.hosts[0]) == (True, "rooms.example.org")


def test_plan_with_a_target_that_the_room_has_no_task_for__does_not_open():
    with pytest.raises(InputError, match="target 'perceived_age' has no task"):
        create_app(room.small_room(), settings=dataclasses.replace(room.SETTINGS, tasks={"other": room.SETTINGS.tasks["diagnosis"]}))
