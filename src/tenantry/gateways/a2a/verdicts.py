"""What agents proposed in a task, and a client's yes or no to it: the task waits for input as long as one waits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from a2a.helpers.proto_helpers import get_data_parts, get_text_parts
from a2a.types import Message, Task
from google.protobuf.json_format import MessageToDict
from pydantic import BaseModel, Field, ValidationError

from ...errors import Kind, TenantryError, invalid
from ...kernel import Principal
from ...runtime.asking.asking import AskAnswer, GoingOn, Listen
from ...runtime.decision import Decision, DecisionState, Verdict
from ...runtime.decisions import Decisions

_WORDS = re.compile(r"\s*(approve|reject)\s+([0-9a-f]{12,64})\b[\s:,.-]*(.*)", re.IGNORECASE | re.DOTALL)
_KEY = "decisions"


class Said(BaseModel):
    """As a message carries it: data of this form, or the words `approve DIGEST` or `reject DIGEST`."""

    verdict: Verdict
    digest: str = Field(pattern="^[0-9a-f]{12,64}$")
    note: str = ""


@dataclass(frozen=True)
class Verdicts:
    """Takes what principals decide, as the decisions' rules allow, and has their conversation go on."""

    decisions: Decisions
    going_on: GoingOn

    def taken(
        self, said: Said, numbers: Sequence[int], principal: Principal, conversation: str, listen: Listen
    ) -> AskAnswer:
        """What came of a decision among these, whoever decided on it, and what agents do next.

        Raises `not_found` where none has the digest, and what deciding raises.
        """
        held = [self.decisions.get(number, principal) for number in numbers]
        found = [one for one in held if one.digest.startswith(said.digest)]
        if len(found) != 1:
            raise TenantryError(
                Kind.NOT_FOUND, "no decision of this digest waits in this task", "see the task's last message"
            )
        (one,) = found
        if not one.over:
            self.decisions.decide(one.id, said.verdict, principal, digest=one.digest, note=said.note)
        return self.going_on(one.id, principal, conversation, listen)

    def waiting(self, numbers: Sequence[int], principal: Principal) -> list[Decision]:
        """Those of these that nobody has decided on."""
        held = [self.decisions.get(number, principal) for number in numbers]
        return [one for one in held if one.state is DecisionState.PROPOSED]


def verdict_of(decision: Decision) -> Verdict:
    """What was said to a decision that is over; one that expired was not approved."""
    approved = decision.state in {DecisionState.ACTED, DecisionState.FAILED}
    return Verdict.APPROVE if approved else Verdict.REJECT


def said_in(message: Message | None) -> Said | None:
    """The verdict in a message; None where it is a question. Raises `invalid` for data that are none."""
    if message is None:
        return None
    for data in get_data_parts(message.parts):
        if isinstance(data, Mapping) and "verdict" in data:
            try:
                return Said.model_validate(data)
            except ValidationError:
                raise invalid(
                    "that is no verdict", '{"verdict": "approve" or "reject", "digest": "...", "note": "..."}'
                ) from None
    found = _WORDS.match("\n".join(get_text_parts(message.parts)))
    if found is None:
        return None
    return Said(verdict=Verdict(found[1].lower()), digest=found[2].lower(), note=found[3].strip())


def numbers_of(task: Task) -> list[int]:
    """The decisions that a task asked for."""
    held: Any = MessageToDict(task.metadata).get(_KEY, [])
    return [int(number) for number in held]


def metadata_of(numbers: Sequence[int]) -> dict[str, Any]:
    """The decisions that a task asked for, to be kept with it."""
    return {_KEY: [str(number) for number in numbers]}  # a number of JSON is not exact


def asked_of(waiting: Sequence[Decision]) -> str:
    """What a person is asked, in words."""
    lines = [f"{one.what} {_arguments(one)}: approve {one.digest} or reject {one.digest}" for one in waiting]
    return "\n".join(["This waits for a yes or no:", *lines])


def _arguments(decision: Decision) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in decision.arguments.items())
