"""Decisions on a loan made once more, for risk and auditors: whether they come out as they were kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from books.session import UnitOfWork
from services.policy_replay import (
    Replayed,
    ReplayedAnswer,
    all_agree,
    replay,
    replay_approvals,
    replay_looks,
)
from web import labels, pages
from web.addresses import Number
from web.context import WebContext
from web.language import Language
from web.policy_rows import answer_in_words, policy_title, steps_in_words
from web.visit import StaffVisit

router = APIRouter()


@dataclass(frozen=True)
class AskedAgain:
    """A policy that was asked again: what it said, and whether it says the same under the rules of its day."""

    name: str
    title: str
    version: str
    row: int | None
    said: tuple[str, ...]
    verdict: str
    agrees: bool


@router.get("/policies/replays/{number}", name="policy_replay")
def policy_replay(request: Request, visit: StaffVisit, number: Number) -> Response:
    """Each decision of the rules on a loan, and each approval, beside what comes of it now."""
    context: WebContext = request.app.state.context
    with context.books.read() as work:
        decisions, approvals = replay(work, visit.person, number), replay_approvals(work, visit.person, number)
        looks = replay_looks(work, visit.person, number)
        return pages.show(
            request,
            visit,
            "policy_replay.html",
            number=number,
            rounds=[(one, _steps(work, one, visit.language)) for one in decisions],
            differing_in=lambda one: _named(one.differing, visit.language),
            approvals=[_answer(one, visit.language) for one in approvals],
            looks=[_answer(one, visit.language) for one in looks],
            agrees=all_agree(decisions, approvals, looks),
        )


def _steps(work: UnitOfWork, found: Replayed, language: Language) -> list[AskedAgain]:
    told = steps_in_words(work, found.grading, language)
    return [
        AskedAgain(
            name=words.name,
            title=words.title,
            version=str(words.version),
            row=step.row,
            said=words.said,
            verdict=_verdict(step.differing, step.was_in_force, language),
            agrees=step.agrees,
        )
        for words, step in zip(told, found.steps, strict=True)
    ]


def _answer(found: ReplayedAnswer, language: Language) -> AskedAgain:
    name, _, number = found.label.rpartition("/")
    return AskedAgain(
        name=name,
        title=policy_title(name, language),
        version=number,
        row=found.row,
        said=answer_in_words(found.says, language),
        verdict=_verdict(found.differing, found.was_in_force, language),
        agrees=found.agrees,
    )


def _verdict(differing: Sequence[str], was_in_force: bool, language: Language) -> str:
    if differing:
        return language.say("differs in: %(outputs)s", outputs=_named(differing, language))
    return language.say("Yes") if was_in_force else language.say("this version was not in force")


def _named(outputs: Sequence[str], language: Language) -> str:
    return ", ".join(labels.label(one, "fact", language) for one in outputs)
