"""Application forms: reads what came in and says of every field at once what is wrong with it."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from lending.errors import LendingError
from lending.money import to_fen, yuan
from models.products import FieldKind, FormField, Product
from services.paper_signs import can_be_shown

LONGEST_TEXT = 200
LARGEST_INTEGER = 10**9
LARGEST_SUM_FEN = 10**12
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 12, 31)
MOST_BRACKETS = 100
UNREADABLE_NAME = "a field with an unreadable name"
"""Stands for a name that no form would give a field: what was sent in its place may be about a person."""

_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")

# [0-9] and not \d: the latter takes the digits of every script, full-width ones too.
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_MONEY = re.compile(r"[0-9]{1,15}(\.[0-9]{1,2})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_BANK_CARD = re.compile(r"[0-9]{16,19}")
_ID_NUMBER = re.compile(r"[1-9][0-9]{16}[0-9X]")
_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")

_ID_CHECK_CHARACTERS = "10X98765432"
_VIN_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", "12345678123457923456789" + "0123456789", strict=True))
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


class Sentence(str):
    """A sentence in English that knows itself in Chinese."""

    __slots__ = ("zh",)
    zh: str

    def __new__(cls, en: str, zh: str) -> "Sentence":
        sentence = super().__new__(cls, en)
        sentence.zh = zh
        return sentence


class InvalidForm(LendingError):
    """An application with mistakes; `fields` has a sentence for each. No sentence repeats what was entered."""

    code = "invalid_application"
    http_status = 422

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__("the application cannot be taken as it is; see each field", fields=fields)

    def fields_in(self, locale: str) -> dict[str, str]:
        """The sentences in Chinese for a locale of that language, in English for any other."""
        if not locale.startswith("zh"):
            return self.fields
        return {
            name: sentence.zh if isinstance(sentence, Sentence) else sentence for name, sentence in self.fields.items()
        }


class NotJson(LendingError):
    """What came in is not JSON, or is nested so deeply that it is no application."""

    code = "invalid_request"
    http_status = 422

    def __init__(self, why: str) -> None:
        super().__init__("the request cannot be taken as it is; see each field", fields={"body": why})


class _Unreadable(Exception):
    def __init__(self, en: str, zh: str) -> None:
        self.en, self.zh = en, zh
        super().__init__(en)


def read_json(content: bytes | str) -> Any:
    """The value that some JSON states.

    Refuses with NotJson what is none (RFC 8259: UTF-8, no NaN, no infinity) or has over MOST_BRACKETS, and with
    InvalidForm a name that stands twice in one object: readers differ in which of its values they take, so nobody can
    say which one was meant.
    """
    try:
        text = content.decode() if isinstance(content, bytes) else content
        # No value is nested deeper than it has opening brackets, and counting these costs next to nothing.
        if text.count("{") + text.count("[") > MOST_BRACKETS:
            raise NotJson("has too many brackets")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
        if "\\u" in text:
            # Half of a surrogate pair is no text: no database stores it and no answer can repeat it.
            json.dumps(value, ensure_ascii=False).encode()
    except ValueError:
        raise NotJson("is not JSON") from None
    return value


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(name for name, _ in pairs)
        sentence = Sentence("This field stands there more than once.", "这一项出现了不止一次。")
        raise InvalidForm({shown_name(name): sentence for name, count in times.items() if count > 1})
    return found


def _no_number(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def shown_name(name: str) -> str:
    """The name of a field that nobody knows, as an answer may repeat it: only if it looks like one."""
    return name if _FIELD_NAME.fullmatch(name) else UNREADABLE_NAME


def read_form(product: Product, raw: Mapping[str, object], day: date) -> dict[str, Any]:
    """The clean form as JSON: money as int fen, dates in ISO form, integers as int, optional fields left out if empty.

    Numbers come as JSON integers or as text of digits, money as whole yuan or as text with at most two places. Refuses
    with all problems at once: missing, unreadable and unknown fields, and what the product itself finds wrong.
    """
    clean: dict[str, Any] = {}
    problems: dict[str, str] = {}
    fields = product.form_fields
    for field in fields:
        value = raw.get(field.name)
        if value is None or (isinstance(value, str) and not value.strip()):
            if field.required:
                problems[field.name] = Sentence(f"{field.label_en} is needed.", f"请填写{field.label_zh}。")
            continue
        try:
            clean[field.name] = _READERS[field.kind](field, value, day)
        except _Unreadable as error:
            problems[field.name] = _told(field, error)
    for name in raw.keys() - {field.name for field in fields}:
        problems[shown_name(name)] = Sentence("This form has no such field.", "表单中没有这一项。")
    problems = dict(product.form_problems(clean, day)) | problems
    if problems:
        raise InvalidForm(problems)
    return clean


def problem_of(field: FormField, value: object, day: date) -> Sentence | None:
    """What is wrong with a value as that field, None for nothing."""
    try:
        _READERS[field.kind](field, value, day)
    except _Unreadable as error:
        return _told(field, error)
    return None


def _told(field: FormField, error: "_Unreadable") -> Sentence:
    return Sentence(f"{field.label_en} {error.en}.", f"{field.label_zh}{error.zh}。")


def birth_date(id_number: str) -> date:
    """The birth date that a well-formed resident ID number states (GB 11643, positions 7 to 14)."""
    return date(int(id_number[6:10]), int(id_number[10:12]), int(id_number[12:14]))


def age_on(born: date, day: date) -> int:
    """Full years of life on a day; who is born on 29 February turns a year older on 1 March of a common year."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Unreadable("must be text", "应为文字")
    text = value.strip()
    # Control and formatting characters and lone surrogates cannot be printed, and some databases cannot store them.
    if any(unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for sign in text):
        raise _Unreadable("has characters that cannot be printed", "含有无法显示的字符")
    if not can_be_shown(text):
        # Found out now and not when the contract is made. Our staff has a font added that shows it (docs/papers.md).
        raise _Unreadable(
            "has a character that our contracts cannot show yet; please ask our staff",
            "含有合同暂不能显示的生僻字，请联系工作人员",
        )
    return text


