"""The policies for risk: versions and their tables in words, drafts, back-tests, publication, challengers."""

import asyncio
import re
from collections.abc import Mapping
from datetime import date, timedelta

from fastapi import APIRouter, Request, Response

from books.session import UnitOfWork
from models.policies import LARGEST_SHARE_PERCENT, SHIPPED_BY, Policy, PolicyKind, PolicyPart, PolicyState
from models.words import storable
from services import backtests
from services.audit import SYSTEM
from services.backtest_findings import CLASSES
from services.challengers import Comparison, comparison
from services.default_rates import FEWEST_LOANS
from services.permissions import Action, allows, require
from services.policy_kinds import CHAIN, Past, kind_of, past_of, scope_of
from services.policy_names import draft_problems
from services.policy_publishing import (
    InvalidPublication,
    Life,
    all_lives,
    draft,
    lacks_backtest,
    life_of,
    publish,
    retire,
    to_compare_with,
)
from web import pages
from web.addresses import Id, PolicyName, Version, on_day
from web.context import WebContext, in_books
from web.files import csv_file
from web.language import Language
from web.policy_drafts import DraftForm
from web.policy_rows import differences_in_words, policy_title, rows_in_words, scope_title
from web.refusals import showing
from web.scorecards import card_in_words
from web.session import posted
from web.visit import StaffVisit

router = APIRouter()

BACKTESTED_DAYS = 3 * 365
"""The period that the form of a back-test offers: what became of a loan is known after a year."""


def _people(work: UnitOfWork, language: Language) -> dict[str, str]:
    """Who did something to a version, by id."""
    return work.staff.names() | {SHIPPED_BY: language.say("Shipped"), SYSTEM.id: language.say("The system")}


@router.get("/policies", name="policies")
def policies(request: Request, visit: StaffVisit, kind: str = "", scope: str = "") -> Response:
    """The policies of a kind and scope, or all of them, with their versions and where these stand today."""
    require(visit.person, Action.SEE_POLICIES)
    with showing(request, visit) as work:
        found = all_lives(work, visit.person)
        shown: dict[PolicyKind, dict[str, list[Life]]] = {}
        for name, versions in found.items():
            if kind in ("", kind_of(name).code) and scope in ("", scope_of(name)):
                shown.setdefault(kind_of(name).code, {})[name] = versions
        return pages.show(
            request,
            visit,
            "policies.html",
            kinds_shown={one: shown[one] for one in PolicyKind if one in shown},
            kind=kind,
            scope=scope,
            kinds=[one for one in PolicyKind if one in {kind_of(name).code for name in found}],
            scopes=sorted({scope_of(name) for name in found}),
            scope_of=scope_of,
            scope_words=lambda one: scope_title(one, visit.language),
            title=lambda name: policy_title(name, visit.language),
            staff=_people(work, visit.language),
        )


# These two come before `policy_version`, whose address would take them for a name.
@router.get("/policies/backtests/{backtest_id}.csv", name="backtest_cases")
def backtest_cases(request: Request, visit: StaffVisit, backtest_id: Id) -> Response:
    """The cases that a back-test decides otherwise, as a file."""
    require(visit.person, Action.SEE_POLICIES)
    context: WebContext = request.app.state.context
    with context.books.begin() as work:
        backtests.begin_export(work, visit.person, backtest_id)
        # Read before it is sent: whoever loads the file slowly holds no connection.
        pieces = list(backtests.csv_lines(work, visit.person, backtest_id))
    return csv_file(f"backtest-{backtest_id}", pieces)


@router.get("/policies/backtests/{backtest_id}", name="policy_backtest")
def policy_backtest(request: Request, visit: StaffVisit, backtest_id: Id) -> Response:
    """The report of a back-test."""
    require(visit.person, Action.SEE_POLICIES)
    with showing(request, visit) as work:
        backtest = work.policies.backtest(backtest_id)
        return pages.show(
            request,
            visit,
            "policy_backtest.html",
            backtest=backtest,
            policy=work.policies.get(backtest.policy_id),
            against=work.policies.get(backtest.against_id),
            report=backtest.report,
            classes=backtest.report.get("classes", CLASSES),
            fewest=FEWEST_LOANS,
            title=lambda name: policy_title(name, visit.language),
            product=lambda code: scope_title(code, visit.language),
            staff=_people(work, visit.language),
        )


@router.get("/policies/{name}/{version}", name="policy_version")
def policy_version(request: Request, visit: StaffVisit, name: PolicyName, version: Version) -> Response:
    """A version: its table in words, what forbids to publish it, how it differs from what is in force."""
    require(visit.person, Action.SEE_POLICIES)
    return _version_page(request, visit, name, version)


