"""Writes the examples: applications of made-up people whom the simulated outside world knows with its default seed.

`applications.csv` has sixty, and some lines that are wrong on purpose. `spring.csv` has twenty-four microloans that
come in later, when new rules are tried beside those in force, and `autumn.csv` four small ones that need no person.
`application.json`, for docs/integration.md, has one more, of somebody who is in none of them. `portfolio.jsonl`, for
docs/portfolio.md, has running loans of others, as another system would tell of them on the day before the
demonstration begins. Run it again after the simulated population changed: `python -m tools.make_examples`.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterator
from datetime import date
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

from lending.events import Event
from lending.money import yuan
from lending.schedules import build_schedule
from lending.servicing import service
from lending.terms import Terms
from simulators.people import DEFAULT_PEOPLE, DEFAULT_SEED, population
from simulators.records import PayingHabit, Person, Population, Vehicle

CONSENT = "2026-11"
COLUMNS = (
    *("reference", "product", "consent", "consent_sensitive"),
    *("name", "id_number", "mobile", "bank_card", "occupation", "amount", "term"),
    *("purpose", "monthly_income", "method", "period"),
    *("vin", "vehicle_model", "vehicle_price", "down_payment", "dealer", "condition", "rate_type", "tracking"),
    *("guarantor_name", "guarantor_id_number", "guarantor_mobile"),
    *("school", "degree", "tuition", "graduation_date", "household_income", "granted"),
    *("household_size", "circumstances", "living_costs"),
    *("joint_borrower_name", "joint_borrower_id_number", "joint_borrower_mobile"),
)
Row = dict[str, str]
CUT_OFF = date(2026, 1, 4)
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def rows(world: Population) -> list[Row]:
    """All lines of the file: 60 that are well-formed, then 7 that are not."""
    good = [*_micro(world), *_auto(world), *_student(world)]
    for number, row in enumerate(good, 1):
        row["reference"] = f"EX-{number:03d}"
    return good + _wrong(good)


def autumn(world: Population) -> list[Row]:
    """Four small microloans of sound people with few debts, who stand in none of the other files."""
    named = {row["id_number"] for row in (*rows(world), *spring(world))} | _named_elsewhere(world)
    people = _people(world, lambda p: _is_of_grade_a(p) and p.id_number not in named)
    return [
        _person(person)
        | {
            "reference": f"AU-{number:03d}",
            "product": "micro",
            "amount": "4000",
            "term": "6",
            "purpose": "consumption",
            "monthly_income": yuan(person.monthly_income_fen),
        }
        for number, person in enumerate(islice(people, 4), 1)
    ]


def _named_elsewhere(world: Population) -> set[str]:
    applicant = application(world)["form"]["id_number"]
    return {applicant, *(person.id_number for person in _with_running_loans(world))}


def spring(world: Population) -> list[Row]:
    """24 microloans of people with records of every kind, who stand in none of the files before."""
    named = {row["id_number"] for row in rows(world)} | _named_elsewhere(world)
    people = _people(world, lambda p: _has_a_record(p) and p.id_number not in named)
    return [
        _person(person)
        | {
            "reference": f"SP-{number:03d}",
            "product": "micro",
            "amount": str(5000 + number % 6 * 2500),
            "term": "6",
            "purpose": "consumption",
            "monthly_income": str(max(person.monthly_income_fen // 100, 1500)),
        }
        for number, person in enumerate(islice(people, 24), 1)
    ]


def application(world: Population) -> dict[str, Any]:
    """A microloan for somebody sound and without debts whom no line of `rows` names."""
    named = {row["id_number"] for row in rows(world)}
    person = next(_people(world, lambda p: _is_sound(p) and not p.bureau.debt_fen and p.id_number not in named))
    form = {
        "name": person.name,
        "id_number": person.id_number,
        "mobile": person.mobile,
        "bank_card": person.account,
        "amount": "4500.00",
        "term": 4,
        "purpose": "consumption",
        "monthly_income": yuan(person.monthly_income_fen),
    }
    return {"product": "micro", "consent": {"version": CONSENT, "sensitive": True}, "form": form}


def portfolio(world: Population) -> list[dict[str, Any]]:
    """12 running microloans: 9 as we compute them (2 of these late, 1 paid in excess), 1 with a fee that we do not know
    of, 1 with a principal that no adjustment can express, and 1 in another currency.
    """
    told = [_told(n, person) for n, person in enumerate(_with_running_loans(world), 1)]
    told[9]["claimed"]["fee"] = "30.00"
    told[10]["claimed"]["principal"] = told[10]["terms"]["principal"]
    told[11]["currency"] = "USD"
    return told


def _with_running_loans(world: Population) -> Iterator[Person]:
    named = {row["id_number"] for row in rows(world)}
    return islice(_people(world, lambda p: _is_sound(p) and p.id_number not in named), 23, 35)


def _told(n: int, person: Person) -> dict[str, Any]:
    paid_out = date(2025, 3 + n % 6, 6 + n)
    terms: dict[str, Any] = {
        "principal": f"{6000 + n * 1000}.00",
        "annual_rate_percent": str(10 + n % 5),
        "method": "equal_principal" if n % 3 == 0 else "level_payment",
        "n_periods": 18,
        "rounding": {"mode": "half_up"},
        "late": {"penalty_multiple": "1.5", "grace_days": 3},
    }
    parsed = Terms.parse({"disbursement_date": paid_out.isoformat(), **terms})
    due = [row for row in build_schedule(parsed).rows if row.due <= CUT_OFF]
    missing = {4: 1, 7: 2}.get(n, 0)
    events: list[dict[str, str]] = [
        {"type": "repayment", "date": row.due.isoformat(), "amount": yuan(row.total)}
        for row in due[: len(due) - missing]
    ]
    if n == 5:
        events.append({"type": "repayment", "date": CUT_OFF.isoformat(), "amount": "200.00"})
    disbursement = {"date": paid_out.isoformat(), "amount": terms["principal"]}
    past = [{"type": "disbursement", **disbursement}, *events]
    account = service(parsed, [Event.parse({"id": str(place), **one}) for place, one in enumerate(past)], CUT_OFF)
    return {
        "source": "oldbank",
        "source_loan": f"2025-{n:04d}",
        "product": "micro",
        "currency": "CNY",
        "customer": {
            "name": person.name,
            "id_number": person.id_number,
            "mobile": person.mobile,
            "bank_card": person.account,
        },
        "disbursement": disbursement,
        "terms": terms,
        "events": events,
        "cut_off": CUT_OFF.isoformat(),
        "claimed": {
            "principal": yuan(account.principal_outstanding_fen),
            "interest": yuan(account.interest_outstanding_fen),
            "fee": yuan(account.fee_outstanding_fen),
            "penalty": yuan(account.penalty_outstanding_fen),
            "credit": yuan(account.credit_fen),
            "dpd": account.dpd,
            "next_due": next(row.due for row in account.rows if row.due > CUT_OFF and row.outstanding).isoformat(),
        },
        "schedule": [
            {
                "n": row.n,
                "due": row.due.isoformat(),
                "principal": yuan(row.principal),
                "interest": yuan(row.interest),
            }
            for row in account.rows
        ],
    }


def _micro(world: Population) -> Iterator[Row]:
    """26: mostly sound people with short terms, every way of repaying, and some who are refused or go wrong.

    The four who never have a whole installment and the one whose salary stops in spring have parts in the
    demonstration (`console/parts.py`).
    """
    methods = ("level_payment", "equal_principal", "interest_only", "bullet")
    terms = (3, 4, 6, 6, 8, 9)
    periods = {0: "week", 2: "quarter", 9: "week", 12: "week", 14: "quarter"}
    sound = list(islice(_people(world, _is_sound), 14))
    late = list(islice(_people(world, lambda p: _is_clean(p) and p.paying_habit is PayingHabit.LATE), 3))
    partial = list(islice(_people(world, lambda p: _is_clean(p) and p.paying_habit is PayingHabit.PARTIAL), 4))
    broke = list(islice(_people(world, _is_broke_in_spring), 1))
    closed = list(islice(_people(world, lambda p: p.account_closed and _has_good_record(p)), 1))
    blacklisted = list(islice(_people(world, lambda p: p.bureau.blacklisted and p.enrolment is None), 1))
    students = list(islice(_people(world, lambda p: p.enrolment is not None and p.enrolment.full_time), 2))
    for n, person in enumerate([*sound, *late, *partial, *broke, *closed, *blacklisted, *students]):
        has_a_choice = n < len(sound) + len(late)
        yield _person(person) | {
            "product": "micro",
            "amount": str(3000 + n % 7 * 1500),
            "term": str(terms[n % len(terms)] if has_a_choice else 6),
            "purpose": "consumption" if n % 3 else "business",
            "monthly_income": str(max(person.monthly_income_fen // 100, 1500)),
            "method": methods[n % len(methods)] if has_a_choice else "level_payment",
            "period": periods.get(n, "month"),
        }


def _auto(world: Population) -> Iterator[Row]:
    """18 cars, new and used, with a down payment of forty per cent, repaid in every way; two buyers bring a guarantor.

    Floating rates run beyond the new year, on which they are set anew. The last but one buyer never pays, and his loan
    is large enough for two people to write it off; the last one has too many debts.
    """
    methods = ("level_payment", "equal_principal", "flat")
    guarantors = _others(world, _is_sound)
    indebted = islice(_people(world, lambda p: _is_sound(p) and not _carries_a_car(p)), 1)
    broke = islice(_people(world, _is_broke_with_a_high_income), 1)
    buyers = [*islice(_people(world, _carries_a_car), 16), *broke, *indebted]
    cars = list(islice(_cars(world), 18))
    cars[16] = next(car for car in _cars(world) if car not in cars and car.price_fen >= 13_000_000)
    for n, (person, car) in enumerate(zip(buyers, cars, strict=True)):
        price = car.price_fen // 100
        down = price * 4 // 10
        guaranteed = _named("guarantor", next(guarantors)) if n in (1, 3) else {}
        yield {
            **_person(person),
            **guaranteed,
            "product": "auto",
            "amount": str(price - down),
            "term": str((6, 12, 24)[n % 3]),
            "method": methods[n // 3 % len(methods)],
            "rate_type": "floating" if n in (2, 5, 11, 14) else "fixed",
            "tracking": "no" if n % 4 else "yes",
            "vin": car.vin,
            "vehicle_model": car.model,
            "vehicle_price": str(price),
            "down_payment": str(down),
            "dealer": car.dealer,
            "condition": "used" if not car.new else "new_energy" if car.new_energy else "new",
        }


def _student(world: Population) -> Iterator[Row]:
    """16 students, most of them to graduate within the year; with every fifth a parent borrows."""
    parents = _others(world, lambda p: _is_sound(p) and int(p.id_number[6:10]) < 1982)
    for n, person in enumerate(islice(_people(world, _studies_and_soon_graduates), 16)):
        studies = person.enrolment
        assert studies is not None
        at_home = n % 5 == 0
        yield {
            **_person(person),
            **(_named("joint_borrower", next(parents)) if at_home else {}),
            "product": "student",
            "amount": str(6000 + n % 5 * 1500),
            "term": str((18, 24, 36)[n % 3]),
            "school": studies.school,
            "degree": str(studies.degree),
            "tuition": "5000",
            "graduation_date": studies.graduates_on.isoformat(),
            "household_income": str(30_000 + n * 2500),
            "granted": "at_home" if at_home else "at_school",
            **_need(n, person),
        }


def _need(n: int, person: Person) -> Row:
    """What the hardship model asks for; every fourth leaves it out, as forms of before did."""
    if n % 4 == 3:
        return {}
    household = person.household
    circumstances = ",".join(household.circumstances)
    return {"household_size": str(household.size), "circumstances": circumstances, "living_costs": str(9000 + n * 400)}


def _wrong(good: list[Row]) -> list[Row]:
    """What an import must refuse, with the line's number and the field's name."""
    auto = next(row for row in good if row["product"] == "auto")
    base = good[0]
    last_digit = base["id_number"][-1]
    return [
        base | {"reference": "EX-901", "term": "36个月"},
        base | {"reference": "EX-902", "id_number": base["id_number"][:-1] + ("1" if last_digit != "1" else "2")},
        base | {"reference": "EX-903", "amount": "-5000"},
        base | {"reference": "EX-904", "product": "mortgage"},
        base | {"reference": "EX-905", "mobile": ""},
        auto | {"reference": "EX-906", "vin": auto["vin"][:-1]},
        base | {"reference": "EX-907", "consent": ""},
    ]


def _person(person: Person) -> Row:
    return {
        "consent": CONSENT,
        "consent_sensitive": "true",
        "name": person.name,
        "id_number": person.id_number,
        "mobile": person.mobile,
        "bank_card": person.account,
        "occupation": person.occupation,
    }


def _named(role: str, person: Person) -> Row:
    """Somebody who signs beside the borrower."""
    return {f"{role}_name": person.name, f"{role}_id_number": person.id_number, f"{role}_mobile": person.mobile}


def _others(world: Population, wanted: Callable[[Person], bool]) -> Iterator[Person]:
    """From the other end of the population, where nobody applies."""
    return (person for person in reversed(world.people) if wanted(person))


def _people(world: Population, wanted: Callable[[Person], bool]) -> Iterator[Person]:
    return (person for person in world.people if wanted(person))


def _cars(world: Population) -> Iterator[Vehicle]:
    licensed = {dealer.name for dealer in world.dealers if dealer.licensed}
    return (
        car for car in world.vehicles if not car.mortgaged and car.dealer in licensed and car.price_fen < 20_000_000
    )


def _has_good_record(person: Person) -> bool:
    bureau = person.bureau
    is_clean = not bureau.blacklisted and bureau.overdue_count_24m == 0 and bureau.worst_dpd == 0
    return person.enrolment is None and is_clean and bureau.history_months >= 24


def _is_of_grade_a(person: Person) -> bool:
    """Sound, with a long record, and with few debts beside what he earns."""
    bureau = person.bureau
    return (
        _is_sound(person) and bureau.history_months >= 36 and bureau.monthly_payment_fen * 8 < person.monthly_income_fen
    )


def _has_a_record(person: Person) -> bool:
    return person.enrolment is None and not person.account_closed and person.bureau.history_months > 0


def _is_clean(person: Person) -> bool:
    return _has_good_record(person) and not person.account_closed


def _is_sound(person: Person) -> bool:
    return _is_clean(person) and person.paying_habit is PayingHabit.REGULAR


def _is_broke_in_spring(person: Person) -> bool:
    habit = person.account_habit
    is_broke = person.paying_habit is PayingHabit.BROKE and date(2026, 3, 1) < habit.paid_until < date(2026, 5, 1)
    return _is_clean(person) and is_broke and habit.pay_day <= 8


def _is_broke_with_a_high_income(person: Person) -> bool:
    is_broke = person.paying_habit is PayingHabit.BROKE and person.account_habit.pay_day >= 15
    return _is_clean(person) and is_broke and _has_income_for_a_car(person)


def _has_income_for_a_car(person: Person) -> bool:
    return person.monthly_income_fen >= 1_800_000 and person.bureau.debt_fen < 1_000_000


def _carries_a_car(person: Person) -> bool:
    return _is_sound(person) and _has_income_for_a_car(person)


def _studies_and_soon_graduates(person: Person) -> bool:
    studies = person.enrolment
    return (
        studies is not None
        and studies.full_time
        and not person.account_closed
        and person.paying_habit is PayingHabit.REGULAR
        and studies.graduates_on.year == 2026
    )


def csv_text(applications: list[Row]) -> str:
    """The text of a file of applications: a header, then a line for each."""
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(applications)
    return text.getvalue()


def json_text(world: Population) -> str:
    """The text of application.json."""
    return json.dumps(application(world), ensure_ascii=False, indent=2) + "\n"


def portfolio_text(world: Population) -> str:
    """The text of portfolio.jsonl."""
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in portfolio(world))


def main() -> None:
    """Writes all files."""
    world = population(DEFAULT_SEED, DEFAULT_PEOPLE)
    for name, text in (
        ("applications.csv", csv_text(rows(world))),
        ("spring.csv", csv_text(spring(world))),
        ("autumn.csv", csv_text(autumn(world))),
        ("application.json", json_text(world)),
        ("portfolio.jsonl", portfolio_text(world)),
    ):
        (EXAMPLES / name).write_text(text, encoding="utf-8", newline="")
        sys.stdout.write(f"wrote {name}\n")


if __name__ == "__main__":
    main()