def _matching(pattern: re.Pattern[str], value: object, en: str, zh: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _Unreadable(en, zh)
    return value


def _read_text(field: FormField, value: object, _day: date) -> str:
    text = _text(value)
    most = LONGEST_TEXT if field.maximum is None else field.maximum
    if len(text) > most:
        raise _Unreadable(f"has at most {most} characters", f"最多{most}个字")
    return text


def _read_integer(field: FormField, value: object, _day: date) -> int:
    least = 0 if field.minimum is None else field.minimum
    most = LARGEST_INTEGER if field.maximum is None else field.maximum
    # bool is an int to Python.
    if not isinstance(value, bool) and (
        isinstance(value, int) or (isinstance(value, str) and _INTEGER.fullmatch(value))
    ):
        number = int(value)
        if least <= number <= most:
            return number
    raise _Unreadable(
        f"must be a whole number from {least:,} to {most:,}, in digits only, without a unit",
        f"应为{least:,}至{most:,}之间的整数，只填数字，不带单位",
    )


def _read_money(field: FormField, value: object, _day: date) -> int:
    least = 0 if field.minimum is None else field.minimum
    most = LARGEST_SUM_FEN if field.maximum is None else field.maximum
    if not isinstance(value, bool) and isinstance(value, int | str):
        text = str(value) if isinstance(value, str) or 0 <= value <= LARGEST_SUM_FEN else ""
        if _MONEY.fullmatch(text):
            fen = _fen(text)
            if least <= fen <= most:
                return fen
    raise _Unreadable(
        f"must be a sum in yuan from {_grouped(least)} to {_grouped(most)}, in digits with at most two decimal places",
        f"应为{_grouped(least)}至{_grouped(most)}元之间的金额，只填数字，最多两位小数",
    )


def _fen(text: str) -> int:
    try:
        return to_fen(text)
    except LendingError:
        return LARGEST_SUM_FEN + 1


def _grouped(fen: int) -> str:
    whole, _, cents = yuan(fen).partition(".")
    return f"{int(whole):,}" if cents == "00" else f"{int(whole):,}.{cents}"


def _read_date(_field: FormField, value: object, _day: date) -> str:
    text = _matching(_DATE, value, "must be a date such as 2026-07-01", "应为日期，例如2026-07-01")
    try:
        stated = date.fromisoformat(text)
    except ValueError:
        raise _Unreadable("is not a day of the calendar", "不是有效的日期") from None
    if not EARLIEST <= stated <= LATEST:
        raise _Unreadable(f"must lie between {EARLIEST} and {LATEST}", f"应在{EARLIEST}与{LATEST}之间")
    return text


def _read_choice(field: FormField, value: object, _day: date) -> str:
    if not isinstance(value, str) or value not in field.choices:
        offered = ", ".join(field.choices)
        raise _Unreadable(f"must be one of: {offered}", f"应为以下之一：{offered}")
    return value


def _read_choices(field: FormField, value: object, _day: date) -> list[str]:
    """Each choice once, in the order in which they are offered; text names several with commas or semicolons."""
    named = [one.strip() for one in re.split("[,;，；、]", value)] if isinstance(value, str) else value
    offered = ", ".join(field.choices)
    if not isinstance(named, list) or not all(isinstance(one, str) and one in field.choices for one in named):
        raise _Unreadable(f"must be some of: {offered}", f"应为以下选项：{offered}")
    return [one for one in field.choices if one in named]


def _read_name(_field: FormField, value: object, _day: date) -> str:
    name = _text(value)
    if not 2 <= len(name) <= 50:
        raise _Unreadable("has 2 to 50 characters", "应为2至50个字")
    # Names of minorities and foreigners carry a middle dot, a hyphen, an apostrophe or spaces.
    if not all(unicodedata.category(sign)[0] in "LM" or sign in " ·•‧.-'" for sign in name):
        raise _Unreadable("has letters only, no digits or signs", "只能含文字，不能含数字或符号")
    if not any(sign.isalpha() for sign in name):
        raise _Unreadable("has at least one letter", "至少应含一个文字")
    return name


def _read_id_number(_field: FormField, value: object, day: date) -> str:
    number = _matching(
        _ID_NUMBER,
        value,
        "must have 18 characters: 17 digits, then a digit or a capital X",
        "应为18位：17位数字，末位为数字或大写X",
    )
    try:
        born = birth_date(number)
    except ValueError:
        born = None
    if born is None or not EARLIEST <= born <= day:
        raise _Unreadable("states a birth date that cannot be", "中的出生日期无效")
    # GB 11643, after ISO 7064 MOD 11-2: the weight of a place is 2 to the power of the places after it.
    weighted = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(number[:17]))
    if number[17] != _ID_CHECK_CHARACTERS[weighted % 11]:
        raise _Unreadable("has a wrong check character; one of its digits is mistyped", "校验位不符，请核对是否有误")
    return number


