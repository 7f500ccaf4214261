"""The words of signing in."""

from models.sign_in import SignInMethod
from web.language import marked

METHODS = {
    SignInMethod.PASSWORD: marked("By password"),
    SignInMethod.PROVIDER: marked("By the identity provider"),
    SignInMethod.SMS_CODE: marked("By a code to the mobile"),
    SignInMethod.DEMO: marked("As somebody of the demonstration"),
}
REFUSED = {
    "too_many_tries": marked(
        "Too many wrong tries. Wait a quarter of an hour. If it goes on, the wait grows to an hour and then to a day."
    ),
    "sign_in_refused": marked("No member of staff has this id and this password."),
    "sign_in_busy": marked("Many people are signing in at this moment. Try again in a few seconds."),
    "second_factor_needed": marked(
        "A token is for who signed in with a second factor. The identity provider did not say that you did."
    ),
    "second_factor_refused": marked("The authenticator shows another code now, or this one was used already."),
    "password_refused": marked(
        "Choose another password: at least twelve characters, your own id not among them, and nothing that anybody "
        "would guess first."
    ),
    "same_password": marked("Choose another password than the one that you have."),
    "not_repeated": marked("The two entries are not the same."),
    "wrong_password": marked("This is not your password."),
    "ill_formed_mobile": marked("A mobile number has eleven digits and begins with 1."),
    "sign_in_code_refused": marked(
        "This is not the code, or it is not good any more. After five wrong tries ask for a new one."
    ),
    "foreign_answer": marked(
        "The identity provider's answer was not to this browser, or came too late. Sign in again."
    ),
    "foreign_identity": marked(
        "The identity provider means somebody else by your id than at your first sign-in. If you have a new account "
        "there, an administrator lets you in again."
    ),
    "provider_refused": marked("The identity provider did not confirm who you are. Sign in again."),
    "provider_away": marked("The identity provider cannot be reached at the moment. Try again."),
}
"""Refusals of a sign-in, by their code."""
