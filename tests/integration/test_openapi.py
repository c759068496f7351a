"""OpenAPI documents landed: recognised by content, in JSON or YAML, large or damaged."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path

import pytest
from shop import Shop, reasons

from tenantry.datasets import ApiDocuments
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.methods.routes import operations

YAML = """# our API
---
openapi: "3.1.0"
info:
  title: Shop
  version: 2026-03-01
servers: [{url: https://api.example.com/v2}]
paths:
  /pets/{id}:
    get: {tags: [Pets], responses: {200: {description: ok, x-since: 2026-01-01}}}
    delete: &erase {tags: [Pets]}
  /toys/{id}:
    delete: *erase
"""
SWAGGER = {
    "definitions": {f"d{n}": {"type": "object", "description": "x" * 1000} for n in range(2000)},
    "host": "old.example.com",
    "basePath": "/v1",
    "info": {"title": "Old shop", "version": 1},
    "paths": {"/pets": {"get": {}}},
    "swagger": "2.0",
}


@pytest.fixture
def shop(tmp_path: Path, now: datetime) -> Shop:
    (tmp_path / "files").mkdir()
    return Shop(tmp_path / "files", DuckDB(Lake(tmp_path / "lake"), memory_limit="1GB"), now)


def test_documents_are_recognised_by_content(shop: Shop):
    shop.put("a.txt", YAML)
    shop.put("b.json", json.dumps(SWAGGER, indent=1))
    shop.put("c.json", json.dumps(SWAGGER | {"info": {"title": "Packed"}}))
    shop.put("d.gz", gzip.compress(("\ufeff" + YAML.replace("Shop", "Zipped")).encode()))
    landed = shop.land()
    assert not landed.problems
    assert [(d.source, d.rows, d.accepted) for d in landed.deliveries] == [("openapi", 1, 1)] * 4
    rows = shop.rows(ApiDocuments)
    assert [(r.name, r.title, r.version, r.server) for r in rows] == [
        ("a.txt", "Shop", "2026-03-01", "https://api.example.com/v2"),
        ("b.json", "Old shop", "1", "old.example.com/v1"),
        ("c.json", "Packed", "", "old.example.com/v1"),
        ("d.gz", "Zipped", "2026-03-01", "https://api.example.com/v2"),
    ]
    found = operations(json.loads(rows[0].document))
    assert [(o.method, o.template, o.host, o.tags) for o in found] == [
        ("GET", "/v2/pets/{id}", "api.example.com", ("Pets",)),
        ("DELETE", "/v2/pets/{id}", "api.example.com", ("Pets",)),
        ("DELETE", "/v2/toys/{id}", "api.example.com", ("Pets",)),
    ]


def test_a_new_version_takes_the_place_of_the_old(shop: Shop):
    path = shop.put("openapi.yaml", YAML)
    shop.land(path)
    shop.put("openapi.yaml", YAML.replace("/toys", "/games"))
    shop.land(path)
    [row] = shop.rows(ApiDocuments)
    assert "/games/{id}" in row.document


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("openapi: 3.0.0\npaths: [\n", "no OpenAPI document: while parsing"),
        ('{"openapi": "3.0.0", "paths": {', "no OpenAPI document: Expecting"),
        ("openapi: 3.0.0\npaths: []\n", "its paths are no mapping"),
        ("openapi: 3.0.0\npaths: &a\n  /x: *a\n", "a node holds itself"),
        (
            "openapi: 3.0.0\ninfo: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + "\n".join(f"x-{n}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 10)}]" for n in range(9)),
            "its aliases blow it up",
        ),
        ('{"openapi": "3.0.0", "x": ' + "[" * 100_000 + "]" * 100_000 + "}", "no OpenAPI document"),
    ],
)
def test_what_is_no_document_is_quarantined_with_the_reason(shop: Shop, text: str, why: str):
    shop.put("openapi.yaml", text)
    [(reason, rows)] = reasons(shop.land()).items()
    assert why in reason
    assert rows == 1


def test_references_to_other_files_are_told(shop: Shop):
    shop.put("openapi.yaml", YAML + "  /x: {$ref: x.yaml}\n")
    [entry] = shop.land().deliveries
    assert "1 x refers to other files" in (entry.note or "")
    [row] = shop.rows(ApiDocuments)
    assert len(operations(json.loads(row.document), lenient=True)) == 3


def test_tables_that_only_begin_alike_stay_tables(shop: Shop):
    shop.put(
        "tenants.json",
        '{"tags": "openapi", "tenant_id": "acme", "tier": "pro"}\n{"tags": "", "tenant_id": "globex"}\n',
    )
    [entry] = shop.land().deliveries
    assert (entry.source, entry.accepted) == ("tenants", 2)
