"""OTLP in Protobuf: requests as they would be in JSON, so that both become the same records.

A file is requests one after another, just as they are sent; or each behind its length, which is four bytes, the big
end first (the collector's file exporter), or a varint (OpenTelemetry's specification, "Protocol File Exporter"). No
request says what it holds: metrics, spans and log records are told apart by their fields.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ..errors import TenantryError
from .otlp import MAX_REQUEST, SHOWN, records
from .records import Record, too_long

# How a field is written: Protobuf, "Encoding".
_VARINT, _I64, _LEN, _I32 = 0, 1, 2, 5
_WIDTHS = {_I64: 8, _I32: 4}
_MAX_VARINT = 10
# A request has but one field, of number 1: what it holds, by resource.
_RESOURCE = 1 << 3 | _LEN
_LEAF = 3
_METRIC_KINDS = (5, 7, 9, 10, 11)
_IDS = ("trace_id", "span_id")
_HEAD = 1024 * 1024
_SHOWN = SHOWN // 4 * 3
# Parts of which each may be bad by itself; and what no record has.
_PARTS = frozenset({
    "resource_metrics", "scope_metrics", "metrics", "gauge", "sum", "histogram", "exponential_histogram", "summary",
    "data_points", "resource_spans", "scope_spans", "spans", "resource_logs", "scope_logs", "log_records",
})  # fmt: skip
_UNUSED = frozenset({
    "description", "metadata", "exemplars", "bucket_counts", "explicit_bounds", "positive", "negative", "events",
    "links", "quantile_values", "status",
})  # fmt: skip


class _StrangeError(ValueError):
    """Bytes that are no fields of a message."""


_NO_MESSAGE = "bytes that are no message, or text that is not UTF-8"
_UNREADABLE = (_StrangeError, DecodeError)


class _Field(NamedTuple):
    number: int
    wire: int
    content: memoryview
    whole: memoryview
    """With its tag and length."""


def is_otlp(head: bytes) -> bool:
    """True for bytes that begin as requests do, in whichever way they are laid out."""
    return _layout(head) is not None


def protobuf_records(chunks: Iterable[bytes]) -> Iterator[Record]:
    """The records of requests. A part that cannot be read is one bad record, with its bytes in Base64; its neighbours
    are read.
    """
    stream = _Stream(chunks)
    layout = _layout(stream.peek(_HEAD)) or _sent
    while head := stream.peek(1 + _MAX_VARINT):
        try:
            before, size = layout(head)
        except _StrangeError:
            yield _bad(stream.peek(_SHOWN), "bytes that begin no request, and all after them")
            break
        stream.take(before)
        if size > MAX_REQUEST:
            yield Record(_shown(stream.peek(_SHOWN)), reason=too_long(MAX_REQUEST))
            stream.drop(size)
            continue
        request = stream.take(size)
        if len(request) < size:
            yield Record(_shown(request), reason=stream.failure or "the file ends within a request")
            return
        yield from _request(request)
    if stream.failure:
        yield Record("", reason=stream.failure)


# --- how requests follow one another ---

Layout = Callable[[bytes], tuple[int, int]]
"""Of the bytes from where a request begins: how many come before it, and how many it has."""


def _sent(head: bytes) -> tuple[int, int]:
    """What one resource has is a request by itself: so are all requests one after another."""
    if head[0] != _RESOURCE:
        raise _StrangeError
    size, at = _varint(head, 1)
    return 0, at + size


def _after_four_bytes(head: bytes) -> tuple[int, int]:
    return 4, int.from_bytes(head[:4], "big")


def _after_varint(head: bytes) -> tuple[int, int]:
    size, at = _varint(head, 0)
    return at, size


def _layout(head: bytes) -> Layout | None:
    """The layout in which a request tells what it holds."""
    for layout in (_sent, _after_four_bytes, _after_varint):
        at = 0
        try:
            while at < len(head):
                before, size = layout(head[at : at + 1 + _MAX_VARINT])
                if _kind(head[at + before : at + before + size]):
                    return layout
                at += before + size
        except _StrangeError:
            continue
    return None


class _Stream:
    """Bytes that are read as far as they are looked at."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._held = bytearray()
        self.failure = ""
        """Why the chunks broke off, if they did."""

    def peek(self, size: int) -> bytes:
        """The next bytes; fewer at the end."""
        try:
            while len(self._held) < size and not self.failure and (chunk := next(self._chunks, b"")):
                self._held += chunk
        except TenantryError as problem:
            self.failure = problem.message
        return bytes(self._held[:size])

    def take(self, size: int) -> bytes:
        taken = self.peek(size)
        del self._held[:size]
        return taken

    def drop(self, size: int) -> None:
        while size > 0 and (dropped := self.take(min(size, MAX_REQUEST))):
            size -= len(dropped)


# --- what a request holds ---


def _kind(request: bytes) -> type[Message] | None:
    """Of which kind a request is, by the first of its leaves that tells; it may be cut off."""
    return next(filter(None, map(_leaf_kind, _leaves(memoryview(request), 0))), None)


