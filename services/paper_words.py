"""How papers spell sums, dates and personal numbers."""

from datetime import date
from decimal import Decimal

from lending.money import yuan
from models.columns import Unopened

DIGITS = "零壹贰叁肆伍陆柒捌玖"
PLACES = ("", "拾", "佰", "仟")
GROUPS = ("", "万", "亿", "万亿")


def sum_in_digits(fen: int) -> str:
    """The sum with separators and two places: 123456789 fen is "1,234,567.89"."""
    return f"{Decimal(yuan(fen)):,.2f}"


def sum_in_words(fen: int) -> str:
    """The sum in the numerals that cannot be altered: 1200050 fen is 人民币壹万贰仟元零伍角.

    Written as the central bank's rules for filling in bills ask for (支付结算办法, annex 1): 整 after yuan or jiao, one
    零 for any run of zeros between digits. Not for sums below zero.
    """
    if fen < 0:
        raise ValueError("a sum below zero is not written in words")
    whole, cents = divmod(fen, 100)
    jiao, last = divmod(cents, 10)
    words = _whole(whole) + "元" if whole else ""
    if not cents:
        return f"人民币{words or '零元'}整"
    if whole and (not jiao or whole % 10 == 0):
        words += "零"
    words += f"{DIGITS[jiao]}角" if jiao else ""
    return f"人民币{words}" + (f"{DIGITS[last]}分" if last else "整")


def _whole(number: int) -> str:
    words = ""
    gap = False
    for place in range(len(GROUPS) - 1, -1, -1):
        group = number // 10_000**place % 10_000
        if not group:
            gap = gap or bool(words)
            continue
        if words and (gap or group < 1000):
            words += "零"
        gap = False
        words += _group(group) + GROUPS[place]
    return words


def _group(number: int) -> str:
    words = ""
    gap = False
    for place in range(3, -1, -1):
        digit = number // 10**place % 10
        if not digit:
            gap = gap or bool(words)
            continue
        words += ("零" if gap else "") + DIGITS[digit] + PLACES[place]
        gap = False
    return words


def plain_number(value: Decimal) -> str:
    """A rate or a multiple without needless zeros: 12.00 is "12"."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def day_in_words(day: date, language: str) -> str:
    """A date in a sentence: 2026年1月5日 or 5 January 2026."""
    return f"{day.year}年{day.month}月{day.day}日" if language == "zh" else f"{day.day} {day:%B %Y}"


def masked_name(name: str) -> str:
    """The first character: 王示例 is 王**."""
    if isinstance(name, Unopened):
        return name
    return name[:1] + "*" * (len(name) - 1)


def masked_id_number(number: str) -> str:
    """The first three and the last four characters, with the length that it has."""
    if isinstance(number, Unopened):
        return number
    return f"{number[:3]}{'*' * max(len(number) - 7, 0)}{number[-4:]}" if len(number) > 7 else "*" * len(number)


def masked_mobile(number: str) -> str:
    """The first three and the last four digits."""
    return masked_id_number(number)


def masked_account(number: str) -> str:
    """The last four digits."""
    if isinstance(number, Unopened):
        return number
    return f"**** {number[-4:]}" if len(number) > 4 else "****"
