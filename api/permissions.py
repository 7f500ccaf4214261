"""Who may do what, as a table that can be read."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from models.staff import Role, Scope
from services.permissions import MEANINGS, SCOPE_OF, TABLE, Action

router = APIRouter(tags=["permissions"])


class PermissionView(BaseModel):
    """An action, in words that follow "may", and the roles that may do it."""

    action: Action
    en: str
    zh: str
    roles: list[Role]
    scope: Scope | None = Field(description="what a machine's token needs for it besides")


class PermissionsView(BaseModel):
    """The whole table."""

    items: list[PermissionView]


@router.get("/permissions")
def show_permissions() -> PermissionsView:
    """Which roles may do what. Row scope and the rules of each act, such as four eyes, come on top of it."""
    return PermissionsView(
        items=[
            PermissionView(
                action=action,
                en=MEANINGS[action][0],
                zh=MEANINGS[action][1],
                roles=[role for role in Role if role in roles],
                scope=SCOPE_OF.get(action),
            )
            for action, roles in TABLE.items()
        ]
    )
