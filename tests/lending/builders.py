"""Terms and events for tests: each test names only what it is about."""

from datetime import date

from hypothesis import strategies as st

from lending.account import LoanAccount
from lending.events import Event
from lending.servicing import service
from lending.terms import Terms


def terms_of(**changed: object) -> Terms:
    """12,000 yuan at 12 % over twelve months from 1 January 2024, level payment, unless said otherwise."""
    body: dict[str, object] = {
        "principal": "12000.00",
        "annual_rate_percent": "12",
        "method": "level_payment",
        "n_periods": 12,
        "disbursement_date": "2024-01-01",
        "first_due_date": "2024-02-01",
    }
    return Terms.parse(body | changed)


def event(kind: str, day: str, identity: str | None = None, **fields: object) -> Event:
    """An event; its id is made of type and day unless given. The field `from` is written `from_`."""
    named = {name.rstrip("_"): value for name, value in fields.items()}
    return Event.parse({"id": identity or f"{kind}-{day}", "type": kind, "date": day, **named})


def account(terms: Terms, events: list[Event], day: str) -> LoanAccount:
    """The loan at the end of a day."""
    return service(terms, events, date.fromisoformat(day))


def parts(state: LoanAccount, identity: str) -> tuple[int, ...]:
    """What an event's money went to: penalty, fee, interest, principal, subsidy, credit."""
    own = [one for one in state.allocations if one.event_id == identity]
    names = ("penalty", "fee", "interest", "principal", "subsidy", "credit")
    return tuple(sum(getattr(one, name) for one in own) for name in names)


FIRST = date(2024, 1, 1)

amounts = st.integers(1, 2_000_000).map(lambda fen: f"{fen // 100}.{fen % 100:02d}")
days = st.integers(0, 700).map(lambda offset: date.fromordinal(FIRST.toordinal() + offset).isoformat())


@st.composite
def any_terms(draw: st.DrawFn) -> Terms:
    """Terms of every kind."""
    daily = draw(st.booleans()) and draw(st.booleans())
    n_periods = draw(st.integers(1, 18))
    body: dict[str, object] = {
        "principal": draw(st.integers(10_000, 5_000_000).map(lambda fen: f"{fen // 100}.{fen % 100:02d}")),
        "method": draw(st.sampled_from(["level_payment", "equal_principal", "flat", "interest_only", "bullet"])),
        "n_periods": n_periods,
        "period": draw(
            st.sampled_from(
                [
                    {"unit": "month", "every": 1},
                    {"unit": "week", "every": 2},
                    {"unit": "day", "every": 10},
                    {"unit": "quarter"},
                ]
            )
        ),
        "disbursement_date": FIRST.isoformat(),
        "first_due_date": draw(st.dates(date(2024, 1, 3), date(2024, 3, 31))).isoformat(),
        "rounding": {
            "mode": draw(st.sampled_from(["half_even", "half_up", "up", "down"])),
            "payment_multiple_of": draw(st.sampled_from(["0.01", "1", "10"])),
        },
        "principal_grace_periods": draw(st.integers(0, n_periods - 1)) if draw(st.booleans()) else 0,
        "interest_deferral_periods": draw(st.integers(0, n_periods - 1)) if draw(st.booleans()) else 0,
        "interest_free_periods": draw(st.integers(0, n_periods)) if draw(st.booleans()) else 0,
        "late": draw(
            st.sampled_from(
                [
                    None,
                    {"penalty_multiple": "1.5", "grace_days": 3},
                    {"penalty_multiple": "1.5", "compound": True},
                    {"penalty_annual_rate_percent": "18.25"},
                    {"penalty_multiple": "3", "max_annual_rate_percent": "24", "max_percent_of_overdue": "2"},
                ]
            )
        ),
        "fees": draw(st.sampled_from([[], [{"amount": "9.99"}], [{"amount": "100.00", "due": "2024-01-01"}]])),
        "subsidised_until": draw(st.sampled_from([None, None, "2024-06-30"])),
        "allocation_by": draw(st.sampled_from(["installment", "component"])),
    }
    if daily:
        body |= {"daily_rate_percent": draw(st.sampled_from(["0", "0.05", "0.798"]))}
    else:
        body |= {
            "annual_rate_percent": draw(st.sampled_from(["0", "4.35", "12", "36", "240"])),
            "day_count": draw(
                st.sampled_from(["period", "30/360", "actual/365", "actual/360", "actual/364", "actual/actual"])
            ),
            "payment_basis": draw(st.sampled_from(["period", "schedule"])),
        }
    return Terms.parse(body)


@st.composite
def any_events(draw: st.DrawFn, most: int = 8) -> list[Event]:
    """Events that every loan of `any_terms` bears, on any day; tranches and endings come by chance."""
    events = []
    for place in range(draw(st.integers(0, most))):
        kind = draw(
            st.sampled_from(
                [
                    *["repayment"] * 4,
                    *["prepayment"] * 3,
                    *["waiver"] * 2,
                    "fee",
                    "rate_change",
                    "subsidy",
                    "settlement",
                    "write_off",
                    "as_of",
                ]
            )
        )
        fields: dict[str, object] = {}
        if kind in ("repayment", "prepayment", "subsidy", "fee", "waiver"):
            fields["amount"] = draw(amounts)
        if kind == "prepayment":
            fields["effect"] = draw(st.sampled_from(["reduce_installment", "reduce_term", "advance_due"]))
            if draw(st.booleans()):
                fields["fee"] = "12.34"
        if kind == "fee":
            fields["due"] = draw(days)
        if kind == "waiver":
            fields["component"] = draw(st.sampled_from(["penalty", "fee", "interest", "principal"]))
        if kind == "rate_change":
            fields["annual_rate_percent"] = draw(st.sampled_from(["0", "3", "24"]))
        events.append(event(kind, draw(days), f"e{place}", **fields))
    return events
