"""Writes our orders as XML, checked against the published schema before anything is sent."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types
from xsdata.formats.dataclass.context import XmlContext
from xsdata.formats.dataclass.serializers import XmlSerializer
from xsdata.formats.dataclass.serializers.writers import XmlEventWriter

from gateways.errors import OrderUnsendable
from gateways.iso20022.xml import NAMESPACE, parser

_SERIALIZER = XmlSerializer(context=XmlContext(), writer=XmlEventWriter)


def write(operation: str, document: object, kind: str) -> bytes:
    """The XML of an order that its schema admits. Raises OrderUnsendable, which names the element and no value."""
    try:
        body = _SERIALIZER.render(document, ns_map={None: NAMESPACE + kind}).encode()
        tree = etree.fromstring(body, parser())
    except (UnicodeEncodeError, etree.XMLSyntaxError):
        raise OrderUnsendable(operation, f"a text has characters that {kind} cannot carry") from None
    schema = _schema(kind)
    if schema is not None and not schema.validate(tree):
        elements = ", ".join(sorted({etree.QName(tree.xpath(error.path)[0]).localname for error in _errors(schema)}))
        raise OrderUnsendable(operation, f"{kind} does not admit what is in {elements}")
    return body


@cache
def _schema(kind: str) -> Any:
    """The schema of a message, None for those of which no schema is installed."""
    found = files("sepaxml").joinpath("schemas", f"{kind}.xsd")
    return etree.XMLSchema(etree.fromstring(found.read_bytes())) if found.is_file() else None


def _errors(schema: Any) -> Iterator[Any]:
    return (error for error in schema.error_log if error.path)
