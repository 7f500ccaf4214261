"""The page of who may do what is as the tables are that the program asks."""

from models.staff import Role
from services.permissions import MEANINGS, TABLE, Action
from tests.docs.pages import page
from tools.permission_matrix import text


def test_the_page_is_written_from_the_tables_of_today() -> None:
    assert page("permissions.md").read_text(encoding="utf-8") == text(), "run python -m tools.permission_matrix"


def test_every_action_has_its_roles_and_its_words() -> None:
    assert TABLE.keys() == MEANINGS.keys() == set(Action)
    assert all(roles and roles <= set(Role) for roles in TABLE.values())
    spoken = [one for words in MEANINGS.values() for one in words]
    assert len(spoken) == len(set(spoken))


def test_a_co_signer_and_the_system_sign_in_nowhere() -> None:
    assert not [action for action, roles in TABLE.items() if Role.CO_SIGNER in roles]
    assert [action for action, roles in TABLE.items() if Role.SYSTEM in roles] == [Action.ORDER_PAPERS]
