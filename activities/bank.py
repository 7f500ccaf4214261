"""Moving money through the bank: each order once, whatever fails in between."""

import asyncio
from dataclasses import dataclass, field
from datetime import date

from temporalio import activity

from activities.accounts import MandateSender
from activities.acts import refusals
from books.session import Books, UnitOfWork
from gateways.bank import BankGateway
from gateways.bank_messages import DebitOrder, Mandate, TransferOrder, TransferResult, TransferStatus
from gateways.errors import OutsideRefused
from lending.errors import LendingError
from models.messages import CollectOrder, PaymentOrder, PaymentResult
from models.payments import Payment, PaymentKind, PaymentStatus
from services import mandates, payments, repayments, suspense

MANDATE_MISSING = "mandate_missing"
"""Why an order to debit is given up whose mandate ended before it was sent; a bank's own word for the same."""


class OutcomePending(LendingError):
    """The bank has the order and has not decided yet; ask again later."""

    code = "outcome_pending"
    retryable = True

    def __init__(self, key: str) -> None:
        super().__init__(f"the bank has not decided on order {key} yet")


@dataclass(frozen=True, slots=True)
class Instruction:
    """The other side of an order, and what a debit needs besides; the state is debited without a mandate."""

    account: str = field(repr=False)
    name: str = field(repr=False)
    mandate: Mandate | None = None
    partial: bool = False


