"""Lists over REST, page by page, in the ways that services have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from ..errors import Kind, TenantryError

if TYPE_CHECKING:
    from .asking import Asked

_HOLDERS = ("data", "items", "results", "records", "value", "content", "entries")
_LINKS = (
    "next",
    "links.next",
    "_links.next.href",
    "links.next.href",
    "nextLink",
    "@odata.nextLink",
    "paging.next",
)
_TOKENS = (
    "next_cursor", "nextCursor", "next_page_token", "nextPageToken", "next_token", "nextToken", "cursor",
    "meta.next_cursor", "pagination.next_cursor", "paging.next_cursor", "next",
)  # fmt: skip
_TOKEN_PARAMETERS = ("cursor", "page_token", "pageToken", "next_token", "nextToken", "after", "continuation")
_AFTER_PARAMETERS = ("starting_after", "after", "after_id")
_SIZES = ("limit", "per_page", "page_size", "pageSize", "size")
_SIZE = 100
_TOTALS = ("total", "total_count", "totalCount", "meta.total", "pagination.total")

Query = Mapping[str, Any]
Parameters = Mapping[str, Mapping[str, Any]]


def pages(service: Asked, path: str, parameters: Parameters) -> Iterator[Any]:
    """The answers of a list, one a page. `parameters` are the schemas of those that its query may have, by name.

    In this order: the next page is linked (RFC 8288, or in the answer), named by a token, behind the last id, or
    counted. Raises `unavailable` where a page comes again, for it would never end, or where fewer objects come than
    there are said to be.
    """
    asked: Query = {name: _SIZE for name in _SIZES if name in parameters}
    where, seen, read, number, page = path, set[str](), 0, 0, None
    while where:
        answer = service.answered(where, asked)
        page = answer.json()
        rows = items_of(page, path)
        read, number = read + len(rows), number + 1
        yield page
        linked = answer.links.get("next", {}).get("url") or _link(page)
        changes = None if linked else _next(page, rows, parameters, number, read)
        where, asked = (service.own(linked), {}) if linked else (where, {**asked, **(changes or {})})
        place = f"{where} {sorted(asked.items())}"
        if not rows or not (linked or changes):
            break
        if place in seen:
            raise _unavailable(f"{path}: a page comes again")
        seen.add(place)
    whole = next((n for name in _TOTALS if isinstance(n := _at(page, name), int)), 0)
    if read < whole:
        raise _unavailable(f"{path}: {read} of {whole} came")


def _unavailable(why: str) -> TenantryError:
    return TenantryError(Kind.UNAVAILABLE, why, "check how the service pages its lists")


def items_of(page: Any, path: str) -> list[Any]:
    """The objects of a page: the page itself, or the list in it."""
    if isinstance(page, Mapping):
        body = cast("Mapping[str, Any]", page)
        named = (*_HOLDERS, path.rstrip("/").rpartition("/")[2])
        lists = [body[name] for name in named if isinstance(body.get(name), list)]
        page = lists[0] if lists else []
    return (
        [one for one in cast("list[Any]", page) if isinstance(one, Mapping)] if isinstance(page, list) else []
    )


def _next(
    page: Any, rows: Sequence[Any], parameters: Parameters, number: int, read: int
) -> dict[str, Any] | None:
    """What the query for the next page says otherwise, after so many pages and rows; None: that was the last."""
    if token := next((t for name in _TOKENS if isinstance(t := _at(page, name), str) and t), None):
        return {next((name for name in _TOKEN_PARAMETERS if name in parameters), "cursor"): token}
    after = next((name for name in _AFTER_PARAMETERS if name in parameters), "")
    if after and rows and _at(page, "has_more") and "id" in rows[-1]:
        return {after: rows[-1]["id"]}
    if not rows or any(name in parameters for name in _TOKEN_PARAMETERS):
        return None
    if "page" in parameters:
        schema = parameters["page"]
        return {"page": number + int(schema.get("default", schema.get("minimum", 1)))}
    return {"offset": read} if "offset" in parameters else None


def _link(page: Any) -> str:
    links = (_at(page, name) for name in _LINKS)
    return next(
        (one for one in links if isinstance(one, str) and one.startswith(("/", "http://", "https://"))), ""
    )


def _at(page: Any, name: str) -> Any:
    """The value of a key, or of keys inside others."""
    if isinstance(page, Mapping) and name in page:
        return cast("Mapping[str, Any]", page)[name]
    for step in name.split("."):
        page = cast("Mapping[str, Any]", page).get(step) if isinstance(page, Mapping) else None
    return page
