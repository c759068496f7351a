"""Access logs as the world writes them: what no format's page shows, told from lines written by hand."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from shop import Shop

from tenantry.datasets import AccessHours
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.kernel.landing import Quarantine

FIELDS = (
    "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer)"
    " cs(User-Agent) cs-uri-query\n"
)
KEY = "S3cr3tKey"


@pytest.fixture
def shop(tmp_path: Path, now: datetime) -> Shop:
    return Shop(tmp_path / "in", DuckDB(Lake(tmp_path / "lake")), now)


def combined(asked: str, before: str = "10.0.0.1 - -", status: str = "200", agent: str = "curl/8") -> str:
    return f'{before} [17/May/2015:10:05:03 +0000] "{asked}" {status} 5 "-" "{agent}"\n'


def of_json(**fields: object) -> str:
    record = {"time": "2015-05-17T10:05:03Z", "request_method": "GET", "uri": "/x", "status": 200, **fields}
    return json.dumps(record) + "\n"


def cloudfront(stem: str = "/x", status: str = "200", query: str = "-") -> str:
    return f"2015-05-17\t10:05:03\tLAX1\t5\t::1\tGET\td1\t{stem}\t{status}\t-\tcurl\t{query}\n"


def found(shop: Shop, *columns: str) -> list[str]:
    return [" ".join(str(row[name] or "-") for name in columns) for row in shop.rows(AccessHours)]


@pytest.mark.parametrize(("asked", "expected"), [
    ("GET /login?next=https://elsewhere.example/x HTTP/1.1", "- /login"),
    ("GET /proxy/http://elsewhere.example/x HTTP/1.1", "- /proxy/http://elsewhere.example/x"),
    ("GET http://shop.example:80/p?u=http://elsewhere.example/ HTTP/1.1", "shop.example /p"),
    ("GET http://john:secret@shop.example/p HTTP/1.1", "shop.example /p"),
    ("GET http://shop.example?u=/x HTTP/1.1", "shop.example -"),
])  # fmt: skip
def test_only_what_stands_before_a_query_says_host_and_path(shop: Shop, asked: str, expected: str) -> None:
    shop.land(shop.put("access.log", combined(asked)))
    assert found(shop, "host", "path") == [expected]


@pytest.mark.parametrize(("before", "expected"), [
    ("shop.example 10.0.0.1 - -", "shop.example -"),
    ("shop.example:443 10.0.0.1 - john", "shop.example john"),
    ("203.0.113.9, 10.0.0.1 - -", "- -"),
    ("2001:db8::1 10.0.0.1 - -", "- -"),
    ("203.0.113.9 10.0.0.1 - -", "- -"),
    ("10.0.0.1 - John Smith", "- John Smith"),
    ("shop.example 10.0.0.1 - John Smith", "shop.example John Smith"),
    ("2015-05-17T10:05:03.123Z stdout F 10.0.0.1 - -", "- -"),
])  # fmt: skip
def test_what_stands_before_a_combined_line_is_a_virtual_host_only_where_it_is_one(
    shop: Shop, before: str, expected: str
) -> None:
    shop.land(shop.put("access.log", combined("GET / HTTP/1.1", before)))
    assert found(shop, "host", "claim") == [expected]


def test_a_backslash_that_is_escaped_escapes_no_quote(shop: Shop) -> None:
    """Apache writes `\\` for each backslash, so that a client's name may end with two."""
    shop.land(
        shop.put("access.log", combined("GET /a HTTP/1.1", agent="x\\\\") + combined(r"GET /\"b HTTP/1.1"))
    )
    assert found(shop, "path") == ["/%22b", "/a"]


@pytest.mark.parametrize("value", ["%FF", "%E2%82", "%", "%zz"])
def test_a_name_in_a_query_that_is_no_text_is_kept_as_written(shop: Shop, value: str) -> None:
    shop.land(shop.put("access.log", combined(f"GET /?tenant={value} HTTP/1.1")))
    assert found(shop, "claim") == [value]