class BankActs:
    """Recalls, debits and refunds, and what payouts need of the bank. Before an order is sent again, the bank is asked
    what became of it.
    """

    def __init__(self, books: Books, bank: BankGateway, state_account: str, state_name: str) -> None:
        self.books = books
        self.bank = bank
        self.mandates = MandateSender(books, bank)
        self.state_account = state_account
        self.state_name = state_name

    @activity.defn
    async def pay_in(self, order: PaymentOrder) -> PaymentResult:
        """Draws one ordered sum from the borrower."""
        with refusals():
            return await self.carry_out(order.key)

    @activity.defn
    async def collect(self, order: CollectOrder) -> PaymentResult:
        """Draws what is due from the borrower, or the subsidy from the state; nothing due is a result too.

        Orders of earlier days without an outcome are brought to one first.
        """
        with refusals():
            for key in await asyncio.to_thread(self._unfinished, order):
                await self.carry_out(key)
            if not await asyncio.to_thread(self._order_collection, order):
                return PaymentResult(key=order.key, status="nothing_due")
            return await self.carry_out(order.key)

    @activity.defn
    async def recall_payout(self, order: PaymentOrder) -> PaymentResult:
        """Takes a settled payout back from its payee."""
        with refusals():
            recall = await asyncio.to_thread(self._order_recall, order.key, order.day)
            try:
                result = await self.bank.recall(order.key, "payout_incomplete", recall.value_date, recall.amount_fen)
            except OutsideRefused as refusal:
                if not refusal.outcome_known:
                    raise OutcomePending(order.key) from refusal
                reason = refusal.outside_code or "refused_by_bank"
                return await asyncio.to_thread(
                    self._record_recall, order.key, PaymentStatus.DECLINED, None, reason, None
                )
            if result.status is TransferStatus.PENDING:
                raise OutcomePending(order.key)
            status = PaymentStatus(result.status.value)
            return await asyncio.to_thread(
                self._record_recall, order.key, status, result.bank_reference, result.reason_code, result.booked_on
            )

    async def refund(self, key: str) -> PaymentResult:
        """Sends unmatched money back to its payer."""
        with refusals():
            return await self.carry_out(key)

    async def carry_out(self, key: str) -> PaymentResult:
        """Sends an order, or asks what became of it, and keeps the outcome; OutcomePending until there is one."""
        payment, sent_before, instruction = await asyncio.to_thread(self._begin, key)
        if payment.status in payments.FINAL:
            return payments.result_of(payment)
        try:
            result = await self._became_of(payment) if sent_before else None
        except OutsideRefused as refusal:
            # What is refused is the question and not the order, which may have moved money.
            raise OutcomePending(key) from refusal
        try:
            if result is None:
                instruction = instruction or await self._under_new_mandate(payment)
                if instruction is None:
                    return await asyncio.to_thread(self._record, key, PaymentStatus.DECLINED, None, MANDATE_MISSING)
                result = await self._send(payment, instruction)
        except OutsideRefused as refusal:
            if not refusal.outcome_known:
                # An unreadable answer: the money may have moved, so the next try asks first.
                raise OutcomePending(key) from refusal
            reason = refusal.outside_code or "refused_by_bank"
            return await asyncio.to_thread(self._record, key, PaymentStatus.DECLINED, None, reason)
        if result.status is TransferStatus.PENDING:
            await asyncio.to_thread(self._record, key, PaymentStatus.PENDING, result, None)
            raise OutcomePending(key)
        return await asyncio.to_thread(
            self._record, key, PaymentStatus(result.status.value), result, result.reason_code
        )

    async def _became_of(self, payment: Payment) -> TransferResult | None:
        partial = payment.kind is PaymentKind.INSTALLMENT
        return await self.bank.status(payment.key, payment.amount_fen, partial=partial)

    async def _under_new_mandate(self, payment: Payment) -> Instruction | None:
        """How to debit under a mandate of which the bank is told only now: its message may wait in the outbox still.

        The books are asked again even if no mandate waits: the outbox may have told the bank since they were looked at.
        """
        mandate_id = await asyncio.to_thread(self._untold_mandate, payment)
        if mandate_id is not None:
            await self.mandates.enter(mandate_id)
        return await asyncio.to_thread(self._instruction_now, payment)

    async def _send(self, payment: Payment, to: Instruction) -> TransferResult:
        purpose = payment.loan or payment.key
        if payment.kind in (PaymentKind.DISBURSEMENT, PaymentKind.REFUND):
            return await self.bank.transfer(
                TransferOrder(payment.key, to.account, to.name, payment.amount_fen, payment.value_date, purpose)
            )
        return await self.bank.debit(
            DebitOrder(
                payment.key,
                to.account,
                to.name,
                payment.amount_fen,
                payment.value_date,
                purpose,
                partial=to.partial,
                mandate=to.mandate,
            )
        )

    def _begin(self, key: str) -> tuple[Payment, bool, Instruction | None]:
        """The order, whether it may have been sent before, and how to send it: None for a debit without a mandate."""
        with self.books.begin() as work:
            payment, sent_before = payments.begin_sending(work, key)
            return payment, sent_before, self._instruction(work, payment)

    def _untold_mandate(self, payment: Payment) -> str | None:
        with self.books.read() as work:
            return mandates.untold(work, payment)

    def _instruction_now(self, payment: Payment) -> Instruction | None:
        with self.books.read() as work:
            return self._instruction(work, payment)

    def _instruction(self, work: UnitOfWork, payment: Payment) -> Instruction | None:
        if payment.kind is PaymentKind.REFUND:
            return Instruction(*suspense.payee_of_refund(work, payment))
        if payment.kind in mandates.DEBITED:
            debit = mandates.debit_of(work, payment)
            if debit is None:
                return None
            mandate = Mandate(mandate_id=debit.bank_id, signed_on=debit.signed_on)
            return Instruction(debit.account, debit.name, mandate, debit.partial)
        party = work.customers.party(payment.party_id) if payment.party_id else None
        if party is None:
            return Instruction(self.state_account, self.state_name)
        return Instruction(party.account or "", party.name)

    def _record(
        self, key: str, status: PaymentStatus, result: TransferResult | None, reason_code: str | None
    ) -> PaymentResult:
        with self.books.begin() as work:
            if result is None:
                return payments.record_outcome(work, key, status, 0, None, reason_code)
            return payments.record_outcome(
                work, key, status, result.amount_fen, result.bank_reference, reason_code, result.booked_on
            )

    def _unfinished(self, order: CollectOrder) -> list[str]:
        kinds = (PaymentKind.SUBSIDY,) if order.subsidy else (PaymentKind.INSTALLMENT, PaymentKind.PREPAYMENT)
        with self.books.read() as work:
            return [payment.key for payment in work.payments.under_way(order.loan, *kinds)]

    def _order_collection(self, order: CollectOrder) -> bool:
        with self.books.begin() as work:
            return repayments.order_collection(work, order) is not None

    def _order_recall(self, key: str, day: date) -> Payment:
        with self.books.begin() as work:
            return payments.order_recall(work, key, day)

    def _record_recall(
        self, key: str, status: PaymentStatus, reference: str | None, reason: str | None, booked_on: date | None
    ) -> PaymentResult:
        with self.books.begin() as work:
            return payments.record_recall(work, key, status, reference, reason, booked_on)
