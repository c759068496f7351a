"""JSON objects as Python values, whatever a stranger wrote in them."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic_core import from_json

from .records import Record

# Escapes of NUL and of halves of surrogate pairs.
_UNSTORABLE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def decoded(text: str) -> dict[str, Any]:
    """The object that the text is. Raises `ValueError`, which says why, where it is none."""
    try:
        value = _storable(json.loads(text)) if _UNSTORABLE.search(text) else from_json(text)
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    except ValueError as problem:
        raise ValueError(f"not JSON: {problem}") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 the text is wrong, not its type
    return value


class Decoder:
    """Checks that a record's text is an object, and keeps it decoded."""

    value: Any = None

    def read(self, record: Record) -> Record:
        try:
            self.value = decoded(record.text)
        except ValueError as problem:
            record.reason = str(problem)
        return record


def _storable(value: Any) -> Any:
    """The value with its texts as UTF-8 can hold them, and no NUL."""
    if isinstance(value, str):
        return value.replace("\0", "\u2400").encode(errors="replace").decode()
    if isinstance(value, list):
        return [_storable(one) for one in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(one) for key, one in value.items()}
    return value
