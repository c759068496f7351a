"""What the load balancers of the shared accounts log: which requests, whose they say they are, what is seen of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from .api import API, APP, CALLS, DOMAIN
from .dice import Dice, Floats, Ints
from .plan import Plan
from .product import FEATURES, MACHINE
from .traffic import Cells

EVERY = 8000
"""One request in so many of a tenant and feature is logged: a log of them all would have 2 million lines an hour."""
NAMED_BY = ("none", "subdomain", "path", "trace", "key")
NONE, SUBDOMAIN, PATH, TRACE, KEY = range(len(NAMED_BY))

HOUR_US = 3_600_000_000
_OVERHEAD_MS, _HEADERS = 4, 700
_WAIT_BIAS, _WAIT_NOISE, _SIZE_NOISE = 0.05, 0.5, 0.3

# Thousandths of the compute time of a request for which its caller waits: automations, integrations and reports answer
# first and work on; a simulation has eight cores.
_WAITED_FOR = {"automations": 200, "integrations": 600, "reports": 500, "simulation": 125}
# Thousandths of the bytes delivered that pass a load balancer: files come from storage.
_PASSED = {"file_share": 20}


@dataclass(frozen=True)
class Lines:
    """Requests as they are logged, one an element, in order of tenant, feature and hour."""

    month: date
    tenant: Ints
    feature: Ints
    hour: Ints
    """Since 1970."""
    at: Ints
    """When the answer was sent, in microseconds of the hour."""
    call: Ints
    """Index into the calls of the feature."""
    named: Ints
    """Index into `NAMED_BY`."""
    ms: Ints
    """How long the caller waited."""
    bytes: Ints
    """Received and sent."""
    chance: Ints
    """48 random bits."""


def api_key(plan: Plan, tenant: int) -> str:
    """The key that a tenant's machines use."""
    return "qk_" + hashlib.sha256(f"{plan.seed} {plan.names[tenant]}".encode()).hexdigest()[:32]


def key_alias(plan: Plan, tenant: int) -> str:
    """The key as the tenants table has it."""
    return "key:" + hashlib.sha256(api_key(plan, tenant).encode()).hexdigest()[:16]


def has_key(plan: Plan, tenant: int) -> bool:
    return tenant < len(plan.tenants) and plan.tenants[tenant].tier != "basic"


def logged(plan: Plan, cells: Cells) -> Lines:
    """The month's lines of tenants who share the cluster; the others have load balancers in their own accounts."""
    shared = cells.only(plan.compute_shared[cells.tenant])
    order = np.lexsort((shared.hour, shared.feature, shared.tenant))
    cell = np.repeat(order, _counts(plan, shared, order))
    dice = Dice(plan.seed, "ingress", cells.month.toordinal())
    size = len(cell)
    tenant, feature = shared.tenant[cell], shared.feature[cell]
    return Lines(
        month=cells.month,
        tenant=tenant,
        feature=feature,
        hour=shared.hours[shared.hour[cell]],
        at=dice.whole(size, 0, HOUR_US),
        call=_calls(feature, dice.unit(size)),
        named=_naming(plan)[tenant, feature],
        ms=_noisy(_waits(plan, shared)[cell], dice.lognormal(size, _WAIT_NOISE)) + _OVERHEAD_MS,
        bytes=_noisy(_sizes(shared)[cell], dice.lognormal(size, _SIZE_NOISE)) + _HEADERS,
        chance=dice.whole(size, 0, 2**48),
    )


def log_truth(plan: Plan, lines: Lines) -> pa.Table:
    """How many lines each hour, tenant and feature has, and how they name the tenant."""
    key = ((lines.hour * plan.size + lines.tenant) * len(FEATURES) + lines.feature) * len(NAMED_BY)
    found, count = np.unique(key + lines.named, return_counts=True)
    rest, named = np.divmod(found, len(NAMED_BY))
    rest, feature = np.divmod(rest, len(FEATURES))
    hour, tenant = np.divmod(rest, plan.size)
    return pa.table(
        {
            "hour": pa.array(hour * (HOUR_US // 1000)).cast(pa.timestamp("ms", "UTC")),
            "tenant_id": pa.array(plan.names).take(pa.array(tenant)),
            "feature_id": pa.array(FEATURES).take(pa.array(feature)),
            "named_by": pa.array(NAMED_BY).take(pa.array(named)),
            "requests": pa.array(count.astype(np.int64)),
        }
    )


def _counts(plan: Plan, cells: Cells, order: Ints) -> Ints:
    """Lines of the cells in this order: a tenant's requests with a feature are counted, and every so many is logged."""
    group = (cells.tenant * len(FEATURES) + cells.feature)[order]
    requests = cells.consumed["requests"][order]
    upto = np.cumsum(requests)
    first = np.append(True, group[1:] != group[:-1])
    before = (upto - requests)[first][np.cumsum(first) - 1]
    start = Dice(plan.seed, "ingress", "start").whole(plan.size * len(FEATURES), 0, EVERY)[group] - before
    return (upto + start) // EVERY - (upto - requests + start) // EVERY


def _waits(plan: Plan, cells: Cells) -> Floats:
    """Milliseconds that a caller waits for one request of each cell."""
    waited_for = np.array([_WAITED_FOR.get(feature, 1000) for feature in FEATURES])[cells.feature]
    work = cells.consumed["compute_ms"] * waited_for // 1000 + cells.consumed["db_ms"]
    bias = Dice(plan.seed, "ingress", "wait").lognormal(plan.size, _WAIT_BIAS)
    return work / cells.consumed["requests"] * bias[cells.tenant]


def _sizes(cells: Cells) -> Floats:
    """Bytes of one request of each cell that pass the load balancer."""
    passed = np.array([_PASSED.get(feature, 1000) for feature in FEATURES])[cells.feature]
    return cells.consumed["egress_kb"] * passed / cells.consumed["requests"]


def _noisy(value: Floats, noise: Floats) -> Ints:
    return np.floor(value * noise).astype(np.int64)


def _calls(feature: Ints, chance: Floats) -> Ints:
    """Which of its feature's operations each request is."""
    call = np.zeros(len(feature), dtype=np.int64)
    for f, name in enumerate(FEATURES):
        bounds = np.cumsum([call.weight for call in CALLS[name]])
        here = feature == f
        call[here] = np.searchsorted(bounds, chance[here] * bounds[-1], side="right")
    return call


def _naming(plan: Plan) -> Ints:
    """[tenant, feature]: how requests name their tenant. Who signs in at a host that all share is not known yet."""
    tiers = [*(tenant.tier for tenant in plan.tenants), "enterprise"]
    people = np.array([{"basic": PATH, "pro": SUBDOMAIN, "enterprise": TRACE}[tier] for tier in tiers])
    named = np.repeat(people[:, None], len(FEATURES), axis=1)
    keyed = np.array([tier != "basic" for tier in tiers])
    named[np.ix_(keyed, MACHINE)] = KEY
    named[np.ix_(people != SUBDOMAIN, [FEATURES.index("sign_in")])] = NONE
    named[-1] = KEY
    return named


def hosts(plan: Plan) -> list[list[str]]:
    """[naming][tenant]: the host of a request."""
    own = [f"{tenant.aliases[-1].split('@')[0]}.{DOMAIN}" for tenant in plan.tenants]
    shared = [APP if tenant.tier == "basic" else API for tenant in plan.tenants]
    own, shared = [*own, API], [*shared, API]
    return [shared, own, shared, shared, shared]
