"""Logs and traces of AWS's services: what is one, and the messages in what tools make of it.

Messages come bare, a line each, or wrapped: in rows of Logs Insights (CSV, JSON), in deliveries of a subscription
(`logEvents`), in answers of the command line (`events`, `results`, `Traces`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .decoded import Decoder, decoded
from .figures import UNLIKE, Entry, bad, millis, names_capacity, plain
from .lambda_logs import insights_report, is_of_lambda, is_report, message_records, text_records
from .records import Record, json_elements, text_lines
from .xray import is_segment, segment_records

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of an object: an answer of the command line is one."""

# What exports and tailing write before a message: a time, then the stream.
_STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(?:Z|[+-]\d\d:?\d\d)"
_STREAM = r"\s+(?:\d{4}/\d\d/\d\d/\S*\[\S+\s+)?"
_BEFORE = re.compile(f"({_STAMP}){_STREAM}")
_LEVEL = re.compile(r"\[[A-Z]+\]\s+(?=\d{4}-)")
_TOLD = r'"CloudWatchMetrics"|"ConsumedCapacity"|"type": ?"platform[.]'
_REPORT_LINE = rf"^(?:{_STAMP}{_STREAM})?REPORT RequestId: "
_MESSAGE_LINE = re.compile(rf"{_REPORT_LINE}|^{_STAMP}{_STREAM}\{{.*(?:{_TOLD})".encode(), re.MULTILINE)
_BARE_LINE = re.compile(rf"^\{{.*(?:{_TOLD}).*".encode(), re.MULTILINE)
_ANSWER = re.compile(
    rb'\s*\{\s*"(?:results|events|Traces|queryLanguage|searchedLogStreams|UnprocessedTraceIds|statistics|status)"\s*:'
)
_TELLING = (b'"@message"', b'"Segments"', b'"logStreamName"')


def is_answer(head: bytes) -> bool:
    """True for the beginning of an answer of AWS's command line that holds messages."""
    return _ANSWER.match(head) is not None and any(name in head for name in _TELLING)


def holds_messages(text: bytes) -> bool:
    """True for lines of text of which one is a message that tells figures; JSON alone is none."""
    json_alone = text.lstrip()[:1] in (b"{", b"[")
    return _MESSAGE_LINE.search(text) is not None or (not json_alone and _BARE_LINE.search(text) is not None)


def are_messages(objects: Sequence[Mapping[str, Any]], text: bytes) -> bool:
    """True where one of the first objects, or of the lines of the text they are from, tells figures of a service.

    Requests that a program logged are an access log, whatever they consumed and some other line tells.
    """
    if 2 * sum(map(_is_request, objects)) > len(objects):
        return False
    return any(map(is_service_log, objects)) or any(
        isinstance(found := _message(line[0].decode(errors="replace").strip()), dict)
        and is_service_log(found)
        for line in _BARE_LINE.finditer(text)
    )


def is_service_log(message: Mapping[str, Any]) -> bool:
    """True for an object that tells figures of a service, or that wraps messages."""
    return "specversion" not in message and (
        is_of_lambda(message)
        or is_segment(message)
        or _wraps(message)
        or is_service_row(message)
        or names_capacity(message)
    )


def _is_request(message: Mapping[str, Any]) -> bool:
    names = set(map(plain, message))
    some_method, some_status = (any(part in name for name in names) for part in ("method", "status"))
    return some_method and some_status and not is_of_lambda(message)


def is_service_row(row: Mapping[str, Any]) -> bool:
    """True for a row of Logs Insights with a message that tells a figure, or is JSON with nothing read out of it."""
    text = row.get("@message")
    if "@billedDuration" in row and "@memorySize" in row:
        return True
    message = _message(text.strip()) if isinstance(text, str) else text
    if isinstance(message, str):
        return is_report(message)
    alone = all(name.startswith("@") for name in row)
    return isinstance(message, dict) and bool(message) and (alone or is_service_log(message))


def of_lines(chunks: Iterable[bytes]) -> Iterator[Record]:
    """The figures of lines of text, JSON or not; blank lines are none."""
    for line in text_lines(chunks, MAX_ANSWER):
        text = line.text.strip().lstrip("\ufeff")
        if line.reason:
            yield line
        elif text:
            yield from _repaired(line, _of_text(text, Entry({})))


def of_objects(chunks: Iterable[bytes]) -> Iterator[Record]:
    """The figures of objects one after another, or of an array of them."""
    decoder = Decoder()
    for record in json_elements(chunks, decoder.read, MAX_ANSWER):
        if record.reason:
            yield record
        else:
            yield from _repaired(record, _of_object(Entry(decoder.value)))


def of_rows(records: Iterable[Record], columns: Sequence[str]) -> Iterator[Record]:
    """The figures of the rows of a table."""
    for record in records:
        if record.reason:
            yield record
        else:
            row = {name: text for name, text in zip(columns, record.fields, strict=True) if text}
            yield from _repaired(record, _of_object(Entry(row)))


