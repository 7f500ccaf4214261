"""The live figures of the demonstration."""

from datetime import UTC, date, datetime

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from books.session import Books
from lending.money import yuan
from models.loans import Stage
from models.staff import Actor, Role
from services.reports import funds

EVERYBODY = Actor("demo", Role.ADMIN)


class Board:
    """Loans by stage, money out and back, and what is overdue, read from the books."""

    def __init__(self, books: Books, start: date, months: int) -> None:
        self.books = books
        self.start = start
        years, month = divmod(start.month - 1 + months, 12)
        self.end = date(start.year + years, month + 1, start.day)

    def today(self) -> date:
        """The business date now."""
        return self.books.clock.business_date(datetime.now(UTC))

    def is_over(self) -> bool:
        """Whether the last day has passed."""
        return self.today() >= self.end

    def line(self) -> str:
        """The figures in one line, for a log."""
        with self.books.read() as work:
            stages, summary, overdue = work.loans.by_stage(EVERYBODY), funds(work), work.loans.overdue_count()
        counts = " ".join(f"{stage}={count}" for stage, count in sorted(stages.items()))
        return (
            f"{self.today()}  out {yuan(summary.money_out)}  in {yuan(summary.money_in)}  overdue {overdue}  {counts}"
        )

    def render(self) -> RenderableType:
        """The figures as a picture."""
        with self.books.read() as work:
            stages, summary, overdue = work.loans.by_stage(EVERYBODY), funds(work), work.loans.overdue_count()
        days, length = (self.today() - self.start).days, (self.end - self.start).days
        head = Text.assemble("business date ", (f"{min(self.today(), self.end)}", "bold"))
        loans = Table("stage", "loans", "", box=None, pad_edge=False, header_style="dim")
        largest = max(stages.values(), default=1)
        for stage in Stage:
            count = stages.get(stage, 0)
            if count:
                loans.add_row(stage.value, str(count), Text("█" * max(1, count * 30 // largest), style=_colour(stage)))
        money = Table(box=None, pad_edge=False, show_header=False)
        money.add_column(style="dim")
        money.add_column(justify="right")
        money.add_row("money out", yuan(summary.money_out))
        money.add_row("money back", yuan(summary.money_in))
        money.add_row("outstanding", yuan(summary.outstanding))
        money.add_row("loans overdue", Text(str(overdue), style="red" if overdue else "green"))
        side = Table.grid(padding=(0, 6))
        side.add_row(loans, money)
        return Group(head, ProgressBar(total=length, completed=min(days, length), width=60), Text(), side)


def _colour(stage: Stage) -> str:
    if stage is Stage.SETTLED:
        return "green"
    if stage in (Stage.REFUSED, Stage.WITHDRAWN, Stage.EXPIRED, Stage.PAYOUT_FAILED):
        return "red"
    return "blue" if stage is Stage.REPAYMENT else "yellow"
