"""Compares what stands on a document with the form and with what the registers say."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from lending.money import yuan
from models.documents import Reading, ReadingVerdict
from services.documents_finding import Dated, Found, Income, Text, is_name, plain

SURE_ENOUGH = 60
"""Percent. What was read less surely agrees by chance too often to go without a person's look."""
INCOME_TOLERANCE_PERCENT = 5
"""A form has a rounded income."""
KNOWN_INCOME_TOLERANCE_PERCENT = 20
"""What a register knows of an income is of another month or year."""
STUDIES_TOLERANCE = timedelta(days=31)
"""Registers, forms and letters name the day of the ceremony, of the certificate or the end of the month."""
STATEMENT_IS_GOOD_FOR = timedelta(days=90)
STATEMENT_COVERS = timedelta(days=80)
"""Three months, less some days without a movement at either end."""
LIKE_ENOUGH = 85
"""Percent: in the name of a school or dealer one sign of seven may be misread. Names of people have to be the same."""
LONG_NAME = 6
INVOICE_IS_GOOD_FOR = timedelta(days=365)
"""An older one is of another sale."""
INCOME_PROOF_IS_GOOD_FOR = timedelta(days=90)
"""An older one says what somebody earned once."""
TEXT_LAYER = "text"
"""The method of a reading that took no picture to be read: what it found was typed."""
NOT_READ = 50
"""How sure it is that something does not stand on a document which can be read otherwise."""


class FieldState(StrEnum):
    """What the comparison of one field came to."""

    AGREES = "agrees"
    DIFFERS = "differs"
    MISSING = "missing"


