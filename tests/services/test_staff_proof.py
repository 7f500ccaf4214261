"""Who somebody is, changed by plain statements: refused while the guards stand, named by the proof without them."""

import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from books.guards import guards_aside
from books.session import Books
from books.sign_in import secret_digest
from books.staff import Account
from models.audit import AuditEntry
from models.identity_provider import ProvidedIdentity
from models.keys import new_id
from models.sign_in import ClientSecret, RecoveryCode, StaffCredential, WebSession
from models.staff import Actor, Role, Scope, Staff
from services.audit import SYSTEM, record
from services.audit_findings import FindingKind
from services.audit_proof import verify
from services.passwords import hashed
from services.sign_in import (
    Origin,
    choose_password,
    enrol,
    enter_from_provider,
    enter_with_password,
    fresh_recovery_codes,
    is_second_factor,
    kept_hash,
)
from services.sign_in_machines import add_secret
from services.staff import add_machine, add_person, disable, enable, forget_identity, give_password
from services.staff_changes import change_machine, change_person
from services.standing import StandingNotProved
from tests.books.flips import one_byte_another, put, stored, without_guards
from tests.console.running import loanwright
from tests.services.audit_log import of_act, outsider, seal, tamper
from tests.services.procedure import ADMIN
from tests.services.unguarded import unguarded
from tests.web.sign_in import Authenticator

HERE = Origin("10.0.0.1")
SOMEBODY, MACHINE, DISABLED = "agent-neu", "machine-neu", "risk-shen"
HASH = hashed("vier Pferde ziehen einen Wagen")

WHO = {
    "role": ("finance-sun", "UPDATE staff SET role = 'risk' WHERE id = 'finance-sun'"),
    "no role": ("finance-sun", "UPDATE staff SET role = 'boss' WHERE id = 'finance-sun'"),
    "manager": ("agent-lin", "UPDATE staff SET manager_id = 'manager-feng' WHERE id = 'agent-lin'"),
    "no manager": ("agent-lin", "UPDATE staff SET manager_id = NULL WHERE id = 'agent-lin'"),
    "customer": ("auditor-wei", "UPDATE staff SET customer_id = 'c' WHERE id = 'auditor-wei'"),
    "scopes": ("integrator-demo", "UPDATE staff SET scopes = 'payments' WHERE id = 'integrator-demo'"),
    "scopes taken": (MACHINE, f"UPDATE staff SET scopes = NULL WHERE id = '{MACHINE}'"),
    "active": (DISABLED, f"UPDATE staff SET active = true WHERE id = '{DISABLED}'"),
}
"""Columns of `staff` that say who somebody is, and whom the proof has to name."""
KNOWN = {
    "password": (SOMEBODY, "UPDATE staff_credential SET password_hash = 'known'"),
    "one-time password": (SOMEBODY, "UPDATE staff_credential SET valid_until = set_at"),
    "change of password": (SOMEBODY, "UPDATE staff_credential SET must_change = true"),
    "authenticator": (SOMEBODY, "UPDATE staff_credential SET totp_confirmed_at = NULL"),
    "no credential": (SOMEBODY, "DELETE FROM staff_credential"),
    "planted code": (
        SOMEBODY,
        "INSERT INTO recovery_code (code_hash, staff_id, created_at) "
        "SELECT 'planted', staff_id, created_at FROM recovery_code LIMIT 1",
    ),
    "used codes": (SOMEBODY, "UPDATE recovery_code SET used_at = created_at"),
    "unused code": (SOMEBODY, "UPDATE recovery_code SET used_at = NULL"),
    "key": (SOMEBODY, f"UPDATE staff SET key_hash = 'known' WHERE id = '{SOMEBODY}'"),
    "planted secret": (
        MACHINE,
        "INSERT INTO client_secret (id, staff_id, secret_hash, created_at) "
        "SELECT 'planted', staff_id, 'planted', created_at FROM client_secret LIMIT 1",
    ),
    "secret": (MACHINE, "UPDATE client_secret SET secret_hash = substr(secret_hash, 2)"),
    "another at the provider": (SOMEBODY, "UPDATE provider_identity SET identity_digest = 'known'"),
    "nobody at the provider": (SOMEBODY, "DELETE FROM provider_identity"),
    "planted at the provider": (
        "admin-gu",
        "INSERT INTO provider_identity (staff_id, identity_digest, bound_at) "
        "SELECT 'admin-gu', 'known', bound_at FROM provider_identity",
    ),
    "end of a secret": (MACHINE, "UPDATE client_secret SET ends_at = NULL"),
}
"""By what somebody is known."""


