"""Forecasts of monthly amounts of many tenants: numpy alone, every series of one length at once.

`outlook.outlooks` makes them. The words below need no numpy, so that `tenantry --help` does not wait for it.
"""

from __future__ import annotations

from typing import Literal

HORIZON = 6
"""Months ahead."""
PLACES = 6
"""Forecasts are whole millionths of the currency, so that they add up exactly."""
LARGEST = 10**12
"""What all tenants of a currency may cost and earn in a month, to be forecast in 64 bits."""
TOTAL = "(all)"
"""The key of the total."""
Level = Literal["tenant", "tier", "total"]
Measure = Literal["cost", "revenue", "margin"]
MEASURES: tuple[Measure, ...] = ("cost", "revenue", "margin")
