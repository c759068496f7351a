"""What MCP's conformance suite asks a server for by name, added to our server: the tests' alone.

Results are written as they go over the wire.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from mcp.server import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ServerEvent,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolRequestParams,
    GetPromptRequestParams,
    ReadResourceRequestParams,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    TextContent,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel

Asker = ServerRequestContext[Any, Any]
Wire = dict[str, Any]
Answering = Callable[[Asker, Any], Awaitable[Wire]]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
WAV = base64.b64encode(
    b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0@\x1f\0\0\1\0\x08\0data\0\0\0\0"
).decode()
DONE = {"resultType": "complete"}
IMAGE = {"type": "image", "data": PNG, "mimeType": "image/png"}


def text(words: str) -> Wire:
    return {"type": "text", "text": words}


def embedded(uri: str, words: str, kind: str = "text/plain") -> Wire:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": kind, "text": words}}


def form(message: str, **properties: Any) -> Wire:
    schema = {"type": "object", "properties": properties, "required": [*properties]}
    return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}


def sampled(words: str, most: int = 100) -> Wire:
    params = {"messages": [{"role": "user", "content": text(words)}], "maxTokens": most}
    return {"method": "sampling/createMessage", "params": params}


STRING = {"type": "string"}
NAME = form("What is your name?", name=STRING)
ROOTS = {"method": "roots/list", "params": {}}

CONTENTS = {
    "test_simple_text": [text("This is a simple text response for testing.")],
    "test_image_content": [IMAGE],
    "test_audio_content": [{"type": "audio", "data": WAV, "mimeType": "audio/wav"}],
    "test_embedded_resource": [
        embedded("test://embedded-resource", "This is an embedded resource content.")
    ],
    "test_multiple_content_types": [
        text("Multiple content types test:"),
        IMAGE,
        embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json"),
    ],
}  # fmt: skip
# The tool's rounds: each is the questions of one; the last answer ends it.
ROUNDS: dict[str, list[Wire]] = {
    "test_input_required_result_elicitation": [{"user_name": NAME}],
    "test_input_required_result_sampling": [{"capital_question": sampled("What is the capital of France?")}],
    "test_input_required_result_list_roots": [{"client_roots": ROOTS}],
    "test_input_required_result_request_state": [{"confirm": form("Please confirm", ok={"type": "boolean"})}],
    "test_input_required_result_tampered_state": [
        {"confirm": form("Please confirm", ok={"type": "boolean"})}
    ],
    "test_input_required_result_multiple_inputs": [
        {"user_name": NAME, "greeting": sampled("Generate a greeting", 50), "client_roots": ROOTS}
    ],
    "test_input_required_result_multi_round": [
        {"step1": form("Step 1: What is your name?", name=STRING)},
        {"step2": form("Step 2: What is your favorite color?", color=STRING)},
    ],
    "test_streaming_elicitation": [{"user_name": NAME}],
}
STATELESS = {"test_input_required_result_elicitation", "test_input_required_result_sampling",
             "test_input_required_result_list_roots", "test_streaming_elicitation"}  # fmt: skip
SCHEMA_2020 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": STRING, "city": STRING},
        }
    },
    "properties": {
        "name": STRING,
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": STRING,
        "email": STRING,
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
HEADED = {"type": "object", "properties": {"greeting": {"type": "string", "x-mcp-header": "Greeting"}}}
SCHEMAS = {"json_schema_2020_12_tool": SCHEMA_2020, "test_custom_headers": HEADED}
DEFAULTS = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
PLAIN = ["option1", "option2", "option3"]
TITLED = [
    {"const": f"value{n}", "title": f"{nth} {{}}"} for n, nth in enumerate(("First", "Second", "Third"), 1)
]
ENUMS = {
    "untitledSingle": {"type": "string", "enum": PLAIN},
    "titledSingle": {"type": "string", "oneOf": TITLED},
    "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"],
                   "enumNames": ["Option One", "Option Two", "Option Three"]},
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": PLAIN}},
    "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
}  # fmt: skip
"""Asked by the tool; the titles themselves do not matter."""


def answered(*content: Wire) -> Wire:
    return {**DONE, "content": [*content]}


def static(name: str) -> Answering:
    async def answer(_ctx: Asker, _params: CallToolRequestParams) -> Wire:
        return answered(*CONTENTS[name])

    return answer


def asking(name: str) -> Answering:
    """Asks all rounds' questions, as the newer wire has it, and then says what the answers were."""

    async def answer(_ctx: Asker, params: Any) -> Wire:
        given = {key: value.model_dump() for key, value in (params.input_responses or {}).items()}
        rounds, state = ROUNDS[name], params.request_state
        done = int(state or 0)
        if all(_fits(question, given.get(key)) for key, question in rounds[done].items()):
            done += 1 if given else 0
        if done == len(rounds):
            return answered(text(f"state-ok: {given}"))
        asked: Wire = {"resultType": "input_required", "inputRequests": rounds[done]}
        return asked if name in STATELESS else {**asked, "requestState": str(done)}

    return answer


