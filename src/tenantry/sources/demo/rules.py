"""The vendor's tenantry.toml: what its business is, and who pays for what."""

from __future__ import annotations

from . import prices
from .prices import Service
from .product import BUSINESS, REGIONS

# Pool, service, usage types, meters with what one unit counts.
_POOLS: tuple[tuple[str, Service, str, tuple[tuple[str, str], ...]], ...] = (
    ("Database storage", prices.RDS, "*Storage*", (("storage_gb_hours", "1"),)),
    ("Databases", prices.RDS, "*", (("db_ms", "1"),)),
    ("Compute", prices.EC2, "*", (("compute_ms", "1"),)),
    ("Events table", prices.DYNAMODB, "*", (("read_units", "1"), ("write_units", "5"))),
    ("Functions", prices.LAMBDA, "*", (("gb_ms", "1"),)),
    ("Files", prices.S3, "*", (("storage_gb_hours", "1"),)),
    ("Delivery network requests", prices.CLOUDFRONT, "*Requests*", (("requests", "1"),)),
    ("Delivery network", prices.CLOUDFRONT, "*", (("egress_bytes", "1"),)),
    ("Cache", prices.ELASTICACHE, "*", (("cache_ops", "1"),)),
    ("Queues", prices.SQS, "*", (("messages", "1"),)),
    ("Tokens", prices.BEDROCK, "*", (("input_tokens", "1"), ("output_tokens", "4"))),
    ("Load balancers", prices.ELB, "*", (("requests", "1"),)),
)

_PLACES = {"EU": REGIONS[0], "US": REGIONS[1]}

# Where another service's meter counts.
_COUNTED_BY = {"Delivery network requests": prices.ELB}

_HEAD = """\
# {vendor} is made up: `tenantry demo` wrote this file and everything beside it.

business_context = \"\"\"
{business}
\"\"\"

# Who pays for what: the first rule that matches a charge takes it.

[[allocation.rules]]
pool = "Service credits"
match = {{ category = ["Credit"], description = ["*SLA*"] }}
strategy = "proportional"
basis = "service"

[[allocation.rules]]
pool = "Promotional credits"
match = {{ category = ["Credit"] }}
strategy = "central"

[[allocation.rules]]
pool = "Unused commitment"
match = {{ commitment_status = ["Unused"] }}
strategy = "central"

[[allocation.rules]]
pool = "Commitment purchases"
match = {{ category = ["Purchase"], commitment_id = ["?*"] }}
strategy = "proportional"

[[allocation.rules]]
pool = "Silo"
strategy = "silo"
by = "tag:tenant"

[[allocation.rules]]
pool = "Silo"
strategy = "silo"
by = "account"

[[allocation.rules]]
pool = "Tax"
match = {{ category = ["Tax"] }}
strategy = "proportional"
basis = "service"

[[allocation.rules]]
pool = "Support"
match = {{ service = ["AWS Support*"] }}
strategy = "proportional"
"""

_POOL = """
[[allocation.rules]]
pool = "{pool}"
match = {{ service = ["{service}"], region = ["{region}"], usage_type = ["{types}"] }}
meters = [{meters}]
"""

_METER = '{{ meter = "{meter}", service = "{service}", region = "{region}", weight = {weight} }}'

_LOGS = """
[[allocation.rules]]
pool = "Logs {place}"
match = {{ service = ["{service}"], region = ["{region}"] }}
strategy = "proportional"
basis = "Compute {place}"
"""

_TAIL = """
# No tenant causes these: control planes, tooling, what was bought on the marketplace.
[[allocation.rules]]
pool = "Everything else"
strategy = "proportional"
"""

OVERHEAD_POOLS = frozenset(
    {
        "Service credits", "Promotional credits", "Unused commitment", "Commitment purchases", "Tax", "Support",
        "Everything else",
    }
)  # fmt: skip
"""Pools of these rules whose money the truth gives to nobody."""


def settings_text(vendor: str) -> str:
    """The file's text. The two regions are pools of their own: they differ in price and in how full they are."""
    pools = (
        _pool(name, service, types, meters, place, region)
        for place, region in _PLACES.items()
        for name, service, types, meters in _POOLS
    )
    logs = (_LOGS.format(place=p, region=r, service=prices.CLOUDWATCH.name) for p, r in _PLACES.items())
    comment = "\n# No meter counts logs: they follow compute."
    return "".join((_HEAD.format(vendor=vendor, business=BUSINESS), *pools, comment, *logs, _TAIL))


def _pool(
    name: str, service: Service, types: str, meters: tuple[tuple[str, str], ...], place: str, region: str
) -> str:
    counted_by = _COUNTED_BY.get(name, service).name
    drivers = ", ".join(
        _METER.format(meter=meter, service=counted_by, region=region, weight=weight)
        for meter, weight in meters
    )
    return _POOL.format(
        pool=f"{name} {place}", service=service.name, region=region, types=types, meters=drivers
    )
