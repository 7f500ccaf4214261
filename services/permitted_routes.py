"""Every address of an application has its line in a table of actions, or the application does not start."""

from collections.abc import Iterable, Iterator, Mapping

from services.permissions import Action, Open

Permitted = Mapping[str, Action | Open]
"""What each route asks for, by the route's name."""


class RouteWithoutAction(RuntimeError):
    """Somebody added a route and did not say who may use it."""

    def __init__(self, names: Iterable[str]) -> None:
        listed = ", ".join(sorted(names))
        super().__init__(f"no action is named for these routes, so nobody may use them: {listed}")


def route_names(routes: Iterable[object]) -> Iterator[str]:
    """The names of routes, of those of included routers as well; of what is mounted, the mount's own."""
    for route in routes:
        # An included router holds the routes that were written down; to ask it for those that it serves would have
        # the framework study each of them.
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from route_names(included.routes)
        else:
            yield getattr(route, "name", "") or type(route).__name__


def require_entries(routes: Iterable[object], permitted: Permitted) -> None:
    """Refuses (RouteWithoutAction) an application with a route that the table does not name."""
    missing = set(route_names(routes)) - permitted.keys()
    if missing:
        raise RouteWithoutAction(missing)


def action_of(name: str, permitted: Permitted) -> Action | Open:
    """What a route asks for; RouteWithoutAction where it was added after the start."""
    try:
        return permitted[name]
    except KeyError:
        raise RouteWithoutAction([name]) from None
