"""No request is lost on the way from the logs, and it does not matter when it came."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from building import build, differs_from_a_build_from_nothing, land
from hypothesis import given, settings
from hypothesis import strategies as st
from small_vendor import SmallVendor, asked, document, tenant

from tenantry.datasets import AccessHours, ApiDocuments, Requests, Routes, RouteTemplates, Tenants
from tenantry.kernel.dataset import Dataset

pytestmark = pytest.mark.slow

EXAMPLES = settings.default.max_examples if settings.default else 0
DAYS = [date(2026, 3, day) for day in range(1, 5)]
PATHS = [
    "/",
    "/login",
    *(f"/{a}/{b}{c}" for a in ("pets", "t") for b in ("7", "acme", "globex", "cat") for c in ("", "/x")),
]
SOME_PATHS = st.sets(st.sampled_from(["/pets/{id}", "/t/{tenant}/x", "/login", "/{any}"]))

logs = st.builds(
    lambda day, hour, path, **columns: asked(path, f"{day}T{hour:02}", **columns),
    st.sampled_from(DAYS),
    st.integers(0, 3),
    st.sampled_from(PATHS),
    requests=st.integers(1, 5),
    host=st.sampled_from(["", "api.example.com", "acme.example.com", "globex.example.com", "x.example.com"]),
    status=st.sampled_from([200, 404, 500]),
    agent=st.sampled_from(["", "bot"]),
    template=st.sampled_from([None, None, "GET /pets/{id}", "/t/:tenant", "$default"]),
    claim=st.sampled_from([None, "acme", "Globex", "zeta", "old"]),
    claimed_by=st.sampled_from(["claim", "header", "user", "query"]),
)
documents = SOME_PATHS.map(
    lambda paths: document({path: {"get": {"tags": [path]}} for path in sorted(paths)})
)
people = st.sampled_from([(), ("acme",), ("acme", "globex")]).map(
    lambda names: [tenant(name, aliases=["old@..2026-03-03"] if name == "acme" else None) for name in names]
)
changes = st.one_of(
    st.tuples(st.just(AccessHours), st.lists(logs, max_size=8)),
    st.tuples(st.just(ApiDocuments), documents.map(lambda found: [found])),
    st.tuples(st.just(Tenants), people),
)


def put(vendor: SmallVendor, dataset: type[Dataset], rows: list[dict[str, Any]]) -> None:
    """Logs replace the days they are of."""
    days = sorted({row["day"] for row in rows}) if dataset is AccessHours else []
    if rows or dataset is not AccessHours:
        land(vendor, dataset, rows, *days)


@settings(max_examples=max(2, EXAMPLES // 10))
@given(st.lists(changes, min_size=1, max_size=5))
def test_requests_are_the_logs_to_the_last_unit_and_as_if_built_from_nothing(history: list[Any]):
    with tempfile.TemporaryDirectory() as folder:
        vendor = SmallVendor(Path(folder)).land()
        for dataset, rows in history:
            put(vendor, dataset, rows)
            build(vendor, Requests, RouteTemplates)
        sums = "day, hour, source, agent, sum(requests), sum(seconds), sum(bytes)"
        kept = (
            "SELECT day, hour, source, agent, sum(CASE WHEN status >= 500 THEN requests ELSE 0 END) AS errors"
        )
        assert vendor.query(f"SELECT {sums} FROM requests GROUP BY ALL ORDER BY ALL") == vendor.query(
            f"SELECT {sums} FROM access_hours GROUP BY ALL ORDER BY ALL"
        )
        assert vendor.query(
            "SELECT day, hour, source, agent, sum(errors) AS errors FROM requests GROUP BY ALL ORDER BY ALL"
        ) == vendor.query(f"{kept} FROM access_hours GROUP BY ALL ORDER BY ALL")
        assert differs_from_a_build_from_nothing(vendor, Routes, RouteTemplates, Requests) == []
