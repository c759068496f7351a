"""What changes while somebody looks, as server-sent events: jobs at work, newer figures, and what else there is.

Each listener gets first all there is and then what changes, so that who was cut off misses nothing by asking again.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from ...engine.lake import Lake
from ...errors import Kind, TenantryError
from ...kernel import AccessRole, Catalog, Principal
from ...runtime.call import LOCAL
from ...runtime.decisions import Decisions
from ...runtime.jobs import Jobs
from .access import principal_of
from .app import Part
from .problems import PROBLEMS, problem_response
from .streams import BEAT, HEADERS, NOTHING_NEW
from .tools import PREFIX

EVERY = 1.0
"""Seconds between looks, while somebody listens."""
LONGEST = 300.0
"""Seconds that an answer lasts: the next request is judged anew, so that who was shut out stays out."""
_JOBS = 50
_DESCRIBED: dict[int | str, dict[str, Any]] = {
    "200": {
        "description": "events `jobs` (jobs by id), `figures` (versions of datasets by name) and `decisions` (those "
        "that wait, by id, with their tenant), for as long as the connection lasts; the data of each is an object: "
        "`changed`, by key what is new, at first all there is, and `gone`, the keys of what is no more",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    **PROBLEMS,
}
_log = logging.getLogger("tenantry.live")


@dataclass(frozen=True)
class Look:
    """Something that changes: what it is now, by key, who may know of it, and of which of it. `now` may raise
    `unavailable`.
    """

    event: str
    now: Callable[[], Mapping[str, Any]]
    may: Callable[[Principal], bool] = lambda _: True
    theirs: Callable[[Any, Principal], bool] = lambda *_: True


def look_at_jobs(jobs: Jobs) -> Look:
    """The newest jobs, for those who may list them."""

    def now() -> Mapping[str, Any]:
        return {str(job.id): job.model_dump(mode="json") for job in jobs.list(LOCAL, limit=_JOBS)}

    return Look("jobs", now, lambda who: who.tenant_id is None and who.may(AccessRole.VIEWER))


def look_at_figures(lake: Lake, catalog: Catalog) -> Look:
    """The version of each dataset that builds make, as the evidence of answers has it."""
    built = [one for one in catalog.datasets if one.stored and one.derived()]

    def now() -> Mapping[str, Any]:
        return {one.table(): version for one in built if (version := lake.version(one)) >= 0}

    return Look("figures", now)


def look_at_decisions(decisions: Decisions) -> Look:
    """What waits for a person, each with its tenant; who is bound to a tenant is told of that one's."""

    def now() -> Mapping[str, Any]:
        return {str(number): tenant_id for number, tenant_id in decisions.all_waiting().items()}

    return Look("decisions", now, theirs=lambda tenant_id, who: who.tenant_id in {None, tenant_id})


class Live:
    """Looks once for all who listen, and only while somebody does. For one event loop; `end` may come from anywhere.

    At most `most` listen at once, and `each` of them as one principal.
    """

    def __init__(
        self,
        looks: Sequence[Look],
        most: int = 256,
        each: int = 24,
        *,
        every: float = EVERY,
        beat: float = BEAT,
    ) -> None:
        self._looks = looks
        self._most, self._each = most, each
        self._every, self._beat = every, beat
        self._listeners: Counter[str] = Counter()
        self._found: dict[str, Mapping[str, Any]] = {}
        self._news = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = False

    def end(self) -> None:
        """Let every answer end now: the server stops."""
        self._ended = True
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def full_for(self, principal: Principal) -> bool:
        """Whether nobody more may listen, or not as this principal."""
        return self._listeners.total() >= self._most or self._listeners[principal.name] >= self._each

    async def events(self, principal: Principal) -> AsyncGenerator[bytes]:
        """The events that this principal may know of: all there is, then what changes."""
        sent: dict[str, dict[str, Any]] = {}
        until = monotonic() + LONGEST
        with self._listening(principal):
            yield b"retry: 3000\n\n"
            while not self._ended and monotonic() < until:
                news = self._news
                for look in self._looks:
                    if look.event not in self._found or not look.may(principal):
                        continue
                    known = {k: v for k, v in self._found[look.event].items() if look.theirs(v, principal)}
                    if event := _event(look.event, known, sent):
                        yield event
                try:
                    await asyncio.wait_for(news.wait(), self._beat)
                except TimeoutError:
                    yield NOTHING_NEW

    @contextmanager
    def _listening(self, principal: Principal) -> Iterator[None]:
        self._listeners[principal.name] += 1
        self._loop = asyncio.get_running_loop()
        if self._looking is None or self._looking.done():
            self._found = {}  # what was, when somebody last listened
            self._looking = self._loop.create_task(self._look())
        try:
            yield
        finally:
            self._listeners[principal.name] -= 1
            self._listeners = +self._listeners

    async def _look(self) -> None:
        while self._listeners and not self._ended:
            found = await run_sync(self._look_at_all)
            if found != self._found:
                self._found = found
                self._wake()
            await asyncio.sleep(self._every)

    def _look_at_all(self) -> dict[str, Mapping[str, Any]]:
        return {look.event: found for look in self._looks if (found := self._look_at(look)) is not None}

    def _look_at(self, look: Look) -> Mapping[str, Any] | None:
        try:
            return look.now()
        except TenantryError as problem:
            _log.debug("no look at %s: %s", look.event, problem.message)
            return self._found.get(look.event)

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _event(name: str, found: Mapping[str, Any], sent: dict[str, dict[str, Any]]) -> bytes:
    """The event of what is not sent yet, which is sent then; empty where there is nothing."""
    first, own = name not in sent, sent.setdefault(name, {})
    changed = {key: value for key, value in found.items() if key not in own or own[key] != value}
    gone = [key for key in own if key not in found]
    if not (first or changed or gone):
        return b""
    own.update(changed)
    for key in gone:
        del own[key]
    return f"event: {name}\ndata: {json.dumps({'changed': changed, 'gone': gone})}\n\n".encode()


def live_part(live: Live) -> Part:
    """`GET /api/v1/live`."""
    router = APIRouter(prefix=PREFIX, tags=["live"])

    @router.get("/live", operation_id="live", responses=_DESCRIBED, response_class=Response)
    async def listen(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Server-sent events of jobs, newer figures and the like, each told to those who may see it."""
        who = principal_of(request.scope)
        if live.full_for(who):
            full = TenantryError(Kind.LIMIT_EXCEEDED, "too many listen already", "try again later")
            return problem_response(full, {"Retry-After": "30"})
        return StreamingResponse(live.events(who), media_type="text/event-stream", headers=HEADERS)

    return Part(routers=[router])
