"""REST of questions in plain words: one JSON document, or the same as server-sent events while it is worked out."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Mapping
from functools import partial
from typing import Annotated, Any
from uuid import uuid4

from anyio.to_thread import run_sync
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.responses import StreamingResponse

from ...errors import Kind, TenantryError, invalid
from ...kernel import Principal
from ...runtime.asking.asking import LONGEST, AskAnswer, Asking, Listen
from ...runtime.asking.plans import Begun
from .access import principal_of
from .app import Part
from .problems import PROBLEMS
from .streams import BEAT, HEADERS, NOTHING_NEW
from .tools import PREFIX

_log = logging.getLogger("tenantry.http")
_STREAM = "text/event-stream"
_KEPT = 200
"""Runs whose events can be asked for again, the newest."""
_ANSWER = {
    "type": "object",
    "required": ["outcome", "text", "facts", "tables", "charts", "choices", "trace", "evidence", "as_of"],
    "properties": {
        "outcome": {"type": "string", "enum": ["answered", "asked", "refused"]},
        "text": {"type": "string"},
        "conversation": {"type": ["string", "null"]},
        **{
            name: {"type": "array", "items": {"type": "object"}}
            for name in ("forms", "facts", "tables", "charts", "choices", "trace", "evidence", "decisions")
        },
        "can": {"type": "array", "items": {"type": "string"}},
        "notes": {"type": "array", "items": {"type": "string"}},
        "question": {"type": "string"},
        "as_of": {"type": "string", "format": "date-time"},
    },
}
_DESCRIBED: dict[int | str, dict[str, Any]] = {
    "200": {
        "description": "the answer; with `Accept: text/event-stream` as the events `token`, `tool_start`, "
        "`tool_result`, `chart`, `approval_required` (a decision that waits), `sources`, `error` and `done`, whose "
        "data is the document",
        "content": {"application/json": {"schema": _ANSWER}, _STREAM: {"schema": {"type": "string"}}},
    },
    **PROBLEMS,
}


_SAYS = r"[^\s\x1c-\x1f\x85]"
"""Anything but blanks, of which each kind of regular expression knows others."""
_NOTHING: JsonValue = {"type": "null"}
_TEXT: JsonValue = {"type": "string"}
_NUMBER: JsonValue = {"type": "integer"}
_ONE_OF: list[JsonValue] = [
    {"required": ["question"], "properties": {"question": _TEXT, "decision": _NOTHING}},
    {
        "required": ["decision", "conversation"],
        "properties": {"decision": _NUMBER, "conversation": _TEXT, "question": _NOTHING},
    },
]
"""What the fields' own types do not say: a question, or a decision of a conversation."""


class AskRequest(BaseModel):
    """A question, or a decision that the conversation asked for and that is made. `conversation` is that of the answer
    it goes on from, or of the choices it chooses from.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"oneOf": _ONE_OF})

    question: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=LONGEST,
            pattern=_SAYS,
            examples=["Which tenants lost us money last quarter?"],
        ),
    ] = None
    conversation: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    decision: Annotated[
        int | None,
        Field(ge=1, le=2**53 - 1, description="in the place of a question: what came of it, and what next"),
    ] = None


class Conversations(BaseModel):
    """The asker's own, newest first."""

    conversations: list[Begun]


class ConversationShown(BaseModel):
    """A conversation's answers as they were shown, with their figures of then; decisions as they stand now."""

    conversation: str
    answers: Annotated[list[dict[str, Any]], Field(description="as `POST /api/v1/ask` gave them")]


Named = Annotated[str, Path(min_length=1, max_length=64)]


def ask_part(asking: Asking) -> Part:
    """`POST /api/v1/ask`, and the conversations that came of it."""
    router = APIRouter(prefix=PREFIX, tags=["ask"])
    runs = _Runs()

    @router.post("/ask", operation_id="ask", responses=_DESCRIBED, response_class=Response)
    async def ask(request: Request, asked: AskRequest) -> Response:
        """Answer a question in plain words from tools alone; or ask back; or say what can be asked."""
        who = principal_of(request.scope)
        work = _work(asking, asked, who)
        if _STREAM not in request.headers.get("accept", ""):
            answer = await run_sync(work, None)
            return Response(json.dumps(answer.document()), media_type="application/json")
        last = request.headers.get("last-event-id", "")
        run, after = runs.find(last, who) if last else (runs.begin(work, who), 0)
        return StreamingResponse(run.events(after), media_type=_STREAM, headers=HEADERS)

    @router.get("/ask", operation_id="conversations", responses=PROBLEMS)
    async def conversations(request: Request) -> Conversations:
        """The newest conversations of whoever asks."""
        return Conversations(conversations=await run_sync(asking.begun, principal_of(request.scope)))

    @router.get("/ask/{conversation}", operation_id="conversation", responses=PROBLEMS)
    async def conversation(request: Request, conversation: Named) -> ConversationShown:
        """A conversation as it was shown to whoever asks."""
        found = await run_sync(asking.shown, conversation, principal_of(request.scope))
        return ConversationShown(conversation=conversation, answers=found)

    return Part(routers=[router])


