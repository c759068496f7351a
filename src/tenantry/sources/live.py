"""Events and telemetry as the live intake takes them: by the mappings that files have, and the common case at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
# Texts, seconds and numbers that were looked at before; forgotten together, so that memory is bounded.
_REMEMBERED = 50_000
_TIME = re.compile(
    r"((?:19|20|21)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)"
).fullmatch
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,9})?").fullmatch
# Nothing to trim at its ends; no name of our own in parentheses.
_TEXT = re.compile(r"(?!\(.*\)\Z)[!-~](?:[^\0]*[!-~])?", re.DOTALL).fullmatch
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

    Whatever could be read in more than one way is left to the mapping: None.
    """

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._seconds: dict[tuple[str, str], int] = {}

    def __call__(self, event: Mapping[str, Any], arrived: int) -> Cells | None:
        if event.get("specversion") != "1.0" or "data_base64" in event:
            return None
        row: list[str | int | None] = [None] * len(_COLUMNS)
        data = event.get("data")
        if data is not None and (type(data) is not dict or not self._read(data, row)):
            return None
        name, source, meter = event.get("id"), event.get("source"), event.get("type")
        # Attributes go before members of the data.
        tenant = event.get("tenantid") or event.get("subject") or row[_TENANT]
        if not (self._plain(source) and self._plain(meter) and self._plain(tenant)):
            return None
        if type(name) is not str or not _spoken(name):
            return None
        at = event.get("time")
        at = arrived if at is None else self._micros(at)
        if at is None:
            return None
        quantity = row[_QUANTITY]
        return (
            name, source, at // _DAY, at, tenant, row[_FEATURE], row[_SERVICE], row[_RESOURCE], row[_REGION], meter,
            "1" if quantity is None else quantity,
        )  # fmt: skip

    def _read(self, data: Mapping[str, Any], row: list[str | int | None]) -> bool:
        """Fill a row with the members of `data` that count; False where one of them is not plain."""
        for name, value in data.items():
            place = _MEMBERS.get(name)
            if place is None or value is None or value == "":
                continue
            if row[place] is not None:
                return False
            if place == _QUANTITY:
                number = _number(value)
                if number is None:
                    return False
                row[place] = number
            elif self._plain(value):
                row[place] = value
            else:
                return False
        return True

    def _plain(self, value: Any) -> bool:
        if type(value) is not str:
            return False
        if value in self._texts:
            return True
        if not _spoken(value):
            return False
        if len(self._texts) >= _REMEMBERED:
            self._texts.clear()
        self._texts.add(value)
        return True

    def _micros(self, value: Any) -> int | None:
        found = _TIME(value) if type(value) is str else None
        if found is None:
            return None
        second, fraction, zone = found.groups()
        seconds = self._seconds.get((second, zone))
        if seconds is None:
            try:
                # Whole seconds are exact in a float.
                seconds = int(datetime.fromisoformat(second + zone).timestamp())
            except ValueError:
                return None
            if not _FIRST <= seconds < _LAST:
                return None
            if len(self._seconds) >= _REMEMBERED:
                self._seconds.clear()
            self._seconds[second, zone] = seconds
        return seconds * 1_000_000 + (int(fraction.ljust(6, "0")) if fraction else 0)


_FIRST = int(datetime(1900, 1, 2, tzinfo=UTC).timestamp())
_LAST = int(datetime(2199, 12, 31, tzinfo=UTC).timestamp())


def _spoken(text: str) -> bool:
    return _TEXT(text) is not None and (len(text) > _LONGEST_WORD or text.lower() not in NO_WORDS)


def _number(value: Any) -> str | None:
    """An exact number as plain text, without zeros at its end."""
    if type(value) is int:
        value = str(value)
    if type(value) is not str or not _NUMBER(value):
        return None
    text = value.rstrip("0").rstrip(".") if "." in value else value
    return "0" if text == "-0" else text
