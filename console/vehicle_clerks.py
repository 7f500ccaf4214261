"""What scripted people do about the vehicles of the demonstration: proofs entered, compared, mortgages released."""

from datetime import timedelta
from typing import Any

from console.callers import Callers
from console.letters import vehicle_paper
from console.servicing import MANAGER, RISK
from lending.money import yuan
from models.collateral import ConditionKind
from services.collateral import DOCUMENT_OF

REGISTRY = "云川市公安局车辆管理所（演示）"
INSURER = "远帆财产保险股份有限公司（演示）"
COVER = timedelta(days=364)


class VehicleClerks(Callers):
    """A manager who enters what registry and insurer gave out, and one of risk who compares it with the paper."""

    async def _see_to_vehicles(self) -> None:
        for kind in (ConditionKind.REGISTRATION, ConditionKind.INSURANCE, ConditionKind.RELEASE):
            tasks = await self._tasks(MANAGER, kind.value)
            await self._side_by_side(self._enter(kind, task) for task in tasks)
        await self._side_by_side(self._compare(task["loan"]) for task in await self._tasks(RISK[0], "evidence"))
        await self._side_by_side(self._look_at_papers(task["loan"]) for task in await self._tasks(RISK[0], "document"))

    async def _enter(self, kind: ConditionKind, task: dict[str, Any]) -> None:
        """Enters a proof once a task: what waits for its second person is not entered again."""
        if task["id"] in self.done:
            return
        loan, today = task["loan"], self._today()
        with self.books.read() as work:
            thing = work.collateral.thing(loan)
            name = work.customers.borrower(loan).name
        if thing is None:
            return
        body: dict[str, Any] = {"number": f"{kind.value[:2].upper()}{loan}", "dated": today.isoformat()}
        if kind is ConditionKind.INSURANCE:
            body = {
                "number": f"PZ{loan}{today:%Y}",
                "from": today.isoformat(),
                "to": (today + COVER).isoformat(),
                "insured": yuan(thing.value_fen),
                "lender_first": True,
            }
        if kind is not ConditionKind.RELEASE:
            paper = vehicle_paper(kind, name, thing.identifier, today)
            body |= {
                "issuer": INSURER if kind is ConditionKind.INSURANCE else REGISTRY,
                "document": await self._upload(MANAGER, loan, DOCUMENT_OF[kind], paper),
            }
        self.done.add(task["id"])
        await self._post(MANAGER, f"/loans/{loan}/collateral/{kind.value}", body)

    async def _look_at_papers(self, loan: str) -> None:
        """A telephone's picture that the machine misread is read by a person."""
        said = {"outcome": "approve", "reason": "read by eye: name and vehicle are right"}
        for one in await self._in_doubt(RISK[0], loan):
            if one["kind"] in DOCUMENT_OF.values():
                await self._decide_document(RISK[0], loan, one["id"], said)

    async def _compare(self, loan: str) -> None:
        proofs = (await self._get(RISK[0], f"/loans/{loan}/collateral"))["evidence"]
        for proof in proofs:
            if proof["outcome"] is None and proof["kind"] != ConditionKind.RELEASE:
                said = {"outcome": "approve", "reason": "the same number, vehicle and days as on the paper"}
                await self._post(RISK[0], f"/loans/{loan}/collateral/evidence/{proof['id']}/review", said)