def _repaired(source: Record, found: Iterable[Record]) -> Iterator[Record]:
    for record in found:
        record.repaired = source.repaired
        yield record


def _of_text(text: str, entry: Entry) -> Iterator[Record]:
    """What a message says that came as text."""
    text = text.strip()
    if marked := _LEVEL.match(text):
        text = text[marked.end() :]
    if before := _BEFORE.match(text):
        entry.at = entry.at or millis(before[1])
        text = text[before.end() :]
    message = _message(text)
    if isinstance(message, dict):
        entry.message = message
        yield from _of_object(entry)
    elif text.startswith("{"):
        yield bad(text, message)
    else:
        entry.text = text
        yield from text_records(entry)


def _message(text: str) -> dict[str, Any] | str:
    """A message's object; of a text that begins as one and is none, why; else the text."""
    if not text.startswith("{"):
        return text
    try:
        return decoded(text)
    except ValueError as problem:
        return str(problem)


def _of_object(entry: Entry) -> Iterator[Record]:
    message = entry.message
    try:
        if _wraps(message):
            yield from _unwrapped(message)
        elif "@message" in message or "@billedDuration" in message:
            yield from _of_row(message)
        elif is_segment(message):
            yield from segment_records(entry)
        else:
            yield from message_records(entry)
    except UNLIKE:
        yield bad(message, "a part is missing or of another type")


def _wraps(message: Mapping[str, Any]) -> bool:
    """True for what holds messages, of one of the ways in which AWS hands them out."""
    return (
        ("messageType" in message and isinstance(message.get("logEvents"), list))
        or _listed(message.get("events"), "message")
        or _listed(message.get("results"), "")
        or _listed(message.get("Traces"), "Segments")
        or _listed(message.get("Segments"), "Document")
        or isinstance(message.get("Document"), str)
    )


def _listed(value: Any, member: str) -> bool:
    """True for a list, not empty, of objects with this member; without one, of Insights' lists of fields."""
    if not isinstance(value, list) or not value:
        return False
    first = value[0]
    if member:
        return isinstance(first, dict) and member in first
    return isinstance(first, list) and bool(first) and isinstance(first[0], dict) and "field" in first[0]


def _unwrapped(answer: Mapping[str, Any]) -> Iterator[Record]:
    if "logEvents" in answer:
        yield from _delivered(answer)
    elif "events" in answer:
        for event in answer["events"]:
            yield from _of_event(event, str(event.get("logGroupName", "")), "eventId")
    elif "results" in answer:
        for fields in answer["results"]:
            yield from _of_fields(fields)
    elif "Document" in answer:
        yield from _of_text(answer["Document"], Entry({}))
    else:
        for part in answer.get("Traces") or answer["Segments"]:
            yield from _of_object(Entry(part))


def _delivered(delivery: Mapping[str, Any]) -> Iterator[Record]:
    """What a subscription delivered."""
    if delivery["messageType"] == "DATA_MESSAGE":
        for event in delivery["logEvents"]:
            yield from _of_event(event, str(delivery.get("logGroup", "")), "id")
    else:
        yield Entry(dict(delivery)).record("control")


def _of_fields(fields: Any) -> Iterator[Record]:
    """A row of an answer of Logs Insights, a list of fields."""
    try:
        row = {one["field"]: one["value"] for one in fields}
    except UNLIKE:
        yield bad(fields, "not a row as Logs Insights answers with")
    else:
        yield from _of_object(Entry(row))


def _of_event(event: Any, group: str, name: str) -> Iterator[Record]:
    try:
        at, text, occurrence = millis(event["timestamp"]), event["message"], str(event.get(name, ""))
        entry = Entry({}, at, group, occurrence)
        if not isinstance(text, str):
            raise TypeError
    except UNLIKE:
        yield bad(event, "an event without timestamp and message")
        return
    yield from _of_text(text, entry)


def _of_row(row: Mapping[str, Any]) -> Iterator[Record]:
    """A row of Logs Insights: its message, else what was read out of one."""
    at, group = millis(row.get("@timestamp", "")), str(row.get("@log", "")).partition(":")[2]
    beside = {name: value for name, value in row.items() if not name.startswith("@")}
    entry = Entry({}, at, group, str(row.get("@ptr", "")), beside)
    text = row.get("@message")
    if isinstance(text, dict):
        entry.message = text
        yield from _of_object(entry)
    elif isinstance(text, str) and text.strip():
        yield from _of_text(text, entry)
    elif row.get("@billedDuration"):
        entry.beside, entry.message = row, dict(row)
        yield from insights_report(entry)
    else:
        entry.message = dict(row)
        yield entry.record("log", "log_records", 1)
