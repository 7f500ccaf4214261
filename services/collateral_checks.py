"""What the lender's own books say of a vehicle: its invoice, other loans on it, and whether its dealer is blocked."""

from dataclasses import replace

from books.customers import blind_index
from books.session import UnitOfWork
from models.collateral import SecurityFacts, VehicleInvoice
from models.loans import Loan
from models.products import LoanCase, Product
from services.documents_finding import InvoiceRead

INVOICE = "vehicle_invoice"


def with_security(work: UnitOfWork, product: Product, loan: Loan, case: LoanCase) -> LoanCase:
    """The case with what the books say of its collateral, for the facts of a secured product; others as they are."""
    if not product.is_secured:
        return case
    return replace(case, security=security_of(work, loan, case.form.get("dealer")))


def security_of(work: UnitOfWork, loan: Loan, dealer: str | None) -> SecurityFacts:
    """What the newest invoice that was read names as the price, whether other loans are on the vehicle, its dealer."""
    invoices = work.collateral.invoices(loan.number)
    amounts = [one.amount_fen for one in invoices if one.amount_fen is not None]
    return SecurityFacts(
        invoice_fen=amounts[-1] if amounts else None,
        is_elsewhere=bool(_elsewhere(work, loan, invoices)),
        dealer_blocked=dealer is not None and work.collateral.is_blocked(dealer),
    )


def elsewhere(work: UnitOfWork, loan: Loan) -> list[str]:
    """Other loans that have the vehicle of this one, or its invoice: found by index, whoever borrows."""
    return _elsewhere(work, loan, work.collateral.invoices(loan.number))


def _elsewhere(work: UnitOfWork, loan: Loan, invoices: list[VehicleInvoice]) -> list[str]:
    thing = work.collateral.thing(loan.number)
    if thing is None or thing.identifier_index is None:
        return []
    numbers = [one.number_index for one in invoices if one.number_index is not None]
    return work.collateral.elsewhere(loan.number, thing.identifier_index, numbers)


def keep_invoice(work: UnitOfWork, loan: Loan, document_id: str, read: InvoiceRead) -> list[str]:
    """Keeps what was read on an invoice; gives the other running loans on which the same invoice or vehicle stands."""
    row = VehicleInvoice(
        document_id=document_id,
        loan=loan.number,
        number=read.number,
        number_index=blind_index(read.number) if read.number else None,
        vin_index=blind_index(read.vin) if read.vin else None,
        amount_fen=read.amount_fen,
        dated=read.dated,
        read_at=work.now,
    )
    work.write(row)
    return elsewhere(work, loan)
