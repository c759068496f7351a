"""The grammar of time, on data from September 2025 to October 2026."""

from __future__ import annotations

from datetime import date

import pytest

from tenantry.kernel import Window
from tenantry.runtime.asking.before import previous_of, years_before
from tenantry.runtime.asking.when import Calendar
from tenantry.runtime.asking.words import Words, words_of

SPAN = Window(date(2025, 9, 1), date(2026, 11, 1))
CALENDAR = Calendar(SPAN, date(2026, 11, 22))
WINDOWS = {
    "": "2026-10",
    "last month": "2026-10",
    "this month": "2026-10",
    "last quarter": "2026-07-01..2026-10-01",
    "this quarter": "2026-10-01..2026-11-01",
    "last year": "2025-01-01..2026-01-01",
    "this year": "2026-01-01..2026-11-01",
    "ytd": "2026-01-01..2026-11-01",
    "last 3 months": "2026-08-01..2026-11-01",
    "over the past six months": "2026-05-01..2026-11-01",
    "trailing twelve months": "2025-11-01..2026-11-01",
    "last two quarters": "2026-04-01..2026-10-01",
    "last 10 days": "2026-10-22..2026-11-01",
    "last week": "2026-10-19..2026-10-26",
    "yesterday": "2026-11-21..2026-11-22",
    "in march": "2026-03",
    "in december": "2025-12",
    "in may": "2026-05",
    "may 2026": "2026-05",
    "sept 26": "2026-09",
    "2026-05": "2026-05",
    "q2": "2026-04-01..2026-07-01",
    "Q4 2025": "2025-10-01..2026-01-01",
    "the third quarter of 2026": "2026-07-01..2026-10-01",
    "h1 2026": "2026-01-01..2026-07-01",
    "the first half of the year": "2026-01-01..2026-07-01",
    "in 2026": "2026-01-01..2026-11-01",
    "since june": "2026-06-01..2026-11-01",
    "until march": "2025-09-01..2026-03-01",
    "between march and june": "2026-03-01..2026-07-01",
    "from november to february": "2025-11-01..2026-03-01",
    "jan to mar 2026": "2026-01-01..2026-04-01",
    "between 2026-10-01 and 2026-10-10": "2026-10-01..2026-10-11",
    "2026-10-01..2026-10-10": "2026-10-01..2026-10-10",
    "on 3rd of march 2026": "2026-03-03..2026-03-04",
    "march 3": "2026-03-03..2026-03-04",
    "next 3 months": "2026-11-01..2027-02-01",
    "in january 2027": "2027-01",
}


@pytest.mark.parametrize("text", WINDOWS)
def test_words_of_time_mean_a_window(text: str):
    wanted = Window.parse(WINDOWS[text])
    for said in (text, text.upper(), f"cost by tenant {text}", f"{text} cost by tenant"):
        assert CALENDAR.read(Words(words_of(said))).window == wanted, said


@pytest.mark.parametrize("text", ["what may acme use", "second one", "top 5 tenants", "the last of them"])
def test_other_words_name_no_window(text: str):
    assert not CALENDAR.read(Words(words_of(text))).named


@pytest.mark.parametrize(
    ("text", "window", "other"),
    [
        ("october compared with september", "2026-10", "2026-09"),
        ("last quarter vs the quarter before", "2026-07-01..2026-10-01", "2026-04-01..2026-07-01"),
        ("month over month", "2026-10", "2026-09"),
        ("october yoy", "2026-10", "2025-10"),
        ("q3 compared to the same quarter last year", "2026-07-01..2026-10-01", "2025-07-01..2025-10-01"),
    ],
)
def test_comparisons_name_a_second_window(text: str, window: str, other: str):
    when = CALENDAR.read(Words(words_of(text)))
    assert (when.window, when.compare_to) == (Window.parse(window), Window.parse(other))


def test_the_window_before_has_as_many_months_or_days():
    assert previous_of(Window.parse("2026-07-01..2026-10-01")) == Window.parse("2026-04-01..2026-07-01")
    assert previous_of(Window.parse("2026-03-08..2026-03-15")) == Window.parse("2026-03-01..2026-03-08")
    assert years_before(Window.parse("2024-02-29..2024-03-01")) == Window.parse("2023-02-28..2023-03-01")
