"""Pages in the visitor's language, and who the visitor is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from facies.web.accounts import Visitor, visitor_of
from facies.web.languages import LANGUAGES, catalogue, choose_language
from facies.web.refusals import RequestRefused
from facies.web.settings import RoomSettings

LANGUAGE_COOKIE = "language"

_TEMPLATES = Environment(loader=PackageLoader("facies.web"), autoescape=True, undefined=StrictUndefined)


@dataclass(frozen=True)
class Room:
    """What all routes work with."""

    engine: sa.Engine
    settings: RoomSettings


def room_of(request: Request) -> Room:
    """Return the room that a request is made to."""
    room: Room = request.app.state.room
    return room


def cookie_name(settings: RoomSettings) -> str:
    """Return the session cookie's name; over https one that browsers keep to this host and to https."""
    return "__Host-room" if settings.tls else "room"


def visitor(request: Request) -> Visitor | None:
    """Return who makes a request, if it is known."""
    room = room_of(request)
    return visitor_of(room.engine, request.cookies.get(cookie_name(room.settings)), room.settings)


def require_role(*roles: str) -> Callable[[Request], Visitor]:
    """Return a dependency that gives the visitor when their role is one of these."""

    def required(request: Request) -> Visitor:
        known = visitor(request)
        if known is None:
            raise RequestRefused(401, "sign_in")
        if known.role not in roles:
            raise RequestRefused(403, "not_allowed")
        return known

    return required


def language_of(request: Request) -> str:
    """Return the language asked for in the address, chosen before, or preferred by the browser."""
    asked = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE, "")
    return asked if asked in LANGUAGES else choose_language(request.headers.get("accept-language", ""))


def page(request: Request, name: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Return a page in the visitor's language."""
    room, language = room_of(request), language_of(request)
    html = _TEMPLATES.get_template(f"{name}.html").render(
        _=catalogue(language).gettext, language=language, languages=LANGUAGES, title=room.settings.title, path=request.url.path, **context
    )
    response = HTMLResponse(html, status)
    if request.query_params.get("lang") in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, language, httponly=True, samesite="strict", secure=room.settings.tls, max_age=31_536_000)
    return response


def refusal(request: Request, code: str, status: int) -> Response:
    """Return a refusal as a page, or as data to the script."""
    from facies.web.refusals import SENTENCES

    sentence = catalogue(language_of(request)).gettext(SENTENCES[code])
    if request.url.path.startswith(("/api/", "/picture/")):
        from starlette.responses import JSONResponse

        return JSONResponse({"error": code, "message": sentence}, status)
    return page(request, "message", status=status, message=sentence, sign_in=code in ("sign_in", "wrong_password", "too_many_tries"))


def entered(request: Request, secret: str) -> RedirectResponse:
    """Return the way on for who has just entered, with the session's cookie."""
    settings = room_of(request).settings
    response = RedirectResponse("/", 303)
    response.set_cookie(
        cookie_name(settings), secret, httponly=True, samesite="strict", secure=settings.tls, max_age=int(settings.session_hours * 3600)
    )
    return response
