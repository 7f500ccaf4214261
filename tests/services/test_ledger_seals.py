"""Every posting is sealed beside its writers, and whatever is done to one afterwards is found and named."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from activities import sealing
from activities.sealing import SealingActs
from books.seals import POSTINGS
from books.session import Books
from models.chain import POSTING_FIELDS, check_path, entry_bytes, first_id_at, leaf_hash, posting_bytes
from models.keys import new_id
from models.ledger import Posting
from models.messages import StepKind
from models.recurring import SealingOrder
from services.audit_chain import proofs_of, waiting
from services.audit_findings import FindingKind
from services.audit_proof import GRACE
from services.bank import BankMovement, record_movement
from tests.services.audit_log import seal, tamper, verdict, write
from tests.services.procedure import Procedure

ANOTHER = {
    "amount_fen": "amount_fen + 1",
    "value_date": "'2025-12-31'",
    "booking_date": "'2025-12-31'",
    "booked_at": "'2026-01-05 00:00:00.000001'",
    "loan": "NULL",
    "debit": "'9001'",
    "credit": "'9002'",
}
"""Another value of a column; of those that are not here one letter more."""
COLUMNS = ", ".join(POSTING_FIELDS)


@pytest.fixture
def posted(procedure: Procedure) -> Books:
    """Books with a loan that was paid out and paid for, and with money that nobody knows; all of it sealed."""
    loan = procedure.running()
    procedure.advance(loan)
    for procedure.day in (date(2026, 2, 5), date(2026, 3, 5)):
        procedure.collect(loan, fen=60_000)
        procedure.advance(loan, StepKind.DUE)
    procedure.deposit(loan, 5_000)
    procedure.advance(loan)
    with procedure.at() as work:
        record_movement(work, BankMovement("in-x", "in", 5_000, procedure.day, None, "somebody", "rent"))
    seal(procedure.books)
    seal(procedure.books, most=5, of=POSTINGS)
    return procedure.books


def postings(books: Books) -> list[Posting]:
    with books.read() as work:
        rows = work.session.execute(text("SELECT id FROM posting ORDER BY id")).scalars().all()
        return [found for row_id in rows if (found := work.session.get(Posting, row_id)) is not None]


def named(books: Books) -> list[tuple[FindingKind, int | None, str | None]]:
    """What a proof finds: kind, seal and posting of each."""
    return [(one.kind, one.seal, one.posting) for one in verdict(books).findings]


def seal_of(books: Books, posting_id: str) -> int:
    with books.read() as work:
        return work.seals.places([posting_id], POSTINGS)[posting_id].seal_no


def stored(books: Books, column: str, posting_id: str) -> Any:
    with books.engine.connect() as connection:
        return connection.execute(text(f"SELECT {column} FROM posting WHERE id = '{posting_id}'")).scalar()


def literal(value: Any) -> str:
    return "NULL" if value is None else str(value) if isinstance(value, int) else f"'{value}'"


# -- sealing ---------------------------------------------------------------------------------------------------------


def test_every_posting_lies_in_one_seal_of_the_chain(posted: Books) -> None:
    proved, all_of_them = verdict(posted), postings(posted)
    assert (proved.findings, proved.unsealed_postings) == ([], 0)
    assert proved.postings == len(all_of_them) > 12
    assert {one.loan is None for one in all_of_them} == {True, False}
    with posted.read() as work:
        seals = list(reversed(work.seals.newest(None, 100)))
        proofs = proofs_of(work, all_of_them, POSTINGS)
    assert {one.book for one in seals} == {None, "ledger"}
    assert [one.previous for one in seals[1:]] == [one.hash for one in seals[:-1]]
    roots = {one.no: one.root for one in seals}
    for posting, proof in zip(all_of_them, proofs, strict=True):
        assert proof.leaf == leaf_hash(posting_bytes(posting.model_dump()))
        assert check_path(proof.leaf, proof.path, roots[proof.seal_no])


def test_what_is_sealed_of_a_posting_is_every_column_of_it() -> None:
    assert set(POSTING_FIELDS) == set(Posting.model_fields)


def test_no_posting_can_stand_for_an_entry() -> None:
    posting = dict.fromkeys(POSTING_FIELDS, "x")
    assert posting_bytes(posting) != entry_bytes({**posting, "at": "x"})
    assert posting_bytes(posting).startswith(b'{"posting":{')


def test_a_posting_that_is_written_waits_for_the_next_seal_and_its_writer_for_nobody(procedure: Procedure) -> None:
    books = procedure.books
    SealingActs(books).seal_audit(SealingOrder())
    procedure.running()
    with books.read() as work:
        assert waiting(work, POSTINGS).count > 0
    assert verdict(books).unsealed_postings > 0
    SealingActs(books).seal_audit(SealingOrder())
    proved = verdict(books)
    assert (proved.findings, proved.unsealed, proved.unsealed_postings) == ([], 0, 0)


def test_postings_of_before_are_sealed_in_batches_of_a_bounded_size(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    procedure.running()
    monkeypatch.setattr(sealing, "WINDOW", 3)
    monkeypatch.setattr(sealing, "LONGEST_SECONDS", -1)
    acts = SealingActs(procedure.books)
    while not acts.seal_audit(SealingOrder()).complete:
        pass
    with procedure.books.read() as work:
        sizes = [one.count for one in work.seals.newest(None, 1000) if one.book]
    assert max(sizes) <= 3
    assert sum(sizes) == len(postings(procedure.books))
    assert named(procedure.books) == []


# -- what was tampered with --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", POSTING_FIELDS)
def test_a_change_of_any_column_of_any_posting_names_the_posting(posted: Books, column: str) -> None:
    tried = 0
    for posting in postings(posted):
        no, was = seal_of(posted, posting.id), stored(posted, column, posting.id)
        another = ANOTHER.get(column, f"{column} || 'x'")
        if column == "id":
            another = f"'{new_id()}'"
        elif was is None or was == another.strip("'"):
            continue
        tamper(posted, f"UPDATE posting SET {column} = {another} WHERE id = '{posting.id}'")
        kind = FindingKind.POSTING_MISSING if column == "id" else FindingKind.POSTING_CHANGED
        assert named(posted) == [(kind, no, posting.id)]
        here = another if column == "id" else f"'{posting.id}'"
        tamper(posted, f"UPDATE posting SET {column} = {literal(was)} WHERE id = {here}")
        tried += 1
    # What was put back is as it was: each finding above was the only one, and now there is none.
    assert named(posted) == []
    assert tried >= len(postings(posted)) - 2


def test_a_single_bit_of_the_opening_entry_is_enough(posted: Books) -> None:
    (opening,) = (one for one in postings(posted) if one.entry == "opening")
    assert opening.loan is None
    tamper(posted, f"UPDATE posting SET amount_fen = {opening.amount_fen ^ 1} WHERE id = '{opening.id}'")
    (finding,) = verdict(posted).findings
    assert finding.sentence == f"posting {opening.id} of seal {finding.seal} was changed"


def test_a_posting_that_was_removed_is_named_and_with_its_record_missed_at_its_place(posted: Books) -> None:
    gone = postings(posted)[7]
    no = seal_of(posted, gone.id)
    tamper(posted, f"DELETE FROM posting WHERE id = '{gone.id}'")
    assert named(posted) == [(FindingKind.POSTING_MISSING, no, gone.id)]
    tamper(posted, f"DELETE FROM posting_sealed WHERE posting_id = '{gone.id}'")
    (finding,) = verdict(posted).findings
    assert (finding.kind, finding.sentence) == (
        FindingKind.POSTING_MISSING,
        f"what stood at position 2 of seal {no} is gone",
    )


def test_a_posting_that_was_added_with_an_old_id_is_named_sealed_or_not(posted: Books) -> None:
    with posted.read() as work:
        old = first_id_at(work.now - GRACE - timedelta(minutes=1))[:-1] + "7"
    values = COLUMNS.replace("id,", f"'{old}',", 1).replace("key,", f"'{old}',", 1)
    tamper(posted, f"INSERT INTO posting ({COLUMNS}) SELECT {values} FROM posting WHERE entry = 'opening'")
    assert named(posted) == [(FindingKind.POSTING_ADDED, None, old)]
    SealingActs(posted).seal_audit(SealingOrder())
    assert named(posted) == [(FindingKind.POSTING_ADDED, seal_of(posted, old), old)]


def test_a_posting_that_was_put_into_a_seal_or_elsewhere_in_it_is_named(posted: Books) -> None:
    first, second = postings(posted)[5:7]
    no = seal_of(posted, first.id)
    move = "UPDATE posting_sealed SET position = {to} WHERE posting_id = '{row}'"
    tamper(posted, move.format(to=99, row=first.id), move.format(to=0, row=second.id), move.format(to=1, row=first.id))
    assert named(posted) == [(FindingKind.POSTING_REORDERED, no, first.id)]
    added = new_id()
    tamper(posted, f"INSERT INTO posting_sealed VALUES ('{added}', {no}, 5, '{'0' * 64}')")
    assert (FindingKind.POSTING_ADDED, no, added) in named(posted)


def test_a_posting_that_was_changed_together_with_its_record_does_not_fit_the_seal(posted: Books) -> None:
    one = postings(posted)[7]
    tamper(posted, f"UPDATE posting SET amount_fen = amount_fen + 1 WHERE id = '{one.id}'")
    leaf = leaf_hash(posting_bytes({**one.model_dump(), "amount_fen": one.amount_fen + 1}))
    tamper(posted, f"UPDATE posting_sealed SET leaf = '{leaf}' WHERE posting_id = '{one.id}'")
    assert named(posted) == [(FindingKind.POSTING_REPLACED, seal_of(posted, one.id), None)]


def test_a_record_that_was_changed_is_told_from_a_posting_that_was(posted: Books) -> None:
    one = postings(posted)[7]
    tamper(posted, f"UPDATE posting_sealed SET leaf = '{'0' * 64}' WHERE posting_id = '{one.id}'")
    assert named(posted) == [(FindingKind.RECORD_CHANGED, seal_of(posted, one.id), one.id)]


def test_a_seal_cannot_be_turned_from_one_book_to_the_other(posted: Books) -> None:
    no = seal_of(posted, postings(posted)[0].id)
    tamper(posted, f"UPDATE audit_seal SET book = NULL WHERE no = {no}")
    assert (FindingKind.SEAL_CHANGED, no, None) in named(posted)
    assert (FindingKind.POSTING_ADDED, no, postings(posted)[0].id) in named(posted)


def test_an_entry_that_is_said_to_lie_among_postings_is_named(posted: Books) -> None:
    no, (hidden,) = seal_of(posted, postings(posted)[0].id), write(posted)
    tamper(posted, f"INSERT INTO audit_sealed VALUES ('{hidden}', {no}, 0, '{'0' * 64}')")
    (finding,) = verdict(posted).findings
    assert (finding.kind, finding.seal, finding.entry) == (FindingKind.ENTRY_ADDED, no, hidden)
    assert finding.sentence == f"entry {hidden} is said to lie in seal {no}, which holds no entries"


def test_seals_of_before_the_ledger_was_sealed_are_what_they_were(posted: Books) -> None:
    with posted.read() as work:
        first = work.seals.get(1)
    assert first is not None
    assert (first.book, first.hash) == (None, first.content.hash)
    told = {name: value for name, value in vars(first.content).items() if name != "book"}
    assert type(first.content)(**told).hash == first.hash
