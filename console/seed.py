"""What books need before the first application: products, their rules, limits, the opening balance and demo persons."""

from books.session import Books
from models import ledger as chart
from models.sealing import KeyRing, set_keys
from services.ledger import post
from services.limit_changes import ship_limits
from services.policy_publishing import publish_shipped_policies
from services.products import install, load
from services.staff import add_demo_persons
from settings import Settings

OPENING_ENTRY = "opening"


def load_products(settings: Settings) -> None:
    """Loads the configured products into this process, and the keys that open what it keeps."""
    install(load(settings.modules))
    set_keys(KeyRing.parse(settings.keys.get_secret_value()))


def seed(books: Books, settings: Settings) -> None:
    """Brings the books to where a demonstration can begin; what is there stays as it is."""
    load_products(settings)
    with books.begin() as work:
        publish_shipped_policies(work)
        ship_limits(work)
        add_demo_persons(work)
        if settings.opening_balance_fen > 0 and not work.ledger.posted(OPENING_ENTRY):
            post(
                work,
                entry=OPENING_ENTRY,
                line="money",
                debit=chart.BANK,
                credit=chart.OWNERS_FUNDS,
                amount_fen=settings.opening_balance_fen,
                about="opening balance",
                value_date=work.today,
                loan=None,
            )
