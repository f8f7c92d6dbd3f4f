"""A real browser for tests of the room, without a network: it needs playwright and a Chromium that is installed."""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import room
import uvicorn
from playwright import sync_api

from facies.web import create_app, create_link

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Server:
    """The room on a free port of this machine, which can be stopped and started."""

    def __init__(self, engine: Any, settings: Any) -> None:
        self.engine, self.settings = engine, settings
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        config = uvicorn.Config(create_app(self.engine, settings=self.settings), host="127.0.0.1", port=self.port, log_level="error")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.02)

    def stop(self) -> None:
        self.server.should_exit = self.server.force_exit = True
        self.thread.join()


@contextmanager
def open_browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@contextmanager
def served(tmp_path: Path, plan: list[dict[str, Any]] | None = None, **changes: Any) -> Iterator[Server]:
    engine = room.small_room(f"sqlite:///{tmp_path}/room.db", plan)
    server = Server(engine, dataclasses.replace(room.SETTINGS, **changes))
    server.start()
    yield server
    server.stop()
    engine.dispose()


@contextmanager
def visiting(browser: Any, server: Server, reader: str = "anna", **options: Any) -> Iterator[Any]:
    """Enter by an invitation; afterwards, no script has failed and nothing was asked of another host."""
    context = browser.new_context(**options)
    context.set_default_timeout(20_000)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None)
    page.on("request", lambda request: faults.append(request.url) if not request.url.startswith((server.url, "blob:", "data:")) else None)
    page.goto(f"{server.url}/enter#{create_link(server.engine, reader)}")
    page.click("main button")
    yield page
    context.close()
    assert faults == []


def picture_of(page: Any, name: str) -> None:
    """Keep a picture of a page for the manual, when asked to."""
    if os.environ.get("FACIES_PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=PICTURES / name)


def type_age(page: Any, age: int) -> None:
    page.wait_for_selector("#number:focus")
    page.keyboard.type(str(age))
    page.keyboard.press("Enter")
    page.wait_for_selector("#number", state="detached")


def press_button(page: Any) -> None:
    page.wait_for_selector("#jspsych-html-button-response-btngroup button:focus")
    page.keyboard.press("Enter")
