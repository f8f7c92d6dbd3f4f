"""Every sentence is in every language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

import room
import visit

import facies.web
from facies.web.languages import LANGUAGES, compile_mo, read_po
from facies.web.refusals import SENTENCES
from facies.web.texts import TEXTS

FOLDER = Path(facies.web.__file__).parent

CATALOGUES = sorted(FOLDER.glob("locale/*/LC_MESSAGES/room.po"))


def sentences() -> set[str]:
    templates = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("templates/*.html"))
    return {*TEXTS.values(), *SENTENCES.values(), *re.findall(r'_\("([^"]+)"\)', templates)}


def test_languages__are_those_with_a_catalogue_and_english():
    assert {path.parts[-3] for path in CATALOGUES} | {"en"} == set(LANGUAGES)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_catalogue__holds_every_sentence_with_its_gaps_and_no_other(path):
    found = read_po(path.read_text(encoding="utf-8"))
    assert set(found) - {""} == sentences()
    for source, target in found.items():
        assert source == "" or target
        assert sorted(re.findall(r"\{\w+\}", source)) == sorted(re.findall(r"\{\w+\}", target))


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_compiled_catalogue__is_current(path):
    compiled = compile_mo(read_po(path.read_text(encoding="utf-8")))
    assert path.with_suffix(".mo").read_bytes() == compiled, "run: python docs/compile_languages.py"


def test_script__shows_only_sentences_that_there_are():
    script = (FOLDER / "static" / "reading.js").read_text(encoding="utf-8")
    used = set(re.findall(r'say\("(\w+)"', script))
    assert used <= set(TEXTS)
    assert set(TEXTS) - used == set()


@pytest.mark.parametrize(
    ("header", "word"),
    [("de-DE,de;q=0.9", "Anmelden"), ("zh-CN", "登录"), ("nl", "Aanmelden"), ("pt-BR", "Iniciar sessão"), ("fr", "Sign in")],
)
def test_pages__speak_the_browsers_language(header, word):
    page = visit.client_of(room.small_room()).get("/", headers={"Accept-Language": header})
    assert f"<h1>{word}</h1>" in page.text


def test_language_that_was_chosen__stays():
    client = visit.client_of(room.small_room())
    assert "Anmelden" in client.get("/?lang=de").text
    assert "Anmelden" in client.get("/", headers={"Accept-Language": "nl"}).text
    assert '<html lang="en">' in client.get("/?lang=xx", headers={"Cookie": "language=<script>"}).text
