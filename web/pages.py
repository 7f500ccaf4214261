"""Turns a template and its values into an answer, in the visitor's language."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from lending.dated import Source
from models.columns import UNOPENED
from services.policies import reason_text
from services.products import UnknownProduct, catalogue
from web import act_words, check_words, formats, labels, masking
from web.addresses import query
from web.context import WebContext
from web.language import NAMES, Language, language, marked
from web.matters import matter
from web.offers import installment_state
from web.session import Sessions
from web.visit import Visit

IN_ADDRESSES = ":/%#?=@[]!$&'()*+,;"
"""What stands in an address as it is; everything else is spelled with percent signs, for a header takes no other."""
CANNOT_BE_OPENED = marked("〔cannot be opened〕")
ROOM = Path(__file__).parent
STATIC = ROOM / "static"


class AssetMissing(RuntimeError):
    """A style or script that the pages load is not there; `make setup` lays it out."""


@cache
def asset(name: str) -> str:
    """The address of a static file, which changes with its content, so that browsers may keep it for good."""
    file = STATIC / name
    if not file.exists():
        raise AssetMissing(f"{name} is not in web/static; run `make setup`")
    return f"/static/{name}?v={hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"


def product_name(code: str, language: Language) -> str:
    """What a product is called; the code of one that is not loaded any more."""
    try:
        product = catalogue().product(code)
    except UnknownProduct:
        return code
    return product.name_zh if language.code == "zh" else product.name_en


def source_name(source: Source, language: Language) -> str:
    """Where a rule comes from; one whose text nobody has checked yet is marked."""
    named = source.zh if language.code == "zh" else source.en
    return named if source.confirmed else language.say("%(source)s (not confirmed)", source=named)


@cache
def environment(code: str) -> Environment:
    """Templates in one language."""
    spoken = language(code)
    made = Environment(
        loader=FileSystemLoader(ROOM / "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_translations(spoken.translations, newstyle=True)  # type: ignore[attr-defined]  # the extension's
    shown: dict[str, Callable[..., str]] = {
        "money": formats.money,
        "number": formats.number,
        "percent": formats.percent,
        "share": formats.share,
        "day": formats.day,
        "short_day": formats.short_day,
        "instant": formats.instant,
        "product": product_name,
        "source": source_name,
    }
    made.filters.update({name: partial(_in_language, shown=show, spoken=spoken) for name, show in shown.items()})
    made.filters["matter"] = lambda about: matter(about, spoken)
    made.filters["act_words"] = lambda entry: act_words.act_in_words(entry, spoken)
    made.filters["refusal_words"] = lambda entry: act_words.refusal_in_words(entry, spoken)
    made.filters["check"] = lambda name: check_words.check(name, spoken)
    made.filters["register_rule"] = lambda rule: check_words.register_rule(rule, spoken)
    made.filters["label"] = lambda spelling, group: labels.label(spelling, group, spoken)
    made.filters["reason"] = lambda reason, sentences: reason_text(reason, spoken.code, {"reasons": sentences})
    made.filters["masked_mobile"] = masking.masked_mobile
    made.filters["masked_account"] = masking.masked_account
    made.globals.update(asset=asset, colour=labels.colour, installment_state=installment_state)
    made.globals.update(languages=NAMES, language=spoken)
    return made


def _in_language(value: Any, *, shown: Callable[..., str], spoken: Language) -> str:
    return shown(value, spoken)


def wants_fragment(request: Request) -> bool:
    """Whether htmx asks, and so wants a part of a page."""
    return request.headers.get("hx-request") == "true"


def show(request: Request, visit: Visit, template: str, http_status: int = 200, /, **values: Any) -> HTMLResponse:
    """A page or, from a template that is one, a fragment."""
    context: WebContext = request.app.state.context
    sessions: Sessions = request.app.state.sessions
    text = (
        environment(visit.language.code)
        .get_template(template)
        .render(
            visit=visit,
            csrf=visit.session.csrf,
            path=request.url.path,
            address=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            demo=context.demo_sign_in,
            today=context.books.clock.business_date(datetime.now(UTC)),
            business_day=context.books.clock.business_date,
            **values,
        )
    )
    # It may stand in the middle of a sentence, so what the page says as a whole is looked through.
    answer = HTMLResponse(text.replace(UNOPENED, visit.language.say(CANNOT_BE_OPENED)), http_status)
    if sessions.read(request) is None:
        sessions.write(request, answer, visit.session)
    return answer


def go(request: Request, address: str) -> Response:
    """Sends the browser to another page of ours, with or without htmx."""
    if wants_fragment(request):
        return Response(status_code=204, headers={"HX-Redirect": quote(address, safe=IN_ADDRESSES)})
    return RedirectResponse(address, status_code=303)


def leading_on(address: str, back: str) -> str:
    """An address that leads on to another one of ours afterwards, unless that is the home page."""
    back = own_address(back)
    return address if back == "/" else address + query({"next": back})


def own_address(address: str | None) -> str:
    """An address within these pages, or the home page: nobody is sent to another site."""
    if address is None or not address.startswith("/") or address.startswith(("//", "/\\")):
        return "/"
    return address if address.isprintable() else "/"
