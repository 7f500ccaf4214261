"""Calls real gateways over a real connection."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from itertools import count
from typing import TypeVar

import aiohttp

from gateways.bank import BankGateway
from gateways.bank_messages import BankProtocol, DebitOrder, MandateRequest, OwnAccount, TransferOrder, TransferResult
from gateways.bureau import CreditBureau
from gateways.cards import CardRegister
from gateways.connection import open_session
from gateways.enrolment import EnrolmentRegister
from gateways.identity import IdentityRegister
from gateways.screening import ScreeningProvider
from gateways.sms import SmsGateway
from gateways.vehicles import VehicleRegister
from simulators.records import Person
from tests.simulators.running import PEOPLE

ResultType = TypeVar("ResultType")
ON = date(2026, 1, 6)
SOMEBODY = next(p for p in PEOPLE.people if p.enrolment is None and not p.account_closed)
CAR = PEOPLE.vehicles[0]

_numbers = count(1)


class Gateways:
    """All gateways to one outside world."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        timeout_seconds: float,
        credential: str | None = None,
        own: OwnAccount | None = None,
    ) -> None:
        def key(service: str) -> str:
            return credential or f"demo-{service}"

        self.identity = IdentityRegister(session, f"{url}/identity", key("identity"), timeout_seconds)
        self.bureau = CreditBureau(session, f"{url}/bureau", key("bureau"), timeout_seconds)
        self.enrolment = EnrolmentRegister(session, f"{url}/enrolment/", key("enrolment"), timeout_seconds)
        self.vehicles = VehicleRegister(session, f"{url}/vehicles", key("vehicles"), timeout_seconds)
        self.screening = ScreeningProvider(session, f"{url}/screening", key("screening"), timeout_seconds)
        self.cards = CardRegister(session, f"{url}/cards", key("cards"), timeout_seconds)
        self.bank = BankGateway(session, f"{url}/bank", key("bank"), timeout_seconds, own)
        self.sms = SmsGateway(session, f"{url}/sms", key("sms"), timeout_seconds)


def ask(
    url: str,
    call: Callable[[Gateways], Awaitable[ResultType]],
    *,
    timeout_seconds: float = 5,
    credential: str | None = None,
    own: OwnAccount | None = None,
) -> ResultType:
    """The result of one call; the bank is spoken to in ISO 20022 unless `own` says otherwise."""

    async def answer() -> ResultType:
        async with open_session() as session:
            return await call(Gateways(session, url, timeout_seconds, credential, own))

    return asyncio.run(answer())


def transfer_order(
    person: Person = SOMEBODY, amount_fen: int = 1000, end_to_end_id: str | None = None
) -> TransferOrder:
    """A fresh order to pay somebody."""
    key = end_to_end_id or f"G-1:transfer:{next(_numbers)}"
    return TransferOrder(key, person.account, person.name, amount_fen, ON, "loan")


def debit_order(
    person: Person = SOMEBODY, amount_fen: int = 1000, value_date: date = ON, *, partial: bool = False
) -> DebitOrder:
    """A fresh order to take money from somebody."""
    key = f"G-1:debit:{next(_numbers)}"
    return DebitOrder(key, person.account, person.name, amount_fen, value_date, "installment", partial)


async def check_identity(gateways: Gateways) -> object:
    """Asks the identity register about somebody."""
    return await gateways.identity.check(SOMEBODY.name, SOMEBODY.id_number, SOMEBODY.mobile)


async def report_credit(gateways: Gateways) -> object:
    """Asks the bureau about somebody."""
    return await gateways.bureau.report(SOMEBODY.name, SOMEBODY.id_number)


async def check_enrolment(gateways: Gateways) -> object:
    """Asks the student register about somebody."""
    return await gateways.enrolment.check(SOMEBODY.name, SOMEBODY.id_number, ON)


async def check_vehicle(gateways: Gateways) -> object:
    """Asks the vehicle register about a car."""
    return await gateways.vehicles.check(CAR.vin, ON, CAR.dealer, SOMEBODY.id_number)


async def screen(gateways: Gateways) -> object:
    """Has somebody screened."""
    return await gateways.screening.check(SOMEBODY.name, SOMEBODY.id_number)


async def transfer(gateways: Gateways) -> TransferResult:
    """Pays somebody."""
    return await gateways.bank.transfer(transfer_order())


async def debit(gateways: Gateways) -> TransferResult:
    """Takes money from somebody."""
    return await draw(gateways, debit_order())


async def mandated(gateways: Gateways, order: DebitOrder) -> DebitOrder:
    """The order under a mandate of that person, entered once."""
    key = f"G-1:mandate:{order.from_account}"
    request = MandateRequest(key, order.from_account, order.from_name, date(2026, 1, 1), "a" * 64)
    return replace(order, mandate=await gateways.bank.register_mandate(request))


async def draw(gateways: Gateways, order: DebitOrder) -> TransferResult:
    """Carries a debit out under a mandate."""
    return await gateways.bank.debit(await mandated(gateways, order))


async def check_card(gateways: Gateways) -> object:
    """Checks somebody's card."""
    return await gateways.cards.check(SOMEBODY.name, SOMEBODY.id_number, SOMEBODY.mobile, SOMEBODY.account)


async def send_message(gateways: Gateways) -> object:
    """Sends somebody a message."""
    return await gateways.sms.send(SOMEBODY.mobile, "due", "还款提醒", f"key-{next(_numbers)}")


CALLS: dict[str, Callable[[Gateways], Awaitable[object]]] = {
    "identity": check_identity,
    "bureau": report_credit,
    "enrolment": check_enrolment,
    "vehicles": check_vehicle,
    "screening": screen,
    "cards": check_card,
    "bank": transfer,
    "sms": send_message,
}
REGISTERS = ("identity", "bureau", "enrolment", "vehicles", "screening", "cards")
ISO = OwnAccount(protocol=BankProtocol.ISO20022)
DIRECT = OwnAccount(protocol=BankProtocol.DIRECT)
