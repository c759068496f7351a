"""The live intake: an event is the row that it is in a file; the account balances, whatever comes, and comes again."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from taking import intake_of

from tenantry.datasets.usage import Usage
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.engine.live import LiveReader
from tenantry.runtime.ingest import ingest
from tenantry.runtime.intake import Intake
from tenantry.runtime.intake.doors import EventDoor
from tenantry.sources.live import live_events
from tenantry.sources.tables import UsageTable

pytestmark = pytest.mark.slow

_LIVE = live_events()
_ENGINE = DuckDB(Lake(Path("none")), "1GB", 1)
_READER = LiveReader(_ENGINE, _LIVE.mappings, ("_record",))
_DOOR = EventDoor(_LIVE, _ENGINE, lambda: datetime(2026, 7, 1, tzinfo=UTC))

_odd_texts = st.sampled_from(
    [
        "",
        " ",
        "null",
        "N/A",
        " acme",
        "acme ",
        "(idle)",
        "(a",
        "a)",
        "(a)(b)",
        "é",
        "aé",
        "éa",
        "a\tb",
        "none ",
        "\n",
        "<NA>",
        "a\nb",
        "-",
        "1",
    ]
)
_texts = st.sampled_from(["acme", "globex", "search", "a b", "x/y?z=1"]) | _odd_texts | st.text(max_size=6)
_numbers = (
    st.integers(-(10**20), 10**20)
    | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**19), max_value=10**19).map(str)
    | st.sampled_from(
        [
            "1.50",
            "-0",
            "0.0",
            "007",
            "1e3",
            "1,234",
            "",
            " 5 ",
            "+5",
            ".5",
            "5.",
            "0.1234567891",
            "$3",
            None,
            True,
        ]
    )
    | _texts
)
_clock = st.tuples(
    st.datetimes().map(lambda t: t.isoformat(timespec="seconds")),
    st.sampled_from(["", ".5", ".123", ".123456", ".123456789", ".", ".1234567"]),
    st.sampled_from(["Z", "+02:00", "-05:30", "", " UTC", "z", "+0200", "ZZ"]),
).map("".join)
_times = _clock | st.sampled_from(
    ["2026-02-30T00:00:00Z", "2026-06-30T23:59:60Z", "2026-06-30T24:00:00Z", "1899-12-31T23:00:00Z", "2026-06-30",
     "1900-01-01T00:00:00+05:00", "2199-12-31T23:59:59Z", "2026-06-30 12:00:00Z", "1782823000", "",
     " 2026-06-30T12:00:00Z", "2026-06-30T12:00:00.5+00:00"]
)  # fmt: skip
_values = _texts | st.none() | st.integers(-5, 5) | st.booleans() | st.just({"a": 1}) | st.just([1])
_data = st.dictionaries(
    st.sampled_from(["feature_id", "feature", "featureId", "service", "region", "tenant_id", "resource_id", "other"]),
    _values, max_size=4,
)  # fmt: skip


@st.composite
def _events(draw: st.DrawFn) -> dict[str, Any]:
    event: dict[str, Any] = {"specversion": draw(st.sampled_from(["1.0"] * 9 + ["1.1", 1.0]))}
    event |= {name: draw(_texts | st.integers(0, 3)) for name in ("id", "source", "type")}
    event["time"] = draw(_times)
    data = draw(_data) | draw(st.dictionaries(st.sampled_from(["quantity", "value"]), _numbers, max_size=2))
    optional = {
        "subject": _values,
        "tenantid": _values,
        "data": st.just(data) | st.sampled_from([None, 5, "x", [], [data]]),
    }
    return event | draw(st.fixed_dictionaries({}, optional=optional))


def _mapped(event: Mapping[str, Any]) -> Any:
    from tenantry.engine.records import json_object

    record = json_object(json.dumps(event))
    assert not record.reason
    [[fate]] = _READER.read({"_record": [record.text]}, 1)
    return fate.cells


def _plain_cells(column: pa.Array) -> list[Any]:
    """Days and microseconds since 1970 as numbers."""
    if pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    elif pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return column.to_pylist()


def _read_at_once(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Payload and cells of each; nothing of those that are left to the mapping."""
    parcel = _DOOR.open(json.dumps(events).encode())
    [plain] = [*_DOOR.read([parcel])] or [parcel.plain]
    rows: list[tuple[Any, ...]] = [(None,)] * len(events)
    if plain:
        columns = [_plain_cells(plain.rows.batch[name]) for name in Usage.columns()]
        for index, *cells in zip(plain.indexes, plain.payloads, *columns, strict=True):
            rows[index] = tuple(cells)
    return rows


_PLAIN = {
    "specversion": "1.0",
    "id": "1",
    "source": "s",
    "type": "m",
    "subject": "t",
    "time": "2026-06-30T12:00:00Z",
}


