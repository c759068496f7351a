"""What AWS Lambda and code that runs in it log: embedded metrics, the platform's reports, application logs.

Rules: CloudWatch's Embedded Metric Format Specification; Lambda's Telemetry API schema and the text of its REPORT line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from .figures import (
    CAPACITY_METERS,
    DYNAMODB,
    UNLIKE,
    Entry,
    OddError,
    bad,
    capacities,
    exact,
    millis,
    names_capacity,
    plain,
    table_of,
    total_of,
    written,
)
from .records import Record

LAMBDA = "AWS Lambda"
"""As bills name it."""

# Their agents report how full things are, and rates, as metrics of any unit.
_AGENTS = ("ContainerInsights", "ECS/ContainerInsights", "LambdaInsights", "CWAgent", "AWS/")
_LEVELS = ("Percent", "/Second")
_REPORT = re.compile(r"REPORT RequestId: (\S+)")
_BILLED = re.compile(r"Billed Duration: ([\d.]+) ms")
_MEMORY = re.compile(r"Memory Size: (\d+) MB")
_PLATFORM = re.compile(
    r"(START|END) RequestId: |(INIT_START|INIT_REPORT|RESTORE_START|RESTORE_REPORT|EXTENSION)\b"
)
_UUID = re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b")
_PAIR = re.compile(r"([A-Za-z][\w.@-]*)=(\"[^\"]*\"|[^\s,;\"]+)")
_MS_MB = Decimal(1000 * 1024)
_INSIGHTS_MB = 1_000_000


def is_of_lambda(message: Mapping[str, Any]) -> bool:
    """True for an embedded metric, and for an event of Lambda's platform."""
    told = message.get("_aws")
    metrics = isinstance(told, dict) and isinstance(told.get("CloudWatchMetrics"), list)
    kind = message.get("type")
    return metrics or (isinstance(kind, str) and kind.startswith("platform.") and "record" in message)


def is_report(text: str) -> bool:
    """True for a text that is a report of Lambda's."""
    return text.startswith("REPORT RequestId: ")


def message_records(entry: Entry) -> Iterator[Record]:
    """What a message in JSON says: its figures, or that it has none."""
    message = entry.message
    if is_of_lambda(message):
        yield from _metrics(entry) if "_aws" in message else _platform(entry)
    elif names_capacity(message):
        yield from capacities(entry, message)
    else:
        yield entry.record("log", "log_records", 1)


def text_records(entry: Entry) -> Iterator[Record]:
    """What a line of plain text says."""
    text = entry.text
    if found := _REPORT.match(text):
        billed, memory = _BILLED.search(text), _MEMORY.search(text)
        entry.request = found[1]
        if billed and memory:
            yield from _invocation(entry, billed[1], memory[1])
        else:
            yield entry.bad("a REPORT line without Billed Duration and Memory Size")
    elif _PLATFORM.match(text):
        yield entry.record("platform")
    else:
        identified = _UUID.search(text)
        entry.request = identified[0] if identified else ""
        entry.message = {name: value.strip('"') for name, value in _PAIR.findall(text)}
        yield entry.record("log", "log_records", 1)


def insights_report(entry: Entry) -> Iterator[Record]:
    """A report by the fields that Logs Insights reads out of it: `@memorySize` is in bytes, a million to the MB.

    Another row for the same report differs in what it points to.
    """
    row = entry.beside
    entry.request = str(row.get("@requestId") or "")
    try:
        billed, size = str(row["@billedDuration"]), exact(row["@memorySize"])
        entry.text = f"{row.get('@timestamp')} {entry.request} {billed} {size}"
        yield from _invocation(entry, billed, size / _INSIGHTS_MB)
    except UNLIKE:
        yield bad(dict(row), "a report without @billedDuration and @memorySize")


def _invocation(entry: Entry, milliseconds: Any, megabytes: Any) -> Iterator[Record]:
    seconds = f"{exact(milliseconds) * exact(megabytes) / _MS_MB:f}"
    name = entry.lambda_function
    yield entry.record("invocation", "gb_seconds", seconds, service=LAMBDA, resource=name)
    yield entry.record("invocation", "requests", 1, service=LAMBDA, resource=name)


def _platform(entry: Entry) -> Iterator[Record]:
    if entry.message["type"] != "platform.report":
        yield entry.record("platform")
        return
    try:
        record = entry.message["record"]
        metrics = record["metrics"]
        if "billedDurationMs" in metrics:
            yield from _invocation(entry, metrics["billedDurationMs"], metrics["memorySizeMB"])
        else:
            # Where instances are the vendor's own, time is not what is billed.
            yield entry.record("invocation", "requests", 1, service=LAMBDA, resource=entry.lambda_function)
    except UNLIKE:
        yield entry.bad("a platform.report without billedDurationMs and memorySizeMB")


# --- embedded metrics ---


def _metrics(entry: Entry) -> Iterator[Record]:
    """Each metric once, in however many directives and sets of dimensions it stands."""
    message = entry.message
    told = message["_aws"]
    at = told.get("Timestamp")
    entry.own_time = entry.own_time if at is None else millis(at)
    seen: set[str] = set()
    any_figure = capacity = False
    for directive in told["CloudWatchMetrics"]:
        try:
            listed, namespace = directive["Metrics"], str(directive.get("Namespace", ""))
            named = [(str(one["Name"]), str(one.get("Unit", ""))) for one in listed]
        except UNLIKE:
            yield bad(message, "not as EMF has it: a directive without a list of named metrics")
            any_figure = True
            continue
        for name, unit in named:
            if name in seen:
                continue
            seen.add(name)
            any_figure = True
            try:
                record = _metric(entry, name, namespace, unit)
                capacity = capacity or record.fields[0] == "capacity"
                yield record
            except UNLIKE as problem:
                why = f"{problem}" if isinstance(problem, OddError) else "a value is no number"
                yield entry.bad(f"not as EMF has it: {why}")
    rest = {name: value for name, value in message.items() if name != "_aws"}
    if not capacity and names_capacity(rest):
        yield from capacities(entry, rest)
    elif not any_figure:
        yield entry.record("log", "log_records", 1)


def _metric(entry: Entry, name: str, namespace: str, unit: str) -> Record:
    if name not in entry.message:
        raise OddError("a metric without a value")
    value = entry.message[name]
    if namespace.startswith(_AGENTS) or unit.endswith(_LEVELS):
        return entry.record("level", name, "")
    number = _number(value)
    if (meter := CAPACITY_METERS.get(plain(name))) and (table := table_of(entry)):
        return entry.record("capacity", meter, number, service=DYNAMODB, resource=table)
    return entry.record("metric", name, number)


def _number(value: Any) -> str:
    """The sum of what was measured: a number, several, or values with how often each came."""
    if isinstance(value, list):
        return total_of(value)
    if isinstance(value, dict):
        if "Values" not in value:
            return written(value["Sum"])
        values, counts = value["Values"], value.get("Counts") or [1] * len(value["Values"])
        pairs = zip(values, counts, strict=True)
        return total_of([str(exact(one) * exact(times)) for one, times in pairs])
    return written(value)
