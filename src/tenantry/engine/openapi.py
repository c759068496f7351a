"""OpenAPI documents: a whole file, JSON or YAML, as one record."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import yaml

from ..errors import TenantryError
from .records import Record, too_long

COLUMNS = ("title", "version", "server", "document")
"""`server` is the first that the document names, `document` all of it as JSON."""
MAX_DOCUMENT = 64 * 1024 * 1024
"""Bytes; the largest public documents have 12 MB."""
MOST_NODES = 20_000_000
"""What aliases of YAML may blow a document up to."""

_KEYS = (
    rb"openapi|swagger|info|servers|paths|webhooks|components|security|tags|externalDocs|host|basePath|schemes|consumes"
    rb"|produces|definitions|parameters|responses|securityDefinitions|jsonSchemaDialect|\$schema|x-[\w-]+"
)
_BEGINS = re.compile(
    rb'(?:\s|#[^\n]*\n|%%[^\n]*\n|---)*(?:\{\s*"(?:%s)"\s*:|["\']?(?:%s)["\']?:\s)' % (_KEYS, _KEYS)
)
_VERSION = re.compile(rb"""(?:^|[{,\n])\s*["']?(?:openapi|swagger)["']?\s*:\s*["']?[23]\.""")


class _Loader(yaml.CSafeLoader):
    """YAML with dates as they stand: JSON has none."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def is_openapi(head: bytes, whole: Callable[[], Iterable[bytes]]) -> bool:
    """Whether the file begins as an OpenAPI document does and says its version, which may stand anywhere in it."""
    if not _BEGINS.match(head):
        return False
    return _VERSION.search(head) is not None or _VERSION.search(_joined(whole()) or b"") is not None


def openapi_records(chunks: Iterable[bytes]) -> Iterator[Record]:
    """The document as one record of `COLUMNS`, or the reason why it is none."""
    try:
        text = _joined(chunks)
    except TenantryError as problem:
        yield Record("", reason=problem.message)
        return
    if text is None:
        yield Record("", reason=too_long(MAX_DOCUMENT))
        return
    shown = text[:2_000].decode(errors="replace")
    try:
        document = _parsed(text.removeprefix(b"\xef\xbb\xbf"))
        yield Record(shown, [*map(_storable, _about(document)), json.dumps(document)])
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as problem:
        yield Record(shown, reason=f"no OpenAPI document: {' '.join(str(problem).split())[:200]}")


def _joined(chunks: Iterable[bytes]) -> bytes | None:
    held, size = [], 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size > MAX_DOCUMENT:
            return None
    return b"".join(held)


def _parsed(text: bytes) -> dict[str, Any]:
    document = json.loads(text) if text.lstrip().startswith(b"{") else yaml.load(text, Loader=_Loader)  # noqa: S506 a safe loader
    if not isinstance(document, dict) or not isinstance(document.get("paths", {}), dict):
        message = "its paths are no mapping"
        raise TypeError(message)
    if _nodes(document, {}) > MOST_NODES:
        message = "its aliases blow it up"
        raise ValueError(message)
    return document


def _nodes(node: Any, known: dict[int, int]) -> int:
    """How many nodes it has with all aliases written out. Raises ValueError for one that holds itself."""
    if not isinstance(node, (dict, list)):
        return 1
    if id(node) not in known:
        known[id(node)] = -1
        known[id(node)] = 1 + sum(
            _nodes(child, known) for child in (node.values() if isinstance(node, dict) else node)
        )
    if known[id(node)] < 0:
        message = "a node holds itself"
        raise ValueError(message)
    return known[id(node)]


def _about(document: dict[str, Any]) -> tuple[str, str, str]:
    """Title, version and first server."""
    info = document.get("info")
    info = info if isinstance(info, dict) else {}
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else {}
    url = first.get("url", "") if isinstance(first, dict) else ""
    server = url or f"{document.get('host', '')}{document.get('basePath', '')}"
    return str(info.get("title", "")), str(info.get("version", "")), str(server)


def _storable(text: str) -> str:
    return text.replace("\0", "").encode(errors="replace").decode()
