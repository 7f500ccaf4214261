"""Quotes for prepayments that hold until a day."""

import datetime as dt
from datetime import datetime

from sqlmodel import Field, SQLModel

from models.columns import Fen, Instant
from models.keys import new_id


class PrepaymentQuote(SQLModel, table=True):
    """The lender's word that this sum, if it comes in by `valid_until`, counts as this prepayment. Insert-only."""

    __tablename__ = "prepayment_quote"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16, index=True)
    amount_fen: int = Field(sa_type=Fen)
    effect: str = Field(max_length=24, description="what a partial prepayment shortens")
    settles: bool
    quoted_on: dt.date
    valid_until: dt.date
    quoted_by: str = Field(max_length=64)
    quoted_at: datetime = Field(sa_type=Instant)
