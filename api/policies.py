"""Rules as data: versions, drafts, back-tests on past applications, publication by a second person, challengers."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from api.context import Acting, Context, Looking
from api.problems import refusals
from api.shapes import Asked, Shown, Words, all_in_yuan
from books.session import UnitOfWork
from lending.money import yuan
from models import keys
from models.policies import (
    LARGEST_SHARE_PERCENT,
    NAME_PATTERN,
    SCOPE_PATTERN,
    Backtest,
    PolicyKind,
    PolicyPart,
    PolicyState,
    PolicyStepKind,
)
from services import backtests
from services.challengers import comparison
from services.permissions import Action, require
from services.policy_differences import differences
from services.policy_kinds import kind_of, scope_of
from services.policy_names import draft_problems
from services.policy_publishing import Life, all_lives, draft, life_of, lives, publish, retire

router = APIRouter(prefix="/policies", tags=["policies"], responses=refusals(403))

PolicyName = Annotated[str, Path(pattern=NAME_PATTERN, description="its name", examples=["grading-micro"])]
Scope = Annotated[str, Query(pattern=SCOPE_PATTERN, description="a product or a part of the core")]
VersionNumber = Annotated[int, Path(ge=1, le=1_000_000, description="number of the version")]
BacktestId = Annotated[str, Path(pattern=keys.ID_PATTERN, description="id of the back-test")]
Number = Annotated[int, Field(ge=1, le=1_000_000, description="number of the version")]


class StepView(BaseModel):
    """Something that happened to a version."""

    kind: PolicyStepKind
    part: PolicyPart | None
    starts_on: date | None
    share_percent: int
    backtest: str | None
    reason: str
    done_by: str
    done_at: datetime


class ProblemView(BaseModel):
    """What forbids to publish; `row` counts from 1 and is null for the table as a whole."""

    row: int | None
    column: str | None
    sentence: str
    sentence_zh: str


class DifferenceView(BaseModel):
    """A cell that differs from the version in force, or a whole row (`column` is null)."""

    row_before: int | None
    row_after: int | None
    column: str | None
    before: str
    after: str


class VersionView(BaseModel):
    """A version and where it stands today."""

    name: str
    version: int
    state: PolicyState
    reason: str
    drafted_by: str
    drafted_at: datetime
    steps: list[StepView]


class VersionInFull(VersionView):
    """The same with its content, what forbids to publish it, and where it differs from the version in force."""

    content: dict[str, Any]
    problems: list[ProblemView]
    differences: list[DifferenceView]


class PolicyView(BaseModel):
    """A policy with the numbers of the versions that play a part today; `scope` is a product or a part of the core."""

    name: str
    kind: PolicyKind
    scope: str
    champion: int | None
    challenger: int | None
    challenger_share_percent: int
    newest: int


class PolicyList(BaseModel):
    """All policies."""

    items: list[PolicyView]


class VersionList(BaseModel):
    """All versions of a policy, the newest first."""

    items: list[VersionView]


class DraftBody(Asked):
    """A decision model, or a scorecard, and why the rules change."""

    content: dict[str, Any]
    reason: Words


class BacktestBody(Asked):
    """Which version, and the days on which the applications came in or the changes were proposed."""

    version: Number
    applied_from: date
    applied_to: date


class PublicationBody(Asked):
    """As champion, or as challenger of a share of the cases; with 0 it runs in the shadow."""

    version: Number
    starts_on: date
    reason: Words
    part: PolicyPart = PolicyPart.CHAMPION
    share_percent: Annotated[int, Field(ge=0, le=LARGEST_SHARE_PERCENT)] = 0


class RetirementBody(Asked):
    """A challenger, or a publication that has not begun, ends on this day."""

    version: Number
    from_day: date
    reason: Words


class BacktestView(Shown):
    """A stored back-test. Shares and rates in `report` are hundredths of a percent, sums yuan as text."""

    id: str
    name: str
    version: int
    against: int
    applied_from: date
    applied_to: date
    cases: int
    changed: int
    report: dict[str, Any]
    run_by: str
    run_at: datetime


class ComparisonView(Shown):
    """A challenger beside the champion on live cases; `matrix` is by the champion's class, then the challenger's.

    `agreed` are those of which outcome, grade, limit and rate are all the same, `differing` counts each of the four.
    """

    name: str
    version: int
    cases: int
    routed: int
    agreed: int
    differing: dict[str, int]
    champion_passed: int
    challenger_passed: int
    champion_lendable: str
    challenger_lendable: str
    matrix: dict[str, dict[str, int]]


@router.get("")
def list_policies(
    actor: Acting, look: Looking, kind: PolicyKind | None = None, scope: Scope | None = None
) -> PolicyList:
    """The policies, of a kind or a scope alone where one is asked for, and which of their versions decide today."""
    require(actor, Action.SEE_POLICIES)
    with look() as work:
        found = all_lives(work, actor)
    return PolicyList(
        items=[
            _policy(name, one)
            for name, one in found.items()
            if kind in (None, kind_of(name).code) and scope in (None, scope_of(name))
        ]
    )


@router.get("/{name}", responses=refusals(404))
def list_versions(name: PolicyName, actor: Acting, look: Looking) -> VersionList:
    """Every version of a policy with all that happened to it."""
    with look() as work:
        return VersionList(items=[VersionView(**_version(one)) for one in lives(work, actor, name)])


@router.get("/{name}/versions/{version}", responses=refusals(404))
def show_version(name: PolicyName, version: VersionNumber, actor: Acting, look: Looking) -> VersionInFull:
    """A version in full."""
    require(actor, Action.SEE_POLICIES)
    with look() as work:
        return _in_full(work, life_of(work, work.policies.version(name, version), work.today))


@router.post("/{name}/drafts", status_code=201, responses=refusals(404))
def draft_version(name: PolicyName, body: DraftBody, actor: Acting, context: Context) -> VersionInFull:
    """Stores a new version. One with `problems` is kept as a draft that can never be published."""
    with context.books.begin() as work:
        policy = draft(work, actor, name, body.content, body.reason)
        return _in_full(work, life_of(work, policy, work.today))


@router.post("/{name}/backtest", responses=refusals(404, 409))
def run_backtest(name: PolicyName, body: BacktestBody, actor: Acting, context: Context) -> BacktestView:
    """Asks a version about past applications and keeps the result; 100,000 of them take some seconds."""
    require(actor, Action.CHANGE_POLICIES)
    with backtests.one_at_a_time(), context.books.read() as work:
        policy = work.policies.version(name, body.version)
        findings = backtests.run(work, actor, policy, body.applied_from, body.applied_to)
    with context.books.begin() as work:
        return _backtest(work, backtests.store(work, actor, findings))


@router.post("/{name}/publish", responses=refusals(404, 409))
def publish_version(name: PolicyName, body: PublicationBody, actor: Acting, context: Context) -> VersionView:
    """A second person of risk puts a version in force from a day on; no process has to start anew for it."""
    require(actor, Action.CHANGE_POLICIES)
    with context.books.begin() as work:
        policy = work.policies.version(name, body.version)
        publish(work, actor, policy, body.starts_on, body.reason, part=body.part, share_percent=body.share_percent)
        return VersionView(**_version(life_of(work, policy, work.today)))


@router.post("/{name}/retire", responses=refusals(404, 409))
def retire_version(name: PolicyName, body: RetirementBody, actor: Acting, context: Context) -> VersionView:
    """Ends a challenger, or calls off what has not begun."""
    require(actor, Action.CHANGE_POLICIES)
    with context.books.begin() as work:
        policy = work.policies.version(name, body.version)
        retire(work, actor, policy, body.from_day, body.reason)
        return VersionView(**_version(life_of(work, policy, work.today)))


@router.get("/{name}/versions/{version}/comparison", responses=refusals(404))
def compare_challenger(name: PolicyName, version: VersionNumber, actor: Acting, context: Context) -> ComparisonView:
    """How a challenger compares with the champion on live cases so far."""
    require(actor, Action.SEE_POLICIES)
    with context.books.read() as work:
        found = comparison(work, actor, work.policies.version(name, version))
    return ComparisonView(
        name=name,
        version=version,
        cases=found.cases,
        routed=found.routed,
        agreed=found.agreed,
        differing=dict(found.differing),
        champion_passed=found.champion_passed,
        challenger_passed=found.challenger_passed,
        champion_lendable=yuan(found.champion_lendable_fen),
        challenger_lendable=yuan(found.challenger_lendable_fen),
        matrix=found.rows(),
    )


@router.get("/backtests/{backtest_id}", responses=refusals(404))
def show_backtest(backtest_id: BacktestId, actor: Acting, look: Looking) -> BacktestView:
    """A stored back-test."""
    require(actor, Action.SEE_POLICIES)
    with look() as work:
        return _backtest(work, work.policies.backtest(backtest_id))


@router.get(
    "/backtests/{backtest_id}/cases",
    responses=refusals(404) | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    response_class=Response,
)
def list_changed_cases(backtest_id: BacktestId, actor: Acting, context: Context) -> Response:
    """The cases that the version decides otherwise, as CSV: sums in yuan, the row of the new version that fired."""
    with context.books.begin() as work:
        backtests.begin_export(work, actor, backtest_id)
        # Read before it is sent: whoever loads the file slowly holds no connection.
        text = "".join(backtests.csv_lines(work, actor, backtest_id))
    headers = {"Content-Disposition": f'attachment; filename="backtest-{backtest_id}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _policy(name: str, found: Sequence[Life]) -> PolicyView:
    champion = next((one for one in found if one.state is PolicyState.IN_FORCE), None)
    challenger = next((one for one in found if one.state is PolicyState.CHALLENGER), None)
    return PolicyView(
        name=name,
        kind=kind_of(name).code,
        scope=scope_of(name),
        champion=champion.policy.version if champion else None,
        challenger=challenger.policy.version if challenger else None,
        challenger_share_percent=challenger.publication.share_percent if challenger and challenger.publication else 0,
        newest=found[0].policy.version,
    )


def _version(life: Life) -> dict[str, Any]:
    policy = life.policy
    return {
        "name": policy.name,
        "version": policy.version,
        "state": life.state,
        "reason": policy.reason,
        "drafted_by": policy.drafted_by,
        "drafted_at": policy.drafted_at,
        "steps": [
            StepView(
                kind=step.kind,
                part=step.part,
                starts_on=step.starts_on,
                share_percent=step.share_percent,
                backtest=step.backtest_id,
                reason=step.reason,
                done_by=step.done_by,
                done_at=step.done_at,
            )
            for step in life.steps
        ],
    }


def _in_full(work: UnitOfWork, life: Life) -> VersionInFull:
    policy = life.policy
    champion = work.policies.in_force(policy.name, work.today).champion
    in_force = work.policies.get(champion.policy_id).content if champion else {}
    return VersionInFull(
        **_version(life),
        content=policy.content,
        problems=[
            ProblemView(row=one.row, column=one.column, sentence=one.sentence, sentence_zh=one.sentence.zh)
            for one in draft_problems(policy.name, policy.content)
        ],
        differences=[
            DifferenceView(
                row_before=one.row_before,
                row_after=one.row_after,
                column=one.column,
                before=one.before,
                after=one.after,
            )
            for one in differences(in_force, policy.content)
        ],
    )


def _backtest(work: UnitOfWork, backtest: Backtest) -> BacktestView:
    policy, against = work.policies.get(backtest.policy_id), work.policies.get(backtest.against_id)
    return BacktestView(
        id=backtest.id,
        name=policy.name,
        version=policy.version,
        against=against.version,
        applied_from=backtest.applied_from,
        applied_to=backtest.applied_to,
        cases=backtest.cases,
        changed=backtest.changed,
        report=all_in_yuan(backtest.report),
        run_by=backtest.run_by,
        run_at=backtest.run_at,
    )
