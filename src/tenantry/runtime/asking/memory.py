"""Conversations and verified questions, kept in the state store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, delete, func, insert, select

from ...errors import Kind, TenantryError, invalid
from ...kernel import Principal
from ..state import State
from ..state.tables import ASKED, SHOWN_ANSWER, VERIFIED_QUESTION, moment
from .plans import Begun, Conversation
from .question import Question, Vocabulary

_TURNS = 10
"""Of a conversation, that a new question is read in the light of."""
_LISTED = 50
_LONGEST_ID, _LONGEST_WORDS = 64, 500


class Memory:
    """What was asked before, what was shown, and which choices were taken.

    A conversation is its principal's alone; a choice counts for all who see what the one saw who took it.
    """

    def __init__(self, state: State, now: Callable[[], datetime]) -> None:
        self._state = state
        self._now = now

    def conversation(
        self, name: str | None, principal: Principal, vocabulary: Vocabulary
    ) -> tuple[str, Conversation]:
        """The conversation of that name as it stands, or a new one, and its name.

        Raises `not_found` for somebody else's.
        """
        if name is None:
            return uuid4().hex, Conversation(verified=self._verified(principal))
        if not 0 < len(name) <= _LONGEST_ID:
            raise invalid(
                f"a conversation's name has 1 to {_LONGEST_ID} characters", "give the one of the answer"
            )
        newest = select(ASKED).where(ASKED.c.conversation == name).order_by(ASKED.c.sequence.desc())
        with self._state.read() as connection:
            turns = list(connection.execute(newest.limit(_TURNS)).mappings())[::-1]
        if any((t["principal"], t["tenant_id"]) != (principal.name, principal.tenant_id) for t in turns):
            raise TenantryError(
                Kind.NOT_FOUND, f"no conversation {name!r} of yours", "leave it out to begin one"
            )
        questions = [q for t in turns for q in _read(t["forms"], vocabulary, t["question"])]
        choices = _read(turns[-1]["choices"], vocabulary, turns[-1]["question"]) if turns else []
        return name, Conversation(tuple(questions), tuple(choices), self._verified(principal))

    def keep(
        self,
        name: str,
        principal: Principal,
        question: str,
        outcome: str,
        forms: Sequence[Question],
        choices: Sequence[Question],
    ) -> None:
        """Write down a turn."""
        row = {
            "conversation": name,
            "principal": principal.name,
            "tenant_id": principal.tenant_id,
            "at": moment(self._now()),
            "question": question,
            "outcome": outcome,
            "forms": [one.document() for one in forms],
            "choices": [one.document() for one in choices],
        }
        with self._state.begin() as connection:
            connection.execute(insert(ASKED).values(**row))

    def show(self, principal: Principal, answer: Mapping[str, Any]) -> None:
        """Write down the document of an answer, as it was shown."""
        row = {
            "conversation": answer["conversation"],
            "principal": principal.name,
            "tenant_id": principal.tenant_id,
            "at": moment(self._now()),
            "question": answer["question"],
            "answer": answer,
        }
        with self._state.begin() as connection:
            connection.execute(insert(SHOWN_ANSWER).values(**row))

    def shown(self, name: str, principal: Principal) -> list[dict[str, Any]]:
        """A conversation's answers as they were shown, in their order. Raises `not_found` for one that is not this
        principal's.
        """
        of = _mine(principal) & (SHOWN_ANSWER.c.conversation == name)
        with self._state.read() as connection:
            found = list(
                connection.execute(
                    select(SHOWN_ANSWER.c.answer).where(of).order_by(SHOWN_ANSWER.c.sequence)
                ).scalars()
            )
        if not found:
            raise TenantryError(Kind.NOT_FOUND, f"no conversation {name!r} of yours", "begin one")
        return found

    def begun(self, principal: Principal) -> list[Begun]:
        """This principal's newest conversations, the newest first."""
        table = SHOWN_ANSWER.c
        spans = (
            select(
                func.min(table.sequence).label("first"),
                func.max(table.sequence).label("last"),
                func.max(table.at).label("at"),
                func.count().label("answers"),
            )
            .where(_mine(principal))
            .group_by(table.conversation)
            .order_by(func.max(table.sequence).desc())
            .limit(_LISTED)
            .subquery()
        )
        newest = (
            select(table.conversation, table.question, spans.c.at, spans.c.answers)
            .join(spans, table.sequence == spans.c.first)
            .order_by(spans.c.last.desc())
        )
        with self._state.read() as connection:
            return [Begun(*row) for row in connection.execute(newest)]

    def verify(self, principal: Principal, words: str, metric: str) -> None:
        """Remember which metric was chosen for a question's words; the newest choice holds."""
        row = {
            "scope": principal.tenant_id or "",
            "words": words[:_LONGEST_WORDS],
            "metric": metric,
            "principal": principal.name,
            "at": moment(self._now()),
        }
        key = (VERIFIED_QUESTION.c.scope == row["scope"]) & (VERIFIED_QUESTION.c.words == row["words"])
        with self._state.begin() as connection:
            connection.execute(delete(VERIFIED_QUESTION).where(key))
            connection.execute(insert(VERIFIED_QUESTION).values(**row))

    def _verified(self, principal: Principal) -> Mapping[str, str]:
        of = VERIFIED_QUESTION.c.scope == (principal.tenant_id or "")
        with self._state.read() as connection:
            rows = connection.execute(select(VERIFIED_QUESTION).where(of))
            return {row.words: row.metric for row in rows}


def _mine(principal: Principal) -> ColumnElement[bool]:
    of = SHOWN_ANSWER.c
    return (of.principal == principal.name) & (of.tenant_id.is_not_distinct_from(principal.tenant_id))


def _read(documents: Sequence[Mapping[str, Any]], vocabulary: Vocabulary, asked: str) -> list[Question]:
    """The forms that still can be asked: names and metrics may have gone since."""
    found: list[Question] = []
    for document in documents:
        try:
            found.append(Question.read(document, vocabulary, asked))
        except TenantryError:
            continue
    return found
