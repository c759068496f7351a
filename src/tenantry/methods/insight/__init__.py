"""Insight: what moved in a vendor's months, is not chance, and matters; each event told once.

`findings.findings` finds. What stands here needs no numpy, so that `tenantry --help` does not wait for it.
"""

from .figures import SHORTEST, WEEKDAYS, Concentration, Daily, Figures, Measure, Subject
from .finding import Finding, Kind
from .telling import MOST, ranked, told_once

__all__ = [
    "MOST", "SHORTEST", "WEEKDAYS", "Concentration", "Daily", "Figures", "Finding", "Kind", "Measure", "Subject",
    "ranked", "told_once",
]  # fmt: skip
