"""Crontab's five fields: what they mean, beside a reading minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.errors import Kind, TenantryError
from tenantry.runtime.cron import Cron

AT = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)  # a Wednesday
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "after", "due"),
    [
        ("0 3 * * *", "2026-07-01T03:00", "2026-07-02T03:00"),
        ("0 3 * * *", "2026-07-01T02:59", "2026-07-01T03:00"),
        ("*/15 * * * *", "2026-07-01T03:00", "2026-07-01T03:15"),
        ("5/20 * * * *", "2026-07-01T03:10", "2026-07-01T03:25"),
        ("0 0 * * mon-fri", "2026-07-03T00:00", "2026-07-06T00:00"),
        ("0 0 * * 7", "2026-07-01T00:00", "2026-07-05T00:00"),
        ("0 0 13 * fri", "2026-07-01T00:00", "2026-07-03T00:00"),
        ("30 6 1 jan,JUL *", "2026-07-01T06:30", "2027-01-01T06:30"),
        ("0 0 29 2 *", "2097-01-01T00:00", "2104-02-29T00:00"),
        ("@monthly", "2026-12-31T23:59", "2027-01-01T00:00"),
    ],
)
def test_it_is_due_as_crontab_says(text: str, after: str, due: str):
    cron = Cron.parse(text)
    first = datetime.fromisoformat(f"{due}Z")
    assert cron.next(datetime.fromisoformat(f"{after}Z")) == first
    assert cron.latest(first) == first
    assert cron.latest(first + MINUTE - timedelta(microseconds=1)) == first


def test_another_zone_is_the_same_moment():
    tokyo = datetime.fromisoformat("2026-07-01T12:00+09:00")
    assert Cron.parse("0 3 * * *").latest(tokyo) == AT


@pytest.mark.parametrize(
    "text",
    ["", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "a * * * *",
     "*/0 * * * *", "5-1 * * * *", "1,,2 * * * *", "-1 * * * *", "\u0661 * * * *", "@reboot", "0 0 30 2 *",
     "0 0 31 4,6,9,11 *"],
)  # fmt: skip
def test_what_is_none_is_refused(text: str):
    with pytest.raises(TenantryError) as raised:
        Cron.parse(text)
    assert raised.value.kind is Kind.INVALID
    assert raised.value.hint


def field(low: int, high: int) -> st.SearchStrategy[str]:
    numbers = st.integers(low, high)
    spans = st.tuples(numbers, numbers).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.tuples(st.one_of(st.just("*"), spans), st.integers(1, high)).map(lambda s: f"{s[0]}/{s[1]}")
    return st.lists(st.one_of(st.just("*"), numbers.map(str), spans, steps), min_size=1, max_size=3).map(
        ",".join
    )


def meant(word: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in word.split(","):
        span, _, step = part.partition("/")
        first, _, last = (
            f"{low}-{high}" if span == "*" else span if "-" in span else f"{span}-{span}"
        ).partition("-")
        found |= {n for n in range(int(first), int(last) + 1) if (n - int(first)) % int(step or 1) == 0}
    return found


@given(
    st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6)),
    st.integers(0, 60 * 24 * 9),
)
def test_minute_by_minute_it_is_the_same(words: tuple[str, str, str, str, str], later: int):
    minutes, hours, days, months, weekdays = (
        meant(w, low, high)
        for w, (low, high) in zip(words, [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)], strict=True)
    )
    both = words[2].startswith("*") or words[4].startswith("*")

    def is_due(at: datetime) -> bool:
        day, weekday = at.day in days, at.isoweekday() % 7 in weekdays
        return (
            at.minute in minutes and at.hour in hours and at.month in months
            and (day and weekday if both else day or weekday)
        )  # fmt: skip

    start = AT + later * MINUTE
    within = [start + n * MINUTE for n in range(1, 60 * 25)]
    cron = Cron.parse(" ".join(words))
    found = cron.next(start)
    expected = next(filter(is_due, within), None)
    assert found == expected if expected else found > within[-1]
    assert is_due(found)
    assert cron.latest(found - MINUTE) <= start or is_due(start)
