"""Finds names, numbers, schools, dates and amounts among the words that were read on a document."""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from rapidfuzz import fuzz
from stdnum.cn import ric

from lending.money import to_fen
from models.documents import Reading, Word

FEWEST_SIGNS = 10
LEAST_CONFIDENCE = 50
"""Below it a recogniser guesses: of letters that nobody could read it makes words as well."""

_HAN = "\u4e00-\u9fff"
_ID_NUMBER = re.compile(r"(?<![0-9A-Z])[0-9OQDILZSBX]{17}[0-9OQDILZSBX](?![0-9A-Z])")
_MISREAD = str.maketrans("OQDILZSB", "00011258")
_VIN = re.compile(r"(?<![0-9A-Z])[0-9A-Z]{17}(?![0-9A-Z])")
_DATE = re.compile(r"((?:19|20)\d\d)[年./-](\d{1,2})[月./-](\d{1,2})日?")
# A recogniser takes a comma for a full stop, or the sign of the yuan for a digit: groups of three tell them apart.
_AMOUNT = re.compile(r"(?<![0-9.,])(\d{1,3}(?:[.,]\d{3})+|\d+)(?:[.](\d{2}))?(?![0-9]|[.][0-9])(万)?(元)?")
_ACCOUNT = re.compile(r"(?:账号|卡号|账户)[:为]?((?=[0-9X*•.]*[0-9]{4}(?![0-9X*•]))[0-9X*•.]{8,23})")
_WHOLE_DAY = r"(?:19|20)\d\d[年./-]\d{1,2}[月./-]\d{1,2}日?"
_VALIDITY = "有效期"
_VALID = re.compile(
    rf"{_VALIDITY}[限间]?[:为自从至]*(?:(?P<first>{_WHOLE_DAY})[-–—~一至到]+)?(?P<last>{_WHOLE_DAY}|长期)"
)
# 收入 is often read as 收人. A sum of a month or of a year says so right before what it is.
_INCOME = re.compile(
    r"(?:(?P<month>月|MONTHLY)|(?P<year>年|ANNUAL|YEARLY))?[份度均平总纯净税前后]*"
    r"(?:收[入人]|工资|薪[资酬金水]?|应发|实发|INCOME|SALARY|WAGES?)+"
)
_NO_INCOME = re.compile(r"奖|津贴|补贴|扣|公积金|社保|保险|所得税|个税|贷|债|支出|还款|报销")
_LABEL_REACHES = 20
"""Signs between a label and its sum."""
# A day or a month, directly behind what it is of, or directly before it: two of them stand in one sentence.
_MONTH = r"(?P<year>(?:19|20)\d\d)[年./-](?P<month>\d{1,2})(?:[月./-](?P<day>\d{1,2})?日?)?"
_WHOLE_MONTH = re.compile(r"(?<![0-9])(?P<year>(?:19|20)\d\d)年(?P<month>\d{1,2})月(?P<day>)(?![0-9])")
_BEGUN = r"(?:入学|报到|注册|开学)"
_ENDED = r"毕业"
_NAMED = re.compile(rf"(?:姓名|户名|客户名称|购买方名称|持证人)[:为]?([{_HAN}·]{{2,20}})")
_ADDRESSED = re.compile(rf"^([{_HAN}·]{{2,10}})(?:同学|先生|女士)[:,]?")
_AFTER_NAME = re.compile(
    rf"^(?:[^{_HAN}]|同学|同志|先生|女士|员工|系|性别|民族|出生|身份|于|自|为|在|是|现|男|女|家庭|$)"
)
_CERTIFIED = re.compile(rf"证明[:为]?([{_HAN}·]{{2,10}})")
_SCHOOL = re.compile(rf"([{_HAN}]{{2,20}}?(?:大学|学院|学校))")
_INVOICE_NUMBER = re.compile(r"发票号码[:为]?(?:NO[.:]?)?([0-9]{8,20})(?![0-9])")
_ISSUED = "开票日期"
_TOTAL = "价税合计"
_STOPS = str.maketrans({"，": ",", "、": ",", "；": ",", "。": " ", "：": ":"})


@dataclass(frozen=True)
class Place:
    """Where something stands: the page, and its box in thousandths of it; how surely it was read, in percent."""

    page: int
    box: tuple[int, int, int, int]
    confidence: int


@dataclass(frozen=True)
class Found:
    """A value as it was read, and its place."""

    value: str
    place: Place


@dataclass(frozen=True)
class Dated:
    """A day that a document states for something, or a month: from its first day to its last."""

    first: date
    last: date
    found: Found


@dataclass(frozen=True)
class Valid:
    """The days between which a card is good: `first` is None where only the last one stands, `last` for ever."""

    first: date | None
    last: date | None
    found: Found


@dataclass(frozen=True)
class Income:
    """A sum in fen that a document calls an income, and of how many months it may be."""

    fen: int
    months: tuple[int, ...]
    found: Found


@dataclass(frozen=True)
class InvoiceRead:
    """What a vehicle's invoice says, each None if it was not found: its number, the vehicle, the total, the day."""

    number: str | None
    vin: str | None
    amount_fen: int | None
    dated: date | None


