"""Datasets as MCP resources: rows in pages of a size that a conversation can hold."""

from __future__ import annotations

import inspect
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import anyio.to_thread
from mcp_types import (
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from ...errors import TenantryError, invalid
from ...kernel import Dataset, Principal, Window
from ...runtime.call import Runtime, plain
from ...runtime.reader import Page, Place, may_see
from ...runtime.tables import Evidence
from ..cursor import Cursor
from ..export import json_rows, write
from .asking import Asker, note, principal_asking
from .problems import check_whole, protocol_error

PREFIX = "tenantry://datasets/"
ROWS = 500
"""Rows of one page, at most."""
SIZE = 64_000
"""Bytes of one page, at most, unless one row alone has more."""
_TYPES = {"json": "application/json", "csv": "text/csv"}
_PARAMETERS = ("window", "format", "cursor")
_HOW = (
    f"At most {ROWS} rows or {SIZE // 1000} kB at a time; what is read names what to read next."
    " `tenantry export` writes a dataset whole."
)


@dataclass(frozen=True)
class _Address:
    """The rows that a URI names: a page of a dataset, by day and key."""

    dataset: str
    window: Window | None = None
    format: str = "json"
    cursor: Cursor | None = None

    @staticmethod
    def read(uri: str) -> _Address:
        """Raises `invalid` for what is no address of a dataset's rows."""
        none = invalid(
            f"no resource {uri}", f"resources are {PREFIX}NAME with, if you like, {', '.join(_PARAMETERS)}"
        )
        try:
            parts = urlsplit(uri)
        except ValueError:
            raise none from None
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        name = unquote(parts.path.removeprefix("/"))
        if (parts.scheme, parts.netloc) != ("tenantry", "datasets") or not name or asked.keys() - _PARAMETERS:
            raise none
        if asked.get("format", "json") not in _TYPES:
            raise invalid(f"no resource {uri}", f"`format` is {' or '.join(_TYPES)}")
        return _Address(
            name,
            Window.parse(asked["window"]) if "window" in asked else None,
            asked.get("format", "json"),
            Cursor.read(asked["cursor"]) if "cursor" in asked else None,
        )

    @property
    def uri(self) -> str:
        asked = {
            "window": self.window and str(self.window),
            "format": None if self.format == "json" else self.format,
            "cursor": self.cursor and self.cursor.text(),
        }
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{PREFIX}{quote(self.dataset)}{'?' if query else ''}{query}"


class Resources:
    """Lists the datasets, and reads their rows, as the principal may see them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def list(self, ctx: Asker, params: PaginatedRequestParams | None) -> ListResourcesResult:
        check_whole(params)
        principal = principal_asking(ctx)
        return ListResourcesResult(
            resources=[
                Resource(
                    uri=_Address(dataset.table()).uri,
                    name=dataset.table(),
                    title=dataset.table().replace("_", " ").capitalize(),
                    description=f"{_about(dataset)} {_HOW}",
                    mime_type=_TYPES["json"],
                )
                for dataset in self._runtime.catalog.datasets
                if may_see(principal, dataset)
            ]
        )

    async def templates(
        self, ctx: Asker, params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        check_whole(params)
        shown = ResourceTemplate(
            uri_template=f"{PREFIX}{{name}}{{?{','.join(_PARAMETERS)}}}",
            name="dataset",
            title="Rows of a dataset",
            description="`window`: START..END with END exclusive, or YYYY-MM. `format`: json or csv."
            f" `cursor`: from the page before. {_HOW}",
        )
        return ListResourceTemplatesResult(resource_templates=[shown])

    async def read(self, ctx: Asker, params: ReadResourceRequestParams) -> ReadResourceResult:
        try:
            work = partial(self._read, _Address.read(params.uri), principal_asking(ctx))
            return await anyio.to_thread.run_sync(work)
        except TenantryError as problem:
            note(ctx, problem, str(params.uri))
            raise protocol_error(problem, uri=params.uri) from None

    def known(self, argument: str) -> Sequence[str]:
        """What may be given for a parameter of the address."""
        names = [dataset.table() for dataset in self._runtime.catalog.datasets]
        return {"name": names, "format": [*_TYPES]}.get(argument, [])

    def _read(self, asked: _Address, principal: Principal) -> ReadResourceResult:
        dataset = self._runtime.catalog.dataset(asked.dataset)
        start = asked.cursor or Cursor(self._runtime.versions(asked.dataset), Place())
        limit = ROWS
        while True:
            page, evidence = self._runtime.page(
                asked.dataset, asked.window, start.place, limit, principal, start.versions
            )
            following = replace(asked, cursor=Cursor(start.versions, page.rest)).uri if page.rest else None
            text = _shown(dataset, asked.format, page, evidence, following)
            if len(text) <= SIZE or limit == 1:
                return _contents(asked, text, following)
            limit = max(1, min(limit - 1, sum(b.num_rows for b in page.batches) * SIZE // len(text)))


def _contents(asked: _Address, text: str, following: str | None) -> ReadResourceResult:
    found = ReadResourceResult(
        contents=[TextResourceContents(uri=asked.uri, mime_type=_TYPES[asked.format], text=text)]
    )
    if following and asked.format == "csv":
        note = f"There are more rows: read {following}"
        found.contents.append(TextResourceContents(uri=following, mime_type="text/plain", text=note))
    return found


def _shown(
    dataset: type[Dataset],
    format_: str,
    page: Page,
    evidence: tuple[Evidence, ...],
    following: str | None,
) -> str:
    """The page as text; as JSON with what its columns mean, and `next`, what to read next."""
    if format_ == "csv":
        text = io.BytesIO()
        write(dataset, page.batches, text, format_)
        return text.getvalue().decode()
    columns = dataset.columns()
    document: dict[str, Any] = {
        "dataset": dataset.table(),
        "about": _about(dataset),
        "keys": list(dataset.keys),
        "units": {name: column.unit for name, column in columns.items() if column.unit},
        "data": list(json_rows(list(columns), page.batches)),
        "next": following,
        "evidence": [plain(vars(e)) for e in evidence],
    }
    return json.dumps(document, separators=(",", ":"))


def _about(dataset: type[Dataset]) -> str:
    return " ".join(inspect.cleandoc(dataset.__doc__ or "").partition("\n\n")[0].split())
