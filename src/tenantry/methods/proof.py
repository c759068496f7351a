"""A name for a set of figures: the same for the same figures, another for any other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from ..kernel.money import exact


def proof_id(body: Any) -> str:
    """SHA-256, in hex, of the body as JSON: keys sorted, no spaces, UTF-8; decimals as plain text.

    Anyone can compute it again from the published document, with its own `proof_id` empty.
    """
    text = json.dumps(_canonical(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, BaseModel):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(name): _canonical(v) for name, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(v) for v in value]
    if isinstance(value, Decimal):
        return exact(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
