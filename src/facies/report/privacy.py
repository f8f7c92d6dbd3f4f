"""Free text that enters the page loses identifiers and paths on the way."""

from __future__ import annotations

import re
from collections.abc import Iterable

from facies.report.data import ReportData

_PHOTO_FILE = re.compile(r"\S+\.(?:jpe?g|png|tiff?|webp|heic|heif|dcm|bmp|gif)\b", re.IGNORECASE)
_PATH = re.compile(r"(?:[A-Za-z]:)?(?:[\w.~-]*[/\\])+(?P<last>[\w.~-]*)")
_WORD = re.compile(r"[^\s,;:()\[\]'\"=|]+")
_ID_COLUMNS = ("participant_id", "family_id", "photo_id", "session_id", "face_id")
_ID_TABLES = ("participants", "photographs", "faces", "splits", "participant_predictions", "age_gaps", "preflight")


class Scrubber:
    """Takes identifiers and paths out of text.

    Identifiers of fewer than 5 digits and nothing else cannot be told from numbers and stay.

    Examples
    --------
    >>> Scrubber(["person-17"])("person-17: /data/clinic/photos/17.jpg is blurred; see /data/weights/net.onnx")
    '[id]: [photograph] is blurred; see net.onnx'
    """

    def __init__(self, identifiers: Iterable[str]) -> None:
        telling = {name for name in identifiers if len(name) > 2 and not (name.isdigit() and len(name) < 5)}
        self._words = telling
        self._phrases = sorted((name for name in telling if _WORD.fullmatch(name) is None), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for phrase in self._phrases:
            text = text.replace(phrase, "[id]")
        text = _PATH.sub(_last_part, _PHOTO_FILE.sub("[photograph]", text))
        return _WORD.sub(lambda match: self._word(match[0]), text)

    def _word(self, word: str) -> str:
        bare = word.rstrip(".!?")
        return f"[id]{word[len(bare) :]}" if bare in self._words else word


def _last_part(match: re.Match[str]) -> str:
    separators = match[0].count("/") + match[0].count("\\")
    return match["last"] if separators > 1 or match[0][0] in "~." or match[0][1:2] == ":" else match[0]


def scrubber_for(data: ReportData) -> Scrubber:
    """Return the scrubber that knows the identifiers of this study."""
    found: set[str] = set()
    for name in _ID_TABLES:
        frame = data.table(name)
        if frame is not None:
            for column in set(_ID_COLUMNS) & set(frame.columns):
                found.update(map(str, frame[column].dropna().unique()))
    return Scrubber(found)
