"""A log format: how its rows are read, and what makes them bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...datasets.access import AccessHours
from ...kernel.source import Format, RowMapping
from ..cells import literal

_YEARS = "BETWEEN TIMESTAMP '1900-01-01' AND TIMESTAMP '2199-12-31 23:59:59.999999'"
# Of a part of this name.
NO_TIME = ("the time cannot be read", f"_hour IS NULL OR _hour NOT {_YEARS}")
NO_STATUS = ("the status cannot be read", "_status IS NULL OR _status NOT BETWEEN 0 AND 999")
NO_BYTES = ("the size cannot be read", "_bytes IS NULL OR _bytes < 0")


@dataclass(frozen=True)
class LogFormat:
    """How one kind of log is read: `parts` are SQL expressions over `raw` and the parts before them.

    What costs more to work out than to compare is `told`: expressions over the parts, worked out once for all rows that
    agree in those. A part of the name of a column of `access_hours`, behind a `_`, is that column. `once` is SQL of a
    request's own id, which counts once among the files that land together.
    """

    name: str
    layout: Format
    parts: Mapping[str, str]
    told: Mapping[str, str]
    rejects: Sequence[tuple[str, str]]
    aside: Sequence[tuple[str, str]] = field(default=())
    once: str = ""

    def mapping(self) -> RowMapping:
        """What lands in `access_hours`."""
        known = {**self.parts, **self.told}
        columns = {name: f"_{name}" for name in AccessHours.columns() if f"_{name}" in known}
        sums = {name: columns.pop(name, "CAST(0 AS DECIMAL(14,6))") for name in ("seconds", "bytes")}
        return RowMapping(
            AccessHours,
            {
                "delivery": "_delivery",
                "source": literal(self.name),
                "day": "CAST(_hour AS DATE)",
                "template": "CAST(NULL AS VARCHAR)",
                **columns,
            },
            (*self.rejects, NO_TIME, NO_STATUS, NO_BYTES),
            aside=self.aside,
            asked=self.parts,
            told=self.told,
            sums={**sums, "requests": "1"},
            once=self.once,
        )


def hour_of(time: str) -> str:
    """SQL: the hour of a TIMESTAMP."""
    return f"CAST(date_trunc('hour', {time}) AS TIMESTAMP)"


def status_of(said: str) -> str:
    """SQL: a status; 0 where there was no answer (`-`, `000`), null where it cannot be read."""
    return f"TRY_CAST(CASE WHEN {said} = '-' THEN '0' ELSE {said} END AS SMALLINT)"


def whole(number: str) -> str:
    """SQL: a count of bytes; `-` is none, null where it cannot be read."""
    return f"TRY_CAST(CASE WHEN {number} = '-' THEN '0' ELSE {number} END AS DECIMAL(15,0))"


def seconds_of(said: str) -> str:
    """SQL: DECIMAL of a time in seconds; what is no time, and -1, is none."""
    return f"greatest(coalesce(TRY_CAST({said} AS DECIMAL(14,6)), 0), 0)"


def milliseconds_of(said: str) -> str:
    """SQL: DECIMAL seconds of a time in milliseconds; what is no time, and -1, is none."""
    return f"greatest(coalesce(TRY_CAST({said} AS DECIMAL(14,3)), 0), 0) * 0.001"


def nanoseconds_of(said: str) -> str:
    """SQL: DECIMAL seconds of a time in nanoseconds; what is no time, and -1, is none."""
    return f"greatest(coalesce(TRY_CAST({said} AS DECIMAL(20,0)), 0), 0) * 0.000000001"
