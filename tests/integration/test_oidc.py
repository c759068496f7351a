"""People log in with an OpenID provider: a real one, in a process of its own."""

from __future__ import annotations

import hmac
import json
import logging
from base64 import urlsafe_b64encode
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from fastapi import FastAPI, Request
from identity import MODULE, SECRET, Browser, Identity, provider
from joserfc import jwt
from joserfc.jwk import RSAKey
from serving import serving

from tenantry.errors import Kind, TenantryError
from tenantry.gateways.http.access import COOKIE, Access, Rules, principal_of
from tenantry.gateways.http.administration import administration_routes
from tenantry.gateways.http.login import login_routes, person_routes, session_routes
from tenantry.gateways.http.oidc import Claims, Provider
from tenantry.gateways.http.problems import answer_with_problems
from tenantry.kernel import AccessRole, Principal
from tenantry.runtime.access import Refusals, Sessions, Tokens
from tenantry.runtime.state import State, audit

OURS = "https://tenantry.example"
BACK = f"{OURS}/auth/callback"
CLAIMS = Claims(
    "groups", {"staff": AccessRole.ANALYST, "root": AccessRole.ADMIN}, tenant="tenant", unbound=True
)

if not MODULE.is_file():
    pytest.skip("the OpenID provider is not installed: `make node`", allow_module_level=True)


class World:
    """A service that people log in to, at the provider."""

    def __init__(self, folder: Path, identity: Identity, client_id: str = "tenantry") -> None:
        self.ahead = timedelta()
        self.stopped_at: datetime | None = None
        self.state = State(f"sqlite:///{folder / 'state.db'}")
        self.identity = identity
        secret = SECRET if client_id == "tenantry" else None
        self.provider = Provider(identity.issuer, client_id, secret, self.now)
        self.tokens = Tokens(self.state, self.now)
        self.sessions = Sessions(self.state, self.now)
        self.refusals = Refusals(self.state, self.now)
        self.claims = CLAIMS

    def now(self) -> datetime:
        return self.stopped_at or datetime.now(UTC) + self.ahead

    def done(self) -> list[tuple[str, str]]:
        with self.state.read() as connection:
            return [(e.action, e.principal) for e in audit.entries(connection)]

    @contextmanager
    def served(self) -> Iterator[Browser]:
        app = FastAPI()
        answer_with_problems(app)
        app.include_router(session_routes())
        goodbye = partial(self.provider.goodbye, f"{OURS}/")
        app.include_router(person_routes(self.tokens, self.sessions, goodbye))
        app.include_router(login_routes(self.provider, self.claims, self.sessions, OURS))
        app.include_router(administration_routes(self.tokens, self.state))

        async def page(request: Request) -> str:
            return principal_of(request.scope).name

        app.add_api_route("/page", page, methods=["GET", "POST"])
        guarded = Access(
            app, Rules(loopback=True, login=True, public_url=OURS), self.tokens, self.sessions, self.refusals
        )
        with serving(guarded) as address:
            browser = Browser({OURS: address})
            try:
                yield browser
            finally:
                browser.close()


@pytest.fixture(scope="module")
def identity() -> Generator[Identity]:
    with provider(BACK) as found:
        found.accounts = {
            "ada": {
                "email": "ada@vendor.example",
                "email_verified": True,
                "groups": ["all", "staff", "root"],
            },
            "kim": {
                "email": "ada@vendor.example",
                "email_verified": False,
                "groups": "staff",
                "tenant": "acme",
            },
            "lee": {"groups": ["all"]},
            "sam": {"groups": ["staff"], "tenant": 7},
        }
        found.tell()
        yield found


@pytest.fixture
def world(tmp_path: Path, identity: Identity) -> Generator[World]:
    found = World(tmp_path, identity)
    yield found
    found.provider.close()
    found.state.close()


