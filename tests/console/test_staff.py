"""`loanwright staff` and `loanwright clients`: who works here, and which machines."""

import pytest

from books.session import Books
from models.sign_in import SignInMethod, StaffCredential
from models.staff import Actor, Role
from services.sign_in import Origin, enter_borrower, session_of
from services.sign_in_machines import Token, issue_token
from services.sign_in_tries import may_send
from tests.console.running import Ended, loanwright
from tests.services.procedure import Procedure


def run(*arguments: str) -> Ended:
    return loanwright(*arguments)


def acts(books: Books, subject: str) -> list[tuple[str, str, bool]]:
    with books.read() as work:
        return [(one.act, one.actor_id, one.refused) for one in work.audit.page() if one.subject == subject]


@pytest.mark.usefixtures("books")
def test_only_roles_of_staff_are_offered() -> None:
    refused = run("staff", "add", "boss-neu", "--name", "新同事", "--role", "boss")
    assert refused.code == 2
    assert all(f"'{role}'" in refused.err for role in ("admin", "agent", "auditor", "finance", "manager", "risk"))
    assert not any(role in refused.err for role in ("borrower", "co_signer", "integrator", "system", "stranger"))


def test_a_person_is_added_gets_another_password_and_is_disabled(books: Books) -> None:
    added = run("staff", "add", "risk-neu", "--name", "新同事", "--role", "risk")
    assert added.code == 0, added.err
    assert len(added.out.strip()) == 16
    again = run("staff", "password", "risk-neu", "--new-authenticator", "--actor", "admin-gu")
    assert again.code == 0, again.err
    assert again.out != added.out
    assert run("staff", "sign-out", "risk-neu", "--actor", "admin-gu").code == 0
    assert run("staff", "disable", "risk-neu", "--actor", "admin-gu").code == 0

    listed = run("staff", "list")
    assert [line.split("│")[1:3] for line in listed.out.splitlines() if "risk-neu" in line]
    assert "新同事" not in listed.out
    with books.read() as work:
        person = work.staff.get("risk-neu")
        assert person is not None
        assert (person.name, person.active) == ("新同事", False)
        assert work.session.get(StaffCredential, "risk-neu") is not None
    assert acts(books, "risk-neu") == [
        ("staff_added", "operator", False),
        ("password_given", "admin-gu", False),
        ("sessions_ended", "admin-gu", False),
        ("staff_disabled", "admin-gu", False),
    ]
    assert run("staff", "enable", "risk-neu").code == 0


def test_somebody_of_the_staff_ends_a_borrowers_sessions(books: Books) -> None:
    procedure = Procedure(books)
    loan, other = procedure.apply(), procedure.apply()
    customer, another = procedure.loan(loan).customer_id, procedure.loan(other).customer_id
    with books.begin() as work:
        cookies = [enter_borrower(work, one, SignInMethod.SMS_CODE, Origin()) for one in (customer, another)]

    ended = run("staff", "sign-out-borrower", loan, "--actor", "admin-gu")

    assert (ended.code, "1 sessions" in ended.err) == (0, True), ended.err
    with books.read() as work:
        assert [session_of(work, one) is not None for one in cookies] == [False, True]
    assert acts(books, customer)[-1] == ("sessions_ended", "admin-gu", False)
    refused = run("staff", "sign-out-borrower", other, "--actor", "agent-lin")
    assert (refused.code, "may not" in refused.err) == (1, True), refused.err


def test_somebody_of_the_staff_has_a_borrower_sent_codes_again(books: Books) -> None:
    procedure = Procedure(books)
    mobile = "19911110001"
    loan, other = procedure.graded(mobile=mobile), procedure.apply()
    customer = procedure.loan(loan).customer_id

    def is_sent() -> bool:
        with books.begin() as work:
            return may_send(work, mobile, "10.0.0.9")

    with books.begin() as work:
        assert may_send(work, mobile, "10.0.0.1")
    assert not is_sent()

    done = run("staff", "allow-codes", loan, "--actor", "admin-gu")

    assert (done.code, "is sent codes again" in done.err) == (0, True), done.err
    assert is_sent()
    assert acts(books, customer)[-1] == ("sign_in_codes_allowed", "admin-gu", False)
    refused = run("staff", "allow-codes", other, "--actor", "agent-lin")
    assert (refused.code, "may not" in refused.err) == (1, True), refused.err


