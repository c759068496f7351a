"""Events and telemetry as the live intake takes them: by the mappings that files have, and the common case at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import astuple

from ..kernel.live import Columns, Live
from ..kernel.source import Format, Sample
from .otlp import Otlp
from .patterns import NO_WORDS
from .tables import EVENT_NAMES, UsageTable

_DAY = 86_400_000_000
# Where the seconds of a time end.
_SECOND = len("2026-07-01T12:34:56")
# Texts and seconds that were looked at before; forgotten together, so that memory is bounded.
_REMEMBERED = 50_000
_TIME = re.compile(
    r"((?:19|20|21)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)", re.ASCII
).fullmatch
_DIGITS = r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,9})?"
_NUMBER = re.compile(_DIGITS, re.ASCII).fullmatch
# Possessive: what was passed is not kept to go back to.
_ALL_NUMBERS = re.compile(f"(?:{_DIGITS},)++", re.ASCII).fullmatch
_TEXT = re.compile(r"(?!\()[!-~](?:[^\0]*[!-~])?", re.DOTALL).fullmatch
_LONGEST_WORD = max(map(len, NO_WORDS))
# Members of an event's data, by the column that they tell.
_MEMBERS = {name: column for column, names in EVENT_NAMES.items() for name in names}


class Said(Struct, forbid_unknown_fields=True, gc=False):
    """Data that tells nothing but its columns, by the names that we give them."""

    feature_id: str | UnsetType = UNSET
    quantity: Any = UNSET
    region: str | UnsetType = UNSET
    resource_id: str | UnsetType = UNSET
    service_name: str | UnsetType = UNSET
    tenant_id: str | UnsetType = UNSET


class Event(Struct, kw_only=True, gc=False):
    """A CloudEvent that is written plainly. Fields are in the order of the alphabet."""

    data: dict[str, Any] | UnsetType | None = UNSET
    data_base64: UnsetType = UNSET
    datacontenttype: Any = UNSET
    dataschema: Any = UNSET
    id: str
    source: str
    specversion: Literal["1.0"]
    subject: str | UnsetType | None = UNSET
    tenantid: str | UnsetType | None = UNSET
    time: str | UnsetType | None = UNSET
    type: str


class OurEvent(Event, kw_only=True, gc=False):
    """The same in the words of our documentation, which is read faster."""

    data: Said | UnsetType | None = UNSET  # pyright: ignore[reportIncompatibleVariableOverride]


def live_events() -> Live:
    """CloudEvents 1.0 as usage."""
    some = Sample(Path(), Format.JSON, ("specversion", "id", "source", "type"))
    return Live((UsageTable(path="").mapping([some]),), (OurEvent, Event), PlainEvents(), stamp="time")


def live_telemetry(source: Otlp | None = None) -> Live:
    """OpenTelemetry's records as usage and readings of counters; the source says which attributes count."""
    some = Sample(Path(), Format.OTLP, ())
    [batch] = (source or Otlp(path="")).batches([some])
    return Live(batch.mappings)


