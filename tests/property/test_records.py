from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from tenantry.engine.records import MAX_LINES, Record, csv_records, json_elements, json_lines

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
TABLES = st.integers(2, 5).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=8)
)
SIZES = st.integers(1, 40)


def chunks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def fields(records: Iterator[Record]) -> list[list[str]]:
    found = list(records)
    assert not any(record.reason or record.repaired for record in found)
    return [record.fields for record in found]


@given(TABLES, st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]), SIZES)
def test_what_a_csv_writer_writes_is_read_as_it_was(
    table: list[list[str]], delimiter: str, end: str, size: int
):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(table)
    assert fields(csv_records(chunks(text.getvalue().encode(), size), delimiter, len(table[0]))) == table


@given(st.binary(max_size=300), SIZES, SIZES)
def test_how_bytes_arrive_makes_no_difference(data: bytes, one: int, other: int):
    assert list(csv_records(chunks(data, one), ",", 3)) == list(csv_records(chunks(data, other), ",", 3))
    assert list(json_lines(chunks(data, one))) == list(json_lines(chunks(data, other)))


# Nothing but the pieces that reading turns on.
PIECES = st.lists(st.sampled_from(['"', ",", "\n", "\r", "a", " ", '""', '","', "é"]), max_size=40).map(
    "".join
)


@given(PIECES)
def test_no_letter_is_lost_or_doubled(text: str):
    records = list(csv_records([text.encode()], ",", 2))
    read = "".join("".join(r.fields) if not r.reason else r.text for r in records)
    assert [c for c in read if c.isalpha()] == [c for c in text if c.isalpha()]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | CELLS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(CELLS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.lists(st.dictionaries(CELLS, JSON, max_size=3), max_size=6)


@given(objects=OBJECTS, size=SIZES, escaped=st.booleans(), indent=st.sampled_from([None, 1]))
def test_objects_of_an_array_come_out_as_they_went_in(
    objects: list[object], size: int, *, escaped: bool, indent: int | None
):
    text = json.dumps(objects, ensure_ascii=escaped, indent=indent).encode()
    assert [_loaded(record) for record in json_elements(chunks(text, size))] == [_told(o) for o in objects]


@given(OBJECTS, SIZES)
def test_objects_on_lines_come_out_as_they_went_in(objects: list[object], size: int):
    text = "\n".join(map(json.dumps, objects)).encode()
    assert [_loaded(record) for record in json_lines(chunks(text, size))] == [_told(o) for o in objects]


def _loaded(record: Record) -> object:
    assert not record.reason
    return _told(json.loads(record.text))


def _told(value: object) -> object:
    """The value with its numbers as text."""
    match value:
        case dict():
            return {_told(k): _told(v) for k, v in value.items()}
        case list():
            return [_told(v) for v in value]
        case str() | bool() | None:
            return value
        case _:
            return str(value)


@given(st.integers(0, 3))
def test_an_array_goes_on_behind_what_cannot_be_read(place: int):
    parts = [f'{{"n": {n}}}' for n in range(4)]
    parts[place] = '{"n": oops}'
    records = list(json_elements([f"[{', '.join(parts)}]".encode()]))
    assert [bool(record.reason) for record in records] == [n == place for n in range(4)]


def test_a_quoted_text_may_span_a_thousand_lines_and_no_more():
    def read(lines: int) -> list[Record]:
        return list(csv_records([('a,"' + "\n" * lines + '"\nb,c\n').encode()], ",", 2))

    assert [record.reason for record in read(MAX_LINES)] == ["", ""]
    assert read(MAX_LINES + 2)[0].reason == "a quote that is never closed"
    assert read(MAX_LINES + 2)[-1].fields == ["b", "c"]


def test_json_that_would_break_a_reader_is_told_apart():
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    long = '{"a": ' + "1" * 10_000 + "}"
    texts = (deep, long, "[1]", '{"a": "\\u0000"}', "{'a': 1}")
    reasons = [record.reason for text in texts for record in json_lines([text.encode()])]
    assert reasons == [
        "JSON nested too deeply",
        "a number of thousands of digits",
        "not a JSON object",
        "a NUL byte",
        "not JSON: Expecting property name enclosed in double quotes",
    ]


def test_json_numbers_are_kept_digit_by_digit():
    line = '{"a": 0.12345678901234567890, "b": 1e400, "c": NaN, "d": "\\ud800"}'
    [record] = json_lines([line.encode()])
    assert json.loads(record.text) == {"a": "0.12345678901234567890", "b": "1e400", "c": "NaN", "d": "?"}
