"""Tokens for machine accounts: client id and secret in, a token for ten minutes out."""

import base64
import binascii
from typing import Annotated

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field

from api.context import Context
from api.problems import refusals
from api.shapes import Asked
from models.staff import Scope
from services.sign_in_machines import WrongClient, issue_token
from services.sign_in_tries import Door, give_back, take

router = APIRouter(tags=["sign-in"])

Short = Annotated[str, Field(max_length=200)]


class TokenWanted(Asked):
    """Client id and secret, unless HTTP Basic carries them; the scopes wanted, with spaces, all of them by default."""

    client_id: Short = ""
    client_secret: Short = Field("", repr=False)
    scope: Short | None = None


class TokenGiven(BaseModel):
    """A token for the header `Authorization: Bearer …`. Ask for another one shortly before it ends."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 as RFC 6749 calls it
    expires_in: int = Field(description="seconds")
    scope: str = Field(description="what it is good for, with spaces: some of " + ", ".join(Scope))


@router.post("/auth/token", name="issue_token", responses=refusals(401, 422, 429))
def give_token(
    request: Request,
    context: Context,
    wanted: TokenWanted | None = None,
    authorization: Annotated[str, Header(include_in_schema=False)] = "",
) -> TokenGiven:
    """Gives a machine account a token. The secret comes by HTTP Basic or in the body, never in the address."""
    asked = wanted or TokenWanted()
    client_id, secret = _basic(authorization) or (asked.client_id, asked.client_secret)
    address = request.client.host if request.client else None
    # What no id can be is asked for as any other, but for what a database cannot be asked.
    client_id = client_id if client_id.isprintable() else "?"
    with context.books.begin() as work:
        counted = take(work, Door.MACHINE, client_id, address)
    with context.books.begin() as work:
        given = issue_token(work, client_id, secret, asked.scope, address)
    if isinstance(given, WrongClient):
        raise given
    with context.books.begin() as work:
        give_back(work, counted)
    return TokenGiven(access_token=given.text, expires_in=given.seconds, scope=" ".join(sorted(given.scopes)))


def _basic(authorization: str) -> tuple[str, str] | None:
    """Client id and secret as HTTP Basic carries them (RFC 7617); None if they come otherwise or cannot be read."""
    scheme, _, spelled = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(spelled.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (client_id[:200], secret[:200]) if colon else ("", "")
