"""REST of the first hour: files brought to the lake by a page, and the first answer of what they say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from ...errors import invalid
from ...kernel import AccessRole
from ...runtime.call import Runtime
from ...runtime.jobs import must_be
from ...runtime.uploads import BATCH, Brought, Uploads
from ..profile import profile
from .access import principal_of
from .app import Part
from .problems import PROBLEMS
from .tools import PREFIX

_PIECE = 2**20
_BODY = {
    "requestBody": {
        "required": False,
        "description": "the file itself; without one it is empty",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class BroughtFile(BaseModel):
    """A file that was brought, and what it is by its content."""

    name: Annotated[str, Field(description="as it is kept; another where the given one is taken or unsafe")]
    bytes: int
    kind: Annotated[str | None, Field(description="the source that reads it; null: it was not kept")]
    lands: Annotated[list[str], Field(description="the datasets it fills")]
    problem: Annotated[str | None, Field(description="why it was not kept")]


def upload_part(runtime: Runtime, uploads: Uploads) -> Part:
    """`POST /api/v1/uploads` and `GET /api/v1/profile`. A job of kind `profile` lands a batch."""
    router = APIRouter(prefix=PREFIX, tags=["profile"], responses=PROBLEMS)

    @router.post("/uploads", operation_id="uploads_bring", status_code=201, openapi_extra=_BODY)
    async def bring(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        batch: Annotated[
            str, Query(pattern=BATCH, description="of the files that are to be landed together")
        ],
        name: Annotated[str, Query(min_length=1, max_length=1000, examples=["bill.csv.gz"])],
    ) -> BroughtFile:
        """Bring a file, as the body, to be landed by a job of kind `profile` that names its batch."""
        must_be(principal_of(request.scope), AccessRole.OPERATOR)
        if _said_length(request) > uploads.largest:
            raise invalid(f"{name[:100]} is larger than {uploads.largest:,} bytes", "`tenantry profile PATH`")
        with uploads.incoming(batch, name) as incoming:
            async for piece in _pieces(request):
                await run_sync(incoming.write, piece)
        return _shown(await run_sync(uploads.recognised, incoming.path))

    @router.get("/profile", operation_id="profile", responses={200: {"content": {"application/json": {}}}})
    def first_answer(request: Request) -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        """What `tenantry profile` prints, of what the lake holds: services, tenants, coverage, what to add next."""
        must_be(principal_of(request.scope), AccessRole.VIEWER)
        return profile(runtime, None)

    return Part(routers=[router], bounded=[f"{PREFIX}/uploads"])


def _said_length(request: Request) -> int:
    said = request.headers.get("content-length", "")
    return int(said) if said.isdecimal() else 0


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces worth a write each."""
    held = bytearray()
    async for piece in request.stream():
        held += piece
        if len(held) >= _PIECE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _shown(found: Brought) -> BroughtFile:
    return BroughtFile.model_validate({**vars(found), "lands": [*found.lands]})
