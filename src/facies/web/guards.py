"""What stands before every page: the size of requests, the name of the host, where a form came from, and safe headers."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facies.web.refusals import SENTENCES
from facies.web.settings import RoomSettings

POLICY = "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
"""Nothing is loaded from anywhere else, and no script or style stands in a page."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer browsers would hide the origin of our own forms from us
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Robots-Tag": "noindex, nofollow",
}


class Guard:
    """An ASGI application before the room's own."""

    def __init__(self, app: ASGIApp, settings: RoomSettings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand on with the whole body at hand; add the headers either way."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sender = self._with_headers(scope, send)
        code = self._fault(scope)
        body = b"" if code else await _body(receive, self.settings.body_bytes)
        if code is None and body is None:
            code = "too_large"
        if code:
            status = {"too_large": 413, "form_expired": 403, "not_found": 404}[code]
            await JSONResponse({"error": code, "message": SENTENCES[code]}, status)(scope, receive, sender)
            return
        await self.app(scope, _replayed(body or b"", receive), sender)

    def _fault(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        if _host_name(headers.get("host", "")) not in self.settings.hosts:
            return "not_found"
        if _too_long(headers.get("content-length", "0"), self.settings.body_bytes):
            return "too_large"
        if scope["method"] != "GET" and _from_elsewhere(headers):
            return "form_expired"
        return None

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        is_static = scope["path"].startswith("/static/")

        async def sender(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers["Cache-Control"] = "no-cache" if is_static else "no-store"
                if self.settings.tls:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        return sender


def _host_name(host: str) -> str:
    return host[1:].split("]")[0] if host.startswith("[") else host.split(":")[0].lower()


def _too_long(length: str, limit: int) -> bool:
    return not length.isdigit() or int(length) > limit


def _from_elsewhere(headers: Headers) -> bool:
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return True
    return headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


async def _body(receive: Receive, limit: int) -> bytes | None:
    parts, length, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > limit:
            return None
        more = message.get("more_body", False)
    return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
