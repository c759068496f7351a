"""Conversations and verified questions, kept in the state store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, insert, select

from ...errors import Kind, TenantryError, invalid
from ...kernel import Principal
from ..state import State
from ..state.tables import ASKED, VERIFIED_QUESTION, moment
from .plans import Conversation
from .question import Question, Vocabulary

_TURNS = 10
"""Of a conversation, that a new question is read in the light of."""
_LONGEST_ID, _LONGEST_WORDS = 64, 500


class Memory:
    """What was asked before, and which choices were taken.

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


def _read(documents: Sequence[Mapping[str, Any]], vocabulary: Vocabulary, asked: str) -> list[Question]:
    """The forms that still can be asked: names and metrics may have gone since."""
    found: list[Question] = []
    for document in documents:
        try:
            found.append(Question.read(document, vocabulary, asked))
        except TenantryError:
            continue
    return found
