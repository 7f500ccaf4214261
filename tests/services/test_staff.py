"""People and machines of the lender: who can be added."""

import pytest

from books.session import Books
from models.staff import Role, Scope
from services.audit import SYSTEM
from services.staff import InvalidPerson, add_machine, add_person


@pytest.mark.parametrize("manager", ["nobody", "agent-lin"])
def test_a_person_or_machine_belongs_to_a_manager_or_to_nobody(books: Books, manager: str) -> None:
    with books.begin() as work:
        with pytest.raises(InvalidPerson, match="manager"):
            add_person(work, SYSTEM, "agent-new", "新人", Role.AGENT, manager)
        with pytest.raises(InvalidPerson, match="manager"):
            add_machine(work, SYSTEM, "machine-new", "新接口", frozenset({Scope.LOANS_READ}), manager)
        assert add_machine(work, SYSTEM, "machine-new", "新接口", frozenset({Scope.LOANS_READ}), "manager-zhao").active
