"""Numbers and dates as people read them, by Babel."""

from datetime import date, datetime
from decimal import Decimal

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal, format_percent

from lending.calendar import SHANGHAI
from lending.money import Money
from web.language import Language


def money(fen: int, language: Language) -> str:
    """An amount with its sign. Everything here is in yuan, so ¥ alone is clear in either language."""
    pattern = "¥#,##0.00;-¥#,##0.00"
    return format_currency(Money.from_fen(fen).amount, "CNY", pattern, locale=language.locale)


def number(value: int, language: Language) -> str:
    """A count."""
    return format_decimal(value, locale=language.locale)


def percent(text: str | Decimal, language: Language) -> str:
    """A rate given in percent, with the places that it needs."""
    return format_percent(Decimal(text) / 100, "#,##0.0##%", locale=language.locale)


def share(basis_points: int, language: Language) -> str:
    """A share given in hundredths of a percent."""
    return percent(Decimal(basis_points) / 100, language)


def day(value: date, language: Language) -> str:
    """A date in a sentence."""
    return format_date(value, "medium", locale=language.locale)


def short_day(value: date, language: Language) -> str:
    """A date in a table, where all are of one width."""
    return format_date(value, "yyyy-MM-dd", locale=language.locale)


def instant(value: datetime, language: Language) -> str:
    """A date and a time of day in Shanghai."""
    return format_datetime(value, "yyyy-MM-dd HH:mm:ss", tzinfo=SHANGHAI, locale=language.locale)
