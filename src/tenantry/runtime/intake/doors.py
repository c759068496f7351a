"""The doors: bodies of requests read into points, with a verdict for each that cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from types import GenericAlias
from typing import Any, Protocol, cast

import msgspec

from ...engine.duckdb import DuckDB
from ...engine.live import Fate, LiveReader
from ...engine.otlp import COLUMNS, begins_point
from ...engine.records import MAX_RECORD, Record, json_object, too_long
from ...errors import TenantryError, invalid
from ...kernel.dataset import Dataset
from ...kernel.live import Cells, Live
from .keys import payloads, row_keys
from .parcel import Parcel, Plain, Row

EVENTS = "events"
SIGNALS = ("metrics", "logs", "traces")
MAX_POINTS = 20_000
"""Records that one statement reads."""

# Fractions stay as they were written: text, from which nothing is to be stripped, but `str` takes as long as all else.
_read = msgspec.json.Decoder(float_hook=str.strip).decode
_read_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode
# Members in the order of the alphabet, however they came; a struct's as it has them.
_canonical = msgspec.json.Encoder(order="deterministic").encode
_packed = msgspec.msgpack.encode
# Digits of a number that every reader takes.
_SHORT = 18
_NO_JSON = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Door(Protocol):
    """Reads the odd points of parcels by the mappings; one thread's."""

    def read_odd(self, parcels: Sequence[Parcel]) -> None: ...

    def reopen(self, door: str, contents: Mapping[int, bytes], tenant: str | None) -> Parcel: ...