class Text:
    """The words of a document as lines without spaces, of which every sign knows the word that it came from."""

    def __init__(self, reading: Reading) -> None:
        self.lines: list[tuple[str, list[Word]]] = []
        for line in reading.lines:
            signs = [(sign, word) for word in line for sign in plain(word.text)]
            if signs:
                self.lines.append(("".join(sign for sign, _ in signs), [word for _, word in signs]))
        self.whole = "".join(text for text, _ in self.lines)
        self._words = [word for _, words in self.lines for word in words]

    def is_readable(self) -> bool:
        """Whether there is enough on it that was not guessed."""
        return len(self.whole) >= FEWEST_SIGNS and self.confidence >= LEAST_CONFIDENCE

    @property
    def confidence(self) -> int:
        """How surely its signs were read in the mean, in percent."""
        return round(sum(max(word.confidence, 0) for word in self._words) / max(len(self._words), 1))

    def says(self, phrase: str) -> bool:
        """Whether the phrase stands on the document; in a longer one, one sign may be read wrongly."""
        wanted = plain(phrase)
        if wanted in self.whole:
            return True
        return len(wanted) >= 4 and fuzz.partial_ratio(wanted, self.whole) >= 100 * (1 - 1.01 / len(wanted))

    def find(self, value: str) -> Found | None:
        """A value wherever it stands, over the end of a line as well."""
        wanted = plain(value)
        at = self.whole.find(wanted)
        return None if at < 0 or not wanted else Found(value, place(self._words[at : at + len(wanted)]))

    def find_name(self, name: str) -> Found | None:
        """A name that no longer one begins with."""
        wanted = plain(name)
        for line, words in self.lines:
            at = line.find(wanted)
            while at >= 0:
                if is_name(line[at:], name):
                    return Found(wanted, place(words[at : at + len(wanted)]))
                at = line.find(wanted, at + 1)
        return None

    def nearest(self, value: str, least: int) -> tuple[Found, int] | None:
        """What looks most like a value, and how much so in percent; None below `least`."""
        wanted = plain(value)
        match = fuzz.partial_ratio_alignment(wanted, self.whole, score_cutoff=least)
        if match is None or match.dest_end <= match.dest_start:
            return None
        words = self._words[match.dest_start : match.dest_end]
        return Found(self.whole[match.dest_start : match.dest_end], place(words)), int(match.score)

    def id_numbers(self) -> list[Found]:
        """Resident ID numbers whose check digit is right, letters that were taken for digits put right."""
        found = self._matches(_ID_NUMBER, 0)
        put_right = [Found(one.value[:17].translate(_MISREAD) + _last(one.value[17]), one.place) for one in found]
        return [one for one in put_right if ric.is_valid(one.value)]

    def vins(self) -> list[Found]:
        """What has the form of a vehicle identification number: letters and digits, of which it never has I, O, Q."""
        found = self._matches(_VIN, 0)
        put_right = [Found(one.value.translate(str.maketrans("IOQ", "100")), one.place) for one in found]
        return [one for one in put_right if any(sign.isalpha() for sign in one.value)]

    def names(self) -> list[Found]:
        """What stands where a name stands: behind its label, or before the word with which a person is addressed."""
        return [*self._matches(_NAMED, 1), *self._matches(_ADDRESSED, 1)]

    def certified(self) -> list[Found]:
        """What stands behind 证明, which may be a name, or the beginning of a sentence with one."""
        return self._matches(_CERTIFIED, 1)

    def schools(self) -> list[Found]:
        """Names that end like those of schools."""
        return self._matches(_SCHOOL, 1)

    def dates(self) -> list[tuple[date, Found]]:
        """Days of the calendar."""
        return [
            (day, Found(match[0], place(words[match.start() : match.end()])))
            for line, words in self.lines
            for day, match in _days(line)
        ]

    def begun(self) -> list[Dated]:
        """When somebody begins at a school, where a document says so."""
        return self._dated(_BEGUN)

    def ended(self) -> list[Dated]:
        """When he graduates from it, or is expected to."""
        return self._dated(_ENDED)

    def _dated(self, label: str) -> list[Dated]:
        found = []
        for pattern in (rf"{label}(?:时间|日期|年月)?(?:[:为是于]|预计)*{_MONTH}", rf"{_MONTH}(?:来校|到校)?{label}"):
            for line, words in self.lines:
                for match in re.finditer(pattern, line):
                    span = _span(match)
                    if span is not None:
                        where = place(words[match.start("year") : match.end()])
                        read = line[match.start("year") : match.end()]
                        found.append(Dated(*span, Found(read, where)))
        return found

    def dated(self) -> list[Dated]:
        """Every day that stands on it, and every month without a day."""
        days = [Dated(day, day, found) for day, found in self.dates()]
        months = [
            Dated(*span, Found(match[0], place(words[match.start() : match.end()])))
            for line, words in self.lines
            for match in _WHOLE_MONTH.finditer(line)
            if (span := _span(match)) is not None
        ]
        return days + months

    def says_validity(self) -> bool:
        """Whether it speaks of the days between which it is good, also where these cannot be read."""
        return _VALIDITY in self.whole

    def valid(self) -> Valid | None:
        """Between which days it is good. One day alone is the last one; None where no day of the calendar stands."""
        for match in _VALID.finditer(self.whole):
            first, last = (next((day for day, _ in _days(match[name] or "")), None) for name in ("first", "last"))
            if last is not None or match["last"] == "长期":
                return Valid(first, last, Found(match[0], place(self._words[match.start() : match.end()])))
        return None

    def accounts(self) -> list[Found]:
        """The last four digits of accounts, behind their label; the others may be hidden."""
        return [Found(one.value[-4:], one.place) for one in self._matches(_ACCOUNT, 1)]

    def amounts(self) -> list[tuple[int, Found]]:
        """Sums in fen: what has groups or places, or is followed by 元 or 万."""
        return [
            (fen, Found(match[0], place(words[match.start() : match.end()])))
            for line, words in self.lines
            for fen, match in _sums(line)
        ]

    def incomes(self) -> list[Income]:
        """Sums behind a word for income, on the same line or broken off to the next one."""
        found, before = [], ""
        for line, words in self.lines:
            at = 0
            for fen, match in _sums(line):
                months = _months_of(before + line[at : match.start()])
                if months:
                    found.append(Income(fen, months, Found(match[0], place(words[match.start() : match.end()]))))
                # What stands before one sum says nothing of the next.
                at, before = match.end(), ""
            before = line[at:]
        return found

    def invoice_numbers(self) -> list[Found]:
        """Numbers of invoices, behind their label: eight digits, or twenty of an electronic one."""
        return self._matches(_INVOICE_NUMBER, 1)

    def invoice(self) -> InvoiceRead:
        """What an invoice says: the day behind its label or the first there is, the total or the largest sum."""
        numbers, vins, dates, amounts = self.invoice_numbers(), self.vins(), self.dates(), self.amounts()
        issued = [day for line, _ in self.lines if _ISSUED in line for day, _ in _days(line)]
        totals = [
            fen for fen, found in amounts if any(_TOTAL in line and found.value in line for line, _ in self.lines)
        ]
        return InvoiceRead(
            number=numbers[0].value if numbers else None,
            vin=vins[0].value if vins else None,
            amount_fen=max(totals or [fen for fen, _ in amounts], default=None),
            dated=next(iter(issued or [day for day, _ in dates]), None),
        )

    def _matches(self, pattern: re.Pattern[str], group: int) -> list[Found]:
        return list(self._each(pattern, group))

    def _each(self, pattern: re.Pattern[str], group: int) -> Iterator[Found]:
        for line, words in self.lines:
            for match in pattern.finditer(line):
                yield Found(match[group], place(words[match.start(group) : match.end(group)]))


