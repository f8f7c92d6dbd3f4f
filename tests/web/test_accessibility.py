"""Every page of the room and every step of a reading, in a real browser, held against axe-core (WCAG 2.2 A and AA, and its advice)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("playwright")

import visit
from browsing import CHROMIUM, open_browser, press_button, served, type_age

from facies.web import AgeTask, add_account, create_link

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")

ASK = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(
    (fault) => [fault.id, fault.impact, fault.nodes.map((node) => node.html).slice(0, 3)])"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


class Judge:
    """Asks axe-core about a page as it stands; keeps where it was asked and what it found."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.faults: list[tuple[str, ...]] = []

    def __call__(self, page: Any, where: str) -> None:
        page.evaluate(AXE)
        self.asked.append(where)
        self.faults += [(where, rule, impact, *nodes) for rule, impact, nodes in page.evaluate(ASK)]


def enter(page: Any, server: Any, judge: Judge, reader: str = "anna") -> None:
    page.set_default_timeout(20_000)
    page.goto(f"{server.url}/enter#{create_link(server.engine, reader)}")
    judge(page, "invitation")
    page.click("main button")


def focus(page: Any, name: str) -> None:
    page.wait_for_selector(f"{name}:focus")


def read_ages(page: Any, judge: Judge) -> None:
    """Go through the small plan and stop at each kind of step."""
    button = "#jspsych-html-button-response-btngroup button"
    focus(page, button)
    judge(page, "welcome")
    press_button(page)
    focus(page, "#card")
    judge(page, "bank card")
    page.keyboard.press("Enter")
    focus(page, "#dark")
    judge(page, "grey steps")
    page.keyboard.type("8")
    page.keyboard.press("Tab")
    page.keyboard.type("9")
    page.keyboard.press("Enter")
    focus(page, "#number")
    judge(page, "training case")
    type_age(page, 60)
    page.wait_for_selector("text=Reference: 61")
    judge(page, "feedback")
    press_button(page)
    page.wait_for_selector("#picture", state="hidden")
    focus(page, button)
    judge(page, "break")
    press_button(page)
    focus(page, "#number")
    page.keyboard.press("z")
    page.click("text=Remark")
    judge(page, "face enlarged, remark open")
    page.focus("#number")
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Give an age from 18 to 99")
    judge(page, "age refused")
    for age in (50, 51):
        page.focus("#number")
        page.keyboard.press("Control+A")
        type_age(page, age)
    page.wait_for_selector("text=answer 37")
    judge(page, "attention check")
    type_age(page, 37)
    press_button(page)
    type_age(page, 70)
    page.wait_for_selector("text=The computer says: 77.125")
    judge(page, "aided")
    type_age(page, 74)
    type_age(page, 52)
    page.wait_for_selector("#done")
    judge(page, "done")


def test_reader_who_reads_ages__meets_no_barrier(browser, tmp_path):
    judge = Judge()
    with served(tmp_path, screen_check=True) as server:
        context = browser.new_context()
        page = context.new_page()
        page.goto(server.url)
        judge(page, "sign in")
        enter(page, server, judge)
        read_ages(page, judge)
        page.goto(f"{server.url}/coordinator")
        judge(page, "refused")
        context.close()
    assert judge.faults == []
    assert len(judge.asked) == 14


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_reader_who_looks_for_a_disease__meets_no_barrier(browser, tmp_path, size, scheme):
    judge = Judge()
    plan = [{"reader_id": "anna", "position": i + 1, "photo_id": f"face{i}", "target": "diagnosis"} for i in range(2)]
    with served(tmp_path, plan) as server:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        page = context.new_page()
        enter(page, server, judge)
        page.wait_for_selector("text=Which of these")
        judge(page, "which disease")
        page.keyboard.press("2")
        focus(page, "#scale")
        judge(page, "how sure, untouched")
        page.keyboard.press("8")
        judge(page, "how sure")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=3 very")
        judge(page, "severity")
        page.keyboard.press("3")
        focus(page, "#brush")
        page.keyboard.press("Space")
        judge(page, "brush")
        context.close()
    assert judge.faults == []
    assert len(judge.asked) == 6


@pytest.mark.parametrize("locale", ["de-DE", "zh-CN"])
def test_age_groups_in_other_languages__meet_no_barrier(browser, tmp_path, locale):
    judge = Judge()
    plan = [{"reader_id": "anna", "position": 1, "photo_id": "face", "target": "perceived_age"}]
    with served(tmp_path, plan, tasks={"perceived_age": AgeTask(bin_years=5, lowest=20, highest=89)}) as server:
        context = browser.new_context(locale=locale)
        page = context.new_page()
        enter(page, server, judge)
        page.wait_for_selector("text=50–54")
        judge(page, "age groups")
        assert page.evaluate("document.documentElement.lang") == locale[:2]
        context.close()
    assert judge.faults == []


def test_pages_of_the_staff__have_no_barrier(browser, tmp_path):
    judge = Judge()
    with served(tmp_path) as server:
        for reader, ages in (("anna", [60, 50, 51, 37, 70, 74, 52]), ("ben", [60, 53, 72, 37])):
            visit.read_everything(visit.enter(server.engine, reader), ages)
        add_account(server.engine, "the coordinator", role="coordinator", password=visit.PASSWORD)
        context = browser.new_context()
        page = context.new_page()
        page.goto(server.url)
        page.fill("[name=name]", "the coordinator")
        page.fill("[name=password]", visit.PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("text=6/6")
        judge(page, "progress")
        page.click("text=New link")
        page.wait_for_selector("code")
        judge(page, "new link")
        page.click("text=Pause reading")
        page.wait_for_selector("text=The reading is paused")
        judge(page, "paused room")
        page.click("text=Exports")
        page.wait_for_selector("text=readings.tsv")
        judge(page, "exports")
        context.close()
    assert judge.faults == []
    assert len(judge.asked) == 4


def test_judge__finds_barriers_that_are_there(browser):
    judge = Judge()
    page = browser.new_page()
    page.set_content('<html lang="en"><title>bad</title><main><h1>t</h1><input><p style="color:#bbb;background:#fff">pale</p></main>')
    judge(page, "a bad page")
    page.close()
    assert {(rule, impact) for _, rule, impact, *_ in judge.faults} == {("label", "critical"), ("color-contrast", "serious")}
