"""The doors: bodies of requests read into points, with a verdict for each that cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from itertools import chain, compress
from types import GenericAlias
from typing import Any, Protocol, cast

import msgspec

from ...engine.cells import Rows
from ...engine.duckdb import DuckDB
from ...engine.live import Fate, LiveReader
from ...engine.otlp import COLUMNS, begins_point
from ...engine.records import MAX_RECORD, Record, json_object, too_long
from ...errors import TenantryError, invalid
from ...kernel.dataset import Dataset
from ...kernel.live import Cells, Columns, Live
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
# Events that are read together: what is made of many more does not stay in the processor's cache.
_TOGETHER = 500
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
        """The events of a body, which is yet to be read."""
        return Parcel(EVENTS, len(body), _Contents(body), tenant, unread=body)

    def read(self, parcels: Iterable[Parcel]) -> Iterator[Plain]:
        """Read bodies. Plain events come as soon as they are read, those of small bodies together.

        A parcel has its plain events in itself where others of it are odd, or its sender is bound to a tenant; or the
        problem, where it is no JSON at all.
        """
        some: list[tuple[Parcel, list[Any], list[bytes]]] = []
        n = 0
        for parcel in parcels:
            events, contents = self._known(parcel.unread or b"")
            parcel.received = len(events)
            if events and parcel.tenant is None:
                some.append((parcel, events, contents))
                n += len(events)
            else:
                self._read_alone(parcel, events, contents)
            parcel.unread = None
            if n >= _TOGETHER:
                yield from self._read_together(some)
                some, n = [], 0
        yield from self._read_together(some)

    def reopen(self, door: str, contents: Mapping[int, bytes], tenant: str | None) -> Parcel:
        """The events of the ledger, each by its own index."""
        parcel = Parcel(door, sum(map(len, contents.values())), contents.__getitem__, tenant, len(contents))
        self._take_any(parcel, [*contents], [*map(_read, contents.values())])
        return parcel

    def _known(self, body: bytes) -> tuple[list[Any], list[bytes]]:
        """Events, each with its content, if all of them say nothing of themselves but what is known here."""
        for read in self._readers:
            with suppress(*_NO_JSON):
                found = read(body)
                events: list[Any] = [*found] if isinstance(found, list) else [found]
                contents = [*map(_canonical, events)]
                if events and max(map(len, contents)) <= MAX_RECORD:
                    return events, contents
        return [], []

    def _read_alone(self, parcel: Parcel, events: Sequence[Any], contents: Sequence[bytes]) -> None:
        """Read a parcel's body, or take the known events that it is of. What fails here fails for this one alone."""
        try:
            if events:
                self._take(parcel, range(len(events)), events, contents)
            else:
                self._read_any(parcel)
        except Exception as problem:  # noqa: BLE001 - told to who waits, and logged
            parcel.problem = problem

    def _read_any(self, parcel: Parcel) -> None:
        body = parcel.unread or b""
        try:
            found: Any = _read(body)
        except _NO_JSON as problem:
            body = _mended(body, problem)
            found = _read(body)
            parcel.content = _Contents(body)
        documents: list[Any] = [*found] if isinstance(found, list) else [found]
        parcel.received = len(documents)
        self._take_any(parcel, range(len(documents)), documents)

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
        """Take events of one parcel, each with its content, which tells it from others of its id."""
        columns, odd = self._columns(events)
        if odd:
            parcel.odd += [(indexes[n], contents[n]) for n in sorted(odd)]
            plain = [n not in odd for n in range(len(events))]
            indexes, contents = [*compress(indexes, plain)], [*compress(contents, plain)]
            columns = [[*compress(column, plain)] for column in columns]
        if indexes:
            parcel.plain = self._plain([(parcel, len(indexes))], indexes, contents, columns)

    def _read_together(self, some: Sequence[tuple[Parcel, list[Any], list[bytes]]]) -> Iterator[Plain]:
        """Plain events of parcels none of which has others."""
        if len(some) > 1:
            all_events = [*chain.from_iterable(events for _, events, _ in some)]
            columns, odd = self._columns(all_events)
            if not odd:
                spans = [(parcel, len(events)) for parcel, events, _ in some]
                indexes = [*chain.from_iterable(range(n) for _, n in spans)]
                contents = [*chain.from_iterable(contents for _, _, contents in some)]
                yield self._plain(spans, indexes, contents, columns)
                return
        for parcel, events, contents in some:
            self._read_alone(parcel, events, contents)
            if parcel.plain and not parcel.odd:
                plain, parcel.plain = parcel.plain, None
                yield plain

    def _columns(self, events: Sequence[Any]) -> tuple[Columns, Collection[int]]:
        """The rows of events, and the places of those that the mapping must read."""
        if not self._live.plain:
            return (), range(len(events))
        return self._live.plain(events, round(self._now().timestamp() * 1_000_000))

    def _plain(
        self, spans: Sequence[tuple[Parcel, int]], indexes: Sequence[int], contents: Sequence[bytes],
        columns: Columns,
    ) -> Plain:  # fmt: skip
        keys = row_keys(self._table, zip(*(columns[place] for place in self._named), strict=True))
        names, rows = cast("Sequence[str]", columns[self._id]), Rows.of(self._mapping.dataset, columns)
        return Plain(self._table, spans, indexes, names, keys, payloads(contents), rows)

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


class _Contents:
    """Events of a body as they came, by index; it is looked into once one is asked for."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._raws: list[msgspec.Raw] = []

    def __call__(self, index: int) -> bytes:
        if not self._body.lstrip().startswith(b"["):
            return self._body
        self._raws = self._raws or _read_raw(self._body)
        return bytes(self._raws[index])


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
