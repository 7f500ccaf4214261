"""Risk at work in the demonstration: a change of the rules, tried on past cases and beside the rules in force."""

import asyncio
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from console.callers import EVERYBODY, Callers
from console.imports import import_applications
from console.letters import id_card, income_proof
from console.score_rules import with_score
from console.servicing import INTEGRATOR, MANAGER, RISK
from models.staff import Actor, Role

RULES = "grading-micro"
DRAFTED_ON = date(2026, 2, 2)
SPRING = Path("examples/spring.csv")
SPRING_ON = date(2026, 2, 9)
"""The day on which more applications come in, a share of which the challenger decides."""
JUDGED_ON = date(2026, 5, 4)
AUTUMN = Path("examples/autumn.csv")
AUTUMN_ON = date(2026, 9, 7)
"""The day on which a few small applications come in that need no person."""
CARD_IS_READ_MS = 5_000
"""In that time the machine has read a card, also a busy one."""
FEWEST_CASES = 20
"""So many microloans have to be graded before new rules are tried on them."""
SHARE_PERCENT = 40
FROM_TOMORROW = timedelta(days=2)
"""Rules never begin in the past, and a day of the demonstration is over in half a second."""
WITH_LETTERS = 4
"""So many of the spring's borrowers hand in their documents with the application."""
STRICTER_BP = 2_500
STRICTER_REASON = "debt_ratio_at_most_25"


class RiskLeads(Callers):
    """Two of risk, who change the rules of microloans together; and the people who apply meanwhile."""

    rules_version = 0

    async def _change_rules(self) -> None:
        """Each step once, on its day, and only after the step before it."""
        steps = (
            ("rules drafted", DRAFTED_ON, self._draft_and_try),
            ("spring", SPRING_ON, self._take_spring_in),
            ("rules judged", JUDGED_ON, self._put_in_force),
            ("autumn", AUTUMN_ON, self._take_autumn_in),
        )
        waiting = [step for step in steps if step[0] not in self.done]
        if not waiting or self._today() < waiting[0][1]:
            return
        name, _, act = waiting[0]
        if name == "rules drafted" and self._graded() < FEWEST_CASES:
            return
        await act()
        self.done.add(name)

    def _graded(self) -> int:
        with self.books.read() as work:
            loans = work.loans.page(EVERYBODY, product="micro", limit=200)
            return sum(work.policies.grading(loan.number) is not None for loan in loans)

    async def _draft_and_try(self) -> None:
        """One drafts and tries it on past cases, the other lets it challenge the rules in force."""
        lives = (await self._get(RISK[0], f"/policies/{RULES}"))["items"]
        (in_force,) = (one["version"] for one in lives if one["state"] == "in_force")
        content = (await self._get(RISK[0], f"/policies/{RULES}/versions/{in_force}"))["content"]
        drafted = await self._post(
            RISK[0],
            f"/policies/{RULES}/drafts",
            {
                "content": with_score(stricter(content)),
                "reason": "the best grade for few debts only, and none of the better ones for a low score",
            },
        )
        self.rules_version, today = drafted["version"], self._today()
        tried = {
            "version": drafted["version"],
            "applied_from": date(2026, 1, 1).isoformat(),
            "applied_to": today.isoformat(),
        }
        await self._post(RISK[0], f"/policies/{RULES}/backtest", tried)
        challenge = {"part": "challenger", "share_percent": SHARE_PERCENT, "reason": "beside the rules in force first"}
        await self._publish(challenge)

    async def _put_in_force(self) -> None:
        await self._publish({"part": "champion", "reason": "live cases bear it out; from now on for all"})

    async def _publish(self, asked: dict[str, Any]) -> None:
        starts_on = (self._today() + FROM_TOMORROW).isoformat()
        published = {"version": self.rules_version, "starts_on": starts_on, **asked}
        await self._post(RISK[1], f"/policies/{RULES}/publish", published)

    async def _take_spring_in(self) -> None:
        for n, loan in enumerate((await self._take_in(SPRING))[:WITH_LETTERS], 1):
            form = self._form(loan)
            # The last of them earns less by the letter than by the form.
            income_fen = form["monthly_income"] * (2 if n == WITH_LETTERS else 3) // 3
            await self._bring_card(loan)
            told = form["name"], form["id_number"], income_fen, self._today()
            letter = await asyncio.to_thread(income_proof, *told)
            await self._upload(INTEGRATOR, loan, "income_proof", letter)

    async def _take_autumn_in(self) -> None:
        """Small sums of people whom the registers know well: a card is all that is needed.

        The bureau answers late that day. A card takes a second or two to be read, which here are days, and a case that
        has become late meanwhile stays with people.
        """
        await self._slow_down("bureau", 4, CARD_IS_READ_MS)
        await self._bring_autumn()

    async def _bring_autumn(self) -> None:
        for loan in await self._take_in(AUTUMN):
            await self._bring_card(loan)

    async def _take_in(self, file: Path) -> list[str]:
        integrator = Actor(INTEGRATOR, Role.INTEGRATOR)
        report = await asyncio.to_thread(import_applications, self.books, integrator, file, self._today(), quiet=True)
        return report.accepted

    def _form(self, loan: str) -> dict[str, Any]:
        with self.books.read() as work:
            return work.loans.application(loan).form

    async def _bring_card(self, loan: str) -> None:
        form = self._form(loan)
        card = await asyncio.to_thread(id_card, form["name"], form["id_number"])
        await self._upload(INTEGRATOR, loan, "id_card", card)

    async def _look_at_documents(self) -> None:
        """A person looks at what the machine doubts: what it read badly is taken, what differs is not."""
        for task in await self._tasks(MANAGER, "document"):
            for document in await self._in_doubt(MANAGER, task["loan"]):
                verdict = {"outcome": "refuse", "reason": "it says something else than the form"}
                if document["reading"]["verdict"] == "agrees":
                    verdict = {"outcome": "approve", "reason": "badly printed, and as the form says"}
                await self._decide_document(MANAGER, task["loan"], document["id"], verdict)


def stricter(content: dict[str, Any]) -> dict[str, Any]:
    """The rules with a lower share of debts for the best grade, and the reason that says so.

    ValueError where no row gives that grade by a share of debts: the example would change nothing.
    """
    told = deepcopy(content)
    (table,) = (node["content"] for node in told["nodes"] if node["type"] == "decisionTableNode")
    best = [row for row in table["rules"] if row["grade"] == '"A"' and row.get("debt_ratio_bp")]
    if not best:
        raise ValueError("no row of these rules gives the best grade by a share of debts")
    for row in best:
        row["debt_ratio_bp"] = f"<= {STRICTER_BP}"
        row["reasons"] = row["reasons"].replace("debt_ratio_at_most_35", STRICTER_REASON)
    told["reasons"][STRICTER_REASON] = {
        "en": "Payments on debts, with this loan, take at most 25 % of the income.",
        "zh": "含本笔贷款的每月还款不超过收入的25%。",
    }
    return told
