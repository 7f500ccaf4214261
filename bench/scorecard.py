"""How much a scorecard gives away to a model that nobody can read: both learn from the same simulated history."""

import json
import tempfile
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from bench.errors import BenchFailed
from bench.figures import Findings
from books.schema import migrate
from books.session import Books
from console.scorecard_figures import auc
from console.scorecard_history import put_history, simulated
from console.scorecard_learning import Learnt, learn
from console.scorecard_sample import Cases
from console.scorecard_training import NOT_INPUTS, column
from console.seed import load_products, seed
from lending.scorecard import Scorecard, is_refused
from models.staff import Actor, Role
from services.policy_names import facts_on_offer
from settings import Settings

NAME = "scorecard"
APPLICATIONS = 24_000
UNTIL = date(2026, 1, 5)
LEAST_SHARE = 0.95
"""Of the Gini of the gradient-boosted model, on the months that neither has seen."""
LEAST_ROWS = 2_000
LEAST_A_SECOND = 20_000
SEED = 1
TRIED: tuple[Mapping[str, Any], ...] = tuple(
    {"learning_rate": rate, "max_iter": rounds, "max_leaf_nodes": leaves, "min_samples_leaf": 60}
    for rate in (0.03, 0.06)
    for rounds in (100, 200, 300)
    for leaves in (3, 4, 6, 10)
)
"""Boosted models that are tried on the last fifth of what both learn from; the best of them learns from all of it."""
VALIDATED = 0.2


def measure() -> Findings:
    """Trains both on books with a simulated history, and compares them on the months kept back."""
    load_products(Settings())
    findings = Findings(NAME)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'books.db'}"
        migrate(url)
        books = Books(url)
        seed(books, Settings())
        began = time.perf_counter()
        filled = put_history(books, simulated(APPLICATIONS, UNTIL))
        note = f"{filled.paid_out:,} paid out, {filled.defaulted:,} defaulted"
        findings.add(
            f"to put {APPLICATIONS:,} past applications into the books", time.perf_counter() - began, "s", note=note
        )
        began = time.perf_counter()
        with books.read() as work:
            learnt = learn(work, Actor("risk-shen", Role.RISK), "micro", seed=SEED)
        findings.add("to train the scorecard from the books", time.perf_counter() - began, "s")
        books.close()
    card = 2 * auc(learnt.trained.model.points(learnt.held_out), learnt.held_out.bad) - 1
    boosted, settings = _boosted(learnt)
    note = f"{len(learnt.held_out):,} cases, {int(learnt.held_out.bad.sum()):,} defaults"
    findings.add("Gini of the scorecard, months kept back", card, note=note)
    findings.add("Gini of the gradient-boosted model, the same months", boosted, note=settings)
    findings.add("scorecard by boosted model", card / boosted, at_least=LEAST_SHARE)
    _compare_points(findings, learnt)
    return findings


def _boosted(learnt: Learnt) -> tuple[float, str]:
    """The Gini of the best boosted model on the months kept back, and how it was set."""
    facts = [
        fact
        for fact in facts_on_offer("scorecard-micro")
        if fact not in NOT_INPUTS and is_refused(fact) is None and fact in learnt.trained_on.facts[0]
    ]
    trained_on, held_out = _matrix(learnt.trained_on, facts), _matrix(learnt.held_out, facts)
    bad = learnt.trained_on.bad
    first = int(len(bad) * (1 - VALIDATED))

    def gini(settings: Mapping[str, Any], until: int, asked: NDArray[Any], came: NDArray[np.bool_]) -> float:
        model = HistGradientBoostingClassifier(random_state=SEED, early_stopping=False, **settings)
        model.fit(trained_on[:until], bad[:until])
        return 2 * auc(-model.predict_proba(asked)[:, 1], came) - 1

    best = max(TRIED, key=lambda settings: gini(settings, first, trained_on[first:], bad[first:]))
    told = (
        f"{best['max_leaf_nodes']} leaves, {best['max_iter']} rounds, rate {best['learning_rate']}; {len(TRIED)} tried"
    )
    return gini(best, len(bad), held_out, learnt.held_out.bad), told


def _matrix(cases: Cases, facts: list[str]) -> NDArray[np.float64]:
    """All facts as numbers; what is not known is missing to the model as it is to the card."""
    columns = (column(cases, fact, cases.known_by.get(fact, ())) for fact in facts)
    return np.column_stack([np.where(known, values.astype(np.float64), np.nan) for values, known in columns])


def _compare_points(findings: Findings, learnt: Learnt) -> None:
    """Points of the exported card beside those of the trained model, case by case."""
    card = Scorecard.parse(json.loads(json.dumps(learnt.content)))
    cases = [*learnt.trained_on.facts, *learnt.held_out.facts]
    if len(cases) < LEAST_ROWS:
        raise BenchFailed(f"only {len(cases):,} cases to compare points on")
    model = learnt.trained.model
    exact = np.concatenate([model.points(learnt.trained_on), model.points(learnt.held_out)]).tolist()
    began = time.process_time()
    points = [card.score(facts).points for facts in cases]
    taken = time.process_time() - began
    differing = sum(one != other for one, other in zip(points, exact, strict=True))
    findings.add(f"of {len(cases):,} cases with other points once exported", differing, at_most=0)
    findings.add("scores on one core, with reasons", len(cases) / taken, "/s", at_least=LEAST_A_SECOND)