def test_somebody_gets_another_role_and_a_machine_other_scopes(books: Books) -> None:
    reason = ("--reason", "leads a team", "--actor", "admin-gu")
    changed = run("staff", "change", "agent-lin", "--role", "manager", "--no-manager", *reason)
    assert (changed.code, "sign in again" in changed.err) == (0, True), changed.err
    moved = run("staff", "change", "agent-he", "--manager", "agent-lin", *reason)
    assert moved.code == 0, moved.err
    machine = run("clients", "change", "integrator-demo", "--scope", "loans:read", "--reason", "reads only")
    assert machine.code == 0, machine.err

    with books.read() as work:
        rows = [work.staff.get(one) for one in ("agent-lin", "agent-he", "integrator-demo")]
        assert [(one.role, one.manager_id, one.scopes) for one in rows if one is not None] == [
            ("manager", None, None),
            ("agent", "agent-lin", None),
            ("integrator", "manager-zhao", "loans:read"),
        ]
    assert acts(books, "agent-lin")[-1] == ("staff_changed", "admin-gu", False)
    assert run("audit", "verify").code == 0
    himself = run("staff", "change", "admin-gu", "--role", "risk", *reason)
    assert (himself.code, "nobody changes his own role" in himself.err) == (1, True), himself.err
    assert acts(books, "admin-gu")[-1] == ("staff_added", "system", False)


def test_the_customers_of_somebody_are_handed_over(books: Books) -> None:
    procedure = Procedure(books)
    loan = procedure.apply(actor=Actor("agent-lin", Role.AGENT))
    of_whom = ("staff", "hand-over", "agent-lin", "agent-tang", "--reason", "left")

    refused = run(*of_whom, "--actor", "risk-qian")
    assert (refused.code, "may not" in refused.err) == (1, True), refused.err
    done = run(*of_whom, "--actor", "admin-gu")

    assert (done.code, "agent-tang looks after 1 customers of agent-lin" in done.err) == (0, True), done.err
    with books.read() as work:
        assert work.customers.of_loan(loan).owner_id == "agent-tang"
    assert acts(books, "agent-lin")[-1] == ("customers_handed_over", "admin-gu", False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "Risk Neu", "--name", "x", "--role", "risk"), "small letters"),
        (("add", "risk-qian", "--name", "x", "--role", "risk"), "somebody's id already"),
        (("add", "risk-neu", "--name", " ", "--role", "risk"), "a name is needed"),
        (("add", "risk-neu", "--name", "x", "--role", "agent", "--manager", "risk-qian"), "not the id of a manager"),
        (("change", "agent-lin", "--role", "agent", "--reason", "x"), "is that already"),
        (("change", "agent-lin", "--role", "risk", "--reason", " "), "say why"),
        (("change", "auditor-wei", "--role", "agent", "--reason", "x"), "the only auditor"),
        (("change", "manager-feng", "--role", "agent", "--reason", "x"), "1 are in the team"),
        (("change", "integrator-demo", "--no-manager", "--reason", "x"), "no member of staff"),
        (("change", "agent-lin", "--role", "risk", "--reason", "x", "--actor", "risk-qian"), "may not"),
        (("hand-over", "agent-lin", "risk-qian", "--reason", "x"), "no agent who may come in"),
        (("hand-over", "agent-lin", "agent-he", "--reason", "x"), "looks after no customer"),
        (("password", "nobody-here"), "nobody has the id"),
        (("password", "integrator-demo"), "does not sign in with a password"),
        (("disable", "nobody-here"), "nobody has the id"),
        (("disable", "agent-lin", "--actor", "risk-qian"), "risk"),
        (("disable", "agent-lin", "--actor", "nobody-here"), "nobody with the id"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(books: Books, arguments: tuple[str, ...], said: str) -> None:
    ended = run("staff", *arguments)

    assert (ended.code, ended.out) == (1, "")
    assert said in ended.err
    with books.read() as work:
        assert len(work.staff.all()) == 12
        assert all(one.active for one in work.staff.all())


def test_a_machine_gets_an_account_and_new_secrets(books: Books) -> None:
    scopes = ("--scope", "applications", "--scope", "loans:read")
    added = run("clients", "add", "dealer-system", "--name", "经销商系统", *scopes)
    assert added.code == 0, added.err
    rotated = run("clients", "rotate", "dealer-system")
    assert rotated.code == 0, rotated.err

    def is_good(ended: Ended) -> bool:
        with books.begin() as work:
            return isinstance(issue_token(work, "dealer-system", ended.out.strip(), None, None), Token)

    assert [is_good(added), is_good(rotated)] == [True, True]
    third = run("clients", "rotate", "dealer-system")
    assert (third.code, "two secrets" in third.err) == (1, True)
    leaked = run("clients", "rotate", "dealer-system", "--overlap-hours", "0")
    assert [is_good(one) for one in (added, rotated, leaked)] == [False, False, True]
    assert run("clients", "disable", "dealer-system").code == 0
    assert not is_good(leaked)
    enabled = run("clients", "enable", "dealer-system")
    assert (enabled.code, "loanwright clients rotate dealer-system" in " ".join(enabled.err.split())) == (0, True)
    assert [is_good(one) for one in (added, rotated, leaked)] == [False, False, False]
    assert run("clients", "rotate", "risk-qian").code == 1