def test_a_question_mark_within_a_query_begins_no_parameter(shop: Shop) -> None:
    shop.land(
        shop.put(
            "access.log", combined("GET /?a=1?tenant=acme HTTP/1.1") + combined("GET /?a&tenant=b HTTP/1.1")
        )
    )
    assert found(shop, "claim") == ["-", "b"]


def test_lines_that_end_as_on_windows_are_read_as_others(shop: Shop) -> None:
    common = '10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 304 -\r\n'
    (entry,) = shop.land(shop.put("access.log", common + "\r\n" + common)).deliveries
    assert (entry.accepted, entry.note) == (2, "1 x blank lines")


def test_an_ingress_keeps_its_times_beside_lines_that_have_none(shop: Shop) -> None:
    """Some of its lines are cut, and another server may write into the same file."""
    line = combined("GET / HTTP/1.1")
    ingress = (
        line[:-1] + " 300 0.005 [default-web-80] [] 10.0.0.1:80, 10.0.0.2:80 5, 7 0.1, 0.2 502, 200 {:032x}\n"
    )
    shop.land(shop.put("ingress.log", "".join(map(ingress.format, range(6))) + line * 2))
    assert [f"{row.requests} {row.seconds:f} {row.bytes:f}" for row in shop.rows(AccessHours)] == [
        "8 0.030000000 1840.000000000"
    ]


@pytest.mark.parametrize("log", ["alb.log", "envoy.log", "access.json", "cloudfront.log"])
def test_no_day_has_a_twenty_fourth_hour(shop: Shop, log: str) -> None:
    known = {"access.json": of_json(), "cloudfront.log": FIELDS + cloudfront()}
    text = known.get(log) or (Path(__file__).parent / "logs" / log).read_text()
    late = re.sub(r"(\d{4}-\d\d-\d\d[T\t])\d\d", r"\g<1>24", text, count=1)
    shop.land(shop.put(log, late))
    assert "the time cannot be read" in shop.column(Quarantine, "reason")


def test_a_status_that_none_is_is_quarantined(shop: Shop) -> None:
    statuses = ("-5", "1000", "99999", "x", "-", "000", "499")
    shop.land(
        shop.put("access.log", "".join(combined("GET / HTTP/1.1", status=status) for status in statuses))
    )
    assert shop.column(AccessHours, "status") == [0, 499]
    assert shop.column(Quarantine, "row") == [1, 2, 3, 4]


@pytest.mark.parametrize("log", ["access.log", "access.json", "cloudfront.log"])
def test_an_api_key_is_nowhere_in_the_lake(shop: Shop, tmp_path: Path, log: str) -> None:
    ways = (
        "/a?api_key={}", "/a?api%5Fkey={}", "/a?API_KEY={}", "/a%3Fapi_key={}", "/a%3fapi_key%3D{}", "/a;apikey={}",
        "/a&api-key={}", "/a#access_key={}", "http://h?api_key={}", "http://{}@h/x", "http://john:{}@h/x",
        "/a?x=1;api_key={}", "/api_key={}/x", "/a?u=http://b/?api_key={}", "/a?api_key=%FF{}", "/a?{}",
    )  # fmt: skip
    targets = [way.format(KEY) for way in ways]
    lines = {
        "access.log": [combined(f"GET {to} HTTP/1.1", status=how) for to in targets for how in ("200", "x")]
        + [combined("GET / HTTP/1.1", status="x", agent=f'http://b/?q={KEY}"')],
        "access.json": [of_json(uri=to, status=how) for to in targets for how in (200, "x")]
        + [of_json(status=how, **{name: KEY}) for name in ("api_key", "http_x_api_key") for how in (200, "x")]
        + [of_json(status="x", http_authorization=f"Bearer {KEY}"), of_json(api_key=KEY)[:-4] + "\n"],
        "cloudfront.log": [FIELDS]
        + [cloudfront("/a%253Fapi_key%253D" + KEY, how, f"api_key={KEY}") for how in ("200", "x")],
    }
    (entry,) = shop.land(shop.put(log, "".join(lines[log]))).deliveries
    assert entry.accepted
    assert entry.quarantined
    kept = [
        str(row)
        for path in (tmp_path / "lake").rglob("*.parquet")
        for row in duckdb.read_parquet(str(path)).fetchall()
    ]
    assert kept
    assert not [row for row in kept if KEY.lower() in row.lower()]


