"""Who may do what over HTTP: tokens, what a server on loopback lets in, limits, and refusals written down."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from serving import serving

from tenantry.errors import Kind, TenantryError
from tenantry.gateways.http.access import Access, Rules, check_reach, is_loopback, principal_of
from tenantry.gateways.http.administration import administration_routes
from tenantry.gateways.http.problems import answer_with_problems
from tenantry.kernel import AccessRole, Principal
from tenantry.runtime.access import Rate, Refusals, Sessions, Tokens
from tenantry.runtime.state import State, audit
from tenantry.runtime.state.tables import TOKEN

ADMIN = Principal("ada", role=AccessRole.ADMIN)
PROBLEM = "application/problem+json"


class World:
    """A state store with a clock, and the app behind the door."""

    def __init__(self, url: str) -> None:
        self.at = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)
        self.state = State(url)
        self.tokens = Tokens(self.state, lambda: self.at)
        self.sessions = Sessions(self.state, lambda: self.at)
        self.refusals = Refusals(self.state, lambda: self.at)

    def token(self, role: AccessRole = AccessRole.VIEWER, name: str = "test", **more: Any) -> str:
        return self.tokens.create(ADMIN, name, role, **more)[1]

    def audit(self, action: str) -> list[dict[str, Any]]:
        with self.state.read() as connection:
            found = audit.entries(connection, limit=10_000)
            assert audit.verify(connection) == len(found)
        return [{"by": e.principal, **e.details} for e in found if e.action == action]

    @contextmanager
    def served(self, rules: Rules | None = None) -> Iterator[httpx.Client]:
        app = FastAPI()
        answer_with_problems(app)
        app.include_router(administration_routes(self.tokens, self.state))

        async def who(request: Request) -> dict[str, Any]:
            found = principal_of(request.scope)
            return {"name": found.name, "role": found.role, "tenant_id": found.tenant_id}

        for path in ("/who", "/api/v1/events"):
            app.add_api_route(path, who, methods=["GET", "POST"])
        app.add_api_route("/healthz", lambda: {"status": "ok"})
        guarded = Access(app, rules or Rules(loopback=True), self.tokens, self.sessions, self.refusals)
        with serving(guarded) as address, httpx.Client(base_url=address, timeout=10) as client:
            yield client


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    found = World(f"sqlite:///{tmp_path / 'state.db'}")
    yield found
    found.state.close()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[World, httpx.Client]]:
    """A server on loopback with nothing configured, for tests that leave it so."""
    found = World(f"sqlite:///{tmp_path_factory.mktemp('fresh') / 'state.db'}")
    with found.served(Rules(loopback=True, strangers=Rate.of(1000))) as client:
        yield found, client
    found.state.close()


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def refused(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    document = response.json()
    assert document["status"] == status
    return document


def test_a_token_opens_until_it_expires_or_is_revoked(state_url: str):
    world = World(state_url)
    token, secret = world.tokens.create(ADMIN, "collector", AccessRole.OPERATOR, "acme", days=30)
    assert secret.startswith(f"tny_{token.id}_")
    found = world.tokens.find(secret)
    assert found
    assert found.principal == Principal("token:collector", "acme", AccessRole.OPERATOR)
    assert world.tokens.find(secret[:-1] + ("0" if secret[-1] != "0" else "1")) is None
    assert world.tokens.find(secret.upper()) is None
    world.at += timedelta(days=30)
    assert world.tokens.find(secret) is None
    lasting, other = world.tokens.create(ADMIN, "lasting", AccessRole.VIEWER, days=None)
    world.at += timedelta(days=9999)
    assert world.tokens.find(other)
    assert world.tokens.any_holds()
    revoked = world.tokens.revoke(ADMIN, lasting.id)
    assert world.tokens.revoke(ADMIN, lasting.id) == replace(
        revoked, last_used=world.tokens.list(ADMIN)[1].last_used
    )
    assert world.tokens.find(other) is None
    assert (world.tokens.any_holds(), world.tokens.any_ever()) == (False, True)
    assert [e["name"] for e in world.audit("token.create")] == ["collector", "lasting"]
    assert [e["id"] for e in world.audit("token.revoke")] == [lasting.id]
    world.state.close()


def test_a_token_is_kept_as_a_hash_and_nowhere_else(world: World, tmp_path: Path):
    secret = world.token()
    world.tokens.find(secret)
    world.state.close()
    kept = b"".join(p.read_bytes() for p in tmp_path.iterdir())
    assert secret.encode() not in kept
    assert secret.rpartition("_")[2].encode() not in kept


def test_two_roles_have_two_names(world: World):
    def made(role: AccessRole, tenant_id: str | None = None, days: int | None = None) -> str:
        return world.tokens.create(ADMIN, "ci", role, tenant_id, days)[0].id

    first = made(AccessRole.OPERATOR, days=1)
    second = made(AccessRole.OPERATOR)  # the next, before the last is gone
    made(AccessRole.VIEWER, "acme")
    written = len(world.audit("token.create"))
    with pytest.raises(TenantryError, match=r"ci.*is operator") as refusal:
        made(AccessRole.VIEWER)
    assert refusal.value.kind is Kind.CONFLICT
    assert len(world.audit("token.create")) == written
    world.tokens.revoke(ADMIN, second)
    with pytest.raises(TenantryError, match=first):
        made(AccessRole.ADMIN)
    world.at += timedelta(days=1)
    made(AccessRole.ADMIN)


def test_last_use_is_written_once_an_hour(world: World):
    secret = world.token()
    for minutes, expected in ((0, "03:00"), (59, "03:00"), (62, "04:02")):
        world.at = datetime(2026, 7, 1, 3, 0, tzinfo=UTC) + timedelta(minutes=minutes)
        assert world.tokens.find(secret)
        assert str(world.tokens.list(ADMIN)[0].last_used)[11:16] == expected


@pytest.mark.parametrize(
    "by", [Principal("kim", role=AccessRole.OPERATOR), Principal("kim", "acme", AccessRole.ADMIN)]
)
def test_only_administrators_of_all_tenants_make_tokens(world: World, by: Principal):
    for deed in (
        lambda: world.tokens.create(by, "x", AccessRole.VIEWER),
        lambda: world.tokens.list(by),
        lambda: world.tokens.revoke(by, "x"),
    ):
        with pytest.raises(TenantryError) as raised:
            deed()
        assert raised.value.kind is Kind.FORBIDDEN


def test_every_problem_of_a_token_is_told(world: World):
    with pytest.raises(TenantryError) as raised:
        world.tokens.create(ADMIN, "\x1b[2J", AccessRole.VIEWER, "", days=0)
    assert raised.value.kind is Kind.INVALID
    assert raised.value.message.count(";") == 2
    with pytest.raises(TenantryError) as raised:
        world.tokens.revoke(ADMIN, "absent")
    assert raised.value.kind is Kind.NOT_FOUND


def test_a_fresh_server_on_loopback_needs_no_login_and_any_token_ends_that(world: World):
    with world.served() as client:
        assert client.get("/who").json() == {"name": "local", "role": "admin", "tenant_id": None}
        refused(client.get("/who", headers=bearer("tny_wrong")), 401)
    secret = world.token(AccessRole.ANALYST, tenant_id="acme")
    with world.served() as client:
        no = client.get("/who")
        assert no.headers["www-authenticate"] == 'Bearer realm="tenantry"'
        assert "tenantry token create" in refused(no, 401)["hint"]
        assert client.get("/who", headers=bearer(secret)).json() == {
            "name": "token:test",
            "role": "analyst",
            "tenant_id": "acme",
        }
        assert client.get("/healthz").status_code == 200
    with world.served(Rules(loopback=True, required=False)) as client:
        assert client.get("/who").json()["name"] == "local"


@pytest.mark.parametrize(
    "rules",
    [
        Rules(loopback=True, required=True),
        Rules(loopback=True, login=True),
        Rules(loopback=False, required=False),
    ],
)
def test_where_a_login_is_needed_nobody_is_let_in_without(world: World, rules: Rules):
    with world.served(rules) as client:
        refused(client.get("/who"), 401)
        refused(client.get("/api/v1/tokens"), 401)
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer tny_000000000000_" + "0" * 64,
        "Bearer",
        "Basic YWRhOnNlY3JldA==",
        "nonsense",
        "Bearer " + "x" * 8000,
    ],
)
def test_a_credential_that_does_not_hold_is_401_even_where_none_is_needed(
    fresh: tuple[World, httpx.Client], authorization: str
):
    no = fresh[1].get("/who", headers={"Authorization": authorization})
    refused(no, 401)
    assert no.headers["www-authenticate"] == 'Bearer realm="tenantry", error="invalid_token"'


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Host": "evil.example"}),
        ("GET", {"Host": "evil.example:8080"}),
        ("GET", {"Host": "127.0.0.1.evil.example"}),
        ("GET", {"Host": "localhost.evil.example"}),
        ("GET", {"Host": "["}),
        ("POST", {"Origin": "https://evil.example"}),
        ("POST", {"Origin": "null"}),
        ("POST", {"Origin": ""}),
        ("POST", {"Origin": "http://localhost:1"}),
        ("POST", {"Sec-Fetch-Site": "cross-site"}),
        ("POST", {"Sec-Fetch-Site": "same-site"}),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
        ("POST", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}),
        ("GET", {"X-Forwarded-For": "203.0.113.7"}),
        ("GET", {"Forwarded": "for=203.0.113.7"}),
    ],
)
def test_a_page_or_a_proxy_cannot_use_a_server_that_needs_no_login(
    fresh: tuple[World, httpx.Client], method: str, headers: dict[str, str]
):
    world, client = fresh
    refused(client.request(method, "/who", headers=headers), 403)
    entry = next(e for e in world.audit("refused") if e["refused"] == f"{method} /who")
    assert (entry["by"], entry["address"], entry["count"]) == ("(nobody)", "127.0.0.1", 1)


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", {}),
        ("GET", {"Host": "localhost:8080"}),
        ("GET", {"Host": "[::1]:8080"}),
        ("POST", {"Host": "localhost:8080", "Origin": "http://localhost:8080"}),
        ("POST", {"Sec-Fetch-Site": "same-origin"}),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}),
    ],
)
def test_programs_and_our_own_pages_can(
    fresh: tuple[World, httpx.Client], method: str, headers: dict[str, str]
):
    assert fresh[1].request(method, "/who", headers=headers).status_code == 200


def test_a_token_may_be_sent_from_any_page_and_host(world: World):
    headers = {**bearer(world.token()), "Origin": "https://bi.example", "Host": "tenantry.example"}
    with world.served(Rules(loopback=False)) as client:
        assert client.post("/who", headers=headers).status_code == 200


def test_a_revoked_token_opens_nothing_within_a_second(world: World):
    token, secret = world.tokens.create(ADMIN, "x", AccessRole.VIEWER)
    with world.served() as client:
        assert client.get("/who", headers=bearer(secret)).status_code == 200
        world.tokens.revoke(ADMIN, token.id)
        for _ in range(30):
            if client.get("/who", headers=bearer(secret)).status_code == 401:
                break
            sleep(0.05)
        refused(client.get("/who", headers=bearer(secret)), 401)


def test_nobody_listens_beyond_this_machine_without_authentication():
    with pytest.raises(TenantryError) as raised:
        check_reach(loopback=False, authenticated=False)
    assert raised.value.kind is Kind.FORBIDDEN
    assert "tenantry token create" in raised.value.hint
    check_reach(loopback=False, authenticated=True)
    check_reach(loopback=True, authenticated=False)


def test_this_machine_is_told_from_others():
    assert all(map(is_loopback, ["127.0.0.1", "127.8.8.8", "::1", "localhost"]))
    others = ["0.0.0.0", "::", "192.0.2.1", "tenantry.example", "", "localhost.example", "::ffff:192.0.2.1"]
    assert not any(map(is_loopback, others))


def test_a_way_in_that_nobody_guards_serves_nobody():
    with pytest.raises(TenantryError) as raised:
        principal_of({"type": "http"})
    assert raised.value.kind is Kind.FORBIDDEN


def test_each_token_has_limits_of_its_own_and_intake_more(world: World):
    first, second = world.token(), world.token()
    rules = Rules(loopback=True, calls=Rate(0.01, 3), intake=Rate(0.01, 5))
    with world.served(rules) as client:
        for path, most in (("/who", 3), ("/api/v1/events", 5)):
            found = [client.get(path, headers=bearer(first)) for _ in range(most + 1)]
            assert [r.status_code for r in found] == [200] * most + [429]
            assert refused(found[-1], 429)["type"] == "/errors/limit_exceeded"
            assert 90 <= int(found[-1].headers["retry-after"]) <= 100
            assert client.get(path, headers=bearer(second)).status_code == 200


def test_who_guesses_is_slowed_down_and_nobody_else(world: World):
    secret = world.token()
    with world.served(Rules(loopback=True, strangers=Rate(0.01, 5))) as client:
        assert client.get("/who", headers=bearer(secret)).status_code == 200
        found = [client.get("/who", headers=bearer(f"tny_{n}")).status_code for n in range(8)]
        assert found == [401] * 5 + [429] * 3
        refused(client.get("/who"), 429)
        assert client.get("/who", headers=bearer(secret)).status_code == 200
        assert client.get("/healthz").status_code == 200


def test_refusals_are_written_down_and_a_flood_of_them_is_a_number(world: World):
    viewer = world.token()
    with world.served() as client:
        for _ in range(20):
            refused(client.get("/who", headers=bearer("tny_wrong")), 401)
        for _ in range(3):
            refused(client.get("/api/v1/audit", headers=bearer(viewer)), 403)
        for number in range(150):
            refused(client.delete(f"/api/v1/tokens/{number}", headers=bearer(viewer)), 403)
    assert len(world.audit("refused")) == 100
    world.refusals.close()
    entries = world.audit("refused")
    assert [(e["by"], e["refused"], e["count"]) for e in entries[:2]] == [
        ("(nobody)", "log in", 1),
        ("token:test", "GET /api/v1/audit", 1),
    ]
    assert [(e["refused"], e["count"]) for e in entries[100:]] == [
        ("log in", 19),
        ("GET /api/v1/audit", 2),
        ("(others)", 52),
    ]


def test_tokens_over_rest(world: World):
    root = bearer(world.token(AccessRole.ADMIN))
    with world.served() as client:
        made = client.post(
            "/api/v1/tokens", headers=root, json={"name": "bi", "role": "viewer", "tenant_id": "acme"}
        )
        assert made.status_code == 201
        token, secret = made.json()["token"], made.json()["secret"]
        assert client.get("/who", headers=bearer(secret)).json()["tenant_id"] == "acme"
        listed = client.get("/api/v1/tokens", headers=root)
        assert {t["name"] for t in listed.json()["tokens"]} == {"test", "bi"}
        assert secret not in listed.text
        assert "hash" not in listed.text
        assert client.delete(f"/api/v1/tokens/{token['id']}", headers=root).json()["revoked"]
        refused(client.delete("/api/v1/tokens/absent", headers=root), 404)
        refused(client.post("/api/v1/tokens", headers=root, json={"name": "bi", "role": "king"}), 422)
        refused(
            client.post("/api/v1/tokens", headers=root, json={"name": "bi", "role": "viewer", "x": 1}), 422
        )
        for who in (world.token(AccessRole.OPERATOR, "op"), world.token(AccessRole.ADMIN, tenant_id="acme")):
            refused(client.get("/api/v1/tokens", headers=bearer(who)), 403)
    assert [e["by"] for e in world.audit("token.create")][1] == "token:test"


def test_the_audit_log_over_rest_loses_no_page_and_shows_tenants_their_own(world: World):
    root, bound = world.token(AccessRole.ADMIN), world.token(AccessRole.ADMIN, tenant_id="acme")
    with world.state.begin() as connection:
        for number in range(20):
            by = Principal("kim", "acme") if number % 4 == 0 else Principal("lee", "other")
            audit.append(connection, world.at, by, "tried", {"number": number})
    with world.served() as client:
        seen: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = client.get(
                "/api/v1/audit", params={"after": after, "limit": 7}, headers=bearer(root)
            ).json()
            seen += page["entries"]
            after = page["next"]
        assert [e["sequence"] for e in seen] == list(range(1, 23))
        own = client.get("/api/v1/audit", headers=bearer(bound)).json()["entries"]
        assert [e["details"]["number"] for e in own] == [0, 4, 8, 12, 16]
        assert {e["tenant_id"] for e in own} == {"acme"}
        refused(client.get("/api/v1/audit", headers=bearer(world.token(AccessRole.OPERATOR, "op"))), 403)
        refused(client.get("/api/v1/audit", params={"afer": 7}, headers=bearer(root)), 422)
        refused(client.get("/api/v1/audit", params={"limit": 0}, headers=bearer(root)), 422)


def test_no_secret_is_logged(world: World, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    secrets = [world.token(AccessRole.ADMIN), world.token(name="other"), "tny_" + "a1" * 30]
    with world.served() as client:
        for secret in secrets:
            client.get("/who", headers=bearer(secret))
            client.get("/api/v1/tokens", headers=bearer(secret))
        secrets.append(
            client.post(
                "/api/v1/tokens", headers=bearer(secrets[0]), json={"name": "x", "role": "viewer"}
            ).json()["secret"]
        )
    world.refusals.close()
    with world.state.read() as connection:
        written = json.dumps([e.details for e in audit.entries(connection, limit=1000)], default=str)
        rows = str(connection.execute(TOKEN.select()).fetchall())
    said = caplog.text + "".join(str(vars(r)) for r in caplog.records) + written + rows
    assert not [secret for secret in secrets if secret in said]
