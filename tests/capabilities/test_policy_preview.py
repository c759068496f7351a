"""A policy previewed is what a build would make of it, to the last digit, and leaves no trace."""

from __future__ import annotations

import os
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from building import build, land
from small_vendor import SmallVendor, charge, tenant, usage
from three_months import CATALOG, NOW, POLICY

from tenantry.datasets import Charges, Usage
from tenantry.datasets.default_policy import settings_in
from tenantry.errors import Kind, TenantryError
from tenantry.gateways.cli import build_parser, run
from tenantry.kernel import Capability, Catalog, Context, Principal, Window, tool
from tenantry.methods.policy import Policy
from tenantry.runtime.call import Runtime

EVEN = """
[[allocation.rules]]
pool = "Silo"
strategy = "silo"
by = "tag:tenant"

[[allocation.rules]]
pool = "All"
strategy = "even"
"""
CASCADES = """
[allocation]
coarse = [{ meter = "gb" }]

[[allocation.rules]]
pool = "Computers"
match = { service = ["Compute"] }
meters = [{ meter = "ms" }, { meter = "gb" }]
combine = "shares"

[[allocation.rules]]
pool = "Storage"
match = { service = ["Storage"] }
strategy = "cascade"
targets = ["Computers", "Silo"]

[[allocation.rules]]
pool = "Silo"
strategy = "silo"
by = "tag:tenant"
"""


def preview(runtime: Runtime, policy: str, window: str | None = "2026-03", **arguments: Any) -> Any:
    given = {"policy": policy, "window": window, **arguments}
    return runtime.call("cost_per_tenant", "preview", given).data


def cents(amount: Decimal) -> Decimal:
    """Even shares have a last digit."""
    return round(amount, 6)


def files(vendor: SmallVendor) -> set[str]:
    return {str(Path(folder) / name) for folder, _, names in os.walk(vendor.lake.path) for name in names}


def test_now_then_and_difference_of_each_tenant(runtime: Runtime):
    # 228.2 USD are no silo: by five even shares, and nothing stays central.
    found = preview(runtime, EVEN)
    share = Decimal("45.64")
    assert [(t.currency, t.now, t.then, t.difference, cents(t.moved), t.tenants) for t in found.totals] == [
        ("EUR", 50, 50, 0, 0, 0),
        ("USD", Decimal("268.2"), Decimal("268.2"), 0, Decimal("128.32"), 6),
    ]
    moves = {m.tenant_id: (cents(m.now), cents(m.then), cents(m.difference)) for m in found.tenants}
    assert moves["teal-partners"] == (Decimal("156.2"), 40 + share, 40 + share - Decimal("156.2"))
    assert moves["fjord-bank"] == (0, share, share)
    assert moves["(unallocated)"] == (-20, 0, 20)
    assert [m.tenant_id for m in found.tenants][:2] == ["teal-partners", "beacon-legal"]
    assert sum(m.difference for m in found.tenants) == 0
    assert {m.name: (m.now, m.then) for m in found.pools}["Compute"] == (180, 0)
    assert {m.name: m.difference for m in found.rungs} == {"fine": -210, "coarse": 190, "unallocated": 20}


def test_the_policy_as_built_changes_nothing(runtime: Runtime):
    same = "\n".join(
        f"[[allocation.rules]]\npool = {rule.pool!r}\nstrategy = {rule.strategy.value!r}\n"
        + (f"by = {rule.by!r}\n" if rule.by else "")
        + "".join(f"match.{field} = {[*texts]}\n" for field, texts in rule.match if texts)
        + "".join(f"meters = [{{ meter = {m.meter!r}, service = {m.service!r} }}]\n" for m in rule.meters)
        for rule in POLICY.rules
    )
    found = preview(runtime, same, None)
    assert (found.tenants, found.pools, found.rungs) == ([], [], [])


