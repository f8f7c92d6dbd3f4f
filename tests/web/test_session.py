"""A study on disk, read in a real browser: 40 cases with repeats, regions and a reload in the middle end in the right readings.tsv."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("playwright")

import visit
from browsing import CHROMIUM, Server, open_browser, press_button, visiting

from facies.store import read_frame
from facies.study.demo_facies import simulate_condition_study
from facies.study.reading.plan import plan_reading
from facies.tables import READINGS
from facies.web import verify_audit
from facies.web.study_room import StudyRoom, export_study_readings, prepare_study_room

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

CHOICES = ("acromegaly", "cushing", "none")

READING = """
[reading]
n_readers = 2
n_photographs = 40
repeat_fraction = 0.1
gap = 10
block_size = 20
regions = true
"""


class Said(NamedTuple):
    """What a reader says of a face at a reading; different for each, and for the same face when it comes back."""

    choice: int
    tens: int
    x: float

    @property
    def condition(self) -> str:
        return CHOICES[self.choice]


def said(reader: str, photo_id: str, repeat: int) -> Said:
    number = zlib.crc32(f"{reader} {photo_id} {repeat}".encode())
    return Said(number % 3, number // 3 % 9 + 1, 0.3 + number // 27 % 40 / 100)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    simulate_condition_study(tmp_path / "study", scale=0.055, n_repeats=1, size=96, follow_up=False)
    with (tmp_path / "study" / "study.toml").open("a", encoding="utf-8") as config:
        config.write(READING)
    return tmp_path / "study"


def check_screen(page: Any) -> None:
    press_button(page)
    page.wait_for_selector("#card:focus")
    page.keyboard.press("Enter")
    page.wait_for_selector("#dark:focus")
    page.keyboard.type("8")
    page.keyboard.press("Tab")
    page.keyboard.type("9")
    page.keyboard.press("Enter")


def answer_case(page: Any, case: Said) -> None:
    """Name the disease, say how sure, and paint a spot unless there is none; all by keys, the spot by the mouse."""
    page.wait_for_selector("text=Which of these")
    page.keyboard.press(str(case.choice + 1))
    page.wait_for_selector("#scale:focus")
    page.keyboard.press(str(case.tens))
    page.keyboard.press("Enter")
    page.wait_for_selector("#scale", state="detached")
    if case.condition != "none":
        page.wait_for_selector("#brush:focus")
        box = page.locator("#brush").bounding_box()
        page.mouse.click(box["x"] + box["width"] * case.x, box["y"] + box["height"] * 0.5)
        page.keyboard.press("Enter")
        page.wait_for_selector("#brush", state="detached")


def read_in_browser(page: Any, cases: pd.DataFrame) -> None:
    """Read the cases in their order; in the middle of case 23 the page is loaded again, and the case begun anew."""
    check_screen(page)
    for n, case in enumerate(cases.itertuples(), start=1):
        if n > 1 and case.block != cases.block.iloc[n - 2]:
            press_button(page)
        page.wait_for_selector(f"text={n - 1} of {len(cases)}")
        if n == 23:
            page.wait_for_selector("text=Which of these")
            page.keyboard.press(str(3 - said(case.reader_id, case.photo_id, case.repeat).choice))
            page.wait_for_selector("#scale:focus")
            page.reload()
        answer_case(page, said(case.reader_id, case.photo_id, case.repeat))
    page.wait_for_selector("#done")


def read_by_requests(opened: StudyRoom, cases: pd.DataFrame) -> None:
    client = visit.enter(opened.engine, cases.reader_id.iloc[0], opened.settings, base_url="http://127.0.0.1")
    csrf = visit.csrf_of(client)
    for case in cases.itertuples():
        own = said(case.reader_id, case.photo_id, case.repeat)
        marked = [] if own.condition == "none" else [{"width": 0.05, "points": [[own.x, 0.5]]}]
        value = {"diagnosis": own.condition, "confidence": own.tens * 10, "strokes": marked}
        if own.condition == "none":
            del value["strokes"]
        answered = visit.answer(client, value, csrf=csrf)
        assert answered.status_code == 200, answered.text


def readings_of(cases: pd.DataFrame) -> pd.DataFrame:
    """Return what the cases must come out as."""
    rows = []
    for case in cases.itertuples():
        own = said(case.reader_id, case.photo_id, case.repeat)
        for condition in CHOICES[:2]:
            call = float(own.condition == condition)
            rows.append((case.reader_id, case.photo_id, condition, case.repeat, call, own.tens * 10.0, case.position))
    return pd.DataFrame(rows, columns=["reader_id", "photo_id", "target", "repeat", "reading", "confidence", "position"])


def test_session_of_40_cases__with_repeats_regions_and_a_reload_ends_in_the_right_table(study):
    plan = plan_reading(study).plan
    first, second = (plan[plan.reader_id == reader].sort_values("position") for reader in ("r01", "r02"))
    assert [len(own[own["repeat"] == 0]) for own in (first, second)] == [40, 40]
    assert [len(own[own["repeat"] == 1]) for own in (first, second)] == [4, 4]
    assert set(first.photo_id) == set(second.photo_id)
    assert first.photo_id.tolist() != second.photo_id.tolist()
    opened = prepare_study_room(study)
    server = Server(opened.engine, opened.settings)
    server.start()
    with open_browser() as browser, visiting(browser, server, reader="r01") as page:
        read_in_browser(page, first)
    server.stop()
    read_by_requests(opened, second)
    written = export_study_readings(study)
    assert verify_audit(opened.engine).whole
    opened.engine.dispose()
    table = READINGS.parse(read_frame(written["readings"]), file="readings.tsv")
    expected = readings_of(pd.concat([first, second]))
    order = ["reader_id", "position", "target"]
    found = table[expected.columns].sort_values(order, ignore_index=True).astype(expected.dtypes)
    pd.testing.assert_frame_equal(found, expected.sort_values(order, ignore_index=True))
    strokes = read_frame(written["strokes"])
    marked = [said(*key) for key in strokes[["reader_id", "photo_id", "repeat"]].astype({"repeat": int}).itertuples(index=False)]
    assert len(strokes) == sum(said(case.reader_id, case.photo_id, case.repeat).condition != "none" for case in plan.itertuples())
    assert strokes.target_condition.tolist() == [own.condition for own in marked]
    assert (strokes.x.astype(float) - [own.x for own in marked]).abs().max() < 0.01
