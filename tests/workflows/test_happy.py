from datetime import date

from models.loans import Stage
from tests.workflows import people
from tests.workflows.conftest import OpenOffice


async def test_a_microloan_is_repaid_in_six_installments(office: OpenOffice) -> None:
    import time
    t=time.time()
    async with office() as lender:
        print("open", time.time()-t)
        loan = await lender.running("micro", people.earner())
        print("running", time.time()-t)
        for m in range(2, 8):
            await lender.until(date(2026, m, 5))
            print("m", m, time.time()-t, lender.loan(loan).outstanding_fen)
        await lender.at(loan, Stage.SETTLED)
        print("settled", time.time()-t)
        print(lender.messages(loan))
    print("closed", time.time()-t)


async def test_b(office: OpenOffice) -> None:
    await test_a_microloan_is_repaid_in_six_installments(office)
