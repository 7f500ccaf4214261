"""What is asked of the collateral of a loan: before its money goes out, after it, and once nothing is owed any more.

A mortgage of movable property holds between the parties from the contract on, but against third parties only once it
is registered (Civil Code article 403); whoever is paid back releases it (article 393).
"""

from datetime import date, timedelta

from books.session import UnitOfWork
from lending.errors import LendingError
from models.collateral import CollateralCondition, ConditionKind, Requirement
from models.customers import Collateral
from models.loans import Loan, Stage
from models.messages import CommandOrder, Sender
from models.outbox import Topic
from models.products import Product
from models.staff import Role
from models.tasks import Outcome, TaskKind
from services import audit
from services.document_lists import what_holds
from services.products import catalogue
from services.signing import all_signed, contract_to_sign
from services.tasks import close_all, open_task

TASKS = {
    ConditionKind.REGISTRATION: TaskKind.REGISTRATION,
    ConditionKind.INSURANCE: TaskKind.INSURANCE,
    ConditionKind.RELEASE: TaskKind.RELEASE,
}
ABOUT = {
    ConditionKind.REGISTRATION: "have the mortgage on the vehicle registered",
    ConditionKind.INSURANCE: "get the vehicle's insurance, with the lender named first",
    ConditionKind.RELEASE: "release the mortgage and hand the vehicle's certificate back",
}
DOCUMENT_OF = {ConditionKind.REGISTRATION: "vehicle_registration", ConditionKind.INSURANCE: "insurance_policy"}
"""The kind of document that proves each."""
REVIEW_DAYS = 2
REMIND_DAYS_BEFORE = 7
"""So many days before something is due after the payout the borrower is reminded of it."""
MISSING = {
    "registration": "the mortgage on the vehicle is not registered",
    "insurance": "the vehicle is not insured with the lender named first",
    "dealer": "the lender does not pay this dealer at present",
    "documents": "a document that was handed in still has to be looked at",
    "documents_refused": "a document that was not taken has to be handed in again",
}


class ConditionsNotMet(LendingError):
    """Money does not go out before what was asked for is there. `fields` has a sentence for each thing missing."""

    code = "conditions_not_met"
    http_status = 409

    def __init__(self, loan: str, missing: tuple[str, ...]) -> None:
        self.missing = missing
        sentences = {one: MISSING[one] for one in missing}
        super().__init__(f"loan {loan} is not paid out yet: {'; '.join(sentences.values())}", fields=sentences)


def lay_down(work: UnitOfWork, loan: Loan, day: date) -> None:
    """Keeps what the product asks for of an approved case, and has people see to what comes before the payout.

    Kept with the loan: what a product asks for later changes nothing for loans that were offered before.
    """
    product = catalogue().product(loan.product)
    thing = work.collateral.thing(loan.number) if product.is_secured else None
    if thing is None or work.collateral.conditions(loan.number):
        return
    asked = product.requirements(work.loans.application(loan.number).form)
    for one in asked:
        due_on = day + timedelta(days=one.days) if one.before_payout else None
        condition = _lay(work, loan, thing, one, day, due_on)
        if due_on is not None:
            _hand_out(work, loan, condition)
    if asked:
        after = [{"kind": one.kind, "before_payout": one.before_payout, "days": one.days} for one in asked]
        audit.record(work, audit.SYSTEM, "conditions_laid_down", loan=loan.number, after={"conditions": after})


def _lay(
    work: UnitOfWork, loan: Loan, thing: Collateral, one: Requirement, day: date, due_on: date | None
) -> CollateralCondition:
    condition = CollateralCondition(
        loan=loan.number,
        collateral_id=thing.id,
        kind=one.kind,
        before_payout=one.before_payout,
        days=one.days,
        laid_on=day,
        due_on=due_on,
    )
    work.session.add(condition)
    return condition


def _hand_out(work: UnitOfWork, loan: Loan, condition: CollateralCondition) -> None:
    """Nobody's workflow waits for the task: late ones are escalated like all such."""
    due_on = condition.due_on or work.today
    open_task(work, loan, TASKS[condition.kind], Role.AGENT, due_on, ABOUT[condition.kind])


