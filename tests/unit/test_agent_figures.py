"""What agents may say of figures: each as a tool gave it, and none that is a digit off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from tenantry.kernel.dataset import Count, Day, Dimension, Money, Ratio
from tenantry.runtime.agents import Handles
from tenantry.runtime.agents.figures import borne_out, facts_of, ungrounded
from tenantry.runtime.asking.facts import shown
from tenantry.runtime.call import Answer
from tenantry.runtime.tables import Evidence


class Line(BaseModel):
    currency: Dimension
    day: Day
    cost: Money
    share: Ratio
    active_users: Count


amounts = st.decimals(Decimal("0.01"), Decimal(10**9), places=6)
lines = st.builds(
    Line,
    currency=st.sampled_from(["USD", "EUR"]),
    day=st.dates(date(2026, 3, 1), date(2026, 3, 31)),
    cost=amounts,
    share=st.floats(0, 1, width=32),
    active_users=st.integers(10, 10**6),
)


def answer(rows: Sequence[BaseModel]) -> Answer:
    evidence = (Evidence("tenant_cost", 1, None, ["2026-03-01..2026-04-01"]),)
    return Answer("shop", "rows", {}, rows, evidence, datetime(2026, 7, 1, tzinfo=UTC))


@given(st.lists(lines, min_size=1, max_size=6))
def test_every_figure_may_be_said_as_it_is(rows: list[Line]) -> None:
    given_ = [answer(rows)]
    for fact in facts_of(given_).held.values():
        if fact.path and fact.unit != "row":
            text = f"In March 2026 it was {shown(fact)}."
            assert not ungrounded(text, given_, "How much?", Handles(())), text
            assert fact.value in {f.value for f in borne_out(text, given_)}


@given(st.lists(lines, min_size=1, max_size=6), st.data())
def test_a_digit_off_is_not_let_through(rows: list[Line], data: st.DataObject) -> None:
    given_ = [answer(rows)]
    row = data.draw(st.sampled_from(rows))
    figures = f"{row.cost:,.2f}"
    place = data.draw(st.sampled_from([n for n, c in enumerate(figures) if c.isdigit()]))
    other = data.draw(st.sampled_from([d for d in "123456789" if d != figures[place]]))
    wrong = figures[:place] + other + figures[place + 1 :]
    said = Decimal(wrong.replace(",", ""))
    if not any(abs(r.cost - said) <= Decimal("0.005") for r in rows):
        assert ungrounded(f"It was {wrong} {row.currency}.", given_, "How much?", Handles(()))


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("It cost 1,234.57 USD in March 2026.", True),
        ("It cost 1,235 USD.", True),
        ("It cost 1,234.57 EUR.", False),
        ("It cost 1,234.57 USD in April 2026.", False),
        ("That is 12.5 % for 40 users.", True),
        ("That is 12.5 percent.", True),
        ("That is 13.5 %.", False),
        ("That is 40 tenants.", False),
        ("It doubled.", False),
        ("The top 5 are these.", True),
        ("The top 6 are these.", False),
        ("Nothing is known.", True),
    ],
)
def test_units_periods_and_what_was_asked_count(text: str, *, passes: bool) -> None:
    row = Line(currency="USD", day=date(2026, 3, 1), cost=Decimal("1234.5678"), share=0.125, active_users=40)
    assert (not ungrounded(text, [answer([row])], "Who are the top 5 in March?", Handles(()))) is passes


class Tenant(BaseModel):
    tenant_id: Dimension
    name: Dimension
    currency: Dimension
    cost: Money


class Total(BaseModel):
    currency: Dimension
    cost: Money


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("teal cost 100.00 USD.", True),
        ("teal cost 250.00 USD.", False),
        ("Teal Ltd cost 250.00 USD.", False),
        ("[[tenant_id:1]] cost 250.00 USD.", True),
        ("[[tenant_id:1]] cost 100.00 USD.", False),
        ("[[name:2]] cost 250.00 USD.", True),
        ("[[name:2]] cost 100.00 USD.", False),
        ("teal cost 100.00 USD, [[tenant_id:1]] 250.00 USD.", True),
        ("Together it was 350.00 USD.", True),
        ("teal was part of 350.00 USD.", False),
        ("teal was dear. It cost 250.00 USD.", False),
        ("teal was dear. It cost 100.00 USD.", True),
        ("teal was dear. Together it was 350.00 USD.", True),
        ("teal cost 250.00 USD and [[tenant_id:1]] 100.00 USD.", False),
        ("teal cost 100.00 USD and [[tenant_id:1]] 250.00 USD.", True),
        ("100.00 USD for teal and 250.00 USD for [[tenant_id:1]].", True),
        ("250.00 USD for teal and 100.00 USD for [[tenant_id:1]].", False),
        ("teal, unlike [[tenant_id:1]], cost 250.00 USD.", False),
        ("Next to teal 100.00 USD were spent by [[tenant_id:1]].", False),
        ("teal and [[tenant_id:1]] cost 250.00 USD and 100.00 USD.", False),
        ("[[tenant_id:1]] cost 250.00 USD, more than teal with 100.00 USD.", True),
        ("[[tenant_id:1]] cost 100.00 USD, less than teal with 250.00 USD.", False),
        ("[[tenant_id:9]] cost 999.00 USD.", False),
    ],
)
def test_a_figure_belongs_to_whom_its_sentence_names(text: str, *, passes: bool) -> None:
    rows = [
        Tenant(tenant_id="teal", name="Teal Ltd", currency="USD", cost=Decimal(100)),
        Tenant(tenant_id="beacon", name="Beacon Legal", currency="USD", cost=Decimal(250)),
    ]
    handles = Handles((), "What did teal cost? Teal Ltd, I mean.")
    assert [handles.hide("beacon", "tenant_id"), handles.hide("Beacon Legal", "name")] == [
        "[[tenant_id:1]]",
        "[[name:2]]",
    ]
    answers = [answer(rows), answer([Total(currency="USD", cost=Decimal(350))])]
    assert (not ungrounded(text, answers, "What did teal cost?", handles)) is passes


class Month(BaseModel):
    start: Day
    end: Day
    name: Dimension
    currency: Dimension
    cost: Money


def month(number: int, name: str, cost: int) -> Month:
    return Month(
        start=date(2026, number, 1),
        end=date(2026, number + 1, 1),
        name=name,
        currency="USD",
        cost=Decimal(cost),
    )


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("EC2 cost 100.00 USD in March.", True),
        ("EC2 cost 300.00 USD in March.", False),
        ("EC2 rose from 100.00 USD in March to 300.00 USD in April.", True),
        ("EC2 rose from 300.00 USD in March to 100.00 USD in April.", False),
        ("In March EC2 cost 100.00 USD and S3 200.00 USD.", True),
        ("In March EC2 cost 200.00 USD and S3 100.00 USD.", False),
        ("teal's EC2 cost 100.00 USD in March.", True),
        ("teal cost 100.00 USD in March.", False),
    ],
)
def test_a_figure_belongs_to_what_and_when_its_clause_says(text: str, *, passes: bool) -> None:
    rows = [month(3, "EC2", 100), month(3, "S3", 200), month(4, "EC2", 300), month(4, "S3", 400)]
    evidence = (Evidence("tenant_cost", 1, None, ["2026-03-01..2026-05-01"]),)
    told = Answer(
        "figures", "totals", {"tenant": '["teal"]'}, rows, evidence, datetime(2026, 7, 1, tzinfo=UTC)
    )
    asked = "What do EC2 and S3 of teal cost?"
    assert (not ungrounded(text, [told], asked, Handles((), asked))) is passes


@given(st.permutations(range(4)), st.lists(st.integers(100, 999), min_size=4, max_size=4, unique=True))
def test_figures_that_are_swapped_are_not_let_through(places: list[int], costs: list[int]) -> None:
    names = ["teal", "beacon", "oak", "amber"]
    rows = [
        Tenant(tenant_id=n, name=n, currency="USD", cost=Decimal(c))
        for n, c in zip(names, costs, strict=True)
    ]
    said = [f"{name} {costs[place]}.00 USD" for name, place in zip(names, places, strict=True)]
    text = f"By cost: {', '.join(said[:-1])} and {said[-1]}."
    asked = f"What do {' and '.join(names)} cost?"
    assert bool(ungrounded(text, [answer(rows)], asked, Handles((), asked))) is (places != [0, 1, 2, 3])
