"""Tables of settings that the vendor names, such as `[mcp.NAME]`, read as what they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from ..errors import invalid

M = TypeVar("M", bound=BaseModel)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


def read_named(kind: type[M], tables: Mapping[str, Mapping[str, Any]], section: str) -> dict[str, M]:
    """Each table as the model, which has its `name` as a field too. Raises `invalid` with every problem."""
    found: dict[str, M] = {}
    problems: list[str] = []
    for name, table in tables.items():
        if not _NAME.fullmatch(name):
            problems.append(f"{name}: a name has small letters, digits and _")
            continue
        try:
            found[name] = kind.model_validate({**table, "name": name})
        except ValueError as problem:
            problems.append(f"{name}: {problem}")
    if problems:
        raise invalid("; ".join(problems), f"mend [{section}] in tenantry.toml")
    return found
