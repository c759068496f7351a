"""What access logs, which are of all services, tell best of each: seconds, bytes or requests, region by region."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal

from ..kernel import Row
from .names import text
from .usage import LOGGED

_BUSY = re.compile(
    "ec2|elastic compute|lambda|function|fargate|container|kubernetes|ecs|eks|gke|aks|app service|app engine|cloud run"
    "|virtual machine|compute|beanstalk|batch|rds|relational|aurora|sql|elasticsearch|opensearch|neptune|documentdb"
    "|redshift|sagemaker"
)
_BUSY_CATEGORIES = {"compute", "databases", "analytics"}
_BY_CALL = re.compile("dynamo|cosmos|firestore|cache|redis|memorystore")
_CARRYING = re.compile(
    "cloudfront|cdn|front door|data transfer|bandwidth|nat gateway|transit|direct connect|vpc|egress"
)
_CARRYING_CATEGORIES = {"networking"}
_NAMED = Decimal("0.9")
"""A log tells regions if so much of it names one: what a load balancer answers by itself names none."""

LOGS = (
    "SELECT meter, region, sum(units) AS units FROM meter_hours"
    f" WHERE service_name = '' AND cells > 0 AND meter IN ({', '.join(map(text, LOGGED))}) GROUP BY meter, region"
)
"""Query of what the logs count and whose that is, for `regions_told`."""


def regions_told(rows: Iterable[Row]) -> dict[str, list[str]]:
    """The meters of access logs, each with the regions that it tells apart, if it does."""
    units: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for row in rows:
        units[row.meter][row.region] = row.units
    return {
        meter: sorted(found.keys() - {""})
        if sum(found.values()) - found.get("", Decimal(0)) >= _NAMED * sum(found.values())
        else []
        for meter, found in units.items()
    }


def logged_driver(
    service: str, category: str, logs: Mapping[str, Sequence[str]], calls: Collection[str]
) -> str | None:
    """The meter of access logs that shares a service: what computes goes by seconds, what carries by bytes, what is
    paid by the call, and all else, by requests.

    None where the log does not have it, or where it would be requests and the meters `calls`, which share all else,
    count them in another way.
    """
    name, kind = service.lower(), category.lower()
    meter = "logged_requests"
    if kind in _CARRYING_CATEGORIES or _CARRYING.search(name):
        meter = "logged_bytes"
    elif (kind in _BUSY_CATEGORIES or _BUSY.search(name)) and not _BY_CALL.search(name):
        meter = "logged_seconds"
    if meter in logs and meter != "logged_requests":
        return meter
    return "logged_requests" if "logged_requests" in logs and "logged_requests" in calls else None