@pytest.fixture
def house(books: Books) -> Books:
    """Somebody who did everything that changes by what he is known, a machine, and one who was disabled."""
    with books.begin() as work:
        add_person(work, SYSTEM, SOMEBODY, "新同事", Role.AGENT)
    with books.begin() as work:
        given, _ = enter_with_password(work, SOMEBODY, kept_hash(work, SOMEBODY), HERE)
        held = work.sign_in.session_with(secret_digest(given), work.now)
        assert held is not None
        choose_password(work, held[0], HASH, HERE)
    with books.begin() as work:
        session = work.session.get_one(WebSession, held[0].id)
        secret = work.session.get_one(StaffCredential, SOMEBODY).totp_secret
        assert secret is not None
        assert enrol(work, session, Authenticator(secret).code(), HERE) is not None
        himself = Actor(SOMEBODY, Role.AGENT)
        codes = fresh_recovery_codes(work, himself)
        assert is_second_factor(work, work.session.get_one(StaffCredential, SOMEBODY), himself, codes[0])
        enter_from_provider(work, ProvidedIdentity(SOMEBODY, "https://id.example", "1", True), HERE)
        account = add_machine(work, SYSTEM, MACHINE, "新接口", frozenset({Scope.LOANS_READ}))
        for _ in range(2):
            add_secret(work, SYSTEM, account)
        disable(work, ADMIN, DISABLED)
    return books


def tamper_and_guard_again(books: Books, *statements: str) -> None:
    """Statements of somebody who puts the guards back afterwards."""
    tables = ["staff", "staff_standing", "audit_entry", "client_secret"]
    with books.begin() as work, guards_aside(work.session.connection(), tables):
        for statement in statements:
            work.session.connection().execute(text(statement))


def found(books: Books) -> list[tuple[FindingKind, str | None]]:
    with books.read() as work:
        return [(one.kind, one.staff) for one in verify(work).findings]


def test_no_act_leaves_anything_that_the_proof_would_name(house: Books) -> None:
    assert found(house) == []
    with house.begin() as work:
        give_password(work, ADMIN, SOMEBODY, new_authenticator=True)
        forget_identity(work, ADMIN, SOMEBODY, "another account there")
        enable(work, ADMIN, DISABLED)
        disable(work, ADMIN, MACHINE)
        change_person(work, ADMIN, SOMEBODY, "moves", role=Role.RISK, manager_id="manager-zhao")
        change_machine(work, ADMIN, MACHINE, "less", scopes=frozenset({Scope.PAYMENTS}))
    assert found(house) == []


@pytest.mark.parametrize("what", WHO)
def test_the_database_refuses_to_say_of_somebody_what_no_act_said(house: Books, what: str) -> None:
    with pytest.raises(DBAPIError, match="newest standing"), house.engine.begin() as connection:
        connection.execute(text(WHO[what][1]))
    assert found(house) == []


@pytest.mark.parametrize("what", [*WHO, *KNOWN])
def test_whoever_was_changed_without_the_guards_is_named(house: Books, what: str) -> None:
    who, statement = (WHO | KNOWN)[what]
    tamper(house, statement)
    kind = FindingKind.STAFF_CHANGED if what in WHO else FindingKind.CREDENTIAL_CHANGED
    assert found(house) == [(kind, who)]


def test_what_nobody_can_read_is_named_and_hides_no_other(house: Books) -> None:
    if not house.is_sqlite:
        # PostgreSQL keeps an instant for an instant.
        return
    with house.begin() as work:
        add_person(work, SYSTEM, "agent-two", "另一位", Role.AGENT)
    tamper(
        house,
        f"UPDATE staff_credential SET totp_confirmed_at = 'soon' WHERE staff_id = '{SOMEBODY}'",
        "UPDATE staff_credential SET password_hash = 'known' WHERE staff_id = 'agent-two'",
    )
    assert found(house) == [(FindingKind.CREDENTIAL_CHANGED, one) for one in (SOMEBODY, "agent-two")]


