"""What stands behind the question mark of an address: a parameter that nobody knows is refused, as in a body."""

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from lending.errors import LendingError


class UnknownParameter(LendingError):
    """A query parameter that the address does not take; a slip in `preview` must not become an act."""

    code = "unknown_parameter"
    http_status = 422

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            "this address does not take every parameter that came with it",
            fields={name[:64]: "is not known here" for name in names[:10]},
        )


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuses a request whose query has a parameter that its route does not name."""
    if not request.scope["query_string"]:
        return
    route: APIRoute = request.scope["route"]
    unknown = sorted(set(request.query_params) - _names(route.dependant))
    if unknown:
        raise UnknownParameter(unknown)


def _names(dependant: Dependant) -> set[str]:
    below = (_names(one) for one in dependant.dependencies)
    return {field.alias for field in dependant.query_params}.union(*below)