def test_a_bad_json_record_says_what_is_wrong_with_it_and_no_more(shop: Shop) -> None:
    shop.land(shop.put("access.json", of_json() + of_json(status="x") + of_json(time="2015-02-30T00:00:00Z")))
    assert shop.column(Quarantine, "reason") == ["the status cannot be read", "the time cannot be read"]


def test_a_line_that_says_nothing_is_quarantined_beside_lines_that_describe_the_log(shop: Shop) -> None:
    (entry,) = shop.land(
        shop.put("E1.log", "#Version: 1.0\n" + FIELDS + cloudfront() + "garbage\n")
    ).deliveries
    assert (entry.rows, entry.accepted, entry.quarantined, entry.left_out) == (4, 1, 1, 2)


@pytest.mark.parametrize("end", ["", "\xff\n"], ids=["quick", "careful"])
def test_a_byte_order_mark_is_no_part_of_the_first_line(shop: Shop, end: str) -> None:
    text = f"\ufeff{FIELDS}{cloudfront()}".encode() + end.encode("latin-1")
    (entry,) = shop.land(shop.put("E1.log", text)).deliveries
    assert (entry.accepted, entry.left_out) == (1, 1)


def test_a_file_of_nothing_but_its_description_says_nothing_of_the_others(shop: Shop) -> None:
    shop.land(shop.put("a.log", FIELDS), shop.put("b.log", FIELDS + cloudfront()))
    assert found(shop, "path") == ["/x"]


def test_lines_whose_fields_are_named_anew_are_not_read_by_the_names_of_others(shop: Shop) -> None:
    other = FIELDS.replace("cs-uri-stem sc-status", "sc-status cs-uri-stem")
    text = (
        FIELDS
        + cloudfront("/a")
        + FIELDS
        + cloudfront("/b")
        + other
        + cloudfront("/c")
        + FIELDS
        + cloudfront("/d")
    )
    shop.land(shop.put("E1.log", text))
    assert found(shop, "path") == ["/a", "/b", "/d"]
    ((row, reason),) = [(row.row, row.reason) for row in shop.rows(Quarantine)]
    assert (row, reason) == (6, "its #Fields: are not those of the file's beginning: cut the file there")


def test_connections_in_envoys_json_are_no_requests(shop: Shop) -> None:
    http = {"start_time": "2020-11-25T21:26:18Z", "method": "GET", "path": "/a", "response_code": 200,
            "response_flags": "-"}  # fmt: skip
    tcp = {**http, "method": None, "path": None, "response_code": 0}
    (entry,) = shop.land(shop.put("envoy.json", f"{json.dumps(http)}\n{json.dumps(tcp)}\n")).deliveries
    assert (entry.accepted, entry.note) == (1, "1 x TCP connections: no requests")


def test_messages_of_a_websocket_are_counted_by_their_route(shop: Shop) -> None:
    shop.land(
        shop.put(
            "ws.json",
            "".join(
                json.dumps({
                    "requestId": route, "ip": "10.0.0.1", "caller": "-", "user": "-", "eventType": "MESSAGE",
                    "requestTime": "17/May/2015:10:05:03 +0000", "routeKey": route, "status": "200",
                    "connectionId": "c=",
                }) + "\n"
                for route in ("$connect", "$default")
            ),
        )
    )  # fmt: skip
    assert found(shop, "template", "method") == ["$connect -", "$default -"]


@pytest.mark.parametrize("fields", [
    {"date": 1431857103.5}, {"date": 1431857103}, {"time": None, "date": 1431857103.5},
    {"date": "2015-05-17T10:05:03.000000Z"}, {"time": "10:05:03", "date": "2015-05-17"},
], ids=str)  # fmt: skip
def test_a_date_is_a_day_only_where_it_is_one(shop: Shop, fields: dict[str, object]) -> None:
    """Shippers of logs add a `date` of their own, which is a whole time."""
    shop.land(shop.put("access.json", of_json(**fields)))
    assert [f"{hour:%d %H}" for hour in shop.column(AccessHours, "hour")] == ["17 10"]