COLUMNS: list[tuple[type[SQLModel], str, str | None, str]] = [
    (Staff, "id", SOMEBODY, f"id = '{SOMEBODY}'"),
    (StaffCredential, "staff_id", SOMEBODY, f"staff_id = '{SOMEBODY}'"),
    (RecoveryCode, "code_hash", SOMEBODY, "used_at IS NULL"),
    (ClientSecret, "id", MACHINE, "ends_at IS NOT NULL"),
    (AuditEntry, "id", None, f"act = 'staff_added' AND subject = '{SOMEBODY}'"),
    (AuditEntry, "id", None, f"act = 'password_changed' AND subject = '{SOMEBODY}'"),
]
"""A row of each table that says who somebody is: its key, who has to be named, and how the row is found."""
NOT_PROVED = {
    Staff: {"name"},
    StaffCredential: {"set_at", "totp_secret", "totp_last_step"},
    RecoveryCode: {"created_at"},
    ClientSecret: {"id", "created_at"},
    AuditEntry: set[str](),
}


def some_bytes(was: object, *, is_sqlite: bool) -> list[object]:
    """Of a stored value the first, a middle and the last byte, each changed in every way, and whole other values."""
    # There is one way to change a byte on PostgreSQL, and there are three on SQLite, which takes any.
    every, ways = list(one_byte_another(was, is_sqlite=is_sqlite)), 3 if is_sqlite else 1
    middle = len(every) // (2 * ways) * ways
    return list(dict.fromkeys([*every[:ways], *every[middle : middle + ways], *every[-ways:], "[1]", "{}"]))


@pytest.mark.parametrize("row", COLUMNS, ids=lambda one: f"{one[0].__name__} {one[3]}")
def test_no_byte_hides_anybody_else(house: Books, row: tuple[type[SQLModel], str, str | None, str]) -> None:
    table, key, who, which = row
    seal(house)
    tamper(house, WHO["role"][1])
    name = str(table.__tablename__)
    missed, tried = [], 0
    with without_guards(house) as connection:
        place = connection.execute(text(f"SELECT {key} FROM {name} WHERE {which} ORDER BY {key} LIMIT 1")).scalar_one()
        for column in table.model_fields:
            was = stored(connection, name, key, place, column)
            for other in some_bytes(was, is_sqlite=house.is_sqlite):
                if not put(connection, name, key, place, column, other):
                    continue
                there = other if column == key else place
                tried += 1
                with house.read() as work:
                    findings = verify(work).findings
                assert put(connection, name, key, there, column, was)
                told = {(one.kind, one.staff) for one in findings}
                is_named = {one.staff if who is not None else one.entry for one in findings} >= {who or place}
                if (FindingKind.STAFF_CHANGED, "finance-sun") not in told:
                    missed.append((column, other, "finance-sun"))
                if not is_named and column not in NOT_PROVED[table]:
                    missed.append((column, other, who or place))
    assert missed == []
    # PostgreSQL takes no instant, flag or number that is none.
    assert tried > (20 if house.is_sqlite else 10)
    assert found(house) == [(FindingKind.STAFF_CHANGED, "finance-sun")]


ANOTHER = (
    "INSERT INTO staff (id, name, role, key_hash, active) "
    "SELECT 'risk-neu', name, 'risk', 'known', true FROM staff WHERE id = 'risk-qian'"
)


def test_nobody_is_added_by_a_statement(house: Books) -> None:
    with pytest.raises(DBAPIError, match="newest standing"), house.engine.begin() as connection:
        connection.execute(text(ANOTHER))
    tamper(house, ANOTHER)
    assert found(house) == [(kind, "risk-neu") for kind in (FindingKind.STAFF_ADDED, FindingKind.CREDENTIAL_CHANGED)]


def test_whoever_was_removed_is_named(house: Books) -> None:
    tamper(house, "DELETE FROM staff WHERE id = 'finance-sun'")
    assert found(house) == [(FindingKind.STAFF_MISSING, "finance-sun")]


