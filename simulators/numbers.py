"""Identifiers that pass every check of form and yet belong to nobody."""

from datetime import date

from stdnum import luhn

MOST_PEOPLE = 10_000
"""As many as the mobile range 199-0000-0000 to 199-0000-9999 has numbers."""

# Codes of whole provinces. GB 11643 puts the code of a county into an ID number, so nobody holds one with these.
PROVINCES = (
    *("110000", "120000", "130000", "140000", "150000", "210000", "220000", "230000", "310000", "320000"),
    *("330000", "340000", "350000", "360000", "370000", "410000", "420000", "430000", "440000", "450000"),
)
# Provinces of the borrowers of the past, so that none of them is one of the people who live.
_PAST_PROVINCES = (
    "460000",
    "500000",
    "510000",
    "520000",
    "530000",
    "540000",
    "610000",
    "620000",
    "630000",
    "640000",
)
_SEQUENCES = 500
_ID_CHECKS = "10X98765432"

# No issuer is known under this prefix; it is long enough that no card number continues it by accident.
_CARD_PREFIX = "699000"

_VIN_LETTERS = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True))
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_YEARS = "ABCDEFGHJKLMNPRSTVWXY123456789"


def id_number(index: int, born: date, *, male: bool) -> str:
    """The resident ID number of person `index`, with the check character of GB 11643; unique per index."""
    return _numbered(PROVINCES, index, born, male=male)


def past_id_number(index: int, born: date, *, male: bool) -> str:
    """The same of a borrower of the past; unique where each 5,000 of them are born on another day of the month."""
    return _numbered(_PAST_PROVINCES, index, born, male=male)


def _numbered(provinces: tuple[str, ...], index: int, born: date, *, male: bool) -> str:
    region = provinces[index // _SEQUENCES % len(provinces)]
    sequence = 2 * (index % _SEQUENCES) + male
    body = f"{region}{born:%Y%m%d}{sequence:03d}"
    weighted = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(body))
    return body + _ID_CHECKS[weighted % 11]


def mobile_number(index: int) -> str:
    """A mobile number 1990000xxxx; nothing here is ever sent to a telephone network."""
    return f"1990000{index:04d}"


def account_number(serial: int) -> str:
    """A card or account number of 16 digits that passes Luhn, under a prefix of no issuer."""
    body = f"{_CARD_PREFIX}{serial:09d}"
    return body + luhn.calc_check_digit(body)


def vin(serial: int, model_code: str, year: int) -> str:
    """A vehicle identification number with the check digit of GB 16735 (ISO 3779) and a made-up maker `L0Z`."""
    letter = _VIN_YEARS[(year - 2010) % len(_VIN_YEARS)]
    blank = f"L0Z{model_code}0{letter}A{serial:06d}"
    return blank[:8] + vin_check_digit(blank) + blank[9:]


def vin_check_digit(number: str) -> str:
    """The ninth character that belongs to a VIN of 17 characters; what stands there now does not count."""
    values = (int(sign) if sign.isdigit() else _VIN_LETTERS[sign] for sign in number)
    remainder = sum(value * weight for value, weight in zip(values, _VIN_WEIGHTS, strict=True)) % 11
    return "X" if remainder == 10 else str(remainder)