class PlainEvents:
    """Reads events whose attributes and data are written plainly, as the mapping of `usage` would: all of a request at
    once, column by column, since every event of a busy day comes through here.

    Whatever could be read in more than one way is left to the mapping.
    """

    def __init__(self) -> None:
        self._spoken: set[tuple[Any, ...]] = set()
        self._seconds: dict[str, int] = {}
        self._ends: dict[str, int] = {}

    def __call__(self, events: Sequence[Event], arrived: int) -> tuple[Columns, set[int]]:
        data, _, _, _, names, source, _, subjects, named, times, meter = zip(
            *map(astuple, events), strict=True
        )
        odd: set[int] = set()
        nothing = (None,) * len(events)
        told = _told(data, odd)
        tenant, quantity, feature, service, resource, region = (told.get(of, nothing) for of in EVENT_NAMES)
        if any(named) or not all(subjects):
            # Attributes go before members of the data.
            tenant = [a or b or c for a, b, c in zip(named, subjects, tenant, strict=True)]
        else:
            tenant = subjects
        if not _all_spoken(names):
            odd |= {n for n, name in enumerate(names) if not _spoken(name)}
        self._look_at([*zip(source, meter, tenant, feature, service, resource, region, strict=True)], odd)
        micros = self._micros(times, arrived, odd)
        day = [at // _DAY for at in micros]
        return (
            names, source, day, micros, tenant, feature, service, resource, region, meter, _numbers(quantity, odd),
        ), odd  # fmt: skip

    def _look_at(self, said: list[tuple[Any, ...]], odd: set[int]) -> None:
        """These recur in other combinations far less than events do."""
        try:
            new = set(said) - self._spoken
        except TypeError:
            # An object or array where a text stands.
            odd |= {n for n, one in enumerate(said) if not _are_spoken(one)}
            return
        plain = {one for one in new if _are_spoken(one)}
        if len(self._spoken) + len(plain) > _REMEMBERED:
            self._spoken.clear()
        self._spoken |= plain
        if bad := new - plain:
            odd |= {n for n, one in enumerate(said) if one in bad}

    def _micros(self, times: Sequence[Any], arrived: int, odd: set[int]) -> list[int]:
        """Microseconds since 1970. Seconds and ends that came before are read at once, others by the longer way."""
        seconds, ends = self._seconds.get, self._ends.get
        micros = [
            second + end
            if (second := seconds(time[:_SECOND])) is not None and (end := ends(time[_SECOND:])) is not None
            else self._read_time(time)
            for time in (times if all(times) else [time or "" for time in times])
        ]
        if None in micros:
            untold = (None, UNSET)
            odd |= {n for n, at in enumerate(micros) if at is None and times[n] not in untold}
        return [arrived if at is None else at for at in micros]

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


_FIRST = int(datetime(1900, 1, 2, tzinfo=UTC).timestamp())
_LAST = int(datetime(2199, 12, 31, tzinfo=UTC).timestamp())


def _spoken(text: str) -> bool:
    """Whether a text says what it says: nothing to trim, no word for nothing, no name of our own in parentheses."""
    if not (text.isascii() and text.isprintable()):
        plain = _TEXT(text) is not None
    else:
        plain = text != "" and text[0] != " " and text[-1] != " " and text[0] != "("
    return plain and (len(text) > _LONGEST_WORD or text.lower() not in NO_WORDS)


def _are_spoken(said: tuple[Any, ...]) -> bool:
    """Whether all of these are plain texts, but for the last four, which may be nothing."""
    needed, optional = said[:3], (text for text in said[3:] if text is not None)
    return all(type(text) is str and _spoken(text) for text in (*needed, *optional))


def _all_spoken(texts: Sequence[str]) -> bool:
    """Whether all of these are plain, seen at one glance: some that are may be missed."""
    together = "".join(texts)
    plain = together.isascii() and together.isprintable() and " " not in together and "(" not in together
    return plain and min(map(len, texts)) > _LONGEST_WORD


_NOTHING = (None, UNSET, "")


def _told(data: Sequence[Any], odd: set[int]) -> dict[str, Sequence[Any]]:
    """What the members of events' data say, by column. Empty text says nothing; two members may not say the same."""
    kind = next((type(one) for one in data if one), dict)
    if not all(data):
        data = [one or kind() for one in data]
    if kind is Said:
        members, values = Said.__struct_fields__, zip(*map(astuple, data), strict=True)
    else:
        members = [name for name in set[str]().union(*set(map(tuple, data))) if name in _MEMBERS]
        values = ([one.get(name) for one in data] for name in members)
    told: dict[str, Sequence[Any]] = {}
    for name, column in zip(members, values, strict=True):
        said = column if all(column) else [None if value in _NOTHING else value for value in column]
        before = told.get(_MEMBERS[name])
        if before:
            # The same by another name.
            odd |= {n for n, (a, b) in enumerate(zip(before, said, strict=True)) if a is not None is not b}
            said = [b if a is None else a for a, b in zip(before, said, strict=True)]
        told[_MEMBERS[name]] = said
    return told


def _numbers(values: Sequence[Any], odd: set[int]) -> Sequence[str]:
    """Exact numbers as plain text; of nothing, one."""
    if {*map(type, values)} != {str}:
        values = [
            "1" if v is None else str(v) if type(v) is int else v if type(v) is str else "" for v in values
        ]
    together = ",".join(values) + ","
    if together.count(",") != len(values) or not _ALL_NUMBERS(together):
        odd |= {n for n, value in enumerate(values) if not _NUMBER(value)}
    return values
