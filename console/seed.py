"""What books need before the first application: products, their rules, limits, the opening balance and demo persons."""

from books.session import Books
from console.ring import hold_keys
from models import ledger as chart
from models.attesting import signing_key
from services.data_keys import take_index_keys, take_ring
from services.evidence import install_depositories, signed_files
from services.ledger import post
from services.limit_changes import ship_limits
from services.policy_publishing import publish_shipped_policies
from services.products import install, load
from services.staff import add_demo_persons
from settings import Settings

OPENING_ENTRY = "opening"


def load_products(settings: Settings) -> None:
    """Loads the configured products into this process, and the keys that open what it keeps."""
    hold_keys(settings)
    loaded = load(settings.modules)
    install(loaded)
    folder = settings.evidence_folder
    install_depositories([*loaded.depositories, *([signed_files(folder, signing_key)] if folder else [])])


def seed(books: Books, settings: Settings) -> None:
    """Brings the books to where a demonstration can begin; what is there stays as it is."""
    load_products(settings)
    with books.begin() as work:
        take_ring(work)
        take_index_keys(work, settings.index_keys)
        publish_shipped_policies(work)
        ship_limits(work)
        if settings.demo:
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
