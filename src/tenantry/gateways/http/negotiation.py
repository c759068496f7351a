"""What a client holds already, and whether it takes what it does not in gzip (RFC 9110, sections 12.5.3 and 13.1.2)."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request

_REFUSED = re.compile(r"\s*gzip\s*;\s*q\s*=\s*0(\.0*)?\s*")


def etag(content: Any) -> str:
    """A weak tag of what an answer says, for `If-None-Match`."""
    return f'W/"{sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:32]}"'


def matches(request: Request, tag: str) -> bool:
    """Whether the client already holds what has this tag: weak tags and strong ones of one text are the same."""
    given = [one.strip() for one in ",".join(request.headers.getlist("if-none-match")).split(",")]
    return given == ["*"] or tag.removeprefix("W/") in [one.removeprefix("W/") for one in given]


def refuses_gzip(headers: Headers) -> bool:
    """Whether the client names gzip with the weight 0, and so takes nothing that is packed with it."""
    return any(map(_REFUSED.fullmatch, ",".join(headers.getlist("accept-encoding")).lower().split(",")))
