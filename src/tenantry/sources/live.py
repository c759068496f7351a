"""Events and telemetry as the live intake takes them: by the mappings that files have, and the common case at once."""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from msgspec import UNSET, Struct, UnsetType

from ..kernel.live import Columns, Live
from ..kernel.source import Format, Sample
from .otlp import Otlp
from .patterns import NO_WORDS
from .tables import EVENT_NAMES, UsageTable

_DAY = 86_400_000_000
# Texts that were looked at before; forgotten together, so that memory is bounded.
_REMEMBERED = 50_000
_SECOND = r"(?:19|20|21)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d"
_TIME = re.compile(rf"({_SECOND})(?:\.(\d{{1,6}}))?(Z|[+-]\d\d:\d\d)", re.ASCII).fullmatch
_DIGITS = r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,9})?"
_NUMBER = re.compile(_DIGITS, re.ASCII).fullmatch
# Possessive: what was passed is not kept to go back to.
_ALL_NUMBERS = re.compile(f"(?:{_DIGITS},)++", re.ASCII).fullmatch
_TEXT = re.compile(r"(?!\()[!-~](?:[^\0]*[!-~])?", re.DOTALL).fullmatch
_PLAIN = bytes({*range(ord("!"), ord("~") + 1)} - {*b"("})
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
        self._spoken: set[str] = set()

    def __call__(self, events: Sequence[Event], arrived: int) -> tuple[Columns, set[int]]:
        names, source, meter = [e.id for e in events], [e.source for e in events], [e.type for e in events]
        subjects, named = [e.subject for e in events], [e.tenantid for e in events]
        times = [e.time for e in events]
        odd: set[int] = set()
        nothing = (None,) * len(events)
        told = _told([e.data for e in events], odd)
        tenant, quantity, feature, service, resource, region = (told.get(of, nothing) for of in EVENT_NAMES)
        if any(named) or not all(subjects):
            # Attributes go before members of the data.
            tenant = [a or b or c for a, b, c in zip(named, subjects, tenant, strict=True)]
        else:
            tenant = subjects
        if not _all_spoken(names):
            odd |= {n for n, name in enumerate(names) if not _spoken(name)}
        for column in (source, meter, tenant):
            self._look_at(column, (), odd)
        for column in (feature, service, resource, region):
            self._look_at(column, (None,), odd)
        micros = _micros(times, arrived, odd)
        days = array("i", (np.asarray(micros) // _DAY).astype(np.intc).tobytes())
        return (
            names, source, days, micros, tenant, feature, service, resource, region, meter, _numbers(quantity, odd),
        ), odd  # fmt: skip

    def _look_at(self, column: Sequence[Any], nothing: Collection[None], odd: set[int]) -> None:
        """These recur far more than events do. `nothing` is what may stand for one that is missing."""
        first = column[0]
        try:
            new = ({first} if column.count(first) == len(column) else set(column)) - self._spoken
        except TypeError:
            # An object or array where a text stands.
            odd |= {n for n, one in enumerate(column) if one not in nothing and not _is_spoken(one)}
            return
        plain = {one for one in new if _is_spoken(one)}
        if len(self._spoken) + len(plain) > _REMEMBERED:
            self._spoken.clear()
        self._spoken |= plain
        if bad := new - plain - {*nothing}:
            odd |= {n for n, one in enumerate(column) if one in bad}


def _micros(times: Sequence[Any], arrived: int, odd: set[int]) -> array[int]:
    """Microseconds since 1970."""
    try:
        marks = "".join(times).encode("ascii", "replace").translate(None, b".0123456789")
        # Of all that Arrow takes for a time in a zone, only what is written as ours are has these.
        if marks == b"--T::Z" * len(times):
            read = pa.array(times, pa.string()).cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
            if read.min() >= _FIRST and read.max() < _LAST:
                return array("q", read.tobytes())
    except (TypeError, pa.ArrowInvalid):
        pass
    micros = [_micro(time) if time else None for time in times]
    odd |= {n for n, at in enumerate(micros) if at is None and times[n] not in (None, UNSET)}
    return array("q", [arrived if at is None else at for at in micros])


def _micro(time: str) -> int | None:
    found = _TIME(time)
    if found is None:
        return None
    second, fraction, zone = found.groups()
    try:
        # Whole seconds are exact in a float.
        seconds = int(datetime.fromisoformat(second + zone).timestamp())
    except ValueError:
        return None
    micros = seconds * 1_000_000 + (int(fraction.ljust(6, "0")) if fraction else 0)
    return micros if _FIRST <= micros < _LAST else None


_FIRST = int(datetime(1900, 1, 2, tzinfo=UTC).timestamp()) * 1_000_000
_LAST = int(datetime(2199, 12, 31, tzinfo=UTC).timestamp()) * 1_000_000


def _spoken(text: str) -> bool:
    """Whether a text says what it says: nothing to trim, no word for nothing, no name of our own in parentheses."""
    if not (text.isascii() and text.isprintable()):
        plain = _TEXT(text) is not None
    else:
        plain = text != "" and text[0] != " " and text[-1] != " " and text[0] != "("
    return plain and (len(text) > _LONGEST_WORD or text.lower() not in NO_WORDS)


def _is_spoken(said: Any) -> bool:
    return type(said) is str and _spoken(said)


def _all_spoken(texts: Sequence[str]) -> bool:
    """Whether all of these are plain, seen at one glance: some that are may be missed."""
    odd = "".join(texts).encode(errors="surrogatepass").translate(None, _PLAIN)
    return not odd and min(map(len, texts)) > _LONGEST_WORD


_NOTHING = (None, UNSET, "")


def _told(data: Sequence[Any], odd: set[int]) -> dict[str, Sequence[Any]]:
    """What the members of events' data say, by column. Empty text says nothing; two members may not say the same."""
    kind = next((type(one) for one in data if one), dict)
    if not all(data):
        data = [one or kind() for one in data]
    if kind is Said:
        # Each by its own name in the code, which takes half as long.
        columns: dict[str, list[Any]] = {
            "feature_id": [d.feature_id for d in data], "quantity": [d.quantity for d in data],
            "region": [d.region for d in data], "resource_id": [d.resource_id for d in data],
            "service_name": [d.service_name for d in data], "tenant_id": [d.tenant_id for d in data],
        }  # fmt: skip
    else:
        members = [name for name in set[str]().union(*set(map(tuple, data))) if name in _MEMBERS]
        columns = {name: [one.get(name) for one in data] for name in members}
    told: dict[str, Sequence[Any]] = {}
    for name, column in columns.items():
        if column[0] is UNSET and column.count(UNSET) == len(column):
            continue
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
