"""Queries on versions of policies, what is in force, gradings and back-tests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, bindparam, case, func
from sqlalchemy.orm import aliased, defer
from sqlmodel import Session, col, select

from books.errors import UnknownPolicy
from books.rows import WRITTEN_AT_ONCE
from books.sealing import opened
from models.changes import ChangeProposal
from models.columns import ErasedForm
from models.grading import Grading, ShadowGrading
from models.loans import Loan
from models.performance import LoanPerformance
from models.policies import Backtest, BacktestPage, Policy, PolicyPart, PolicyStep, PolicyStepKind

# What a loan asks for its decision: the steps of a few names, a handful of rows each, without any content.
_STEPS = (
    select(PolicyStep)
    .where(
        col(PolicyStep.name).in_(bindparam("names", expanding=True)),
        col(PolicyStep.kind).in_([PolicyStepKind.PUBLISHED, PolicyStepKind.RETIRED]),
    )
    .order_by(col(PolicyStep.id))
    .execution_options(**WRITTEN_AT_ONCE)
)
_GRADING = (
    select(Grading)
    .where(col(Grading.loan) == bindparam("loan"))
    .order_by(col(Grading.round).desc())
    .limit(1)
    .execution_options(**WRITTEN_AT_ONCE)
)


class GradedCase(NamedTuple):
    """A past application with its latest grading, and what the books know of its payout and what became of it.

    Without facts where none were kept, or where the person's data was erased; `outcome`, `grade` and `limit_fen` are
    empty where it was never graded. `known` is its number where what became of it was put into the books.
    """

    number: str
    applied_on: date
    applied_fen: int
    product: str
    disbursed_on: date | None
    grading: str | None
    outcome: str
    grade: str
    limit_fen: int
    known: str | None
    defaulted_on: date | None
    observed_to: date | None
    simulated: bool | None
    facts: dict[str, Any] | None


@dataclass(frozen=True)
class Published:
    """A version that plays its part from a day on."""

    policy_id: str
    starts_on: date
    share_percent: int


@dataclass(frozen=True)
class InForce:
    """Who decides on a day, and who is compared with it; None for nobody."""

    name: str
    champion: Published | None
    challenger: Published | None


def _parts(name: str, begun: Iterable[PolicyStep], day: date) -> InForce:
    parts: dict[PolicyPart, Published] = {}
    for step in begun:
        published = Published(step.policy_id, step.starts_on or day, step.share_percent)
        challenger = parts.get(PolicyPart.CHALLENGER)
        if challenger is not None and challenger.policy_id == step.policy_id:
            del parts[PolicyPart.CHALLENGER]
        if step.kind is PolicyStepKind.PUBLISHED and step.part is not None:
            parts[step.part] = published
    return InForce(name, parts.get(PolicyPart.CHAMPION), parts.get(PolicyPart.CHALLENGER))


def _begun(steps: Iterable[PolicyStep], day: date, before_id: str | None) -> list[PolicyStep]:
    """The publications and retirements that count on a day, in the order in which they begin.

    A version that is retired on or before its first day never begins.
    """
    known = [step for step in steps if before_id is None or step.id < before_id]
    called_off = {
        start.id
        for start in known
        for end in known
        if end.kind is PolicyStepKind.RETIRED
        and end.policy_id == start.policy_id
        and end.id > start.id
        and (end.starts_on or day) <= (start.starts_on or day)
    }
    begun = [step for step in known if (step.starts_on or day) <= day and step.id not in called_off]
    return sorted(begun, key=lambda step: (step.starts_on or day, step.id))


def of_latest_round() -> ColumnElement[bool]:
    """The condition on `Loan` and `Grading` that holds for a loan's latest grading."""
    rounds = aliased(Grading)
    latest = select(func.max(rounds.round)).where(rounds.loan == Loan.number).correlate(Loan).scalar_subquery()
    return (col(Grading.loan) == col(Loan.number)) & (col(Grading.round) == latest)


def _lendable(graded: type[Grading | ShadowGrading]) -> ColumnElement[Any]:
    """What could be lent on the cases of a query: a refused one has no limit."""
    limit_fen = col(graded.limit_fen)
    least = case((col(Loan.applied_fen) < limit_fen, col(Loan.applied_fen)), else_=limit_fen)
    return func.sum(case((col(graded.outcome) == "refuse", 0), else_=least))


