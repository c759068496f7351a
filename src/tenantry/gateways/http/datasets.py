"""REST of the datasets: what there is, and each one's rows in pages or as a whole file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from inspect import cleandoc
from typing import IO, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from ...errors import invalid
from ...kernel import Dataset, Principal, Window
from ...kernel.dataset import Column
from ...runtime.call import Runtime, plain
from ...runtime.reader import Place, may_see
from ..cursor import Cursor
from ..export import FORMATS, exported, json_rows, write
from .access import principal_of
from .negotiation import etag, matches
from .problems import PROBLEMS
from .tools import PREFIX, once_each

_MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "focus": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
PAGE, LARGEST_PAGE = 1_000, 10_000
_PIECE = 1 << 18


def dataset_routes(runtime: Runtime) -> APIRouter:
    """`/datasets` lists them; `/datasets/{name}` gives a page of rows, or with `format` all of them as a file."""
    router = APIRouter(prefix=f"{PREFIX}/datasets", tags=["datasets"])

    async def every(request: Request) -> Response:
        principal = principal_of(request.scope)
        if query := once_each(request):
            raise invalid(f"no parameter {', '.join(query)}", "it takes none")
        found = await run_in_threadpool(_all_described, runtime, principal)
        return _answered(request, {"data": found}, etag(found))

    async def one(request: Request, name: str) -> Response:
        query = _Query(once_each(request))
        principal = principal_of(request.scope)
        found = exported(runtime, name, query.window, query.format or "json")
        at = (
            query.cursor.versions
            if query.cursor
            else await run_in_threadpool(runtime.versions, found.table())
        )
        tag = etag([query.given, principal.tenant_id, dict(at)])
        headers = _kept(tag)
        if matches(request, tag):
            return Response(status_code=304, headers=headers)
        if query.format:
            file = await run_in_threadpool(_filled, runtime, found, query, principal)
            return _file(found, query.format, file, headers)
        document = await run_in_threadpool(_page, runtime, found, query, principal, at)
        return _answered(request, document, tag)

    router.add_api_route(
        "", every, operation_id="datasets", summary="The datasets and their columns", response_class=Response,
        openapi_extra=_openapi(_LIST, {}),
    )  # fmt: skip
    router.add_api_route(
        "/{name}", one, operation_id="dataset", summary="Rows of a dataset", response_class=Response,
        description=one.__doc__, openapi_extra=_openapi(_PAGE_SCHEMA, _PARAMETERS, _name_of(runtime)),
    )  # fmt: skip
    return router


class _Query:
    """What a request for a dataset says. Raises `invalid`."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = dict(sorted(given.items()))
        unknown = [name for name in given if name not in _PARAMETERS]
        if unknown:
            raise invalid(f"no parameter {', '.join(unknown)}", f"there are {', '.join(_PARAMETERS)}")
        self.window = Window.parse(given["window"]) if "window" in given else None
        self.format = given.get("format")
        self.cursor = Cursor.read(given["cursor"]) if "cursor" in given else None
        limit = given.get("limit", str(PAGE))
        if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:6]) <= LARGEST_PAGE:
            raise invalid(f"limit={limit}", f"it is a number from 1 to {LARGEST_PAGE}")
        self.limit = int(limit)
        if self.format and (self.cursor or "limit" in given):
            raise invalid("a file is whole", "leave out limit and cursor, or format")


def _page(
    runtime: Runtime, dataset: type[Dataset], query: _Query, principal: Principal, at: Mapping[str, int]
) -> dict[str, Any]:
    place = query.cursor.place if query.cursor else Place()
    page, evidence = runtime.page(dataset.table(), query.window, place, query.limit, principal, at)
    rest = Cursor(at, page.rest).text() if page.rest else None
    return {
        "data": list(json_rows(list(dataset.columns()), page.batches)),
        "next": rest,
        "evidence": [plain(vars(e)) for e in evidence],
    }


