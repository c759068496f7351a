"""Figures: what one message of a log or trace says was used, as records of the same columns.

Each message becomes a record for each of its figures, or one that says of what kind it is. Whose a figure is, and what
of it is usage, is the source's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Context, Decimal
from functools import cache, cached_property
from hashlib import blake2b
from typing import Any

from pydantic_core import to_json

from .records import Record

COLUMNS = (
    "kind", "meter", "number", "observed", "request", "event", "occurrence", "service", "resource", "region", "fields",
)  # fmt: skip
"""Of each record. `kind` is metric, level, invocation, capacity, call, segment, or of a message without a figure log,
part, platform, control, inferred or unfinished. `observed` is Unix milliseconds, or the time as written where it is
none. `request` is what the messages of one request have in common. `event` names a figure by all that its message says;
equal messages are told apart by `occurrence`, where their deliverer names each. `fields` is a JSON object of the
message's plain values by plain name (`tenantId`, `tenant_id` and `tenant: {id}` are `tenantid`)."""

DYNAMODB = "Amazon DynamoDB"
"""As bills name it."""

_SHOWN = 2_000
_DEEP = 6
_LONG = 1_000
_MANY = 200
# Objects in which logging libraries put what they are given: their members count as the message's own.
_TRANSPARENT = frozenset({
    "message", "msg", "record", "properties", "attributes", "context", "fields", "extra", "data", "annotations",
    "metadata", "default", "dimensions", "@message",
})  # fmt: skip
_TIMES = ("timestamp", "time", "ts", "datetime", "eventtime", "starttime")
_REQUESTS = ("requestid", "awsrequestid", "functionrequestid", "lambdarequestid", "faasinvocationid")
_OPERATIONS = ("operation", "operationname", "api", "apicall", "action", "command", "commandname")
_TABLES = ("tablename", "table", "dynamodbtable")
_ARN = re.compile(r"arn:aws[\w-]*:dynamodb:([\w-]+):\d*:table/([^/]+)")
_UNIX = re.compile(r"[0-9]{1,20}([.][0-9]{1,20})?([eE][+]?[0-9]{1,2})?")
_MILLIS_LONG = 11
_EXACT = Context(prec=100)
_SIZE = 40
"""Powers of ten."""


class OddError(ValueError):
    """Something is not as its format has it."""


UNLIKE = (OddError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError)
"""What reading a message raises that is not as its format has it."""


@dataclass
class Entry:
    """One message, with what its deliverer says of it."""

    message: dict[str, Any]
    """A text's fields, where it is no JSON."""
    at: str = ""
    group: str = ""
    """The log group."""
    occurrence: str = ""
    beside: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the deliverer read out of the message."""
    request: str = ""
    text: str = ""
    """The message, where it is no JSON."""

    @cached_property
    def fields(self) -> dict[str, str]:
        own = flat(self.message)
        return flat(self.beside) | own if self.beside else own

    @cached_property
    def fields_text(self) -> str:
        return to_json(self.fields).decode()

    @cached_property
    def observed(self) -> str:
        return self.own_time or self.at

    @cached_property
    def own_time(self) -> str:
        """By the message; a field called `time` may well be how long something took."""
        told = (millis(self.fields[name]) for name in _TIMES if name in self.fields)
        return next((at for at in told if at.isdigit() and len(at) > _MILLIS_LONG), "")

    @cached_property
    def digest(self) -> str:
        """The same however the message was delivered."""
        said = self.text.encode(errors="replace") or to_json(self.message)
        return blake2b(said if self.own_time else f"{self.at}\n".encode() + said, digest_size=12).hexdigest()

    @cached_property
    def lambda_function(self) -> str:
        return self.group.partition("/aws/lambda/")[2]

    def said(self, names: tuple[str, ...]) -> str:
        return next((self.fields[name] for name in names if self.fields.get(name)), "")

    def record(
        self,
        kind: str,
        meter: str = "",
        number: Any = "",
        *,
        service: str = "",
        resource: str = "",
        region: str = "",
        part: str = "",
    ) -> Record:
        """`part` tells figures of one meter in one message apart."""
        event = f"{self.digest}:{meter}:{part}" if part else f"{self.digest}:{meter}"
        request = self.request or self.said(_REQUESTS)
        return Record("", [
            kind, meter, written(number), self.observed, request, event, self.occurrence, service,
            resource, region, self.fields_text,
        ])  # fmt: skip

    def bad(self, reason: str) -> Record:
        return bad(self.text or self.message, reason)


def bad(part: Any, reason: str) -> Record:
    """The record of a part that cannot be read."""
    return Record((part if isinstance(part, str) else to_json(part).decode())[:_SHOWN], reason=reason)


@cache
def plain(name: str) -> str:
    """A name without case and separators."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def flat(message: Mapping[str, Any]) -> dict[str, str]:
    """The plain values of an object by plain name, those of its objects behind theirs; the outermost of equal names."""
    found: dict[str, str] = {}
    level: list[tuple[str, Mapping[str, Any]]] = [("", message)]
    for _ in range(_DEEP):
        inner: list[tuple[str, Mapping[str, Any]]] = []
        for prefix, part in level:
            for key, value in part.items():
                if isinstance(value, dict):
                    inner.append((f"{prefix}{key}.", value))
                    if key.lower() in _TRANSPARENT:
                        inner.append((prefix, value))
                elif value is not None and not isinstance(value, list) and len(found) < _MANY:
                    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
                    if len(text) <= _LONG:
                        found.setdefault(plain(prefix + key), text)
        level = inner
    return found


