"""What workflows, their handlers and activities send each other: ids, dates and decisions, never personal data.

Fields get defaults and are never renamed: running workflows and stored histories hold them.
"""

from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict

from lending.calendar import BusinessClock
from models.changes import ChangeKind
from models.loans import Stage
from models.staff import Role
from models.tasks import Outcome
from models.verification import Verdict, WhenDown


class Message(BaseModel):
    """Base of all messages."""

    model_config = ConfigDict(frozen=True)


class StepKind(StrEnum):
    """Why a day matters to a running loan."""

    REMINDER = "reminder"
    DUE = "due"
    OVERDUE = "overdue"
    RESET = "reset"
    WINDOW = "window"


class Sender(Message):
    """Who commands, as the edge identified him."""

    actor_id: str
    role: Role
    address: str | None = None
    request_id: str | None = None


class NextDay(Message):
    """The next day that matters: when, why, for which installment, and whether money is to be drawn."""

    date: date
    why: StepKind
    n: int = 0
    collect: bool = False
    claim: bool = False


class OpenChange(Message):
    """A change to a running loan that waits for a decision: on which task, and until the end of which day."""

    task_id: str
    expires_on: date


class DownRule(Message):
    """What a case does while a register cannot be asked, where that is more than to leave a mark."""

    when_down: WhenDown
    wait_days: int = 0


class LoanOrder(Message):
    """Input of a loan's workflow and its whole state across continue-as-new."""

    loan: str
    clock: BusinessClock
    stage: Stage = Stage.APPLICATION
    seq: int = 1
    round: int = 1
    checks: tuple[str, ...] = ()
    down: dict[str, DownRule] = {}
    approval_days: int = 2
    escalations: int = 1
    completion_days: int = 14
    acceptance_days: int = 14
    next_day: NextDay | None = None
    money_came_in: bool = False
    runs: int = 1
    task_id: str | None = None
    payouts: tuple[str, ...] = ()
    changes: tuple[OpenChange, ...] = ()


class CheckOrder(Message):
    """Ask one register about the borrower or a co-signer: `bureau`, `bureau@guarantor`.

    `waits` says that what is no answer is asked for again, as while the register is down.
    """

    loan: str
    check: str
    day: date
    round: int = 1
    waits: bool = False


class CheckOutcome(Message):
    """What a register check came to; the answer itself stays in the books. `parts` where several were asked at once."""

    check: str
    verdict: Verdict
    reference: str | None = None
    parts: tuple["CheckOutcome", ...] = ()


class Command(Message):
    """What somebody asks of a loan, under an id of his own."""

    sender: Sender
    command_id: str

    @property
    def digest(self) -> str:
        """Sixteen digits that differ when something else is asked for, whoever asks and however."""
        asked = self.model_dump_json(exclude={"sender", "command_id", "waits"})
        return sha256(asked.encode()).hexdigest()[:16]


class BooksOrder(Message):
    """Ask for one act on the books, under its effect key, on a business date."""

    loan: str
    key: str
    n: int
    day: date
    round: int = 1
    task_id: str | None = None

    @property
    def asked(self) -> Command | None:
        """The command behind the act, None for an act of the procedure itself."""
        return None


class VerificationOrder(BooksOrder):
    """Ask for the grade after verification; `unanswered` are the checks whose register could not be asked."""

    unanswered: tuple[str, ...] = ()


class AdvanceOrder(BooksOrder):
    """Ask for the account to be brought up to a day; `why` is the planned step, None for money that came in."""

    why: StepKind | None = None


class Progress(Message):
    """Where a loan stands after an act; `changes` that wait for a decision, or None if the act has nothing to do with
    them.
    """

    stage: Stage
    task_id: str | None = None
    payouts: tuple[str, ...] = ()
    next_day: NextDay | None = None
    changes: tuple[OpenChange, ...] | None = None


class DecisionOrder(Command):
    """A person's decision on a task; `reason_codes` are of the product's list, and go with a refusal of a case."""

    task_id: str
    outcome: Outcome
    reason: str
    amount_fen: int | None = None
    waits: bool = True
    reason_codes: tuple[str, ...] = ()


class CommandOrder(Command):
    """A command without figures: acceptance, withdrawal, completion."""

    reason: str = ""


class PrepaymentOrder(Command):
    """Pay before the due date: a sum in fen, or None for all of it; `effect` is what a part of it changes."""

    amount_fen: int | None = None
    effect: str = "reduce_installment"


class ChangeOrder(Command):
    """Propose a change to a running loan: its kind, the fields that belong to it, and why."""

    kind: ChangeKind
    asked: dict[str, Any] = {}
    reason: str


class ChangeWithdrawal(Command):
    """Take a proposal back."""

    proposal: str


class ChangeProgress(Message):
    """What waits for a decision after a proposal came in, was taken back or expired."""

    proposal: str
    changes: tuple[OpenChange, ...] = ()


class CommandResult(Message):
    """What a command came to."""

    stage: Stage
    sentence: str
    payment_key: str | None = None
    next_due: date | None = None
    next_due_fen: int = 0
    proposal: str | None = None


class DecideOnBooks(BooksOrder):
    """The decision together with its effect key."""

    decision: DecisionOrder

    @property
    def asked(self) -> Command:
        """The decision."""
        return self.decision


class TroubleOrder(BooksOrder):
    """Ask for a task about something that went on without its outcome or could not be done: `about` says what."""

    about: str
    role: Role = Role.RISK


class CommandOnBooks(BooksOrder):
    """The command together with its effect key."""

    command: CommandOrder

    @property
    def asked(self) -> Command:
        """The command."""
        return self.command


class PrepayOnBooks(BooksOrder):
    """The prepayment together with its effect key."""

    prepayment: PrepaymentOrder

    @property
    def asked(self) -> Command:
        """The prepayment."""
        return self.prepayment


class ProposeOnBooks(BooksOrder):
    """The proposal together with its effect key."""

    change: ChangeOrder

    @property
    def asked(self) -> Command:
        """The proposal."""
        return self.change


class TakeBackOnBooks(BooksOrder):
    """The withdrawal of a proposal together with its effect key."""

    withdrawal: ChangeWithdrawal

    @property
    def asked(self) -> Command:
        """The withdrawal."""
        return self.withdrawal


class MoneyNotice(Message):
    """Signal: a row in the books says that money or a document came in; the row has the facts."""

    reference: str


class PaymentOrder(Message):
    """Ask the bank to carry out (or take back) one payment that the books hold."""

    loan: str
    key: str
    day: date


class CollectOrder(Message):
    """Ask the bank to draw what is due from the borrower, or the subsidy from the state, for one installment."""

    loan: str
    key: str
    day: date
    n: int
    subsidy: bool = False


class PaymentResult(Message):
    """How a payment ended: settled (money moved), pending (a notice will tell) or declined (nothing moved)."""

    key: str
    status: str
    reason_code: str | None = None


class LoanState(Message):
    """What the workflow's Query answers."""

    loan: str
    stage: Stage
    task_id: str | None = None
    next_day: NextDay | None = None
    seq: int = 1
    runs: int = 1
    waits_for: str | None = None
    changes: tuple[OpenChange, ...] = ()
