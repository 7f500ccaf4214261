"""Documents from before each belonged to a person of its loan."""

from alembic import command
from sqlalchemy import create_engine, text

from books.schema import alembic_config, migrate
from models.customers import PartyRole
from models.loans import Stage
from models.tasks import Outcome, TaskKind
from services.document_lists import DocumentStanding
from services.documents_reading import decide
from tests.books.migrated import opened_anew
from tests.modules.test_student import PARENT
from tests.services.procedure import MANAGER, RISK, Procedure
from tests.services.test_document_lists import needed
from tests.services.test_document_people import card_of, form_of, party_of
from tests.services.test_documents_reading import NOTHING, concluded, give, reading_of, word


def test_a_document_of_before_is_the_borrowers_where_he_is_alone_and_asked_about_where_the_case_is_open(
    procedure: Procedure,
) -> None:
    alone, pair, approved = (
        procedure.apply(),
        procedure.apply("student", **PARENT),
        procedure.apply("student", **PARENT),
    )
    for loan in (alone, pair, approved):
        procedure.verify(loan)
    own, open_one, decided_one = (give(procedure, loan, loan.encode(), "id_card") for loan in (alone, pair, approved))
    taken_one, doubted = (give(procedure, pair, b"\x89PNG %d" % n, "admission_letter") for n in range(2))
    for loan, document in ((alone, own), (pair, open_one), (approved, decided_one)):
        assert not concluded(procedure, document, card_of(form_of(procedure, loan))).doubtful
    for document in (taken_one, doubted):
        concluded(procedure, document, NOTHING)
    word(procedure, pair, taken_one)
    with procedure.at() as work:
        row = work.loans.get(approved)
        row.stage = Stage.ACCEPTANCE
        work.session.add(row)

    url = procedure.books.url
    command.downgrade(alembic_config(url), "0030")
    engine = create_engine(url)
    with engine.connect() as connection:
        columns = list(connection.execute(text("SELECT * FROM document")).keys())
        assert "party_id" not in columns
        # The guard of signatures, which looks at documents, is there again.
        if procedure.books.is_sqlite:
            guard = "SELECT count(*) FROM sqlite_master WHERE name = 'signature_fits_document'"
            assert connection.execute(text(guard)).scalar_one() == 1
    engine.dispose()
    migrate(url)

    with opened_anew(procedure.books) as books:
        again = Procedure(books)
        with books.read() as work:
            kept = {one.id: one for loan in (alone, pair, approved) for one in work.documents.of_loan(loan)}
            read = {
                one.document_id
                for loan in (alone, pair, approved)
                for one in work.documents.readings(loan)
                if one.done_at
            }
        assert kept[own].party_id == party_of(again, alone, PartyRole.BORROWER)
        assert [kept[one].party_id for one in (open_one, decided_one, taken_one, doubted)] == [None] * 4
        # What agreed with somebody of an open case is read anew, and what a person decided counts as he decided.
        assert read == {own, decided_one, taken_one, doubted}
        assert needed(again, alone).standing("id_card") is DocumentStanding.HANDED_IN
        assert needed(again, approved).standing("id_card") is DocumentStanding.HANDED_IN
        assert needed(again, pair).standing("id_card") is DocumentStanding.UNREAD
        assert concluded(again, open_one, card_of(PARENT, "joint_borrower_")).doubtful
        assert again.open_tasks(pair) == [TaskKind.DOCUMENT]
        borrower = party_of(again, pair, PartyRole.BORROWER)
        for document, actor in ((open_one, MANAGER), (doubted, RISK)):
            with again.at() as work:
                decide(work, actor, work.loans.get(pair), document, Outcome.APPROVE, "seen by eye", borrower)
        assert reading_of(again, open_one).outcome is Outcome.APPROVE
        assert again.open_tasks(pair) == []
        assert needed(again, pair).missing == ()
