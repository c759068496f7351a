"""A tool: a typed, deterministic function and its effect."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from ..errors import invalid

_HALF = re.compile("[\ud800-\udfff]")
"""Half of a character, which a command line can hold, and no engine can."""


class Effect(StrEnum):
    """What a call may do: read data, propose something to a person, or act on the world."""

    READ = "read"
    PROPOSE = "propose"
    ACT = "act"


@dataclass(frozen=True)
class Tool:
    """A function whose first parameter is the context, with an example that tests call."""

    function: Callable[..., Any]
    effect: Effect
    example: dict[str, Any]
    outward: bool = False
    """Its arguments leave this installation: whoever calls it tells a stranger."""

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.function) or ""

    @cached_property
    def parameters(self) -> type[BaseModel]:
        """The parameters as a model: one flat record of scalars, so that any gateway can carry it."""
        hints = get_type_hints(self.function, include_extras=True)
        fields: dict[str, Any] = {}
        for name, parameter in list(inspect.signature(self.function).parameters.items())[1:]:
            default = ... if parameter.default is inspect.Parameter.empty else parameter.default
            fields[name] = (hints[name], default if default is ... else Field(default=default))
        return create_model(f"{self.name}_parameters", __config__=ConfigDict(extra="forbid"), **fields)

    @cached_property
    def returns(self) -> TypeAdapter[Any]:
        return TypeAdapter(get_type_hints(self.function, include_extras=True)["return"])

    def read_arguments(self, given: dict[str, Any] | bytes) -> dict[str, Any]:
        """Arguments of the declared types, from text that a flag or query holds, or strictly from a JSON document.

        Raises `invalid` with every problem at once.
        """
        texts = {} if isinstance(given, bytes) else given
        found = [
            {"param": n, "problem": "not Unicode text"} for n, v in texts.items() if _HALF.search(str(v))
        ]
        try:
            if isinstance(given, bytes):
                model = self.parameters.model_validate_json(given, strict=True)
            else:
                model = self.parameters.model_validate(given)
            if not found:
                return {name: getattr(model, name) for name in self.parameters.model_fields}
        except ValidationError as problems:
            found += [
                {"param": ".".join(map(str, p["loc"])), "problem": p["msg"].removeprefix("Value error, ")}
                for p in problems.errors(include_url=False)
            ]
        # Raised outside `except`: pydantic's error keeps frames alive that no garbage collector sees.
        text = "; ".join(f"{p['param']}: {p['problem']}" for p in found)
        names = ", ".join(self.parameters.model_fields) or "no parameters"
        raise invalid(f"{self.name}: {text}", f"{self.name} takes {names}", params=found)


def tool(effect: Effect = Effect.READ, **example: Any) -> Callable[[Callable[..., Any]], Tool]:
    """Declare a tool; the keyword arguments are an example call that the contract suite makes."""
    return lambda function: Tool(function, effect, example)
