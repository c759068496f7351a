"""Fully loaded cost of features in plain integers: what `feature_cost_full` is held against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from allocation_by_hand import Money4, added, money

from tenantry.kernel import Row
from tenantry.kernel.time import month_start
from tenantry.methods.sharing import split


def fully_loaded(by_feature: Sequence[Row]) -> dict[tuple[Any, ...], Money4]:
    """Money by the keys of `feature_cost_full` from the rows of `feature_cost`."""
    lines: dict[tuple[Any, ...], list[Money4]] = defaultdict(list)
    own: dict[tuple[Any, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for f in by_feature:
        month, cost = month_start(f.charge_day), money(f)
        lines[month, f.billing_period, f.tenant_id, f.service_name, f.currency, f.feature_id].append(cost)
        if f.feature_id:
            own[month, f.tenant_id, f.currency][f.feature_id] += cost[1]
    found: dict[tuple[Any, ...], list[Money4]] = defaultdict(list)
    for (month, period, tenant, service, currency, feature), amounts in lines.items():
        line, whole = (month, period, tenant, service, currency), added(amounts)
        weights = {} if feature else _weights(own.get((month, tenant, currency), {}))
        if not weights:
            found[*line, feature].append(whole)
            continue
        b, e, li, c = (split(amount, weights.items()) for amount in whole)
        for name in weights:
            found[*line, name].append((b[name], e[name], li[name], c[name]))
    return {key: added(amounts) for key, amounts in found.items()}


def _weights(costs: dict[str, int]) -> dict[str, int]:
    """Positive costs, of which all together have at most 18 digits."""
    positive = {name: cost for name, cost in costs.items() if cost > 0}
    surplus = max(0, len(str(sum(positive.values()))) - 18)
    return {name: cost // 10**surplus for name, cost in positive.items() if cost // 10**surplus}
