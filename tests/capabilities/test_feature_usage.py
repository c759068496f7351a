"""Feature usage on the vendor of three months; the readings are listed in tests/three_months.py."""

from __future__ import annotations

from typing import Any

import pytest
from three_months import HOSTILE

from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Principal
from tenantry.runtime.call import Runtime


def ask(runtime: Runtime, tool: str, **arguments: Any) -> list[Any]:
    return runtime.call("feature_usage", tool, {"window": "2026-03", **arguments}).data


def test_features_meter_by_meter_the_most_used_first(runtime: Runtime):
    lines = ask(runtime, "features")
    assert [(x.meter, x.service_name, x.feature_id, x.units, x.tenants, x.adoption) for x in lines] == [
        ("gb", "Storage", "(no feature)", 3, 2, 0.4),
        ("ms", "Compute", "search", 100, 2, 0.4),
        ("ms", "Compute", "export", 20, 1, 0.2),
    ]
    assert [x.share for x in lines] == pytest.approx([1, 100 / 120, 20 / 120])
    assert [x.feature_id for x in ask(runtime, "features", meter="ms", top=1)] == ["search"]


def test_users_of_a_feature_the_heaviest_first(runtime: Runtime):
    lines = ask(runtime, "users", feature_id="search")
    assert [(x.tenant_id, x.name, x.tier, x.units, x.share) for x in lines] == [
        ("teal-partners", "Teal Partners", "enterprise", 60, 0.6),
        ("beacon-legal", "Beacon Legal", "pro", 40, 0.4),
    ]
    assert [x.tenant_id for x in ask(runtime, "users", feature_id="(no feature)")] == [
        "lumen-retail", "teal-partners",
    ]  # fmt: skip
    assert ask(runtime, "users", feature_id="export", window="2026-01") == []


def test_a_tenants_use_beside_the_month_before(runtime: Runtime):
    lines = ask(runtime, "tenant", tenant_id="beacon-legal")
    assert [(x.feature_id, x.units, x.before, x.change) for x in lines] == [
        ("search", 40, 30, 10), ("export", 20, 10, 10),
    ]  # fmt: skip
    assert [x.growth for x in lines] == pytest.approx([1 / 3, 1])
    [gb, ms] = ask(runtime, "tenant", tenant_id="teal-partners")
    assert (gb.before, gb.growth) == (0, None)
    assert (ms.change, ms.growth) == (0, 0)
    # Nothing in April: what was used before still stands there.
    assert {(x.units, x.before) for x in ask(runtime, "tenant", tenant_id="beacon-legal", window="2026-04")} == {
        (0, 40), (0, 20),
    }  # fmt: skip
    assert ask(runtime, "tenant", tenant_id=HOSTILE) == []


def test_trend_tells_who_came_and_who_went(runtime: Runtime):
    lines = ask(runtime, "trend", meter="ms")
    assert [(x.feature_id, x.units, x.before, x.tenants, x.came, x.went) for x in lines] == [
        ("search", 100, 90, 2, 0, 0), ("export", 20, 10, 1, 0, 0),
    ]  # fmt: skip
    [export, search] = sorted(ask(runtime, "trend", meter="ms", window="2026-02"), key=lambda x: x.feature_id)
    assert (export.growth, export.came, search.growth) == (None, 1, 0)
    [gone, _] = sorted(ask(runtime, "trend", meter="ms", window="2026-04"), key=lambda x: x.feature_id)
    assert (gone.units, gone.change, gone.growth, gone.went) == (0, -20, -1, 1)


def test_breadth_is_against_what_the_tier_uses(runtime: Runtime):
    tenants = ask(runtime, "breadth")
    assert {x.name: (x.tier, x.features, x.of_tier, x.breadth) for x in tenants} == {
        "teal-partners": ("enterprise", 1, 1, 1),
        "beacon-legal": ("pro", 2, 2, 1),
        "fjord-bank": ("pro", 0, 2, 0),
        "lumen-retail": ("basic", 0, 0, None),
        HOSTILE: ("(no tier)", 0, 0, None),
    }
    assert tenants[0].name == "fjord-bank"
    tiers = {
        x.name: (x.tenants, x.features, x.of_tier, x.breadth) for x in ask(runtime, "breadth", by="tier")
    }
    assert tiers["pro"] == (2, 1, 2, 0.5)


def test_who_is_not_known_is_not_found_unless_a_tenant_asks(runtime: Runtime):
    for tool, asked in (("users", {"feature_id": "serch"}), ("tenant", {"tenant_id": "teal-partner"})):
        with pytest.raises(TenantryError) as raised:
            ask(runtime, tool, **asked)
        assert raised.value.kind is Kind.NOT_FOUND
        assert "did you mean" in raised.value.hint
    bound = Principal("someone", "lumen-retail")
    assert (
        runtime.call("feature_usage", "users", {"window": "2026-03", "feature_id": "search"}, bound).data
        == []
    )
