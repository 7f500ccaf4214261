"""What each address of the API asks for. Who may do it says the table in `services/permissions.py`."""

from typing import Final

from fastapi import Request

from models.staff import Actor
from services.permissions import OPEN, Action, require
from services.permitted_routes import Permitted, action_of

PERMITTED: Final[Permitted] = {
    "openapi": Action.SEE_PUBLIC,
    "show_permissions": Action.SEE_PERMISSIONS,
    # Signed by the bank, which has no key.
    "take_notice": OPEN,
    # Whoever asks for a token has none yet.
    "issue_token": OPEN,
    # absences
    "list_absences": Action.SEE_ABSENCES,
    "enter_absence": Action.ENTER_ABSENCES,
    "call_off_absence": Action.ENTER_ABSENCES,
    # accounts
    "list_accounts": Action.SEE_PAYMENTS,
    "check_account_again": Action.KEEP_ACCOUNTS,
    "propose_account": Action.PROPOSE_ACCOUNTS,
    "decide_account": Action.DECIDE_ACCOUNTS,
    "send_mandate_code": Action.KEEP_ACCOUNTS,
    "sign_mandate": Action.KEEP_ACCOUNTS,
    # applications, calculations
    "submit_application": Action.ENTER_APPLICATIONS,
    "compute_schedules": Action.CALCULATE,
    "compute_rates": Action.CALCULATE,
    # changes to running loans
    "propose_deferral": Action.PROPOSE_DEFERRALS,
    "propose_restructuring": Action.PROPOSE_RESTRUCTURINGS,
    "propose_rate_change": Action.PROPOSE_RATE_CHANGES,
    "propose_waiver": Action.PROPOSE_WAIVERS,
    "propose_fee": Action.PROPOSE_FEES,
    "propose_write_off": Action.PROPOSE_WRITE_OFFS,
    "propose_correction": Action.PROPOSE_CORRECTIONS,
    "list_changes": Action.SEE_LOANS,
    "withdraw_change": Action.PROPOSE_CHANGES,
    # audit
    "list_audit_entries": Action.READ_AUDIT,
    "download_audit_entries": Action.READ_AUDIT,
    "show_audit_entry": Action.READ_AUDIT,
    "list_audit_seals": Action.READ_AUDIT,
    "show_audit_chain": Action.READ_AUDIT,
    "prove_audit_log": Action.READ_AUDIT,
    "list_verifications": Action.READ_AUDIT,
    "show_verification": Action.READ_AUDIT,
    "show_loan_audit": Action.READ_AUDIT,
    "replay_loan": Action.READ_AUDIT,
    # what the engine keeps
    "decode_payloads": Action.DECODE_PAYLOADS,
    # collateral, dealers
    "show_collateral": Action.SEE_LOANS,
    "enter_registration": Action.ENTER_REGISTRATIONS,
    "enter_insurance": Action.SPEAK_FOR,
    "enter_release": Action.RELEASE_COLLATERAL,
    "review_evidence": Action.DECIDE_TASKS,
    "list_dealers": Action.SEE_DEALERS,
    "set_dealer": Action.KEEP_DEALERS,
    # commands of the borrower
    "accept_offer": Action.SPEAK_FOR,
    "complete_case": Action.SPEAK_FOR,
    "withdraw_loan": Action.SPEAK_FOR,
    "ask_for_a_person": Action.SPEAK_FOR,
    # documents, papers
    "list_documents": Action.READ_DOCUMENTS,
    "upload_document": Action.HAND_IN_DOCUMENTS,
    "decide_document": Action.DECIDE_TASKS,
    # Of what was handed in it asks for `open_documents` besides.
    "show_document": Action.READ_DOCUMENTS,
    "order_paper": Action.ORDER_PAPERS,
    # early warnings
    "list_early_warnings": Action.SEE_WARNINGS,
    "show_foresight": Action.SEE_WARNINGS,
    # ledger, funds
    "show_trial_balance": Action.SEE_FUNDS,
    "list_postings": Action.SEE_FUNDS,
    "list_months": Action.SEE_FUNDS,
    "close_month": Action.CLOSE_MONTHS,
    "add_rules": Action.KEEP_CHART,
    "list_reconciliations": Action.SEE_FUNDS,
    "show_reconciliation": Action.SEE_FUNDS,
    "list_funds_of_loan": Action.SEE_FUNDS,
    # limits
    "list_limits": Action.SEE_PUBLIC,
    "propose_row": Action.KEEP_LIMITS,
    "decide_on_limit": Action.KEEP_LIMITS,
    # loans
    "list_loans": Action.SEE_LOANS,
    "show_loan": Action.SEE_LOANS,
    "show_schedule": Action.SEE_LOANS,
    "show_settlement": Action.SEE_LOANS,
    "list_transactions": Action.SEE_PAYMENTS,
    "list_contacts": Action.SEE_LOANS,
    "enter_reply": Action.ENTER_REPLIES,
    "list_history": Action.SEE_LOANS,
    # policies
    "list_policies": Action.SEE_POLICIES,
    "list_versions": Action.SEE_POLICIES,
    "show_version": Action.SEE_POLICIES,
    "draft_version": Action.CHANGE_POLICIES,
    "run_backtest": Action.CHANGE_POLICIES,
    "publish_version": Action.CHANGE_POLICIES,
    "retire_version": Action.CHANGE_POLICIES,
    "compare_challenger": Action.SEE_POLICIES,
    "show_backtest": Action.SEE_POLICIES,
    # A case by its row.
    "list_changed_cases": Action.SEE_LISTINGS,
    # It names the row by which each was decided.
    "replay_decisions": Action.SEE_LISTINGS,
    # prepayments
    "quote": Action.SEE_LOANS,
    "settlement_figures": Action.SEE_LOANS,
    "prepay": Action.PREPAY,
    # screening
    "list_entries": Action.SEE_LISTINGS,
    "propose_listing": Action.KEEP_LISTINGS,
    "propose_unlisting": Action.KEEP_LISTINGS,
    "decide_on_listing": Action.KEEP_LISTINGS,
    # signing
    "list_signatures": Action.SEE_LOANS,
    "send_signing_code": Action.SPEAK_FOR,
    "sign_contract": Action.SPEAK_FOR,
    # tasks
    "list_tasks": Action.SEE_TASKS,
    "show_task": Action.SEE_TASKS,
    "claim_task": Action.DECIDE_TASKS,
    "release_task": Action.HAND_OUT_TASKS,
    "delegate_task": Action.HAND_OUT_TASKS,
    "decide_task": Action.DECIDE_TASKS,
    "decide_tasks": Action.DECIDE_FOR_MANAGER,
    # verification
    "list_authorisation_texts": Action.SEE_PUBLIC,
    "list_checks": Action.SEE_CHECKS,
    "ask_checks_again": Action.DECIDE_TASKS,
    "list_authorisations": Action.SEE_LOANS,
    "authorise": Action.SPEAK_FOR,
    "take_authorisation_back": Action.SPEAK_FOR,
    "send_authorisation_link": Action.SPEAK_FOR,
    # search, values in full
    "search_customers": Action.SEARCH_CUSTOMERS,
    "search_loans": Action.SEARCH_CUSTOMERS,
    "reveal_value": Action.REVEAL_ACCOUNTS,
    # webhooks
    "register_webhook": Action.REGISTER_WEBHOOKS,
    "list_webhooks": Action.SEE_WEBHOOKS,
    "remove_webhook": Action.KEEP_WEBHOOKS,
    "renew_webhook_secret": Action.KEEP_WEBHOOKS,
    "enable_webhook": Action.KEEP_WEBHOOKS,
    "test_webhook": Action.KEEP_WEBHOOKS,
    "list_deliveries": Action.SEE_WEBHOOKS,
    "replay_events": Action.KEEP_WEBHOOKS,
}
"""By the name of the route. Whoever adds a route adds its line."""


async def check_permitted(request: Request) -> None:
    """Refuses a request whose sender may not do what its address is for, before anything of the route runs."""
    action = action_of(request.scope["route"].name, PERMITTED)
    if action is OPEN:
        return
    actor: Actor = request.state.actor
    require(actor, action)
