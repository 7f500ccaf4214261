"""Who may do what, as a page that can be read."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from models.staff import Role, Scope
from services.permissions import MEANINGS, SCOPE_OF, TABLE
from web import pages
from web.visit import StaffVisit

router = APIRouter()


@dataclass(frozen=True)
class PermissionRow:
    """An action in the visitor's language, who may do it, and what a machine's token needs for it."""

    words: str
    roles: tuple[Role, ...]
    scope: Scope | None


@router.get("/permissions", name="permissions")
def permissions(request: Request, visit: StaffVisit) -> Response:
    """The table by which every address and page is asked for."""
    spoken = 1 if visit.language.code == "zh" else 0
    rows = [
        PermissionRow(MEANINGS[action][spoken], tuple(role for role in Role if role in roles), SCOPE_OF.get(action))
        for action, roles in TABLE.items()
    ]
    return pages.show(request, visit, "permissions.html", rows=rows)
