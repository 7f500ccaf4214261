"""The stage bar: the eight steps of a loan, and how far this one has come."""

import hashlib
from dataclasses import dataclass

from books.session import UnitOfWork
from models.loans import CLOSED, Loan, Stage
from models.status import LoanStatus, WaitsFor
from web.language import marked

STEPS = (
    marked("Application"),
    marked("Verification"),
    marked("Grading"),
    marked("Approval"),
    marked("Contract"),
    marked("Disbursement"),
    marked("Repayment"),
    marked("Settled"),
)
APPROVAL_STEP = 3
PLACE = {
    Stage.APPLICATION: 0,
    Stage.VERIFICATION: 1,
    Stage.GRADING: 2,
    Stage.APPROVAL: APPROVAL_STEP,
    Stage.RETURNED: APPROVAL_STEP,
    Stage.ACCEPTANCE: 4,
    Stage.DISBURSEMENT: 5,
    Stage.PAYOUT_FAILED: 5,
    Stage.REPAYMENT: 6,
    Stage.SETTLED: 7,
}
REACHED_BY = {"case_graded": 2, "approval_decided": APPROVAL_STEP, "contract_accepted": 5}
"""How far a loan had come that has ended early, by the last of these acts in its story."""

SENTENCES = {
    Stage.APPLICATION: marked("The application has come in. The registers are asked next."),
    Stage.VERIFICATION: marked("The registers are being asked about the application."),
    Stage.GRADING: marked("The case is being graded."),
    Stage.APPROVAL: marked("The case is graded and waits for a decision."),
    Stage.RETURNED: marked("The case was sent back: something is missing."),
    Stage.ACCEPTANCE: marked("The offer waits for the borrower's yes."),
    Stage.DISBURSEMENT: marked("The money is on its way."),
    Stage.PAYOUT_FAILED: marked("The payout did not go through. Finance is looking after it."),
    Stage.REPAYMENT: marked("The money is paid out and the loan is being repaid."),
    Stage.SETTLED: marked("The loan is settled. Nothing is owed any more."),
    Stage.REFUSED: marked("The application was refused."),
    Stage.WITHDRAWN: marked("The application was withdrawn."),
    Stage.EXPIRED: marked("The case was closed because a deadline passed."),
}
TO_THE_BORROWER = SENTENCES | {
    Stage.APPLICATION: marked("Your application has come in. We check your details next."),
    Stage.VERIFICATION: marked("We are checking your details."),
    Stage.RETURNED: marked("Something is missing from your application."),
    Stage.ACCEPTANCE: marked("Our offer waits for your yes."),
    Stage.PAYOUT_FAILED: marked("The payout did not go through. We are looking after it."),
}
"""The same, said to the borrower himself."""

TROUBLE = frozenset({Stage.RETURNED, Stage.PAYOUT_FAILED})


@dataclass(frozen=True)
class Step:
    """One step: `done`, `current`, `trouble` (current and stuck), `ended` (where a loan ended early) or `ahead`."""

    name: str
    state: str


@dataclass(frozen=True)
class StageBar:
    """All steps, the place of the present one, what it means, and whether it can still change.

    `next` says for whom and until when the loan waits; None where nothing is dated. `mark` is how the loan was marked
    when this was made.
    """

    steps: tuple[Step, ...]
    place: int
    sentence: str
    next: WaitsFor | None
    is_live: bool
    mark: str


def mark_of(work: UnitOfWork, loan: Loan) -> str:
    """What differs once a loan has moved or somebody else has to act: two short queries, asked every two seconds."""
    tasks = "".join(f"{task.id}{task.role}" for task in work.tasks.open_of(loan.number))
    return hashlib.sha256(f"{loan.stage}|{loan.updated_at.isoformat()}|{tasks}".encode()).hexdigest()[:16]


def stage_bar(status: LoanStatus, mark: str, *, to_borrower: bool = False) -> StageBar:
    """The bar of a loan as it stands, said to the staff or to the borrower."""
    place = PLACE.get(status.stage, 0)
    if status.stage in CLOSED and status.stage is not Stage.SETTLED:
        acts = [entry.act for entry in status.timeline]
        place = max((reached for act, reached in REACHED_BY.items() if act in acts), default=1)
        present = "ended"
    elif status.stage is Stage.SETTLED:
        present = "done"
    else:
        present = "trouble" if status.stage in TROUBLE or status.dpd > 0 else "current"
    states = ["done"] * place + [present] + ["ahead"] * (len(STEPS) - place - 1)
    steps = tuple(Step(name, state) for name, state in zip(STEPS, states, strict=True))
    sentences = TO_THE_BORROWER if to_borrower else SENTENCES
    is_live = status.stage not in CLOSED
    dated = status.waits_for if status.waits_for and status.waits_for.due_on and is_live and not to_borrower else None
    return StageBar(steps, place, sentences[status.stage], dated, is_live, mark)
