"""What a reader sees and sends."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Header, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from facies.web.accounts import Visitor
from facies.web.answers import Submission, photograph_of, store_answer, store_check
from facies.web.database import reading
from facies.web.pages import language_of, page, require_role, room_of
from facies.web.pictures import served_picture
from facies.web.routes_entry import require_csrf
from facies.web.schema import CHECKS
from facies.web.texts import translated
from facies.web.timeline import needs_check, next_step

ROUTER = APIRouter()

Reader = Annotated[Visitor, Depends(require_role("reader"))]


def sending_reader(known: Reader, token: Annotated[str, Header(alias="X-CSRF-Token")] = "") -> Visitor:
    """Return the reader when the request comes from the script of this session's page."""
    require_csrf(known, token)
    return known


Sender = Annotated[Visitor, Depends(sending_reader)]


class AnswerBody(BaseModel):
    """A :class:`facies.web.answers.Submission` as JSON."""

    model_config = ConfigDict(extra="forbid")

    trial: str = Field(max_length=64)
    stage: str = Field(max_length=20)
    token: str = Field(max_length=64)
    value: dict[str, Any]
    position: int
    seconds: float | None = None
    shown_px: int | None = Field(None, ge=0, le=100_000)
    zoomed: bool = False
    remark: str | None = Field(None, max_length=500, pattern="^[^\\x00]*$")


class CheckBody(BaseModel):
    """What a reader found of the screen."""

    model_config = ConfigDict(extra="forbid")

    px_per_mm: float | None = Field(None, ge=0.5, le=100)
    dark_steps: int = Field(ge=0, le=12)
    light_steps: int = Field(ge=0, le=12)
    width: int = Field(ge=0, le=100_000)
    height: int = Field(ge=0, le=100_000)
    pixel_ratio: float = Field(ge=0, le=100)


@ROUTER.get("/reading")
def reading_page(request: Request, known: Reader) -> Response:
    """Show the page in which faces are read."""
    return page(request, "reading", csrf=known.csrf)


@ROUTER.get("/api/room")
def room_data(request: Request, known: Reader) -> dict[str, Any]:
    """Tell the script the sentences and how large pictures are shown."""
    room = room_of(request)
    newest = sa.select(CHECKS.c.px_per_mm).where(CHECKS.c.account_id == known.account_id, CHECKS.c.session_hash == known.session_hash)
    with reading(room.engine) as connection:
        px_per_mm = connection.execute(newest.order_by(CHECKS.c.id.desc()).limit(1)).scalar_one_or_none()
        check = needs_check(connection, known.session_hash, room.settings)
    texts = translated(language_of(request))
    return {"csrf": known.csrf, "texts": texts, "picture_mm": room.settings.picture_mm, "px_per_mm": px_per_mm, "check": check}


@ROUTER.get("/api/next")
def next_trial(request: Request, known: Reader) -> dict[str, Any]:
    """Tell the script what to show next."""
    room = room_of(request)
    with reading(room.engine) as connection:
        return next_step(connection, known.account_id, room.settings)


@ROUTER.post("/api/answers")
def answer(request: Request, known: Sender, body: AnswerBody) -> dict[str, Any]:
    """Store an answer."""
    room = room_of(request)
    return store_answer(room.engine, known, Submission(**body.model_dump()), room.settings)


@ROUTER.post("/api/checks")
def check(request: Request, known: Sender, body: CheckBody) -> dict[str, Any]:
    """Store what the reader found of the screen."""
    screen = {"width": body.width, "height": body.height, "pixel_ratio": body.pixel_ratio}
    store_check(
        room_of(request).engine, known, px_per_mm=body.px_per_mm, dark=body.dark_steps, light=body.light_steps, screen=screen
    )  # fmt: skip
    return {"stored": True}


@ROUTER.get("/picture/{public_id}")
def picture(request: Request, known: Reader, public_id: str) -> Response:
    """Send the picture of the reader's present or next trial."""
    engine = room_of(request).engine
    return Response(served_picture(engine, photograph_of(engine, known, public_id)), media_type="image/jpeg")
