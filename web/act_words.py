"""What an audit entry says, in the visitor's language: its act, and why something was refused."""

from models.audit import AuditEntry
from services.permissions import MEANINGS, Action
from services.timeline_acts import ACTS
from web.language import Language, marked
from web.refusal_words import REFUSALS

OTHER_ACTS = {
    "absence_called_off": marked("An absence was called off"),
    "absence_entered": marked("An absence was entered"),
    "account_revised": marked("An account of the chart was revised"),
    "audit_verified": marked("Audit log and ledger were proved"),
    "backtest_exported": marked("Cases of a back-test were downloaded"),
    "behaviour_scored": marked("The loans of a month were scored by behaviour"),
    "client_added": marked("A machine was added"),
    "client_secret_added": marked("A machine was given a secret"),
    "customer_erased": marked("A customer's data was erased"),
    "customers_handed_over": marked("Customers were handed over to another agent"),
    "customers_searched": marked("Customers were searched"),
    "customers_searched_in_vain": marked("Customers were searched by a number that nobody has"),
    "day_reconciled": marked("A day was compared with the bank"),
    "dealer_blocked": marked("A dealer was blocked"),
    "dealer_unblocked": marked("A dealer was taken up again"),
    "decode_payloads": marked("What the engine keeps sealed was read"),
    "digests_under_new_key": marked("Digests were made under the newest key"),
    "history_simulated": marked("A made-up past was taken in"),
    "key_rotation_begun": marked("Values began to be sealed under another key"),
    "keys_rotated": marked("All values are sealed under the newest key"),
    "limit_decided": marked("A limit was decided on"),
    "limit_proposed": marked("A limit was proposed"),
    "limits_shipped": marked("Shipped limits were taken in"),
    "listing_decided": marked("An entry of the own list was decided on"),
    "listing_proposed": marked("An entry of the own list was proposed"),
    "listing_removal_proposed": marked("It was proposed to take an entry off the own list"),
    "listings_viewed": marked("The own list was looked at"),
    "loan_exported": marked("The evidence of a loan was exported"),
    "loan_inventoried": marked("All that there is of a loan was counted for its evidence"),
    "loan_replayed": marked("A loan's runs were executed again"),
    "money_unmatched": marked("Money came that belongs to no loan by itself"),
    "non_accrual_ruled": marked("The rule of when interest stops was changed"),
    "password_changed": marked("Somebody changed the own password"),
    "password_given": marked("Somebody was given a first password"),
    "period_closed": marked("A month was closed"),
    "personal_value_shown": marked("A masked value was shown in full"),
    "policy_backtested": marked("A version of the rules was back-tested"),
    "policy_drafted": marked("A version of the rules was drafted"),
    "policy_published": marked("A version of the rules was published"),
    "policy_retired": marked("A version of the rules was retired"),
    "provider_identity_forgotten": marked("Who somebody is at the identity provider was forgotten"),
    "provider_identity_kept": marked("Who somebody is at the identity provider was kept"),
    "provision_ruled": marked("A rate of provision was changed"),
    "recovery_code_used": marked("A recovery code was used"),
    "recovery_codes_renewed": marked("Recovery codes were renewed"),
    "refusals_counted": marked("More refusals of a minute, counted"),
    "ring_key_known": marked("A key was used for the first time"),
    "second_factor_enrolled": marked("An authenticator was enrolled"),
    "second_factor_given": marked("A second factor was given at a sign-in"),
    "second_factor_refused": marked("A second factor was refused"),
    "sessions_ended": marked("Sessions were ended"),
    "session_refused": marked("A session that is none, or none any more"),
    "sign_in_codes_allowed": marked("A borrower is sent codes to sign in again"),
    "sign_in_code_requested": marked("A code to sign in was asked for"),
    "sign_in_refused": marked("A sign-in was refused"),
    "signed_in": marked("Somebody signed in"),
    "staff_added": marked("A member of staff was added"),
    "staff_changed": marked("Somebody was given another role, team or scopes"),
    "staff_disabled": marked("An account was disabled"),
    "staff_enabled": marked("An account was enabled"),
    "staff_taken_over": marked("What somebody was when versions of it began"),
    "statement_refused": marked("A statement of the bank was refused"),
    "token_issued": marked("A token was made"),
    "token_refused": marked("A token was refused"),
    "warnings_exported": marked("Early warnings were downloaded"),
    "webhook_disabled": marked("An address to be told was disabled"),
    "webhook_enabled": marked("An address to be told was enabled again"),
    "webhook_registered": marked("An address to be told was registered"),
    "webhook_removed": marked("An address to be told was removed"),
    "webhook_replayed": marked("An address was to be told again"),
    "webhook_secret_renewed": marked("The secret of an address to be told was renewed"),
    "webhook_tested": marked("An address to be told was tried out"),
}
"""Acts that belong to no loan's story. What was refused has the words of the action that the table asks for."""


def act_in_words(entry: AuditEntry, language: Language) -> str | None:
    """What was done, or was to be done; None of an act that has no words."""
    spoken = 1 if language.code == "zh" else 0
    if known := ACTS.get(entry.act):
        return known.zh if spoken else known.en
    if other := OTHER_ACTS.get(entry.act):
        return language.say(other)
    action = (entry.after or {}).get("action")
    return MEANINGS[Action(action)][spoken] if action in set(Action) else None


def refusal_in_words(entry: AuditEntry, language: Language) -> str | None:
    """Why something was refused, where the entry, which is kept in English, is read in another language."""
    if not entry.refused or language.code == "en":
        return None
    code = (entry.after or {}).get("code") or (entry.reason or "").partition(":")[0]
    sentence = REFUSALS.get(str(code))
    return language.say(sentence) if sentence else None
