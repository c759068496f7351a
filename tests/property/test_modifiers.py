"""What changes a question is heeded or asked about, and what changes nothing changes no answer.

Words are put into questions of `tests/evals` that are answered: at the end, before the figure, before the name. To
pass over one that changes the meaning would be to answer another question than was asked.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest
from graded_questions import NOW, TENANTS, VOCABULARY, cases

from tenantry.runtime.asking.planner import plan
from tenantry.runtime.asking.plans import Answerable, Conversation
from tenantry.runtime.asking.question import Question

AT_THE_END = """
    except the top 3 | except for the largest | excluding weekends | excluding outliers | above $100
    below 50 dollars | over 1000 | of at least 100 | at most | at least | at best | for new customers
    of churned customers | for active customers only | from trial users | per employee | per seat | per hour
    per dollar | per transaction | before noon | after hours | at night | on weekdays | on Mondays | at peak
    in the worst month | in a typical month | in euros | in thousands | including tax | before tax
    net of refunds | after discounts | by region | by country | by team | by environment | by cohort
    in Europe | in us-east-1 | in production | since launch | cumulatively | as a moving average | smoothed
    seasonally adjusted | adjusted for inflation | as an index | relative to plan | against budget
    versus target | than expected | or not | if at all | unless idle | twice | times two | rounded | only half
    a third of it | not counting internal use | other than usual | for the first time | in a row
    every other week | sorted by name | alphabetically | plus overhead | minus credits | for the top decile
    for the median customer | and when | but not all | within quota | under contract | up to 100
    more than once | less often | without | not | no more | not yet | as usual | enough | almost | nearly
    mostly | partly | otherwise | most of the time | one by one | in the same week | in arrears | in part
    in kind | in cash | on credit | for free | between now and then | and so on | or so | versus | or thereabouts
    by then | but who knows | over there | under pressure | a year ago | and the like
"""
BEFORE_THE_FIGURE = """
    median | cumulative | half of the | a third of the | twice the | peak | maximum | minimum | highest daily
    typical | unpaid | overdue | budgeted | planned | fixed | variable | direct | indirect | idle | wasted
    unused | shared | marginal | one-time | taxable | discounted | reserved | spot | weekend | hourly
    nighttime | first-time | duplicate | successful | slow | internal | additional | extra | remaining
    missing | outstanding | estimated | normalised | standard deviation of | variance of | range of | rank of
    part of the | no | blended | annualised | lifetime | rolling | second highest | next | previous | other
    some | main | big | small | high | low | good | bad
"""
BEFORE_THE_NAME = """
    new | old | former | churned | inactive | paying | free | trial | European | other | small | big | half of
    a few of | two of the | neither | second largest | similar | same | previous | future | mostly | mainly
    at least | bigger | high | low | main | either
"""
IN_FRONT_FOR_NOTHING = """
    please | I'd like to know: | hey, | quick question: | for the board deck: | could you tell me | ok so
    sorry to bother you, | just curious, | for my own understanding: | good morning!
"""
AT_THE_END_FOR_NOTHING = """
    please | if you can | for the board deck | roughly speaking | thanks | thank you so much | if possible
    for me | when you have a minute | asap | before my meeting | as far as we know | by the way | just asking
    for a slide
"""
_FIGURE = re.compile(
    r"(?:^|\b(?:the|our|of|and|was|show|me|give|is|total) )"
    r"(?=(?:costs?|spend|spending|revenue|margins?|requests|errors?|active users|billed cost|list cost)\b(?! us\b))",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"\b(?:of|for|by|from|per|each|the|our|which|in|on|to) "
    rf"(?=(?:{'|'.join(TENANTS)}|pro|enterprise|tenants?|customers?|S3|search)\b)",
    re.IGNORECASE,
)
TIMES = """
    in October last year | from 5 to 11 October | between 5 October and 11 October | 1st to 7th of September
    on the first of May | in the month before last | since the first of May | in last year's October
    in the first six months of 2026 | last quarter | from last year's September through this year's August
    in the last month of Q3 | in 2025Q4 | in the first half of the year
"""
FILES = ("seventh.txt", "eleventh.txt", "sixteenth.txt", "eighteenth.txt", "twenty_second.txt")
TRIES = 8


def phrases(text: str) -> list[str]:
    return [
        " ".join(phrase.split())
        for line in text.splitlines()
        for phrase in line.split(" | ")
        if phrase.strip()
    ]


def questions_of(text: str) -> tuple[Question, ...] | None:
    """The questions that a text is answered as, where it is."""
    found = plan(text, VOCABULARY, Conversation(), NOW)
    return found.questions if isinstance(found, Answerable) else None


@pytest.fixture(scope="module")
def answered() -> dict[str, tuple[Question, ...]]:
    """Texts that begin a conversation and are answered, each with its questions."""
    texts = [case.text for name in FILES for case in cases(name) if case.begins]
    return {text: questions for text in texts if (questions := questions_of(text))}


def with_phrase(text: str, phrase: str, place: re.Pattern[str] | None) -> str | None:
    """The text with the phrase at its end or before the first word that fits; None where none does."""
    if place is None:
        return f"{text.rstrip(' ?.!')} {phrase}"
    found = place.search(text)
    return f"{text[: found.end()]}{phrase} {text[found.end() :]}" if found else None


@pytest.mark.parametrize(
    ("changing", "place"),
    [(AT_THE_END, None), (BEFORE_THE_FIGURE, _FIGURE), (BEFORE_THE_NAME, _NAME)],
    ids=["at the end", "before the figure", "before the name"],
)
def test_what_changes_a_question_is_not_passed_over(
    changing: str, place: re.Pattern[str] | None, answered: dict[str, tuple[Question, ...]]
):
    picked = random.Random(7)
    passed_over: list[str] = []
    for phrase in phrases(changing):
        for text, before in picked.sample([*answered.items()], TRIES):
            changed = with_phrase(text, phrase, place)
            if changed and questions_of(changed) == before:
                passed_over.append(changed)
    assert not passed_over


def kindly(phrases_in_front: str, phrases_at_the_end: str) -> Iterator[tuple[str, str]]:
    yield from ((f"{phrase} ", "") for phrase in phrases(phrases_in_front))
    yield from (("", f", {phrase}?") for phrase in phrases(phrases_at_the_end))
    yield from (("", f" {phrase}") for phrase in phrases(phrases_at_the_end))


def test_what_changes_nothing_changes_no_answer(answered: dict[str, tuple[Question, ...]]):
    picked = random.Random(7)
    for before, after in kindly(IN_FRONT_FOR_NOTHING, AT_THE_END_FOR_NOTHING):
        for text, questions in picked.sample([*answered.items()], TRIES):
            assert questions_of(f"{before}{text.rstrip(' ?.!')}{after}") == questions, (
                f"{before}{text}{after}"
            )


@pytest.mark.parametrize("time", phrases(TIMES))
def test_a_name_is_kept_beside_any_time(time: str):
    for name in ("oak-bank", "the enterprise tier", "ECR"):
        questions = questions_of(f"cost of {name} {time}")
        assert questions
        assert all(question.filters for question in questions)
