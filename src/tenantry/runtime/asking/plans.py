"""What a question comes to before it is worked out: answered, asked back or refused; and the conversation it is of."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field

from .lexicon import ROWS
from .question import Question


@dataclass(frozen=True)
class Answerable:
    """What to answer: one question, or several that were asked in one. `notes` say what was read into the words;
    `confidence` orders plans by how much that was: 1 where every word stood there.
    """

    questions: tuple[Question, ...]
    notes: tuple[str, ...] = ()
    confidence: float = 1.0


@dataclass(frozen=True)
class Unclear:
    """What might be meant, likeliest first; at most three."""

    choices: tuple[Question, ...]
    reason: str


@dataclass(frozen=True)
class Unanswerable:
    """Why it is not answered, and what is."""

    reason: str
    can: tuple[str, ...] = ()


Plan = Answerable | Unclear | Unanswerable
Guess = Callable[[str], Sequence[str]]
"""The figures that masked words are likely about, likeliest first; none where they are about something else."""


@dataclass(frozen=True)
class Conversation:
    """What was asked before, newest last, and the choices that were offered last."""

    questions: tuple[Question, ...] = ()
    choices: tuple[Question, ...] = ()
    verified: Mapping[str, str] = field(default_factory=dict[str, str])
    """By the masked words of a question, the metric that somebody chose for them."""


@dataclass(frozen=True)
class Begun:
    """A conversation: what began it, when it was last gone on with (UTC), and how many answers it has."""

    conversation: str
    question: str
    at: str
    answers: int


def abilities(metrics: Container[str]) -> tuple[str, ...]:
    """What can be asked where these metrics are known, in words."""
    return tuple(row.says for name, row in ROWS.items() if row.says and name in metrics)
