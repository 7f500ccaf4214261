"""The headers that protect a page from other sites, from its own mistakes and from being kept."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.keys import request_id_from
from models.origin import Whence, coming_from

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
FEATURES = "camera", "display-capture", "geolocation", "microphone", "payment", "usb"
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in FEATURES),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def protect(headers: MutableHeaders, request_id: str) -> None:
    """Adds the protecting headers; pages are personal and are kept by no cache unless they say so."""
    for name, value in HEADERS.items():
        headers[name] = value
    headers["X-Request-Id"] = request_id
    headers.setdefault("Cache-Control", "no-store")


class ProtectingHeaders:
    """Gives every request an id, or takes that of a proxy before us; adds the protecting headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and its answer back."""
        given = Headers(scope=scope).get("x-request-id", "") if scope["type"] == "http" else ""
        request_id = request_id_from(given)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                protect(MutableHeaders(scope=message), request_id)
            await send(message)

        client = scope.get("client")
        with coming_from(Whence(str(client[0]) if client else None, request_id)):
            await self.app(scope, receive, send_with_headers)
