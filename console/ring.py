"""The keys of this process: without them nothing personal is read or written, and nothing is signed."""

from sqlalchemy.exc import DBAPIError, IntegrityError

from books.at_work import SomebodyAtWork, stay_at_work
from books.customers import index_keys, set_index_keys
from books.session import Books
from console.processes import NotReady
from engine.codec import accept_clear_payloads
from models.attesting import SigningKey, set_signing_key
from models.sealing import KeyRing, set_keys
from services import data_keys
from settings import Settings


def hold_keys(settings: Settings) -> None:
    """Takes the keys of the settings into this process; whoever opens books or the engine needs them."""
    accept_clear_payloads(settings.temporal_clear_payloads)
    set_keys(KeyRing.parse(settings.keys.get_secret_value()))
    set_index_keys(settings.index_keys)
    set_signing_key(SigningKey.parse(settings.signing_key.get_secret_value()))


def check_ring(books: Books) -> None:
    """NotReady where a key of this process has the name of another key of the books."""
    try:
        with books.read() as work:
            data_keys.check_ring(work)
    except data_keys.OtherRingKey as error:
        raise NotReady(str(error)) from error


def take_ring(books: Books) -> None:
    """The same for whoever goes on to seal; the books know his keys by their names from now on."""
    try:
        with books.begin() as work:
            data_keys.take_ring(work)
    except data_keys.OtherRingKey as error:
        raise NotReady(str(error)) from error
    except IntegrityError:
        # Another process wrote the same names at the same moment, and perhaps other keys.
        check_ring(books)
    except DBAPIError:
        # The database is not there yet: that is for whoever asks it for something.
        return


def hold_index_keys(books: Books) -> None:
    """Holds the books for a process that makes digests: their keys are not changed while it works.

    NotReady where the digests were made with other keys: this process would find nobody.
    """
    _check_index_keys(books)
    try:
        stay_at_work(books, data_keys.marks_of(index_keys()))
    except SomebodyAtWork as error:
        raise NotReady(
            "`loanwright keys reindex` changes all digests now; start this again when it has ended"
        ) from error
    # Once more: the keys may have been changed before the books were held.
    _check_index_keys(books)


def _check_index_keys(books: Books) -> None:
    try:
        with books.read() as work:
            data_keys.check_index_keys(work, index_keys())
    except data_keys.OtherIndexKey as error:
        raise NotReady(str(error)) from error
    except DBAPIError:
        # The database is not there yet: that is for whoever asks it for something.
        return
