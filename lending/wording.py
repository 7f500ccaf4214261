"""An explanation's steps as sentences, in Chinese and English."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction

from lending.components import Component
from lending.events import Event, EventType
from lending.steps import Step, StepKind


class Language(StrEnum):
    """The languages that steps are worded in."""

    ZH = "zh"
    EN = "en"


_NAMES = {
    Language.ZH: {
        Component.PRINCIPAL: "本金",
        Component.INTEREST: "利息",
        Component.FEE: "费用",
        Component.PENALTY: "罚息",
        Component.SUBSIDY: "财政贴息",
    },
    Language.EN: {component: component.value for component in Component},
}

_SENTENCES = {
    Language.ZH: {
        StepKind.INTEREST: "利息{amount}元：{pieces}{before}，合计后舍入一次。",
        StepKind.INTEREST_IN_PART: "到期前收取利息{amount}元，当时已累计：{pieces}{before}。",
        StepKind.FLAT_INTEREST: "利息{amount}元：按原借款金额计算，各期均摊{solved}。",
        StepKind.INTEREST_OF_STATE: "其中{positive}元由财政贴息承担。",
        StepKind.INTEREST_DEFERRED: "其中{positive}元延后，随下一次还款支付。",
        StepKind.INTEREST_CARRIED: "加上前期延后的利息{amount}元。",
        StepKind.SUBSIDY: "财政贴息{amount}元，不由借款人支付。",
        StepKind.PRINCIPAL_OF_LEVEL: "本金{amount}元：每期还款额{level}元减去利息{interest}元{solved}。",
        StepKind.PRINCIPAL_SHARE: "本金{amount}元：每期等额本金{solved}。",
        StepKind.PRINCIPAL_REST: "本金{amount}元：最后一期归还全部剩余本金。",
        StepKind.PRINCIPAL_AS_PLANNED: "本金{amount}元：按调整前的计划归还，仅利息重新计算。",
        StepKind.PRINCIPAL_BY_EVENT: "{on}因“{event}”收取本金{amount}元。",
        StepKind.FEE: "费用{amount}元{name}，{on}到期。",
        StepKind.PENALTY: "罚息{amount}元：{pieces}，合计后舍入一次。",
        StepKind.PENALTY_IN_GRACE: "罚息{amount}元：宽限期内暂不收取，已累计{pieces}。",
        StepKind.PENALTY_CEILING: "超过合同约定的罚息上限，减去{positive}元。",
        StepKind.MOVED_HERE: "{on}由第{other}期转入{part}{amount}元。",
        StepKind.MOVED_AWAY: "{on}转出{part}{positive}元至第{other}期及以后。",
        StepKind.PAID: "{on}以“{event}”支付{part}{amount}元。",
        StepKind.WAIVED: "{on}以“{event}”减免{part}{amount}元。",
        StepKind.WRITTEN_OFF: "{on}以“{event}”核销{part}{amount}元。",
        StepKind.PRINCIPAL_LEFT: "尚未归还的本金{amount}元。",
        StepKind.INTEREST_UNPAID: "已到期未付的利息{amount}元。",
        StepKind.INTEREST_TO_DATE: "本期截至当日的利息{amount}元：{pieces}{before}，合计后舍入一次。",
        StepKind.INTEREST_LIMITED: "本期利息以计划为限，调整{amount}元。",
        StepKind.FEES_UNPAID: "已到期未付的费用{amount}元。",
        StepKind.FEES_AHEAD: "已确定、尚未到期的费用{amount}元。",
        StepKind.PENALTY_UNPAID: "未付的罚息{amount}元，详见各逾期期次。",
        StepKind.CREDIT_KEPT: "减去已留存的款项{positive}元。",
    },
    Language.EN: {
        StepKind.INTEREST: "Interest {amount}: {pieces}{before}, rounded once.",
        StepKind.INTEREST_IN_PART: "Interest {amount} was charged before it fell due, out of: {pieces}{before}.",
        StepKind.FLAT_INTEREST: "Interest {amount}: on the amount first lent, spread evenly{solved}.",
        StepKind.INTEREST_OF_STATE: "The state bears {positive} of it.",
        StepKind.INTEREST_DEFERRED: "{positive} of it is deferred to the next payment.",
        StepKind.INTEREST_CARRIED: "Interest deferred by earlier installments adds {amount}.",
        StepKind.SUBSIDY: "Subsidy {amount}, which the borrower does not pay.",
        StepKind.PRINCIPAL_OF_LEVEL: "Principal {amount}: the level payment {level} less interest {interest}{solved}.",
        StepKind.PRINCIPAL_SHARE: "Principal {amount}: the equal share of a period{solved}.",
        StepKind.PRINCIPAL_REST: "Principal {amount}: the last installment repays all that is left.",
        StepKind.PRINCIPAL_AS_PLANNED: "Principal {amount}: as planned before the change; only interest was renewed.",
        StepKind.PRINCIPAL_BY_EVENT: "Principal {amount} was charged on {on} by {event}.",
        StepKind.FEE: "Fee {amount}{name}, due on {on}.",
        StepKind.PENALTY: "Penalty {amount}: {pieces}, rounded once.",
        StepKind.PENALTY_IN_GRACE: "Penalty {amount}: within the days of grace nothing is charged; so far {pieces}.",
        StepKind.PENALTY_CEILING: "The contract's ceiling takes off {positive}.",
        StepKind.MOVED_HERE: "{amount} of {part} came over from installment {other} on {on}.",
        StepKind.MOVED_AWAY: "{positive} of {part} went to installment {other} and later ones on {on}.",
        StepKind.PAID: "{amount} of {part} was paid on {on} by {event}.",
        StepKind.WAIVED: "{amount} of {part} was waived on {on} by {event}.",
        StepKind.WRITTEN_OFF: "{amount} of {part} was written off on {on} by {event}.",
        StepKind.PRINCIPAL_LEFT: "Principal not repaid yet: {amount}.",
        StepKind.INTEREST_UNPAID: "Interest that fell due and is unpaid: {amount}.",
        StepKind.INTEREST_TO_DATE: "Interest of this period up to the day {amount}: {pieces}{before}, rounded once.",
        StepKind.INTEREST_LIMITED: "A period bears no more than was planned, which makes {amount}.",
        StepKind.FEES_UNPAID: "Fees that fell due and are unpaid: {amount}.",
        StepKind.FEES_AHEAD: "Fees that are fixed and not due yet: {amount}.",
        StepKind.PENALTY_UNPAID: "Penalty that is unpaid: {amount}; each late installment says how it came to be.",
        StepKind.CREDIT_KEPT: "Less money that was kept: {positive}.",
    },
}


_EVENTS = {
    Language.ZH: {
        EventType.DISBURSEMENT: "放款",
        EventType.RATE_CHANGE: "利率变更",
        EventType.FEE: "收取费用",
        EventType.WAIVER: "减免",
        EventType.REPAYMENT: "还款",
        EventType.PREPAYMENT: "提前还款",
        EventType.SUBSIDY: "财政贴息",
        EventType.DEFERRAL: "延期",
        EventType.RESCHEDULE: "重组",
        EventType.REVERSAL: "冲正",
        EventType.SETTLEMENT: "结清",
        EventType.WRITE_OFF: "核销",
        EventType.AS_OF: "查询",
    },
    Language.EN: {
        EventType.DISBURSEMENT: "the payout",
        EventType.RATE_CHANGE: "the change of rate",
        EventType.FEE: "the fee",
        EventType.WAIVER: "the waiver",
        EventType.REPAYMENT: "the repayment",
        EventType.PREPAYMENT: "the prepayment",
        EventType.SUBSIDY: "the subsidy",
        EventType.DEFERRAL: "the deferral",
        EventType.RESCHEDULE: "the restructuring",
        EventType.REVERSAL: "the reversal",
        EventType.SETTLEMENT: "the settlement",
        EventType.WRITE_OFF: "the write-off",
        EventType.AS_OF: "the look",
    },
}

EventNames = Mapping[str, str]
"""What events are called in sentences, by their ids."""


def names_of(events: Iterable[Event], language: Language) -> EventNames:
    """Events by what they are, their sum and their day, for readers to whom an id says nothing."""
    names = {}
    for event in events:
        kind = _EVENTS[language][event.type]
        if language is Language.ZH:
            amount = f"{_yuan(event.amount_fen)}元" if event.amount_fen else ""
            names[event.id] = f"{event.date}{kind}{amount}"
        else:
            amount = f" of {_yuan(event.amount_fen)}" if event.amount_fen else ""
            names[event.id] = f"{kind}{amount} of {event.date}"
    return names


def sentence(step: Step, language: Language, names: EventNames | None = None) -> str:
    """One step in words, amounts in yuan; an event is called by its name, else by its id."""
    zh = language is Language.ZH
    before = name = solved = ""
    if step.before_fen:
        before = f"，减去已收取的{_yuan(step.before_fen)}" if zh else f", less {_yuan(step.before_fen)} charged before"
    if step.name is not None:
        name = f"（{step.name}）" if zh else f" ({step.name})"
    if step.solved is not None:
        balance, periods = _yuan(step.solved.balance), step.solved.periods
        rate = _percent(step.solved.rate)
        solved = (
            f"（{balance}元分{periods}期，每期利率{rate}）"
            if zh
            else f" ({balance} over {periods} periods at {rate} a period)"
        )
    return _SENTENCES[language][step.kind].format(
        amount=_yuan(step.amount_fen),
        positive=_yuan(abs(step.amount_fen)),
        pieces=_pieces(step, language),
        before=before,
        level=_yuan(step.level_fen or 0),
        interest=_yuan(step.interest_fen or 0),
        solved=solved,
        on=step.on,
        event=(names or {}).get(step.event_id or "", step.event_id),
        other=step.other_n,
        name=name,
        part=_NAMES[language][step.component],
    )


def _pieces(step: Step, language: Language) -> str:
    """Each stretch of days as base x rate x span, and what that comes to."""
    words = []
    for piece in step.pieces:
        sums = f"{_yuan(piece.base)} × {_percent(piece.rate)} × {piece.span} = {_yuan(piece.exact, 6)}"
        days = f"{piece.since}至{piece.until}：" if language is Language.ZH else f"{piece.since} to {piece.until}: "
        words.append(days + sums)
    nothing = "本期不计息" if language is Language.ZH else "none in this period"
    return ("；" if language is Language.ZH else "; ").join(words) or nothing


def _yuan(fen: int | Fraction, places: int = 2) -> str:
    return f"{_rounded(Fraction(fen) / 100, places):,f}"


def _percent(rate: Fraction) -> str:
    digits = f"{_rounded(rate * 100, 6):f}"
    return f"{digits.rstrip('0').rstrip('.')}%"


def _rounded(number: Fraction, places: int) -> Decimal:
    exact = Decimal(number.numerator) / Decimal(number.denominator)
    return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
