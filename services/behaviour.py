"""The behaviour score of every running loan for a month that is over, and the early warnings that follow from it.

Scores and warnings are written a page of loans at a time and each once, so a run that was broken off goes on where the
books stand.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from books.behaviour import NOT_SCORED
from books.session import UnitOfWork
from lending.account import LoanAccount
from lending.behaviour import (
    LATE_FROM_DPD,
    Alarm,
    BureauAnswer,
    Standing,
    Surroundings,
    WarningRule,
    alarm,
    facts_of,
    months_before,
    signs_of,
)
from lending.errors import LendingError
from lending.events import Event
from lending.servicing import service
from lending.terms import Terms
from models.behaviour import BehaviourMonth, BehaviourScore, EarlyWarning, Urgency
from models.changes import CHANGES_TERMS, ChangeKind, ChangeOutcome
from models.loans import Loan, LoanEvent, LoanTerms
from models.months import Month
from models.recurring import DueMonth, DueMonthOrder, MonthPage, MonthPageOrder
from models.sealing import NOT_OPENED
from models.staff import Role
from models.tasks import TaskKind
from services import audit
from services.policy_kinds import BEHAVIOUR_CARD
from services.scorecards import scorecard
from services.tasks import open_task

PAGE = 200
"""Loans a page: the books are held for a fraction of a second."""
PATIENCE_DAYS = 3
"""So many days after a month ended, a loan that still has to live through a day of it is taken as it stands."""
MOST_MONTHS_BACK = 12
"""Books that have never been scored begin so many months back: enough to see how good the warnings would have been."""
TASK_DAYS = 5
"""How long the owner of a customer has to see to a serious warning."""
ASK_FOR_MONEY = frozenset({"overdue", "debit_failed", "debit_returned"})
"""Templates of messages that ask for money."""

_rules: dict[str, WarningRule] = {}
"""By version of the card, whose content never changes."""


class AccountNotComputable(LendingError):
    """An account that the loan mathematics refuses; the loan is named, as it may be another one of the customer."""

    code = "account_not_computable"
    http_status = 409

    def __init__(self, loan: str, refusal: LendingError) -> None:
        super().__init__(f"the account of {loan} cannot be computed: {refusal}")


@dataclass(frozen=True)
class LoanScored:
    """What a loan came to: its row, and what to warn of."""

    loan: Loan
    row: Mapping[str, Any]
    before: Standing | None
    alarm: Alarm | None


@dataclass(frozen=True)
class LoansScored:
    """A page of loans, and with why those that the mathematics refuses, which do not hold up the others."""

    loans: tuple[LoanScored, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    last: str | None = None


def month_to_score(work: UnitOfWork, order: DueMonthOrder) -> DueMonth:
    """The oldest month that is over on the day and not complete; none before the first payout.

    None too while no behaviour card is in force.
    """
    last = work.behaviour.last_month()
    if last is not None:
        month = Month.parse(last).next
    else:
        first_payout = work.periods.first_payout()
        if first_payout is None:
            return DueMonth()
        month = max(Month.of(first_payout), Month.of(months_before(order.day, MOST_MONTHS_BACK)))
    is_over = month.last < order.day
    if not is_over or work.policies.in_force(BEHAVIOUR_CARD, month.last).champion is None:
        return DueMonth()
    return DueMonth(month=str(month))


def look_at_page(work: UnitOfWork, order: MonthPageOrder) -> LoansScored:
    """How the next loans behaved as of the month's last day, scored and not yet written.

    The version of the card is the one that was in force on that day. A loan that still has to live through a day of the
    month waits for it, but not for ever.
    """
    month = Month.parse(order.month)
    patient = (order.day - month.last).days <= PATIENCE_DAYS
    loans = work.behaviour.loans_to_score(month, after=order.after, limit=PAGE, ready_only=patient)
    champion = work.policies.in_force(BEHAVIOUR_CARD, month.last).champion
    if not loans or champion is None:
        return LoansScored()
    card, rule = scorecard(work, champion.policy_id), warning_rule(work, champion.policy_id)
    before = _standings(work, month.before, [loan.number for loan in loans])
    scored: list[LoanScored] = []
    refused: list[tuple[str, str]] = []
    gathered = _Gathered(work, loans, month.last)
    for loan in loans:
        try:
            facts = gathered.facts(loan)
        except (AccountNotComputable, *NOT_OPENED) as refusal:
            refused.append((loan.number, str(refusal)))
            continue
        # A card that refuses would refuse every loan: that is no trouble of this one, and ends the run.
        points = card.score(facts)
        signs = signs_of(facts)
        now = Standing(points.points, rule.band_of(points.points), signs, champion.policy_id)
        row = {
            "loan": loan.number,
            "month": order.month,
            "as_of": month.last,
            "policy_id": champion.policy_id,
            "points": now.points,
            "band": now.band,
            "signs": list(signs),
            "reasons": list(points.reasons),
            "worst_dpd": facts["worst_dpd_1m"],
            "facts": facts,
            "scored_at": work.now,
        }
        earlier = before.get(loan.number)
        # A loan that is late already is in collection: to warn of it would tell nobody anything.
        raised = alarm(now, earlier, rule) if facts["dpd"] < LATE_FROM_DPD else None
        scored.append(LoanScored(loan, row, earlier, raised))
    return LoansScored(tuple(scored), tuple(refused), loans[-1].number)


def warning_rule(work: UnitOfWork, policy_id: str) -> WarningRule:
    """What a version of the behaviour card says of bands and warnings; read once a process."""
    if policy_id not in _rules:
        _rules[policy_id] = WarningRule.of(work.policies.get(policy_id).content)
    return _rules[policy_id]


def _standings(work: UnitOfWork, month: Month, loans: Sequence[str]) -> dict[str, Standing]:
    return {
        loan: Standing(points, band, signs, policy_id)
        for loan, points, band, signs, policy_id in work.behaviour.standings(str(month), loans)
    }


def write_page(work: UnitOfWork, order: MonthPageOrder, found: LoansScored) -> MonthPage:
    """Writes what `look_at_page` found. A serious warning becomes a task for who owns the customer, if it is news.

    After the last loan the month is complete, unless one is left that still has to live through a day of it.
    """
    month = Month.parse(order.month)
    work.behaviour.add(BehaviourScore, [one.row for one in found.loans])
    work.behaviour.add(EarlyWarning, [row for one in found.loans for row in _warning(work, order, month, one)])
    for number, why in found.refused:
        _leave_out(work, order, number, why)
    if found.last is not None:
        return MonthPage(after=found.last)
    if work.behaviour.is_any_left(month):
        return MonthPage()
    if work.behaviour.last_month() != order.month:
        work.behaviour.complete(BehaviourMonth(month=order.month, completed_at=work.now))
        audit.record(work, audit.SYSTEM, "behaviour_scored", subject=order.month)
    return MonthPage(complete=True)


def _leave_out(work: UnitOfWork, order: MonthPageOrder, number: str, why: str) -> None:
    """Leaves a loan out of the month: an entry in its history, and a task for risk. Once, however often it is tried."""
    # Held until the commit: of two runs at once, the second finds the entry.
    loan = work.loans.get(number)
    if work.behaviour.is_refused(number, order.month):
        return
    audit.record(work, audit.SYSTEM, NOT_SCORED, loan=number, subject=order.month, reason=why, refused=True)
    about = f"the behaviour in {order.month} cannot be scored: {why}"
    open_task(work, loan, TaskKind.TROUBLE, Role.RISK, order.day + timedelta(days=1), about)


def _warning(work: UnitOfWork, order: MonthPageOrder, month: Month, scored: LoanScored) -> Iterator[dict[str, Any]]:
    if scored.alarm is None:
        return
    is_news = month.next.last >= order.day
    serious, row = scored.alarm.is_serious, scored.row
    yield {
        **{name: row[name] for name in ("loan", "month", "points", "band", "reasons", "policy_id")},
        "urgency": int(Urgency.SERIOUS if serious else Urgency.WATCH),
        "points_before": scored.before.points if scored.before else None,
        "band_before": scored.before.band if scored.before else None,
        "causes": list(scored.alarm.causes),
        "task_id": _task(work, order.day, scored.loan, scored.alarm) if serious and is_news else None,
        "raised_at": work.now,
    }


def _task(work: UnitOfWork, day: date, loan: Loan, raised: Alarm) -> str:
    """The task on which somebody sees to it: the overdue follow-up where there is one already."""
    for task in work.tasks.open_of(loan.number, TaskKind.OVERDUE):
        return task.id
    about = f"early warning: {', '.join(raised.causes)}"
    due_on = day + timedelta(days=TASK_DAYS)
    return open_task(work, loan, TaskKind.EARLY_WARNING, Role.AGENT, due_on, about).id


class _Gathered:
    """What the books know of a page of loans as of a day, in one query a subject however many loans there are."""

    def __init__(self, work: UnitOfWork, loans: Sequence[Loan], day: date) -> None:
        self.day = day
        self._business_date = work.clock.business_date
        numbers = [loan.number for loan in loans]
        books = work.behaviour
        all_loans = books.loans_of(loan.customer_id for loan in loans)
        self._others: dict[str, list[str]] = defaultdict(list)
        for number, customer, since, closed_on, written_off_on in all_loans:
            ended = min((one for one in (closed_on, written_off_on) if one is not None), default=date.max)
            if since is not None and since <= day < ended:
                self._others[customer].append(number)
        running = {number for some in self._others.values() for number in some} | set(numbers)
        self._terms: dict[str, LoanTerms] = work.periods.terms(running)
        self._events: dict[str, list[LoanEvent]] = work.periods.events(running)
        self._accounts: dict[str, LoanAccount] = {}

        self._declined: dict[str, list[tuple[date, str]]] = defaultdict(list)
        for number, on, reason in books.declined_debits(numbers, months_before(day, 12)):
            self._declined[number].append((on, reason or ""))
        self._messages: dict[str, list[date]] = defaultdict(list)
        self._replies: dict[str, list[date]] = defaultdict(list)
        recent = work.clock.opens_at(months_before(day, 3))
        for customer, number, direction, template, at in books.contacts_since(
            {loan.customer_id for loan in loans}, recent
        ):
            if direction == "in":
                self._replies[customer].append(self._business_date(at))
            elif template in ASK_FOR_MONEY:
                self._messages[number].append(self._business_date(at))
        self._accounts_changed: dict[str, list[date]] = defaultdict(list)
        for number, at in books.account_changes(numbers):
            self._accounts_changed[number].append(self._business_date(at))
        self._deferrals: dict[str, list[date]] = defaultdict(list)
        self._restructurings: dict[str, list[date]] = defaultdict(list)
        for number, kind, asked_on, outcome, ended_on in books.changes_of(numbers):
            if kind == ChangeKind.DEFERRAL:
                self._deferrals[number].append(asked_on)
            if kind in CHANGES_TERMS and kind != ChangeKind.RATE_CHANGE and outcome == ChangeOutcome.APPLIED:
                self._restructurings[number].append(ended_on)
        owner = {number: customer for number, customer, *_ in all_loans}
        # Customers of whom something that their score needs cannot be opened, and why.
        self._unopened: dict[str, LendingError] = {}
        self._contacts_changed = _contact_changes(work, owner, self._unopened)
        # Oldest first, so the newest report stays; one about a refused application counts too. "No such person" is
        # no report: neither debts nor a clean record follow from it.
        self._bureau: dict[str, BureauAnswer] = {}
        for number, at, answer in books.bureau_answers(list(owner), work.clock.opens_at(day + timedelta(days=1))):
            if isinstance(answer, LendingError):
                self._unopened[owner[number]] = answer
            elif answer.get("found"):
                self._bureau[owner[number]] = _bureau_answer(self._business_date(at), answer)

    def facts(self, loan: Loan) -> dict[str, int | bool]:
        """The facts of one of the loans.

        AccountNotComputable where its account, or another of its customer, is not; SealBroken or KeyMissing where
        something of them cannot be opened.
        """
        number, customer = loan.number, loan.customer_id
        if customer in self._unopened:
            raise self._unopened[customer]
        # Of a loan that was served elsewhere only its outcome is known.
        others = [self._account(one) for one in self._others[customer] if one != number and one in self._events]
        return facts_of(
            self._account(number),
            loan.disbursed_on or self.day,
            Surroundings(
                declined=self._declined[number],
                messages=self._messages[number],
                replies=self._replies[customer],
                account_changes=self._accounts_changed[number],
                contact_changes=self._contacts_changed[customer],
                deferrals_asked=self._deferrals[number],
                restructurings=self._restructurings[number],
                other_loans=len(others),
                other_outstanding_fen=sum(one.principal_outstanding_fen for one in others),
                other_dpd=max((one.dpd for one in others), default=0),
                bureau=self._bureau.get(customer),
            ),
        )

    def _account(self, number: str) -> LoanAccount:
        if number not in self._accounts:
            try:
                events = [Event.parse(event.body) for event in self._events[number]]
                self._accounts[number] = service(Terms.parse(self._terms[number].body), events, self.day)
            except LendingError as refusal:
                raise AccountNotComputable(number, refusal) from refusal
        return self._accounts[number]


def _contact_changes(
    work: UnitOfWork, owner: Mapping[str, str], unopened: dict[str, LendingError]
) -> dict[str, list[date]]:
    """On which days customers applied with another mobile than the time before; notes of whom that cannot be said."""
    often = {customer for customer, loans in Counter(owner.values()).items() if loans > 1}
    found: dict[str, list[date]] = defaultdict(list)
    last: dict[str, str | None] = {}
    numbers = [number for number, customer in owner.items() if customer in often]
    for number, at, form in work.behaviour.applications_of(numbers):
        if isinstance(form, LendingError):
            unopened[owner[number]] = form
            continue
        mobile = form.get("mobile")
        if last.setdefault(owner[number], mobile) != mobile:
            found[owner[number]].append(work.clock.business_date(at))
            last[owner[number]] = mobile
    return found


def _bureau_answer(on: date, answer: Mapping[str, Any]) -> BureauAnswer:
    return BureauAnswer(
        on,
        payment_fen=answer.get("monthly_payment_fen", 0),
        income_fen=answer.get("monthly_income_fen", 0),
        blacklisted=bool(answer.get("blacklisted", False)),
    )