def logged_in(browser: Browser, name: str) -> dict[str, Any]:
    url, page = browser.log_in(f"{OURS}/page", name)
    assert (url, page.status_code) == (f"{OURS}/page", 200), page.text
    return browser.go(f"{OURS}/auth/session").json()


def test_somebody_logs_in_works_and_logs_out(world: World):
    with world.served() as browser:
        asked = browser.go(f"{OURS}/page", headers={"Accept": "application/json"})
        assert (asked.status_code, asked.json()["login"]) == (401, "/auth/login")
        known = logged_in(browser, "ada")
        assert (known["name"], known["role"], known["tenant_id"]) == (
            "user:ada@vendor.example",
            "admin",
            None,
        )

        csrf = {"X-CSRF-Token": known["csrf"]}
        for headers in (
            {},
            {"X-CSRF-Token": "wrong", "Origin": OURS},
            {**csrf, "Origin": "https://evil.example"},
            {**csrf, "Origin": "null"},
            {**csrf, "Sec-Fetch-Site": "cross-site"},
        ):
            assert browser.go(f"{OURS}/page", "POST", headers).status_code == 403
        for headers in ({**csrf, "Origin": OURS}, {**csrf, "Sec-Fetch-Site": "same-origin"}):
            assert browser.go(f"{OURS}/page", "POST", headers).status_code == 200
        made = browser.go(f"{OURS}/api/v1/tokens", "POST", csrf, json={"name": "x", "role": "viewer"})
        assert made.status_code == 201

        kept = dict(browser.cookies[OURS])
        out = browser.go(f"{OURS}/auth/logout", "POST", csrf)
        assert out.json()["provider"].startswith(f"{world.identity.issuer}/session/end?client_id=tenantry")
        assert browser.cookies[OURS] == {}
        browser.cookies[OURS] = kept
        assert browser.go(f"{OURS}/page", headers={"Accept": "*/*"}).status_code == 401
    by = "user:ada@vendor.example"
    assert world.done() == [("login", by), ("refused", by), ("token.create", by), ("logout", by)]


def test_the_cookies_are_kept_from_scripts_and_other_sites(world: World):
    with world.served() as browser:
        begun = browser.go(f"{OURS}/auth/login")
        url, back = browser.log_in(f"{OURS}/page", "ada", until=BACK)
        ended = browser.go(url)
    for answer, names in ((begun, 1), (ended, 2)):
        lines = [line.lower() for line in answer.headers.get_list("set-cookie")]
        assert len(lines) == names
        for line in lines:
            assert line.startswith("__host-tenantry")
            for flag in ("httponly", "secure", "samesite=lax", "path=/"):
                assert flag in line.split("; ")
            assert "domain" not in line
    assert back.headers["location"].startswith(BACK)


def test_a_client_without_a_secret_logs_people_in_too(tmp_path: Path, identity: Identity):
    world = World(tmp_path, identity, "public")
    with world.served() as browser:
        known = logged_in(browser, "kim")
        # An address that the provider did not verify is nobody's name.
        assert (known["name"], known["role"], known["tenant_id"]) == ("user:kim", "analyst", "acme")
    world.provider.close()
    world.state.close()


@pytest.mark.parametrize(("name", "why"), [("lee", "gives a role"), ("sam", "names no tenant")])
def test_whom_the_claims_give_nothing_is_refused(world: World, name: str, why: str):
    with world.served() as browser:
        url, answer = browser.log_in(f"{OURS}/page", name)
        assert url.startswith(BACK)
        assert answer.status_code == 403
        assert why in answer.json()["detail"]
        assert COOKIE not in browser.cookies[OURS]
    assert world.done() == [("refused", "(nobody)")]


