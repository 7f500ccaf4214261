"""Customers, the parties of a loan and what secures it."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import Fen, Instant, Personal, PersonalForm, Spelled
from models.keys import new_id


class PartyRole(StrEnum):
    """What a party is to the loan."""

    BORROWER = "borrower"
    JOINT_BORROWER = "joint_borrower"
    GUARANTOR = "guarantor"
    PAYEE = "payee"


class Customer(SQLModel, table=True):
    """A person as the lender knows him, or as an application states him. The `…_index` are keyed digests for search.

    Known is, once, whom the identity register confirmed by name, ID number and mobile, or who came with a portfolio:
    `confirmed_at` says since when. Until then a customer is a statement of whoever entered it, which no ID number
    finds: `id_number_index` is a digest of all of it. One that turned out to be somebody known leads there by
    `known_as` and has no loans any more.
    """

    __tablename__ = "customer"
    __sealed_for__ = "id"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    name: str = Field(sa_type=Personal)
    id_number: str = Field(sa_type=Personal)
    mobile: str = Field(sa_type=Personal)
    id_number_index: str = Field(max_length=64, unique=True)
    mobile_index: str = Field(max_length=64, index=True)
    details: dict[str, Any] = Field(default_factory=dict, sa_type=PersonalForm)
    tags: list[str] = Field(default_factory=list, sa_type=JSON)
    owner_id: str | None = Field(default=None, max_length=64, index=True)
    created_at: datetime = Field(sa_type=Instant)
    confirmed_at: datetime | None = Field(default=None, sa_type=Instant)
    known_as: str | None = Field(default=None, max_length=32, index=True)


class Party(SQLModel, table=True):
    """Somebody who takes part in a loan, with the account he pays from or is paid on."""

    __tablename__ = "party"
    __sealed_for__ = "loan"
    __table_args__ = (UniqueConstraint("loan", "role", "position"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16)
    role: PartyRole = Field(sa_type=Spelled(PartyRole))
    position: int = 1
    customer_id: str | None = Field(default=None, foreign_key="customer.id", max_length=32, index=True)
    id_number_index: str | None = Field(
        default=None, max_length=64, index=True, description="of whoever owes: the same person in any loan, any role"
    )
    name: str = Field(sa_type=Personal)
    account: str | None = Field(default=None, sa_type=Personal)
    account_change_id: str | None = Field(
        default=None,
        max_length=32,
        description="the confirmed change that gave this account, which the database asks for",
    )
    amount_fen: int | None = Field(default=None, sa_type=Fen, description="what a payee receives")


class Collateral(SQLModel, table=True):
    """What secures a loan: a vehicle, from its check to its release."""

    __tablename__ = "collateral"
    __sealed_for__ = "loan"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16, index=True)
    kind: str = Field(max_length=16)
    identifier: str = Field(sa_type=Personal)
    identifier_index: str | None = Field(
        default=None, max_length=64, index=True, description="keyed digest: the same thing under any loan"
    )
    model: str = Field(max_length=64)
    value_fen: int = Field(sa_type=Fen)
    insured_until: date | None = None
    registered_on: date | None = None
    released_on: date | None = None