def test_of_one_tenant_the_pools_between_which_its_cost_moves(runtime: Runtime):
    found = preview(runtime, EVEN, tenant="lumen-retail")
    assert [m.tenant_id for m in found.tenants] == ["lumen-retail"]
    assert {m.name: cents(m.difference) for m in found.pools} == {
        "All": Decimal("45.64"),
        "Storage": -20,
        "Queue": -6,
        "Support": Decimal("-2.6"),
    }


def test_a_tenants_principal_does_not_preview(runtime: Runtime):
    """A policy could give it what others cost."""
    with pytest.raises(TenantryError) as raised:
        runtime.call(
            "cost_per_tenant", "preview", {"policy": EVEN, "window": "2026-03"}, Principal("t", "fjord-bank")
        )
    assert raised.value.kind is Kind.FORBIDDEN


def everything(ctx: Context, policy: str | None = None) -> list[str]:
    """All rows that depend on settings, as they are or as they would be."""
    read = ctx.under(settings_in(policy)) if policy else ctx
    tables = [d for d in CATALOG.datasets if d.table() in EVALUATED]
    return [f"{d.table()} {row!r}" for d in tables for row in read.rows(d)]


EVALUATED = ("pool_cost", "pool_routes", "allocation", "overhead", "tenant_cost", "feature_cost", "margin")
EVERYTHING = Capability("all", "What?", CATALOG.datasets, (tool()(everything),), (), "")


@pytest.mark.parametrize("policy", [EVEN, CASCADES])
def test_what_is_previewed_is_what_a_build_makes(vendor: SmallVendor, tmp_path: Path, policy: str):
    before = files(vendor)
    catalog = Catalog((EVERYTHING,), (), CATALOG.datasets)
    supposed = Runtime(vendor.engine, catalog, lambda: NOW, lambda _: {"policy": POLICY})
    previewed = supposed.call("all", "everything", {"policy": policy}).data
    assert files(vendor) == before

    for dataset in CATALOG.datasets:
        if not dataset.derived() and vendor.lake.folder(dataset).exists():
            (tmp_path / dataset.table()).symlink_to(vendor.lake.folder(dataset))
    built = SmallVendor(tmp_path, settings_in(policy)(vendor.engine)["policy"]).build()
    stored = Runtime(built.engine, catalog, lambda: NOW, lambda _: {"policy": built.policy})
    assert previewed == stored.call("all", "everything", {}).data


# --- what landed since the build -------------------------------------------------------------------------

USED = """
[[allocation.rules]]
pool = "Used"
meters = [{ meter = "ms" }]
"""


@pytest.fixture
def changing(tmp_path: Path) -> SmallVendor:
    vendor = SmallVendor(tmp_path, Policy()).land(
        charges=[charge("10", "2026-03-01")],
        tenants=[tenant("a"), tenant("b")],
        usages=[usage("a", 1, "2026-03-01T00")],
    )
    build(vendor)
    return vendor


def door(vendor: SmallVendor) -> Runtime:
    return Runtime(vendor.engine, CATALOG, lambda: NOW, lambda _: {"policy": vendor.policy})


def test_what_landed_since_makes_no_difference(changing: SmallVendor):
    land(changing, Charges, [charge("99", "2026-03-01")], date(2026, 3, 1))
    land(changing, Usage, [usage("b", 1, "2026-03-01T00")], date(2026, 3, 1))
    found = preview(door(changing), USED)
    assert [(t.now, t.then) for t in found.totals] == [(10, 10)]
    assert {m.tenant_id: m.difference for m in found.tenants} == {"a": 5, "b": -5}
    build(changing)
    found = preview(door(changing), USED)
    assert [(t.now, t.then) for t in found.totals] == [(99, 99)]


def test_inputs_that_were_tidied_away_are_asked_to_be_built_again(changing: SmallVendor):
    land(changing, Charges, [charge("99", "2026-03-01")], date(2026, 3, 1))
    for path in changing.lake.paths(Charges, changing.lake.version(Charges) - 1):
        Path(path).unlink()
    with pytest.raises(TenantryError, match="charges is no longer what") as caught:
        preview(door(changing), USED)
    assert caught.value.kind is Kind.UNAVAILABLE
    assert "tenantry build" in caught.value.hint


