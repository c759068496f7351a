"""A call that waits, or waited, for a person: what it would do, who proposed it, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ..errors import Kind, invalid
from ..kernel import AccessRole


class DecisionState(StrEnum):
    """`proposed`, then `approved` and so `acted` or `failed`; or `rejected`; or `expired`. Never back."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    ACTED = "acted"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Verdict(StrEnum):
    """What a person may say to a proposal."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True)
class Proposal:
    """A call that a person must say yes to. `tainted`: the arguments that an agent chose and nobody had typed.

    `digest` is SHA-256 over tool and arguments: yes is said to these and no others.
    """

    capability: str
    tool: str
    arguments: Mapping[str, Any]
    tainted: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        text = json.dumps([self.capability, self.tool, self.arguments], sort_keys=True)
        return sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Origin:
    """The run of agents in which a proposal was made, and its conversation."""

    run: int
    conversation: str


UNSETTLED = (DecisionState.PROPOSED, DecisionState.APPROVED)
"""Something will come of it yet."""


class Failure(BaseModel):
    """Why an act failed."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    message: Annotated[str, Field(description="what happened")]
    hint: Annotated[str, Field(description="what to do")]


class Decision(BaseModel):
    """A call that waits, or waited, for a person, and what became of it. Moments are UTC."""

    model_config = ConfigDict(frozen=True)

    id: int
    state: DecisionState
    capability: str
    tool: str
    arguments: Annotated[dict[str, Any], Field(description="exactly as it will be called")]
    digest: Annotated[
        str, Field(description="SHA-256 over tool and arguments: to be given back with the verdict")
    ]
    about: Annotated[str, Field(description="what the tool does, in words")]
    needs: Annotated[AccessRole, Field(description="the role that may decide, which may do it as well")]
    proposed_by: Annotated[str, Field(description="who asked, also where an agent proposed")]
    tenant_id: Annotated[str | None, Field(description="the only tenant that the call may touch; null: any")]
    why: Annotated[str, Field(description="the reason given; of an agent, what it had been asked")]
    agent: Annotated[str | None, Field(description="the specialist that proposed it; null: a person")]
    run: Annotated[int | None, Field(description="of the agent")]
    conversation: Annotated[str | None, Field(description="in which the agent proposed it")]
    tainted: Annotated[
        tuple[str, ...], Field(description="arguments that the agent chose and nobody had typed")
    ]
    proposed_at: str
    expires_at: Annotated[str, Field(description="from then on it cannot be approved")]
    decided_by: str | None
    decided_role: Annotated[AccessRole | None, Field(description="with which it is done")]
    decided_at: str | None
    note: Annotated[str, Field(description="of whoever decided")]
    ended_at: Annotated[str | None, Field(description="when it was over, in whichever way")]
    result: Annotated[Any, Field(description="what the tool returned")]
    problem: Annotated[Failure | None, Field(description="why it failed")]

    @property
    def what(self) -> str:
        return f"{self.capability}.{self.tool}"

    @property
    def over(self) -> bool:
        """Whether nothing will come of it any more."""
        return self.state not in UNSETTLED

    def said(self) -> str:
        """In a sentence, what became of it."""
        match self.state:
            case DecisionState.PROPOSED:
                rest = f"waits for a person until {self.expires_at[:16]}Z"
            case DecisionState.APPROVED:
                rest = f"was approved by {self.decided_by} and is not done yet"
            case DecisionState.ACTED:
                rest = f"was approved by {self.decided_by} and is done"
            case DecisionState.FAILED:
                why = self.problem.message if self.problem else "nobody knows why"
                rest = f"was approved by {self.decided_by} and failed: {why}"
            case DecisionState.REJECTED:
                rest = f"was rejected by {self.decided_by}" + (f": {self.note}" if self.note else "")
            case DecisionState.EXPIRED:
                rest = "expired before anybody decided"
        return f"decision {self.id}, {self.what}, {rest}"


def states_named(names: Collection[str]) -> list[DecisionState]:
    """Raises `invalid` for a name that is no state's."""
    if strange := [name for name in names if name not in [*DecisionState]]:
        raise invalid(f"no state {', '.join(strange)}", f"there are: {', '.join(DecisionState)}")
    return [DecisionState(name) for name in names]
