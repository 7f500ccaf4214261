"""An explanation's steps as sentences, in Chinese and English."""

from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction

from lending.components import Component
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
    },
}


def sentence(step: Step, language: Language) -> str:
    """One step in words, amounts in yuan."""
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
        event=step.event_id,
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
