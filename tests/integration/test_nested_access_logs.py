"""Access logs in JSON as products write them: flat, in objects within each other, names that come late."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest
from shop import Shop

from tenantry.datasets import AccessHours
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.engine.layouts import sample
from tenantry.engine.records import FIRST
from tenantry.kernel import Format
from tenantry.kernel.landing import Quarantine
from tenantry.sources.access import AccessLog

SHOWN = "source hour host method path template status agent claim claimed_by requests seconds bytes"


@pytest.fixture
def shop(tmp_path: Path, now: datetime) -> Shop:
    return Shop(tmp_path / "in", DuckDB(Lake(tmp_path / "lake")), now)


CADDY: dict[str, Any] = {
    "level": "info", "ts": 1646861401.5241024, "logger": "http.log.access", "msg": "handled request",
    "request": {
        "remote_ip": "127.0.0.1", "remote_port": "41342", "proto": "HTTP/2.0", "method": "GET", "host": "localhost",
        "uri": "/pets?x=1", "headers": {"User-Agent": ["curl/7.82.0"], "X-Tenant-Id": ["acme"], "Accept": ["*/*"]},
        "tls": {"resumed": False, "version": 772, "server_name": "example.com"},
    },
    "bytes_read": 20, "user_id": "", "duration": 0.000929675, "size": 10900, "status": 200,
    "resp_headers": {"Server": ["Caddy"], "Content-Type": ["text/html"]},
}  # fmt: skip
ECS = {
    "@timestamp": "2016-05-23T08:05:34.853Z",
    "http": {
        "request": {"method": "POST", "body": {"bytes": 30}},
        "response": {"status_code": 503, "body": {"bytes": 1437}},
    },
    "url": {"path": "/search", "query": "q=a", "domain": "www.example.com"},
    "user_agent": {"original": "Mozilla/5.0"}, "event": {"duration": 2500000000}, "host": {"name": "web-1"},
    "organization": {"id": "acme"}, "log": {"file": {"path": "/var/log/nginx/access.log"}},
}  # fmt: skip


def hashed(key: str) -> str:
    return f"key:{sha256(key.encode()).hexdigest()[:16]}"


def dotted(value: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, one in value.items():
        flat |= dotted(one, f"{before}{name}.") if isinstance(one, dict) else {before + name: one}
    return flat


PRODUCTS: dict[str, tuple[Mapping[str, Any], str]] = {
    "Caddy's page `log`": (CADDY, "caddy 2022-03-09T21 localhost GET /pets - 200 - acme header 1 0.00093 10920"),
    "Elastic Common Schema": (
        ECS, "log 2016-05-23T08 www.example.com POST /search - 503 - acme claim 1 2.5 1467",
    ),
    "Elastic Common Schema, dotted": (
        dotted(ECS), "log 2016-05-23T08 www.example.com POST /search - 503 - acme claim 1 2.5 1467",
    ),
    "an event of API Gateway's HTTP API 2.0 beside its answer": (
        {
            "version": "2.0", "routeKey": "GET /pets/{id}", "rawPath": "/pets/7", "rawQueryString": "a=1",
            "headers": {"X-Forwarded-Port": "443", "user-agent": "Googlebot/2.1"},
            "requestContext": {
                "accountId": "123456789012", "authorizer": {"jwt": {"claims": {"tenant_id": "acme"}}},
                "domainName": "api.example.com", "http": {"method": "GET", "path": "/pets/7"}, "requestId": "id-1",
                "routeKey": "GET /pets/{id}", "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1583348638390,
            },
            "response": {"statusCode": 404},
        },
        "api_gateway 2020-03-12T19 api.example.com GET /pets/7 GET /pets/{id} 404 bot acme claim 1 0 0",
    ),
    "Google's `LogEntry` with `HttpRequest`": (
        {
            "httpRequest": {
                "latency": "0.137856s", "remoteIp": "203.0.113.6", "requestMethod": "GET", "requestSize": "100",
                "requestUrl": "https://shop.example.com/orders/7?tenant=acme", "responseSize": "200", "status": 304,
                "userAgent": "curl/8",
            },
            "insertId": "1oek5rg3l3fxj7", "resource": {"labels": {"project_id": "p"}, "type": "http_load_balancer"},
            "severity": "INFO", "timestamp": "2020-06-08T23:41:30.078651Z",
        },
        "log 2020-06-08T23 shop.example.com GET /orders/7 - 304 - acme query 1 0.137856 300",
    ),
    "Azure Front Door": (
        {
            "time": "2022-03-01T10:00:00.1234567Z", "resourceId": "/SUBSCRIPTIONS/1", "category": "FrontDoorAccessLog",
            "properties": {
                "trackingReference": "0Abc", "httpMethod": "GET", "httpVersion": "2.0",
                "requestUri": "https://acme.example.com:443/a?b=1", "hostName": "acme.example.com",
                "requestBytes": "73", "responseBytes": "4940", "userAgent": "curl/8", "clientIp": "1.2.3.4",
                "timeTaken": "0.23", "httpStatusCode": "200", "httpStatusDetails": "200",
            },
        },
        "log 2022-03-01T10 acme.example.com GET /a - 200 - - - 1 0.23 5013",
    ),
    "Azure Application Gateway": (
        {
            "timeStamp": "2022-03-01T10:00:00+00:00", "resourceId": "/SUBSCRIPTIONS/1",
            "properties": {
                "instanceId": "a", "clientIP": "1.2.3.4", "httpMethod": "PUT", "requestUri": "/x",
                "requestQuery": "tenant=acme", "userAgent": "-", "httpStatus": 502, "receivedBytes": 65,
                "sentBytes": 553, "timeTaken": 0.205, "host": "10.0.0.1", "originalHost": "www.example.com",
            },
        },
        "log 2022-03-01T10 www.example.com PUT /x - 502 - acme query 1 0.205 618",
    ),
    "Traefik": (
        {
            "ClientUsername": "-", "DownstreamContentSize": 19, "DownstreamStatus": 404, "Duration": 1250000,
            "RequestContentSize": 1, "RequestHost": "shop.example.com", "RequestMethod": "GET",
            "RequestPath": "/x?y=1", "StartUTC": "2022-03-01T10:00:00.5Z", "request_User-Agent": "Googlebot",
            "request_X-Tenant-Id": "acme", "level": "info", "msg": "", "time": "2022-03-01T10:00:00Z",
        },
        "traefik 2022-03-01T10 shop.example.com GET /x - 404 bot acme header 1 0.00125 20",
    ),
    "Kong": (
        {
            "request": {
                "method": "GET", "uri": "/get", "url": "http://kong:8000/get", "size": "75",
                "headers": {"host": "api.example.com", "x-api-key": "k-1", "user-agent": "curl"},
            },
            "response": {"status": 200, "size": "434", "headers": {"Server": "x"}},
            "latencies": {"proxy": 1430, "kong": 9, "request": 1921}, "started_at": 1433209822425,
        },
        f"kong 2015-06-02T01 api.example.com GET /get - 200 - {hashed('k-1')} key 1 1.921 509",
    ),
    "pino for Node's servers": (
        {
            "level": 30, "time": 1531171074631, "pid": 657, "hostname": "web-1",
            "req": {"id": 1, "method": "GET", "url": "/", "headers": {"host": "api.example.com", "x-tenant": "acme"}},
            "res": {"statusCode": 200, "headers": {"x": "y"}}, "responseTime": 5, "msg": "request completed",
        },
        "log 2018-07-09T21 api.example.com GET / - 200 - acme header 1 0.005 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_product_reads_as_documented(shop: Shop, product: str) -> None:
    record, expected = PRODUCTS[product]
    shop.land(shop.put("access.json", f"{json.dumps(record)}\n"))
    assert shop.lines(AccessHours, SHOWN) == [expected]


def test_records_of_several_lines_read_as_those_of_one(shop: Shop) -> None:
    shop.land(shop.put("access.json", json.dumps([CADDY, CADDY], indent=2)))
    assert shop.lines(AccessHours, "path claim requests seconds") == ["/pets acme 2 0.00186"]


def of_json(n: int, **more: object) -> str:
    return json.dumps(
        {"time": "2015-05-17T10:05:03Z", "method": "GET", "uri": f"/{n % 2}", "status": 200, **more}
    )


@pytest.mark.parametrize("more", [
    {"tenant_id": "acme"}, {"claims": {"tenant_id": "acme"}}, {"headers": {"x-tenant-id": "acme"}},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", ",\n"], ids=["lines", "a list"])
def test_who_is_said_for_the_first_time_far_down_is_read(shop: Shop, more: dict[str, Any], end: str) -> None:
    records = [*(of_json(n, headers={"host": "h"}) for n in range(2 * FIRST)), of_json(0, **more), of_json(1)]
    shop.land(shop.put("access.json", end.join(records) if end == "\n" else f"[{end.join(records)}]"))
    shop.land(shop.put("other.json", of_json(0) + "\n"))
    said = [row for row in shop.lines(AccessHours, "path claim requests") if " - " not in row]
    assert said == ["/0 acme 1"]


def test_a_text_that_holds_json_is_a_text(shop: Shop) -> None:
    line = {"log": of_json(1) + "\n", "stream": "stdout", "time": "2015-05-17T10:05:03Z"}
    path = shop.put("pod.log", json.dumps(line) + "\n")
    assert sample(path).format is Format.JSON
    assert not AccessLog.recognises(sample(path))


@pytest.mark.parametrize(("user", "expected"), [
    ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", f"{hashed('sk_live_4eC39HqLyjWDarjtT1zdp7dc')} key"),
    ("acme-production-2024-team", "acme-production-2024-team user"),
    ("ann@example.com", "ann@example.com user"),
    ("0b9e2c1a-9f51-4c0e-8c1d-5f1a2b3c4d5e", "0b9e2c1a-9f51-4c0e-8c1d-5f1a2b3c4d5e user"),
])  # fmt: skip
def test_a_key_in_place_of_a_user_is_kept_as_its_hash(shop: Shop, user: str, expected: str) -> None:
    shop.land(shop.put("a.json", of_json(1, remote_user=user, args="tenant=a") + "\n"))
    line = f'::1 - {user} [17/May/2015:10:05:03 +0000] "GET /1?tenant=a HTTP/1.1" 200 5 "-" "curl"\n'
    shop.land(shop.put("a.log", line))
    # Of users the query of a line comes first, of keys neither.
    of_line = expected if expected.endswith("key") else "a query"
    assert {*shop.lines(AccessHours, "source claim claimed_by")} == {f"log {expected}", f"combined {of_line}"}


def test_a_key_is_nowhere_in_the_lake_though_a_line_is_bad(shop: Shop) -> None:
    key = "4eC39HqLyjWDarjtT1zdp7dc"
    said = {
        "remote_user": f"sk_{key}", "user_id": key, "ClientUsername": key,
        "headers": {"X-Api-Key": [key, f"2{key}"], "Authorization": [f"Basic {key}"], "cookie": f"a={key}; b={key}"},
    }  # fmt: skip
    shop.put("a.json", "".join(f"{of_json(1, **said, status=how)}\n" for how in (200, "x")))
    line = f'::1 - sk_live_{key} [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" {{}} 5 "-" "curl"\n'
    caddy = CADDY | {"user_id": key, "request": {**CADDY["request"], "headers": {}}}
    shop.put("c.json", "".join(f"{json.dumps(caddy | {'status': how})}\n" for how in (200, "x")))
    shop.put("a.log", line.format(200) + line.format("x"))
    shop.put("b.log", f"shop.example.com:80 {line}".format(200) + f"shop.example.com:80 {line}".format("x"))
    landed = shop.land()
    assert [(entry.accepted, entry.quarantined) for entry in landed.deliveries] == [(1, 1)] * 4
    assert {*shop.column(AccessHours, "claimed_by")} == {"key"}
    assert all("[17/May" in shown or "user_id" in shown for shown in shop.column(Quarantine, "content"))
    kept = [
        str(row)
        for path in (shop.folder.parent / "lake").rglob("*.parquet")
        for row in duckdb.read_parquet(str(path)).fetchall()
    ]
    assert kept
    assert not [row for row in kept if key.lower() in row.lower()]


def test_what_cloudfront_encoded_itself_is_decoded(shop: Shop) -> None:
    fields = "date time cs-method cs-uri-stem sc-status cs-uri-query x-edge-location"
    rows = [
        ["2015-05-17", "10:05:03", "GET", "/a%2520b", "200", "tenant=acme%2520inc", "L"],
        ["2015-05-17", "10:05:03", "GET", "/100%25/%7Ex", "200", "-", "L"],
    ]
    text = "\n".join([f"#Fields: {fields}", *("\t".join(row) for row in rows)])
    shop.land(shop.put("E1.log", text + "\n"))
    assert shop.lines(AccessHours, "path claim") == ["/100%/%7Ex -", "/a%20b acme inc"]
