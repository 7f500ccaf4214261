"""Refusals of business acts."""

from collections.abc import Mapping, Sequence
from datetime import date

from lending.errors import LendingError
from lending.money import yuan


class IdempotencyConflict(LendingError):
    """The same idempotency key came with another body."""

    code = "idempotency_conflict"
    http_status = 409

    def __init__(self) -> None:
        super().__init__("this idempotency key was used before with different content; use a new key")


class DoneMeanwhile(LendingError):
    """Somebody else did the same at the same moment, and was first."""

    code = "done_meanwhile"
    http_status = 409

    def __init__(self) -> None:
        super().__init__("somebody did the same at the same moment; look at the result before you try again")


class DuplicateApplication(LendingError):
    """The same person asks for the same thing while the first request is still open."""

    code = "duplicate_application"
    http_status = 409

    def __init__(self, loan: str | None) -> None:
        """`loan` is None for somebody who may not see it."""
        self.loan = loan
        super().__init__(
            f"the same application is under way as loan {loan}" if loan else "the same application is under way"
        )


class NotAuthorised(LendingError):
    """The person has not agreed to be looked up."""

    code = "not_authorised"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(f"loan {loan} has no recorded authorisation, so no register may be asked")


class WrongStage(LendingError):
    """The act does not fit where the loan stands."""

    code = "wrong_stage"
    http_status = 409

    def __init__(self, loan: str, stage: str, act: str) -> None:
        super().__init__(f"loan {loan} is at {stage}; {act} is not possible there")


class OfferOver(LendingError):
    """The last day of the offer has passed, whether or not it was closed already."""

    code = "offer_over"
    http_status = 409

    def __init__(self, loan: str, until: date) -> None:
        super().__init__(f"the offer of loan {loan} was open until {until}; ask for a new one")


class TaskClosed(LendingError):
    """Somebody else was faster, or the task fell away."""

    code = "task_closed"
    http_status = 409

    def __init__(self, task_id: str) -> None:
        super().__init__(f"task {task_id} is not open any more")


class TaskTaken(LendingError):
    """The task is in somebody else's hands."""

    code = "task_taken"
    http_status = 409

    def __init__(self, task_id: str) -> None:
        super().__init__(f"task {task_id} is claimed by another person")


class FactsForLawMissing(LendingError):
    """The case lacks facts that the rules of its grading ask for, so that nobody can tell whether the law closes it."""

    code = "facts_for_law_missing"
    http_status = 409

    def __init__(self, loan: str, facts: Sequence[str]) -> None:
        super().__init__(
            f"loan {loan} lacks facts that the rules ask for ({', '.join(facts)}), so what the law says of it is not "
            "known; send the case back, so that it is graded anew"
        )


class NotAllowed(LendingError):
    """The acting person may not do this."""

    code = "not_allowed"
    http_status = 403


class ScopeMissing(NotAllowed):
    """The token of a machine was not issued for this."""

    code = "scope_missing"

    def __init__(self, scope: str | None) -> None:
        needed = f"the scope {scope}" if scope else "an account without scopes"
        super().__init__(f"this token does not allow it; it takes {needed}")


class OwnCase(NotAllowed):
    """Whoever entered a case does not decide it (maker-checker), nor does his deputy for him."""

    code = "own_case"
    WHO = "whoever entered an application"

    def __init__(self) -> None:
        super().__init__(f"{self.WHO} cannot decide it, nor his deputy for him; another person must")


class OwnCustomer(OwnCase):
    """Whoever looks after a customer does not decide his loan."""

    code = "own_customer"
    WHO = "whoever looks after the customer"


class OwnApproval(OwnCase):
    """Whoever gave the first of two approvals does not give the second."""

    code = "own_approval"
    WHO = "whoever gave the first approval"


class AboveAuthority(NotAllowed):
    """The amount is above what this person may decide: up to `most_fen`, above that `above` decides."""

    code = "above_authority"

    def __init__(self, most_fen: int, above: str | None) -> None:
        self.most_fen = most_fen
        further = f"more is for {above}" if above else "nobody here may decide more"
        mine = f"you may approve at most {yuan(most_fen)} of this case" if most_fen else "you may not approve this case"
        fields = {"amount": f"at most {yuan(most_fen)} within your authority"} if most_fen else None
        super().__init__(f"{mine}; {further}", fields=fields)


class DocumentsIncomplete(NotAllowed):
    """Who may decide the case once its documents are there wants to approve it before."""

    code = "documents_incomplete"

    def __init__(self, decided_by: str | None) -> None:
        until = f"until then only {decided_by} may approve it" if decided_by else "until then nobody may approve it"
        super().__init__(f"a document that the case needs is missing or not read yet; {until}")


class AnswersExpired(NotAllowed):
    """Who might decide the case by fresh answers of the registers wants to approve it by old ones."""

    code = "answers_expired"

    def __init__(self, checks: Sequence[str], decided_by: str | None) -> None:
        until = f"until then only {decided_by} may approve it" if decided_by else "until then nobody may approve it"
        super().__init__(
            f"answers of the registers are past their days ({', '.join(checks)}); have them asked again: {until}"
        )


class ClosedByLaw(NotAllowed):
    """The rules refused for a reason of the law, which no person may overrule."""

    code = "closed_by_law"

    def __init__(self) -> None:
        super().__init__("the law forbids this loan, so nobody may approve it; refuse it, or send back what is wrong")


class InvalidDecision(LendingError):
    """The decision itself is not well-formed."""

    code = "invalid_decision"
    http_status = 422


