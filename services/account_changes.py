"""Another account for a borrower or payee: one person proposes it, somebody vouches for it, another person decides.

A changed account is how money is stolen from the inside and from the outside, so nobody does it alone, finance does not
do it at all, and the borrower hears of it on the mobile that he is known by.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from books.customers import blind_index
from books.session import UnitOfWork
from lending.errors import LendingError
from models.accounts import AccountChange, AccountCheck, AccountVerdict, CardResult
from models.customers import Party, PartyRole
from models.loans import Loan, Stage
from models.payments import UNDER_WAY, Payment, PaymentKind
from models.staff import Actor, Role
from models.tasks import Task, TaskKind, TaskStatus
from models.verification import BORROWER, Authorisation, AuthorisationKind, AuthorisationMethod
from services import audit, mandate_papers, mandates
from services.accounts import AccountNotVerified, AccountRefused, order_check
from services.authorisation_texts import TEXTS, text_on, versions_on
from services.authorisations import rows_for
from services.disbursement import STILL_GOOD
from services.errors import NothingProposed, OwnProposal
from services.four_eyes import persons
from services.loans import require_stage
from services.notices import send_sms
from services.paper_words import masked_account
from services.permissions import Action, check_may_decide, require
from services.tasks import close, open_task, require_open

STAGES = (Stage.ACCEPTANCE, Stage.PAYOUT_FAILED, Stage.REPAYMENT)

_CARD = re.compile(r"[0-9]{16,19}")
_PAYEE_ACCOUNT = re.compile(r"[0-9]{8,32}")


class InvalidAccount(LendingError):
    """The account cannot take the place of the other one."""

    code = "invalid_account"
    http_status = 422


class UnknownAccountParty(LendingError):
    """Nobody of this id has an account in this loan."""

    code = "unknown_account_party"
    http_status = 404

    def __init__(self, loan: str) -> None:
        super().__init__(f"neither the borrower nor a payee of loan {loan} has this id")


class AccountInUse(LendingError):
    """Money may be on its way to or from the account."""

    code = "account_in_use"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(
            f"money of loan {loan} may be on its way to or from this account, or is there; wait for the bank's answer"
        )


class AccountChangePending(LendingError):
    """Another change of an account of the loan waits for its decision."""

    code = "account_change_pending"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(f"a change of an account of loan {loan} waits for its decision already; decide it first")


@dataclass(frozen=True)
class ProposedAccount:
    """A proposed change, what stands beside it, and what was decided."""

    change: AccountChange
    party: Party
    check: AccountCheck | None
    verdict: AccountVerdict | None


# -- proposing --------------------------------------------------------------------------------------------------------


def propose(
    work: UnitOfWork,
    actor: Actor,
    loan: Loan,
    party_id: str,
    account: str,
    reason: str,
    *,
    confirmation: str | None = None,
    consent: str | None = None,
) -> AccountChange:
    """Keeps another account for a party and has the borrower's checked; nothing changes by it.

    The borrower's needs his `consent` to be looked up, a dealer's or school's the reference by which it was confirmed
    (`confirmation`). The account that he has already may be proposed for a running loan without a mandate to debit it:
    that makes a mandate to sign. Refused: other roles (NotAllowed), WrongStage, UnknownAccountParty, InvalidAccount,
    AccountInUse, AccountChangePending; the same proposal by the same person is returned.
    """
    require(actor, Action.PROPOSE_ACCOUNTS)
    loan = work.loans.get(loan.number)
    before = pending(work, loan.number)
    if before is not None:
        if (before.proposed_by, before.party_id, before.account, before.reason) == (
            actor.id,
            party_id,
            account,
            reason,
        ):
            return before
        raise AccountChangePending(loan.number)
    require_stage(loan, "a change of account", *STAGES)
    party = _party(work, loan, party_id)
    _check_account(work, loan, party, account, confirmation, consent)
    _check_at_rest(work, loan, party)
    is_borrower = party.role is PartyRole.BORROWER
    about = f"another account of the {party.role}"
    task = open_task(work, loan, TaskKind.ACCOUNT_CHANGE, Role.MANAGER, work.today, about)
    change = AccountChange(
        loan=loan.number,
        party_id=party.id,
        task_id=task.id,
        account=account,
        account_index=blind_index(account),
        account_before=party.account or "",
        confirmation=None if is_borrower else confirmation,
        reason=reason,
        proposed_by=actor.id,
        proposed_as=actor.role,
        proposed_at=work.now,
    )
    work.write(change)
    if is_borrower:
        _keep_consent(work, actor, loan, party, consent or "")
        order_check(work, loan.number, {"party": party.id, "change": change.id})
    audit.record(
        work,
        actor,
        "account_change_proposed",
        loan=loan.number,
        subject=party.id,
        after={"change": change.id, "role": party.role, "confirmation": change.confirmation},
        reason=reason,
    )
    return change


def _party(work: UnitOfWork, loan: Loan, party_id: str) -> Party:
    parties = work.customers.parties(loan.number)
    borrower = next(one for one in parties if one.role is PartyRole.BORROWER)
    for party in parties:
        if party.id != party_id or party.account is None:
            continue
        # Who is paid on his own card has one account, for both directions.
        return borrower if party.account == borrower.account else party
    raise UnknownAccountParty(loan.number)


def _check_account(
    work: UnitOfWork, loan: Loan, party: Party, account: str, confirmation: str | None, consent: str | None
) -> None:
    is_borrower = party.role is PartyRole.BORROWER
    form = _CARD if is_borrower else _PAYEE_ACCOUNT
    problems = {}
    if not form.fullmatch(account):
        digits = "16 to 19" if is_borrower else "8 to 32"
        problems["account"] = f"must have {digits} digits, without spaces"
    elif account == party.account and not (is_borrower and _lacks_mandate(work, loan, party)):
        problems["account"] = "is the account that is known already"
    elif any(one.account == account != party.account for one in work.customers.parties(loan.number)):
        # What a dealer or school is to receive would else end on the borrower's own card.
        problems["account"] = "is that of another party of this loan"
    if is_borrower and text_on(consent, work.today) is None:
        problems["consent"] = (
            "the borrower must agree that sensitive data are used for the check; "
            f"give the version ({versions_on(work.today)})"
        )
    if not is_borrower and not confirmation:
        problems["confirmation"] = "is needed: by what did the payee confirm its account?"
    if problems:
        raise InvalidAccount("the account cannot be taken as it is; see each field", fields=problems)


def _lacks_mandate(work: UnitOfWork, loan: Loan, party: Party) -> bool:
    return loan.stage is Stage.REPAYMENT and not mandates.is_standing(work, loan.number, party)


def _check_at_rest(work: UnitOfWork, loan: Loan, party: Party) -> None:
    """Refuses while money may move to or from the party's account, and a payee's change once he is paid."""
    if party.role is PartyRole.BORROWER:
        drawn = work.payments.under_way(loan.number, PaymentKind.INSTALLMENT, PaymentKind.PREPAYMENT)
        if drawn or any(one.status in UNDER_WAY for one in _payouts(work, loan, _own_payees(work, party))):
            raise AccountInUse(loan.number)
    elif any(one.status in STILL_GOOD for one in _payouts(work, loan, [party])):
        raise AccountInUse(loan.number)


def _own_payees(work: UnitOfWork, borrower: Party) -> list[Party]:
    return [one for one in work.customers.payees(borrower.loan) if one.account == borrower.account]


def _payouts(work: UnitOfWork, loan: Loan, payees: Iterable[Party]) -> list[Payment]:
    """The last payout to each of these payees."""
    ids = {payee.id for payee in payees}
    newest = {one.party_id: one for one in work.payments.of_loan(loan.number, PaymentKind.DISBURSEMENT)}
    return [payment for party_id, payment in newest.items() if party_id in ids]


def _keep_consent(work: UnitOfWork, actor: Actor, loan: Loan, party: Party, version: str) -> None:
    """His separate word on sensitive data, which an account is."""
    (values,) = rows_for(
        TEXTS[version],
        [AuthorisationKind.SENSITIVE],
        actor,
        work.now,
        loan=loan.number,
        party=BORROWER,
        party_id=party.id,
        customer_id=loan.customer_id,
        method=AuthorisationMethod.ATTESTED,
    )
    work.write(Authorisation(**values))


# -- deciding ---------------------------------------------------------------------------------------------------------


def decide(work: UnitOfWork, actor: Actor, task: Task, *, confirmed: bool, reason: str) -> AccountChange:
    """A second person's word on a proposed account; confirmed, it takes the other's place and the task is done.

    A new account of the borrower comes with a mandate for him to sign, if the contract was made for the other one. He
    hears of it on the mobile that he is known by. Refused: whoever proposed it and his deputy for him (OwnProposal), an
    account that nobody vouches for (AccountNotVerified, AccountRefused), money on its way (AccountInUse), a loan that
    has moved on (WrongStage). The same word again by the same person changes nothing.
    """
    check_may_decide(actor, task)
    change = work.accounts.change_of_task(task.id)
    if change is None:
        raise NothingProposed(task.id)
    found = next(verdict for one, verdict in work.accounts.changes(change.loan) if one.id == change.id)
    if found is not None and (found.given_by, found.confirmed, found.reason) == (actor.id, confirmed, reason):
        return change
    loan = work.loans.get(change.loan)
    require_open(work, task)
    if confirmed:
        if change.proposed_by in persons(work, actor, task):
            raise OwnProposal
        _check_vouched(work, loan, change)
    verdict = AccountVerdict(
        change_id=change.id,
        confirmed=confirmed,
        reason=reason,
        given_by=actor.id,
        given_as=actor.role,
        given_at=work.now,
    )
    work.write(verdict)
    close(work, task)
    if confirmed:
        _take(work, loan, change)
    audit.record(
        work,
        actor,
        "account_changed" if confirmed else "account_change_refused",
        loan=loan.number,
        subject=change.party_id,
        before={"proposed_by": change.proposed_by, "account": masked_account(change.account_before)},
        after={"change": change.id, "account": masked_account(change.account)},
        reason=reason,
    )
    return change


def _check_vouched(work: UnitOfWork, loan: Loan, change: AccountChange) -> None:
    require_stage(loan, "a change of account", *STAGES)
    party = _party(work, loan, change.party_id)
    _check_at_rest(work, loan, party)
    if change.confirmation is not None:
        return
    check = work.accounts.newest_check(loan.number, change.account_index)
    if check is None:
        raise AccountNotVerified(loan.number)
    if check.result is not CardResult.MATCH:
        raise AccountRefused(loan.number, check.result)


def _take(work: UnitOfWork, loan: Loan, change: AccountChange) -> None:
    party = _party(work, loan, change.party_id)
    is_borrower = party.role is PartyRole.BORROWER
    paid = {
        one.party_id for one in work.payments.of_loan(loan.number, PaymentKind.DISBURSEMENT) if one.status in STILL_GOOD
    }
    # A payout that is done keeps its payee as it was.
    changed = [party, *(one for one in _own_payees(work, party) if one.id not in paid)] if is_borrower else [party]
    if change.account != party.account:
        for one in changed:
            one.account = change.account
            one.account_change_id = change.id
            work.session.add(one)
        work.session.flush()
        if is_borrower:
            mandates.end_all(work, loan.number, "account_changed")
    if is_borrower and not _contract_is_ahead(work, loan):
        mandate_papers.prepare(work, loan, party, change.id)
    send_sms(work, loan, "account_changed", f"{loan.number}:account_changed:{change.id}")


def _contract_is_ahead(work: UnitOfWork, loan: Loan) -> bool:
    """Whether the contract is still to be made, so that it will name the new account and hold its mandate."""
    version = work.papers.contract_version(loan.number) if loan.stage is Stage.ACCEPTANCE else None
    return version is not None and work.papers.contract(loan.number, version) is None


# -- looking ----------------------------------------------------------------------------------------------------------


def pending(work: UnitOfWork, loan: str) -> AccountChange | None:
    """The change of a loan that waits for its decision."""
    waiting = [change for change, verdict in work.accounts.changes(loan) if verdict is None]
    return next((one for one in waiting if work.tasks.get(one.task_id).status is TaskStatus.OPEN), None)


def proposals(work: UnitOfWork, loan: Loan) -> list[ProposedAccount]:
    """All changes of a loan's accounts, oldest first, with what stands beside each."""
    parties = {party.id: party for party in work.customers.parties(loan.number)}
    return [
        ProposedAccount(
            change, parties[change.party_id], work.accounts.newest_check(loan.number, change.account_index), verdict
        )
        for change, verdict in work.accounts.changes(loan.number)
    ]
