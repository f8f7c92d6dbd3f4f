"""The room's languages: English sentences are the keys, the others come from gettext catalogues.

``python docs/compile_languages.py`` compiles the catalogues (``.po``) that people write to the form that gettext reads (``.mo``).
"""

from __future__ import annotations

import ast
import gettext
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from facies.errors import InputError

LANGUAGES = {"en": "English", "de": "Deutsch", "zh": "中文", "nl": "Nederlands", "pt": "Português"}
"""Languages by code, each named in itself."""

_FOLDER = Path(__file__).parent / "locale"


def N_(sentence: str) -> str:
    """Mark a sentence as one that is translated when it is shown."""
    return sentence


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """Return the sentences of a language; English is the source itself.

    Examples
    --------
    >>> catalogue("de").gettext("Next")
    'Weiter'
    >>> catalogue("en").gettext("Next")
    'Next'
    """
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation("room", _FOLDER, languages=[language])


def choose_language(wanted: str) -> str:
    """Return the first language of an ``Accept-Language`` header that the room speaks, else English.

    Examples
    --------
    >>> choose_language("fr-FR, pt-BR;q=0.8, en;q=0.5"), choose_language("")
    ('pt', 'en')
    """
    for part in wanted.split(","):
        code = part.split(";")[0].strip().split("-")[0].lower()
        if code in LANGUAGES:
            return code
    return "en"


def read_po(text: str) -> dict[str, str]:
    """Return a catalogue's sentences and their translations; the header stands under the empty sentence.

    Raises
    ------
    InputError
        When a line is not of a catalogue without plurals and contexts, or a sentence stands twice.

    Examples
    --------
    >>> read_po('msgid "Next"\\nmsgstr "Wei"\\n"ter"\\n')
    {'Next': 'Weiter'}
    """
    sentences: dict[str, str] = {}
    source, parts, key = "", [""], ""
    for key_now, value in [*_po_lines(text), ("msgid", "")]:
        if key_now == "":
            parts.append(value)
            continue
        if key == "msgid":
            source = "".join(parts)
        elif key == "msgstr":
            if source in sentences:
                raise InputError(f"'{source}' stands twice in the catalogue: keep one")
            sentences[source] = "".join(parts)
        key, parts = key_now, [value]
    return sentences


def _po_lines(text: str) -> Iterator[tuple[str, str]]:
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        key, _, quoted = ("", "", line) if line.startswith('"') else line.partition(" ")
        if key not in ("", "msgid", "msgstr") or not quoted.startswith('"'):
            raise InputError(f"line {number} of the catalogue is neither msgid nor msgstr: '{line[:40]}'")
        yield key, str(ast.literal_eval(quoted))


def compile_mo(sentences: dict[str, str]) -> bytes:
    """Write a catalogue in the form that gettext reads (GNU gettext manual, "The Format of GNU MO Files"), little-endian.

    Examples
    --------
    >>> import io
    >>> header = "Content-Type: text/plain; charset=UTF-8\\n"
    >>> gettext.GNUTranslations(io.BytesIO(compile_mo({"": header, "Next": "Weiter"}))).gettext("Next")
    'Weiter'
    """
    pairs = sorted((source.encode(), target.encode()) for source, target in sentences.items() if target)
    n = len(pairs)
    texts, tables = b"", ([], [])  # type: tuple[bytes, tuple[list[tuple[int, int]], list[tuple[int, int]]]]
    for column in (0, 1):
        for pair in pairs:
            tables[column].append((len(pair[column]), 28 + 16 * n + len(texts)))
            texts += pair[column] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, n, 28, 28 + 8 * n, 0, 28 + 16 * n)
    return head + b"".join(struct.pack("<2I", *entry) for table in tables for entry in table) + texts


def compile_all() -> list[Path]:
    """Compile every catalogue; return the files that were written."""
    written = []
    for source in sorted(_FOLDER.glob("*/LC_MESSAGES/room.po")):
        target = source.with_suffix(".mo")
        target.write_bytes(compile_mo(read_po(source.read_text(encoding="utf-8"))))
        written.append(target)
    return written
