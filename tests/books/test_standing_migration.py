"""People of before what they are was kept in versions."""

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from books.schema import alembic_config, migrate
from books.session import Books
from models.staff import Role, Scope
from services.audit import SYSTEM
from services.audit_findings import FindingKind
from services.audit_proof import verify
from services.sign_in_machines import add_secret
from services.staff import add_machine, add_person, disable
from services.staff_changes import change_person
from tests.services.audit_log import of_act, tamper

STAFF = text("SELECT id, name, role, manager_id, customer_id, scopes, active, key_hash FROM staff ORDER BY id")


def test_everybody_stands_as_he_stood_and_is_proved_from_then_on(books: Books) -> None:
    with books.begin() as work:
        add_person(work, SYSTEM, "agent-neu", "新同事", Role.AGENT, "manager-zhao")
        account = add_machine(work, SYSTEM, "machine-neu", "新接口", frozenset({Scope.LOANS_READ}))
        for _ in range(2):
            add_secret(work, SYSTEM, account)
        disable(work, SYSTEM, "risk-shen")
    command.downgrade(alembic_config(books.url), "0038")
    engine = create_engine(books.url)
    assert "staff_standing" not in inspect(engine).get_table_names()
    with engine.begin() as connection:
        # A role could be changed by hand alone, and nothing proves that it was not.
        connection.execute(text("UPDATE staff SET role = 'manager', manager_id = NULL WHERE id = 'agent-he'"))
        before = connection.execute(STAFF).all()
    migrate(books.url)
    with engine.connect() as connection:
        assert connection.execute(STAFF).all() == before
    engine.dispose()

    with books.read() as work:
        assert verify(work).findings == []
        taken = {one.subject: one for one in of_act(work, "staff_taken_over")}
        assert sorted(filter(None, taken)) == [row.id for row in before]
        standing = work.staff.standing("agent-he")
        assert standing is not None
        assert (standing.version, standing.who["role"], standing.entry_id) == (1, Role.MANAGER, taken["agent-he"].id)
        assert taken["agent-he"].actor_id == "migration"
    with pytest.raises(DBAPIError, match="newest standing"), books.engine.begin() as connection:
        connection.execute(text("UPDATE staff SET role = 'risk' WHERE id = 'agent-he'"))
    with books.begin() as work:
        change_person(work, SYSTEM, "agent-he", "is an agent again", role=Role.AGENT, manager_id="manager-zhao")
    with books.read() as work:
        assert verify(work).findings == []
    tamper(books, "UPDATE audit_entry SET act = 'staff_changed' WHERE act = 'staff_added' AND subject = 'agent-lin'")
    with books.read() as work:
        # What was said before anything was said in versions is no version's.
        assert {one.staff for one in verify(work).findings} == set()
    tamper(books, "UPDATE client_secret SET secret_hash = substr(secret_hash, 2)")
    with books.read() as work:
        assert [(one.kind, one.staff) for one in verify(work).findings] == [
            (FindingKind.CREDENTIAL_CHANGED, "machine-neu")
        ]
