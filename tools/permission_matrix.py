"""Writes docs/permissions.md from the tables that the program asks: `python -m tools.permission_matrix`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from temporalio.client import Client

from api.app import create_app
from api.context import ApiContext, NoticeReader
from api.permitted import PERMITTED as OF_API
from books.session import Books
from engine.commands import LoanCommands
from models.staff import Role
from services.permissions import MEANINGS, OPEN, SCOPE_OF, TABLE
from services.permitted_routes import Permitted
from services.refusals import MOST_EACH
from web.app import create_web
from web.context import ReceivingAccount, WebContext
from web.permitted import PERMITTED as OF_WEB
from web.permitted import roles_of

PAGE = Path(__file__).resolve().parents[1] / "docs" / "permissions.md"
COLUMNS = tuple(role for role in Role if role not in (Role.SYSTEM, Role.STRANGER))
OPENING = """# Who may do what

This page is written by `python -m tools.permission_matrix` from the table that the program itself asks
(`TABLE` in `services/permissions.py`); a test fails when it is not up to date.

- **One place checks.** Before a route runs, API and pages each look its name up in a table (`api/permitted.py`,
  `web/permitted.py`) and ask `require(actor, action)`. An application with a route that its table does not name does
  not start.
- **Rows come on top** (`books/scope.py`). Borrowers see their own loans, agents those of their customers and those that
  they entered, managers those of their team, of customers whom nobody looks after and of people without a manager who
  may come in, integrators those that they entered; risk, finance, auditors and administrators see all. What somebody
  may not see is answered as what there is not.
- **So do the rules of each act**: four eyes, the own case, authority by amount. They stand in the services, and the
  database holds many of them.
- **Refusals are recorded** with who, role, action, address and request id: what a role may not do, and what somebody
  may not see, whether it is there or not; a stranger's too. Above {each} a minute of one person, or of strangers at one
  address, they are counted, in one entry.
- **What a customer handed in** asks for `open_documents` besides, where one address gives out the lender's papers too.
- **A machine's token** needs the scope besides, where it was issued with scopes.
- **A co-signer signs in nowhere**: his link and the code on his mobile let him into his own page alone.

## Actions
"""
API_OPENING = """
## Addresses of the API

Below `/api/v1`.
"""
WEB_OPENING = """
## Pages

"""
ANYBODY = "anybody"


def text() -> str:
    """The whole page."""
    return "".join(
        (
            OPENING.format(each=MOST_EACH),
            "\n",
            *_actions(),
            API_OPENING,
            "\n",
            *_addresses(),
            WEB_OPENING,
            *_pages(),
        )
    )


def _actions() -> Iterator[str]:
    yield _row(("may", *(role.value.replace("_", "-") for role in COLUMNS), "scope"))
    yield _row(("---", *(":-:" for _ in COLUMNS), "---"))
    for action, roles in TABLE.items():
        marks = ("●" if role in roles else "" for role in COLUMNS)
        yield _row((f"{MEANINGS[action][0]} · {MEANINGS[action][1]}", *marks, SCOPE_OF.get(action, "")))


def _addresses() -> Iterator[str]:
    yield _row(("address", "action"))
    yield _row(("---", "---"))
    for route in _routes(api_app()):
        yield _row((_spelled(route).replace("/api/v1", ""), _asked(route, OF_API)))


def _pages() -> Iterator[str]:
    yield _row(("page", "action", "who"))
    yield _row(("---", "---", "---"))
    for route in _routes(web_app()):
        if route.endpoint is not None and route.name is not None:
            roles = roles_of(route.name, route.endpoint)
            who = ANYBODY if roles is None else ", ".join(role.value for role in COLUMNS if role in roles)
            yield _row((_spelled(route), _asked(route, OF_WEB), who))


def _asked(route: RouteContext, permitted: Permitted) -> str:
    action = permitted[route.name or ""]
    return ANYBODY if action is OPEN else str(action)


def _spelled(route: RouteContext) -> str:
    methods = sorted((route.methods or set()) - {"HEAD"})
    return f"`{' '.join(methods)} {route.path}`"


def _routes(app: FastAPI) -> list[RouteContext]:
    found = [one for one in iter_route_contexts(app.router.routes) if one.endpoint is not None]
    return sorted(found, key=lambda one: (one.path or "", sorted(one.methods or ())))


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |\n"


def api_app() -> FastAPI:
    """The API, to be read and not served."""
    commands = LoanCommands(cast(Client, None))
    return create_app(ApiContext(cast(Books, None), commands, cast(NoticeReader, None)))


def web_app() -> FastAPI:
    """The pages, to be read and not served."""
    nobody = ReceivingAccount("", "", "")
    return create_web(WebContext(cast(Books, None), LoanCommands(cast(Client, None)), "", nobody))


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
    sys.exit(0)
