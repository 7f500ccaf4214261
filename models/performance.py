"""What became of loans that these books did not serve themselves: known outcomes of past applications."""

from datetime import date

from sqlmodel import Field, SQLModel


class LoanPerformance(SQLModel, table=True):
    """How a loan went within twelve months of its payout, as it was put into the books. Insert-only.

    Loans whose account lies in the books have no such row: theirs is computed. `observed_to` is the last day that was
    looked at; `simulated` says that the loan is made up.
    """

    __tablename__ = "loan_performance"

    loan: str = Field(primary_key=True, foreign_key="loan.number", max_length=16)
    worst_dpd: int
    defaulted_on: date | None = Field(default=None, description="first day more than 90 days past due")
    written_off_on: date | None = None
    observed_to: date
    simulated: bool