def millis(at: Any) -> str:
    """A time as Unix milliseconds; as it is written where it is no time."""
    text = str(at).strip()
    if _UNIX.fullmatch(text):
        whole = text.partition(".")[0]
        return str(round(float(text) * 1000)) if len(whole) < _MILLIS_LONG else whole[:13]
    try:
        read = datetime.fromisoformat(text.removesuffix(" UTC"))
        return str(round((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000))
    except (ValueError, OverflowError):
        return text


def written(number: Any) -> str:
    """A number as the shortest text that means it."""
    if isinstance(number, bool) or not isinstance(number, int | float | str | Decimal):
        raise OddError(f"{type(number).__name__} where a number stands")
    return repr(number) if isinstance(number, int | float) else str(number)


# --- DynamoDB ---

_READS = frozenset({
    "getitem", "query", "scan", "batchgetitem", "transactgetitems", "getcommand", "batchgetcommand",
    "transactgetcommand",
})  # fmt: skip
_WRITES = frozenset({
    "putitem", "updateitem", "deleteitem", "batchwriteitem", "transactwriteitems", "putcommand", "updatecommand",
    "deletecommand", "batchwritecommand", "transactwritecommand",
})  # fmt: skip
_SIDES = {"read_units": "ReadCapacityUnits", "write_units": "WriteCapacityUnits"}
_UNITS = "CapacityUnits"
_TOLD = frozenset({"capacityunits", "readcapacityunits", "writecapacityunits"})
_PARTS = ("LocalSecondaryIndexes", "GlobalSecondaryIndexes")
CAPACITY_METERS = {
    "readcapacityunits": "read_units", "consumedreadcapacityunits": "read_units", "readunits": "read_units",
    "writecapacityunits": "write_units", "consumedwritecapacityunits": "write_units", "writeunits": "write_units",
}  # fmt: skip
"""By plain name, what a figure of one of DynamoDB's tables is called."""


def capacities(
    entry: Entry, told: Mapping[str, Any], operation: str = "", region: str = ""
) -> Iterator[Record]:
    """The capacity that calls of DynamoDB consumed, if it tells any: one record a table and side."""
    for nth, one in enumerate(_consumed(told, _DEEP)):
        try:
            name = str(_member(one, "TableName") or _member(told, "TableName") or table_of(entry))
            arn = _ARN.match(name)
            place, table = region or (arn[1] if arn else ""), arn[2] if arn else name
            for meter, number in _sides(one, operation or entry.said(_OPERATIONS)):
                yield entry.record(
                    "capacity",
                    meter,
                    number,
                    service=DYNAMODB,
                    resource=table,
                    region=place,
                    part=f"{nth}:{table}",
                )
        except UNLIKE as problem:
            yield bad(one, f"not as DynamoDB has it: {problem}")


def _sides(one: Mapping[str, Any], operation: str) -> list[tuple[str, Any]]:
    """Meter and units. DynamoDB tells reads and writes apart only in answers to transactions."""
    sides = {meter: _sum(one, unit) for meter, unit in _SIDES.items()}
    if all(number is None for number in sides.values()):
        called = {plain(operation), plain(operation).removesuffix("command")}
        side = "read_units" if called & _READS else "write_units" if called & _WRITES else ""
        if not side:
            raise OddError("units of which nothing says whether they were read or written")
        sides = {side: _sum(one, _UNITS)}
    return [(meter, number) for meter, number in sides.items() if number is not None]


def table_of(entry: Entry) -> str:
    """The table that a message names."""
    return entry.said(_TABLES)


def _member(one: Mapping[str, Any], name: str) -> Any:
    """A member, spelled as DynamoDB or as X-Ray's libraries spell it."""
    if name in one:
        return one[name]
    return next((value for key, value in one.items() if plain(key) == plain(name)), None)


def _sum(one: Mapping[str, Any], unit: str) -> Any:
    """Units as told in all; else of the table and its indexes; None for none."""
    total = _member(one, unit)
    if total is not None:
        return total
    parts = [_member(one, "Table")]
    for indexes in _PARTS:
        parts += (_member(one, indexes) or {}).values()
    found = [n for part in parts if isinstance(part, dict) and (n := _member(part, unit)) is not None]
    return total_of(found) if found else None


def exact(number: Any) -> Decimal:
    """A number as it is written. Raises `OddError` for one of no size that anything has."""
    read = Decimal(written(number))
    if not read.is_finite() or abs(read.adjusted()) > _SIZE:
        raise OddError("a number beyond all bounds")
    return read


def total_of(numbers: list[Any]) -> str:
    """The exact sum of numbers as they are written."""
    total = Decimal(0)
    for number in numbers:
        total = _EXACT.add(total, exact(number))
    return f"{total:f}"


def _consumed(value: Any, deep: int) -> Iterator[Mapping[str, Any]]:
    """Every `ConsumedCapacity` in a value, and an object that is one."""
    if isinstance(value, dict):
        # Most messages have none.
        names = {plain(key): key for key in value} if "apacity" in "".join(value) else {}
        if "tablename" in names and names.keys() & _TOLD:
            yield value
            return
        if "consumedcapacity" in names:
            told = value[names["consumedcapacity"]]
            if isinstance(told, int | float):
                yield {_UNITS: told}
            yield from (one for one in (told if isinstance(told, list) else [told]) if isinstance(one, dict))
            return
    inner = value.values() if isinstance(value, dict) else value
    for one in inner if deep else ():
        if isinstance(one, dict | list):
            yield from _consumed(one, deep - 1)


def names_capacity(message: Mapping[str, Any]) -> bool:
    """True for a message that tells a consumed capacity."""
    return next(_consumed(message, _DEEP), None) is not None
