"""An OpenID provider, spoken to as OpenID Connect Core 1.0 has it: authorization code, PKCE, state and nonce."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from ...errors import Kind, TenantryError
from ...kernel import AccessRole, Principal
from ...runtime.access import Login

ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA",
)  # fmt: skip
"""Signatures that only who holds a private key can make; `none` and those of a shared secret are not among them."""
_LEEWAY = 60
_FRESH = 3600
"""Seconds for which the provider's document and keys are not asked for again, unless a key is not among them."""
_TIMEOUT = 10
_CODE = re.compile(r"[a-z0-9_]{1,60}")


@dataclass(frozen=True)
class Claims:
    """Which claims say what somebody may do.

    `roles` maps values of the claim `role` to roles; of several the highest counts, without any `otherwise`. A claim's
    name may be a path, such as `realm_access.roles`. With `tenant`, the claim of that name binds to a tenant; who lacks
    it is refused, or sees all tenants if `unbound` may.
    """

    role: str = "roles"
    roles: Mapping[str, AccessRole] = field(default_factory=dict[str, AccessRole])
    otherwise: AccessRole | None = None
    tenant: str | None = None
    unbound: bool = False

    def principal(self, told: Mapping[str, Any]) -> Principal:
        """Who somebody is of whom these claims are told. Raises `forbidden` where they say too little."""
        said = _claim(told, self.role)
        values = said if isinstance(said, list) else [said]
        found = [self.roles[value] for value in values if isinstance(value, str) and value in self.roles]
        role = max(found, key=[*AccessRole].index, default=self.otherwise)
        if role is None:
            raise _not_let_in(f"nothing in the claim {self.role!r} gives a role here")
        mail = told.get("email") if told.get("email_verified") is True else None
        return Principal(f"user:{mail or told['sub']}", self._tenant(told), role)

    def _tenant(self, told: Mapping[str, Any]) -> str | None:
        if self.tenant is None:
            return None
        found = _claim(told, self.tenant)
        if found is None and self.unbound:
            return None
        if not isinstance(found, str) or not found:
            raise _not_let_in(f"the claim {self.tenant!r} names no tenant")
        return found


def _claim(told: Mapping[str, Any], name: str) -> Any:
    if name in told:
        return told[name]
    found: Any = told
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


