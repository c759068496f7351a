"""Events and telemetry as the live intake takes them: by the mappings that files have, and the common case at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..datasets.usage import Usage
from ..kernel.live import Cells, Live
from ..kernel.source import Format, Sample
from .otlp import Otlp
from .patterns import NO_WORDS
from .tables import EVENT_NAMES, UsageTable

_DAY = 86_400_000_000
# Where the seconds of a time end.
_SECOND = len("2026-07-01T12:34:56")
# Texts, seconds and numbers that were looked at before; forgotten together, so that memory is bounded.
_REMEMBERED = 50_000
_TIME = re.compile(r"((?:19|20|21)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)").fullmatch
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,9})?").fullmatch
_TEXT = re.compile(r"(?!\()[!-~](?:[^\0]*[!-~])?", re.DOTALL).fullmatch
_LONGEST_WORD = max(map(len, NO_WORDS))
_COLUMNS = tuple(Usage.columns())
# Members of an event's data, by the place of their column in a row.
_MEMBERS = {name: _COLUMNS.index(column) for column, names in EVENT_NAMES.items() for name in names}
_TENANT, _FEATURE, _SERVICE, _RESOURCE, _REGION, _QUANTITY = (
    _COLUMNS.index(name)
    for name in ("tenant_id", "feature_id", "service_name", "resource_id", "region", "quantity")
)


def live_events() -> Live:
    """CloudEvents 1.0 as usage."""
    some = Sample(Path(), Format.JSON, ("specversion", "id", "source", "type"))
    return Live((UsageTable(path="").mapping([some]),), PlainEvents(), stamp="time")


def live_telemetry(source: Otlp | None = None) -> Live:
    """OpenTelemetry's records as usage and readings of counters; the source says which attributes count."""
    some = Sample(Path(), Format.OTLP, ())
    [batch] = (source or Otlp(path="")).batches([some])
    return Live(batch.mappings)


class PlainEvents:
    """Reads an event whose attributes and data are written plainly, as the mapping of `usage` would.

    Whatever could be read in more than one way is left to the mapping: None. Called for every event that comes in.
    """

    def __init__(self) -> None:
        self._spoken: set[tuple[Any, ...]] = set()
        self._seconds: dict[str, int] = {}
        self._ends: dict[str, int] = {}

    def __call__(self, event: Mapping[str, Any], arrived: int) -> Cells | None:
        if event.get("specversion") != "1.0" or "data_base64" in event:
            return None
        data = event.get("data")
        row = _NOTHING if data is None else _members(data)
        if row is None:
            return None
        name, source, meter, at = event.get("id"), event.get("source"), event.get("type"), event.get("time")
        # Attributes go before members of the data.
        tenant = event.get("tenantid") or event.get("subject") or row[_TENANT]
        quantity = row[_QUANTITY]
        quantity = "1" if quantity is None else _number(quantity)
        micros = arrived if at is None else self._micros(at)
        if quantity is None or micros is None or type(name) is not str or not _spoken(name):
            return None
        feature, service, resource, region = row[_FEATURE], row[_SERVICE], row[_RESOURCE], row[_REGION]
        # These recur in other combinations far less than events do.
        said = (source, meter, tenant, feature, service, resource, region)
        try:
            if said not in self._spoken and not self._all_spoken(said):
                return None
        except TypeError:
            # An object or array where a text stands.
            return None
        return (
            name, source, micros // _DAY, micros, tenant, feature, service, resource, region, meter, quantity,
        )  # fmt: skip

    def _all_spoken(self, said: tuple[Any, ...]) -> bool:
        """Whether all of these are plain texts, but for the last four, which may be nothing."""
        needed, optional = said[:3], (text for text in said[3:] if text is not None)
        if not all(type(text) is str and _spoken(text) for text in (*needed, *optional)):
            return False
        if len(self._spoken) >= _REMEMBERED:
            self._spoken.clear()
        self._spoken.add(said)
        return True

    def _micros(self, text: Any) -> int | None:
        """Microseconds since 1970 of a time whose seconds and whose end came before; of others by the longer way."""
        if type(text) is not str:
            return None
        seconds, end = self._seconds.get(text[:_SECOND]), self._ends.get(text[_SECOND:])
        return self._read_time(text) if seconds is None or end is None else seconds + end

    def _read_time(self, text: str) -> int | None:
        found = _TIME(text)
        if found is None:
            return None
        second, fraction, zone = found.groups()
        try:
            # Whole seconds are exact in a float.
            seconds = int(datetime.fromisoformat(second + zone).timestamp())
        except ValueError:
            return None
        if not _FIRST <= seconds < _LAST:
            return None
        micros = int(fraction.ljust(6, "0")) if fraction else 0
        if zone == "Z":
            if max(len(self._seconds), len(self._ends)) >= _REMEMBERED:
                self._seconds.clear()
                self._ends.clear()
            self._seconds[second] = seconds * 1_000_000
            self._ends[text[_SECOND:]] = micros
        return seconds * 1_000_000 + micros


_NOTHING: Sequence[Any] = (None,) * len(_COLUMNS)


def _members(data: Any) -> Sequence[Any] | None:
    """What the members of an event's data say, by column; None where that is no object, or says something twice."""
    if type(data) is not dict:
        return None
    row = [*_NOTHING]
    for member, value in data.items():
        place = _MEMBERS.get(member)
        if place is None or value is None or value == "":
            continue
        if row[place] is not None:
            return None
        row[place] = value
    return row


_FIRST = int(datetime(1900, 1, 2, tzinfo=UTC).timestamp())
_LAST = int(datetime(2199, 12, 31, tzinfo=UTC).timestamp())


def _spoken(text: str) -> bool:
    """Whether a text says what it says: nothing to trim, no word for nothing, no name of our own in parentheses."""
    if not (text.isascii() and text.isprintable()):
        plain = _TEXT(text) is not None
    else:
        plain = text != "" and text[0] != " " and text[-1] != " " and text[0] != "("
    return plain and (len(text) > _LONGEST_WORD or text.lower() not in NO_WORDS)


def _number(value: Any) -> str | None:
    """An exact number as plain text, without zeros at its end."""
    if type(value) is int:
        value = str(value)
    if type(value) is not str or not _NUMBER(value):
        return None
    text = value.rstrip("0").rstrip(".") if "." in value else value
    return "0" if text == "-0" else text
