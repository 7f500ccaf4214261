"""Reading a replayed loan: its account on a day, and what would end it."""

from datetime import date

from lending.account import InstallmentState, LoanAccount, bucket_of, classify
from lending.components import BORROWER_COMPONENTS, FEE, INTEREST, PENALTY, PRINCIPAL, SUBSIDY, Components
from lending.delinquency import days_past_due
from lending.replay import Replay
from lending.schedules import build_schedule
from lending.terms import Terms


def account_of(replay: Replay, as_of: date) -> LoanAccount:
    """The replayed state in the form that everyone reads."""
    rows = _states(replay, as_of) if replay.disbursed else _planned_states(replay.terms)
    dpd = max((row.dpd for row in rows), default=0)
    interest, subsidy = accrued_of(replay, as_of)
    return LoanAccount(
        as_of=as_of,
        rows=rows,
        disbursed_fen=replay.disbursed,
        principal_outstanding_fen=replay.outstanding(PRINCIPAL),
        interest_outstanding_fen=replay.outstanding(INTEREST),
        fee_outstanding_fen=replay.outstanding(FEE),
        penalty_outstanding_fen=replay.outstanding(PENALTY),
        subsidy_outstanding_fen=replay.outstanding(SUBSIDY),
        accrued_interest_fen=interest,
        accrued_subsidy_fen=subsidy,
        credit_fen=sum(credit.amount for credit in replay.credits),
        subsidy_credit_fen=sum(credit.amount for credit in replay.subsidy_credits),
        recovered_fen=replay.recovered,
        charged=Components(**replay.charged),
        allocated=Components(**replay.allocated),
        waived=Components(**replay.waived),
        written_off=Components(**replay.written_off),
        due_fen=sum(row.borrower_unpaid() - (0 if row.closed else sum(row.moved.values())) for row in replay.rows),
        overdue_fen=sum(row.borrower_unpaid() for row in replay.rows[: replay.open] if row.due < as_of),
        settlement_fen=settlement_of(replay, as_of),
        dpd=dpd,
        bucket=bucket_of(dpd),
        classification=classify(dpd),
        settled_on=replay.settled_on,
        written_off_on=replay.written_off_on,
        level_fen=replay.level,
        allocations=tuple(replay.allocations),
    )


def accrued_of(replay: Replay, as_of: date) -> tuple[int, int]:
    """Interest earned and not charged yet, in fen: the borrower's, what was deferred included, and the state's."""
    borrowers, states = replay.earned(as_of) if as_of >= replay.accrued_from else (0, 0)
    return replay.carried + borrowers, states


def settlement_of(replay: Replay, as_of: date) -> int:
    """What the borrower would pay to end the loan that day, in fen: all that is owed or earned, less kept credit."""
    owed = sum(replay.outstanding(component) for component in BORROWER_COMPONENTS)
    fees_ahead = sum(fee.amount for fee in replay.fees if fee.of_event)
    credit = sum(credit.amount for credit in replay.credits)
    return max(owed + accrued_of(replay, as_of)[0] + fees_ahead - credit, 0)


def _states(replay: Replay, as_of: date) -> tuple[InstallmentState, ...]:
    ahead = sum(row.amount(PRINCIPAL) for row in replay.rows[replay.open :])
    states = []
    for row in replay.rows:
        principal, interest, fee, penalty, subsidy = row.amounts()
        principal_due, interest_due, fee_due, penalty_due, subsidy_due = row.left()
        total = principal + interest + fee + penalty
        outstanding = principal_due + interest_due + fee_due + penalty_due
        paid_on = row.paid_on if not outstanding else None
        if row.closed:
            balance = row.balance
            dpd = days_past_due(row.due, as_of) if row.borrower_unpaid() else 0
        else:
            ahead -= principal
            balance, dpd = ahead, 0
        # In the order of the fields: naming all of them takes as long as the rest of a long loan's states.
        states.append(
            InstallmentState(
                row.n,
                row.due,
                principal,
                interest,
                fee,
                penalty,
                total,
                balance,
                subsidy,
                row.paid,
                outstanding,
                paid_on,
                dpd,
                principal_due,
                interest_due,
                fee_due,
                penalty_due,
                subsidy_due,
                row.written_off,
            )
        )
    return tuple(states)


def _planned_states(terms: Terms) -> tuple[InstallmentState, ...]:
    return tuple(
        InstallmentState(
            n=row.n,
            due=row.due,
            principal=row.principal,
            interest=row.interest,
            fee=row.fee,
            penalty=0,
            total=row.total,
            balance=row.balance,
            subsidy=row.subsidy,
            paid=0,
            outstanding=row.total,
            paid_on=None,
            dpd=0,
            principal_due=row.principal,
            interest_due=row.interest,
            fee_due=row.fee,
            penalty_due=0,
            subsidy_due=row.subsidy,
        )
        for row in build_schedule(terms).rows
    )
