"""Payloads of the engine in clear, for Temporal's command line: `temporal … --codec-endpoint URL/api/v1/codec`."""

from typing import Annotated

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, Field

from api.context import Acting, Context
from api.problems import refusals
from api.shapes import Asked
from engine.decoding import LONGEST_NAMESPACE, MOST_PAYLOADS, decode

router = APIRouter(tags=["engine"])

Base64 = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]*={0,2}$")]
Namespace = Annotated[str, Header(alias="X-Namespace", max_length=LONGEST_NAMESPACE, pattern=r"^[A-Za-z0-9._-]*$")]


class PayloadBody(Asked):
    """A payload as Temporal writes it in JSON."""

    metadata: dict[str, Base64] = Field(default={}, max_length=20)
    data: Base64 = ""


class PayloadsBody(Asked):
    """Payloads as Temporal's pages and command line send them."""

    payloads: list[PayloadBody] = Field(min_length=1, max_length=MOST_PAYLOADS)


class PayloadView(BaseModel):
    """A payload in clear; what is empty is left out."""

    metadata: dict[str, str] = {}
    data: str = ""


class PayloadsView(BaseModel):
    """The payloads in their order."""

    payloads: list[PayloadView]


@router.post("/codec/decode", response_model=PayloadsView, responses=refusals(403))
def decode_payloads(body: PayloadsBody, actor: Acting, context: Context, namespace: Namespace = "") -> Response:
    """Opens what the engine keeps sealed, for auditors and admins; who looked into which workflow is recorded.

    Nothing is ever sealed here. What was written before payloads were sealed comes back as it is.
    """
    clear = decode(context.books, actor, namespace, body.model_dump())
    return Response(clear, media_type="application/json")
