"""The phones of made-up people: what the simulated provider has sent them."""

import re

import aiohttp

SIGNING_CODE = re.compile(r"验证码([0-9]{6})")


class Phones:
    """Reads text messages at the simulated provider, where their readers would look at their phones."""

    def __init__(self, session: aiohttp.ClientSession, outside: str, credential: str) -> None:
        self._session = session
        self._url = f"{outside}/sms/messages"
        self._headers = {"Authorization": f"Bearer {credential}"}

    async def signing_code(self, loan: str, mobile: str) -> str | None:
        """The newest code to sign a loan's contract with, at a mobile known by its last four digits; None so far."""
        async with self._session.get(self._url, params={"about": loan}, headers=self._headers) as answer:
            answer.raise_for_status()
            messages: list[dict[str, str]] = await answer.json()
        codes = [SIGNING_CODE.search(one["text"]) for one in messages if one["mobile"].endswith(mobile[-4:])]
        return next((found[1] for found in reversed(codes) if found), None)
