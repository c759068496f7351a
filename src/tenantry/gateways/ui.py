"""The dashboard: files that `make web` or the build of the wheel put beside this module."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from gzip import compress
from hashlib import sha256
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from .http.app import Part
from .http.negotiation import matches, refuses_gzip

STATIC = Path(__file__).parent / "static"
_INDEX, _ASSETS, _GZIP = "index.html", "assets/", ".gz"
# First parts of paths that are no pages: what is unknown there is a problem document.
_PROGRAMS = frozenset({
    "api", "auth", "mcp", "a2a", "agui", "v1", ".well-known", "healthz", "readyz", "metrics", "errors",
})  # fmt: skip
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
_NOT_BUILT = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Tenantry</title>
<h1>The dashboard is not built</h1>
<p>This installation comes from source. Run <code>make web</code> in the clone, then reload.</p>
<p>REST is there: <a href="api/openapi.json">api/openapi.json</a>. So are <code>tenantry --help</code> and MCP.</p>
"""
# Some machines' registries say text/plain, and browsers run no module of that type.
mimetypes.add_type("text/javascript", ".js")


@dataclass(frozen=True)
class _File:
    content: bytes
    packed: bytes | None
    media_type: str
    tag: str


def dashboard(folder: Path = STATIC) -> Part:
    """The dashboard at `/`, and its pages at all paths that are nobody else's."""
    site = _Site(folder)
    return Part(routes=[_Pages("/{path:path}", site.answer, methods=["GET"], include_in_schema=False)])


def is_of_dashboard(path: str) -> bool:
    """Whether a path is a page's or a page's part, the same for everybody: what pages show, they ask for."""
    return path.lstrip("/").partition("/")[0] not in _PROGRAMS


class _Pages(Route):
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and not is_of_dashboard(scope["path"]):
            return Match.NONE, {}
        return super().matches(scope)


class _Site:
    """Files by path, held in memory: all of them are less than one query's rows."""

    def __init__(self, folder: Path) -> None:
        paths = [path for path in folder.rglob("*") if path.is_file() and path.suffix != _GZIP]
        self._files = {path.relative_to(folder).as_posix(): _read(path) for path in paths}

    async def answer(self, request: Request) -> Response:
        path: str = request.path_params["path"]
        file = self._files.get(path) if path != _INDEX else None
        if file is not None:
            return _sent(request, file, immutable=path.startswith(_ASSETS))
        if path.startswith(_ASSETS) or not _is_page(request, path):
            raise HTTPException(404, f"no {request.url.path} here")
        return self._page(request, path)

    def _page(self, request: Request, path: str) -> Response:
        index = self._files.get(_INDEX)
        if index is None:
            return Response(
                _NOT_BUILT, media_type="text/html", headers={**_HEADERS, "Cache-Control": "no-cache"}
            )
        # Relative, so that it holds behind any prefix that a proxy takes away.
        base = b'<base href="' + (b"../" * path.count("/") or b"./") + b'">'
        content = index.content.replace(b"<head>", b"<head>" + base, 1)
        tag = index.tag + str(path.count("/"))
        return _sent(request, _File(content, compress(content, mtime=0), index.media_type, tag))


def _is_page(request: Request, path: str) -> bool:
    """Whether a person opens it: programs that mistake a path are told so."""
    return not path or "text/html" in request.headers.get("accept", "")


def _read(path: Path) -> _File:
    content = path.read_bytes()
    packed = path.with_name(path.name + _GZIP)
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return _File(
        content,
        packed.read_bytes() if packed.exists() else None,
        media_type,
        sha256(content).hexdigest()[:32],
    )


def _sent(request: Request, file: _File, *, immutable: bool = False) -> Response:
    tag = f'"{file.tag}"'
    cache = "public, max-age=31536000, immutable" if immutable else "no-cache"
    headers = MutableHeaders({**_HEADERS, "ETag": tag, "Cache-Control": cache})
    if file.packed is not None:
        headers["Vary"] = "Accept-Encoding"
    if matches(request, tag):
        return Response(status_code=304, headers=headers)
    packs = "gzip" in request.headers.get("accept-encoding", "") and not refuses_gzip(request.headers)
    if file.packed is not None and packs:
        headers["Content-Encoding"] = "gzip"
        return Response(file.packed, headers=headers, media_type=file.media_type)
    return Response(file.content, headers=headers, media_type=file.media_type)
