"""`tenantry ask` with a language model configured: a service on this machine that speaks OpenAI's protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from model_wires import Call, Fail, Say, Turn, Wires, speaking
from three_months import three_months

from tenantry.app import main

QUESTION = "What did teal-partners cost in March 2026?"
LOOK: list[Turn] = [
    Call("ask_specialist", {"specialist": "cost_per_tenant", "question": QUESTION}),
    Call("rank", {"window": "2026-03"}),
    Say("teal-partners cost 156.20 USD, then [[tenant_id:4]]."),
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("three_months")
    three_months(folder)
    return folder


@pytest.fixture(scope="module")
def services() -> Iterator[Wires]:
    with speaking() as wires:
        yield wires


@pytest.fixture
def ask(
    services: Wires,
    lake: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Any:
    for name, value in {
        "MODEL": "compatible:house", "BASE_URL": f"{services.url}/v1", "API_KEY": "key-of-a-test", "RETRIES": "0",
        "INPUT_PRICE": "0", "OUTPUT_PRICE": "0",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"TENANTRY_AGENT__{name}", value)
    monkeypatch.setenv("TENANTRY_STATE__URL", f"sqlite:///{tmp_path / 'state.db'}")
    monkeypatch.chdir(tmp_path)

    def asked(*turns: Turn) -> dict[str, Any]:
        services.turns, services.asked = list(turns), []
        assert main(["ask", "--json", "--lake", str(lake), QUESTION]) == 0
        return json.loads(capsys.readouterr().out)

    return asked


def test_a_worded_answer_has_its_figures_and_calls(ask: Any, services: Wires) -> None:
    answer = ask(*LOOK, Say("teal-partners cost 156.20 USD in March 2026; next was [[tenant_id:4]]."))
    assert answer["text"] == "teal-partners cost 156.20 USD in March 2026; next was beacon-legal."
    assert [(f["value"], f["currency"], f["path"]) for f in answer["facts"]] == [
        ("156.200000000000000002", "USD", "data[1].cost")
    ]
    assert [(c["capability"], c["tool"]) for c in answer["trace"]] == [("cost_per_tenant", "rank")]
    assert answer["notes"] == ["worded by compatible:house"]
    sent = json.dumps([body for _, _, body in services.asked])
    assert "beacon-legal" not in sent
    assert "teal-partners" in sent


def test_a_question_that_takes_three_capabilities_shows_all_its_steps(ask: Any) -> None:
    def to(specialist: str, tool: str, **arguments: Any) -> list[Turn]:
        asking = Call("ask_specialist", {"specialist": specialist, "question": QUESTION})
        return [asking, Call(tool, arguments), Say("Done.")]

    answer = ask(
        *to("cost_per_tenant", "rank", window="2026-03"),
        *to("unit_economics", "margin", window="2026-03"),
        *to("feature_usage", "features", window="2026-03"),
        Say("teal-partners cost 156.20 USD in March 2026."),
    )
    assert answer["notes"] == ["worded by compatible:house"]
    assert [(c["capability"], c["tool"]) for c in answer["trace"]] == [
        ("cost_per_tenant", "rank"), ("unit_economics", "margin"), ("feature_usage", "features"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "said",
    ["It cost 157 USD.", "It cost 99 EUR.", "It cost 156.2.", "It doubled.", "In 2025 it cost 156.20 USD."],
)
def test_a_figure_that_no_tool_gave_is_never_shown(ask: Any, said: str) -> None:
    answer = ask(*LOOK, Say(said), Say(said))
    assert said not in answer["text"]
    assert "156.20 USD" in json.dumps(answer["tables"])
    assert answer["notes"] == ["without compatible:house: no tool bore out its wording"]


@pytest.mark.parametrize("turn", [Fail(401), Fail(503)])
def test_a_model_that_fails_is_done_without(ask: Any, turn: Turn) -> None:
    answer = ask(turn)
    assert "156.20 USD" in json.dumps(answer["tables"])
    assert answer["notes"][0].startswith("without compatible:house: ")
    assert "key-of-a-test" not in json.dumps(answer)


@pytest.mark.parametrize(
    "question",
    [
        "Which tenants cost most in March 2026?",
        QUESTION,
        "What is the weather?",
        "Margin by tier in March 2026?",
    ],
)
def test_the_planner_in_a_models_place_says_what_it_says_without_agents(
    ask: Any, lake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], question: str
) -> None:
    def answered(model: str) -> dict[str, Any]:
        monkeypatch.setenv("TENANTRY_AGENT__MODEL", model)
        assert main(["ask", "--json", "--lake", str(lake), question]) == 0
        return json.loads(capsys.readouterr().out)

    alone, agents = answered(""), answered("offline")
    assert (agents["outcome"], agents["text"]) == (alone["outcome"], alone["text"])
    if agents["notes"] == ["worded by offline"]:
        calls = [[(c["capability"], c["tool"]) for c in a["trace"]] for a in (agents, alone)]
        assert sorted(calls[0]) == sorted(calls[1])
