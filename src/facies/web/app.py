"""The reading room as a web application."""

from __future__ import annotations

import logging
from pathlib import Path

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from facies.web import routes_coordinator, routes_entry, routes_reader
from facies.web.database import open_room
from facies.web.guards import Guard
from facies.web.pages import Room, refusal
from facies.web.pictures import LoadPhotograph, prepare_pictures
from facies.web.plans import require_tasks
from facies.web.refusals import RequestRefused
from facies.web.settings import RoomSettings

_LOG = logging.getLogger("facies.web")


def create_app(room: str | sa.Engine, photographs: LoadPhotograph | None = None, settings: RoomSettings | None = None) -> FastAPI:
    """Make the web application of a room.

    Parameters
    ----------
    room
        The database: its URL, or what :func:`facies.web.open_room` gave.
    photographs
        Gives the photographs of the plan; without it, their pictures must have been prepared before.
    settings
        How the room is set up.

    Raises
    ------
    InputError
        When the plan names a target without task, or a photograph that there is not.

    Examples
    --------
    >>> create_app("sqlite://").title
    'Reading room'
    """
    settings = settings or RoomSettings()
    engine = open_room(room) if isinstance(room, str) else room
    require_tasks(engine, settings)
    if photographs is not None:
        prepare_pictures(engine, photographs)
    app = FastAPI(title=settings.title, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.room = Room(engine, settings)
    for routes in (routes_entry, routes_reader, routes_coordinator):
        app.include_router(routes.ROUTER)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    _add_handlers(app)
    app.add_middleware(Guard, settings=settings)
    return app


def _add_handlers(app: FastAPI) -> None:
    app.add_exception_handler(RequestRefused, _refused)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(OperationalError, _busy)
    app.add_exception_handler(PoolTimeout, _busy)
    app.add_exception_handler(Exception, _failed)


def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestRefused):
        raise error
    return refusal(request, error.code, error.status)


def _unreadable(request: Request, _error: Exception) -> Response:
    return refusal(request, "not_an_answer", 422)  # without what was sent


def _http_error(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    return refusal(request, "not_found" if status in (404, 405) else "not_an_answer", 422 if status == 400 else status)


def _busy(request: Request, error: Exception) -> Response:
    _LOG.warning("the database did not answer in time: %s", type(error).__name__)
    response = refusal(request, "busy", 503)
    response.headers["Retry-After"] = "2"
    return response


def _failed(request: Request, _error: Exception) -> Response:
    return refusal(request, "failed", 500)
