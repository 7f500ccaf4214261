"""The addresses of an application, read from its own list of routes, filled in with names of what there is not."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

NO_LOAN = "L00009999"
NO_ID = "f" * 32
NOTHING: Mapping[str, str] = {
    "loan": NO_LOAN,
    "number": NO_LOAN,
    "name": "no-such",
    "version": "1",
    "month": "1999-01",
    "day": "1999-01-05",
    "n": "1",
    "code": "1001",
    "token": "t" * 32,
    "path:path": "no/such/page",
}
"""What stands in an address; every other part of one is an id."""


@dataclass(frozen=True)
class Address:
    """One way to ask: a route's name, its method and its path with placeholders."""

    name: str
    method: str
    path: str
    endpoint: Callable[..., Any]

    def filled(self, **values: str) -> str:
        """The path with these values, and names of nothing for the rest."""
        known = {**NOTHING, **values}
        return re.sub(r"{([^}]+)}", lambda found: known.get(found[1], NO_ID), self.path)


def addresses(app: FastAPI) -> list[Address]:
    """Every address of an application, as it serves it; what is mounted is none."""
    return list(_addresses(app))


@cache
def _addresses(app: FastAPI) -> tuple[Address, ...]:
    return tuple(
        Address(one.name or "", method, one.path or "", one.endpoint)
        for one in iter_route_contexts(app.router.routes)
        if one.endpoint is not None
        for method in sorted((one.methods or set()) - {"HEAD"})
    )