def _fits(question: Wire, answer: Any) -> bool:
    if answer is None:
        return False
    if question["method"] != "elicitation/create":
        return True
    required = question["params"]["requestedSchema"]["required"]
    return answer.get("action") != "accept" or all(key in (answer.get("content") or {}) for key in required)


async def fail(_ctx: Asker, _params: CallToolRequestParams) -> Wire:
    words = "This tool intentionally returns an error for testing"
    return {**answered(text(words)), "isError": True}


async def log(ctx: Asker, _params: CallToolRequestParams) -> Wire:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.session.send_log_message("info", words, related_request_id=ctx.request_id)
        await anyio.sleep(0.05)
    return answered(text("logged"))


async def progress(ctx: Asker, _params: CallToolRequestParams) -> Wire:
    for done in (0, 50, 100):
        await ctx.session.report_progress(done, 100)
        await anyio.sleep(0.05)
    return answered(text("done"))


async def sample(ctx: Asker, params: CallToolRequestParams) -> Wire:
    require(ctx, "sampling")
    message = SamplingMessage(role="user", content=TextContent(text=(params.arguments or {})["prompt"]))
    reply = await ctx.session.create_message([message], max_tokens=100, related_request_id=ctx.request_id)
    return answered(text(f"LLM response: {reply.content}"))


def eliciting(schema: Wire, message: str = "") -> Answering:
    async def answer(ctx: Asker, params: CallToolRequestParams) -> Wire:
        require(ctx, "elicitation")
        words = (params.arguments or {}).get("message", message)
        requested = {"type": "object", "properties": schema, "required": [*schema]}
        reply = await ctx.session.elicit_form(words, requested, ctx.request_id)
        return answered(
            text(f"Elicitation completed: action={reply.action}, content={reply.content}"),
        )

    return answer