STANDING = (
    "INSERT INTO staff_standing (staff_id, version, role, active, entry_id) "
    "VALUES ('finance-sun', {}, '{}', true, '{}')"
)
RISK = {"role": "risk", "manager": None, "customer": None, "scopes": None, "active": True}


def written(books: Books, subject: str = "finance-sun", act: str = "staff_changed", *, refused: bool = False) -> str:
    with books.begin() as work:
        return record(work, ADMIN, act, subject=subject, after=RISK, reason="?", refused=refused)


def test_a_version_says_what_its_entry_says_and_takes_an_entry_of_its_own(house: Books) -> None:
    with house.read() as work:
        first = work.staff.standing("finance-sun")
        assert first is not None
    statements = {
        "no entry": STANDING.format(2, "risk", new_id()),
        "of somebody else": STANDING.format(2, "risk", written(house, "finance-zhou")),
        "of a refusal": STANDING.format(2, "risk", written(house, refused=True)),
        "of another act": STANDING.format(2, "risk", written(house, act="approval_decided")),
        "another role": STANDING.format(2, "admin", written(house)),
        "another active": STANDING.format(2, "risk", written(house)).replace("true", "false"),
        "not the next": STANDING.format(3, "risk", written(house)),
        "an older entry": STANDING.format(2, "finance", first.entry_id),
    }
    for why, statement in statements.items():
        with pytest.raises(DBAPIError) as refused, house.engine.begin() as connection:
            connection.execute(text(statement))
        words = "unique" if why == "an older entry" else "what its audit entry says"
        assert words in str(refused.value).lower(), why


STANDS_AS_RISK = "UPDATE staff_standing SET role = 'risk' WHERE staff_id = 'finance-sun'"
EVIL = (
    "CREATE TRIGGER evil AFTER UPDATE OF active ON staff WHEN NEW.id = 'finance-sun' AND NEW.role = 'finance' "
    "BEGIN UPDATE staff SET role = 'risk' WHERE id = 'finance-sun'; END"
)


def test_a_version_that_is_not_what_its_entry_says_is_named_and_nothing_is_built_on_it(house: Books) -> None:
    with house.begin() as work, unguarded(work, "staff_standing"):
        work.session.connection().execute(text(STANDS_AS_RISK))
    named = [(FindingKind.STANDING_CHANGED, "finance-sun")]
    assert found(house) == named
    with pytest.raises(StandingNotProved, match="finance-sun"), house.begin() as work:
        change_person(work, ADMIN, "finance-sun", "moves", manager_id="manager-zhao")
    with house.begin() as work:
        disable(work, ADMIN, "finance-sun")
    with house.begin() as work:
        enable(work, ADMIN, "finance-sun")
    with house.read() as work:
        entries = [one for act in ("staff_disabled", "staff_enabled") for one in of_act(work, act)]
        account = work.staff.account("finance-sun")
    said = [(one.before or {})["role"] + (one.after or {})["role"] for one in entries if one.subject == "finance-sun"]
    assert said == ["financefinance"] * 2
    assert account == Account("finance-sun", Role.FINANCE, active=True, scopes=None)
    assert found(house) == named


def test_no_act_of_an_administrator_seals_what_was_forged(house: Books) -> None:
    if not house.is_sqlite:
        return
    tamper(house, STANDS_AS_RISK, EVIL)
    with house.begin() as work:
        disable(work, ADMIN, "finance-sun")
    with pytest.raises(StandingNotProved), house.begin() as work:
        enable(work, ADMIN, "finance-sun")
    assert set(found(house)) == {
        (kind, "finance-sun") for kind in (FindingKind.STANDING_CHANGED, FindingKind.STAFF_CHANGED)
    }


FORGED = {
    "standing": (STANDS_AS_RISK,),
    "no standing": ("DELETE FROM staff_standing WHERE staff_id = 'finance-sun'",),
    "no role": ("UPDATE staff_standing SET role = 'boss' WHERE staff_id = 'finance-sun'", WHO["no role"][1]),
    "row": (WHO["role"][1],),
    "another entry": ("UPDATE staff_standing SET entry_id = 'x' WHERE staff_id = 'finance-sun'",),
    "entry": ("UPDATE audit_entry SET after = '[1]' WHERE subject = 'finance-sun'",),
    "no entry": ("DELETE FROM audit_entry WHERE subject = 'finance-sun'",),
    "nothing but a row": (
        "DELETE FROM audit_entry WHERE subject = 'finance-sun'",
        "DELETE FROM staff_standing WHERE staff_id = 'finance-sun'",
    ),
}


