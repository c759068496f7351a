"""Which of many tests to believe, so that among all that is told little is chance."""

from __future__ import annotations

from collections.abc import Sequence


def adjusted(p_values: Sequence[float]) -> list[float]:
    """For each p-value, the least share of chance among discoveries at which it would be one.

    Benjamini and Hochberg (1995). It holds for independent tests and such as move together (Benjamini and Yekutieli
    2001), as those of a tenant and of its tier do.
    """
    order = sorted(range(len(p_values)), key=lambda i: -p_values[i])
    found, least = [1.0] * len(p_values), 1.0
    for place, i in enumerate(order):
        least = min(least, p_values[i] * len(p_values) / (len(p_values) - place))
        found[i] = least
    return found
