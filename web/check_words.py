"""A check and its rule in words."""

from models.verification import BORROWER, CheckName, RegisterRule, WhenDown
from web import labels
from web.language import Language


def register_rule(rule: RegisterRule, language: Language) -> str:
    """The rule of a check in words: how long its answer is good, and what happens while there is none."""
    if rule.valid_days == 0:
        valid = language.say("Asked every time")
    elif rule.valid_days == 1:
        valid = language.say("Good for its day alone")
    else:
        valid = language.say("Good for %(days)s days", days=str(rule.valid_days))
    match rule.when_down:
        case WhenDown.WAIT:
            if rule.wait_days == 1:
                down = language.say("if it is down, waited for one business day")
            else:
                down = language.say("if it is down, waited for %(days)s business days", days=str(rule.wait_days))
        case WhenDown.PERSON:
            down = language.say("if it is down, a person is asked")
        case _:
            down = language.say("if it is down, the case goes on with a mark")
    return f"{valid}{'；' if language.code == 'zh' else '; '}{down}"


def check(name: str, language: Language) -> str:
    """A check in words: the register, and whom it is about where that is not the borrower."""
    parsed = CheckName.parse(name)
    register = labels.label(parsed.register, "check", language)
    if parsed.party == BORROWER:
        return register
    role, _, nth = parsed.party.partition("-")
    party = labels.label(role, "party", language) + (f" {nth}" if nth else "")
    return language.say("%(register)s: %(party)s", register=register, party=party)
