"""What may be stored as the words of a person."""

import re

import pytest

from models.words import LONGEST_WORDS, WORDS_PATTERN, storable, without_control


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
