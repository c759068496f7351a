"""Numbers in cells, against Python's own decimals."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from tenantry.sources.cells import Cell

CONTEXT = Context(prec=120, rounding=ROUND_HALF_EVEN)
LIMIT = Decimal(10) ** 19

digits = st.text("0123456789", min_size=1, max_size=25)
# Ties and their neighbours come up often.
tails = st.sampled_from(["", "5", "50", "49", "51", "500001", "499999", "05", "15", "25", "75"])
sign = st.sampled_from(["", "-", "+"])
plain = st.builds(lambda s, w, f, t: f"{s}{w[:19]}.{f}{t}", sign, digits, digits, tails)
power = st.builds(
    lambda s, w, f, t, e: f"{s}{w[0]}.{f[:20]}{t}e{e:+03d}", sign, digits, digits, tails, st.integers(-30, 18)
)
double = st.floats(min_value=-1e15, max_value=1e15, allow_nan=False).map(repr)


def number(places: int, texts: list[str]) -> list[tuple[Decimal | None, bool, bool]]:
    cell = Cell("v")
    rows = duckdb.execute(
        f"SELECT {cell.number(places)}, {cell.bad_number()}, {cell.rounded_number(places)}"
        " FROM (SELECT unnest(?::VARCHAR[]) AS v)",
        [texts],
    )
    return rows.fetchall()


@given(st.lists(plain | power | double, min_size=1, max_size=100), st.sampled_from([9, 18]))
def test_a_number_is_its_decimal_rounded_half_to_even(texts: list[str], places: int):
    quantum = Decimal(1).scaleb(-places)
    for text, (value, bad, rounded) in zip(texts, number(places, texts), strict=True):
        written = Decimal(text)
        kept = written.quantize(quantum, context=CONTEXT)
        if abs(kept) < LIMIT:
            assert (value, bad) == (kept, False), text
            assert rounded is (kept != written), text


@given(
    st.lists(st.text(max_size=12) | st.text("0123456789.,-+()$€ eE'", max_size=12), min_size=1, max_size=100)
)
def test_a_cell_is_empty_or_a_number_or_bad_and_never_an_error(texts: list[str]):
    for text, (value, bad, _) in zip(texts, number(18, texts), strict=True):
        empty = text.strip(" \t\r\n\f\u00a0\u202f\ufeff").lower() in {
            "",
            "null",
            "none",
            "n/a",
            "<na>",
            "\\n",
            "nan",
            "-",
        }
        assert (value is not None) + bad + empty == 1, repr(text)


@given(st.decimals(min_value=0, max_value=10**12, places=2), st.sampled_from(["$", "USD ", "€", ""]))
def test_an_amount_reads_the_same_however_it_is_set(amount: Decimal, currency: str):
    english = f"{amount:,.2f}"
    swapped = english.translate(str.maketrans(",.", ".,"))
    spaced = english.replace(",", "\u00a0")
    texts = [f"{currency}{one}" for one in (english, swapped, spaced)]
    texts += [f"({currency}{english})", f"-{currency}{english}", f"{currency}{english}-"]
    assert [row[0] for row in number(18, texts)] == [amount] * 3 + [-amount] * 3