def test_nothing_built_nothing_previewed(tmp_path: Path):
    vendor = SmallVendor(tmp_path).land(charges=[charge("10")])
    with pytest.raises(TenantryError, match="tenant_cost holds no rows"):
        preview(door(vendor), USED)


# --- what is no policy -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[allocation.rules]\n", "not TOML: .* line 1"),
        ("[lake]\npath = 'x'", r"no table \[allocation\]; it has lake"),
        ("", "it has nothing"),
        ("allocation = 3", "no table"),
    ],
)
def test_text_that_holds_no_policy_is_refused(runtime: Runtime, text: str, message: str):
    with pytest.raises(TenantryError, match=message) as caught:
        preview(runtime, text)
    assert caught.value.kind is Kind.INVALID
    assert caught.value.hint


def test_every_problem_of_a_policy_is_told_at_once(runtime: Runtime):
    text = """
    [[allocation.rules]]
    strategy = "silo"
    meters = [{ meter = "ms" }]
    [[allocation.rules]]
    pool = "b"
    metres = []
    [[allocation.rules]]
    pool = "c"
    strategy = "cascade"
    targets = ["c"]
    [[allocation.rules]]
    strategy = "even"
    """
    with pytest.raises(TenantryError) as caught:
        preview(runtime, text)
    assert caught.value.details["problems"] == [
        "rules.0: a silo rule needs by; meters means nothing where strategy = silo",
        "rules.1.metres: no such field; did you mean meters?",
        "rule 4 says how its charges are shared: it needs a pool with a name",
        "pools feed each other in a circle: c -> c: set reciprocal = true on each, or remove one step",
    ]


# --- the command line, and what the rules did to a change -------------------------------------------------


def test_the_command_line_takes_a_file(runtime: Runtime, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "proposed.toml"
    file.write_text(EVEN)
    parser = build_parser(CATALOG, (), lambda _: runtime)
    line = ["cost-per-tenant", "preview", "--window", "2026-03", "--json", "--policy"]
    assert run(parser, [*line, EVEN]) == 0
    typed = capsys.readouterr().out
    assert run(parser, [*line, f"@{file}"]) == 0
    assert capsys.readouterr().out == typed
    assert run(parser, [*line, "@nowhere.toml"]) == 4
    file.write_bytes(b"\xff")
    assert run(parser, [*line, f"@{file}"]) == 2


def test_a_change_of_rules_stands_apart_from_volume_and_price(runtime: Runtime):
    arguments = {"tenant_id": "beacon-legal", "window": "2026-03"}
    plain = runtime.call("cost_per_tenant", "change", arguments).data
    told = runtime.call("cost_per_tenant", "change", {**arguments, "rules_before": EVEN}).data
    # 100 of Compute among five: 20 in February then, 40 by usage as built.
    compute = next(line for line in told if line.service_name == "Compute")
    assert (compute.before, compute.after, compute.rule) == (20, 90, 20)
    assert (compute.volume, compute.price, compute.driver, compute.other) == (20, 30, 0, 0)
    assert {line.rule for line in plain} == {0}
    for line in told:
        parts = (line.volume, line.mix, line.price, line.driver, line.rule, line.other)
        assert sum(parts) == line.change == line.after - line.before


def test_a_window_of_any_length_is_previewed(runtime: Runtime):
    span = Window.parse("2026-01-05..2026-03-16")
    found = preview(runtime, EVEN, str(span))
    assert [t.difference for t in found.totals] == [0, 0]
    assert [t.now for t in found.totals] == [50, Decimal("507.2")]


def test_the_policy_that_holds_is_told_as_text_that_moves_nothing(runtime: Runtime):
    held = runtime.call("cost_per_tenant", "policy", {}).data
    assert (held.version, held.rules) == (POLICY.version, len(POLICY.rules))
    assert Policy.read(tomllib.loads(held.policy)["allocation"]) == POLICY
    found = preview(runtime, held.policy)
    assert found.tenants == []
    assert {t.moved for t in found.totals} == {0}
