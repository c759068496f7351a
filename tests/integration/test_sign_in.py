"""A person signs in with a token on our own page, is known by a cookie, and out again."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from time import monotonic

import pytest
from starlette.testclient import TestClient

from tenantry import app
from tenantry.gateways.http.access import COOKIE
from tenantry.kernel import AccessRole
from tenantry.runtime.access import Tokens
from tenantry.runtime.call import LOCAL
from tenantry.runtime.state import State, audit

OURS = "http://127.0.0.1"
HTML = {"Accept": "text/html"}


@dataclass
class World:
    client: TestClient
    state: State
    tokens: Tokens
    at: list[datetime]

    def sign_in(self, secret: str, origin: str = OURS) -> str:
        """The cookie's secret; empty where nobody was let in."""
        self.client.cookies.clear()
        answer = self.client.post("/auth/token", json={"token": secret}, headers={"Origin": origin})
        return answer.cookies.get(COOKIE) or ""

    def done(self) -> list[audit.Entry]:
        with self.state.read() as connection:
            return audit.entries(connection)

    def session(self, cookie: str) -> int:
        return self.client.get("/auth/session", headers={"Cookie": f"{COOKIE}={cookie}"}).status_code


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    plane = app.open_plane(str(tmp_path))
    at = [datetime.now(UTC)]
    plane.now = lambda: at[0]
    tokens = Tokens(plane.state, plane.now)
    with TestClient(app.open_app(plane), "http://127.0.0.1", client=("127.0.0.1", 1)) as client:
        yield World(client, plane.state, tokens, at)


def test_a_stranger_gets_the_page_to_sign_in_on_and_no_figures(world: World):
    world.tokens.create(LOCAL, "ada", AccessRole.VIEWER)
    assert world.client.get("/tenants/acme", headers=HTML).status_code == 200
    for path in ("/auth/session", "/api/v1/overview/summary", "/api/openapi.json", "/metrics"):
        answer = world.client.get(path, headers=HTML)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), path
    assert world.client.post("/tenants/acme").status_code == 401


def test_signed_in_with_a_token_until_signed_out(world: World):
    _, secret = world.tokens.create(LOCAL, "ada", AccessRole.OPERATOR)
    cookie = world.sign_in(f" {secret}\n")
    known = {"Cookie": f"{COOKIE}={cookie}"}
    who = world.client.get("/auth/session", headers=known).json()
    assert (who["name"], who["role"], who["tenant_id"]) == ("token:ada", "operator", None)
    assert world.client.post("/auth/logout", headers=known).status_code == 403
    answer = world.client.post("/auth/logout", headers={**known, "X-CSRF-Token": who["csrf"]})
    assert (answer.status_code, answer.json()) == (200, {"provider": None})
    assert world.session(cookie) == 401
    done = [(e.action, e.principal) for e in world.done()]
    assert done == [
        ("token.create", "local"),
        ("login", "token:ada"),
        ("refused", "token:ada"),
        ("logout", "token:ada"),
    ]


def test_the_cookie_is_no_scripts_and_no_other_hosts(world: World):
    _, secret = world.tokens.create(LOCAL, "ada", AccessRole.VIEWER)
    answer = world.client.post("/auth/token", json={"token": secret})
    said = answer.headers["set-cookie"].lower()
    assert said.startswith("__host-tenantry=")
    for part in ("httponly", "secure", "samesite=lax", "path=/"):
        assert part in said
    assert secret not in said
    assert secret not in answer.text


def test_it_ends_with_the_token(world: World):
    token, secret = world.tokens.create(LOCAL, "ada", AccessRole.VIEWER)
    cookie = world.sign_in(secret)
    assert world.session(cookie) == 200
    world.tokens.revoke(LOCAL, token.id)
    assert world.session(cookie) == 401
    short, secret = world.tokens.create(LOCAL, "kim", AccessRole.VIEWER, days=1)
    world.at[0] += timedelta(hours=23)
    cookie = world.sign_in(secret)
    assert world.session(cookie) == 200
    world.at[0] += timedelta(hours=1)
    assert world.session(cookie) == 401
    assert world.sign_in(secret) == ""
    assert short.expires is not None


def test_who_is_not_let_in_is_told_and_written_down(world: World):
    _, secret = world.tokens.create(LOCAL, "ada", AccessRole.VIEWER)
    wrong = world.client.post("/auth/token", json={"token": secret[:-1] + "z"})
    assert wrong.status_code == 401
    assert "unknown, expired or revoked" in wrong.json()["detail"]
    assert COOKIE not in wrong.cookies
    for bad in ({}, {"token": ""}, {"token": "x" * 201}, {"token": secret, "role": "admin"}):
        answer = world.client.post("/auth/token", json=bad)
        assert answer.status_code == 422
        assert secret not in answer.text
    assert world.sign_in(secret, "https://evil.example") == ""
    refused = [e.details["refused"] for e in world.done() if e.action == "refused"]
    assert refused == ["log in", "POST /auth/token"]


def test_guesses_are_few(world: World):
    world.tokens.create(LOCAL, "ada", AccessRole.VIEWER)
    begun = monotonic()
    guesses = (world.client.post("/auth/token", json={"token": "x"}).status_code for _ in range(10_000))
    let_in = len(list(takewhile(lambda status: status == 401, guesses)))
    # However slow the machine: what may come at once, and what has become free since.
    assert 100 <= let_in <= 100 + 10 * (monotonic() - begun)
