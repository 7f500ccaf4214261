"""What may be stored as the words of a person."""

import re

import pytest

from models.words import LONGEST_WORDS, WORDS_PATTERN, leads_to_person, storable, without_control, without_numbers


@pytest.mark.parametrize("words", ["", "收入稳定", "two\nlines\tand a tab", "x" * LONGEST_WORDS])
def test_ordinary_words_are_stored(words: str) -> None:
    assert storable(words)
    assert re.fullmatch(WORDS_PATTERN, words)
    assert without_control(words) == words


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x0b", "\r", "\x1b", "\x7f"])
def test_control_characters_are_not(character: str) -> None:
    assert not storable(f"a{character}b")
    assert not re.fullmatch(WORDS_PATTERN, f"a{character}b")
    assert without_control(f"a{character}b") == "ab"


def test_words_without_end_are_not() -> None:
    assert not storable("x" * (LONGEST_WORDS + 1))


@pytest.mark.parametrize(
    "number",
    [
        "11010519491231002X",
        "11010519491231002x",
        "44030719800101001５",
        "13800138000",
        "138 0013 8000",
        "198-0013-8000",
        "１３８００１３８０００",
        "6222021234567890",
        "6222 0212 3456 7890 123",
    ],
)
def test_a_number_that_leads_to_a_person_is_found_and_taken_out(number: str) -> None:
    for words in (number, f"电话{number}，已核实", f"called {number}, twice"):
        assert leads_to_person(words)
        assert not any(sign.isdigit() for sign in without_numbers(words))
        assert "〔…〕" in without_numbers(words)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "收入稳定",
        "income 12,000.00 yuan, 36 installments",
        "L26000138 of 2026-02-05, reference BK20260205000123",
        "110105194912310021234",
        "110105199913310021",
        "on 2026-01-05 at 13:80",
        "180 2026-01-05",
        "12800138000",
        "138001380001",
        "9922021234567890",
    ],
)
def test_sums_days_and_references_lead_to_nobody(words: str) -> None:
    assert not leads_to_person(words)
    assert without_numbers(words) == words
