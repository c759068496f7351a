"""A service that has the list of tenants: any REST API that lists them as JSON, the better with an OpenAPI document.

What is not said in the settings is guessed: where the list is and how its pages go on from the document, what its
fields mean from their names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, cast

from pydantic import Field, SecretStr

from ..datasets.tenants import Tenants
from ..errors import invalid
from ..kernel.dataset import Dataset
from ..kernel.source import Batch, RemoteSource, Sample
from .pages import Parameters, items_of, pages
from .tenants import TENANT_COLUMNS, TenantsTable, meanings

_LISTS = (
    "tenants",
    "customers",
    "organizations",
    "organisations",
    "orgs",
    "accounts",
    "workspaces",
    "companies",
)


class TenantService(RemoteSource):
    """Tenants of another service, asked over REST.

    The token comes from the environment alone: `TENANTRY_SOURCES__NAME__TOKEN`.
    """

    kind: ClassVar[str] = "tenant_service"
    lands: ClassVar[tuple[type[Dataset], ...]] = (Tenants,)

    url: Annotated[str, Field(description="where the service is, such as `https://tenants.example.com`")]
    openapi: Annotated[str, Field(description="path of its OpenAPI document in JSON; empty: none")] = (
        "/openapi.json"
    )
    tenants: Annotated[str, Field(description="path that lists tenants; by default as the document says")] = (
        ""
    )
    token: Annotated[SecretStr | None, Field(description="from the environment")] = None
    header: Annotated[str, Field(description="that carries the token")] = "Authorization"
    scheme: Annotated[str, Field(description="before the token in the header; may be empty")] = "Bearer"
    fields: Annotated[
        dict[str, str],
        Field(
            default_factory=dict,
            description="columns of the tenants table to fields of an answer (`owner.email`), where the guess is wrong",
        ),
    ]

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        return TenantsTable.recognises(sample)

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        return TenantsTable(path=self.path).batches(samples)

    def fetch(self, folder: Path) -> None:
        from .asking import Asked  # noqa: PLC0415 - an HTTP client is slow to import, and few commands ask

        if unknown := self.fields.keys() - set(TENANT_COLUMNS):
            raise invalid(
                f"fields: no column {', '.join(sorted(unknown))}", f"there are: {', '.join(TENANT_COLUMNS)}"
            )
        words = [self.scheme, self.token.get_secret_value()] if self.token else []
        with Asked(self.url, {self.header: " ".join(filter(None, words))} if words else {}) as service:
            document = cast("Any", service.document(self.openapi, {})) if self.openapi else {}
            path, parameters = listing(document, self.tenants)
            found = [one for page in pages(service, path, parameters) for one in items_of(page, path)]
        known = meanings(_field_names(found)) | self.fields
        if "tenant_id" not in known:
            named = ", ".join(_field_names(found)[:20]) or "nothing"
            raise invalid(
                f"{path} lists no id of a tenant; it has: {named}", 'say it: fields = { tenant_id = "..." }'
            )
        rows = [{column: told(one, field) for column, field in known.items()} for one in found]
        if rows:
            lines = (json.dumps(row) for row in rows)
            (folder / "tenants.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def listing(document: Mapping[str, Any], path: str = "") -> tuple[str, Parameters]:
    """The path that lists tenants, and the schemas of the parameters that its query may have.

    Raises `invalid` where none does.
    """
    paths = document.get("paths") or {}
    if path:
        return path, _parameters(document, paths.get(path, {}))
    for name in _LISTS:
        for found, operations in sorted(paths.items(), key=lambda item: (len(item[0]), item[0])):
            if (
                "get" in operations
                and "{" not in found
                and found.rstrip("/").rpartition("/")[2].lower() == name
            ):
                return _base(document) + found, _parameters(document, operations)
    gets = [found for found, operations in paths.items() if "get" in operations and "{" not in found]
    raise invalid(
        "the service's document names no path that lists tenants",
        f'say it: tenants = "/..."; there are: {", ".join(gets[:20]) or "none"}',
    )


def _base(document: Mapping[str, Any]) -> str:
    """The path that stands before all others, where the document's first server has one."""
    servers = document.get("servers") or [{}]
    return re.sub(r"^[a-z]+://[^/]*", "", servers[0].get("url", "")).rstrip("/")


def _parameters(document: Mapping[str, Any], operations: Mapping[str, Any]) -> Parameters:
    listed = [*operations.get("parameters", ()), *operations.get("get", {}).get("parameters", ())]
    resolved = (_resolved(document, one) for one in listed)
    return {one["name"]: one.get("schema", one) for one in resolved if one.get("in") == "query"}


def _resolved(document: Any, one: Mapping[str, Any]) -> Mapping[str, Any]:
    for step in one.get("$ref", "").removeprefix("#/").split("/") if "$ref" in one else ():
        document = document.get(step, {})
    return document if "$ref" in one else one


def _field_names(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """The fields of the objects in order, those of objects inside behind a point."""
    names: dict[str, None] = {}
    for one in found:
        for name, value in one.items():
            names[name] = None
            inner = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
            names.update(dict.fromkeys(f"{name}.{key}" for key in inner))
    return list(names)


def told(one: Mapping[str, Any], field: str) -> Any:
    """The value of a field, inside other objects too; of an object its name or id, of a list its values."""
    value: Any = one
    for step in field.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return _flat(value)


def _flat(value: Any) -> Any:
    if isinstance(value, Mapping):
        inner = cast("Mapping[str, Any]", value)
        return next((inner[key] for key in ("name", "id", "key", "value") if key in inner), None)
    if isinstance(value, list):
        return [_flat(one) for one in cast("list[Any]", value)]
    return value