@pytest.mark.parametrize("what", FORGED)
def test_whoever_must_be_kept_out_is_whatever_was_forged(house: Books, what: str) -> None:
    tamper_and_guard_again(house, *FORGED[what])
    assert {who for _, who in found(house)} == {"finance-sun"}
    with pytest.raises(StandingNotProved), house.begin() as work:
        enable(work, ADMIN, "finance-sun")
    with house.begin() as work:
        disable(work, ADMIN, "finance-sun")
    with house.read() as work:
        account = work.staff.account("finance-sun")
        assert account is not None
    nothing_said = what in ("entry", "no entry", "nothing but a row")
    assert (account.active, account.role) == (False, Role.STRANGER if nothing_said else Role.FINANCE)
    # What was forged in a version or an entry stays to be seen; a row is only what the newest version says.
    assert {who for _, who in found(house)} == (set() if what == "row" else {"finance-sun"})


def test_a_machine_whose_secrets_nobody_can_read_is_kept_out(house: Books) -> None:
    if not house.is_sqlite:
        # PostgreSQL keeps a text for a text.
        return
    tamper_and_guard_again(house, "UPDATE client_secret SET secret_hash = CAST(x'80' || CAST(id AS BLOB) AS TEXT)")
    with house.begin() as work:
        disable(work, ADMIN, MACHINE)
    with house.read() as work:
        assert work.staff.account(MACHINE) == Account(MACHINE, Role.INTEGRATOR, active=False, scopes="loans:read")
    assert found(house) == [(FindingKind.CREDENTIAL_CHANGED, MACHINE)]


VERSIONS = {
    "gap": f"DELETE FROM staff_standing WHERE staff_id = '{DISABLED}' AND version = 1",
    "the newest is gone": f"DELETE FROM staff_standing WHERE staff_id = '{DISABLED}' AND version = 2",
    "no number": f"UPDATE staff_standing SET version = 0 WHERE staff_id = '{DISABLED}' AND version = 1",
    "before": (
        "UPDATE audit_entry SET before = replace(CAST(before AS TEXT), 'risk', 'admin') "
        f"WHERE subject = '{DISABLED}' AND act = 'staff_disabled'"
    ),
    "planted": STANDING.format(7, "risk", "planted"),
}


@pytest.mark.parametrize("what", VERSIONS)
def test_versions_follow_one_another(house: Books, what: str) -> None:
    statement = VERSIONS[what]
    if what == "before" and not house.is_sqlite:
        statement = statement.replace("'admin') ", "'admin')::json ")
    tamper(house, statement)
    kinds = {kind for kind, _ in found(house)}
    assert FindingKind.STANDING_CHANGED in kinds
    assert {who for _, who in found(house)} == {"finance-sun" if what == "planted" else DISABLED}


def test_the_command_names_whoever_was_changed(books: Books) -> None:
    of_these = {"LOANWRIGHT_DATABASE_URL": books.url}
    assert loanwright("audit", "verify", environment=of_these).code == 0
    tamper(books, WHO["role"][1])

    ended = loanwright("audit", "verify", environment=of_these)

    said = "role of finance-sun was changed: it is 'risk', and 'finance' by the last act about it"
    assert (ended.code, said in ended.out) == (1, True), ended.out
    (finding,) = json.loads(loanwright("audit", "verify", "--json", environment=of_these).out)["findings"]
    assert (finding["kind"], finding["staff"]) == ("staff_changed", "finance-sun")


def test_a_replaced_row_is_refused_from_a_connection_that_is_not_ours(house: Books) -> None:
    if not house.is_sqlite:
        return
    with outsider(house) as connection, pytest.raises(Exception, match="newest standing"):
        connection.execute(
            "INSERT OR REPLACE INTO staff (id, name, role, key_hash, active) "
            "SELECT id, name, 'risk', key_hash, active FROM staff WHERE id = 'finance-sun'"
        )
