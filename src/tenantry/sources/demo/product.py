"""What the made-up vendor sells: twelve features, what one request of each really consumes, and who uses what."""

from __future__ import annotations

import numpy as np

VENDOR = "Quillhaven"
BUSINESS = """\
Quillhaven sells planning and document software to firms of every size, in three plans. Basic and pro tenants share
one Kubernetes cluster and one Aurora cluster per region (EU and US). Most enterprise tenants have an AWS account of
their own; some share the cluster but have a database of their own, tagged with their id. People work in projects,
documents and dashboards on weekdays; automations and integrations run round the clock. Simulations and the assistant
cost far more per use than anything else. Every request is metered for compute and database time, by tenant and by
feature."""

FEATURES: tuple[str, ...] = (
    "sign_in", "projects", "documents", "search", "comments", "dashboards", "reports", "automations", "integrations",
    "file_share", "assistant", "simulation",
)  # fmt: skip
REPORTS, SIMULATION = FEATURES.index("reports"), FEATURES.index("simulation")
MACHINE = np.array([f in ("automations", "integrations") for f in FEATURES])

# Consumption of one request, feature by feature, in thousandths of the unit that the name ends in.
PER_REQUEST: dict[str, tuple[int, ...]] = {
    "compute_ms": (60_000, 240_000, 360_000, 440_000, 120_000, 520_000, 1_800_000, 700_000, 180_000, 220_000, 600_000,
                   90_000_000),
    "db_ms": (8_000, 40_000, 60_000, 150_000, 25_000, 180_000, 700_000, 90_000, 35_000, 20_000, 40_000, 6_000_000),
    "read_units": (2_000, 0, 0, 0, 12_000, 0, 0, 30_000, 14_000, 0, 3_000, 0),
    "write_units": (1_000, 0, 0, 0, 3_000, 0, 0, 9_000, 4_000, 0, 2_000, 0),
    "gb_ms": (0, 0, 0, 0, 0, 0, 2_500_000, 0, 60_000, 400_000, 0, 0),
    "egress_kb": (3_000, 12_000, 30_000, 8_000, 4_000, 36_000, 80_000, 1_000, 5_000, 280_000, 4_000, 60_000),
    "cache_ops": (4_000, 6_000, 3_000, 2_000, 2_000, 11_000, 4_000, 1_000, 1_000, 1_000, 2_000, 5_000),
    "messages": (0, 0, 0, 0, 2_000, 0, 1_000, 6_000, 3_000, 1_000, 0, 4_000),
    "input_tokens": (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2_600_000, 0),
    "output_tokens": (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 420_000, 0),
    "log_bytes": (700_000, 900_000, 1_100_000, 1_300_000, 600_000, 1_500_000, 2_500_000, 3_000_000, 1_500_000, 800_000,
                  2_000_000, 60_000_000),
    "requests": (1_000,) * 12,
}  # fmt: skip
RESOURCES = tuple(PER_REQUEST)

# How much dearer one tenant's request is than another's (bigger documents, older projects, wider trees): the sigma of
# a log-normal factor per tenant and resource. This is what a count of users or requests cannot see.
SPREAD = {
    "compute_ms": 0.35, "db_ms": 0.45, "read_units": 0.25, "write_units": 0.25, "gb_ms": 0.4, "egress_kb": 0.5,
    "cache_ops": 0.25, "messages": 0.2, "input_tokens": 0.5, "output_tokens": 0.35, "log_bytes": 0.3, "requests": 0.0,
}  # fmt: skip

# Requests per thousand, feature by feature.
PERSONAS: dict[str, tuple[int, ...]] = {
    "planners": (40, 330, 90, 90, 110, 130, 15, 90, 70, 20, 5, 0),
    "writers": (40, 90, 390, 140, 130, 40, 12, 40, 40, 70, 8, 0),
    "analysts": (35, 60, 60, 120, 40, 390, 75, 70, 130, 14, 6, 0),
    "automators": (15, 60, 40, 40, 25, 40, 10, 430, 320, 16, 4, 0),
    "askers": (40, 120, 210, 190, 110, 90, 15, 70, 60, 40, 55, 0),
}

# Means of 1 over a day and a week, local time.
PEOPLE_HOURS = (
    0.05, 0.03, 0.02, 0.02, 0.03, 0.08, 0.3, 0.9, 1.9, 2.5, 2.6, 2.4, 1.8, 2.2, 2.5, 2.4, 2.0, 1.3, 0.6, 0.3, 0.2,
    0.15, 0.1, 0.07,
)  # fmt: skip
MACHINE_HOURS = (
    1.3, 1.2, 1.1, 1.0, 0.8, 0.8, 0.9, 1.0, 1.1, 1.1, 1.1, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.9, 0.8, 0.8, 0.9, 0.9, 1.0,
    1.2,
)  # fmt: skip
PEOPLE_DAYS = (1.28, 1.36, 1.38, 1.34, 1.2, 0.24, 0.2)
MACHINE_DAYS = (1.04, 1.06, 1.06, 1.06, 1.04, 0.88, 0.86)
LOCAL = {"eu-central-1": 1, "us-east-1": -5}
REGIONS = tuple(LOCAL)
