"""The bill beside what the provider's own cost service says: worked by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from three_months import three_months

from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Principal
from tenantry.runtime.call import Runtime


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return three_months(Path(tmp_path_factory.mktemp("lake")))[1]


def lines(door: Runtime, **arguments: Any) -> list[tuple[str, ...]]:
    rows = door.call("reconciliation", "provider_costs", arguments).data
    return [
        (str(r.period), r.service_name, str(r.bill), str(r.told), str(r.difference), r.outcome.value)
        for r in rows
    ]


def plain(text: str) -> tuple[str, ...]:
    return tuple(text.split(" | "))


def test_a_month_is_compared_on_the_days_that_were_told(door: Runtime):
    found = [(*line[:2], *(str(Decimal(x).normalize()) for x in line[2:5]), line[5]) for line in lines(door)]
    assert found == [
        plain("2026-03-01 | Compute | 1.8E+2 | 179.995 | -0.005 | same"),
        plain("2026-03-01 | Database | 4E+1 | 0 | -4E+1 | not told"),
        plain("2026-03-01 | Lambda | 0 | 3 | 3 | not billed"),
        plain("2026-03-01 | Storage | 3E+1 | 30.5 | 0.5 | different"),
    ]
    first = door.call("reconciliation", "provider_costs", {"window": "2026-03"}).data[0]
    assert (first.provider_name, first.currency, first.days, first.estimated) == ("AWS", "USD", 3, 1)


def test_a_day_is_compared_by_itself(door: Runtime):
    found = lines(door, grain="day", basis="effective", window="2026-03-05..2026-03-11")
    assert [(line[0], line[1], line[5]) for line in found] == [
        ("2026-03-05", "Storage", "different"), ("2026-03-10", "Compute", "same"),
    ]  # fmt: skip


def test_what_was_told_is_not_allocated(door: Runtime):
    certificate = door.call("reconciliation", "certificate", {"window": "2026-03"}).data
    assert certificate.reconciles
    billed = next(t for t in certificate.totals if (t.currency, t.basis) == ("USD", "billed"))
    assert (billed.bill, billed.tenants) == (Decimal("268.2"), Decimal("268.2"))


def test_it_is_the_vendors_alone(door: Runtime):
    with pytest.raises(TenantryError) as raised:
        door.call("reconciliation", "provider_costs", {}, Principal("t", "teal-partners"))
    assert raised.value.kind is Kind.FORBIDDEN


def test_where_nothing_was_told_it_says_so(door: Runtime):
    with pytest.raises(TenantryError, match="has told anything"):
        door.call("reconciliation", "provider_costs", {"window": "2026-01"})
