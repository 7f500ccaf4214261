"""A loan as an auditor looks at it, a page at a time."""

from datetime import timedelta

from services.loan_audit import LoanAudit, look, turn
from tests.services.procedure import Procedure


def test_pages_that_are_turned_are_those_that_are_looked_up(procedure: Procedure) -> None:
    loan = procedure.graded()
    # What happens at one instant is one line.
    procedure.day += timedelta(days=1)
    procedure.decide(loan)
    procedure.day += timedelta(days=1)
    procedure.accept(loan)

    def shown(seen: LoanAudit) -> tuple[list[str], set[str], int, int | None]:
        return [line.code for line in seen.lines], set(seen.proofs), seen.after, seen.next

    with procedure.books.read() as work:
        first = seen = look(work, loan, [], engine_answered=True, as_of=None, after=0, limit=1)
        turned = [shown(seen)]
        while seen.next is not None:
            seen = turn(work, seen, seen.next, 1)
            turned.append(shown(seen))
        looked_up = [
            shown(look(work, loan, [], engine_answered=True, as_of=None, after=after, limit=1))
            for _, _, after, _ in turned
        ]
    assert len(turned) > 1
    assert turned == looked_up
    assert [code for codes, _, _, _ in turned for code in codes] == [line.code for line in first.story.lines]
    assert seen.differences is first.differences