class EventDoor:
    """CloudEvents in JSON: an object or an array of them."""

    def __init__(self, live: Live, engine: DuckDB, now: Callable[[], datetime]) -> None:
        [self._mapping] = live.mappings
        self._live, self._now = live, now
        self._table, self._named = _named(self._mapping.dataset)
        self._id = list(self._mapping.dataset.columns()).index("id")
        self._reader = LiveReader(engine, live.mappings, ("_record",))
        self._readers = [_strict_reader(record) for record in live.records]

    def open(self, body: bytes, tenant: str | None = None) -> Parcel:
        """The events of a body. Raises `invalid` where it is no JSON at all."""
        found = self._known(body)
        several = isinstance(found, list)
        events: list[Any] = [*found] if several else [found]
        contents = [*map(_canonical, events)] if found else []
        if not found or max(map(len, contents)) > MAX_RECORD:
            return self._open_any(body, tenant)
        parcel = self._parcel(body, tenant, len(events), several=several)
        self._take(parcel, range(len(events)), events, contents)
        return parcel

    def _known(self, body: bytes) -> Any:
        """An event, or several, that say nothing of themselves but what is known here; None for all others."""
        for read in self._readers:
            with suppress(*_NO_JSON):
                return read(body)
        return None

    def _open_any(self, body: bytes, tenant: str | None) -> Parcel:
        try:
            found: Any = _read(body)
        except _NO_JSON as problem:
            body = _mended(body, problem)
            found = _read(body)
        several = isinstance(found, list)
        documents: list[Any] = [*found] if several else [found]
        parcel = self._parcel(body, tenant, len(documents), several=several)
        self._take_any(parcel, range(len(documents)), documents)
        return parcel

    def reopen(self, door: str, contents: Mapping[int, bytes], tenant: str | None) -> Parcel:
        """The events of the ledger, each by its own index."""
        parcel = Parcel(door, sum(map(len, contents.values())), contents.__getitem__, tenant, len(contents))
        self._take_any(parcel, [*contents], [*map(_read, contents.values())])
        return parcel

    def _parcel(self, body: bytes, tenant: str | None, received: int, *, several: bool) -> Parcel:
        raws: list[msgspec.Raw] = []

        def content(n: int) -> bytes:
            if not several:
                return body
            if not raws:
                raws.extend(_read_raw(body))
            return bytes(raws[n])

        return Parcel(EVENTS, len(body), content, tenant, received)

    def _take_any(self, parcel: Parcel, indexes: Iterable[int], documents: Iterable[Any]) -> None:
        known: list[tuple[int, Any, bytes]] = []
        for index, document in zip(indexes, documents, strict=True):
            if document.__class__ is not dict:
                parcel.reject(index, None, "not a JSON object")
                continue
            content = _canonical(document)
            if len(content) > MAX_RECORD:
                parcel.reject(index, _name(document), too_long(MAX_RECORD))
                continue
            try:
                known.append((index, msgspec.convert(document, self._live.records[-1]), content))
            except msgspec.ValidationError:
                parcel.odd.append((index, content))
        if known:
            self._take(parcel, *zip(*known, strict=True))

    def _take(
        self, parcel: Parcel, indexes: Sequence[int], events: Sequence[Any], contents: Sequence[bytes]
    ) -> None:
        """Take events, each with its content, which tells it from others of its id."""
        if not self._live.plain:
            parcel.odd += zip(indexes, contents, strict=True)
            return
        columns, odd = self._live.plain(events, round(self._now().timestamp() * 1_000_000))
        keys = row_keys(self._table, zip(*(columns[place] for place in self._named), strict=True))
        plain = Plain(
            self._table, indexes, cast("Sequence[str]", columns[self._id]), keys, payloads(contents), columns
        )
        parcel.plain = plain.only([n not in odd for n in range(len(events))]) if odd else plain
        parcel.odd += [(indexes[n], contents[n]) for n in sorted(odd)]

    def read_odd(self, parcels: Sequence[Parcel]) -> None:
        work = [(parcel, index, content) for parcel in parcels for index, content in parcel.odd]
        arrived = {self._live.stamp: self._now().astimezone(UTC).isoformat()}
        records: list[str] = []
        asked: list[tuple[Parcel, int, bytes, str | None]] = []
        for parcel, index, content in work:
            document = _read(content)
            name = _name(document)
            said = document if document.get(self._live.stamp) is not None else document | arrived
            record = json_object(_canonical(said).decode())
            if record.reason:
                parcel.reject(index, name, record.reason)
            else:
                records.append(record.text)
                asked.append((parcel, index, content, name))
        for start in range(0, len(asked), MAX_POINTS):
            some = records[start : start + MAX_POINTS]
            [fates] = self._reader.read({"_record": some}, len(some))
            for (parcel, index, content, name), fate in zip(asked[start:], fates, strict=False):
                if fate.cells is None:
                    parcel.reject(index, name, fate.reason or fate.aside)
                else:
                    row = _row(self._mapping.dataset, fate.cells, content)
                    parcel.points.append((index, name, (row,)))