# -- before the payout -------------------------------------------------------------------------------------------------


def missing_before_payout(work: UnitOfWork, loan: Loan, day: date) -> tuple[str, ...]:
    """What keeps the money of a loan back on a day, by the names of `MISSING`."""
    return (*_missing_of_the_thing(work, loan, day), *what_holds(work, loan))


def _missing_of_the_thing(work: UnitOfWork, loan: Loan, day: date) -> tuple[str, ...]:
    product = catalogue().product(loan.product)
    if not product.is_secured:
        return ()
    missing = [
        one.kind.value
        for one in work.collateral.conditions(loan.number)
        if one.before_payout and one.ended_on is None and not _is_there(work, one, day)
    ]
    if is_from_blocked_dealer(work, loan):
        missing.append("dealer")
    return tuple(missing)


def is_from_blocked_dealer(work: UnitOfWork, loan: Loan) -> bool:
    """Whether the thing is sold by somebody with whom the lender does not work at present."""
    dealer = work.loans.application(loan.number).form.get("dealer")
    return dealer is not None and work.collateral.is_blocked(dealer)


def _is_there(work: UnitOfWork, condition: CollateralCondition, day: date) -> bool:
    if condition.met_on is None or condition.kind is not ConditionKind.INSURANCE:
        return condition.met_on is not None
    thing = work.collateral.thing(condition.loan)
    return thing is not None and thing.insured_until is not None and thing.insured_until >= day


def require_conditions(work: UnitOfWork, loan: Loan, day: date) -> None:
    """Refuses (ConditionsNotMet) as long as something is missing that has to be there before the payout."""
    missing = missing_before_payout(work, loan, day)
    if missing:
        raise ConditionsNotMet(loan.number, missing)


def go_on(work: UnitOfWork, loan: Loan, cause: str) -> None:
    """Has a signed offer accepted once nothing is missing any more; `cause` names what was missing last.

    Whoever signs accepts: the borrower is not asked again. It happens in the name of whoever entered the last
    signature, by a message of the outbox, so that it is not lost while the engine is away.
    """
    if (
        loan.stage is not Stage.ACCEPTANCE
        or missing_before_payout(work, loan, work.today)
        or not all_signed(work, loan)
    ):
        return
    contract = contract_to_sign(work, loan)
    last = max(work.signatures.of_document(contract.id if contract else ""), key=lambda one: one.signed_at)
    command = CommandOrder(
        sender=Sender(actor_id=last.entered_by, role=Role(last.entered_as), address=last.address),
        command_id=f"acceptance-{cause}",
    )
    payload = {"command": command.model_dump(mode="json")}
    work.outbox.put(Topic.ACCEPTANCE, f"acceptance:{loan.number}:{cause}", payload, work.now, loan.number)


def holds_offer(work: UnitOfWork, loan: Loan, day: date) -> bool:
    """Whether an offer stays open beyond its time, once as long again: all have signed, so that it was taken in time,
    and conditions are awaited or nobody has heard of it yet.
    """
    terms = work.loans.terms(loan.number)
    if terms is None or not all_signed(work, loan):
        return False
    longest = 2 * catalogue().product(loan.product).acceptance_days
    return day < terms.effective_from + timedelta(days=longest)


# -- while the loan runs, and afterwards -------------------------------------------------------------------------------


def after_payout(work: UnitOfWork, loan: Loan, day: date) -> None:
    """Dates what is due after the payout, and hands it out."""
    product = catalogue().product(loan.product)
    if not product.is_secured:
        return
    for one in work.collateral.conditions(loan.number):
        if one.waits and not one.before_payout and one.due_on is None:
            one.due_on = day + timedelta(days=one.days)
            _wait_for(work, loan, one)
        elif one.kind is ConditionKind.INSURANCE and one.met_on is not None:
            watch_cover(work, product, one)


