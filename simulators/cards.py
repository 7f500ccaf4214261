"""The check of cards: do name, ID number, mobile and account belong to one person."""

import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from simulators.records import Population

Text = Annotated[str, Field(min_length=1, max_length=100)]


class CardQuestion(BaseModel):
    """Do these four belong together?"""

    name: Text
    id_number: Text
    mobile: Text
    account: Text


def cards(population: Population) -> APIRouter:
    """Routes of the check of cards over one population."""
    router = APIRouter(prefix="/cards")
    holders = {person.account: person for person in population.people}

    @router.post("/checks")
    async def check(question: CardQuestion) -> dict[str, str]:
        holder = holders.get(question.account)
        result: Literal["match", "mismatch", "not_found", "closed"]
        if holder is None:
            result = "not_found"
        elif (holder.name, holder.id_number, holder.mobile) != (question.name, question.id_number, question.mobile):
            result = "mismatch"
        else:
            result = "closed" if holder.account_closed else "match"
        content = f"{population.seed}|{question.model_dump_json()}"
        return {"result": result, "reference": f"CC-{hashlib.blake2s(content.encode(), digest_size=8).hexdigest()}"}

    return router