class TelemetryDoor:
    """OpenTelemetry's records: a point is what a sender counts, which may be two records."""

    def __init__(self, live: Live, engine: DuckDB) -> None:
        self._datasets = [mapping.dataset for mapping in live.mappings]
        self._reader = LiveReader(engine, live.mappings, COLUMNS)

    def open(self, signal: str, records: Iterable[Record], size: int, tenant: str | None = None) -> Parcel:
        points: list[list[list[str]]] = []
        bad: dict[int, str] = {}
        rejected: list[tuple[int, str]] = []
        for record in records:
            if record.reason:
                bad[len(points)] = record.text
                rejected.append((len(points), record.reason))
                points.append([])
            elif begins_point(record):
                points.append([record.fields])
            else:
                points[-1].append(record.fields)
        parcel = self._parcel(signal, dict(enumerate(points)), size, tenant, bad)
        for index, reason in rejected:
            parcel.reject(index, None, reason)
        return parcel

    def reopen(self, door: str, contents: Mapping[int, bytes], tenant: str | None) -> Parcel:
        """The points of the ledger, each by its own index."""
        points = {n: _fields(content) for n, content in contents.items()}
        return self._parcel(door, points, sum(map(len, contents.values())), tenant, {})

    def _parcel(
        self,
        signal: str,
        points: Mapping[int, list[list[str]]],
        size: int,
        tenant: str | None,
        bad: Mapping[int, str],
    ) -> Parcel:
        def content(index: int) -> bytes:
            return bad[index].encode() if index in bad else _content(points[index])

        odd = [(index, point) for index, point in points.items() if index not in bad]
        return Parcel(signal, size, content, tenant, len(points), odd=odd)

    def read_odd(self, parcels: Sequence[Parcel]) -> None:
        work = [(parcel, index, point) for parcel in parcels for index, point in parcel.odd]
        while work:
            some: list[tuple[Parcel, int, list[list[str]]]] = []
            records: list[list[str]] = []
            while work and len(records) < MAX_POINTS:
                some.append(work.pop(0))
                records += some[-1][2]
            columns = {
                name: [cell or None for cell in cells]
                for name, cells in zip(COLUMNS, zip(*records, strict=True), strict=True)
            }
            told = list(zip(*self._reader.read(columns, len(records)), strict=True))
            done = 0
            for parcel, index, point in some:
                self._judge(parcel, index, told[done : done + len(point)])
                done += len(point)

    def _judge(self, parcel: Parcel, index: int, told: Sequence[Sequence[Fate]]) -> None:
        """Of a point: what each mapping made of each of its records."""
        every = [
            (dataset, fate) for fates in told for dataset, fate in zip(self._datasets, fates, strict=True)
        ]
        reasons = dict.fromkeys(fate.reason for _, fate in every if fate.reason)
        rows = [_row(dataset, fate.cells, _packed(fate.cells)) for dataset, fate in every if fate.cells]
        if reasons:
            parcel.reject(index, None, "; ".join(reasons))
        elif rows:
            parcel.points.append((index, None, rows))
        else:
            parcel.leave_out(every[0][1].aside)


@cache
def _named(dataset: type[Dataset]) -> tuple[str, tuple[int, ...]]:
    """A dataset's table, and the places of its keys in a row."""
    columns = list(dataset.columns())
    return dataset.table(), tuple(map(columns.index, dataset.keys))


def _row(dataset: type[Dataset], cells: Cells, content: bytes) -> Row:
    table, places = _named(dataset)
    [key] = row_keys(table, [[cast("str", cells[place]) for place in places]])
    [payload] = payloads([content])
    return table, key, payload, cells


def _strict_reader(record: type[Any]) -> Callable[[bytes], Any]:
    """Reads one such record, or an array of them, with no other members."""
    known = msgspec.defstruct("Known", (), bases=(record,), forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(known | GenericAlias(list, (known,)), float_hook=str.strip).decode


def _name(document: Mapping[str, Any]) -> str | None:
    found = document.get("id")
    return found if isinstance(found, str) else None


def _mended(body: bytes, problem: Exception) -> bytes:
    """A body as JSON has it whose writer was less strict: NaN, halves of surrogate pairs, bytes that are no UTF-8.

    Raises `invalid` for what is no JSON even to a lenient reader.
    """
    try:
        text = body.decode(errors="replace")
        value = json.loads(text, parse_float=str, parse_constant=str, parse_int=_whole)
        return json.dumps(value, ensure_ascii=False).encode(errors="replace")
    except (ValueError, RecursionError):
        raise _no_json(problem) from None


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _SHORT else digits


def _no_json(problem: Exception) -> TenantryError:
    return invalid(
        f"the body is not JSON: {problem}",
        "send an event, or an array of events, as CloudEvents 1.0 has them",
        status=400,
    )


def _content(point: list[list[str]]) -> bytes:
    return _canonical([dict(zip(COLUMNS, fields, strict=True)) for fields in point])


def _fields(content: bytes) -> list[list[str]]:
    return [[one[name] for name in COLUMNS] for one in msgspec.json.decode(content)]