class PersonalReason(LendingError):
    """A reason holds an ID number, a mobile or a card. The log keeps reasons in clear, and for good."""

    code = "personal_reason"
    http_status = 422

    def __init__(self) -> None:
        why = "a reason stays in the log for good: leave ID numbers, mobiles and cards out of it"
        super().__init__(why, fields={"reason": why})


class PayoutDoesNotAddUp(LendingError):
    """The product's payees would not receive exactly what the borrower owes: nothing is taken out of a payout."""

    code = "payout_does_not_add_up"
    http_status = 409

    def __init__(self, product: str, amount_fen: int, paid_fen: int) -> None:
        super().__init__(
            f"product {product} lends {yuan(amount_fen)} and would pay out {yuan(paid_fen)}: nothing may be taken out "
            "of a payout; the operator has the product's module corrected"
        )


class InvalidPrepayment(LendingError):
    """The prepayment cannot be taken as asked."""

    code = "invalid_prepayment"
    http_status = 422


class InvalidDocument(LendingError):
    """The file cannot be taken."""

    code = "invalid_document"
    http_status = 422


class NoticeConflict(LendingError):
    """The bank's reference came before with other content."""

    code = "notice_conflict"
    http_status = 409

    def __init__(self, reference: str) -> None:
        super().__init__(f"bank reference {reference} was reported before with different content")


class ProposalPending(LendingError):
    """What was proposed for the money of a task waits for a second person."""

    code = "proposal_pending"
    http_status = 409

    def __init__(self, task_id: str) -> None:
        super().__init__(f"a proposal for task {task_id} waits for a second person; confirm or refuse it first")


class NothingProposed(LendingError):
    """There is nothing to confirm or refuse."""

    code = "nothing_proposed"
    http_status = 409

    def __init__(self, task_id: str) -> None:
        super().__init__(
            f"nobody has proposed what becomes of the money of task {task_id}",
            fields={"outcome": "propose with book or return, or send done"},
        )


class OwnProposal(NotAllowed):
    """Whoever proposes where money goes does not confirm it (four eyes)."""

    code = "own_proposal"

    def __init__(self) -> None:
        super().__init__("whoever proposes where money goes cannot confirm it; another person must")


class RefundImpossible(LendingError):
    """Nobody knows where the money came from."""

    code = "refund_impossible"
    http_status = 409

    def __init__(self, reference: str) -> None:
        super().__init__(f"the bank did not say from whose account {reference} came, so it cannot be sent back")


class StatementRejected(LendingError):
    """What the bank sent as the statement of a day cannot be it."""

    code = "statement_rejected"
    http_status = 422

    def __init__(self, day: date, wrong: Mapping[str, str]) -> None:
        """`wrong` has a sentence for each field, and for each line by its number."""
        first, problem = next(iter(wrong.items()))
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        super().__init__(f"the statement of {day} is not taken: {first}: {problem}{more}", fields=dict(wrong))


class InvalidPeriod(LendingError):
    """The days asked for are no period, or too long a one."""

    code = "invalid_period"
    http_status = 422

    def __init__(self, longest: int) -> None:
        super().__init__(
            f"a period begins before it ends and has at most {longest} days",
            fields={"from": "is not after `to`, nor too long before it"},
        )


class InvalidChange(LendingError):
    """The change cannot be made as it is asked for."""

    code = "invalid_change"
    http_status = 422


class MoreThanThereIs(InvalidChange):
    """More is asked to be waived than there is: `most_fen`."""

    def __init__(self, most_fen: int, component: str) -> None:
        self.most_fen = most_fen
        sentence = f"at most {yuan(most_fen)} of {component} can be waived"
        super().__init__("more than there is to waive", fields={"amount": sentence})


class ChangePending(LendingError):
    """Another change of the loan waits for its decision."""

    code = "change_pending"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(f"a change of loan {loan} waits for its decision already; decide or withdraw it first")


class ChangeStale(LendingError):
    """The loan is not as the change was previewed on."""

    code = "change_stale"
    http_status = 409

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} since this was proposed, so its preview is not true any more; have it proposed anew")


class ConsentMissing(LendingError):
    """A change would burden the guarantors, and nobody recorded that they agreed."""

    code = "consent_missing"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(
            f"the guarantors of loan {loan} are not bound by a heavier or longer debt unless they agree in writing "
            "(Civil Code article 695); have the change proposed anew with the day on which they did"
        )


class ChangeClosed(LendingError):
    """The proposal has been decided, withdrawn, or has expired."""

    code = "change_closed"
    http_status = 409

    def __init__(self, proposal: str) -> None:
        super().__init__(f"proposal {proposal} does not wait for a decision any more")


class UnknownChange(LendingError):
    """The loan has no such proposal."""

    code = "unknown_change"
    http_status = 404

    def __init__(self, proposal: str) -> None:
        super().__init__(f"there is no proposal {proposal} for this loan")


class BeyondAuthority(LendingError):
    """Nobody in the house may decide so much."""

    code = "beyond_authority"
    http_status = 409

    def __init__(self, kind: str, most: str) -> None:
        super().__init__(f"a {kind} of more than {most} is beyond everybody's authority")


class OwnChange(NotAllowed):
    """Whoever proposed a change, or has agreed to it already, does not decide it (four eyes)."""

    code = "own_change"

    def __init__(self) -> None:
        super().__init__("whoever proposed a change or has agreed to it cannot decide it; another person must")
