"""The room in a real browser: a session by keyboard with a reload, on a phone, and with the server failing in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("playwright")

import room
import visit
from browsing import CHROMIUM, open_browser, picture_of, press_button, served, type_age, visiting

from facies.web import (
    AgeTask,
    ChoiceTask,
    add_account,
    create_link,
    export_readings,
    export_remarks,
    export_strokes,
    verify_audit,
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


def test_session_by_keyboard__with_a_reload_in_the_middle_is_stored_as_typed(browser, tmp_path):
    with served(tmp_path, screen_check=True) as server, visiting(browser, server) as page:
        press_button(page)
        page.wait_for_selector("#card:focus")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.wait_for_selector("#dark:focus")
        picture_of(page, "reading-room-screen.png")
        page.keyboard.type("8")
        page.keyboard.press("Tab")
        page.keyboard.type("9")
        page.keyboard.press("Enter")
        type_age(page, 60)
        page.wait_for_selector("text=Reference: 61")
        picture_of(page, "reading-room-feedback.png")
        press_button(page)
        press_button(page)  # the break after the training case
        type_age(page, 50)
        page.wait_for_selector("#number:focus")
        page.reload()
        page.wait_for_selector("#number:focus")
        page.keyboard.type("7")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Give an age from 18 to 99")
        type_age(page, 51)
        page.wait_for_selector("text=answer 37")
        type_age(page, 37)
        press_button(page)  # the break between two blocks
        type_age(page, 70)
        page.wait_for_selector("text=The computer says: 77.125")
        picture_of(page, "reading-room-aided.png")
        type_age(page, 74)
        page.keyboard.press("z")
        type_age(page, 52)
        page.wait_for_selector("#done")
        table = export_readings(server.engine, settings=room.SETTINGS)
        assert table.reading.tolist() == [50, 51, 70, 74, 52]
        assert table.seconds.between(0.01, 60).all()
        assert verify_audit(server.engine).whole


DIAGNOSES = [{"reader_id": "anna", "position": i + 1, "photo_id": f"face{i}", "target": "diagnosis"} for i in range(2)]


def test_diagnosis_by_keys_and_brush_on_a_phone__is_stored_with_its_strokes(browser, tmp_path):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    with served(tmp_path, DIAGNOSES) as server, visiting(browser, server, **phone) as page:
        page.wait_for_selector("text=Press the number, or click.")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.click("text=Remark")
        page.fill("#remark textarea", "I know her from clinic 2, zzz")
        page.locator("#remark textarea").press_sequentially("1z")  # keys that would answer or enlarge elsewhere
        page.click("header strong")
        page.keyboard.press("2")
        page.wait_for_selector("#scale:focus")
        page.keyboard.press("8")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=3 very")
        page.keyboard.press("3")
        page.wait_for_selector("#brush:focus")
        box = page.locator("#brush").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.5)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.5, steps=5)
        page.mouse.up()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
        picture_of(page, "reading-room-brush.png")
        page.keyboard.press("Enter")
        page.wait_for_selector("#brush", state="detached")
        page.wait_for_selector("text=Which of these do you see in this face?")
        page.keyboard.press("3")
        page.wait_for_selector("#scale:focus")
        page.keyboard.press("9")
        page.keyboard.press("Enter")
        page.wait_for_selector("#done")  # of none there is no severity, and nothing to mark
        table = export_readings(server.engine, settings=room.SETTINGS)
        assert table.target.tolist() == ["acromegaly", "cushing", "cushing[severity]", "acromegaly", "cushing"]
        assert table.reading.tolist() == [0, 1, 2, 0, 0]
        assert table.confidence.tolist() == [81, 81, 81, 90, 90]
        assert export_remarks(server.engine).remark.tolist() == ["I know her from clinic 2, zzz1z"]
        strokes = export_strokes(server.engine)
        assert strokes.groupby("stroke").size().tolist() == [6, 1]
        assert strokes.y[:6].sub(0.5).abs().max() < 0.01
        assert strokes.y[6] == pytest.approx(0.52, abs=0.005)


def test_age_groups_by_arrow_keys__are_stored_as_their_middle(browser, tmp_path):
    plan = [{"reader_id": "anna", "position": 1, "photo_id": "face", "target": "perceived_age"}]
    tasks = {"perceived_age": AgeTask(bin_years=5, lowest=50, highest=89)}
    with served(tmp_path, plan, tasks=tasks) as server, visiting(browser, server, locale="de-DE") as page:
        page.wait_for_selector("text=Wie alt sieht diese Person aus?")
        page.wait_for_selector("text=50–54")
        for key in ("Enter", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "Enter"):  # none is offered first
            page.keyboard.press(key)
        page.wait_for_selector("#done")
        assert export_readings(server.engine, settings=server.settings).reading.tolist() == [57]


def test_list_of_answers_by_number__is_stored_as_its_place(browser, tmp_path):
    plan = [{"reader_id": "anna", "position": 1, "photo_id": "face", "target": "perceived_age"}]
    tasks = {"perceived_age": ChoiceTask("Is the <b>person</b> tanned?", ("no", "a little", "yes"))}
    with served(tmp_path, plan, tasks=tasks) as server, visiting(browser, server) as page:
        page.wait_for_selector("text=Is the <b>person</b> tanned?")
        page.wait_for_selector("#jspsych-html-button-response-btngroup button")
        page.keyboard.press("2")
        page.wait_for_selector("#done")
        assert export_readings(server.engine, settings=server.settings).reading.tolist() == [1]


def test_picture_that_fails_once__is_asked_for_again(browser, tmp_path):
    with served(tmp_path) as server:
        failures = [404, 404]

        def fail(route: Any) -> None:
            if failures:
                route.fulfill(status=failures.pop(), body="{}")
            else:
                route.continue_()

        context = browser.new_context()
        context.set_default_timeout(20_000)
        context.route("**/picture/*", fail)
        page = context.new_page()
        page.goto(f"{server.url}/enter#{create_link(server.engine, 'anna')}")
        page.click("main button")
        page.wait_for_selector("text=The picture cannot be loaded")
        type_age(page, 60)
        page.wait_for_selector("text=Reference: 61")
        context.close()
        assert failures == []


def test_server_that_stops_while_an_answer_is_sent__loses_nothing(browser, tmp_path):
    with served(tmp_path) as server, visiting(browser, server) as page:
        page.wait_for_selector("#number:focus")
        server.stop()
        type_age(page, 60)
        page.wait_for_selector("text=No connection to the room")
        server.start()
        page.wait_for_selector("text=Reference: 61")
        assert export_readings(server.engine, settings=room.SETTINGS, kind="training").reading.tolist() == [60]


def test_two_tabs__the_second_answer_is_refused_in_one_sentence_and_reading_goes_on(browser, tmp_path):
    with served(tmp_path) as server, visiting(browser, server) as page:
        page.wait_for_selector("#number:focus")
        other = page.context.new_page()
        other.goto(f"{server.url}/reading")
        type_age(other, 60)
        other.wait_for_selector("text=Reference: 61")
        type_age(page, 25)
        page.wait_for_selector("text=This face was answered before")
        press_button(page)  # the break; then the next face
        type_age(page, 50)
        page.wait_for_selector("text=2 of 6")
        assert export_readings(server.engine, settings=room.SETTINGS, kind="training").reading.tolist() == [60]


def test_session_that_ends_while_a_face_is_shown__keeps_the_answer_until_the_reader_is_back(browser, tmp_path):
    import sqlalchemy as sa

    from facies.web.database import writing
    from facies.web.schema import SESSIONS

    with served(tmp_path) as server, visiting(browser, server) as page:
        page.wait_for_selector("#number:focus")
        with writing(server.engine) as connection:
            connection.execute(sa.update(SESSIONS).values(expires_at="2001-01-01T00:00:00.000000+00:00"))
        type_age(page, 60)
        page.wait_for_selector("text=your time has run out")
        page.goto(f"{server.url}/enter#{create_link(server.engine, 'anna')}")
        page.click("main button")
        page.wait_for_selector("text=1 of 6")
        assert export_readings(server.engine, settings=room.SETTINGS, kind="training").reading.tolist() == [60]


def test_coordinators_page__shows_progress_in_a_browser(browser, tmp_path):
    with served(tmp_path) as server:
        for reader, ages in (("anna", [60, 50, 51, 37, 70, 74, 52]), ("ben", [60, 53, 72, 37])):
            visit.read_everything(visit.enter(server.engine, reader), ages)
        add_account(server.engine, "the coordinator", role="coordinator", password=visit.PASSWORD)
        page = browser.new_context().new_page()
        page.goto(server.url)
        page.fill("[name=name]", "the coordinator")
        page.fill("[name=password]", visit.PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("text=6/6")
        picture_of(page, "reading-room-coordinator.png")
        page.click("text=New link")
        assert f"{server.url}/enter#" in page.inner_text("code")
        page.context.close()
