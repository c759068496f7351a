"""External MCP servers: what may be called of them, and that a bad one can do no harm."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import stranger
from mcp_clients import app_of
from serving import serving

from tenantry import app
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Catalog, Principal
from tenantry.runtime.agents import Handles, Toolbox, vocabulary
from tenantry.runtime.agents.figures import facts_of, ungrounded
from tenantry.runtime.call import Runtime
from tenantry.sources.mcp import Pins, Server, read_capabilities, read_servers
from tenantry.sources.mcp.client import opened

EFFECTS = {"costs": "read", "fails": "read", "tell": "read", "wipe": "act", "hangs": "read", "floods": "read",
           "crashes": "read", "garbles": "read"}  # fmt: skip


def server(folder: Path, mode: str = "plain", **more: Any) -> Server:
    tools: dict[str, Any] = {name: {"effect": effect} for name, effect in EFFECTS.items()}
    tools["costs"]["about"] = "Cost by service: ResultsByTime, Groups, Keys, UnblendedCost, requests."
    words = [stranger.__file__, mode, str(folder / "calls")]
    table = {"command": sys.executable, "args": words, "tools": tools, "timeout_seconds": 5, **more}
    return read_servers({"far": table})["far"]


@pytest.fixture(scope="module")
def pins(tmp_path_factory: pytest.TempPathFactory) -> Pins:
    found = server(tmp_path_factory.mktemp("far"))
    with opened(found) as session:
        return Pins({}).allow(found, session.offers())


def calls(folder: Path) -> list[Any]:
    log = folder / "calls"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def failed(found: Server, pins: Pins, tool: str) -> TenantryError:
    with pytest.raises(TenantryError) as raised, opened(found) as session:
        session.call(tool, {}, pins)
    assert raised.value.hint
    assert not {"\x1b", "\u202e", "\n"} & {*raised.value.message}
    return raised.value


def runtime(folder: Path, found: Server, pins: Pins) -> Runtime:
    catalog = Catalog(read_capabilities({"far": found}, pins), (), ())
    return Runtime(
        DuckDB(Lake(folder / "lake")), catalog, lambda: datetime(2026, 7, 1, tzinfo=UTC), lambda _: {}
    )


def test_nothing_is_callable_that_is_not_listed_and_allowed(tmp_path: Path, pins: Pins) -> None:
    found = server(tmp_path)
    with opened(found) as session:
        states = {name: pins.state(found, offer) for name, offer in session.offers().items()}
    assert states == {
        **dict.fromkeys(EFFECTS, "callable"),
        "strange": "not listed",
        "taken": "not listed",
        stranger.ORDERS[6]: "not listed",
    }
    assert failed(found, pins, "strange").kind is Kind.FORBIDDEN
    assert failed(found, Pins({}), "costs").kind is Kind.FORBIDDEN
    assert failed(found, pins, "nothing").kind is Kind.NOT_FOUND
    assert not calls(tmp_path)


def test_a_tool_that_changed_is_refused_until_it_is_allowed_again(tmp_path: Path, pins: Pins) -> None:
    found = server(tmp_path, "changed")
    refused = failed(found, pins, "costs")
    assert (refused.kind, refused.message) == (Kind.FORBIDDEN, "far.costs is another than was allowed")
    assert not calls(tmp_path)
    with opened(found) as session:
        again = pins.allow(found, session.offers())
        assert session.call("costs", {}, again)["requests"] == 77


@pytest.mark.parametrize("tool", ["strange", "taken"])
def test_a_tool_with_arguments_that_are_no_names_cannot_be_allowed(tmp_path: Path, tool: str) -> None:
    found = server(tmp_path, tools={tool: {"effect": "read"}})
    with opened(found) as session, pytest.raises(TenantryError, match="names that cannot be used"):
        Pins({}).allow(found, session.offers())


@pytest.mark.parametrize(
    ("tool", "kind"),
    [("crashes", Kind.UNAVAILABLE), ("floods", Kind.LIMIT_EXCEEDED), ("fails", Kind.BROKEN_CONTRACT),
     ("garbles", Kind.UNAVAILABLE)],
)  # fmt: skip
def test_a_call_that_goes_wrong_is_an_error_of_ours(
    tmp_path: Path, pins: Pins, tool: str, kind: Kind
) -> None:
    assert failed(server(tmp_path), pins, tool).kind is kind


def test_a_server_that_hangs_is_ended_in_time(tmp_path: Path, pins: Pins) -> None:
    began = time.monotonic()
    assert failed(server(tmp_path, timeout_seconds=0.6), pins, "hangs").kind is Kind.UNAVAILABLE
    assert failed(server(tmp_path, "deaf", timeout_seconds=0.6), pins, "costs").kind is Kind.UNAVAILABLE
    assert time.monotonic() - began < 8


@pytest.mark.parametrize("mode", ["gone", "babbling"])
def test_a_server_that_is_none_is_an_error_of_ours(tmp_path: Path, pins: Pins, mode: str) -> None:
    found = server(tmp_path, mode, timeout_seconds=3)
    if mode == "gone":
        assert failed(found, pins, "costs").kind is Kind.UNAVAILABLE
    else:
        with opened(found) as session:
            assert session.call("costs", {}, pins)["requests"] == 77
    missing = read_servers({"far": {"command": "/no/such/program"}})["far"]
    assert failed(missing, pins, "costs").message == "far: /no/such/program cannot be started"


def test_a_reply_is_data_of_ours_with_exact_sums_and_nothing_endless(tmp_path: Path, pins: Pins) -> None:
    answer = runtime(tmp_path, server(tmp_path), pins).call(
        "mcp_far", "costs", {"most": "3", "filter": '{"a": [1]}'}
    )
    assert calls(tmp_path) == [["costs", {"most": 3, "filter": {"a": [1]}}]]
    data = answer.data.data
    period = data["ResultsByTime"][0]
    assert period["TimePeriod"] == {"Start": date(2026, 3, 1), "End": date(2026, 4, 1)}
    assert period["Groups"][7]["UnblendedCost"].amount == Decimal("7.125")
    assert (data["requests"], data["share"], data["endless"]) == (77, Decimal("0.25"), "1E+999999")
    assert len(answer.data.sha256) == 64
    text = json.dumps(answer.document())
    assert "\\u202e" not in text
    assert "\\u001b" not in text


def test_only_arguments_that_fit_leave(tmp_path: Path, pins: Pins) -> None:
    here = runtime(tmp_path, server(tmp_path), pins)
    for wrong in ({"most": "many"}, {"filter": "{"}, {"stranger": 1}):
        with pytest.raises(TenantryError) as raised:
            here.call("mcp_far", "costs", wrong)
        assert raised.value.kind is Kind.INVALID
    assert not calls(tmp_path)


def test_a_principal_bound_to_a_tenant_never_asks_a_stranger(tmp_path: Path, pins: Pins) -> None:
    with pytest.raises(TenantryError) as raised:
        runtime(tmp_path, server(tmp_path), pins).call("mcp_far", "costs", {}, Principal("bob", "teal"))
    assert raised.value.kind is Kind.FORBIDDEN
    assert not calls(tmp_path)


def box(folder: Path, pins: Pins, said: str = "") -> Toolbox:
    here = runtime(folder, server(folder), pins)
    return Toolbox(here, Principal(), Handles(vocabulary(here.catalog), said))


def test_a_model_sees_figures_and_words_that_the_vendor_wrote(tmp_path: Path, pins: Pins) -> None:
    toolbox = box(tmp_path, pins)
    told = toolbox.call("mcp_far", "costs", {})
    assert '"UnblendedCost":{"amount":"7.125","currency":"USD"}' in told
    assert not {order[:9] for order in stranger.ORDERS if order[:9] in told}
    handle = toolbox.handles.hide(f"EC2 {stranger.ORDERS[7]}", "Keys")
    assert not ungrounded(f"{handle} cost $7.125 in March 2026.", toolbox.answers, "", toolbox.handles)
    assert ungrounded(f"{handle} cost $8.125 in March 2026.", toolbox.answers, "", toolbox.handles)
    assert ungrounded("It cost 4,242,424.1 USD.", toolbox.answers, "", toolbox.handles)
    assert any(
        f.value == Decimal("7.125") and f.currency == "USD" for f in facts_of(toolbox.answers).held.values()
    )


def test_an_error_of_a_stranger_tells_a_model_nothing(tmp_path: Path, pins: Pins) -> None:
    told = box(tmp_path, pins).call("mcp_far", "fails", {})
    assert json.loads(told[6:-7]) == {"error": "broken_contract", "problem": "the tool failed"}


def test_what_came_with_data_leaves_with_a_persons_yes_alone(tmp_path: Path, pins: Pins) -> None:
    toolbox = box(tmp_path, pins, "Tell teal, please, and 12")
    hidden = toolbox.handles.hide("globex", "tenant_id")
    for whom in (hidden, "globex", "teal and globex"):
        assert '"approval_required"' in toolbox.call("mcp_far", "tell", {"tenant_id": whom})
    assert '"approval_required"' in toolbox.call("mcp_far", "wipe", {"tenant_id": "teal"})
    assert [(p.tool, p.arguments["tenant_id"]) for p in toolbox.proposals] == [
        ("tell", "globex"), ("tell", "teal and globex"), ("wipe", "teal"),
    ]  # fmt: skip
    for kept in ('{"a": 13}', '{"globex": 12}', '["globex"]', "[[[", '{"n": "' + hidden + '"}'):
        refused = toolbox.call("mcp_far", "costs", {"filter": kept})
        assert '"approval_required"' in refused or '"limit_exceeded"' in refused
    assert not calls(tmp_path)
    toolbox.call("mcp_far", "tell", {"tenant_id": "teal"})
    toolbox.call(
        "mcp_far", "costs", {"month": "2026-03", "most": 12, "filter": '{"Groups": ["teal", "USD", true]}'}
    )
    assert [name for name, _ in calls(tmp_path)] == ["tell", "costs"]


def test_one_question_takes_so_many_calls_of_strangers(tmp_path: Path, pins: Pins) -> None:
    toolbox = box(tmp_path, pins)
    told = [toolbox.call("mcp_far", "tell", {"tenant_id": "globex"}) for _ in range(21)]
    assert ['"limit_exceeded"' in one for one in told] == [False] * 20 + [True]


def test_settings_that_cannot_be_are_told_together_and_without_secrets() -> None:
    tables = {
        "Two Words": {"command": "x"},
        "both": {"command": "x", "url": "https://mcp.example.com"},
        "secret": {"command": "x", "env": {"AWS_SECRET_ACCESS_KEY": "hush-hush"}},
        "open": {"url": "http://mcp.example.com"},
        "kind": {"command": "x", "tools": {"t": {"effect": "delete"}}},
        "token": {"command": "x", "token": "hush-hush"},
    }
    with pytest.raises(TenantryError) as raised:
        read_servers(tables)
    assert all(name in raised.value.message for name in tables)
    assert "pass_env" in raised.value.message
    assert "hush" not in raised.value.message


def test_its_tools_are_offered_wherever_ours_are_and_a_server_is_asked_at_a_url_too(
    tmp_path: Path, pins: Pins
) -> None:
    with serving(app_of(runtime(tmp_path, server(tmp_path), pins))) as url:
        paths = httpx.get(f"{url}/api/openapi.json").json()["paths"]
        (path,) = [path for path in paths if path.endswith("mcp_far/costs")]
        told = httpx.get(f"{url}{path}", params={"month": "2026-03"}).json()
        assert told["data"]["data"]["ResultsByTime"][0]["Groups"][3]["UnblendedCost"] == {
            "amount": "3.125",
            "currency": "USD",
        }
        (wipe,) = [path for path in paths if path.endswith("mcp_far/wipe")]
        assert httpx.post(f"{url}{wipe}", json={"tenant_id": "teal"}).json()["title"] == "approval required"
        assert calls(tmp_path) == [["costs", {"month": "2026-03"}]]

        tools = {name: {"effect": "read"} for name in ("mcp_far_costs", "mcp_far_tell")}
        near = read_servers(
            {"near": {"url": f"{url}/mcp", "token": "t", "tools": tools, "timeout_seconds": 10}}
        )["near"]
        with opened(near) as session:
            allowed = Pins({}).allow(near, session.offers())
            answer = session.call("mcp_far_costs", {"month": "2026-03"}, allowed)
            assert answer["data"]["data"]["requests"] == 77
        short = near.model_copy(update={"max_reply_bytes": 20_000})
        assert failed(short, allowed, "mcp_far_costs").kind is Kind.LIMIT_EXCEEDED
    assert failed(near, allowed, "mcp_far_costs").kind is Kind.UNAVAILABLE


def test_what_a_server_offers_is_looked_at_and_allowed_by_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = json.dumps([stranger.__file__, "plain", str(tmp_path / "calls")])
    tools = 'tools = { costs = { effect = "read" }, wipe = { effect = "act" } }'
    toml = f"[mcp.far]\ncommand = {json.dumps(sys.executable)}\nargs = {words}\n{tools}\n"
    (tmp_path / "tenantry.toml").write_text(toml)
    states = []
    for action in ("tools", "allow", "tools"):
        assert app.main(["sources", action, "far", "--json"]) == 0
        found = {one["tool"]: one for one in json.loads(capsys.readouterr().out)["tools"]}
        states.append((found["costs"]["state"], found["wipe"]["effect"], found["tell"]["state"]))
    assert states == [("not allowed yet", "act", "not listed"), *[("callable", "act", "not listed")] * 2]
    assert "SYSTEM" not in (tmp_path / "tenantry.mcp.lock").read_text()
    assert [c.name for c in app.whole_catalog().capabilities][-1] == "mcp_far"
    assert app.main(["sources", "tools", "far"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert app.main(["mcp-far", "wipe", "--tenant-id", "teal", "--lake", str(tmp_path / "lake")]) == 5
    assert not calls(tmp_path)
    (tmp_path / "tenantry.toml").write_text(toml.replace("wipe =", "gone ="))
    assert app.main(["sources", "allow", "far"]) == 4
    (tmp_path / "tenantry.mcp.lock").write_text("[]")
    assert app.main(["sources", "tools", "far"]) == 2
    assert app.main(["sources", "tools", "for"]) == 4
