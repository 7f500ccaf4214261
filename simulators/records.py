"""What the registers and the bank know of the made-up people. Amounts are fen, dates business dates."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Sex(StrEnum):
    """Sex as the ID number states it."""

    MALE = "male"
    FEMALE = "female"


class PayingHabit(StrEnum):
    """How a person's account behaves when a debit comes.

    regular: always has money. late: has it only in the days after pay day. partial: has less than an installment.
    broke: the salary stops some months after the base date.
    """

    REGULAR = "regular"
    LATE = "late"
    PARTIAL = "partial"
    BROKE = "broke"


class Degree(StrEnum):
    """Level of the studies."""

    ASSOCIATE = "associate"
    BACHELOR = "bachelor"
    MASTER = "master"
    DOCTOR = "doctor"


@dataclass(frozen=True, slots=True)
class Household:
    """The household of a person; `circumstances` are grounds for hardship."""

    size: int
    annual_income_fen: int
    circumstances: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BureauRecord:
    """What the credit bureau holds about a person."""

    overdue_count_24m: int
    worst_dpd: int
    open_loans: int
    debt_fen: int
    monthly_payment_fen: int
    history_months: int
    blacklisted: bool


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A student's entry in the enrolment register."""

    school: str
    full_time: bool
    degree: Degree
    started: date
    graduates_on: date


@dataclass(frozen=True, slots=True)
class AccountHabit:
    """How an account lives between the lender's orders.

    `inflow_fen` arrives on `pay_day` of each month from `paid_from` until before `paid_until`. Where `keeps_days` is
    given, everything above `kept_fen` is spent that many days after each pay day.
    """

    pay_day: int
    inflow_fen: int
    paid_from: date
    paid_until: date
    keeps_days: int | None
    kept_fen: int


@dataclass(frozen=True, slots=True)
class Person:
    """One made-up person, the same in every register."""

    index: int
    name: str = field(repr=False)
    id_number: str = field(repr=False)
    sex: Sex
    born: date
    mobile: str = field(repr=False)
    account: str = field(repr=False)
    account_closed: bool
    opening_balance_fen: int
    occupation: str
    monthly_income_fen: int
    household: Household
    bureau: BureauRecord
    enrolment: Enrolment | None
    paying_habit: PayingHabit
    account_habit: AccountHabit


@dataclass(frozen=True, slots=True)
class Dealer:
    """A car dealer with his account."""

    name: str
    licensed: bool
    account: str


@dataclass(frozen=True, slots=True)
class School:
    """A school with its account for fees."""

    name: str
    account: str


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A car in a dealer's stock, new or used; a used one has a plate and an owner."""

    vin: str
    model: str
    new_energy: bool
    price_fen: int
    dealer: str
    plate: str | None = field(repr=False)
    owner_id_number: str | None = field(repr=False)
    first_registered: date | None
    mortgaged: bool
    mileage_km: int | None = None
    valuation_fen: int | None = None

    @property
    def new(self) -> bool:
        """Whether the car was never registered."""
        return self.first_registered is None


@dataclass(frozen=True)
class Population:
    """All people, dealers, schools and vehicles of one seed, with their indexes."""

    seed: int
    base_date: date
    people: tuple[Person, ...]
    dealers: tuple[Dealer, ...]
    schools: tuple[School, ...]
    vehicles: tuple[Vehicle, ...]
    person_by_id: dict[str, Person] = field(init=False, repr=False)
    dealer_by_name: dict[str, Dealer] = field(init=False, repr=False)
    school_by_name: dict[str, School] = field(init=False, repr=False)
    vehicle_by_vin: dict[str, Vehicle] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "person_by_id", {person.id_number: person for person in self.people})
        object.__setattr__(self, "dealer_by_name", {dealer.name: dealer for dealer in self.dealers})
        object.__setattr__(self, "school_by_name", {school.name: school for school in self.schools})
        object.__setattr__(self, "vehicle_by_vin", {vehicle.vin: vehicle for vehicle in self.vehicles})

    def person(self, name: str, id_number: str) -> Person | None:
        """The person of exactly this name and ID number, None if the two do not belong together."""
        found = self.person_by_id.get(id_number)
        return found if found is not None and found.name == name else None
