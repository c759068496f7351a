"""Another's agent that the vendor chose: how it is reached, what it is asked, and how long it may take and talk."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ...kernel import Effect
from ..named import read_named


class Agent(BaseModel):
    """`[a2a.NAME]`: an agent that speaks A2A 1.0, asked at a URL."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[str, Field(description="yours, that of the table")] = ""
    url: Annotated[
        str,
        Field(
            pattern=r"^(https://[^/?#@]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)(/[^?#]*)?$",
            description="before `/.well-known/agent-card.json`; https, or this machine. Nothing is sent anywhere else,"
            " whatever the card says",
        ),
    ]
    about: Annotated[
        str,
        Field(
            min_length=1,
            max_length=400,
            description="the questions that it answers, in your words: all that our agents are told of it",
        ),
    ]
    token: Annotated[
        SecretStr | None,
        Field(description="that it is asked with, from the environment only: `TENANTRY_A2A__NAME__TOKEN`"),
    ] = None
    effect: Annotated[
        Effect,
        Field(
            description="`read`: our agents ask it, in words that the person typed; `propose`: so do analysts;"
            " `act`: people alone ask it, with a yes to the very words"
        ),
    ] = Effect.READ
    cost_per_call: Annotated[
        Decimal | None, Field(ge=0, description="USD that a question costs, for our own books and limits")
    ] = None
    timeout_seconds: Annotated[
        float, Field(gt=0, le=600, description="for an answer; then the task is cancelled there")
    ] = 60
    max_reply_bytes: Annotated[
        int, Field(ge=1_000, description="of all that it sends for one question; more ends it")
    ] = 1_000_000


def read_agents(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Agent]:
    """The agents of `[a2a]` by name. Raises `invalid` with every problem."""
    return read_named(Agent, tables, "a2a")
