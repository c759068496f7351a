"""AG-UI: questions from any client of that protocol, such as CopilotKit, as a stream of its events.

What agents do is told as it is done, by names alone; text leaves once, whole, after the numbers gate. What waits for a
person ends the run with an interrupt, and the run that resumes it brings the verdict.
https://docs.ag-ui.com/concepts/events, protocol 1.0.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Annotated, Any
from uuid import uuid4

from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ..errors import Kind, TenantryError, invalid
from ..kernel import Principal
from ..runtime.asking.asking import LONGEST, Answering, AskAnswer, GoingOn, Listen
from ..runtime.decision import Decision, Verdict
from ..runtime.decisions import Decisions
from .http.access import note_refusal, principal_of
from .http.app import Part
from .http.problems import problem_response
from .http.streams import BEAT, HEADERS, NOTHING_NEW

_log = logging.getLogger("tenantry.agui")
PATH = "/agui"
PROTOCOL = "1.0"
_INTERRUPT = re.compile(r"decision-([0-9]{1,18})-([0-9a-f]{64})")
_ANSWER_TO = {
    "type": "object",
    "properties": {"approved": {"type": "boolean"}, "reason": {"type": "string"}},
    "required": ["approved"],
}
AT_ONCE = 8
"""Runs of one principal that are worked on at once."""
Events = Iterator[dict[str, Any]]
Work = Callable[[Listen], list[AskAnswer]]
Said = asyncio.Queue[Mapping[str, Any] | None]


class _Sent(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")


class _Part(_Sent):
    type: str
    text: str = ""


class _Message(_Sent):
    role: str
    content: str | list[_Part] | None = None


class _Payload(_Sent):
    approved: StrictBool
    reason: str = ""


class _Resumed(_Sent):
    interrupt_id: str
    status: str
    payload: Any = None


class RunInput(_Sent):
    """What a client sends, as far as it is read: the tools and the state of a client are its own."""

    thread_id: Annotated[str, Field(min_length=1, max_length=1_000)]
    run_id: Annotated[str, Field(min_length=1, max_length=1_000)]
    messages: list[_Message]
    resume: list[_Resumed] | None = None

    @property
    def conversation(self) -> str:
        """The thread as a conversation's name."""
        return sha256(self.thread_id.encode()).hexdigest()[:32]

    def question(self) -> str:
        """What the person said last. Raises `invalid` where that is no text, or too long."""
        last = self.messages[-1] if self.messages else None
        if last is None or last.role != "user":
            raise invalid("the last message is no person's", "send a question as the last message")
        parts = last.content if isinstance(last.content, list) else []
        text = last.content if isinstance(last.content, str) else "\n".join(p.text for p in parts)
        if not text.strip() or len(text) > LONGEST:
            raise invalid(f"a question has 1 to {LONGEST:,} characters", "ask in a sentence or two")
        return text


@dataclass(frozen=True)
class AgUi:
    """Answers runs. `decisions` takes what comes back for an interrupt, as the rules of decisions allow."""

    answering: Answering
    going_on: GoingOn
    decisions: Decisions
    _under_way: dict[asyncio.Task[None], Principal] = field(
        default_factory=dict[asyncio.Task[None], Principal]
    )

    def part(self) -> Part:
        """`POST /agui`."""
        return Part(routes=[Route(PATH, self._run, methods=["POST"])])

    async def _run(self, request: Request) -> Response:
        who = principal_of(request.scope)
        try:
            if not request.headers.get("content-type", "").startswith("application/json"):
                raise invalid("the body is not JSON", "send application/json")
            asked = _read(await request.body())
            work = self._work(asked, who)
            self._check_room(who)
        except TenantryError as problem:
            return problem_response(problem)
        said = Said()
        refused = partial(note_refusal, request.scope, "agui")
        # To its end, also where nobody listens any more.
        task = asyncio.create_task(_answered(asked, work, said, refused))
        self._under_way[task] = who
        task.add_done_callback(self._under_way.pop)
        return StreamingResponse(_stream(asked, said), media_type="text/event-stream", headers=HEADERS)

    def _check_room(self, who: Principal) -> None:
        if list(self._under_way.values()).count(who) >= AT_ONCE:
            raise TenantryError(Kind.LIMIT_EXCEEDED, f"{AT_ONCE} runs of yours are under way", "wait for one")

    def _work(self, asked: RunInput, who: Principal) -> Work:
        if not asked.resume:
            question = asked.question()
            return lambda listen: [self.answering(question, who, asked.conversation, listen)]
        verdicts = [_verdict(one) for one in asked.resume]

        def resume(listen: Listen) -> list[AskAnswer]:
            for number, digest, verdict, note in verdicts:
                if not self.decisions.get(number, who).over:
                    self.decisions.decide(number, verdict, who, digest=digest, note=note)
            return [self.going_on(one[0], who, asked.conversation, listen) for one in verdicts]

        return resume


def _read(body: bytes) -> RunInput:
    try:
        return RunInput.model_validate_json(body)
    except ValidationError as problems:
        found = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems.errors())
    raise invalid(f"no RunAgentInput: {found[:500]}", "send threadId, runId and messages, as AG-UI has them")


