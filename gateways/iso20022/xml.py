"""XML of a bank, read with suspicion.

A document type, entities, references to anything outside, more bytes or elements than agreed, and another encoding
than UTF-8 are refused. libxml2 itself stops at 256 levels and at texts of ten million characters.

Messages are read straight from the tree: to bind a statement of 5,000 entries to generated classes first took four
times as long, and lost the lines that an error is to name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from gateways.errors import BankMessageBroken
from models.statements import CURRENCY

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
CONTENT_TYPE = "application/xml"

_AMOUNT = re.compile(r"([0-9]{1,16})(?:\.([0-9]+))?")
"""Sixteen digits are more than any balance here, and few enough that no sum leaves what a database holds."""
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T[0-9:.]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?")


@dataclass(frozen=True)
class Limits:
    """How much a message may hold."""

    size_bytes: int
    elements: int


SMALL = Limits(64 * 1024, 1_000)
"""An answer to one order, or a notice of one booking."""
STATEMENT = Limits(32 * 1024 * 1024, 1_000_000)
"""A day's statement: room for some twenty-five thousand entries."""


class Node:
    """An element of a message. Paths name the elements below it, `Refs/EndToEndId`; the first of each name counts.

    Whatever is refused is a BankMessageBroken with the element and its line.
    """

    __slots__ = ("_element", "_namespace", "_operation", "label")

    def __init__(self, operation: str, element: Any, namespace: str, label: str = "") -> None:
        self.label = label
        self._namespace = namespace
        self._operation = operation
        self._element = element

    def broken(self, problem: str, path: str = "") -> BankMessageBroken:
        """The error about an element; its line is that of the nearest element above it where it is missing."""
        found = self._element
        for part in path.split("/") if path else ():
            inner = found.find(f"{{*}}{part}")
            if inner is None:
                break
            found = inner
        where = "/".join(part for part in (self.label, path) if part)
        return BankMessageBroken(self._operation, problem, where or "Document", found.sourceline)

    def each(self, path: str, label: str | None = None) -> list["Node"]:
        """The elements of a path; errors name them by the label and their number, where a label is given."""
        found = self._element.findall(_steps(self._namespace, path))
        own = f"{self.label}/" if self.label else ""
        return [
            Node(self._operation, one, self._namespace, f"{own}{path}" if label is None else f"{label}[{n + 1}]")
            for n, one in enumerate(found)
        ]

    def only(self, path: str, label: str | None = None) -> "Node":
        """The element of a path that must occur once; below a label of "" paths in errors begin anew."""
        found = self._element.findall(_steps(self._namespace, path))
        if len(found) != 1:
            raise self.broken(f"occurs {len(found)} times where it must occur once", path)
        own = f"{self.label}/" if self.label else ""
        return Node(self._operation, found[0], self._namespace, f"{own}{path}" if label is None else label)

    def has(self, path: str) -> bool:
        """Whether there is such an element."""
        return self._element.find(_steps(self._namespace, path)) is not None

    def own_text(self) -> str:
        """The text of this element, without the blanks around it."""
        return (self._element.text or "").strip()

    def text(self, path: str) -> str | None:
        """The text of an element without the blanks around it, None if it is missing or empty."""
        found = self._element.findtext(_steps(self._namespace, path))
        return (found.strip() or None) if found else None

    def need(self, path: str) -> str:
        """The text of an element that must be there, and there once: of two amounts or signs neither is believed."""
        found = self._element.findall(_steps(self._namespace, path))
        if len(found) > 1:
            raise self.broken(f"occurs {len(found)} times where it must occur once", path)
        if found and len(found[0]):
            raise self.broken("holds elements where it must hold a text", path)
        text = (found[0].text or "").strip() if found else ""
        if not text:
            raise self.broken("is missing or empty", path)
        return text

    def is_true(self, path: str) -> bool:
        """Whether an element says yes; one that is missing says no."""
        said = self.text(path) or "false"
        if said not in ("true", "1", "false", "0"):
            raise self.broken("is neither true nor false", path)
        return said in ("true", "1")

    def day(self, path: str) -> date:
        """A day; of an instant, the day as it is written, which is that of the place where the bank is."""
        found = _DAY.fullmatch(self.need(path))
        try:
            if found is not None:
                return date.fromisoformat(found[1])
        except ValueError:
            pass
        raise self.broken("is not a day", path)

    def day_or_instant(self, path: str) -> date:
        """A day that a bank may write either way, as Dt or as DtTm."""
        return self.day(f"{path}/DtTm" if self.text(f"{path}/DtTm") else f"{path}/Dt")

    def fen(self, path: str) -> int:
        """An amount in fen: in CNY, not below zero, with two decimals at most."""
        element = self._element.find(_steps(self._namespace, path))
        if element is not None and element.get("Ccy") != CURRENCY:
            raise self.broken(f"the currency is not {CURRENCY}", path)
        return self.hundredths(path)

    def hundredths(self, path: str) -> int:
        """A decimal without a currency, in hundredths, under the same rules."""
        found = _AMOUNT.fullmatch(self.need(path))
        if found is None:
            raise self.broken("the amount is below zero, beyond all reason, or no amount", path)
        decimals = (found[2] or "").rstrip("0")
        if len(decimals) > 2:
            raise self.broken("the amount has more than two decimals", path)
        return int(found[1]) * 100 + int(decimals.ljust(2, "0"))


def read(operation: str, body: bytes, limits: Limits = SMALL) -> tuple[str, Node]:
    """What message the XML is, such as `camt.054.001.08`, and the element that holds it. Raises BankMessageBroken."""
    root = _tree(operation, body, limits)
    name = etree.QName(root)
    contents = list(root)
    if name.localname != "Document" or not (name.namespace or "").startswith(NAMESPACE) or len(contents) != 1:
        raise BankMessageBroken(operation, "is no message of ISO 20022", "Document", root.sourceline)
    return name.namespace.removeprefix(NAMESPACE), Node(operation, contents[0], name.namespace)


def read_kind(operation: str, body: bytes, kind: str, limits: Limits = SMALL) -> Node:
    """The content of a message that must be of one kind. Raises BankMessageBroken."""
    found, content = read(operation, body, limits)
    if found != kind:
        raise content.broken(f"is not a message {kind}")
    return content


def parser() -> Any:
    """A parser of its own for each message; with comments gone, none can hide within a text."""
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _tree(operation: str, body: bytes, limits: Limits) -> Any:
    if len(body) > limits.size_bytes:
        raise BankMessageBroken(operation, f"has more than {limits.size_bytes} bytes")
    try:
        root = etree.fromstring(body, parser())
    except etree.XMLSyntaxError as error:
        raise BankMessageBroken(operation, "is not well-formed XML", line=error.lineno) from None
    about = root.getroottree().docinfo
    if about.doctype or about.internalDTD is not None:
        raise BankMessageBroken(operation, "declares a document type, which no message of a bank has", line=1)
    if (about.encoding or "UTF-8").upper() not in ("UTF-8", "US-ASCII", "ASCII"):
        raise BankMessageBroken(operation, "is not in UTF-8", line=1)
    if _count(root.iter()) > limits.elements:
        raise BankMessageBroken(operation, f"has more than {limits.elements} elements")
    return root


def _count(elements: Iterator[Any]) -> int:
    return sum(1 for _ in elements)


@lru_cache(maxsize=1_000)
def _steps(namespace: str, path: str) -> str:
    return "/".join(f"{{{namespace}}}{part}" for part in path.split("/"))
