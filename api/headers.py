"""The headers that keep a browser from doing anything with an answer of the API but to hand it to whoever asked."""

from starlette.datastructures import MutableHeaders

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def protect(headers: MutableHeaders, request_id: str) -> None:
    """Adds those that the answer does not set itself, and the id by which the request is found again."""
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers["X-Request-Id"] = request_id
