"""The demonstration's scorecard: trained on a made-up past in books of its own, put in force by two people of risk."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from books.session import Books
from console.connections import books_of, migrate_books
from console.scorecard_history import put_history, simulated
from console.scorecards import TrainingNotInstalled, train
from console.screen import say
from console.seed import seed
from lending.calendar import BusinessClock
from models.staff import Actor, Role
from services.policy_publishing import draft, publish
from services.scorecard_report import report_html
from services.scorecards import scorecard_name
from settings import Settings

SCOPE = "micro"
PAST_APPLICATIONS = 6_000
DRAFTS, PUBLISHES = Actor("risk-qian", Role.RISK), Actor("risk-shen", Role.RISK)


def train_on_a_made_up_past(folder: Path, today: date) -> dict[str, Any] | None:
    """A scorecard from books of their own, which hold nothing but a simulator's borrowers; its report lies beside them.

    None, with a word of why, where the libraries that training needs are not installed: they are an extra.
    """
    folder.mkdir()
    settings = Settings(database_url=books_of(folder))
    migrate_books(settings)
    books = Books(settings.database_url)
    try:
        # Lasts for hours, so that the made-up past ends on the day on which the demonstration begins.
        books.set_clock(BusinessClock(3600 * 24, datetime.now(UTC), today))
        seed(books, settings)
        filled = put_history(books, simulated(PAST_APPLICATIONS, today))
        content = train(books, DRAFTS, SCOPE).content
    except TrainingNotInstalled as missing:
        say.print(f"  no scorecard: {missing}", style="yellow", soft_wrap=True)
        return None
    finally:
        books.close()
    report = folder / "scorecard.html"
    report.write_text(report_html(scorecard_name(SCOPE), content), encoding="utf-8")
    say.print(
        f"  a scorecard, trained on {filled.paid_out:,} loans of a simulator, {filled.defaulted:,} of which defaulted;"
        f" its report is {report}",
        style="dim",
        soft_wrap=True,
    )
    return content


def put_in_force(books: Books, content: dict[str, Any]) -> None:
    """Drafts the scorecard as one person of risk and publishes it as another."""
    with books.begin() as work:
        made = draft(work, DRAFTS, scorecard_name(SCOPE), content, "trained on the made-up history")
        publish(work, PUBLISHES, made, work.today, "it tells defaults on the months that were kept back")