class PolicyBook:
    """Rules as data, and what they gave."""

    def __init__(self, session: Session) -> None:
        self.session = session
        # Kept for the length of the unit of work: gradings are written once, by the act that grades and then ends.
        self._gradings: dict[str, Grading | None] = {}
        self._read_ahead: dict[str, list[PolicyStep]] = {}

    # -- versions ----------------------------------------------------------------------------------------------------

    def in_force(self, name: str, day: date, before_id: str | None = None) -> InForce:
        """The versions of a name that play a part on a business date, by what was published until a row was born.

        The champion is the one that began last; of two that begin on one day the one that was published last. A
        challenger that becomes champion, or is retired, is challenger no more.
        """
        return self.in_force_of([name], day, before_id)[name]

    def in_force_of(self, names: Iterable[str], day: date, before_id: str | None = None) -> dict[str, InForce]:
        """The same for several names, in one query; in the order of the names."""
        asked = list(dict.fromkeys(names))
        steps = self._read_ahead | self._steps_of([name for name in asked if name not in self._read_ahead])
        return {name: _parts(name, _begun(steps[name], day, before_id), day) for name in asked}

    def course(self, name: str, since: date) -> list[tuple[date, InForce]]:
        """Who plays a part on a day and on each later one on which something begins or ends, by what is published."""
        steps = self._steps_of([name])[name]
        turns = {step.starts_on for step in steps if step.starts_on is not None and step.starts_on > since}
        return [(day, _parts(name, _begun(steps, day, None), day)) for day in (since, *sorted(turns))]

    def read_ahead(self, names: Iterable[str]) -> None:
        """Reads in one query what an act will ask about these names one after the other.

        For acts that publish nothing: what is published later in the same unit of work would not be seen.
        """
        self._read_ahead |= self._steps_of(names)

    def _steps_of(self, names: Iterable[str]) -> dict[str, list[PolicyStep]]:
        """The publications and retirements of each of these names; no query where there are none."""
        steps: dict[str, list[PolicyStep]] = {name: [] for name in names}
        if steps:
            for step in self.session.exec(_STEPS, params={"names": list(steps)}):
                steps[step.name].append(step)
        return steps

    def get(self, policy_id: str) -> Policy:
        """A version by its id."""
        found = self.session.get(Policy, policy_id)
        if found is None:
            raise UnknownPolicy(policy_id)
        return found

    def version(self, name: str, version: int) -> Policy:
        """A version by name and number; UnknownPolicy if there is none."""
        found = self.session.exec(select(Policy).where(Policy.name == name, Policy.version == version)).first()
        if found is None:
            raise UnknownPolicy(f"{name}/{version}")
        return found

    def versions(self, name: str) -> list[Policy]:
        """Every version of a name, the newest first."""
        return list(self.session.exec(select(Policy).where(Policy.name == name).order_by(col(Policy.version).desc())))

    def versions_of(self, names: Sequence[str] | None = None) -> list[Policy]:
        """Every version of these names, or of all, by name and the newest first; contents are read when asked for."""
        query = select(Policy).options(defer(Policy.content))  # type: ignore[arg-type]  # typed as the dict it holds
        if names is not None:
            query = query.where(col(Policy.name).in_(names))
        return list(self.session.exec(query.order_by(Policy.name, col(Policy.version).desc())))

    def newest_number(self, name: str) -> int:
        """The number of the newest version, zero without one."""
        found = self.session.exec(select(func.max(Policy.version)).where(Policy.name == name)).one()
        return found or 0

    def labels(self, policy_ids: Iterable[str]) -> dict[str, tuple[str, int]]:
        """Name and version of these versions by id, without their contents."""
        query = select(Policy.id, Policy.name, Policy.version).where(col(Policy.id).in_(list(policy_ids)))
        return {id_: (name, number) for id_, name, number in self.session.exec(query)}

    def names(self) -> list[str]:
        """The names of all policies."""
        return list(self.session.exec(select(Policy.name).distinct().order_by(Policy.name)))

    def steps(self, policy_ids: Iterable[str]) -> list[PolicyStep]:
        """What happened to these versions, the oldest first."""
        query = select(PolicyStep).where(col(PolicyStep.policy_id).in_(list(policy_ids)))
        return list(self.session.exec(query.order_by(col(PolicyStep.id))))

    # -- gradings ----------------------------------------------------------------------------------------------------

    def forget_grading(self, loan: str) -> None:
        """Has the next look at a loan's grade read it anew: the act that grades asked before it wrote."""
        self._gradings.pop(loan, None)

    def grading(self, loan: str) -> Grading | None:
        """The latest grading of a loan."""
        if loan not in self._gradings:
            self._gradings[loan] = self.session.exec(_GRADING, params={"loan": loan}).first()
        return self._gradings[loan]

    def gradings(self, loan: str) -> list[Grading]:
        """Every grading of a loan, the first round first."""
        return list(self.session.exec(select(Grading).where(Grading.loan == loan).order_by(col(Grading.round))))

    def shadows(self, loan: str) -> list[ShadowGrading]:
        """What came of a loan with the other version of a table that had a challenger, the first round first."""
        query = select(ShadowGrading).where(ShadowGrading.loan == loan)
        return list(self.session.exec(query.order_by(col(ShadowGrading.round), col(ShadowGrading.policy_id))))

    def compared(self, challenger_id: str) -> list[Row[Any]]:
        """How the decisions with a challenger and with the champions beside it differ, counted.

        Rows of: decided by the challenger (`routed`), outcome and grade that decided, those of the other, whether limit
        and rate are the same, how many cases, and what could be lent on them by either: what was applied for, up to the
        limit.
        """
        routed = (col(ShadowGrading.policy_id) != col(ShadowGrading.challenger_id)).label("routed")
        same_limit = (col(Grading.limit_fen) == col(ShadowGrading.limit_fen)).label("same_limit")
        same_rate = (col(Grading.annual_rate_percent) == col(ShadowGrading.annual_rate_percent)).label("same_rate")
        classes = (routed, Grading.outcome, Grading.grade, ShadowGrading.outcome, ShadowGrading.grade)
        query = (
            select(  # type: ignore[call-overload]  # SQLModel knows selects of four columns at most
                routed,
                Grading.outcome,
                Grading.grade,
                col(ShadowGrading.outcome).label("other_outcome"),
                col(ShadowGrading.grade).label("other_grade"),
                same_limit,
                same_rate,
                func.count().label("cases"),
                _lendable(Grading).label("lendable_fen"),
                _lendable(ShadowGrading).label("other_lendable_fen"),
            )
            .join(
                ShadowGrading,
                (col(ShadowGrading.loan) == col(Grading.loan)) & (col(ShadowGrading.round) == col(Grading.round)),
            )
            .join(Loan, col(Loan.number) == col(Grading.loan))
            .where(col(ShadowGrading.challenger_id) == challenger_id)
            .group_by(*classes, same_limit, same_rate)
        )
        return list(self.session.connection().execute(query))

    # -- back-tests --------------------------------------------------------------------------------------------------

    def graded_cases(
        self, products: Sequence[str], since: date, until: date, after: str, limit: int
    ) -> list[GradedCase]:
        """Past applications of products by loan number, those above `after`, each with its latest grading."""
        query = (
            select(  # type: ignore[call-overload]  # SQLModel knows selects of four columns at most
                Loan.number,
                Loan.applied_on,
                Loan.applied_fen,
                Loan.product,
                Loan.disbursed_on,
                col(Grading.id).label("grading"),
                func.coalesce(Grading.outcome, ""),
                func.coalesce(Grading.grade, ""),
                func.coalesce(Grading.limit_fen, 0),
                col(LoanPerformance.loan).label("known"),
                LoanPerformance.defaulted_on,
                LoanPerformance.observed_to,
                LoanPerformance.simulated,
                Grading.facts,
            )
            .select_from(Loan)
            .join(Grading, of_latest_round(), isouter=True)
            .join(LoanPerformance, col(LoanPerformance.loan) == col(Loan.number), isouter=True)
            .where(col(Loan.product).in_(products), Loan.number > after)
            .where(Loan.applied_on >= since, Loan.applied_on <= until)
            .order_by(col(Loan.number))
            .limit(limit)
        )
        found = self.session.connection().execute(query).all()

        def facts(row: Row[Any]) -> dict[str, Any] | None:
            kept = opened(self.session, Grading.facts, row.grading, row.facts)
            return None if isinstance(kept, ErasedForm) else kept

        return [GradedCase._make((*row[:-1], facts(row))) for row in found]

    def count_cases(self, products: Sequence[str], since: date, until: date) -> int:
        """How many applications of products came in between two days."""
        query = select(func.count()).where(col(Loan.product).in_(products))
        return self.session.exec(query.where(Loan.applied_on >= since, Loan.applied_on <= until)).one()

    def proposed(self, since: date, until: date, after: str, limit: int) -> list[Row[Any]]:
        """Proposals to change a loan of the days between two, those with an id above `after`, with the product."""
        query = (
            select(  # type: ignore[call-overload]  # SQLModel knows selects of four columns at most
                ChangeProposal.id,
                ChangeProposal.loan,
                Loan.product,
                ChangeProposal.kind,
                ChangeProposal.amount_fen,
                ChangeProposal.proposed_on,
            )
            .join(Loan, col(Loan.number) == col(ChangeProposal.loan))
            .where(ChangeProposal.proposed_on >= since, ChangeProposal.proposed_on <= until, ChangeProposal.id > after)
            .order_by(col(ChangeProposal.id))
            .limit(limit)
        )
        return list(self.session.connection().execute(query))

    def count_proposed(self, since: date, until: date) -> int:
        """How many proposals to change a loan were made between two days."""
        query = select(func.count()).where(ChangeProposal.proposed_on >= since, ChangeProposal.proposed_on <= until)
        return self.session.exec(query).one()

    def backtest(self, backtest_id: str) -> Backtest:
        """A back-test by its id."""
        found = self.session.get(Backtest, backtest_id)
        if found is None:
            raise UnknownPolicy(f"back-test {backtest_id}")
        return found

    def backtests(self, policy_id: str) -> list[Backtest]:
        """The back-tests of a version, the newest first."""
        query = select(Backtest).where(Backtest.policy_id == policy_id).order_by(col(Backtest.id).desc())
        return list(self.session.exec(query))

    def backtest_page(self, backtest_id: str, page: int) -> list[list[Any]] | None:
        """A page of the cases that change, from page 0; None after the last."""
        found = self.session.get(BacktestPage, (backtest_id, page))
        return found.cases if found else None
