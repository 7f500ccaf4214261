"""Which passwords are good enough, and how they are kept and compared."""

import asyncio
import time

import pytest

from services import passwords
from services.passwords import PasswordRefused, TooBusy, check_strength, hashed, is_right, one_time_password

GOOD = "vier Pferde ziehen einen Wagen"


@pytest.mark.parametrize(
    "password",
    [
        "",
        "elfletters1",
        "a" * 129,
        "PASSWORD1234",
        "woaini1314520",
        "aaaaaaaaaaaab",
        "xx-agent-lin-xx",
        "1212121212121",
    ],
)
def test_what_anybody_would_guess_is_no_password(password: str) -> None:
    with pytest.raises(PasswordRefused):
        check_strength(password, "agent-lin")


@pytest.mark.parametrize("password", [GOOD, "一二三四五六七八九十甲乙", "Kq7-Kq7-Zz9-"])
def test_length_is_what_counts(password: str) -> None:
    check_strength(password, "agent-lin")


def test_a_one_time_password_is_never_the_same() -> None:
    assert len({one_time_password() for _ in range(100)}) == 100


def test_a_password_is_kept_as_argon2id_with_the_stated_costs() -> None:
    assert hashed(GOOD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hashed(GOOD) != hashed(GOOD)


async def test_a_password_is_right_or_not() -> None:
    kept = hashed(GOOD)

    assert await is_right(GOOD, kept)
    assert not await is_right(GOOD + " ", kept)
    assert not await is_right("half a \ud800 pair", kept)
    assert not await is_right(GOOD, None)


async def test_who_does_not_exist_takes_as_long_as_a_wrong_password() -> None:
    kept = hashed(GOOD)
    # What is made once a process, before anybody is measured.
    await is_right("x", None)

    async def seconds(of: str | None) -> float:
        began = time.perf_counter()
        await is_right("wrong", of)
        return time.perf_counter() - began

    # In turns, so that what else the machine does falls on both.
    spent = [(await seconds(kept), await seconds(None)) for _ in range(15)]
    known, unknown = (min(of) for of in zip(*spent, strict=True))
    assert 0.5 < known / unknown < 2


async def test_a_password_that_is_compared_holds_up_nobody_else() -> None:
    longest = 0.0
    compared = asyncio.gather(*(is_right("wrong", hashed(GOOD)) for _ in range(4)))
    while not compared.done():
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        longest = max(longest, time.perf_counter() - began)
    await compared

    assert longest < 1


async def test_a_crowd_is_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MOST_WAITING", 3)
    answers = await asyncio.gather(*(is_right("x", None) for _ in range(5)), return_exceptions=True)

    assert [type(one) for one in answers] == [bool] * 3 + [TooBusy] * 2
    assert not await is_right("x", None)