def _read_mobile(_field: FormField, value: object, _day: date) -> str:
    return _matching(
        _MOBILE,
        value,
        "must be a mainland mobile number, as text: 11 digits that begin with 13 to 19",
        "应为11位手机号码，以13至19开头",
    )


def _read_bank_card(_field: FormField, value: object, _day: date) -> str:
    # No Luhn check: some old cards fail it, and the bank refuses a wrong account with its own reason.
    return _matching(
        _BANK_CARD, value, "must have 16 to 19 digits, as text, without spaces", "应为16至19位数字，不带空格"
    )


def _read_vin(_field: FormField, value: object, _day: date) -> str:
    vin = _matching(
        _VIN,
        value,
        "must have 17 characters: digits and capital letters except I, O and Q",
        "应为17位：数字和大写字母，不含I、O、Q",
    )
    # GB 16735, as ISO 3779: letters count as digits, the ninth character checks the others.
    remainder = sum(int(_VIN_VALUES[sign]) * weight for sign, weight in zip(vin, _VIN_WEIGHTS, strict=True)) % 11
    if vin[8] != ("X" if remainder == 10 else str(remainder)):
        raise _Unreadable(
            "has a wrong check digit in ninth place; one character is mistyped", "第9位校验码不符，请核对是否有误"
        )
    return vin


_READERS: Mapping[FieldKind, Callable[[FormField, object, date], Any]] = {
    FieldKind.TEXT: _read_text,
    FieldKind.INTEGER: _read_integer,
    FieldKind.MONEY: _read_money,
    FieldKind.DATE: _read_date,
    FieldKind.CHOICE: _read_choice,
    FieldKind.CHOICES: _read_choices,
    FieldKind.NAME: _read_name,
    FieldKind.ID_NUMBER: _read_id_number,
    FieldKind.MOBILE: _read_mobile,
    FieldKind.BANK_CARD: _read_bank_card,
    FieldKind.VIN: _read_vin,
}
