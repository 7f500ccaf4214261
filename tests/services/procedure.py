"""Takes loans through the lending procedure as the workflow does: one act a unit of work, but without Temporal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, TypeVar

from books.session import Books, UnitOfWork
from lending.account import LoanAccount
from models.audit import AuditEntry
from models.customers import Customer
from models.loans import Loan, Stage
from models.messages import (
    AdvanceOrder,
    BooksOrder,
    CollectOrder,
    CommandOnBooks,
    CommandOrder,
    CommandResult,
    DecideOnBooks,
    DecisionOrder,
    PrepaymentOrder,
    PrepayOnBooks,
    Progress,
    Sender,
    StepKind,
    VerificationOrder,
)
from models.payments import Payment, PaymentStatus
from models.staff import Actor, Role
from models.tasks import Outcome, Task, TaskKind
from models.verification import CheckName, Verdict
from services import acceptance, approval, disbursement, grading, payments, repayments, verification
from services.applications import Receipt, Submission, read_submission, submit
from services.bank import BankMovement, record_movement
from services.loans import account_of
from services.products import catalogue
from simulators.numbers import vin
from tests.modules.applications import ANSWERS, DAY, application, id_number
from tests.services.accounts import check_account, enter_mandates
from tests.services.complete_documents import complete_documents
from tests.services.signatures import all_sign, make_contract, templates

AGENT = Actor("agent-lin", Role.AGENT)
OTHER_AGENT = Actor("agent-he", Role.AGENT)
MANAGER = Actor("manager-zhao", Role.MANAGER)
RISK = Actor("risk-qian", Role.RISK)
FINANCE = Actor("finance-sun", Role.FINANCE)
AUDITOR = Actor("auditor-wei", Role.AUDITOR)
ADMIN = Actor("admin-gu", Role.ADMIN)
INTEGRATOR = Actor("integrator-demo", Role.INTEGRATOR)

Order = TypeVar("Order", bound=BooksOrder)
Result = TypeVar("Result")

BORN = {"student": date(2004, 3, 2)}


def sender(actor: Actor) -> Sender:
    """The acting person as a command carries him."""
    return Sender(actor_id=actor.id, role=actor.role, address=actor.address, request_id=actor.request_id)


class Procedure:
    """A lending house with one clerk: every method is one step of a loan, on the business date `day`."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.day = DAY
        self._people = 0
        self._acts = 0

    @contextmanager
    def at(self, day: date | None = None) -> Iterator[UnitOfWork]:
        """A unit of work at the opening of a business date."""
        with self.books.begin(self.books.clock.opens_at(day or self.day)) as work:
            yield work

    # -- orders ------------------------------------------------------------------------------------------------------

    def order(self, loan: str, **further: Any) -> dict[str, Any]:
        """What every order on the books carries, under a fresh effect key."""
        self._acts += 1
        return {"loan": loan, "key": f"{loan}:act:{self._acts}", "n": self._acts, "day": self.day} | further

    def act(self, act: Callable[[UnitOfWork, Order], Result], order: Order) -> Result:
        """One act in a unit of work of its own, on the order's day."""
        with self.at(order.day) as work:
            return act(work, order)

    def command(self, loan: str, actor: Actor, reason: str = "") -> CommandOnBooks:
        """A command without figures."""
        command = CommandOrder(sender=sender(actor), command_id=f"{loan}-{self._acts}", reason=reason)
        return CommandOnBooks(**self.order(loan), command=command)

    def decision(
        self,
        loan: str,
        outcome: Outcome = Outcome.APPROVE,
        *,
        actor: Actor = RISK,
        reason: str = "income and record are in order",
        amount_fen: int | None = None,
        kind: TaskKind = TaskKind.APPROVAL,
        task_id: str | None = None,
        reason_codes: tuple[str, ...] = (),
    ) -> DecideOnBooks:
        """A decision on the loan's open task of a kind."""
        decision = DecisionOrder(
            task_id=task_id or self.task(loan, kind).id,
            outcome=outcome,
            reason=reason,
            amount_fen=amount_fen,
            sender=sender(actor),
            command_id=f"{loan}-{self._acts}",
            reason_codes=reason_codes,
        )
        return DecideOnBooks(**self.order(loan), decision=decision)

    # -- before the loan ---------------------------------------------------------------------------------------------

    def submission(
        self,
        code: str = "micro",
        *,
        key: str | None = None,
        actor: Actor = INTEGRATOR,
        changes: dict[str, object] | None = None,
        **fields: object,
    ) -> Submission:
        """A good application of a new person; fields are those of its form that differ."""
        self._people += 1
        person = id_number(BORN.get(code, date(1990, 5, 17)), self._people)
        form = {"id_number": person} | (changes or {}) | fields
        if code == "auto":
            # Everybody buys a vehicle of his own.
            form = {"vin": vin(self._people, "TESTA", 2026)} | form
        body = {"product": code, "form": application(code, **form), "consent": "2026-01"}
        return read_submission(body, key or f"key-{self._people}", actor, self.day)

    def apply(self, code: str = "micro", *, actor: Actor = INTEGRATOR, **changes: object) -> str:
        """An accepted application; returns the loan's number."""
        with self.at() as work:
            (receipt,) = submit(work, [self.submission(code, actor=actor, changes=changes)])
        if not isinstance(receipt, Receipt):
            raise receipt
        return receipt.loan

    def verify(self, loan: str, **changes: dict[str, Any] | None) -> None:
        """Stores good answers of all registers and of the check of the account.

        Changes are those of a register's answer, None for a register that is away.
        """
        with self.at() as work:
            product = catalogue().product(work.loans.get(loan).product)
            co_signers = product.parties(work.loans.application(loan).form)
            for check in product.checks_for(one.role for one in co_signers):
                answer = ANSWERS[product.code][CheckName.parse(check).register]
                change = changes.get(check, {})
                verdict = Verdict.UNAVAILABLE if change is None else Verdict.PASSED
                body = {} if change is None else {**answer, **change}
                verification.store_answer(work, loan, check, 1, verdict, f"ref-{check}", body)
            check_account(work, loan)

    def ask_again(self, loan: str, **changes: dict[str, Any]) -> Progress:
        """The answers that are past their days are asked for again, the others taken over, and the case graded anew.

        Changes are those of a register's new answer.
        """
        with self.at() as work:
            past = verification.answers_past(work, work.loans.get(loan), self.day)
            assert verification.verify_again(work, loan).look_again, "nothing is to be asked again"
            newest = verification.newest_answers(work, loan)
            round_ = max(row.round for row in newest.values()) + 1
            for check in past:
                row = newest[check]
                body = {**row.answer, **changes.get(check, {})}
                verification.store_answer(work, loan, check, round_, row.verdict, f"ref-{check}-{round_}", body)
        return self.grade(loan, round=round_)

    def grade(self, loan: str, **further: Any) -> Progress:
        """The grade of a verified case."""
        return self.act(grading.grade, VerificationOrder(**self.order(loan), **further))

    def graded(self, code: str = "micro", *, actor: Actor = INTEGRATOR, **changes: object) -> str:
        """A loan that waits for approval."""
        loan = self.apply(code, actor=actor, **changes)
        self.verify(loan)
        self.grade(loan)
        return loan

    def complete(self, loan: str) -> None:
        """Every document that the case needs is handed in, read and found right."""
        with self.at() as work:
            complete_documents(work, loan)

    def decide(self, loan: str, outcome: Outcome = Outcome.APPROVE, **further: Any) -> Progress:
        """A decision on what the loan waits for."""
        return self.act(approval.decide, self.decision(loan, outcome, **further))

    def offered(self, code: str = "micro", **changes: Any) -> str:
        """A loan that waits for the borrower's acceptance."""
        loan = self.graded(code, **changes)
        self.decide(loan)
        return loan

    def sign(self, loan: str) -> None:
        """Every party signs the contract, which is a blank one: what stands in it is the papers' own test."""
        now = self.books.clock.opens_at(self.day)
        make_contract(self.books, loan, now, blank=True)
        all_sign(self.books, loan, INTEGRATOR, now)

    def accept(self, loan: str, actor: Actor = INTEGRATOR) -> Progress:
        """The borrower's acceptance, given through a system: all have signed, and the bank enters the mandate."""
        if self.loan(loan).stage is Stage.ACCEPTANCE:
            self.sign(loan)
        accepted = self.act(acceptance.accept, self.command(loan, actor))
        with self.at() as work:
            enter_mandates(work, loan)
        return accepted

    # -- money -------------------------------------------------------------------------------------------------------

    def settle(self, key: str, *, fen: int | None = None, day: date | None = None) -> None:
        """The bank carries an order out, in full or for a part."""
        with self.at(day) as work:
            payment, _ = payments.begin_sending(work, key)
            amount = payment.amount_fen if fen is None else fen
            payments.record_outcome(work, key, PaymentStatus.SETTLED, amount, f"bank-{key}", None)

    def decline(self, key: str, reason: str = "insufficient_funds") -> None:
        """The bank declines an order."""
        with self.at() as work:
            payments.begin_sending(work, key)
            payments.record_outcome(work, key, PaymentStatus.DECLINED, 0, None, reason)

    def book_payout(self, loan: str) -> Progress:
        """The payout is posted and the account opened."""
        return self.act(disbursement.book_payout, BooksOrder(**self.order(loan)))

    def running(self, code: str = "micro", **changes: Any) -> str:
        """A loan in repayment, paid out on the day."""
        loan = self.offered(code, **changes)
        self.pay_out(loan)
        return loan

    def pay_out(self, loan: str) -> None:
        """The offer is signed and accepted, and the money goes out."""
        for key in self.accept(loan).payouts:
            self.settle(key)
        self.book_payout(loan)

    def collection(self, loan: str, *, n: int = 1, subsidy: bool = False, key: str | None = None) -> Payment | None:
        """The order that draws what is due, None if nothing is."""
        self._acts += 1
        key = key or f"{loan}:{'claim_subsidy' if subsidy else 'collect'}:{self._acts}"
        with self.at() as work:
            return repayments.order_collection(
                work, CollectOrder(loan=loan, key=key, day=self.day, n=n, subsidy=subsidy)
            )

    def collect(self, loan: str, *, fen: int | None = None) -> int:
        """Draws what is due, or only `fen` of it; returns what came in."""
        payment = self.collection(loan)
        if payment is None:
            return 0
        self.settle(payment.key, fen=fen)
        return payment.amount_fen if fen is None else fen

    def advance(self, loan: str, why: StepKind | None = None) -> Progress:
        """Brings the account up to the day."""
        return self.act(repayments.advance, AdvanceOrder(**self.order(loan), why=why))

    def prepayment(
        self, loan: str, fen: int | None = None, effect: str = "reduce_installment", actor: Actor = INTEGRATOR
    ) -> CommandResult:
        """The order that draws a prepayment."""
        wanted = PrepaymentOrder(sender=sender(actor), command_id=f"{loan}-{self._acts}", amount_fen=fen, effect=effect)
        return self.act(repayments.order_prepayment, PrepayOnBooks(**self.order(loan), prepayment=wanted))

    def deposit(self, loan: str, fen: int, *, reference: str | None = None, booked_on: date | None = None) -> str:
        """A transfer that names the loan, reported on its day or, dated back, today; returns the bank's reference."""
        self._acts += 1
        reference = reference or f"deposit-{self._acts}"
        day = booked_on or self.day
        with self.at(max(day, self.day)) as work:
            record_movement(work, movement(reference, fen, day, remittance=f"还款 {loan}"))
        return reference

    # -- looking -----------------------------------------------------------------------------------------------------

    def loan(self, number: str) -> Loan:
        """The loan as the books have it."""
        with self.books.read() as work:
            return work.loans.get(number)

    def task(self, loan: str, kind: TaskKind) -> Task:
        """The loan's open task of a kind."""
        with self.books.read() as work:
            (task,) = work.tasks.open_of(loan, kind)
            return task

    def open_tasks(self, loan: str) -> list[TaskKind]:
        """The kinds of the loan's open tasks."""
        with self.books.read() as work:
            return sorted(task.kind for task in work.tasks.open_of(loan))

    def payments(self, loan: str) -> list[Payment]:
        """All orders to the bank of a loan."""
        with self.books.read() as work:
            return work.payments.of_loan(loan)

    def account(self, loan: str) -> LoanAccount:
        """The loan's account at the day, recomputed from terms and events."""
        with self.books.read() as work:
            found = account_of(work, loan, self.day)
        assert found is not None
        return found

    def borrower_of(self, loan: str) -> Actor:
        """The borrower himself, as the edge knows him."""
        customer = self.loan(loan).customer_id
        return Actor(customer, Role.BORROWER, customer_id=customer)

    def messages(self, loan: str) -> list[str]:
        """The templates of the texts to the borrower, oldest first; codes to sign with are not among them."""
        with self.books.read() as work:
            return templates(work.customers.contacts(loan))

    def acts(self, loan: str) -> list[str]:
        """The acts in the loan's audit log, in their order."""
        return [entry.act for entry in self.entries(loan)]

    def entries(self, loan: str) -> list[AuditEntry]:
        """The loan's audit log."""
        with self.books.read() as work:
            return work.audit.of_loan(loan)

    def own(self, loan: str, owner: str | None) -> None:
        """Gives the loan's customer to an agent, or to nobody."""
        with self.at() as work:
            customer = work.session.get(Customer, work.loans.get(loan).customer_id)
            assert customer is not None
            customer.owner_id = owner
            work.session.add(customer)


def movement(
    reference: str,
    fen: int,
    booked_on: date,
    *,
    direction: str = "in",
    end_to_end_id: str | None = None,
    remittance: str | None = None,
    is_recall: bool = False,
) -> BankMovement:
    """A movement as the bank reports it."""
    return BankMovement(reference, direction, fen, booked_on, end_to_end_id, "王先生", remittance, is_recall)