@dataclass(frozen=True)
class Check:
    """One field compared. `source` says who expects the value: `form`, the name of a register's check, or `kind` for
    what every document of its kind has to be.
    """

    field: str
    state: FieldState
    expected: str
    source: str
    read: str | None = None
    confidence: int = NOT_READ
    page: int | None = None
    box: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of document: phrases of which one stands on each, and the fields that have to be there.

    `other_side` are phrases that all stand on a side that names nobody. A card is shown as a picture and is good until
    the day that stands on it; what is `good_for` a time was issued no longer ago than that.
    """

    signs: tuple[str, ...]
    fields: tuple[str, ...]
    other_side: tuple[str, ...] = ()
    is_card: bool = False
    good_for: timedelta | None = None

    def is_named_on(self, text: Text) -> bool:
        """Whether one of its phrases stands on a document."""
        return any(text.says(sign) for sign in self.signs)


KINDS: Mapping[str, Kind] = {
    "id_card": Kind(("公民身份号码", "公民身份证号码"), ("name", "id_number"), ("签发机关", "有效期限"), is_card=True),
    "income_proof": Kind(
        ("收入证明", "工资证明", "在职证明", "工资单", "proof of income"),
        ("name", "income"),
        good_for=INCOME_PROOF_IS_GOOD_FOR,
    ),
    "bank_statement": Kind(("交易明细", "流水", "对账单", "账户明细", "bank statement"), ("name", "account", "period")),
    "admission_letter": Kind(("录取通知书", "入学通知书", "admission"), ("name", "school", "studies")),
    "hardship_proof": Kind(
        (
            *("困难", "低保", "最低生活保障", "特困", "脱贫", "孤儿", "残疾"),
            *("受灾", "灾害", "单亲", "离婚", "死亡证明", "诊断", "住院", "hardship"),
        ),
        ("name",),
    ),
    "driving_licence": Kind(("驾驶证", "准驾车型", "driving licence"), ("name", "id_number"), is_card=True),
    "vehicle_invoice": Kind(
        ("销售统一发票", "销售发票", "invoice"),
        ("name", "vin", "price", "dealer", "invoice_number", "invoice_date"),
    ),
    "vehicle_registration": Kind(("机动车登记证书", "抵押登记"), ("name", "vin")),
    "insurance_policy": Kind(("保险单", "保险凭证", "insurance policy"), ("name", "vin")),
}
"""What the shipped products take. A kind that another module brings is looked through for name and ID number, one of
which has to be there.
"""
ANY_KIND = Kind((), ())


@dataclass(frozen=True)
class Comparison:
    """What became of a document: the verdict, how sure it is in percent, each field, and what else stands there."""

    verdict: ReadingVerdict
    confidence: int
    checks: tuple[Check, ...]
    others: tuple[tuple[str, Found], ...]

    @property
    def agreeing(self) -> int:
        """How many of its fields agree."""
        return sum(check.state is FieldState.AGREES for check in self.checks)

    @property
    def is_doubtful(self) -> bool:
        """Whether a person has to look at it."""
        agrees = all(check.state is FieldState.AGREES for check in self.checks)
        is_known = self.verdict in (ReadingVerdict.AGREES, ReadingVerdict.OTHER_SIDE)
        return not (is_known and agrees) or self.confidence < SURE_ENOUGH

    def as_json(self) -> dict[str, Any]:
        """The fields as they are kept."""
        others = [{"field": field, "value": one.value, **asdict(one.place)} for field, one in self.others]
        # As a table gives them back, so that two comparisons can be told apart.
        checks = [{**asdict(check), "box": list(check.box) if check.box else None} for check in self.checks]
        return {"checks": checks, "others": others}


def compare(
    kind: str,
    reading: Reading,
    form: Mapping[str, Any],
    answers: Mapping[str, Mapping[str, Any]],
    day: date | None = None,
) -> Comparison:
    """Compares a document of a kind with what the form says of the person whose it is, and the registers by name.

    `day` is the business date on which a card, a proof of income, an invoice or a statement has to be good; without one
    its dates are not looked at. Nothing is read into a document: what is not found on it is missing, which is a
    difference.
    """
    text = Text(reading)
    if not text.is_readable():
        return Comparison(ReadingVerdict.UNREADABLE, 0, (), ())
    known = KINDS.get(kind, ANY_KIND)
    others = _others(text)
    is_named = known.is_named_on(text)
    of_card = _card_checks(text, reading.method, day) if known.is_card else []
    checks = _person_checks(text, known, form["name"], form["id_number"])
    names_nobody = not is_named and all(check.state is FieldState.MISSING for check in checks)
    if names_nobody and known.other_side and all(text.find(one) for one in known.other_side) and text.valid():
        confidence = min((check.confidence for check in of_card), default=text.confidence)
        return Comparison(ReadingVerdict.OTHER_SIDE, confidence, tuple(of_card), others)
    checks += _thing_checks(text, known, form, answers)
    checks += of_card
    if known.good_for is not None and day is not None:
        checks += _issue_checks(text, known.good_for, day)
    if "invoice_number" in known.fields:
        checks += _invoice_checks(text, form, day)
    if "studies" in known.fields:
        checks += _studies_checks(text, form, answers)
    if "period" in known.fields and day is not None:
        checks.append(_period_check(text, day))
    if known.signs and not is_named:
        return Comparison(ReadingVerdict.WRONG_KIND, text.confidence, tuple(checks), others)
    against = [check for check in checks if check.state is not FieldState.AGREES]
    verdict = ReadingVerdict.DIFFERS if against else ReadingVerdict.AGREES
    confidence = min((check.confidence for check in against or checks), default=text.confidence)
    return Comparison(verdict, confidence, tuple(checks), others)


def _person_checks(text: Text, kind: Kind, name: str, number: str) -> list[Check]:
    checks = []
    by_name = _name_check(text, name)
    if "name" in kind.fields or by_name.state is not FieldState.MISSING:
        checks.append(by_name)
    by_number = _one_of("id_number", number, "form", text.id_numbers(), text.find(number))
    # Not every kind of document names the number; where it does, it has to be the right one.
    if "id_number" in kind.fields or by_number.state is not FieldState.MISSING:
        checks.append(by_number)
    # A paper that names nobody is nobody's.
    return checks or [by_name]


def _card_checks(text: Text, method: str, day: date | None) -> list[Check]:
    """A card is a thing that somebody photographs, and is good on the day; anybody can type what stands on one."""
    checks = []
    if method == TEXT_LAYER:
        checks.append(Check("photograph", FieldState.MISSING, "", "kind"))
    if day is not None and text.says_validity():
        valid = text.valid()
        state = FieldState.MISSING if valid is None else FieldState.DIFFERS
        if valid is not None and (valid.first or day) <= day <= (valid.last or day):
            state = FieldState.AGREES
        checks.append(_checked("valid", state, day.isoformat(), "kind", valid.found if valid else None))
    return checks


def _issue_checks(text: Text, good_for: timedelta, day: date) -> list[Check]:
    """The newest day or month of the past that stands on a paper, where one does, is not too long ago.

    A contract may go on into the future; a paper on which nothing but the future stands is of no day.
    """
    stated = text.dated()
    past = [one for one in stated if one.first <= day]
    if not stated:
        return []
    newest = max(past or stated, key=lambda one: one.last)
    state = FieldState.AGREES if past and newest.last >= day - good_for else FieldState.DIFFERS
    return [_checked("issued", state, f"{day - good_for} – {day}", "kind", newest.found)]


def _name_check(text: Text, name: str) -> Check:
    labelled = text.names()
    for stands in labelled:
        if is_name(stands.value, name):
            return _checked("name", FieldState.AGREES, name, "form", Found(name, stands.place))
    found = None if labelled else text.find_name(name)
    if found is not None:
        return _checked("name", FieldState.AGREES, name, "form", found)
    if others := labelled or text.certified():
        return _checked("name", FieldState.DIFFERS, name, "form", others[0])
    return _checked("name", FieldState.MISSING, name, "form", None)


def _thing_checks(
    text: Text, kind: Kind, form: Mapping[str, Any], answers: Mapping[str, Mapping[str, Any]]
) -> list[Check]:
    checks = []
    for field in kind.fields:
        if field == "school":
            school = (answers.get("enrolment") or {}).get("school")
            for value, source in ((form.get("school"), "form"), (school, "enrolment")):
                if value:
                    checks.append(_long_name("school", value, source, text, text.schools()))
        elif field == "dealer":
            registered = ((answers.get("vehicle") or {}).get("dealer") or {}).get("name")
            for value, source in ((form.get("dealer"), "form"), (registered, "vehicle")):
                if value and (source == "form" or value != form.get("dealer")):
                    checks.append(_long_name("dealer", value, source, text, []))
        elif field == "vin" and form.get("vin"):
            checks.append(_one_of("vin", form["vin"], "form", text.vins(), text.find(form["vin"])))
        elif field == "price" and form.get("vehicle_price"):
            checks.append(_price(form["vehicle_price"], text))
        elif field == "income":
            checks += _income_checks(text, form, answers)
        elif field == "account" and form.get("bank_card"):
            checks.append(_one_of("account", form["bank_card"][-4:], "form", text.accounts(), None))
    return checks


def _income_checks(text: Text, form: Mapping[str, Any], answers: Mapping[str, Mapping[str, Any]]) -> list[Check]:
    """What the form states and, where it knows the person, what the bureau has; of a month or of a year.

    Where neither knows an income, the paper has to say one all the same.
    """
    checks, bureau, stated = [], answers.get("bureau") or {}, text.incomes()
    if form.get("monthly_income"):
        checks.append(_income(form["monthly_income"], stated, text, INCOME_TOLERANCE_PERCENT, "form"))
    if bureau.get("monthly_income_fen"):
        known_fen = bureau["monthly_income_fen"]
        checks.append(_income(known_fen, stated, text, KNOWN_INCOME_TOLERANCE_PERCENT, "bureau"))
    if not checks:
        state = FieldState.AGREES if stated else FieldState.MISSING
        checks.append(_checked("income", state, "", "kind", stated[0].found if stated else None))
    return checks


def _income(monthly_fen: int, stated: Sequence[Income], text: Text, tolerance_percent: int, source: str) -> Check:
    """A sum that the paper calls an income, about right for the months that it is of.

    Other sums may be of anything, such as a year's bonus: the nearest is shown, and the income is missing.
    """
    for one in stated:
        if any(abs(one.fen - monthly_fen * n) * 100 <= monthly_fen * n * tolerance_percent for n in one.months):
            return _checked("income", FieldState.AGREES, yuan(monthly_fen), source, one.found)
    sums = [(one.fen, one.found) for one in stated] or text.amounts()
    nearest = min(sums, key=lambda one: abs(one[0] - monthly_fen), default=None)
    state = FieldState.DIFFERS if stated else FieldState.MISSING
    return _checked("income", state, yuan(monthly_fen), source, nearest[1] if nearest else None)


def _studies_checks(text: Text, form: Mapping[str, Any], answers: Mapping[str, Mapping[str, Any]]) -> list[Check]:
    """Beginning and end of the studies, which not every letter states; where one does it has to fit."""
    register = answers.get("enrolment") or {}
    stated: tuple[tuple[str, list[Dated], Any, str], ...] = (
        ("enrolled_on", text.begun(), register.get("started"), "enrolment"),
        ("graduates_on", text.ended(), form.get("graduation_date"), "form"),
        ("graduates_on", text.ended(), register.get("graduates_on"), "enrolment"),
    )
    checks = []
    for field, found, expected, source in stated:
        if not found or not expected:
            continue
        day = date.fromisoformat(str(expected))
        near = [one for one in found if one.first - STUDIES_TOLERANCE <= day <= one.last + STUDIES_TOLERANCE]
        state = FieldState.AGREES if near else FieldState.DIFFERS
        checks.append(_checked(field, state, day.isoformat(), source, (near or found)[0].found))
    return checks


def _period_check(text: Text, day: date) -> Check:
    """A statement reaches to the last months, not beyond today, and covers three of them."""
    dates = sorted(text.dates(), key=lambda one: one[0])
    earliest = day - STATEMENT_IS_GOOD_FOR
    state = FieldState.MISSING if not dates else FieldState.DIFFERS
    if dates and earliest <= dates[-1][0] <= day and dates[-1][0] - dates[0][0] >= STATEMENT_COVERS:
        state = FieldState.AGREES
    return _checked("period", state, f"{earliest} – {day}", "form", dates[-1][1] if dates else None)


def _invoice_checks(text: Text, form: Mapping[str, Any], day: date | None) -> list[Check]:
    """An invoice has a number, the one that the form states if it does, and is not of another time."""
    numbers, stated = text.invoice_numbers(), form.get("invoice_number")
    if stated:
        checks = [_one_of("invoice_number", stated, "form", numbers, text.find(stated))]
    else:
        found = numbers[0] if numbers else None
        state = FieldState.AGREES if found else FieldState.MISSING
        checks = [_checked("invoice_number", state, found.value if found else "", "form", found)]
    if day is not None:
        issued, earliest = text.invoice().dated, day - INVOICE_IS_GOOD_FOR
        state = FieldState.MISSING if issued is None else FieldState.DIFFERS
        if issued is not None and earliest <= issued <= day:
            state = FieldState.AGREES
        place = next((one for dated, one in text.dates() if dated == issued), None)
        checks.append(_checked("invoice_date", state, f"{earliest} – {day}", "form", place))
    return checks


def _one_of(field: str, value: str, source: str, candidates: Sequence[Found], stands: Found | None) -> Check:
    """A number: the expected one among those that stand there, or wherever it stands; else another one differs."""
    wanted = plain(value)
    found = next((one for one in candidates if one.value == wanted), stands)
    if found is not None:
        return _checked(field, FieldState.AGREES, value, source, found)
    if candidates:
        return _checked(field, FieldState.DIFFERS, value, source, candidates[0])
    return _checked(field, FieldState.MISSING, value, source, None)


def _long_name(field: str, value: str, source: str, text: Text, candidates: Sequence[Found]) -> Check:
    found = text.find(value)
    if found is None and len(plain(value)) >= LONG_NAME and (near := text.nearest(value, LIKE_ENOUGH)) is not None:
        found = near[0]
    if found is not None:
        return _checked(field, FieldState.AGREES, value, source, found)
    if candidates:
        return _checked(field, FieldState.DIFFERS, value, source, candidates[0])
    return _checked(field, FieldState.MISSING, value, source, None)


def _price(fen: int, text: Text) -> Check:
    """A sum, to the fen."""
    nearest = min(text.amounts(), key=lambda one: abs(one[0] - fen), default=None)
    if nearest is None:
        return _checked("price", FieldState.MISSING, yuan(fen), "form", None)
    state = FieldState.AGREES if nearest[0] == fen else FieldState.DIFFERS
    return _checked("price", state, yuan(fen), "form", nearest[1])


def _checked(field: str, state: FieldState, expected: str, source: str, found: Found | None) -> Check:
    if found is None:
        return Check(field, state, expected, source)
    where = found.place
    return Check(field, state, expected, source, found.value, where.confidence, where.page, where.box)


def _others(text: Text) -> tuple[tuple[str, Found], ...]:
    """Dates and amounts, for whoever looks at the document."""
    dates = [("date", one) for _, one in text.dates()]
    amounts = [("amount", one) for _, one in text.amounts()]
    return tuple(dates[:10] + amounts[:10])
