"""Queries on versions of policies, what is in force, gradings and back-tests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, bindparam, case, func, or_
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from books.errors import UnknownPolicy
from books.rows import WRITTEN_AT_ONCE
from models.changes import ChangeProposal
from models.grading import Grading, ShadowGrading
from models.loans import Loan
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

DEFAULTED_ABOVE_DPD = 90


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

        Rows of: decided by the challenger (`routed`), outcome and grade that decided, those of the other, count.
        """
        routed = (col(ShadowGrading.policy_id) != col(ShadowGrading.challenger_id)).label("routed")
        query = (
            select(  # type: ignore[call-overload]  # SQLModel knows selects of four columns at most
                routed,
                Grading.outcome,
                Grading.grade,
                col(ShadowGrading.outcome).label("other_outcome"),
                col(ShadowGrading.grade).label("other_grade"),
                func.count().label("cases"),
            )
            .join(
                ShadowGrading,
                (col(ShadowGrading.loan) == col(Grading.loan)) & (col(ShadowGrading.round) == col(Grading.round)),
            )
            .where(col(ShadowGrading.challenger_id) == challenger_id)
            .group_by(routed, Grading.outcome, Grading.grade, ShadowGrading.outcome, ShadowGrading.grade)
        )
        return list(self.session.connection().execute(query))

    # -- back-tests --------------------------------------------------------------------------------------------------

    def graded_cases(self, products: Sequence[str], since: date, until: date, after: str, limit: int) -> list[Row[Any]]:
        """Past applications of products by loan number, those above `after`, each with its gradings, newest first."""
        numbers = (
            select(Loan.number)
            .where(col(Loan.product).in_(products), Loan.number > after)
            .where(Loan.applied_on >= since, Loan.applied_on <= until)
            .order_by(col(Loan.number))
            .limit(limit)
        )
        query = (
            select(  # type: ignore[call-overload]  # SQLModel knows selects of four columns at most
                Loan.number,
                Loan.applied_on,
                Loan.applied_fen,
                Loan.product,
                Grading.round,
                Grading.outcome,
                Grading.grade,
                Grading.limit_fen,
                Grading.annual_rate_percent,
                Grading.facts,
                Grading.steps,
            )
            .join(Grading, col(Grading.loan) == col(Loan.number), isouter=True)
            .where(col(Loan.number).in_(numbers))
            .order_by(col(Loan.number), col(Grading.round).desc())
        )
        return list(self.session.connection().execute(query))

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

    def defaults(self, product: str) -> list[Row[Any]]:
        """How many loans of a product were paid out, by grade, and how many of them defaulted."""
        defaulted = case((or_(col(Loan.dpd) > DEFAULTED_ABOVE_DPD, col(Loan.written_off_on).is_not(None)), 1), else_=0)
        query = (
            select(Loan.grade, func.count().label("loans"), func.sum(defaulted).label("defaulted"))
            .where(Loan.product == product, col(Loan.disbursed_on).is_not(None), col(Loan.grade).is_not(None))
            .group_by(col(Loan.grade))
        )
        return list(self.session.connection().execute(query))

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
