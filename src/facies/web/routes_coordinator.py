"""What the coordinator and the analyst see and do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import pandas as pd
import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from facies.errors import InputError
from facies.web import audit
from facies.web.accounts import Visitor, add_account, create_link
from facies.web.database import reading, writing
from facies.web.exports import export_attention, export_audit, export_readings, export_remarks, export_strokes
from facies.web.pages import Room, page, require_role, room_of
from facies.web.progress import agreement_so_far, reader_progress
from facies.web.refusals import RequestRefused
from facies.web.routes_entry import Text, require_csrf
from facies.web.schema import ROOM
from facies.web.timeline import is_paused

ROUTER = APIRouter()

Coordinator = Annotated[Visitor, Depends(require_role("coordinator"))]

Exporter = Annotated[Visitor, Depends(require_role("coordinator", "analyst"))]

EXPORTS: dict[str, Callable[[Room], pd.DataFrame]] = {
    "readings": lambda room: export_readings(room.engine, settings=room.settings),
    "training": lambda room: export_readings(room.engine, settings=room.settings, kind="training"),
    "attention": lambda room: export_attention(room.engine, settings=room.settings),
    "strokes": lambda room: export_strokes(room.engine),
    "remarks": lambda room: export_remarks(room.engine),
    "audit": lambda room: export_audit(room.engine),
}


@ROUTER.get("/coordinator")
def overview(request: Request, known: Coordinator) -> Response:
    """Show how far the readers are."""
    return _overview(request, known)


@ROUTER.post("/coordinator/pause")
def pause(request: Request, known: Coordinator, csrf: Text = "", paused: Text = "") -> Response:
    """Pause the room or go on."""
    require_csrf(known, csrf)
    value = "yes" if paused == "yes" else "no"
    with writing(room_of(request).engine) as connection:
        audit.lock(connection)
        connection.execute(sa.delete(ROOM).where(ROOM.c.name == "paused"))
        connection.execute(sa.insert(ROOM).values(name="paused", value=value))
        audit.append(connection, actor=known.name, action="paused" if value == "yes" else "resumed")
    return RedirectResponse("/coordinator", 303)


@ROUTER.post("/coordinator/readers")
def invite(request: Request, known: Coordinator, csrf: Text = "", name: Text = "", role: Text = "reader") -> Response:
    """Add an account and show its invitation, once."""
    require_csrf(known, csrf)
    try:
        add_account(room_of(request).engine, name.strip(), role=role, actor=known.name)
    except InputError as error:
        raise RequestRefused(422, "name_taken") from error
    return _invited(request, known, name.strip())


@ROUTER.post("/coordinator/links")
def invite_again(request: Request, known: Coordinator, csrf: Text = "", name: Text = "") -> Response:
    """Show a new invitation for an account that there is."""
    require_csrf(known, csrf)
    return _invited(request, known, name.strip())


@ROUTER.get("/exports")
def exports(request: Request, known: Exporter) -> Response:
    """Show what can be exported."""
    return page(request, "exports", csrf=known.csrf, exports=list(EXPORTS))


@ROUTER.get("/exports/{name}.tsv")
def export(request: Request, known: Exporter, name: str) -> Response:
    """Send a table."""
    if name not in EXPORTS:
        raise RequestRefused(404, "not_found")
    room = room_of(request)
    frame = EXPORTS[name](room)
    with writing(room.engine) as connection:
        audit.append(connection, actor=known.name, action="exported", table=name, n_rows=len(frame))
    text = frame.to_csv(sep="\t", index=False, na_rep="n/a", lineterminator="\n")
    return Response(
        text, media_type="text/tab-separated-values", headers={"Content-Disposition": f'attachment; filename="{name}.tsv"'}
    )  # fmt: skip


def _invited(request: Request, known: Visitor, name: str) -> Response:
    room = room_of(request)
    try:
        secret = create_link(room.engine, name, hours=room.settings.link_hours, actor=known.name)
    except InputError as error:
        raise RequestRefused(422, "name_taken") from error
    return _overview(request, known, link=f"{request.base_url}enter#{secret}", invited=name)


def _overview(request: Request, known: Visitor, *, link: str = "", invited: str = "") -> Response:
    room = room_of(request)
    with reading(room.engine) as connection:
        paused = is_paused(connection)
    return page(
        request, "coordinator", csrf=known.csrf, readers=reader_progress(room.engine, room.settings), paused=paused, link=link,
        agreement=agreement_so_far(room.engine, room.settings), invited=invited, hours=room.settings.link_hours,
        remarks=export_remarks(room.engine)[["reader_id", "remark"]].to_dict("records"),
    )  # fmt: skip