def test_an_answer_counts_once_in_the_browser_that_asked_with_the_state_it_asked_with(world: World):
    with world.served() as browser:
        url, _ = browser.log_in(f"{OURS}/page", "ada", until=BACK)
        answer = dict(parse_qsl(urlsplit(url).query))
        kept = dict(browser.cookies[OURS])

        browser.cookies[OURS] = {}
        assert browser.go(url).status_code == 403, "another browser"
        browser.cookies[OURS] = dict(kept)
        assert browser.go(url).status_code == 403, "it was taken"

        url, _ = browser.log_in(f"{OURS}/auth/login?to=/page", "ada", until=BACK)
        for change in ({"state": "forged"}, {"state": ""}):
            changed = {**dict(parse_qsl(urlsplit(url).query)), **change}
            assert browser.go(f"{BACK}?{urlencode(changed)}").status_code == 403, change

        url, _ = browser.log_in(f"{OURS}/auth/login", "ada", until=BACK)
        fresh = dict(parse_qsl(urlsplit(url).query))
        other = browser.go(f"{BACK}?{urlencode({**fresh, 'iss': 'https://evil.example'})}")
        assert other.json()["detail"] == "another provider answered"

        asked = browser.go(f"{OURS}/auth/login").headers["location"]
        state = parse_qs(urlsplit(asked).query)["state"][0]
        replayed = browser.go(f"{BACK}?{urlencode({**answer, 'state': state})}")
        assert replayed.status_code == 403
        assert replayed.json()["detail"] == "the provider refused: invalid_grant"


@pytest.mark.parametrize("change", [{"nonce": "forged"}, {"code_challenge": "A" * 43}])
def test_a_login_that_was_changed_on_its_way_is_refused(world: World, change: dict[str, str]):
    with world.served() as browser:
        asked = urlsplit(browser.go(f"{OURS}/auth/login").headers["location"])
        changed = {**dict(parse_qsl(asked.query)), **change}
        url, answer = browser.log_in(asked._replace(query=urlencode(changed)).geturl(), "ada")
        assert url.startswith(BACK)
        assert answer.status_code == 403
        assert COOKIE not in browser.cookies[OURS]


def test_a_session_ends(world: World):
    with world.served() as browser:
        logged_in(browser, "ada")
        world.ahead = timedelta(hours=11, minutes=59)
        assert browser.go(f"{OURS}/page").status_code == 200
        world.ahead = timedelta(hours=12)
        assert browser.go(f"{OURS}/page").status_code == 303


def test_a_login_that_takes_too_long_is_refused(world: World):
    with world.served() as browser:
        url, _ = browser.log_in(f"{OURS}/page", "ada", until=BACK)
        world.ahead = timedelta(minutes=10)
        assert browser.go(url).status_code == 403


@pytest.mark.parametrize(
    "to", ["https://evil.example", "//evil.example", "/\\evil.example", "page", "/\n", ""]
)
def test_a_login_leads_to_our_own_pages_alone(world: World, to: str):
    with world.served() as browser:
        assert browser.go(f"{OURS}/auth/login?{urlencode({'to': to})}").status_code == 422


def test_keys_are_asked_for_again_when_the_provider_has_new_ones(world: World):
    with world.served() as browser:
        logged_in(browser, "ada")
        world.identity.rotate()
        browser.cookies.clear()
        assert logged_in(browser, "kim")["tenant_id"] == "acme"


def encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def test_only_an_id_token_that_was_made_for_us_and_now_holds(world: World):
    world.stopped_at = world.now()
    at = int(world.stopped_at.timestamp())
    right = {
        "iss": world.identity.issuer,
        "sub": "ada",
        "aud": "tenantry",
        "nonce": "n",
        "iat": at,
        "exp": at + 600,
    }
    key = world.identity.keys[0]

    def signed(claims: dict[str, Any], algorithm: str = "RS256", by: Any = key, **header: Any) -> str:
        told = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": algorithm, "kid": key.kid, **header}, told, by, [algorithm])

    assert world.provider.read(signed(right), "n")["sub"] == "ada"
    assert world.provider.read(signed({**right, "aud": ["tenantry", "x"], "azp": "tenantry"}), "n")
    wrong: list[dict[str, Any]] = [
        {"aud": "public"}, {"aud": ["public"]}, {"aud": None}, {"aud": ["tenantry", "x"]}, {"azp": "public"},
        {"iss": "https://evil.example"}, {"iss": None}, {"nonce": "other"}, {"nonce": None},
        {"exp": at - 61}, {"exp": None}, {"iat": at + 61}, {"iat": None}, {"nbf": at + 61}, {"sub": None},
    ]  # fmt: skip
    other = RSAKey.generate_key(2048)
    forged = [signed({**right, **change}) for change in wrong]
    forged += [signed(right, by=other), signed(right, by=other, kid="unknown")]
    # The public key taken for a shared secret, and no signature at all.
    claims = signed(right).split(".")[1]
    for header, secret in (
        ({"alg": "HS256", "kid": key.kid}, key.as_pem(private=False)),
        ({"alg": "none"}, b""),
    ):
        text = f"{encoded(json.dumps(header).encode())}.{claims}"
        seal = hmac.digest(secret, text.encode(), "sha256") if secret else b""
        forged.append(f"{text}.{encoded(seal)}")
    forged += [signed(right)[:-8] + "AAAAAAAA", "", "a.b.c", "."]
    for token in forged:
        with pytest.raises(TenantryError) as raised:
            world.provider.read(token, "n")
        assert raised.value.kind is Kind.FORBIDDEN


def test_a_provider_that_is_away_or_another_is_told(tmp_path: Path, identity: Identity):
    for issuer, why in (("http://127.0.0.1:9", "ConnectError"), (f"{identity.issuer}/", "another issuer's")):
        away = Provider(issuer, "tenantry", SECRET, lambda: datetime.now(UTC))
        with pytest.raises(TenantryError, match=why) as raised:
            away.read("x", "n")
        assert raised.value.kind is Kind.UNAVAILABLE
        away.close()


def test_the_highest_role_counts_and_a_claim_may_be_a_path():
    claims = Claims(
        "realm.roles", {"a": AccessRole.VIEWER, "b": AccessRole.OPERATOR}, AccessRole.VIEWER, "org"
    )
    told = {"sub": "1", "realm": {"roles": ["b", "a", 3, None]}, "org": "acme"}
    assert claims.principal(told) == Principal("user:1", "acme", AccessRole.OPERATOR)
    assert claims.principal({"sub": "1", "realm.roles": "a", "org": "acme"}).role is AccessRole.VIEWER
    assert claims.principal({"sub": "1", "realm": ["roles"], "org": "acme"}).role is AccessRole.VIEWER
    for lacking in ({"sub": "1"}, {"sub": "1", "org": ""}, {"sub": "1", "org": ["acme"]}):
        with pytest.raises(TenantryError):
            claims.principal(lacking)


def test_no_secret_of_a_login_is_logged_or_kept_readable(
    world: World, caplog: pytest.LogCaptureFixture, tmp_path: Path
):
    caplog.set_level(logging.DEBUG)
    with world.served() as browser:
        known = logged_in(browser, "ada")
        browser.go(f"{OURS}/page", "POST", {"X-CSRF-Token": "wrong"})
        sent = [dict(parse_qsl(urlsplit(url).query)) for url in browser.visited if url.startswith(OURS)]
        secrets = [query[name] for query in sent for name in ("code", "state") if name in query]
        secrets += [*browser.cookies[OURS].values(), known["csrf"], SECRET]
    ours = [r for r in caplog.records if r.name.startswith(("tenantry", "uvicorn", "alembic", "sqlalchemy"))]
    said = "".join(f"{r.getMessage()}{vars(r)}" for r in ours)
    world.state.close()
    kept = b"".join(p.read_bytes() for p in tmp_path.iterdir()).decode("latin-1")
    assert len(secrets) >= 5
    assert not [secret for secret in secrets if secret in said or secret in kept]