def _verdict(one: _Resumed) -> tuple[int, str, Verdict, str]:
    """Of which decision, its digest, what is said to it and the note. What is no plain yes is no verdict, or a no."""
    found = _INTERRUPT.fullmatch(one.interrupt_id)
    if found is None:
        raise invalid("no interrupt of ours", "give back the id of the interrupt")
    if one.status == "cancelled":
        return int(found[1]), found[2], Verdict.REJECT, "cancelled"
    try:
        payload = _Payload.model_validate(one.payload)
    except ValidationError:
        raise invalid("the payload is no verdict", '{"approved": true or false, "reason": "..."}') from None
    verdict = Verdict.APPROVE if payload.approved else Verdict.REJECT
    return int(found[1]), found[2], verdict, payload.reason


async def _answered(asked: RunInput, work: Work, said: Said, refused: Callable[[], None]) -> None:
    """Puts the events of a run, each as it comes, and None after the last."""
    loop, steps = asyncio.get_running_loop(), _Steps()

    def put(events: Events) -> None:
        for one in events:
            said.put_nowait(one)

    def listen(event: str, data: Mapping[str, Any]) -> None:
        loop.call_soon_threadsafe(lambda: put(steps.told(event, data)))

    try:
        answers = await run_sync(work, listen)
    except TenantryError as problem:
        if problem.kind is Kind.FORBIDDEN:
            refused()
        put(_failed(problem))
    except Exception as bug:  # noqa: BLE001 - the stream has begun: there is no status left to tell it by
        _log.exception("a bug while answering")
        put(_failed(TenantryError(Kind.INTERNAL, f"a bug in Tenantry: {type(bug).__name__}")))
    else:
        put(steps.ended())
        put(_told(asked, answers))
    said.put_nowait(None)


async def _stream(asked: RunInput, said: Said) -> AsyncGenerator[bytes]:
    begun = {"threadId": asked.thread_id, "runId": asked.run_id}
    yield _line({"type": "RUN_STARTED", **begun, "protocolVersion": PROTOCOL})
    while True:
        try:
            event = await asyncio.wait_for(said.get(), BEAT)
        except TimeoutError:
            yield NOTHING_NEW
            continue
        if event is None:
            return
        yield _line(event)


def _line(event: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(event)}\n\n".encode()


class _Steps:
    """Who is asked, as steps one after the other, and which tools are called: names, and never what a model wrote."""

    def __init__(self) -> None:
        self._step = ""
        self._calls: dict[str, list[str]] = defaultdict(list)

    def told(self, event: str, data: Mapping[str, Any]) -> Events:
        name = f"{data.get('capability', '')}.{data.get('tool', '')}"
        key = json.dumps(data.get("arguments"), sort_keys=True, default=str) + name
        match event:
            case "specialist":
                yield from self.ended()
                self._step = str(data["capability"])
                yield {"type": "STEP_STARTED", "stepName": self._step}
            case "tool_start":
                call = uuid4().hex
                self._calls[key].append(call)
                yield {"type": "TOOL_CALL_START", "toolCallId": call, "toolCallName": name}
                yield {"type": "TOOL_CALL_END", "toolCallId": call}
            case "tool_result" if self._calls[key]:
                yield {
                    "type": "TOOL_CALL_RESULT", "messageId": uuid4().hex, "role": "tool",
                    "toolCallId": self._calls[key].pop(0), "content": str(data.get("problem") or "ok"),
                }  # fmt: skip
            case _:
                pass

    def ended(self) -> Events:
        """What closes the step that is open."""
        if self._step:
            yield {"type": "STEP_FINISHED", "stepName": self._step}
        self._step = ""


def _told(asked: RunInput, answers: list[AskAnswer]) -> Events:
    """Each answer as a message and as our own document, and how the run ended."""
    for answer in answers:
        message = uuid4().hex
        yield {"type": "TEXT_MESSAGE_START", "messageId": message, "role": "assistant"}
        for line in answer.text.splitlines(keepends=True):
            yield {"type": "TEXT_MESSAGE_CONTENT", "messageId": message, "delta": line}
        yield {"type": "TEXT_MESSAGE_END", "messageId": message}
        yield {"type": "CUSTOM", "name": "tenantry.answer", "value": answer.document()}
    waiting = [one for answer in answers for one in answer.decisions]
    outcome = (
        {"type": "interrupt", "interrupts": [_interrupt(one) for one in waiting]}
        if waiting
        else {"type": "success"}
    )
    yield {"type": "RUN_FINISHED", "threadId": asked.thread_id, "runId": asked.run_id, "outcome": outcome}


def _interrupt(decision: Decision) -> dict[str, Any]:
    """What waits, bound to its arguments: its id holds their digest."""
    return {
        "id": f"decision-{decision.id}-{decision.digest}",
        "reason": "tool_call",
        "message": f"{decision.about} {decision.what}: {json.dumps(decision.arguments)}",
        "responseSchema": _ANSWER_TO,
        "expiresAt": decision.expires_at,
        "metadata": {"decision": decision.model_dump(mode="json")},
    }


def _failed(problem: TenantryError) -> Events:
    said = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
    yield {"type": "RUN_ERROR", "message": said, "code": str(problem.kind)}
