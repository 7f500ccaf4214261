"""Orders as pain.001 (transfer), pain.008 (direct debit) and camt.055 (recall).

Each is made from the order alone, without a clock: the same order gives the same message, byte for byte, under the
same message id, so that a bank sees a repetition for what it is.
"""

from datetime import date
from decimal import Decimal

from pyiso20022.camt.camt_055_001_08 import camt_055_001_08 as camt055
from pyiso20022.pain.pain_001_001_09 import pain_001_001_09 as pain001
from pyiso20022.pain.pain_008_001_09 import pain_008_001_09 as pain008
from xsdata.models.datatype import XmlDate, XmlDateTime

from gateways.bank_messages import DebitOrder, OwnAccount, TransferOrder
from gateways.errors import OrderUnsendable
from gateways.iso20022.entries import NOT_PROVIDED
from gateways.iso20022.writing import write
from models.statements import CURRENCY, LONGEST_REFERENCE

TRANSFER = "pain.001.001.09"
DEBIT = "pain.008.001.09"
RECALL = "camt.055.001.08"

CLEARING_SYSTEM = "CNAPS"
"""China's in ISO's external code list of clearing systems; its members have numbers of twelve digits."""
LOCAL_ACCOUNT = "BBAN"
"""ISO's external code for an account number that is no IBAN."""
PART_ALLOWED = "PART"
"""The agreed local instrument of a debit that may take a part of its amount; ISO 20022 has no code for it."""


def transfer(order: TransferOrder, own: OwnAccount) -> bytes:
    """A transfer as pain.001. Raises OrderUnsendable where the form does not admit what the order says."""
    _check_id("transfers", order.end_to_end_id)
    amount = _yuan(order.amount_fen)
    payment = pain001.CreditTransferTransaction34(
        pmt_id=pain001.PaymentIdentification6(instr_id=order.end_to_end_id, end_to_end_id=order.end_to_end_id),
        amt=pain001.AmountType4Choice(instd_amt=pain001.ActiveOrHistoricCurrencyAndAmount(value=amount, ccy=CURRENCY)),
        cdtr_agt=_bank001(order.to_bank) if order.to_bank is not None else None,
        cdtr=pain001.PartyIdentification135(nm=order.to_name),
        cdtr_acct=_account001(order.to_account),
        rmt_inf=pain001.RemittanceInformation16(ustrd=[order.purpose]) if order.purpose else None,
    )
    document = pain001.Document(
        cstmr_cdt_trf_initn=pain001.CustomerCreditTransferInitiationV09(
            grp_hdr=pain001.GroupHeader85(
                msg_id=order.end_to_end_id,
                cre_dt_tm=_made(order.value_date),
                nb_of_txs="1",
                ctrl_sum=amount,
                initg_pty=pain001.PartyIdentification135(nm=own.name),
            ),
            pmt_inf=[
                pain001.PaymentInstruction30(
                    pmt_inf_id=order.end_to_end_id,
                    pmt_mtd=pain001.PaymentMethod3Code.TRF,
                    nb_of_txs="1",
                    ctrl_sum=amount,
                    reqd_exctn_dt=pain001.DateAndDateTime2Choice(dt=XmlDate.from_date(order.value_date)),
                    dbtr=pain001.PartyIdentification135(nm=own.name),
                    dbtr_acct=_account001(own.number),
                    dbtr_agt=_bank001(own.clearing_code),
                    cdt_trf_tx_inf=[payment],
                )
            ],
        )
    )
    return write("transfers", document, TRANSFER)


def debit(order: DebitOrder, own: OwnAccount) -> bytes:
    """A direct debit as pain.008, with its mandate. Raises OrderUnsendable as `transfer` does."""
    _check_id("debits", order.end_to_end_id)
    amount = _yuan(order.amount_fen)
    mandate = None
    if order.mandate is not None:
        mandate = pain008.DirectDebitTransaction10(
            mndt_rltd_inf=pain008.MandateRelatedInformation14(
                mndt_id=order.mandate.mandate_id, dt_of_sgntr=XmlDate.from_date(order.mandate.signed_on)
            )
        )
    collection = pain008.DirectDebitTransactionInformation23(
        pmt_id=pain008.PaymentIdentification6(instr_id=order.end_to_end_id, end_to_end_id=order.end_to_end_id),
        instd_amt=pain008.ActiveOrHistoricCurrencyAndAmount(value=amount, ccy=CURRENCY),
        drct_dbt_tx=mandate,
        dbtr_agt=_bank008(order.from_bank),
        dbtr=pain008.PartyIdentification135(nm=order.from_name),
        dbtr_acct=_account008(order.from_account),
        rmt_inf=pain008.RemittanceInformation16(ustrd=[order.purpose]) if order.purpose else None,
    )
    part = pain008.PaymentTypeInformation29(lcl_instrm=pain008.LocalInstrument2Choice(prtry=PART_ALLOWED))
    document = pain008.Document(
        cstmr_drct_dbt_initn=pain008.CustomerDirectDebitInitiationV09(
            grp_hdr=pain008.GroupHeader83(
                msg_id=order.end_to_end_id,
                cre_dt_tm=_made(order.value_date),
                nb_of_txs="1",
                ctrl_sum=amount,
                initg_pty=pain008.PartyIdentification135(nm=own.name),
            ),
            pmt_inf=[
                pain008.PaymentInstruction37(
                    pmt_inf_id=order.end_to_end_id,
                    pmt_mtd=pain008.PaymentMethod2Code.DD,
                    nb_of_txs="1",
                    ctrl_sum=amount,
                    pmt_tp_inf=part if order.partial else None,
                    reqd_colltn_dt=XmlDate.from_date(order.value_date),
                    cdtr=pain008.PartyIdentification135(nm=own.name),
                    cdtr_acct=_account008(own.number),
                    cdtr_agt=_bank008(own.clearing_code),
                    drct_dbt_tx_inf=[collection],
                )
            ],
        )
    )
    return write("debits", document, DEBIT)


