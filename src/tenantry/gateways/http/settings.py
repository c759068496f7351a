"""REST of what the service is told by its file: read only, since intent lives in git; and whether sources answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from ...engine.files import find, samples
from ...errors import TenantryError, unknown
from ...kernel import AccessRole, RemoteSource, Source
from ...runtime.ingest import fetched_from
from ...runtime.jobs import must_be
from .access import principal_of
from .app import Part
from .problems import PROBLEMS
from .tools import PREFIX

Sources = Callable[[], Mapping[str, Source]]
_PASSWORD = re.compile(r"(?<=://)[^/@\s]*@")
_HIDDEN = "(hidden)"


class Setting(BaseModel):
    """One setting as it holds, without what is secret."""

    name: str
    value: Any


class SettingList(BaseModel):
    """All settings, in the order of the file's reference."""

    settings: list[Setting]


class SourceShown(BaseModel):
    """A configured source."""

    name: str
    kind: str
    path: str
    lands: list[str]
    remote: Annotated[bool, Field(description="a service is asked; else files are read")]


class SourceList(BaseModel):
    """The configured sources, by name."""

    sources: list[SourceShown]


class Tried(BaseModel):
    """Whether a source answers as it should. Nothing is landed."""

    files: Annotated[int, Field(description="that it would land now")]
    problems: list[str]


def setting_part(told: Callable[[], Mapping[str, Any]], sources: Sources) -> Part:
    """`/api/v1/settings` and `/api/v1/sources`. `told` are the settings as JSON, secrets masked by their types."""
    router = APIRouter(prefix=PREFIX, tags=["settings"], responses=PROBLEMS)

    @router.get("/settings", operation_id="settings_list")
    def settings(request: Request) -> SettingList:  # pyright: ignore[reportUnusedFunction]
        """Every setting as it holds, for administrators who see all tenants. To change one, change the file."""
        must_be(principal_of(request.scope), AccessRole.ADMIN)
        return SettingList(settings=[Setting(name=k, value=v) for k, v in _flat(told())])

    @router.get("/sources", operation_id="sources_list")
    def listed(request: Request) -> SourceList:  # pyright: ignore[reportUnusedFunction]
        """The configured sources."""
        must_be(principal_of(request.scope), AccessRole.VIEWER)
        return SourceList(sources=[_shown(name, one) for name, one in sorted(sources().items())])

    @router.post("/sources/{name}/test", operation_id="sources_test")
    def test(request: Request, name: str) -> Tried:  # pyright: ignore[reportUnusedFunction]
        """Whether a source can be reached and holds what it should: all that landing it would refuse."""
        must_be(principal_of(request.scope), AccessRole.OPERATOR)
        found = sources()
        if name not in found:
            raise unknown("source", name, found, f"there are: {', '.join(found) or 'none'}")
        return _tried(found[name])

    return Part(routers=[router])


def _flat(told: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in told.items():
        if isinstance(value, Mapping) and value:
            found += _flat(value, f"{before}{name}.")
        elif isinstance(value, str):
            found.append((before + name, _PASSWORD.sub(f"{_HIDDEN}@", value)))
        else:
            found.append((before + name, value))
    return found


def _shown(name: str, source: Source) -> SourceShown:
    return SourceShown(
        name=name,
        kind=source.kind,
        path=_PASSWORD.sub(f"{_HIDDEN}@", source.path),
        lands=[one.table() for one in source.lands],
        remote=isinstance(source, RemoteSource),
    )


def _tried(source: Source) -> Tried:
    try:
        if not isinstance(source, RemoteSource):
            return _read(source, source.path)
        with fetched_from(source) as folder:
            return _read(source, folder) if folder else Tried(files=0, problems=[])
    except TenantryError as problem:
        return Tried(
            files=0, problems=[f"{problem.message}; {problem.hint}" if problem.hint else problem.message]
        )


def _read(source: Source, path: str) -> Tried:
    good, bad = samples(find([path]).files)
    strange = [f"{one.path}: not a file of kind {source.kind}" for one in good if not source.recognises(one)]
    return Tried(
        files=len(good) - len(strange), problems=[*(f"{path}: {why}" for path, why in bad), *strange]
    )
