"""Contracts of the yardstick: set by the same compiler from the same templates, with made-up figures."""

import asyncio
import hashlib
from typing import Any

from bench.yardstick.store import Store
from lending.terms import Terms
from services.paper_contents import Lender, terms_contents
from services.paper_typesetting import typesetter

POLL_SECONDS = 0.5


class Press:
    """Takes one waiting contract after the other, with a commit before and one after."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._made = 0
        self._figures = terms_contents(
            Terms.parse(
                {
                    "principal": "12000.00",
                    "annual_rate_percent": "7.2",
                    "method": "level_payment",
                    "n_periods": 12,
                    "disbursement_date": "2026-01-05",
                    "late": {"penalty_multiple": "1.5"},
                }
            ),
            "zh",
        )

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            if not await asyncio.to_thread(self._make_one):
                await asyncio.sleep(POLL_SECONDS)

    def _make_one(self) -> bool:
        loan = self.store.claim_contract()
        if loan is None:
            return False
        pdf = typesetter().pdf(self._contents(loan, self.store.form(loan)))
        self.store.keep_contract(loan, hashlib.sha256(pdf).hexdigest(), pdf)
        return True

    def _contents(self, loan: str, form: dict[str, Any]) -> dict[str, Any]:
        self._made += 1
        # Other figures in every row of every contract: the compiler remembers what it has set before.
        rows = [row | {"balance": f"{self._made}.{n:02d}"} for n, row in enumerate(self._figures["rows"])]
        somebody = {
            "role": "borrower",
            "name": form["name"],
            "id_number": f"110***********{form['id_number'][-4:]}",
            "mobile": f"199****{form['mobile'][-4:]}",
            "account": f"**** {form['bank_card'][-4:]}",
        }
        return {
            "kind": "contract",
            "language": "zh",
            "number": f"{loan}-C1",
            "issued_on": "2026-01-05",
            "issued_on_words": "2026年1月5日",
            "lender": Lender().name_zh,
            "loan": loan,
            "product": "量尺",
            "terms_version": "1",
            "borrower": somebody,
            "parties": [somebody],
            "payees": [{"name": form["name"], "account": somebody["account"], "amount": f"{form['amount']}.00"}],
            "collateral": [],
            **self._figures,
            "rows": rows,
        }
