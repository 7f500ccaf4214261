"""What a person reads instead of a refusal's own sentence."""

from services.bulk_decisions import Cause
from web.language import marked
from web.sign_in_words import REFUSED

REFUSALS = {
    "not_signed_in": marked("Please sign in first."),
    "foreign_form": marked("This form has expired or was sent from another site. Open the page again and repeat."),
    "page_not_found": marked("There is no page at this address."),
    "idempotency_conflict": marked("This form was sent before with other content. Open the page again and repeat."),
    "personal_key": marked("The reference of this application names a person. Choose one that names nobody."),
    "personal_reason": marked("A reason stays in the log for good. Leave ID numbers, mobiles and cards out of it."),
    "done_meanwhile": marked("Somebody did the same at the same moment. Look at the result before you try again."),
    "form_too_large": marked("What was sent is too large for any of our forms. Shorten it and send it again."),
    "unknown_borrower": marked("No loan has this number and these four digits."),
    "unknown_link": marked("This link belongs to no open application. Ask whoever named you for a new one."),
    "not_ticked": marked("Tick first what you agree to."),
    "nothing_authorised": marked("There is no authorisation of this kind to take back."),
    "unknown_loan": marked("There is no such loan, or you may not see it."),
    "unknown_task": marked("There is no such task, or you may not see it."),
    "unknown_document": marked("There is no such document, or you may not see it."),
    "nothing_to_replay": marked("This loan has no run yet that could be executed again."),
    "not_sealed_yet": marked("The loan is at work at this moment. Export it again in a minute."),
    "day_to_come": marked("This day is not over yet. Ask for a day up to today."),
    "unknown_verification": marked("There is no such proof."),
    "proved_just_now": marked("The log was proved a moment ago. Look at that proof, or ask again in some minutes."),
    "engine_silent": marked("The system did not answer in time. Try again in a moment."),
    "unknown_audit_entry": marked("The audit log has no such entry."),
    "unknown_product": marked("The product of this loan is not loaded here. The operator has to load its module."),
    "person_erased": marked("The personal data of this customer was erased after the legal period."),
    "key_missing": marked("What is kept here cannot be opened: its key is missing. The operator has to put it back."),
    "seal_broken": marked("What is kept here is damaged or was tampered with. The operator has to look into it."),
    "not_allowed": marked("Your role may not do this."),
    "nothing_to_search": marked(
        "Search by two characters of a name, by pinyin, by a whole mobile or ID number, by the last four of either, or "
        "by the number of a loan."
    ),
    "too_many_searches": marked(
        "You searched very often within a minute, or by many numbers that nobody has. Wait a little."
    ),
    "reason_missing": marked("Say why you need to see it."),
    "too_many_documents_opened": marked(
        "You have opened as many documents within an hour as anybody may. Go on later."
    ),
    "too_many_reveals": marked("You have seen as many values within an hour as anybody may. Go on later."),
    "own_case": marked("You entered this application, so another person must decide it."),
    "own_customer": marked("You look after this customer, so another person must decide it."),
    "own_approval": marked(
        "You, or the one you stand in for, gave the first approval. Another person gives the second."
    ),
    "too_many_documents": marked("This loan has as many documents as it may have."),
    "nothing_doubtful": marked("This document is not in doubt, or somebody has decided on it before."),
    "documents_incomplete": marked("A document is missing or not read yet. Until it is there, only risk may approve."),
    "answers_expired": marked("Answers of registers are past their days. Have them asked again, or leave it to risk."),
    "nothing_to_ask": marked("Every answer of the registers is within its days, so none is asked again."),
    "above_authority": marked("This is more than you may approve. See who may approve how much, or approve less."),
    "facts_for_law_missing": marked(
        "The case lacks facts that the rules ask for, so nobody can tell what the law says of it. Send it back, so "
        "that it is graded anew."
    ),
    "closed_by_law": marked("The law forbids this loan, so nobody may approve it. Refuse it, or send it back."),
    "not_simple": marked("This case is not simple. Decide it on its own."),
    "no_automatic_refusal": marked("A person has decided on this application already."),
    "too_late_to_ask": marked("The days in which people could be asked to look at it are over. You can apply anew."),
    "invalid_absence": marked("This absence cannot be entered: look at who is away, and when."),
    "deputy_away": marked("In that time this deputy is away himself and his work goes back. Name another one."),
    "unknown_absence": marked("There is no such absence, or it is over."),
    "task_closed": marked("This task is done already."),
    "task_taken": marked("A colleague has taken this task."),
    "proposal_pending": marked("A proposal waits for a second person. Confirm or refuse it first."),
    "nothing_proposed": marked("Nothing is proposed that could be confirmed or refused."),
    "own_proposal": marked("You proposed this, so another person must confirm it."),
    "refund_impossible": marked("The bank did not say whose account the money came from, so it cannot be sent back."),
    "change_pending": marked("A change of this loan waits for its decision already."),
    "change_stale": marked("The loan has moved on since this was proposed. Refuse it, or have it proposed anew."),
    "change_closed": marked("This proposal does not wait for a decision any more."),
    "unknown_change": marked("There is no such proposal."),
    "own_change": marked("You proposed this or have agreed to it, so another person must decide it."),
    "beyond_authority": marked("Nobody here may decide so much."),
    "invalid_change": marked("This change cannot be made: look at what is asked for, and at where the loan stands."),
    "loan_in_trouble": marked("The loan waits for help. Ask again when it goes on."),
    "debit_under_way": marked("A debit of this loan is under way. Ask again when it is done."),
    "conditions_not_met": marked(
        "Nothing is paid out yet: something about the vehicle is missing, or a document has to be looked at or handed "
        "in again first."
    ),
    "invalid_contact": marked("This cannot be entered: see the marked fields."),
    "invalid_evidence": marked("This does not prove what is asked for. See the marked fields."),
    "nothing_asked": marked("This is not asked for, or a proof of it is there already."),
    "unknown_evidence": marked("There is no such proof."),
    "evidence_reviewed": marked("This proof was confirmed or refused before."),
    "own_evidence": marked("You entered this proof, so another person must confirm it."),
    "invalid_dealer": marked("Name the dealer as the vehicle register spells it, and say why."),
    "not_signed": marked("Not everybody has signed the contract yet."),
    "contract_not_ready": marked("The contract is being made. Try again in a moment."),
    "already_signed": marked("This person has signed already."),
    "shared_mobile": marked("Two who sign have the same mobile. Each signs with a code on his own."),
    "identity_not_confirmed": marked(
        "The identity register has not confirmed that name, ID number and mobile belong together. No code is sent."
    ),
    "co_signer_not_confirmed": marked(
        "The identity register has not confirmed who the co-signer is: the case cannot be approved with him, and no "
        "code is sent. Have him authorise it and send the case back, so that the register is asked again, or apply "
        "with the right data."
    ),
    "payees_changed": marked("The payees would not receive what was signed. Nothing is paid out."),
    "other_terms": marked("The newest terms are not those that were signed. Nothing is paid out under them."),
    "too_many_codes": marked("A code was sent a moment ago. Look at the messages, or wait a minute."),
    "other_document": marked("The contract has changed. Read it and have a new code sent."),
    "ill_formed_code": marked("A code has six digits."),
    "wrong_code": marked("That is not the code that was sent. After five wrong tries a new one is needed."),
    "code_expired": marked("This code is not good any more. Have a new one sent."),
    "code_used_up": marked("The code was entered wrongly too often. Have a new one sent."),
    "unknown_party": marked("This person does not sign this contract."),
    "paper_not_ready": marked("This paper is being made. Look again in a moment."),
    "too_many_papers": marked("This loan has as many papers as it may have."),
    "invalid_paper": marked("This paper cannot be made as asked for."),
    "not_printable": marked("This paper holds a sign that the font lacks. It has to be made by hand."),
    "nothing_to_sign": marked("The loan has no approved terms, so there is no contract."),
    "wrong_stage": marked("The loan has moved on, and this is not possible any more."),
    "invalid_decision": marked("The decision is not complete. See the marked fields."),
    "invalid_prepayment": marked("This prepayment cannot be taken: one is under way already, or nothing is left."),
    "too_many_quotes": marked("This loan has as many quotes as may hold at once. Use one of them."),
    "unknown_installment": marked("The loan has no such installment."),
    "rate_not_published": marked(
        "The rate that this loan follows is not published yet. Risk enters it with the limits."
    ),
    "invalid_terms": marked("No schedule can be made of this. Look at amount, term and rate."),
    "invalid_event": marked("This cannot be booked on the loan as it stands."),
    "invalid_offer": marked("No quote can be made of this. Look at the day and the amount."),
    "nothing_to_prepay": marked("Nothing is left that could be paid."),
    "prepayment_declined": marked("The bank declined the prepayment. Nothing was taken from the account."),
    "outcome_unknown": marked("The bank has not answered yet. The prepayment is booked as soon as it does."),
    "loan_not_running": marked("The loan takes no orders now: it has just been entered, or it is closed."),
    "engine_busy": marked("Too many orders to this loan at once. Try again in a moment."),
    "engine_unavailable": marked("The system did not answer in time. Look at the loan before you try again."),
    "offer_over": marked("The last day of the offer has passed. You can apply anew."),
    "decision_unknown": marked("Something broke on our side. Look at the loan before you decide it again."),
    "books_unavailable": marked("The books did not answer. Try again in a moment."),
    "invalid_month": marked("A month is written with year and month, such as 2026-01."),
    "period_not_over": marked("This month is not over yet; it can be closed from the day after its last."),
    "period_closed": marked("This month is closed already, or nothing was ever booked in it."),
    "earlier_period_open": marked("An earlier month is still open. Close it first."),
    "month_end_outstanding": marked("The end of this month is not posted for every loan yet. Try again when it is."),
    "unknown_ledger_account": marked("The chart of accounts has no such account."),
    "invalid_period": marked("A period begins before it ends and has at most a year."),
    "consent_missing": marked(
        "The guarantors have not agreed to this, and would not answer for it. Have it proposed anew with their consent."
    ),
    "cost_above_cap": marked(
        "The loan would cost more a year than the rule in force allows. Both figures stand beside the decision."
    ),
    "entrusted_payment_required": marked(
        "So much money may not go to the borrower's own card: the payee must be named and is paid directly."
    ),
    "payout_does_not_add_up": marked(
        "The payees of this product would not receive exactly what is lent. The product's module must be corrected."
    ),
    "no_rule_in_force": marked("No rule of the law is recorded for this product and day, so it cannot be allowed."),
    "account_not_verified": marked("The account is not checked yet. Try again in a moment."),
    "account_refused": marked("The account does not belong to the borrower or is closed. Another one is needed."),
    "too_many_checks": marked("The account was checked too often today. Ask again tomorrow."),
    "no_mandate": marked("No mandate to debit the account is in force. Transfer the money, or have a mandate signed."),
    "no_mandate_paper": marked("No mandate waits for a signature."),
    "invalid_account": marked("The account cannot be taken: look at its digits, and at the consent or confirmation."),
    "unknown_account_party": marked("Nobody of this id has an account in this loan."),
    "account_in_use": marked("Money may be on its way to or from this account. Wait for the bank's answer."),
    "account_change_pending": marked("A change of account waits for its decision already."),
    "unknown_policy": marked("There is no such policy, version or back-test."),
    "invalid_limit": marked("This row cannot be: see the marked fields."),
    "limit_repeated": marked("This very row is in force, or one of its day and scope waits for a decision already."),
    "unknown_limit": marked("There is no such row."),
    "limit_decided": marked("Somebody has decided on this row already. Propose a new one to correct it."),
    "own_limit": marked("You proposed this row, so another person of risk must decide it."),
    "invalid_listing": marked("This entry cannot be: see the marked fields."),
    "listed_already": marked("The same is on the list, or waits for a decision already."),
    "unknown_listing": marked("There is no such entry on the list."),
    "listing_decided": marked("Nothing about this entry waits for a decision now."),
    "own_listing": marked("You proposed this, so another person of risk must decide on it."),
    "own_policy": marked("You drafted this version, so another person of risk must publish it."),
    "policy_not_ready": marked("This version cannot do this now: look at its problems, its back-tests and its state."),
    "invalid_publication": marked("Look at the day, the share and the reason, and at whether the rules are JSON."),
    "invalid_backtest_period": marked("Nobody applied in this period, or it ends before it begins."),
    "policy_without_past": marked(
        "Nothing past can be asked about this kind of policy, so it is published without a back-test."
    ),
    "invalid_policy": marked("These rules cannot be used. Look at their problems."),
    "policy_without_answer": marked("The rules in force have no answer for this case. Risk has to add a row."),
    "facts_incomplete": marked("The rules ask for a fact that this case does not have."),
    "scorecard_without_figures": marked("This scorecard was not trained on cases, so there are no figures to report."),
    "backtest_running": marked("Another back-test is running. Try again when it is done."),
    "payee_unknown": marked("The register names no account to pay to. Send the case back and have it asked again."),
    **REFUSED,
}
"""Refusals by their code. One without a sentence here is shown in its own English words."""
NO_AUTHORITY = marked("You may not approve this case, whatever the amount. See who may, and why.")
"""Instead of that of `above_authority`, where no smaller amount helps."""
NOT_SIMPLE = {
    Cause.OTHER_DECISION: marked("Only applications are approved together. Decide it on its own."),
    Cause.NOT_THE_WHOLE: marked(
        "The grade does not allow the whole amount, or a second person is asked. Decide it on its own."
    ),
    Cause.DOCUMENTS: marked("A document is missing, not read yet or in doubt. Decide it on its own."),
    Cause.EXPIRED: marked("Answers of registers are past their days. Have them asked again on its page."),
    Cause.LISTED: marked("Somebody of it is on a list, or may be. Decide it on its own."),
    Cause.RULES: marked("The rules of authority do not call this case simple. Decide it on its own."),
}
"""Instead of that of `not_simple`: why."""