def require(ctx: Asker, capability: str) -> None:
    if getattr(ctx.session.client_capabilities, capability, None) is None:
        data = {"requiredCapabilities": {capability: {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, f"needs {capability}", data)


async def need_sampling(ctx: Asker, _params: CallToolRequestParams) -> Wire:
    require(ctx, "sampling")
    return answered(text("sampling is there"))


async def ask_what_the_client_can(ctx: Asker, _params: CallToolRequestParams) -> Wire:
    able = ctx.session.client_capabilities
    questions = {"elicitation": NAME, "sampling": sampled("Hello"), "roots": ROOTS}
    asked = {name: q for name, q in questions.items() if getattr(able, name, None) is not None}
    return {"resultType": "input_required", "inputRequests": asked}


BUS = InMemorySubscriptionBus()


def changing(event: ServerEvent) -> Answering:
    async def answer(_ctx: Asker, _params: CallToolRequestParams) -> Wire:
        await BUS.publish(event)
        return answered(text("changed"))

    return answer


TOOLS: dict[str, Answering] = {
    **{name: static(name) for name in CONTENTS},
    **{name: asking(name) for name in ROUNDS},
    "test_error_handling": fail,
    "test_tool_with_logging": log,
    "test_logging_tool": log,
    "test_tool_with_progress": progress,
    "test_sampling": sample,
    "test_elicitation": eliciting({"username": STRING, "email": STRING}),
    "test_elicitation_sep1034_defaults": eliciting(DEFAULTS, "Your profile?"),
    "test_elicitation_sep1330_enums": eliciting(ENUMS, "Your choice?"),
    "test_missing_capability": need_sampling,
    "test_input_required_result_capabilities": ask_what_the_client_can,
    "test_trigger_tool_change": changing(ToolsListChanged()),
    "test_trigger_prompt_change": changing(PromptsListChanged()),
    "test_custom_headers": static("test_simple_text"),
    "json_schema_2020_12_tool": static("test_simple_text"),
}
ROUNDS["test_input_required_result_prompt"] = [
    {"user_context": form("What context should the prompt use?", context=STRING)}
]
STATELESS.add("test_input_required_result_prompt")


def said(*content: Wire) -> Answering:
    async def answer(_ctx: Asker, _params: GetPromptRequestParams) -> Wire:
        return {**DONE, "messages": [{"role": "user", "content": one} for one in content]}

    return answer


async def with_arguments(_ctx: Asker, params: GetPromptRequestParams) -> Wire:
    given = params.arguments or {}
    return await said(text(f"Prompt with arguments: arg1='{given.get('arg1')}', arg2='{given.get('arg2')}'"))(
        _ctx, params
    )


async def with_resource(_ctx: Asker, params: GetPromptRequestParams) -> Wire:
    uri = (params.arguments or {})["resourceUri"]
    return await said(
        embedded(uri, "Embedded resource content for testing."),
        text("Please process the embedded resource above."),
    )(_ctx, params)


async def asking_prompt(ctx: Asker, params: GetPromptRequestParams) -> Wire:
    found = await asking("test_input_required_result_prompt")(ctx, params)
    return found if "inputRequests" in found else await said(*found["content"])(ctx, params)


PROMPTS: dict[str, tuple[Answering, list[str]]] = {
    "test_simple_prompt": (said(text("This is a simple prompt for testing.")), []),
    "test_prompt_with_arguments": (with_arguments, ["arg1", "arg2"]),
    "test_prompt_with_embedded_resource": (with_resource, ["resourceUri"]),
    "test_prompt_with_image": (said(IMAGE, text("Please analyze the image above.")), []),
    "test_input_required_result_prompt": (asking_prompt, []),
}
RESOURCES = {
    "test://static-text": {
        "mimeType": "text/plain",
        "text": "This is the content of the static text resource.",
    },
    "test://static-binary": {"mimeType": "image/png", "blob": PNG},
    "test://watched-resource": {"mimeType": "text/plain", "text": "Nothing happens here."},
}
TEMPLATE = {"uriTemplate": "test://template/{id}/data", "name": "template", "mimeType": "application/json"}


def with_fixtures(server: Server[Any]) -> Server[Any]:
    """The same server, with what the suite asks for beside what it has."""

    def beside(method: str, params: Any, named: str, mine: Callable[[str], Answering | None]) -> None:
        real = server.get_request_handler(method)
        assert real

        async def answer(ctx: Asker, asked: Any) -> Any:
            found = mine(getattr(asked, named))
            return await (found or real.handler)(ctx, asked)

        server.add_request_handler(method, params, answer)

    def listed(method: str, key: str, mine: list[Wire]) -> None:
        real = server.get_request_handler(method)
        assert real

        async def answer(ctx: Asker, asked: Any) -> Any:
            found = await real.handler(ctx, asked)
            assert isinstance(found, BaseModel)
            shown = found.model_dump(by_alias=True, exclude_none=True)
            return {**shown, key: [*shown[key], *mine]}

        server.add_request_handler(method, real.params_type, answer)

    listed("tools/list", "tools", [_tool(name) for name in TOOLS])
    beside("tools/call", CallToolRequestParams, "name", TOOLS.get)
    listed("prompts/list", "prompts", [_prompt(name, words) for name, (_, words) in PROMPTS.items()])
    beside("prompts/get", GetPromptRequestParams, "name", lambda name: PROMPTS.get(name, (None, []))[0])
    listed("resources/list", "resources", [_resource(uri) for uri in RESOURCES])
    listed("resources/templates/list", "resourceTemplates", [TEMPLATE])
    beside("resources/read", ReadResourceRequestParams, "uri", _reading)
    server.add_request_handler("logging/setLevel", SetLevelRequestParams, _nothing)
    server.add_request_handler("resources/subscribe", SubscribeRequestParams, _nothing)
    server.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, _nothing)
    server.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, ListenHandler(BUS))
    return server


async def _nothing(_ctx: Asker, _params: Any) -> Wire:
    return {}


def _tool(name: str) -> Wire:
    schema = SCHEMAS.get(name, {"type": "object"})
    return {"name": name, "description": "For the conformance suite.", "inputSchema": schema}


def _prompt(name: str, words: list[str]) -> Wire:
    arguments = [
        {"name": word, "description": "For the conformance suite.", "required": True} for word in words
    ]
    return {"name": name, "description": "For the conformance suite.", "arguments": arguments}


def _resource(uri: str) -> Wire:
    about = {"uri": uri, "name": uri, "description": "For the conformance suite."}
    return {**about, "mimeType": RESOURCES[uri]["mimeType"]}


def _reading(uri: str) -> Answering | None:
    contents = RESOURCES.get(uri)
    if uri.startswith("test://template/"):
        found = uri.split("/")[3]
        words = f'{{"id":"{found}","templateTest":true,"data":"Data for ID: {found}"}}'
        contents = {"mimeType": "application/json", "text": words}
    if contents is None:
        return None

    async def answer(_ctx: Asker, _params: ReadResourceRequestParams) -> Wire:
        return {**DONE, "ttlMs": 0, "cacheScope": "private", "contents": [{"uri": uri, **contents}]}

    return answer