def _filled(runtime: Runtime, dataset: type[Dataset], query: _Query, principal: Principal) -> IO[bytes]:
    """The whole file, on disk before the first byte is sent: what fails is an error and no half of an answer."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    try:
        with closing(runtime.batches(dataset.table(), query.window, principal)) as batches:
            write(dataset, batches, file, query.format or "json")  # pyright: ignore[reportArgumentType]
    except BaseException:
        file.close()
        raise
    return file


def _file(dataset: type[Dataset], format_: str, file: IO[bytes], kept: Mapping[str, str]) -> Response:
    size = file.tell()
    name = f"{dataset.table()}.{'csv' if format_ == 'focus' else format_}"

    headers = {
        "Content-Length": str(size),
        "Content-Disposition": f'attachment; filename="{name}"',
        **kept,
    }
    return _Sent(file, headers, _MEDIA[format_])


class _Sent(StreamingResponse):
    """A file, which is closed also where the client does not stay to its end."""

    def __init__(self, file: IO[bytes], headers: Mapping[str, str], media_type: str) -> None:
        file.seek(0)
        super().__init__(iter(partial(file.read, _PIECE), b""), headers=headers, media_type=media_type)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file:
            await super().__call__(scope, receive, send)


def _answered(request: Request, document: Mapping[str, Any], tag: str) -> Response:
    headers = _kept(tag)
    if matches(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(json.dumps(document), headers=headers, media_type="application/json")


def _kept(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": "private, no-cache"}


def _all_described(runtime: Runtime, principal: Principal) -> list[dict[str, Any]]:
    """Without counts for a principal bound to a tenant: they are of all tenants' rows."""
    whole = principal.tenant_id is None
    return [
        {**_described(d), "rows": runtime.rows_held(d.table()) if whole and d.stored else None}
        for d in runtime.catalog.datasets
        if may_see(principal, d)
    ]


def _described(dataset: type[Dataset]) -> dict[str, Any]:
    return {
        "name": dataset.table(),
        "description": (dataset.__doc__ or "").strip(),
        "kind": "landing" if not dataset.derived() else "derived",
        "day": dataset.day_column() or None,
        "keys": list(dataset.keys),
        "reads": [upstream.table() for upstream in dataset.reads],
        "query": dataset.query and cleandoc(dataset.query),
        "columns": [_column(name, c, dataset) for name, c in dataset.columns().items()],
    }


def _column(name: str, column: Column, dataset: type[Dataset]) -> dict[str, Any]:
    return {
        "name": name, "role": column.role.value, "type": column.sql, "unit": column.unit or None,
        "nullable": name not in dataset.required(),
    }  # fmt: skip


def _name_of(runtime: Runtime) -> dict[str, Any]:
    names = [d.table() for d in runtime.catalog.datasets]
    return {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "enum": names}}


_PARAMETERS = {
    "window": {"description": "START..END, end exclusive, or YYYY-MM; by default all there is",
               "schema": {"type": "string", "format": "window"}},
    "format": {"description": "all rows as a file; by default a page of them as JSON",
               "schema": {"enum": list(FORMATS)}},
    "limit": {"description": "rows of a page",
              "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE}},
    "cursor": {"description": "`next` of the page before", "schema": {"type": "string", "format": "cursor"}},
}  # fmt: skip
_ANY = {"type": "object", "additionalProperties": True}
_LIST = {"type": "object", "required": ["data"], "properties": {"data": {"type": "array", "items": _ANY}}}
_PAGE_SCHEMA = {
    "oneOf": [
        {
            "type": "object",
            "required": ["data", "next", "evidence"],
            "properties": {
                "data": {"type": "array", "items": _ANY},
                "next": {
                    "type": ["string", "null"],
                    "description": "cursor of the next page; null at the end",
                },
                "evidence": {"type": "array", "items": _ANY},
            },
        },
        {"type": "array", "description": "with format=json", "items": _ANY},
    ]
}


def _openapi(schema: Mapping[str, Any], query: Mapping[str, Any], *path: Mapping[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if query:
        content |= {
            "text/csv": {"schema": {"type": "string"}},
            _MEDIA["parquet"]: {"schema": {"type": "string"}},
        }
    return {
        "parameters": [*path, *({"name": name, "in": "query", **said} for name, said in query.items())],
        "responses": {
            "200": {"description": "as asked", "content": content},
            "304": {"description": "as the client holds it"},
            **PROBLEMS,
        },
    }
