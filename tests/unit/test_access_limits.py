"""Token buckets: no more than the rate lets through, in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tenantry.runtime.access import Buckets, Rate


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_after_a_burst_the_rate_holds_and_the_wait_is_true():
    clock = Clock()
    buckets = Buckets(Rate(2, 3), clock)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a") == 0.5
    assert buckets.take("b") == 0
    clock.seconds += 0.5
    assert buckets.wait("a") == 0
    assert buckets.take("a") == 0
    assert buckets.take("a") == 0.5


@given(st.lists(st.floats(0, 3), min_size=1, max_size=200), st.floats(0.1, 5), st.integers(1, 20))
def test_no_more_is_taken_than_burst_and_rate_allow(pauses: list[float], rate: float, burst: int):
    clock = Clock()
    buckets = Buckets(Rate(rate, burst), clock)
    taken = 0
    for pause in pauses:
        clock.seconds += pause
        taken += buckets.take("a") == 0
        assert taken <= burst + rate * (clock.seconds - 1000) + 1e-6


def test_buckets_of_strangers_do_not_fill_the_memory():
    buckets = Buckets(Rate(1, 1), Clock(), most=100)
    for number in range(1000):
        buckets.take(str(number))
    assert len(buckets) == 100
