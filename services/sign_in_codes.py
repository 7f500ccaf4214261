"""Borrowers sign in with their mobile: a code goes there, and whoever reads it is its owner.

Whoever asks learns nothing: for a number that nobody has, the same rows are written and the same words are said.
"""

from dataclasses import dataclass
from hmac import compare_digest

from books.customers import blind_index
from books.session import UnitOfWork
from lending.errors import LendingError
from models.customers import Customer
from models.outbox import Topic
from models.sign_in import SignInCode, SignInMethod
from models.staff import Actor, Role
from services import audit
from services.sign_in import Origin, enter_borrower
from services.sign_in_tries import forget_messages, may_send, note_asked
from services.text_codes import MOST_TRIES, VALID_FOR, new_digits, with_code

LAST_OF_ID_NUMBER = 4
TEXT = "【借款服务】您的登录验证码为{code}，{minutes}分钟内有效。请勿告知他人；非本人操作请忽略。"


class SignInCodeRefused(LendingError):
    """The code is another one, too old, used, or guessed at too often. Which of these is not said."""

    code = "sign_in_code_refused"
    http_status = 422

    def __init__(self) -> None:
        super().__init__("this is not the code, or it is not good any more; after five wrong tries ask for a new one")


@dataclass(frozen=True)
class SeveralCustomers:
    """The code was right, but several customers gave this number: the end of the ID number tells them apart."""


def mobile_digest(mobile: str) -> str:
    """How a mobile is named where its number must not stand."""
    return blind_index(mobile)


def ask_for_code(
    work: UnitOfWork, visitor_digest: str, mobile: str, origin: Origin, known_browser: str | None = None
) -> None:
    """Sends a code to a mobile that a customer gave, for the browser that asked; the code before it is void.

    Where no other code may be sent now, one that this browser has for this mobile stays good: it may be on its way.

    `known_browser` names the browser if somebody signed in there with this very mobile before.
    """
    index = mobile_digest(mobile)
    customers = work.sign_in.customers_with(index)
    may_be_sent = may_send(work, mobile, origin.address, known_browser)
    is_sent = may_be_sent and bool(customers)
    note_asked(work, visitor_digest, origin.address, VALID_FOR)
    customer_id = customers[0] if is_sent else None
    # Neither condition depends on who has this number.
    if may_be_sent or not _has_open_code(work, visitor_digest, index):
        _write(work, visitor_digest, index, customer_id)
    audit.record(
        work,
        _who(customer_id, origin),
        "sign_in_code_requested",
        subject=customer_id,
        reason=None if is_sent else "nobody has this number, or it was sent too many codes",
        refused=not is_sent,
    )


def _has_open_code(work: UnitOfWork, visitor_digest: str, index: str) -> bool:
    code = work.sign_in.newest_code(visitor_digest)
    return code is not None and code.mobile_index == index and _is_open(work, code)


def _is_open(work: UnitOfWork, code: SignInCode) -> bool:
    return code.used_at is None and code.expires_at > work.now and code.tries < MOST_TRIES


def _write(work: UnitOfWork, visitor_digest: str, index: str, customer_id: str | None) -> None:
    digits = new_digits()
    code = SignInCode(
        visitor_digest=visitor_digest,
        mobile_index=index,
        customer_id=customer_id,
        code_hash="",
        code=digits,
        asked_at=work.now,
        expires_at=work.now + VALID_FOR,
    )
    code.code_hash = _hashed(code.id, index, digits)
    work.session.add(code)
    work.session.flush()
    # Also for a number that nobody has: the time that the answer takes must not tell.
    work.outbox.put(Topic.SIGN_IN_CODE, f"sign_in_code:{code.id}", {"sign_in_code": code.id}, work.now)


def enter_code(
    work: UnitOfWork, visitor_digest: str, digits: str, last_of_id_number: str, origin: Origin
) -> str | SeveralCustomers | SignInCodeRefused:
    """What the borrower's cookie holds from now on.

    A wrong code is **returned** and not raised, for the try must be committed: raise it afterwards.
    """
    code = work.sign_in.newest_code(visitor_digest)
    # Compared in any case: that there is no code must take as long.
    right = _hashed(code.id, code.mobile_index, digits) if code else _hashed("", "", digits)
    is_right = compare_digest(right, code.code_hash if code else "0" * 64)
    if code is None or not _is_open(work, code):
        return _refused(work, code, origin)
    code.tries += 1
    work.session.add(code)
    if not is_right or code.customer_id is None:
        return _refused(work, code, origin)
    # Opened and compared: who may write in the database could give a customer another's digest.
    found = [work.customers.get(one) for one in work.sign_in.customers_with(code.mobile_index)]
    customers = [one for one in found if one is not None and blind_index(one.mobile) == code.mobile_index]
    if len(customers) > 1:
        if not last_of_id_number:
            return SeveralCustomers()
        customers = [one for one in customers if _ends_with(one, last_of_id_number)]
    if len(customers) != 1:
        return _refused(work, code, origin)
    code.used_at = work.now
    return enter_borrower(work, customers[0].id, SignInMethod.SMS_CODE, origin)


def asked_with(work: UnitOfWork, visitor_digest: str) -> str | None:
    """The mobile, by its digest, for which this browser asked for a code last."""
    code = work.sign_in.newest_code(visitor_digest)
    return code.mobile_index if code else None


def send_codes_again(work: UnitOfWork, actor: Actor, number: str) -> None:
    """Lets the borrower of a loan be sent codes again, after others asked for too many to his mobile.

    Raises UnknownLoan for a loan that the actor does not see.
    """
    loan = work.loans.seen_by(actor, number)
    customer = work.customers.get(loan.customer_id)
    if customer is not None:
        forget_messages(work, customer.mobile)
    # About the person and not the loan, by which he was only found.
    audit.record(work, actor, "sign_in_codes_allowed", subject=loan.customer_id, after={"found_by": loan.number})


def message(digits: str) -> str:
    """The text that a code arrives in."""
    return with_code(TEXT, digits)


def _ends_with(customer: Customer, last_of_id_number: str) -> bool:
    kept = customer.id_number[-LAST_OF_ID_NUMBER:]
    return compare_digest(kept.upper().encode(), last_of_id_number.strip().upper().encode())


def _refused(work: UnitOfWork, code: SignInCode | None, origin: Origin) -> SignInCodeRefused:
    customer_id = code.customer_id if code else None
    audit.record(
        work, _who(customer_id, origin), "sign_in_refused", subject=customer_id, reason="sign_in_code", refused=True
    )
    return SignInCodeRefused()


def _who(customer_id: str | None, origin: Origin) -> Actor:
    return Actor(customer_id or "borrower", Role.BORROWER, customer_id, origin.address)


def _hashed(salt: str, mobile_index: str, digits: str) -> str:
    """Keyed: with a copy of the books alone nobody finds the six digits by trying them all.

    Over the mobile too, so that a code that went to one opens nobody else's loans.
    """
    return blind_index(f"sign_in_code|{salt}|{mobile_index}|{digits}")