def _wait_for(work: UnitOfWork, loan: Loan, condition: CollateralCondition) -> None:
    if condition.due_on is not None and not condition.before_payout:
        condition.look_on = condition.due_on - timedelta(days=min(REMIND_DAYS_BEFORE, condition.days))
    work.session.add(condition)
    _hand_out(work, loan, condition)


def watch_cover(work: UnitOfWork, product: Product, condition: CollateralCondition) -> None:
    """Dates the day on which somebody has to see to the next cover."""
    thing = work.collateral.thing(condition.loan)
    if thing is not None and thing.insured_until is not None:
        condition.look_on = thing.insured_until - timedelta(days=product.insurance_notice_days)
        work.session.add(condition)


def after_end(work: UnitOfWork, loan: Loan, day: date) -> None:
    """Once a loan is settled or its case has come to nothing: nothing is asked of the borrower any more, and a mortgage
    that was registered has to be released by a date.

    One whose registration was entered but not confirmed, or whose paper was only handed in, is released too: the
    registry has it. A loan that was written off and is not paid back keeps its mortgage, since it is not settled.
    """
    product = catalogue().product(loan.product)
    thing = work.collateral.thing(loan.number) if product.is_secured else None
    if thing is None:
        return
    for kind in (TaskKind.REGISTRATION, TaskKind.INSURANCE, TaskKind.EVIDENCE):
        close_all(work, loan.number, kind)
    for one in work.collateral.conditions(loan.number):
        if one.waits:
            one.ended_on = day
        one.look_on = None
        work.session.add(one)
    if thing.released_on is not None or not _is_registered(work, loan):
        return
    due_on = day + timedelta(days=product.release_days)
    asked = Requirement(ConditionKind.RELEASE, before_payout=False, days=product.release_days)
    _hand_out(work, loan, _lay(work, loan, thing, asked, day, due_on))


def _is_registered(work: UnitOfWork, loan: Loan) -> bool:
    """Whether there is a registration by what was entered or, where nothing was, by a paper that nobody refused."""
    entered = [
        review is None or review.outcome is Outcome.APPROVE
        for proof, review in work.collateral.evidence(loan.number)
        if proof.kind is ConditionKind.REGISTRATION
    ]
    if entered:
        return any(entered)
    return any(
        one.kind == DOCUMENT_OF[ConditionKind.REGISTRATION] and one.outcome is not Outcome.REFUSE
        for one in work.documents.states(loan.number)
    )


def hand_to_reviewer(work: UnitOfWork, loan: Loan) -> None:
    """Has a second person look at what was entered about the vehicle."""
    role = catalogue().product(loan.product).approver_role
    due_on = work.today + timedelta(days=REVIEW_DAYS)
    open_task(work, loan, TaskKind.EVIDENCE, role, due_on, "confirm what was entered about the vehicle")


def after_reopening(work: UnitOfWork, loan: Loan) -> None:
    """A loan that runs again keeps its mortgage: the release is off, and what was asked before is asked again, of who
    has to prove it as of who has to confirm it.

    A mortgage that was released by then cannot be had back by a rule: risk has to know.
    """
    product = catalogue().product(loan.product)
    thing = work.collateral.thing(loan.number) if product.is_secured else None
    if thing is None:
        return
    close_all(work, loan.number, TaskKind.RELEASE)
    for one in work.collateral.conditions(loan.number):
        if one.kind is ConditionKind.RELEASE and one.waits:
            one.ended_on = work.today
            work.session.add(one)
        elif one.kind is not ConditionKind.RELEASE and one.ended_on is not None and one.due_on is not None:
            one.ended_on = None
            _wait_for(work, loan, one)
        elif one.kind is ConditionKind.INSURANCE and one.met_on is not None:
            watch_cover(work, product, one)
    if work.collateral.unreviewed(loan.number):
        hand_to_reviewer(work, loan)
    if thing.released_on is not None:
        about = "the loan runs again, and its mortgage is released"
        open_task(work, loan, TaskKind.TROUBLE, Role.RISK, work.today + timedelta(days=1), about)
