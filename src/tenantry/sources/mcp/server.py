"""A server of the vendor's choice that speaks MCP: how it is reached, and what of it may be called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from ...kernel import Effect
from ..named import read_named

_SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|PRIVATE|API_?KEY", re.IGNORECASE)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class AllowedTool(_Table):
    """`[mcp.NAME.tools.TOOL]`: a tool of the server that may be called. One that is not listed may not."""

    effect: Annotated[
        Effect,
        Field(
            description="`read`: agents call it; `propose`: they do where the person typed what it is about, else it"
            " waits for a yes; `act`: it waits for a yes to the very arguments, whoever asks for it. What the server"
            " says of it does not count",
        ),
    ]
    cost_per_call: Annotated[
        Decimal | None, Field(ge=0, description="USD that a call costs, for our own books and limits")
    ] = None
    about: Annotated[
        str,
        Field(
            max_length=4_000,
            description="what it answers and what it takes, in your words: all that agents are told. Words of its"
            " replies that stand here are seen by agents, others stand behind handles",
        ),
    ] = ""


class Server(_Table):
    """`[mcp.NAME]`: a server that speaks MCP, started by a command or asked at a URL."""

    name: Annotated[str, Field(description="yours, that of the table")] = ""
    command: Annotated[
        str, Field(description="the program, which speaks on its standard input and output")
    ] = ""
    args: Annotated[tuple[str, ...], Field(description="of the program")] = ()
    env: Annotated[
        dict[str, str], Field(description="variables that the program gets besides `PATH`; no secrets")
    ] = {}
    pass_env: Annotated[
        tuple[str, ...],
        Field(description="variables of our own environment that the program gets, such as `AWS_PROFILE`"),
    ] = ()
    url: Annotated[
        str | None,
        Field(
            pattern=r"^(https://[^/?#@]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/|$))",
            description="where it is asked over streamable HTTP; https, or this machine",
        ),
    ] = None
    token: Annotated[
        SecretStr | None,
        Field(
            description="that the URL is asked with, from the environment only: `TENANTRY_MCP__NAME__TOKEN`"
        ),
    ] = None
    about: Annotated[str, Field(max_length=200, description="the question that it answers, for agents")] = ""
    timeout_seconds: Annotated[
        float, Field(gt=0, le=600, description="to wait for it to start, and for a reply")
    ] = 60
    idle_seconds: Annotated[
        float,
        Field(ge=0, le=86_400, description="for which it is kept running after a call; 0: a start for each"),
    ] = 60
    max_reply_bytes: Annotated[
        int, Field(ge=1_000, description="of one message; a longer one ends the call")
    ] = 8_000_000
    tools: Annotated[dict[str, AllowedTool], Field(description="those that may be called")] = {}

    @field_validator("env")
    @classmethod
    def _no_secrets(cls, env: dict[str, str]) -> dict[str, str]:
        if secret := sorted(name for name in env if _SECRET.search(name)):
            raise ValueError(f"{', '.join(secret)}: set it in our environment, and name it in pass_env")
        return env

    @model_validator(mode="after")
    def _one_way(self) -> Server:
        if bool(self.command) == bool(self.url):
            raise ValueError("give either command or url")
        if self.url and (self.args or self.env or self.pass_env):
            raise ValueError("args, env and pass_env are a command's")
        if self.token and not self.url:
            raise ValueError("token is for a url")
        return self


def read_servers(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Server]:
    """The servers of `[mcp]` by name. Raises `invalid` with every problem."""
    return read_named(Server, tables, "mcp")