def recall(end_to_end_id: str, reason: str, value_date: date, own: OwnAccount) -> bytes:
    """The request to have a transfer back as camt.055, dated on the day on which the money is wanted."""
    _check_id("recall", end_to_end_id)
    lender = camt055.Party40Choice(pty=camt055.PartyIdentification135(nm=own.name))
    bank = camt055.Party40Choice(
        agt=camt055.BranchAndFinancialInstitutionIdentification6(
            fin_instn_id=camt055.FinancialInstitutionIdentification18(
                clr_sys_mmb_id=camt055.ClearingSystemMemberIdentification2(
                    clr_sys_id=camt055.ClearingSystemIdentification2Choice(cd=CLEARING_SYSTEM),
                    mmb_id=own.clearing_code,
                )
            )
        )
    )
    document = camt055.Document(
        cstmr_pmt_cxl_req=camt055.CustomerPaymentCancellationRequestV08(
            assgnmt=camt055.CaseAssignment5(id=end_to_end_id, assgnr=lender, assgne=bank, cre_dt_tm=_made(value_date)),
            undrlyg=[
                camt055.UnderlyingTransaction24(
                    orgnl_pmt_inf_and_cxl=[
                        camt055.OriginalPaymentInstruction34(
                            orgnl_pmt_inf_id=end_to_end_id,
                            tx_inf=[
                                camt055.PaymentTransaction109(
                                    cxl_id=end_to_end_id,
                                    orgnl_end_to_end_id=end_to_end_id,
                                    cxl_rsn_inf=[
                                        camt055.PaymentCancellationReason5(
                                            rsn=camt055.CancellationReason33Choice(prtry=reason[:35])
                                        )
                                    ],
                                )
                            ],
                        )
                    ]
                )
            ],
        )
    )
    return write("recall", document, RECALL)


def _check_id(operation: str, end_to_end_id: str) -> None:
    if not 0 < len(end_to_end_id) <= LONGEST_REFERENCE:
        raise OrderUnsendable(operation, f"the order's id has not 1 to {LONGEST_REFERENCE} characters")


def _yuan(amount_fen: int) -> Decimal:
    return Decimal(amount_fen).scaleb(-2)


def _made(on: date) -> XmlDateTime:
    return XmlDateTime(on.year, on.month, on.day, 0, 0, 0, offset=8 * 60)


def _account001(number: str) -> pain001.CashAccount38:
    return pain001.CashAccount38(
        id=pain001.AccountIdentification4Choice(
            othr=pain001.GenericAccountIdentification1(
                id=number, schme_nm=pain001.AccountSchemeName1Choice(cd=LOCAL_ACCOUNT)
            )
        )
    )


def _bank001(clearing_code: str) -> pain001.BranchAndFinancialInstitutionIdentification6:
    return pain001.BranchAndFinancialInstitutionIdentification6(
        fin_instn_id=pain001.FinancialInstitutionIdentification18(
            clr_sys_mmb_id=pain001.ClearingSystemMemberIdentification2(
                clr_sys_id=pain001.ClearingSystemIdentification2Choice(cd=CLEARING_SYSTEM), mmb_id=clearing_code
            )
        )
    )


def _account008(number: str) -> pain008.CashAccount38:
    return pain008.CashAccount38(
        id=pain008.AccountIdentification4Choice(
            othr=pain008.GenericAccountIdentification1(
                id=number, schme_nm=pain008.AccountSchemeName1Choice(cd=LOCAL_ACCOUNT)
            )
        )
    )


def _bank008(clearing_code: str | None) -> pain008.BranchAndFinancialInstitutionIdentification6:
    if clearing_code is None:
        unknown = pain008.GenericFinancialIdentification1(id=NOT_PROVIDED)
        return pain008.BranchAndFinancialInstitutionIdentification6(
            fin_instn_id=pain008.FinancialInstitutionIdentification18(othr=unknown)
        )
    return pain008.BranchAndFinancialInstitutionIdentification6(
        fin_instn_id=pain008.FinancialInstitutionIdentification18(
            clr_sys_mmb_id=pain008.ClearingSystemMemberIdentification2(
                clr_sys_id=pain008.ClearingSystemIdentification2Choice(cd=CLEARING_SYSTEM), mmb_id=clearing_code
            )
        )
    )
