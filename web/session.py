"""The cookie of a visitor, and the protection of forms against other sites."""

import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from fastapi import Request, Response
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from books.sign_in import secret_digest
from web.errors import ForeignForm, FormTooLarge

COOKIE = "loanwright_session"
LASTS_SECONDS = 12 * 3600
KNOWN_COOKIE = "loanwright_known"
"""By which a browser is known again in which a borrower signed in with his mobile. It opens nothing."""
KNOWN_SECONDS = 180 * 24 * 3600
LARGEST_FORM = 64 * 1024
FORM = "application/x-www-form-urlencoded"
FILE_FORM = "multipart/form-data"
"""How our pages send their forms: the second way where they hand in a file."""
DRAWN_BYTES, MARK_BYTES = 24, 8
"""Of the id of a visitor who has not signed in; together 43 letters, as any other."""
_ID = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class Session:
    """One visitor's browser. Its cookie holds `id` and nothing else; who signed in with it is in the books.

    `csrf` is the token that every form for this browser carries: made from the id with a secret of ours.
    """

    id: str = field(repr=False)
    csrf: str = field(repr=False)

    @property
    def digest(self) -> str:
        """How the books name this browser."""
        return secret_digest(self.id)


class Sessions:
    """Reads and writes the session cookie."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def with_id(self, given: str) -> Session:
        """The session of this id."""
        return Session(given, hmac.new(self._secret, f"form|{given}".encode(), "sha256").hexdigest())

    def new(self) -> Session:
        """A session that nobody has signed in with. Its id bears a mark, so that it is known for one of ours."""
        drawn = secrets.token_bytes(DRAWN_BYTES)
        return self.with_id(urlsafe_b64encode(drawn + self._mark(drawn)).decode().rstrip("="))

    def is_new(self, session: Session) -> bool:
        """Whether a session is one that we gave to a visitor who had not signed in."""
        given = urlsafe_b64decode(session.id + "=")
        return hmac.compare_digest(given[DRAWN_BYTES:], self._mark(given[:DRAWN_BYTES]))

    def _mark(self, drawn: bytes) -> bytes:
        return hmac.digest(self._secret, b"visitor|" + drawn, "sha256")[:MARK_BYTES]

    def know(self, request: Request, response: Response, mobile: str) -> None:
        """Gives a browser a mark by which it is known again for one of the owner of this mobile, given by its digest.

        The mark says nothing of the mobile to anybody else.
        """
        drawn = secrets.token_bytes(DRAWN_BYTES)
        response.set_cookie(
            _named(request, KNOWN_COOKIE),
            urlsafe_b64encode(drawn + self._known_mark(drawn, mobile)).decode().rstrip("="),
            max_age=KNOWN_SECONDS,
            path="/",
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )

    def known(self, request: Request, mobile: str) -> str | None:
        """How a browser is named that bears our mark for this mobile, given by its digest; None for all others."""
        given = request.cookies.get(_named(request, KNOWN_COOKIE), "")
        if not _ID.fullmatch(given):
            return None
        held = urlsafe_b64decode(given + "=")
        drawn, mark = held[:DRAWN_BYTES], held[DRAWN_BYTES:]
        return drawn.hex() if hmac.compare_digest(mark, self._known_mark(drawn, mobile)) else None

    def _known_mark(self, drawn: bytes, mobile: str) -> bytes:
        return hmac.digest(self._secret, b"known|" + drawn + mobile.encode(), "sha256")[:MARK_BYTES]

    def read(self, request: Request) -> Session | None:
        """The visitor's session; None without one."""
        given = request.cookies.get(_named(request, COOKIE), "")
        return self.with_id(given) if _ID.fullmatch(given) else None

    def write(self, request: Request, response: Response, session: Session) -> None:
        """Gives the visitor this session."""
        response.set_cookie(
            _named(request, COOKIE),
            session.id,
            max_age=LASTS_SECONDS,
            path="/",
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )

    def forget(self, request: Request, response: Response) -> None:
        """Takes the cookie from the visitor."""
        response.delete_cookie(
            _named(request, COOKIE), path="/", httponly=True, samesite="lax", secure=request.url.scheme == "https"
        )


def _named(request: Request, cookie: str) -> str:
    """The name of a cookie. Over TLS a browser takes it from this very host only, not from one beside it."""
    return f"__Host-{cookie}" if request.url.scheme == "https" else cookie


async def posted(request: Request, session: Session) -> dict[str, str]:
    """The fields of a form that one of our own pages sent in this session.

    ForeignForm for any other; FormTooLarge above 64 KiB.
    """
    _refuse_foreign(request, FORM)
    body = await body_of(request, LARGEST_FORM)
    fields = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    _refuse_without_token(fields, session)
    return fields


async def posted_file(request: Request, session: Session, largest: int) -> tuple[dict[str, str], str, bytes]:
    """The fields of a form that one of our own pages sent in this session, and its one file: its name and content.

    ForeignForm for any other; FormTooLarge above `largest` bytes. Without a file name and content are empty.
    """
    _refuse_foreign(request, FILE_FORM)
    body = await body_of(request, largest)

    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(request.headers, whole(), max_files=1, max_fields=10).parse()
    except MultiPartException:
        raise ForeignForm from None
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    files = [(value.filename or "", await value.read()) for value in form.values() if isinstance(value, UploadFile)]
    await form.close()
    _refuse_without_token(fields, session)
    filename, content = files[0] if files else ("", b"")
    return fields, filename, content


def _refuse_foreign(request: Request, wanted: str) -> None:
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    ours = {f"{scheme}://{request.headers.get('host')}" for scheme in ("http", "https")}
    foreign = origin is not None and origin not in ours
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if foreign or site not in ("same-origin", "none") or kind != wanted:
        raise ForeignForm


def _refuse_without_token(fields: Mapping[str, str], session: Session) -> None:
    if not secrets.compare_digest(fields.get("csrf", "").encode(), session.csrf.encode()):
        raise ForeignForm


async def body_of(request: Request, largest: int) -> bytes:
    """The body of at most `largest` bytes; FormTooLarge for more, as soon as that is known.

    What its sender still sends then is read and dropped before the answer ends (`console/front.py`).
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:20]) > largest:
        raise FormTooLarge(largest)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > largest:
            raise FormTooLarge(largest)
        parts.append(part)
    return b"".join(parts)