@settings(max_examples=max(settings().max_examples // 4, 10))
@given(st.lists(_events(), min_size=40, max_size=40))
@example(
    [
        _PLAIN | {"data": {"quantity": q}}
        for q in (True, 1.5, "1.10", 10**18, -1, "-0.0", 1e-9, "1\u0663", "1,234")
    ]
)
@example(
    [
        _PLAIN | {"time": t}
        for t in ("2026-06-30T12:00:00.123456789Z", "2026-06-30T12:00:00.\u0663Z", "1900-01-01T00:00:00Z")
    ]
)
@example(
    [_PLAIN | {"subject": s} for s in ("a\u00a0", "\u00a0", "a\x7f", "\x7f", "a\u0085", "nUlL", "(a\n)")]
)
def test_what_is_read_at_once_is_what_the_mapping_of_files_reads(events: list[dict[str, Any]]):
    plain = [
        (event, cells)
        for event, (_, *cells) in zip(events, _read_at_once(events), strict=True)
        if cells and "\0" not in json.dumps(event, ensure_ascii=False)
    ]
    # Whatever stands beside it, an event is the same row, and the same payload.
    assert [cells for event in events for cells in _read_at_once([event])] == _read_at_once(events)
    if plain:
        records = [json.dumps(event) for event, _ in plain]
        [fates] = _READER.read({"_record": records}, len(records))
        for (event, cells), fate in zip(plain, fates, strict=True):
            assert fate.cells
            assert [*fate.cells[:-1]] == cells[:-1], event
            assert Decimal(str(fate.cells[-1])) == Decimal(cells[-1]), event


class Taking(RuleBasedStateMachine):
    """Batches of new events, the same again, others of the same id, and bad ones; files that hold some; restarts."""

    @initialize()
    def begin(self):
        self.lake = Path(tempfile.mkdtemp())
        self.intake: Intake = intake_of(self.lake, every=0.05, late_keys=40)
        self.intake.start()
        self.counted: dict[str, int] = {}
        self.sent: dict[str, int] = {}

    def teardown(self):
        self.intake.stop()
        shutil.rmtree(self.lake)

    def _event(self, name: str, quantity: int) -> dict[str, Any]:
        return {
            **_PLAIN,
            "id": name,
            "time": f"2026-06-{int(name) % 3 + 10}T12:00:00Z",
            "data": {"quantity": quantity},
        }

    @rule(
        some=st.lists(
            st.tuples(st.integers(0, 99).map(str), st.integers(1, 2), st.booleans()), min_size=1, max_size=30
        )
    )
    def send(self, some: list[tuple[str, int, bool]]):
        events = [
            self._event(name, quantity) | ({} if good else {"subject": ""}) for name, quantity, good in some
        ]
        parcel = self.intake.take(self.intake.events.open(json.dumps(events).encode()))
        accepted = duplicates = 0
        conflicts: list[int] = []
        for index, (name, quantity, good) in enumerate(some):
            if good and name not in self.counted:
                self.counted[name] = self.sent[name] = quantity
                accepted += 1
            elif good and (name not in self.sent or self.sent[name] == quantity):
                duplicates += 1
            elif good:
                conflicts.append(index)
        assert (parcel.accepted, parcel.duplicates) == (accepted, duplicates)
        assert [one.index for one in parcel.conflicts] == conflicts
        assert [one.index for one in parcel.rejected] == [n for n, one in enumerate(some) if not one[2]]

    @rule(some=st.dictionaries(st.integers(0, 99).map(str), st.integers(1, 2), min_size=1, max_size=5))
    def land_a_file(self, some: dict[str, int]):
        self.intake.flush()
        file = self.lake / "file.jsonl"
        file.write_text("\n".join(json.dumps(self._event(name, quantity)) for name, quantity in some.items()))
        engine = DuckDB(Lake(self.lake), "1GB", 1)
        ingest(engine, [UsageTable], [str(file)], datetime.now(UTC))
        self.counted |= some
        self.intake.flush()

    @rule()
    def drain(self):
        self.intake.flush()

    @rule()
    def restart(self):
        self.intake.stop()
        self.intake = intake_of(self.lake, every=0.05, late_keys=40)
        self.intake.start()

    @rule()
    def replay(self):
        assert self.intake.replay()["accepted"] == 0

    @invariant()
    def the_account_balances(self):
        if not hasattr(self, "intake"):
            return
        of = self.intake.counters()["events"]
        assert of["received"] == sum(n for fate, n in of.items() if fate != "received")
        assert of["stored"] == len(self.sent)

    @invariant()
    def each_is_in_the_lake_or_waits_once(self):
        if not hasattr(self, "intake"):
            return
        waiting = self.intake.gauges()[
            "pending_rows"
        ]  # first: what lands from here on counts twice, and never not
        engine = DuckDB(Lake(self.lake), "1GB", 1)
        engine.attach([Usage])
        rows = engine.query("SELECT id, quantity FROM usage")
        assert len({row["id"] for row in rows}) == len(rows) <= len(self.counted)
        assert all(row["quantity"] == Decimal(self.counted[row["id"]]) for row in rows)
        assert len(rows) + waiting >= len(self.counted)


TestTaking = Taking.TestCase
TestTaking.settings = settings(
    max_examples=max(settings().max_examples // 8, 5), stateful_step_count=15, deadline=None
)