class Provider:
    """A provider at an issuer's address, to which we are known as a client. One object serves many threads.

    Its methods raise `unavailable` where it cannot be reached or answers what it should not, and `forbidden` where it,
    or what it says, does not let somebody in.
    """

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str | None,
        now: Callable[[], datetime],
        scopes: str = "openid profile email",
    ) -> None:
        self.issuer = issuer
        self._client_id = client_id
        self._secret = client_secret
        self._now = now
        self._scopes = scopes
        self._http = httpx.Client(timeout=_TIMEOUT, follow_redirects=False)
        self._document: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def close(self) -> None:
        self._http.close()

    def address(self, login: Login, state: str, back: str) -> str:
        """Where a browser goes to log in; it comes back to `back`."""
        challenge = urlsafe_b64encode(sha256(login.verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": back,
            "scope": self._scopes,
            "state": state,
            "nonce": login.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return _with(self._endpoint("authorization_endpoint"), asked)

    def goodbye(self, back: str) -> str | None:
        """Where a browser goes to log out of the provider too; None where the provider has no such place."""
        found = self._metadata().get("end_session_endpoint")
        asked = {"client_id": self._client_id, "post_logout_redirect_uri": back}
        return _with(str(found), asked) if found else None

    def claims(self, code: str, login: Login, back: str) -> Mapping[str, Any]:
        """What the provider says of whoever brought this code: its ID token, and what it tells besides."""
        answer = self._redeem(code, login, back)
        told = self.read(str(answer.get("id_token", "")), login.nonce)
        return {**self._user(str(answer.get("access_token", "")), told["sub"]), **told}

    def read(self, id_token: str, nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token that was made for us and this login (OpenID Connect Core 1.0, section 3.1.3.7)."""
        try:
            found = self._verified(id_token)
            wanted = {"iss": self.issuer, "aud": self._client_id, "nonce": nonce}
            jwt.JWTClaimsRegistry(
                now=int(self._now().timestamp()),
                leeway=_LEEWAY,
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
                **{name: {"essential": True, "value": value} for name, value in wanted.items()},  # pyright: ignore[reportArgumentType]
            ).validate(found)
        except (JoseError, ValueError) as problem:
            raise _not_let_in(f"the ID token does not hold: {problem}") from problem
        several = isinstance(found["aud"], list) and len(found["aud"]) > 1
        if found.get("azp", None if several else self._client_id) != self._client_id:
            raise _not_let_in("the ID token does not hold: it was made for another client")
        return found

    def _verified(self, id_token: str) -> dict[str, Any]:
        try:
            return jwt.decode(id_token, self._key_set(), ALGORITHMS).claims
        except InvalidKeyIdError:
            self._keys = None  # the provider may have a new key
            return jwt.decode(id_token, self._key_set(), ALGORITHMS).claims

    def _redeem(self, code: str, login: Login, back: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": login.verifier,
        }
        basic = None
        if self._secret is None:
            form["client_id"] = self._client_id
        elif "client_secret_basic" in self._metadata().get(
            "token_endpoint_auth_methods_supported", ["client_secret_basic"]
        ):
            basic = (quote(self._client_id, safe=""), quote(self._secret, safe=""))  # RFC 6749, section 2.3.1
        else:
            form |= {"client_id": self._client_id, "client_secret": self._secret}
        return self._asked("POST", self._endpoint("token_endpoint"), data=form, auth=basic)

    def _user(self, access_token: str, subject: str) -> Mapping[str, Any]:
        """What the provider tells of the user besides the ID token; many give roles here alone."""
        place = self._metadata().get("userinfo_endpoint")
        if not place or not access_token:
            return {}
        found = self._asked("GET", str(place), headers={"Authorization": f"Bearer {access_token}"})
        return found if found.get("sub") == subject else {}

    def _metadata(self) -> Mapping[str, Any]:
        at = self._now().timestamp()
        if self._document is None or at - self._document[0] > _FRESH:
            place = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            found = self._asked("GET", place)
            if found.get("issuer") != self.issuer:
                raise _away(f"{place} is another issuer's: {found.get('issuer')!r}")
            self._document = (at, found)
        return self._document[1]

    def _endpoint(self, name: str) -> str:
        found = self._metadata().get(name)
        if not isinstance(found, str):
            raise _away(f"{self.issuer} names no {name}")
        return found

    def _key_set(self) -> KeySet:
        at = self._now().timestamp()
        if self._keys is None or at - self._keys[0] > _FRESH:
            found: Any = self._asked("GET", self._endpoint("jwks_uri"))
            try:
                self._keys = (at, KeySet.import_key_set(found))
            except (JoseError, KeyError, TypeError, ValueError) as problem:
                raise _away(f"the keys of {self.issuer} cannot be read") from problem
        return self._keys[1]

    def _asked(self, method: str, place: str, **more: Any) -> Mapping[str, Any]:
        """The JSON object that the provider answers; what it refuses with 400 or 401 is `forbidden`."""
        try:
            answer = self._http.request(method, place, **more)
            if answer.status_code in {400, 401}:
                raise _not_let_in(f"the provider refused: {_error(answer)}")
            found = answer.raise_for_status().json()
        except httpx.HTTPError as problem:
            raise _away(f"{place}: {type(problem).__name__}") from problem
        except ValueError as problem:
            raise _away(f"{place} did not answer in JSON") from problem
        if not isinstance(found, dict):
            raise _away(f"{place} did not answer with an object")
        return found


def _with(place: str, asked: Mapping[str, str]) -> str:
    return f"{place}{'&' if '?' in place else '?'}{urlencode(asked)}"


def _error(answer: httpx.Response) -> str:
    """The error's code (RFC 6749, section 5.2): a word, never what else the answer may hold."""
    try:
        return plain_word(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)


def plain_word(text: object) -> str:
    """An error's code, if it is one."""
    return str(text) if _CODE.fullmatch(str(text)) else "without a reason"


def _not_let_in(why: str) -> TenantryError:
    return TenantryError(Kind.FORBIDDEN, why, "log in again")


def _away(why: str) -> TenantryError:
    return TenantryError(Kind.UNAVAILABLE, f"the OpenID provider: {why}", "check [auth.oidc], and try again")
