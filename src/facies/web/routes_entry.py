"""Coming in and going out."""

from __future__ import annotations

import secrets as _secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from facies.web.accounts import Visitor, redeem_link, sign_in, sign_out
from facies.web.pages import cookie_name, entered, page, require_role, room_of, visitor
from facies.web.refusals import RequestRefused
from facies.web.schema import ROLES

ROUTER = APIRouter()

HOMES = {"reader": "/reading", "coordinator": "/coordinator", "analyst": "/exports"}

AnyVisitor = Annotated[Visitor, Depends(require_role(*ROLES))]

Text = Annotated[str, Form(max_length=1000)]


@ROUTER.get("/")
def home(request: Request) -> Response:
    """Send a visitor to the page of their role; others to the door."""
    known = visitor(request)
    return RedirectResponse(HOMES[known.role], 303) if known else page(request, "sign_in")


@ROUTER.get("/enter")
def door(request: Request) -> Response:
    """Show the page that an invitation leads to; its secret stays in the browser until the button is pressed."""
    return page(request, "enter")


@ROUTER.post("/enter")
def enter(request: Request, secret: Text = "", password: Text = "") -> Response:
    """Enter by an invitation."""
    room = room_of(request)
    return entered(request, redeem_link(room.engine, secret, room.settings, address=_address(request), password=password))


@ROUTER.post("/sign-in")
def enter_by_password(request: Request, name: Text = "", password: Text = "") -> Response:
    """Enter by a password."""
    room = room_of(request)
    return entered(request, sign_in(room.engine, name.strip(), password, room.settings, address=_address(request)))


@ROUTER.post("/sign-out")
def leave(request: Request, known: AnyVisitor, csrf: Text = "") -> Response:
    """End the session."""
    require_csrf(known, csrf)
    sign_out(room_of(request).engine, known)
    response = RedirectResponse("/", 303)
    response.delete_cookie(cookie_name(room_of(request).settings))
    return response


def require_csrf(known: Visitor, given: str) -> None:
    """Refuse a request that does not come from a page of this session."""
    if not _secrets.compare_digest(known.csrf.encode(), given.encode()):
        raise RequestRefused(403, "form_expired")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
