"""The vendor's tenantry.toml: what its business is, and who pays for what."""

from __future__ import annotations

from . import prices
from .prices import Service
from .product import BUSINESS

# Pool, service, usage types, meters with what one unit counts.
_POOLS: tuple[tuple[str, Service, str, tuple[tuple[str, str], ...]], ...] = (
    ("Database storage", prices.RDS, "*Storage*", (("storage_gb_hours", "1"),)),
    ("Databases", prices.RDS, "*", (("db_ms", "1"),)),
    ("Compute", prices.EC2, "*", (("compute_ms", "1"),)),
    ("Events table", prices.DYNAMODB, "*", (("read_units", "1"), ("write_units", "5"))),
    ("Functions", prices.LAMBDA, "*", (("gb_ms", "1"),)),
    ("Files", prices.S3, "*", (("storage_gb_hours", "1"),)),
    ("Delivery network", prices.CLOUDFRONT, "*", (("egress_bytes", "1"),)),
    ("Cache", prices.ELASTICACHE, "*", (("cache_ops", "1"),)),
    ("Queues", prices.SQS, "*", (("messages", "1"),)),
    ("Tokens", prices.BEDROCK, "*", (("input_tokens", "1"), ("output_tokens", "4"))),
    ("Load balancers", prices.ELB, "*", (("requests", "1"),)),
)

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
match = {{ service = ["{service}"], usage_type = ["{types}"] }}
meters = [{meters}]
"""

_TAIL = """
# No meter sees these: logs, control planes, tooling, what was bought on the marketplace.
[[allocation.rules]]
pool = "Everything else"
strategy = "proportional"
"""


def settings_text(vendor: str) -> str:
    pools = (
        _POOL.format(
            pool=pool,
            service=service.name,
            types=types,
            meters=", ".join(
                f'{{ meter = "{meter}", service = "{service.name}", weight = {weight} }}'
                for meter, weight in meters
            ),
        )
        for pool, service, types, meters in _POOLS
    )
    return _HEAD.format(vendor=vendor, business=BUSINESS) + "".join(pools) + _TAIL
