"""The acts on our own books that the procedure asks for, run as local activities."""

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.acts import once
from books.session import Books
from models.messages import (
    AdvanceOrder,
    BooksOrder,
    ChangeProgress,
    CommandOnBooks,
    CommandResult,
    DecideOnBooks,
    PrepayOnBooks,
    Progress,
    ProposeOnBooks,
    TakeBackOnBooks,
    TroubleOrder,
    VerificationOrder,
)
from services import acceptance, approval, bank, changes, disbursement, grading, loans, repayments, tasks


class LoanActs:
    """One short transaction each."""

    def __init__(self, books: Books) -> None:
        self.books = books

    @activity.defn
    def grade_case(self, order: VerificationOrder) -> Progress:
        """Grades a verified case."""
        return once(self.books, order, grading.grade, Progress)

    @activity.defn
    def escalate_task(self, order: BooksOrder) -> Progress:
        """Moves a late task to the next role."""
        return once(self.books, order, tasks.escalate, Progress)

    @activity.defn
    def expire_completion(self, order: BooksOrder) -> Progress:
        """Closes a case that was not completed in time."""
        return once(self.books, order, tasks.expire_completion, Progress)

    @activity.defn
    def record_decision(self, order: DecideOnBooks) -> Progress:
        """Records a person's decision; the refusal of one whose sender does not wait goes into the audit log."""
        try:
            return once(self.books, order, approval.decide, Progress)
        except ApplicationError as refusal:
            if refusal.non_retryable and not order.decision.waits:
                with self.books.begin() as work:
                    approval.note_refusal(work, order, str(refusal))
            raise

    @activity.defn
    def look_up_position(self, order: BooksOrder) -> Progress:
        """Where the books have the loan."""
        return once(self.books, order, loans.look_up_position, Progress)

    @activity.defn
    def report_trouble(self, order: TroubleOrder) -> Progress:
        """Opens a task about something that a person has to look at."""
        return once(self.books, order, tasks.report_trouble, Progress)

    @activity.defn
    def sweep_closed_loan(self, order: BooksOrder) -> Progress:
        """Hands money that came in the last moment to finance."""
        return once(self.books, order, bank.sweep, Progress)

    @activity.defn
    def complete_case(self, order: CommandOnBooks) -> Progress:
        """Takes a completed case up again."""
        return once(self.books, order, acceptance.complete, Progress)

    @activity.defn
    def accept_contract(self, order: CommandOnBooks) -> Progress:
        """Records the borrower's acceptance."""
        return once(self.books, order, acceptance.accept, Progress)

    @activity.defn
    def withdraw_loan(self, order: CommandOnBooks) -> Progress:
        """Ends a case at the borrower's wish."""
        return once(self.books, order, acceptance.withdraw, Progress)

    @activity.defn
    def expire_offer(self, order: BooksOrder) -> Progress:
        """Closes an offer that was not accepted in time."""
        return once(self.books, order, acceptance.expire_offer, Progress)

    @activity.defn
    def book_payout(self, order: BooksOrder) -> Progress:
        """Posts the payout and opens the account."""
        return once(self.books, order, disbursement.book_payout, Progress)

    @activity.defn
    def record_payout_failure(self, order: BooksOrder) -> Progress:
        """Gives a failed payout to finance."""
        return once(self.books, order, disbursement.record_payout_failure, Progress)

    @activity.defn
    def order_prepayment(self, order: PrepayOnBooks) -> CommandResult:
        """Writes the order that draws a prepayment."""
        return once(self.books, order, repayments.order_prepayment, CommandResult)

    @activity.defn
    def advance_account(self, order: AdvanceOrder) -> Progress:
        """Brings the account up to a business date."""
        return once(self.books, order, repayments.advance, Progress)

    @activity.defn
    def propose_change(self, order: ProposeOnBooks) -> ChangeProgress:
        """Records a proposal and asks somebody to decide it."""
        return once(self.books, order, changes.propose, ChangeProgress)

    @activity.defn
    def take_back_change(self, order: TakeBackOnBooks) -> ChangeProgress:
        """Ends a proposal at its proposer's wish."""
        return once(self.books, order, changes.take_back, ChangeProgress)

    @activity.defn
    def expire_change(self, order: BooksOrder) -> ChangeProgress:
        """Ends a proposal that nobody decided in time."""
        return once(self.books, order, changes.expire, ChangeProgress)
