"""Lines cut while they are read are the lines cut afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.engine import pieces
from tenantry.engine.pieces import Lines, cut

SOME = st.text(st.sampled_from('"\\ abcdefgh\u00e4\U0001f600'), max_size=30)
CONNECTION = duckdb.connect(config={"threads": 1})
MANY = '"'.join(map(str, range(20)))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pieces") / "a.log"


@pytest.mark.slow
@given(lines=st.lists(st.one_of(SOME, st.just(MANY), st.just('a "b" c')), min_size=1), closed=st.booleans())
def test_lines_come_whole_numbered_and_cut_behind_their_first_quotes(
    log: Path, lines: list[str], *, closed: bool
) -> None:
    text = "\n".join(lines) + "\n" * (closed or not lines[-1])
    log.write_bytes((text + "what came after the log was looked at\n").encode())
    CONNECTION.register("read", Lines(log, len(text.encode())))
    read = CONNECTION.sql("SELECT * FROM read ORDER BY _row").fetchall()
    assert [(line, row) for line, _, _, row in read] == [(line, n) for n, line in enumerate(lines, start=1)]
    CONNECTION.execute("CREATE OR REPLACE TABLE given AS SELECT unnest(?) AS line", [lines])
    for (line, found, quotes, _), (_, whole, count) in zip(
        read, CONNECTION.sql(f"SELECT * FROM {cut('given')}").fetchall(), strict=True
    ):
        assert "".join(found) == line
        assert (quotes, found[:12]) == (count, whole[:12])
        assert len(found) == min(count, 12) + 1


def test_a_text_is_the_same_however_it_comes(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f'{n} "{"x" * n}" end\n' for n in range(60))
    log.write_text(text)

    def read(size: int, at_once: int) -> list[tuple[Any, ...]]:
        monkeypatch.setattr(pieces, "content", lambda path: _in_chunks(path, size))
        monkeypatch.setattr(pieces, "_NEAR", size)
        monkeypatch.setattr(pieces, "_AT_ONCE", at_once)
        CONNECTION.register("read", Lines(log, len(text)))
        return CONNECTION.sql("SELECT * FROM read ORDER BY _row").fetchall()

    assert read(7, 1) == read(7, 100) == read(50, 1) == read(50, 200) == read(10**6, 10**6)


def _in_chunks(path: Path, size: int) -> list[bytes]:
    text = path.read_bytes()
    return [text[at : at + size] for at in range(0, len(text), size)]
