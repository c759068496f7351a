"""The state store: whole or not at all, sealed, and the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from postgres import Server
from sqlalchemy import delete, text, update

from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Principal
from tenantry.runtime.state import State, audit
from tenantry.runtime.state.tables import AUDIT

AT = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)


@pytest.fixture
def opened() -> Generator[Callable[[str], State]]:
    """Opens stores, and closes them after the test."""
    with ExitStack() as stack:

        def open_(url: str) -> State:
            state = State(url)
            stack.callback(state.close)
            return state

        yield open_


Open = Callable[[str], State]


def done(state: State, what: str) -> int:
    with state.begin() as connection:
        return audit.append(connection, AT, Principal("kim", "acme"), "tried", {"what": what})


def verified(state: State) -> int:
    with state.read() as connection:
        return audit.verify(connection)


def refused(url: str) -> TenantryError:
    with pytest.raises(TenantryError) as raised:
        State(url)
    assert raised.value.hint
    return raised.value


def test_entries_are_read_as_they_were_written(state_url: str, opened: Open):
    state = opened(state_url)
    names = ["plain", "Robert'); DROP TABLE audit;--", "\u202e\x07 \U0001f600"]
    assert [done(state, name) for name in names] == [1, 2, 3]
    again = opened(state_url)
    with again.read() as connection:
        found = audit.entries(connection, after=1)
        assert audit.entries(connection, tenant_id="other") == []
    assert [e.details["what"] for e in found] == names[1:]
    assert (found[0].principal, found[0].tenant_id, found[0].at) == (
        "kim",
        "acme",
        "2026-07-01T03:00:00.000000Z",
    )
    assert verified(again) == 3


@pytest.mark.parametrize(
    "change",
    [
        update(AUDIT).where(AUDIT.c.sequence == 2).values(details=json.dumps({"what": "else"})),
        update(AUDIT).where(AUDIT.c.sequence == 2).values(principal="lee"),
        delete(AUDIT).where(AUDIT.c.sequence == 2),
        delete(AUDIT).where(AUDIT.c.sequence == 1),
    ],
)
def test_an_entry_that_is_changed_later_shows(tmp_path: Path, opened: Open, change: object):
    state = opened(f"sqlite:///{tmp_path / 'state.db'}")
    for what in "abc":
        done(state, what)
    with state.begin() as connection:
        connection.execute(change)  # pyright: ignore[reportCallIssue, reportArgumentType]
    with pytest.raises(TenantryError, match="does not hold at entry") as raised:
        verified(state)
    assert raised.value.kind is Kind.BROKEN_CONTRACT


def test_many_at_once_make_one_chain(state_url: str, opened: Open):
    states = [opened(state_url), opened(state_url)]
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda n: done(states[n % 2], str(n)), range(60)))
    assert sorted(numbers) == list(range(1, 61))
    assert verified(states[0]) == 60


def test_what_fails_leaves_nothing(state_url: str, opened: Open):
    state = opened(state_url)

    def half() -> None:
        with state.begin() as connection:
            audit.append(connection, AT, Principal(), "tried", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert verified(state) == 0


def test_a_url_that_is_none_is_refused_without_its_password():
    assert refused("mysql://root:hidden@localhost/x").kind is Kind.INVALID
    assert refused("what").kind is Kind.INVALID
    away = refused("postgresql://tenantry:hidden@127.0.0.1:1/x")
    assert away.kind is Kind.UNAVAILABLE
    assert "hidden" not in f"{away.message} {away.hint} {away.details}"


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert refused(f"sqlite:///{tmp_path / 'file' / 'state.db'}").kind is Kind.UNAVAILABLE


def test_a_database_that_was_away_serves_again(postgres: Server, opened: Open):
    state = opened(postgres.database())
    done(state, "before")
    postgres.stop()
    try:
        with pytest.raises(TenantryError) as raised:
            done(state, "meanwhile")
        assert raised.value.kind is Kind.UNAVAILABLE
    finally:
        postgres.start()
    done(state, "after")
    assert verified(state) == 2


def test_the_tables_are_those_of_the_migrations(state_url: str, opened: Open):
    state = opened(state_url)
    with state.read() as connection:
        for table in AUDIT.metadata.sorted_tables:
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            assert connection.execute(text(f"SELECT {names} FROM {table.name}")).fetchall() == []