def _sums(line: str) -> Iterator[tuple[int, re.Match[str]]]:
    for match in _AMOUNT.finditer(line):
        whole, places, ten_thousand, yuan = match.groups()
        if (places or ten_thousand or yuan or "," in whole) and len(whole) <= 15:
            amount = Decimal(f"{re.sub('[.,]', '', whole)}.{places or '0'}")
            yield to_fen(amount) * (10_000 if ten_thousand else 1), match


def _months_of(before: str) -> tuple[int, ...]:
    """Of how many months a sum may be an income, by what stands before it; nothing where that is no income."""
    label = next(iter(list(_INCOME.finditer(before))[-1:]), None)
    if label is None or len(between := before[label.end() :]) > _LABEL_REACHES or _NO_INCOME.search(between):
        return ()
    if label["month"]:
        return (1,)
    return (12,) if label["year"] else (1, 12)


def _days(line: str) -> Iterator[tuple[date, re.Match[str]]]:
    for match in _DATE.finditer(line):
        try:
            day = date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            continue
        yield day, match


def _span(match: re.Match[str]) -> tuple[date, date] | None:
    """The day, or the first and the last day of the month; None for one of no calendar."""
    try:
        first = date(int(match["year"]), int(match["month"]), int(match["day"] or 1))
    except ValueError:
        return None
    return first, first if match["day"] else first.replace(day=monthrange(first.year, first.month)[1])


def is_name(stands: str, name: str) -> bool:
    """Whether what stands behind a label is this name, and not a longer one that begins with it."""
    wanted = plain(name)
    return stands.startswith(wanted) and _AFTER_NAME.match(stands[len(wanted) :]) is not None


def plain(text: str) -> str:
    """Text as it is compared: one width, capitals, no spaces, Chinese stops as the others."""
    return "".join(unicodedata.normalize("NFKC", text).translate(_STOPS).upper().split())


def place(words: list[Word]) -> Place:
    """The box around words on the page of the first; as sure as the least sure of them."""
    page = words[0].page
    boxes = [word.box for word in words if word.page == page]
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    confidence = min(word.confidence for word in words)
    return Place(page, (left, top, right - left, bottom - top), max(confidence, 0))


def _last(sign: str) -> str:
    return sign if sign == "X" else sign.translate(_MISREAD)
