"""The accounts of a loan: what vouches for them, their mandates, and another one, which two people agree on."""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from books.customers import blind_index
from books.session import UnitOfWork
from models.accounts import AccountCheck
from models.customers import Party, PartyRole
from models.loans import Loan
from services import account_changes, accounts
from services.authorisation_texts import CURRENT
from services.permissions import Action, allows
from web import pages
from web.addresses import Id, Number
from web.context import in_books
from web.decision import DecisionForm, read_note, read_verdict
from web.mandates import mandate_part
from web.refusals import showing
from web.session import posted
from web.visit import StaffVisit

router = APIRouter()


@dataclass(frozen=True)
class Account:
    """An account with what is known of it; a payee's that comes from a register needs no check."""

    party: Party
    check: AccountCheck | None
    is_borrowers: bool


@router.get("/loans/{number}/accounts", name="accounts")
def accounts_page(request: Request, visit: StaffVisit, number: Number) -> Response:
    """Where the loan's money goes to and comes from."""
    with showing(request, visit) as work:
        loan = work.loans.seen_by(visit.person, number)
        changes = account_changes.proposals(work, loan)
        pending = account_changes.pending(work, number)
        return pages.show(
            request,
            visit,
            "accounts.html",
            loan=loan,
            accounts=_accounts(work, loan),
            mandates=work.accounts.mandates(number),
            today_index=blind_index(work.customers.borrower(number).account or ""),
            part=mandate_part(work, visit, loan),
            changes=changes,
            pending=pending,
            names=work.staff.names(),
            may_propose=pending is None
            and allows(visit.person, Action.PROPOSE_ACCOUNTS)
            and loan.stage in account_changes.STAGES,
            may_decide=allows(visit.person, Action.DECIDE_ACCOUNTS),
            consent=CURRENT.version,
        )


def _accounts(work: UnitOfWork, loan: Loan) -> list[Account]:
    parties = [party for party in work.customers.parties(loan.number) if party.account is not None]
    own = next(party.account for party in parties if party.role is PartyRole.BORROWER)
    return [
        Account(
            party,
            work.accounts.newest_check(loan.number, blind_index(party.account or "")),
            party.account == own,
        )
        for party in parties
    ]


@router.post("/loans/{number}/accounts/check", name="check_account")
async def check_account(request: Request, visit: StaffVisit, number: Number) -> Response:
    """Has the borrower's account checked again."""
    await posted(request, visit.session)
    return await _act(
        request, number, lambda work: accounts.ask_again(work, visit.person, work.loans.seen_by(visit.person, number))
    )


@router.post("/loans/{number}/accounts/proposal", name="propose_account")
async def propose_account(request: Request, visit: StaffVisit, number: Number) -> Response:
    """Keeps another account that is proposed; nothing changes by it."""
    fields = await posted(request, visit.session)
    reason = read_note(DecisionForm.from_fields(fields))
    account = "".join(fields.get("account", "").split())

    def propose(work: UnitOfWork) -> None:
        account_changes.propose(
            work,
            visit.person,
            work.loans.seen_by(visit.person, number),
            fields.get("party", ""),
            account,
            reason,
            confirmation=fields.get("confirmation", "").strip()[:120] or None,
            consent=fields.get("consent") or None,
        )

    return await _act(request, number, propose)


@router.post("/tasks/{task_id}/account-verdict", name="judge_account")
async def judge_account(request: Request, visit: StaffVisit, task_id: Id) -> Response:
    """A second person's word: confirmed, the account takes the place of the other one."""
    fields = await posted(request, visit.session)
    reason = read_note(DecisionForm.from_fields(fields))
    confirmed = read_verdict(fields)

    def decide(work: UnitOfWork) -> str:
        task = work.tasks.seen_by(visit.person, task_id)
        return account_changes.decide(work, visit.person, task, confirmed=confirmed, reason=reason).loan

    return pages.go(request, f"/loans/{await in_books(request, decide)}/accounts")


async def _act(request: Request, number: str, act: Callable[[UnitOfWork], object]) -> Response:
    await in_books(request, act)
    return pages.go(request, f"/loans/{number}/accounts")
