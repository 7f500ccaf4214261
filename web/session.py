"""The signed session cookie, and the protection of forms against other sites."""

import secrets
from dataclasses import asdict, dataclass, field
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request, Response
from itsdangerous import BadData, URLSafeTimedSerializer

from web.errors import ForeignForm, FormTooLarge

COOKIE = "loanwright_session"
LASTS_SECONDS = 12 * 3600
LARGEST_FORM = 64 * 1024
FORM = "application/x-www-form-urlencoded"
"""How our pages send their forms; none of them uploads a file."""


@dataclass(frozen=True)
class Session:
    """Who signed in: a member of staff, or the borrower of `loan`. The cookie can be read by its owner: ids only.

    `csrf` is the token that every form of this session carries.
    """

    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    staff_id: str | None = None
    customer_id: str | None = None
    loan: str | None = None


class Sessions:
    """Reads and writes the session cookie."""

    def __init__(self, secret: str) -> None:
        self._signer = URLSafeTimedSerializer(secret, salt="web-session")

    def read(self, request: Request) -> Session | None:
        """The visitor's session; None without one, or when it is too old or not signed by us."""
        try:
            content = self._signer.loads(request.cookies.get(COOKIE, ""), max_age=LASTS_SECONDS)
            return Session(**content)
        except (BadData, TypeError):
            return None

    def write(self, request: Request, response: Response, session: Session) -> None:
        """Gives the visitor this session."""
        response.set_cookie(
            COOKIE,
            self._signer.dumps(asdict(session)),
            max_age=LASTS_SECONDS,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )


async def posted(request: Request, session: Session) -> dict[str, str]:
    """The fields of a form that one of our own pages sent in this session.

    ForeignForm for any other; FormTooLarge above 64 KiB, which are not read to their end.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if foreign or site not in ("same-origin", "none") or kind != FORM:
        raise ForeignForm
    fields = dict(parse_qsl((await _body(request)).decode(errors="replace"), keep_blank_values=True))
    if not secrets.compare_digest(fields.get("csrf", "").encode(), session.csrf.encode()):
        raise ForeignForm
    return fields


async def _body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:20]) > LARGEST_FORM:
        raise FormTooLarge(LARGEST_FORM)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_FORM:
            raise FormTooLarge(LARGEST_FORM)
        parts.append(part)
    return b"".join(parts)
