from datetime import date
from collections import Counter
from models.loans import Stage
from temporalio.api.enums.v1 import EventType
from tests.workflows import people
from tests.workflows.harness import histories
async def test_real(office_in_real_time):
    async with office_in_real_time(0.1) as l:
        a = await l.running("auto", people.earner(), term="3")
        m = await l.running("micro", people.earner(), term="3")
        s = await l.running("student", people.student())
        for x in (a,m):
            await l.at(x, Stage.SETTLED)
        await l.eventually(lambda: l.loan(s).booked_to and l.loan(s).booked_to>=date(2026,4,5), lambda:"")
        for x in (a,m,s):
            hs=await histories(l,x)
            print(x,[len(h.events) for h in hs])
            for h in hs: print(Counter(EventType.Name(e.event_type)[11:] for e in h.events))
async def test_real36(office_in_real_time):
    async with office_in_real_time(0.02) as l:
        m = await l.running("micro", people.earner(), amount="12000", term="36")
        await l.at(m, Stage.SETTLED)
        hs=await histories(l,m)
        print([len(h.events) for h in hs], sum(len(h.events) for h in hs))
        for h in hs: print(Counter(EventType.Name(e.event_type)[11:] for e in h.events))
