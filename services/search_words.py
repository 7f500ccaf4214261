"""By which words a customer is found, and what somebody means who types some.

Names by two characters or more that follow each other, by their pinyin likewise, by initials, by the surname with
initials; numbers whole or by their last four. Each word is stored as a keyed digest with its kind.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from books.customers import blind_index
from models.customers import Customer

FEWEST_SIGNS = 2
LONGEST_QUERY = 60
LONGEST_PART = 4
LAST = 4
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003134f·]+")
_LATIN = re.compile(r"[a-z' \-]+")
_MOBILE = re.compile(r"1[0-9]{10}")
_ID_NUMBER = re.compile(r"[0-9]{17}[0-9X]")
_LAST_FOUR = re.compile(r"[0-9]{3}[0-9X]")

SURNAMES = {
    "万俟": ["mo", "qi"],
    "尉迟": ["yu", "chi"],
    "单于": ["chan", "yu"],
    "澹台": ["tan", "tai"],
    "长孙": ["zhang", "sun"],
    "单": ["shan"],
    "解": ["xie"],
    "仇": ["qiu"],
    "查": ["zha"],
    "曾": ["zeng"],
    "朴": ["piao"],
    "区": ["ou"],
    "任": ["ren"],
    "华": ["hua"],
    "盖": ["ge"],
    "翟": ["zhai"],
    "员": ["yun"],
    "秘": ["bi"],
    "种": ["chong"],
    "缪": ["miao"],
    "繁": ["po"],
    "召": ["shao"],
    "乐": ["yue"],
    "晁": ["chao"],
    "覃": ["qin"],
    "冼": ["xian"],
    "洗": ["xian"],
    "那": ["na"],
    "宓": ["mi"],
    "燕": ["yan"],
    "逄": ["pang"],
    "郇": ["xun"],
    "纪": ["ji"],
    "黑": ["he"],
    "折": ["she"],
    "牟": ["mu"],
}
"""Characters that are read otherwise as a surname than elsewhere, after the usual tables of surnames."""
_TWO = "欧阳司马上官诸葛东方皇甫公孙慕容令狐宇文司徒夏侯轩辕南宫百里呼延端木独孤申屠闻人太史拓跋"
DOUBLE_SURNAMES = frozenset(_TWO[place : place + 2] for place in range(0, len(_TWO), 2))


class Kind(StrEnum):
    """What a word is part of: the same digits of a mobile and of an ID number are two words."""

    NAME = "name"
    PINYIN = "pinyin"
    MOBILE = "mobile"
    ID_NUMBER = "id_number"
    LAST_OF_MOBILE = "last_of_mobile"
    LAST_OF_ID_NUMBER = "last_of_id_number"


Word = tuple[Kind, str]


@dataclass(frozen=True)
class Query:
    """What somebody may mean by what he typed: any of these words. Without words it is nothing that can be found."""

    words: frozenset[Word]

    @property
    def tokens(self) -> list[str]:
        """The digests to look for."""
        return [digest(word) for word in sorted(self.words)]

    def means(self, customer: Customer) -> bool:
        """Whether a customer, his data in clear, is meant: a digest alone proves nothing."""
        return bool(self.words & words_of(customer.name, customer.mobile, customer.id_number))


def read_query(text: str) -> Query:
    """What is meant by a text: full-width signs, blanks and case do not matter."""
    plain = unicodedata.normalize("NFKC", text).strip()[:LONGEST_QUERY]
    packed = re.sub(r"[\s\-]", "", plain).upper()
    words: set[Word] = set()
    if _MOBILE.fullmatch(packed):
        words.add((Kind.MOBILE, packed))
    elif _ID_NUMBER.fullmatch(packed):
        words.add((Kind.ID_NUMBER, packed))
    elif _LAST_FOUR.fullmatch(packed):
        words |= {(Kind.LAST_OF_MOBILE, packed), (Kind.LAST_OF_ID_NUMBER, packed)}
    elif _HAN.fullmatch(packed) and len(packed) >= FEWEST_SIGNS:
        words.add((Kind.NAME, packed))
    elif _LATIN.fullmatch(plain.lower()):
        spelled = _letters(plain)
        if len(spelled) >= FEWEST_SIGNS:
            words |= {(Kind.PINYIN, spelled), (Kind.NAME, spelled)}
    return Query(frozenset(words))


def words_of(name: str, mobile: str, id_number: str) -> frozenset[Word]:
    """All words by which a customer is found."""
    words: set[Word] = {
        (Kind.MOBILE, mobile),
        (Kind.LAST_OF_MOBILE, mobile[-LAST:]),
        (Kind.ID_NUMBER, id_number),
        (Kind.LAST_OF_ID_NUMBER, id_number[-LAST:]),
    }
    plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", name))
    if not _HAN.fullmatch(plain):
        spelled = unicodedata.normalize("NFKC", name).lower()
        parts = [_letters(part) for part in spelled.split()]
        return frozenset(words | {(Kind.NAME, one) for one in (*parts, "".join(parts)) if len(one) >= FEWEST_SIGNS})
    words |= {(Kind.NAME, part) for part in _parts(plain)}
    syllables, surname = _syllables(plain)
    words |= {(Kind.PINYIN, part) for part in _parts(syllables)}
    initials = "".join(one[0] for one in syllables)
    given = "".join(one[0] for one in syllables[surname:])
    words |= {(Kind.PINYIN, initials), (Kind.PINYIN, "".join(syllables[:surname]) + given)}
    return frozenset(words)


def tokens_of(name: str, mobile: str, id_number: str) -> list[str]:
    """The digests by which a customer is found."""
    return [digest(word) for word in sorted(words_of(name, mobile, id_number))]


def search_rows(customer_id: str, form: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of `SearchToken` of a new customer, from the form that he came with."""
    tokens = tokens_of(form["name"], form["mobile"], form["id_number"])
    return [{"token": token, "customer_id": customer_id} for token in tokens]


def digest(word: Word) -> str:
    """How a word is stored."""
    return blind_index(f"search|{word[0]}|{word[1]}")


def _parts(signs: Sequence[str]) -> list[str]:
    """All parts of two signs and more that follow each other, of long names up to four, and the whole."""
    lengths = {*range(FEWEST_SIGNS, min(LONGEST_PART, len(signs)) + 1), len(signs)}
    return ["".join(signs[start : start + length]) for length in lengths for start in range(len(signs) - length + 1)]


@cache
def pinyin_of() -> Callable[[str], list[str]]:
    """What reads signs aloud, loaded once, by whoever takes customers in or searches.

    Its tables take half a second and fifty MiB, which commands and workers do without.
    """
    from pypinyin import lazy_pinyin

    return lazy_pinyin


def _syllables(name: str) -> tuple[list[str], int]:
    """The pinyin of a name without tones (ü is v), and of how many syllables its surname is."""
    bare = name.replace("·", "")
    for length in (2, 1):
        surname = bare[:length]
        if surname in SURNAMES and len(bare) > length:
            return [*SURNAMES[surname], *pinyin_of()(bare[length:])], length
    return pinyin_of()(bare), 2 if bare[:2] in DOUBLE_SURNAMES and len(bare) > 2 else 1


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())
