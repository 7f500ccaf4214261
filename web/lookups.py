"""What a list shows beside rows that a repository gave this person already: one query a list, never one a row."""

from collections.abc import Iterable

from sqlmodel import col, select

from books.session import UnitOfWork
from models.customers import Customer
from models.loans import Loan


def loans_by_number(work: UnitOfWork, numbers: Iterable[str]) -> dict[str, Loan]:
    """Loans that rows this person may see refer to."""
    return {loan.number: loan for loan in work.session.exec(select(Loan).where(col(Loan.number).in_(set(numbers))))}


def names_of(work: UnitOfWork, customer_ids: Iterable[str]) -> dict[str, str]:
    """Names of the customers of loans this person may see."""
    query = select(Customer).where(col(Customer.id).in_(set(customer_ids)))
    return {customer.id: customer.name for customer in work.session.exec(query)}


def staff_names(work: UnitOfWork) -> dict[str, str]:
    """Names of the staff by id."""
    return {person.id: person.name for person in work.staff.all()}
