"""Every step of the loan's workflow and every act of the audit log has its sentence, in both languages."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio import workflow

from models.loans import Stage
from models.payments import PaymentStatus
from models.tasks import Outcome
from models.verification import Verdict
from services.timeline_acts import ACTS, act_words
from services.timeline_steps import ACT_OF
from services.timeline_words import NAMES, OUTCOMES, STEPS, TIMERS, Words, name, step_words
from tests.servers.shared import ROOT
from workflows import asking, loan

SOURCE = inspect.getsource(loan) + inspect.getsource(asking)
LOCAL = set(re.findall(r'"([a-z]+_[a-z_]+)", (?:order|AdvanceOrder|BooksOrder)', SOURCE))
ORDINARY = set(re.findall(r'(?:execute_activity\(|_bank\()\s*"([a-z_]+)"', SOURCE))
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def handlers(kind: str) -> set[str]:
    definition = workflow._Definition.must_from_class(loan.LoanWorkflow)
    return {one for one in getattr(definition, kind) if one is not None and not one.startswith("__")}


def test_every_step_of_the_workflow_has_its_sentence() -> None:
    assert {"advance_account", "grade_case", "record_decision"} <= LOCAL
    assert {"ask_register", "pay_out", "collect"} <= ORDINARY
    steps = {f"local.{one}" for one in LOCAL | set(ACT_OF)} | {f"activity.{one}" for one in ORDINARY}
    steps |= {f"update.{one}" for one in handlers("updates")} | {f"signal.{one}" for one in handlers("signals")}
    assert steps - STEPS.keys() == set()


def test_the_acts_of_local_activities_are_the_functions_that_they_call() -> None:
    calls = re.findall(r"def (\w+)\(self, order.*?once\(self\.books, order, \w+\.(\w+),", acts_source(), re.S)
    assert dict(calls) == ACT_OF


def acts_source() -> str:
    return (ROOT / "activities" / "loan.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("spellings", [Stage, Outcome, Verdict], ids=lambda one: one.__name__)
def test_every_spelling_that_a_sentence_quotes_has_its_word(spellings: type) -> None:
    assert {str(one) for one in spellings} - NAMES.keys() == set()  # type: ignore[attr-defined]  # each is an enum


def test_outcomes_of_payments_have_their_words() -> None:
    assert {PaymentStatus.DECLINED, PaymentStatus.PENDING} <= NAMES.keys()


def recorded_acts() -> Iterator[str]:
    """The acts about loans that services and engine write by name."""
    for room in ("services", "engine"):
        for file in sorted(Path(ROOT / room).glob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call) or len(node.args) < 3:
                    continue
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                act = node.args[2]
                about_loan = any(one.arg == "loan" for one in node.keywords)
                if called == "record" and about_loan and isinstance(act, ast.Constant):
                    yield str(act.value)


def test_every_act_about_a_loan_has_its_sentence() -> None:
    acts = set(recorded_acts())
    assert "case_graded" in acts
    assert {act for act in acts if act_words(act).en.startswith("Act of the audit log")} == set()


def test_sentences_are_in_both_languages_and_quote_the_same_figures() -> None:
    for code, words in [*STEPS.items(), *TIMERS.items(), *OUTCOMES.items(), *ACTS.items()]:
        assert CHINESE.search(words.zh), code
        assert not CHINESE.search(words.en), code
        assert set(re.findall(r"{\w+}", words.en)) == set(re.findall(r"{\w+}", words.zh)), code


def test_what_is_not_known_is_a_dash_and_what_has_no_sentence_keeps_its_name() -> None:
    assert step_words("activity.pay_out").with_figures({}).en == "Paid out through the bank: –, –"
    assert step_words("note.something_new").en == "The engine noted: something new"
    assert act_words("something_new").en == "Act of the audit log: something new"
    assert name("elsewhere") == Words("elsewhere", "elsewhere")
