"""The doors: bodies of requests read into points, with a verdict for each that cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from operator import itemgetter
from typing import Any, Protocol

import msgspec

from ...engine.duckdb import DuckDB
from ...engine.live import Fate, LiveReader
from ...engine.otlp import COLUMNS, begins_point
from ...engine.records import MAX_RECORD, Record, json_object, too_long
from ...errors import TenantryError, invalid
from ...kernel.dataset import Dataset
from ...kernel.live import Cells, Live
from .keys import key_of, payload_of
from .parcel import Parcel, Row

EVENTS = "events"
SIGNALS = ("metrics", "logs", "traces")
MAX_POINTS = 20_000
"""Records that one statement reads."""

# Fractions stay as they were written.
_read = msgspec.json.Decoder(float_hook=str).decode
_read_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode
_canonical = msgspec.json.Encoder(order="sorted").encode
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
        [mapping] = live.mappings
        self._live, self._now = live, now
        self._table, self._keyed = _named(mapping.dataset)
        self._reader = LiveReader(engine, live.mappings, ("_record",))

    def open(self, body: bytes, tenant: str | None = None) -> Parcel:
        """The events of a body. Raises `invalid` where it is no JSON at all."""
        try:
            found: Any = _read(body)
        except _NO_JSON as problem:
            body = _mended(body, problem)
            found = _read(body)
        several = isinstance(found, list)
        documents: list[Any] = [*found] if several else [found]
        raws = cache(lambda: _read_raw(body) if several else [body])
        parcel = Parcel(EVENTS, len(body), lambda n: bytes(raws()[n]), tenant, len(documents))
        self._take(parcel, enumerate(documents))
        return parcel

    def reopen(self, door: str, contents: Mapping[int, bytes], tenant: str | None) -> Parcel:
        """The events of the ledger, each by its own index."""
        parcel = Parcel(door, sum(map(len, contents.values())), contents.__getitem__, tenant, len(contents))
        self._take(parcel, ((index, _read(content)) for index, content in contents.items()))
        return parcel

    def _take(self, parcel: Parcel, documents: Iterable[tuple[int, Any]]) -> None:
        # Runs for every event: names are looked up once.
        arrived, plain = self._micros(), self._live.plain or _never
        points, odd, row = parcel.points, parcel.odd, self._row
        for index, document in documents:
            if document.__class__ is not dict:
                parcel.reject(index, None, "not a JSON object")
                continue
            content = _canonical(document)
            if len(content) > MAX_RECORD:
                parcel.reject(index, _name(document), too_long(MAX_RECORD))
            elif (cells := plain(document, arrived)) is None:
                odd.append((index, document))
            else:
                points.append((index, document["id"], (row(cells, content),)))

    def _row(self, cells: Cells, content: bytes) -> Row:
        return self._table, key_of(self._table, self._keyed(cells)), payload_of(content), cells

    def _micros(self) -> int:
        return round(self._now().timestamp() * 1_000_000)

    def read_odd(self, parcels: Sequence[Parcel]) -> None:
        work = [(parcel, index, document) for parcel in parcels for index, document in parcel.odd]
        stamp = self._now().astimezone(UTC).isoformat()
        records: list[str] = []
        asked: list[tuple[Parcel, int, dict[str, Any]]] = []
        for parcel, index, document in work:
            said = (
                document
                if document.get(self._live.stamp) is not None
                else {**document, self._live.stamp: stamp}
            )
            record = json_object(_canonical(said).decode())
            if record.reason:
                parcel.reject(index, _name(document), record.reason)
            else:
                records.append(record.text)
                asked.append((parcel, index, document))
        for start in range(0, len(asked), MAX_POINTS):
            some = records[start : start + MAX_POINTS]
            [fates] = self._reader.read({"_record": some}, len(some))
            for (parcel, index, document), fate in zip(asked[start:], fates, strict=False):
                if fate.cells is None:
                    parcel.reject(index, _name(document), fate.reason or fate.aside)
                else:
                    row = self._row(fate.cells, _canonical(document))
                    parcel.points.append((index, _name(document), (row,)))


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
        rows = [self._row(dataset, fate.cells) for dataset, fate in every if fate.cells]
        if reasons:
            parcel.reject(index, None, "; ".join(reasons))
        elif rows:
            parcel.points.append((index, None, rows))
        else:
            parcel.leave_out(every[0][1].aside)

    def _row(self, dataset: type[Dataset], cells: Cells) -> Row:
        table, keyed = _named(dataset)
        return table, key_of(table, keyed(cells)), payload_of(_packed(cells)), cells


@cache
def _named(dataset: type[Dataset]) -> tuple[str, Callable[[Cells], Sequence[str]]]:
    """A dataset's table, and what takes the cells of its keys from a row."""
    columns = list(dataset.columns())
    places = [columns.index(key) for key in dataset.keys]
    several = itemgetter(*places)
    return dataset.table(), several if len(places) > 1 else lambda cells: (several(cells),)


def _never(_event: Mapping[str, Any], _arrived: int) -> None:
    """For where no record is read at once."""


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
