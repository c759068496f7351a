"""A policy as the text that its author could have written: an `[allocation]` of `tenantry.toml`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from .policy import Policy, Rule

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WIDE = 100


def policy_text(policy: Policy) -> str:
    """TOML that reads as this very policy, of the same version; what is the default is left out."""
    tables = [_rule(rule) for rule in policy.rules]
    if policy.coarse or not tables:
        coarse = [f"coarse = {_value(_said(policy)['coarse'])}"] if policy.coarse else []
        tables.insert(0, "\n".join(["[allocation]", *coarse]))
    return "\n\n".join(tables) + "\n"


def _rule(rule: Rule) -> str:
    # A pool's name first, also where it is the default: people find a rule by it.
    said = {"pool": rule.pool, **_said(rule)}
    return "\n".join(["[[allocation.rules]]", *(f"{_key(k)} = {_value(v)}" for k, v in said.items())])


def _said(model: Policy | Rule) -> dict[str, Any]:
    return model.model_dump(exclude_defaults=True)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    """Escapes of JSON are escapes of TOML, which has one more."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case Decimal():
            return _number(value)
        case str():
            return _text(str(value))
        case Mapping():
            pairs = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items())
            return f"{{ {pairs} }}"
        case Sequence():
            parts = [_value(one) for one in value]
            line = f"[{', '.join(parts)}]"
            return line if len(line) <= _WIDE else "[\n" + "".join(f"    {part},\n" for part in parts) + "]"
        case _:
            return str(value)


def _number(value: Decimal) -> str:
    """As a number where TOML's numbers hold it to the last place, else as text, which a policy takes too."""
    plain = str(value)
    return plain if plain in (str(float(value)), str(int(value))) else f'"{plain}"'