def _work(asking: Asking, asked: AskRequest, who: Principal) -> Callable[[Listen | None], AskAnswer]:
    """What answers the request. Raises `invalid` for one that is neither a question nor a decision."""
    if asked.question is not None and asked.decision is None:
        return partial(asking.answer, asked.question, who, asked.conversation)
    if asked.question is None and asked.decision is not None and asked.conversation is not None:
        return partial(asking.go_on, asked.decision, who, asked.conversation)
    raise invalid("neither a question nor a decision of a conversation", "give one of them")


class _Run:
    """One question being answered: its events as they come, kept for those who were cut off."""

    def __init__(self, name: str, principal: Principal) -> None:
        self.name, self.principal = name, principal
        self._said: list[bytes] = []
        self._news = asyncio.Event()
        self._over = False
        self.task: asyncio.Task[None] | None = None

    def say(self, event: str, data: Mapping[str, Any]) -> None:
        """Add an event. Called on the loop."""
        head = f"id: {self._id(len(self._said) + 1)}\nevent: {event}\n"
        self._said.append(f"{head}data: {json.dumps(data)}\n\n".encode())
        self._over = event in {"done", "error"}
        self._news.set()
        self._news = asyncio.Event()

    def place(self, last: str) -> int | None:
        """Which event has this id; None where none has."""
        return next((n for n in range(1, len(self._said) + 1) if self._id(n) == last), None)

    def _id(self, number: int) -> str:
        return f"{self.name}-{number}"

    async def events(self, after: int) -> AsyncGenerator[bytes]:
        """All events after the one of that number, to the last."""
        while True:
            news = self._news
            while after < len(self._said):
                yield self._said[after]
                after += 1
            if self._over:
                return
            try:
                await asyncio.wait_for(news.wait(), BEAT)
            except TimeoutError:
                yield NOTHING_NEW

    async def work(self, answer_it: Callable[[Listen | None], AskAnswer]) -> None:
        """Answer, telling of each step."""
        loop = asyncio.get_running_loop()

        def listen(event: str, data: Mapping[str, Any]) -> None:
            loop.call_soon_threadsafe(self.say, event, data)

        try:
            answer = await run_sync(answer_it, listen)
        except TenantryError as problem:
            self.say("error", problem.problem())
        except Exception as bug:  # noqa: BLE001 - the stream has begun: there is no status left to tell it by
            _log.exception("a bug while answering")
            hidden = TenantryError(
                Kind.INTERNAL, f"a bug in Tenantry: {type(bug).__name__}", "please report it"
            )
            self.say("error", hidden.problem())
        else:
            self._tell(answer)

    def _tell(self, answer: AskAnswer) -> None:
        document = answer.document()
        for line in answer.text.splitlines(keepends=True):
            self.say("token", {"text": line})
        for chart in document["charts"]:
            self.say("chart", chart)
        for decision in document["decisions"]:
            self.say("approval_required", decision)
        self.say("sources", {"trace": document["trace"], "evidence": document["evidence"]})
        self.say("done", document)


class _Runs:
    """The newest runs, so that a client that was cut off can go on. They are their principal's alone."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, _Run] = OrderedDict()

    def begin(self, work: Callable[[Listen | None], AskAnswer], principal: Principal) -> _Run:
        run = _Run(uuid4().hex, principal)
        self._held[run.name] = run
        while len(self._held) > _KEPT:
            self._held.popitem(last=False)
        run.task = asyncio.create_task(run.work(work))
        return run

    def find(self, last: str, principal: Principal) -> tuple[_Run, int]:
        """The run of an event's id, and which it is of. Raises `not_found` for what is gone, nobody's or another's."""
        run = self._held.get(last.rpartition("-")[0])
        after = run.place(last) if run and run.principal == principal else None
        if run is None or after is None:
            raise TenantryError(Kind.NOT_FOUND, f"no answer {last[:100]!r} to go on with", "ask again")
        return run, after
