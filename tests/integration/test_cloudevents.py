"""CloudEvents 1.0 in files: what of an event becomes usage, and which events are refused."""

from __future__ import annotations

import base64
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from shop import Shop, reasons

from tenantry.datasets.usage import Usage
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.kernel.landing import Quarantine

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "1",
    "source": "/api",
    "type": "com.example.call",
    "subject": "acme",
    "time": "2026-07-01T00:30:00.25+02:00",
}
# The example of section 3.1.1 of the JSON event format, with a tenant; its data are XML.
SPECIFIED: dict[str, Any] = {
    "specversion": "1.0",
    "type": "com.example.someevent",
    "source": "/mycontext",
    "subject": "acme",
    "id": "C234-1234-1234",
    "time": "2018-04-05T17:31:00Z",
    "comexampleextension1": "value",
    "comexampleothervalue": 5,
    "unsetextension": None,
    "datacontenttype": "application/xml",
    "data": '<much wow="xml"/>',
}


@pytest.fixture
def shop(tmp_path: Path, now: datetime) -> Shop:
    (tmp_path / "in").mkdir()
    return Shop(tmp_path / "in", DuckDB(Lake(tmp_path / "lake"), "1GB"), now)


def lines(*events: dict[str, Any]) -> str:
    return "\n".join(map(json.dumps, events))


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in EVENT.items() if key != name}


@pytest.mark.parametrize("text", [lines(EVENT), json.dumps([EVENT], indent=1)], ids=["lines", "batch"])
def test_a_byte_order_mark_is_no_part_of_the_first_event(shop: Shop, text: str) -> None:
    shop.put("e.json", text.encode("utf-8-sig"))
    assert not shop.land().quarantined
    assert shop.column(Usage, "id") == ["1"]


def test_every_part_of_an_event_finds_its_column(shop: Shop) -> None:
    data = {
        "quantity": 2.5, "feature_id": "search", "serviceName": "EC2", "resource_id": "i-1", "region": "eu-west-1",
        "unknown": {"deep": [1]},
    }  # fmt: skip
    shop.put("events.ndjson", lines({**EVENT, "data": data, "traceparent": "00-1-2-00"}))
    assert not shop.land().quarantined
    [row] = shop.rows(Usage)
    assert dict(row) == {
        "id": "1", "source": "/api", "day": date(2026, 6, 30), "time": datetime(2026, 6, 30, 22, 30, 0, 250_000),  # noqa: DTZ001
        "tenant_id": "acme", "feature_id": "search", "service_name": "EC2", "resource_id": "i-1", "region": "eu-west-1",
        "meter": "com.example.call", "quantity": Decimal("2.5"),
    }  # fmt: skip


def test_an_event_that_names_no_quantity_counts_one_whatever_its_data(shop: Shop) -> None:
    datas: list[dict[str, Any]] = [
        {}, {"data": None}, {"data": 7}, {"data": "text"}, {"data": ["quantity"]}, {"data": {"quantity": ""}},
        {"data": {"quantity": None}},
        {"data_base64": "AAEC/w=="}, {"data_base64": "no base64!"}, {"data_base64": "PHhtbC8+"},
    ]  # fmt: skip
    shop.put(
        "e.json", json.dumps([SPECIFIED, *({**EVENT, "id": str(n), **data} for n, data in enumerate(datas))])
    )
    assert not shop.land().quarantined
    assert shop.column(Usage, "quantity") == [1] * (1 + len(datas))


def test_data_in_base64_are_read(shop: Shop) -> None:
    packed = base64.b64encode(json.dumps({"quantity": 3, "featureId": "Größe"}).encode()).decode()
    shop.put("e.ndjson", lines(*({**EVENT, "id": str(n)} for n in range(300))))
    shop.put("f.ndjson", lines({**EVENT, "id": "x", "source": "/late", "data_base64": packed}))
    shop.land()
    [row] = [row for row in shop.rows(Usage) if row["id"] == "x"]
    assert (row["quantity"], row["feature_id"]) == (3, "Größe")


def test_the_extension_tenantid_says_whose_it_is_where_the_subject_is_something_else(shop: Shop) -> None:
    shop.put(
        "e.ndjson",
        lines(
            {**EVENT, "tenantid": "beta", "subject": "invoice/7"},
            {**without("subject"), "id": "2", "data": {"tenantId": "gamma"}},
        ),
    )
    shop.land()
    assert shop.column(Usage, "tenant_id") == ["beta", "gamma"]


BAD = [
    (without("id"), "id is missing or cannot be read"),
    ({**EVENT, "id": ""}, "id is missing or cannot be read"),
    (without("source"), "source is missing or cannot be read"),
    (without("type"), "meter is missing or cannot be read"),
    (without("specversion"), "specversion is not 1.0"),
    ({**EVENT, "specversion": "0.3"}, "specversion is not 1.0"),
    (without("subject"), "tenant_id is missing or cannot be read"),
    ({**EVENT, "subject": "(idle)"}, "tenant_id in parentheses is reserved"),
    (without("time"), "day is missing or cannot be read; time is missing or cannot be read"),
    ({**EVENT, "time": "yesterday"}, "day is missing or cannot be read; time is missing or cannot be read"),
    ({**EVENT, "data": {"quantity": "many"}}, "quantity is not a number"),
    ({**EVENT, "data": {"quantity": "NaN"}}, "quantity is not a number"),
    ({**EVENT, "data": {"quantity": "n/a", "value": 2}}, "quantity is not a number"),
    # What data say does not stand in for an attribute.
    ({**without("id"), "data": {"id": "9", "quantity": 1}}, "id is missing or cannot be read"),
]


@pytest.mark.parametrize(
    ("event", "reason"), BAD, ids=[f"{n}: {reason}" for n, (_, reason) in enumerate(BAD)]
)
def test_an_event_is_refused_by_itself(shop: Shop, event: dict[str, Any], reason: str) -> None:
    path = shop.put("e.ndjson", lines({**EVENT, "id": "good"}, event, {**EVENT, "id": "good too"}))
    landed = shop.land()
    assert shop.column(Usage, "id") == ["good", "good too"]
    assert reasons(landed) == {reason: 1}
    [refused] = shop.rows(Quarantine)
    assert (refused["row"], refused["file"], json.loads(refused["content"])) == (2, str(path), event)


def test_an_event_again_is_a_duplicate_and_one_that_says_something_else_a_conflict(shop: Shop) -> None:
    reordered = dict(reversed(list(EVENT.items())))
    other = {**EVENT, "data": {"quantity": 2}}
    elsewhere = {**other, "source": "/other"}
    shop.put("e.ndjson", lines(EVENT, reordered, other, elsewhere))
    landed = shop.land()
    [entry] = landed.deliveries
    assert [(r["source"], r["quantity"]) for r in shop.rows(Usage)] == [("/api", 1), ("/other", 2)]
    assert reasons(landed) == {"the same source, id as an earlier row, but not the same values": 1}
    assert (entry.accepted, entry.left_out, entry.note) == (2, 1, "1 x duplicate")


@pytest.mark.parametrize("size", [64, 512])
def test_events_larger_than_what_every_consumer_must_take_are_taken(shop: Shop, size: int) -> None:
    shop.put("e.json", json.dumps([{**EVENT, "data": {"text": "x" * size * 1024, "quantity": 4}}], indent=1))
    assert not shop.land().quarantined
    assert shop.column(Usage, "quantity") == [4]
