"""Co-signers whom no register has confirmed: no case is approved with them, and no code to sign goes to their mobiles.

Who promises to pay for somebody else's loan must be who the application says (Civil Code, articles 681 and 685: a
guarantee is the guarantor's own written word), and the mobile that it states for him must be his: with a code to it he
signs.
"""

from collections.abc import Sequence

from books.session import UnitOfWork
from lending.errors import LendingError
from models.customers import Party
from models.loans import Loan
from models.verification import BORROWER, CheckName, Verification
from services.authorisations import signing_parties
from services.customers import IDENTITY, is_match


class CoSignerNotConfirmed(LendingError):
    """No register has confirmed that name, ID number and mobile of somebody who signs beside the borrower belong
    together.
    """

    code = "co_signer_not_confirmed"
    http_status = 409

    def __init__(self, loan: str, parties: Sequence[Party]) -> None:
        who = ", ".join(one.role.value.replace("_", " ") for one in parties)
        super().__init__(
            f"the identity register has not confirmed that name, ID number and mobile of the {who} of loan {loan} "
            "belong together: the case is not approved with him, and no code is sent to this mobile. Have him "
            "authorise it and send the case back, so that the register is asked again, or apply with the right data"
        )


def unconfirmed(work: UnitOfWork, loan: str) -> list[Party]:
    """The co-signers of a loan to whom the identity register's newest answer is no match, in the order of the form."""
    others = [(party, name) for party, name in signing_parties(work, loan) if name != BORROWER]
    if not others:
        return []
    newest = {one.check_name: one for one in work.documents.answers(loan)}
    return [party for party, name in others if not _matches(newest.get(str(CheckName(IDENTITY, name))))]


def require_confirmed_co_signers(work: UnitOfWork, loan: Loan, party_id: str | None = None) -> None:
    """Refuses (CoSignerNotConfirmed) as long as a co-signer is not confirmed; with `party_id` it is about him alone."""
    found = [one for one in unconfirmed(work, loan.number) if party_id in (None, one.id)]
    if found:
        raise CoSignerNotConfirmed(loan.number, found)


def _matches(row: Verification | None) -> bool:
    return row is not None and is_match(row.verdict, row.answer)
