"""The keys of this process: without them nothing personal is read or written, and nothing is signed."""

from books.customers import set_index_keys
from engine.codec import accept_clear_payloads
from models.attesting import SigningKey, set_signing_key
from models.sealing import KeyRing, set_keys
from settings import Settings


def hold_keys(settings: Settings) -> None:
    """Takes the keys of the settings into this process; whoever opens books or the engine needs them."""
    accept_clear_payloads(settings.temporal_clear_payloads)
    set_keys(KeyRing.parse(settings.keys.get_secret_value()))
    set_index_keys(settings.index_keys)
    set_signing_key(SigningKey.parse(settings.signing_key.get_secret_value()))
