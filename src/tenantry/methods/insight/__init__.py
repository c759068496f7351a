"""Insight: what moved in a vendor's months, is not chance, and matters; each event told once."""

from .calibration import memory_of, p_values
from .claims import MATERIAL, Kind, Measure
from .discoveries import adjusted
from .figures import Concentration, Daily, Figures, Subject
from .findings import CHANCE, Finding, findings
from .movement import SHAPES, SHORTEST, change, movements
from .telling import MOST, ranked, told_once
from .weekdays import NAMES
from .weekly import weekday_p

__all__ = [
    "CHANCE", "MATERIAL", "MOST", "NAMES", "SHAPES", "SHORTEST", "Concentration", "Daily", "Figures", "Finding",
    "Kind", "Measure", "Subject", "adjusted", "change", "findings", "memory_of", "movements", "p_values", "ranked",
    "told_once", "weekday_p",
]  # fmt: skip
