"""Tokens: client id and secret of a machine in, or id, password and code of a person; a token for minutes out."""

import asyncio
import base64
from typing import Annotated

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field

from api.context import ApiContext, Context
from api.problems import refusals
from api.shapes import Asked
from models.staff import Scope
from services.passwords import TooBusy, is_right
from services.sign_in import Origin, kept_hash, refuse
from services.sign_in_machines import WrongClient, issue_token
from services.sign_in_tokens import PersonRefused, PersonToken, give_token
from services.sign_in_tries import Door, Try, give_back, take

router = APIRouter(tags=["sign-in"])

Short = Annotated[str, Field(max_length=200)]


class TokenWanted(Asked):
    """A machine sends client id and secret, unless HTTP Basic carries them, and the scopes that it wants, with spaces,
    all of them by default. A person of the staff sends his id, his password, and a code of his authenticator.
    """

    client_id: Short = ""
    client_secret: Short = Field("", repr=False)
    scope: Short | None = None
    staff_id: Short | None = Field(None, description="of a person; then the fields of a machine count for nothing")
    password: Short = Field("", repr=False)
    code: Short = Field("", repr=False, description="what the authenticator shows, or a recovery code; good once")


class TokenGiven(BaseModel):
    """A token for the header `Authorization: Bearer …`. Ask for another one shortly before it ends."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 as RFC 6749 calls it
    expires_in: int = Field(description="seconds")
    scope: str = Field(
        description="what it is good for, with spaces: some of "
        + ", ".join(Scope)
        + "; empty for a person, who may do what his role may"
    )


@router.post("/auth/token", name="issue_token", responses=refusals(401, 422, 429))
async def issue(
    request: Request,
    context: Context,
    wanted: TokenWanted | None = None,
    authorization: Annotated[str, Header(include_in_schema=False)] = "",
) -> TokenGiven:
    """Gives a machine account or a person of the staff a token. Secrets come by HTTP Basic or in the body, never in
    the address.
    """
    asked = wanted or TokenWanted()
    address = request.client.host if request.client else None
    if asked.staff_id is not None:
        given = await _for_person(context, asked.staff_id, asked, Origin(address))
        return TokenGiven(access_token=given.text, expires_in=given.seconds, scope="")
    client_id, secret = _basic(authorization) or (asked.client_id, asked.client_secret)
    return await asyncio.to_thread(_for_machine, context, client_id, secret, asked.scope, address)


def _for_machine(
    context: ApiContext, client_id: str, secret: str, scope: str | None, address: str | None
) -> TokenGiven:
    # What no id can be is asked for as any other, but for what a database cannot be asked.
    client_id = client_id if client_id.isprintable() else "?"
    # In one transaction: requests at the same time come one after the other at the counts, so that right ones count
    # nowhere, not even while they are answered, and wrong ones each do. A scope too many takes the try back with it.
    with context.books.begin() as work:
        counted = take(work, Door.MACHINE, client_id, address)
        given = issue_token(work, client_id, secret, scope, address)
        if not isinstance(given, WrongClient):
            give_back(work, counted)
    if isinstance(given, WrongClient):
        raise given
    return TokenGiven(access_token=given.text, expires_in=given.seconds, scope=" ".join(sorted(given.scopes)))


async def _for_person(context: ApiContext, given_id: str, asked: TokenWanted, origin: Origin) -> PersonToken:
    """The two doors of the pages, with their counts: password first, then the code, in one request.

    Whatever was wrong has one answer, which does not tell that the password was right.
    """
    # Read as the page reads it, and what no id can be is asked for as any other: the answer must take as long.
    staff_id = given_id.strip().lower()[:64]
    staff_id = staff_id if staff_id.isprintable() else "?"
    password_try = await _taken(context, Door.STAFF, staff_id, origin)
    kept = await context.in_books(lambda work: kept_hash(work, staff_id))
    try:
        matches = await is_right(asked.password, kept)
    except TooBusy:
        # Nothing was compared.
        await context.in_books(lambda work: give_back(work, password_try))
        raise
    if not matches:
        await context.in_books(lambda work: refuse(work, staff_id, origin, "password"))
        raise PersonRefused
    await context.in_books(lambda work: give_back(work, password_try))
    code_try = await _taken(context, Door.SECOND_FACTOR, staff_id, origin)
    lasts = context.staff_tokens
    given = await context.in_books(lambda work: give_token(work, staff_id, kept, asked.code, origin, lasts))
    if given is None:
        raise PersonRefused
    await context.in_books(lambda work: give_back(work, code_try))
    return given


async def _taken(context: ApiContext, door: Door, account: str, origin: Origin) -> Try:
    counted = await context.in_books(lambda work: take(work, door, account, origin.address))
    await asyncio.sleep(counted.wait_seconds)
    return counted


def _basic(authorization: str) -> tuple[str, str] | None:
    """Client id and secret as HTTP Basic carries them (RFC 7617); None if they come otherwise or cannot be read."""
    scheme, _, spelled = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(spelled.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return (client_id[:200], secret[:200]) if colon else ("", "")