def _leaves(part: memoryview, depth: int) -> Iterator[memoryview]:
    """The metrics, spans or log records of a request, of a resource in it, or of a scope, as far as it can be read."""
    if depth == _LEAF:
        yield part
        return
    for field in _fields(part):
        if field.wire != _LEN:
            raise _StrangeError
        if field.number == (2 if depth else 1):
            with suppress(_StrangeError):
                yield from _leaves(field.content, depth + 1)


def _leaf_kind(leaf: memoryview) -> type[Message] | None:
    wires: dict[int, int] = {}
    with suppress(_StrangeError):
        wires.update((field.number, field.wire) for field in _fields(leaf))
    if _I64 in (wires.get(7), wires.get(8)):
        return ExportTraceServiceRequest
    if _I64 in (wires.get(1), wires.get(11)):
        return ExportLogsServiceRequest
    named = wires.get(1) == _LEN
    return ExportMetricsServiceRequest if named and _LEN in map(wires.get, _METRIC_KINDS) else None


def _fields(message: memoryview, *, whole: bool = False) -> Iterator[_Field]:
    """The fields of a message. The last may be cut off, unless it has to be whole."""
    at = 0
    while at < len(message):
        begin = at
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        content = at
        if wire == _VARINT:
            _, at = _varint(message, at)
        elif wire == _LEN:
            size, content = _varint(message, at)
            at = content + size
        elif wire in _WIDTHS:
            at += _WIDTHS[wire]
        else:
            raise _StrangeError
        if not number or (whole and at > len(message)):
            raise _StrangeError
        yield _Field(number, wire, message[content:at], message[begin:at])


def _varint(message: bytes | memoryview, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and where it ends."""
    number = 0
    for place, byte in enumerate(message[at : at + _MAX_VARINT]):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 - the eighth bit says that more follow
            return number, at + place + 1
    raise _StrangeError


# --- what its parts are ---


def _request(request: bytes) -> Iterator[Record]:
    try:
        kind = _kind(request)
        if kind is None:
            if next(_leaves(memoryview(request), 0), None) is not None:
                yield _bad(request, "telemetry of no kind that is known")
            return
        message = kind()
        bad = _merge(message, memoryview(request))
    except _UNREADABLE:
        yield _bad(request, _NO_MESSAGE)
        return
    yield from bad
    yield from records(as_json(message))


def _merge(message: Message, content: memoryview) -> list[Record]:
    """Read a message as far as it can be read. Returns the parts that cannot."""
    try:
        message.ParseFromString(bytes(content))
    except DecodeError:
        message.Clear()
        return [bad for field in _fields(content, whole=True) for bad in _merge_field(message, field)]
    return []


def _merge_field(message: Any, field: _Field) -> list[Record]:
    told = message.DESCRIPTOR.fields_by_number.get(field.number)
    if told is None or told.message_type is None or told.name not in _PARTS or field.wire != _LEN:
        message.MergeFromString(bytes(field.whole))
        return []
    part = getattr(message, told.name)
    if not told.is_repeated:
        return _merge(part, field.content)
    try:
        return _merge(part.add(), field.content)
    except _UNREADABLE:
        del part[-1]
        return [_bad(field.content, _NO_MESSAGE)]


def _bad(part: bytes | memoryview, why: str) -> Record:
    return Record(_shown(part), reason=f"not as OTLP has it: {why}")


def _shown(part: bytes | memoryview) -> str:
    return b64encode(part[:_SHOWN]).decode()


def as_json(message: Any) -> dict[str, Any]:
    """A message as JSON has it, without what no record has."""
    told = ((_how(field), value) for field, value in message.ListFields())
    return {name: said(value) for (name, said), value in told if said}


@cache
def _how(field: FieldDescriptor) -> tuple[str, Callable[[Any], Any] | None]:
    """A field's name in JSON, and how its value is written there; None for what no record has."""
    if field.name in _UNUSED:
        return field.json_name, None
    if field.name == "attributes":
        return field.json_name, lambda pairs: [_attribute(pair) for pair in pairs]
    if field.message_type is not None:
        several = field.is_repeated
        return field.json_name, (lambda parts: [as_json(part) for part in parts]) if several else as_json
    if field.type == FieldDescriptor.TYPE_BYTES:
        return field.json_name, bytes.hex if field.name in _IDS else lambda value: b64encode(value).decode()
    return field.json_name, _text if field.type == FieldDescriptor.TYPE_STRING else _number


def _attribute(pair: Any) -> dict[str, Any]:
    # Most are texts, and there are more of them than of all else.
    value = pair.value
    text = value.WhichOneof("value") == "string_value"
    return {
        "key": _text(pair.key),
        "value": {"stringValue": _text(value.string_value)} if text else as_json(value),
    }


def _text(value: str) -> str:
    """As a table can hold it."""
    return value.replace("\0", "\u2400") if "\0" in value else value


def _number(value: float) -> float:
    return value