def _version_page(
    request: Request, visit: StaffVisit, name: str, version: int, form: DraftForm | None = None, status: int = 200
) -> Response:
    with showing(request, visit) as work:
        policy = work.policies.version(name, version)
        life = life_of(work, policy, work.today)
        champion = work.policies.in_force(name, work.today).champion
        in_force = work.policies.get(champion.policy_id) if champion else None
        is_risk = allows(visit.person, Action.CHANGE_POLICIES)
        kind = kind_of(name)
        has_past = past_of(name) is not Past.NOTHING
        against = to_compare_with(work, policy, work.today)
        problems = draft_problems(name, policy.content)
        return pages.show(
            request,
            visit,
            "policy_version.html",
            status,
            policy=policy,
            life=life,
            in_force=in_force,
            title=policy_title(name, visit.language),
            rows=rows_in_words(policy.content, visit.language) if kind.is_table and not problems else (),
            card=None if kind.is_table or problems else card_in_words(policy.content, visit.language),
            problems=[(one, one.sentence.zh if visit.language.code == "zh" else one.sentence) for one in problems],
            differences=differences_in_words(in_force.content, policy.content, visit.language) if in_force else (),
            has_past=has_past,
            may_challenge=kind.code in CHAIN,
            comparison=_comparison(work, visit, policy, life.state),
            classes=CLASSES,
            staff=_people(work, visit.language),
            since=work.today - timedelta(days=BACKTESTED_DAYS),
            most_share=LARGEST_SHARE_PERCENT,
            may_test=is_risk and has_past and against is not None and not problems,
            may_publish=is_risk
            and not lacks_backtest(work, policy, work.today)
            and policy.drafted_by != visit.person.id
            and life.state
            in (PolicyState.CHECKED, PolicyState.BACKTESTED, PolicyState.CHALLENGER, PolicyState.RETIRED),
            is_own=is_risk and policy.drafted_by == visit.person.id,
            may_retire=is_risk and life.state in (PolicyState.CHALLENGER, PolicyState.SCHEDULED),
            may_draft=is_risk,
            form=form or DraftForm.of(policy.content),
        )


def _comparison(work: UnitOfWork, visit: StaffVisit, policy: Policy, state: PolicyState) -> Comparison | None:
    """The challenger beside the champion, for a version that is or was one."""
    found = comparison(work, visit.person, policy)
    return found if found.cases or state is PolicyState.CHALLENGER else None


@router.post("/policies/{name}/drafts", name="draft_policy")
async def draft_policy(request: Request, visit: StaffVisit, name: PolicyName) -> Response:
    """Keeps a new version of the rules. What cannot be read stays in the form, with the line that is wrong."""
    fields = await posted(request, visit.session)
    form = DraftForm.from_fields(fields)
    try:
        content, reason = form.read()
        drafted = await in_books(request, lambda work: draft(work, visit.person, name, content, reason).version)
    except InvalidPublication as error:
        refused = form.with_problems(error, visit.language)
        return await asyncio.to_thread(_draft_again, request, visit, name, fields.get("version", ""), refused)
    return pages.go(request, f"/policies/{name}/{drafted}")


def _draft_again(request: Request, visit: StaffVisit, name: str, version: str, form: DraftForm) -> Response:
    """The page that the draft was typed on, or that of the newest version."""
    context: WebContext = request.app.state.context
    with context.books.read() as work:
        newest = work.policies.newest_number(name)
    number = int(version) if re.fullmatch("[0-9]{1,7}", version) else newest
    return _version_page(request, visit, name, min(max(number, 1), newest), form, InvalidPublication.http_status)


@router.post("/policies/{name}/{version}/backtests", name="run_policy_backtest")
async def run_policy_backtest(request: Request, visit: StaffVisit, name: PolicyName, version: Version) -> Response:
    """Asks a version about past applications and shows the report."""
    fields = await posted(request, visit.session)
    context: WebContext = request.app.state.context
    since, until = _day(fields, "since"), _day(fields, "until")

    def run() -> str:
        require(visit.person, Action.CHANGE_POLICIES)
        with backtests.one_at_a_time(), context.books.read() as work:
            found = backtests.run(work, visit.person, work.policies.version(name, version), since, until)
        with context.books.begin() as work:
            return backtests.store(work, visit.person, found).id

    return pages.go(request, f"/policies/backtests/{await asyncio.to_thread(run)}")


@router.post("/policies/{name}/{version}/publication", name="publish_policy")
async def publish_policy(request: Request, visit: StaffVisit, name: PolicyName, version: Version) -> Response:
    """The second person puts a version in force from a day on."""
    fields = await posted(request, visit.session)
    starts_on, reason = _day(fields, "starts_on"), _reason(fields)
    part = PolicyPart.CHALLENGER if fields.get("part") == PolicyPart.CHALLENGER else PolicyPart.CHAMPION
    given = fields.get("share", "") or "0"
    share = int(given) if re.fullmatch("[0-9]{1,3}", given) else -1

    def act(work: UnitOfWork) -> None:
        policy = work.policies.version(name, version)
        shared = share if part is PolicyPart.CHALLENGER else 0
        publish(work, visit.person, policy, starts_on, reason, part=part, share_percent=shared)

    await in_books(request, act)
    return pages.go(request, f"/policies/{name}/{version}")


@router.post("/policies/{name}/{version}/retirement", name="retire_policy")
async def retire_policy(request: Request, visit: StaffVisit, name: PolicyName, version: Version) -> Response:
    """Ends a challenger, or calls off what has not begun."""
    fields = await posted(request, visit.session)
    from_day, reason = _day(fields, "from_day"), _reason(fields)

    def act(work: UnitOfWork) -> None:
        retire(work, visit.person, work.policies.version(name, version), from_day, reason)

    await in_books(request, act)
    return pages.go(request, f"/policies/{name}/{version}")


def _reason(fields: Mapping[str, str]) -> str:
    reason = fields.get("reason", "").strip()
    if not reason or not storable(reason):
        raise InvalidPublication("this needs a reason", fields={"reason": "a sentence of at most 500 characters"})
    return reason


def _day(fields: Mapping[str, str], name: str) -> date:
    day = on_day(fields.get(name, ""))
    if day is None:
        raise InvalidPublication("a day is missing", fields={name: "is no day"})
    return day
