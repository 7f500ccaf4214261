"""What each page asks for. Who may do it says the table in `services/permissions.py`.

Pages of the staff alone ask for `use_desk` besides, those of borrowers alone for `use_own_pages`: see `web/visit.py`.
"""

from collections.abc import Callable
from typing import Any, Final, get_type_hints

from fastapi import Request

from models.staff import Role
from services.permissions import OPEN, TABLE, Action, require
from services.permitted_routes import Permitted, action_of
from web.visit import AnyVisit, BorrowerVisit, StaffVisit

PERMITTED: Final[Permitted] = {
    "static": OPEN,
    # Any other address: that there is no such page.
    "page": OPEN,
    "home": Action.SEE_LOANS,
    "permissions": Action.SEE_PERMISSIONS,
    # sign-in
    "sign_in": OPEN,
    "sign_in_staff": OPEN,
    "sign_in_borrower": OPEN,
    "sign_in_password": OPEN,
    "sign_in_provider": OPEN,
    "provider_answer": OPEN,
    "ask_mobile_code": OPEN,
    "mobile_code": OPEN,
    "enter_mobile_code": OPEN,
    # These go on with what the password began, and send everybody else back to it.
    "sign_in_code": OPEN,
    "enter_sign_in_code": OPEN,
    "new_password": OPEN,
    "choose_password": OPEN,
    "enrolment": OPEN,
    "enrol": OPEN,
    # one's own sign-in
    "sessions": Action.SEE_PUBLIC,
    "end_session": Action.SEE_PUBLIC,
    "end_other_sessions": Action.SEE_PUBLIC,
    "change_password": Action.SEE_PUBLIC,
    "new_recovery_codes": Action.USE_DESK,
    "give_token": Action.USE_DESK,
    "sign_out": OPEN,
    "language": OPEN,
    # search, values in full
    "search_loans": Action.SEARCH_CUSTOMERS,
    "reveal_value": Action.REVEAL_ACCOUNTS,
    # absences
    "absences": Action.SEE_ABSENCES,
    "enter_absence": Action.ENTER_ABSENCES,
    "call_off_absence": Action.ENTER_ABSENCES,
    # accounts, mandates
    "accounts": Action.SEE_PAYMENTS,
    "check_account": Action.KEEP_ACCOUNTS,
    "propose_account": Action.PROPOSE_ACCOUNTS,
    "judge_account": Action.DECIDE_ACCOUNTS,
    "my_mandate": Action.SEE_PAYMENTS,
    "mandate_code": Action.KEEP_ACCOUNTS,
    "mandate_signature": Action.KEEP_ACCOUNTS,
    # authorisations
    "authorisations": Action.SEE_LOANS,
    "my_authorisations": Action.SEE_LOANS,
    "authorise": Action.SPEAK_FOR,
    "take_authorisation_back": Action.SPEAK_FOR,
    "send_authorisation_link": Action.SPEAK_FOR,
    # A co-signer comes by his link, and signs nothing without the code that went to his mobile.
    "authorise_by_link": OPEN,
    "authorisation_code": OPEN,
    "authorisation_signature": OPEN,
    # the borrower's own loan
    "my_loans": Action.SEE_LOANS,
    "my_loan": Action.SEE_LOANS,
    "my_loan_stage": Action.SEE_LOANS,
    "acceptance": Action.SPEAK_FOR,
    "my_completion": Action.SPEAK_FOR,
    "withdrawal_page": Action.SPEAK_FOR,
    "withdrawal": Action.SPEAK_FOR,
    "prepayment_page": Action.PREPAY,
    "prepayment": Action.PREPAY,
    "my_second_look": Action.SPEAK_FOR,
    "second_look": Action.SPEAK_FOR,
    # changes to running loans
    "change_form": Action.PROPOSE_CHANGES,
    "propose_change": Action.PROPOSE_CHANGES,
    "my_deferral": Action.PROPOSE_DEFERRALS,
    "ask_for_deferral": Action.PROPOSE_DEFERRALS,
    "withdraw_change": Action.PROPOSE_CHANGES,
    # what the engine keeps
    "decode_payloads": Action.DECODE_PAYLOADS,
    # collateral, dealers
    "collateral": Action.SEE_LOANS,
    "my_collateral": Action.SEE_LOANS,
    "enter_evidence_page": Action.ENTER_EVIDENCE,
    "my_evidence_page": Action.ENTER_EVIDENCE,
    "enter_evidence": Action.ENTER_EVIDENCE,
    "enter_my_evidence": Action.ENTER_EVIDENCE,
    "review_evidence": Action.DECIDE_TASKS,
    "dealers": Action.SEE_DEALERS,
    "set_dealer": Action.KEEP_DEALERS,
    # contact with the borrower
    "contacts": Action.SEE_LOANS,
    "enter_reply": Action.ENTER_REPLIES,
    # documents, papers
    "documents": Action.READ_DOCUMENTS,
    "my_documents": Action.READ_DOCUMENTS,
    "hand_in_document": Action.HAND_IN_DOCUMENTS,
    "my_hand_in": Action.HAND_IN_DOCUMENTS,
    "decide_document": Action.DECIDE_TASKS,
    "document_picture": Action.OPEN_DOCUMENTS,
    "document_file": Action.OPEN_DOCUMENTS,
    "paper": Action.READ_DOCUMENTS,
    "order_paper": Action.ORDER_PAPERS,
    # early warnings
    "warnings": Action.SEE_WARNINGS,
    "warnings_file": Action.SEE_WARNINGS,
    # explanations, quotes
    "installment": Action.SEE_LOANS,
    "my_installment": Action.SEE_LOANS,
    "settlement": Action.SEE_LOANS,
    "my_settlement": Action.SEE_LOANS,
    "quotes": Action.SEE_LOANS,
    "my_quotes": Action.SEE_LOANS,
    "ask_quote": Action.SPEAK_FOR,
    "ask_my_quote": Action.SPEAK_FOR,
    # funds, ledger
    "funds": Action.SEE_FUNDS,
    "loan_funds": Action.SEE_FUNDS,
    "ledger": Action.SEE_FUNDS,
    "ledger_account": Action.SEE_FUNDS,
    "close_month": Action.CLOSE_MONTHS,
    # inbox, tasks
    "inbox": Action.SEE_TASKS,
    "inbox_rows": Action.SEE_TASKS,
    "together": Action.DECIDE_FOR_MANAGER,
    "approve_together": Action.DECIDE_FOR_MANAGER,
    "task": Action.SEE_TASKS,
    "task_offer": Action.SEE_TASKS,
    "claim": Action.DECIDE_TASKS,
    "ask_again": Action.DECIDE_TASKS,
    "release": Action.DECIDE_TASKS,
    "decision": Action.DECIDE_TASKS,
    "completion": Action.DECIDE_TASKS,
    "task_note": Action.DECIDE_TASKS,
    "propose_money": Action.DECIDE_FOR_FINANCE,
    "judge_money": Action.DECIDE_FOR_FINANCE,
    # limits
    "limits": Action.SEE_PUBLIC,
    "limit_form": Action.KEEP_LIMITS,
    "propose_limit": Action.KEEP_LIMITS,
    "decide_limit": Action.KEEP_LIMITS,
    # loans
    "loans": Action.SEE_LOANS,
    "loan": Action.SEE_LOANS,
    "loan_stage": Action.SEE_LOANS,
    # policies
    "policies": Action.SEE_POLICIES,
    # A case by its row.
    "backtest_cases": Action.SEE_LISTINGS,
    "policy_backtest": Action.SEE_POLICIES,
    "policy_version": Action.SEE_POLICIES,
    # It names the row by which each was decided.
    "policy_replay": Action.SEE_LISTINGS,
    "scorecard_report": Action.SEE_POLICIES,
    "draft_policy": Action.CHANGE_POLICIES,
    "run_policy_backtest": Action.CHANGE_POLICIES,
    "publish_policy": Action.CHANGE_POLICIES,
    "retire_policy": Action.CHANGE_POLICIES,
    # audit
    "audit": Action.READ_AUDIT,
    "audit_entry": Action.READ_AUDIT,
    "audit_file": Action.READ_AUDIT,
    "verifications": Action.READ_AUDIT,
    "verification": Action.READ_AUDIT,
    "prove_audit_log": Action.READ_AUDIT,
    "loan_audit": Action.READ_AUDIT,
    "replay_loan": Action.READ_AUDIT,
    "export_loan": Action.READ_AUDIT,
    # screening
    "screening": Action.SEE_LISTINGS,
    "entry_form": Action.KEEP_LISTINGS,
    "propose_entry": Action.KEEP_LISTINGS,
    "propose_removal": Action.KEEP_LISTINGS,
    "decide_entry": Action.KEEP_LISTINGS,
    # signing
    "signing": Action.SEE_LOANS,
    "signing_code": Action.SPEAK_FOR,
    "signature": Action.SPEAK_FOR,
    "acceptance_at_desk": Action.SPEAK_FOR,
}
"""By the name of the route. Whoever adds a page adds its line."""


def roles_of(name: str, endpoint: Callable[..., Any]) -> frozenset[Role] | None:
    """Who may open a page: None for everybody, signed in or not."""
    action = action_of(name, PERMITTED)
    if action is OPEN:
        return None
    visit = get_type_hints(endpoint, include_extras=True).get("visit")
    if visit == StaffVisit:
        return TABLE[action] & TABLE[Action.USE_DESK]
    if visit == BorrowerVisit:
        return TABLE[action] & TABLE[Action.USE_OWN_PAGES]
    return TABLE[action]


async def check_permitted(request: Request, visit: AnyVisit) -> None:
    """Refuses a request whose sender may not do what its address is for, before anything of the route runs.

    Raises NotSignedIn for a stranger, NotAllowed for everybody else.
    """
    action = action_of(request.scope["route"].name, PERMITTED)
    if action is not OPEN:
        require(visit.person, action)
