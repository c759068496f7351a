"""Asking a service over HTTP: politely, again where that helps, and without telling its key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from time import sleep
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from ..errors import Kind, TenantryError, invalid

_TRIES = 4
_SECONDS = 30.0
_LONGEST_WAIT = 60.0
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Asked:
    """A service that is asked with a key. Raises `unavailable` where it does not answer, `forbidden` for a bad key."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise invalid(f"{url}: a key goes over https alone", "write https://")
        self._client = httpx.Client(base_url=url, headers=dict(headers), timeout=_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def document(self, path: str, query: Mapping[str, Any]) -> Any:
        """What the service says, as JSON."""
        return self.answered(path, query).json()

    def own(self, url: str) -> str:
        """An address that the service names, as one of its own. Raises `unavailable`: the key goes nowhere else."""
        found = self._client.base_url.join(url)
        if (found.scheme, found.netloc) != (self._client.base_url.scheme, self._client.base_url.netloc):
            why = f"{self._client.base_url.host} sends us on to {found.host}"
            raise TenantryError(Kind.UNAVAILABLE, why, "check the source's url")
        return str(found)

    def answered(self, path: str, query: Mapping[str, Any]) -> httpx.Response:
        """The answer, which is JSON."""
        response = self._asked(path, query)
        if response.status_code in {401, 403}:
            raise TenantryError(
                Kind.FORBIDDEN,
                f"{response.url.host} refused the key for {path}",
                "check the key and what it may read",
            )
        if not response.is_success:
            why = f"{response.url.host}{path} answered {response.status_code}"
            raise TenantryError(Kind.UNAVAILABLE, why, "try again later, or check the source's url")
        try:
            response.json()
        except ValueError:
            why = f"{response.url.host} did not answer in JSON"
            raise TenantryError(Kind.UNAVAILABLE, why, "check the source's url") from None
        return response

    def _asked(self, path: str, query: Mapping[str, Any]) -> httpx.Response:
        """The first answer that asking again would not change."""
        for attempt in range(1, _TRIES + 1):
            try:
                response = self._client.get(path, params=dict(query) or None)
            except httpx.HTTPError as problem:
                if attempt == _TRIES:
                    why = f"{self._client.base_url.host}{path}: {type(problem).__name__}"
                    raise TenantryError(
                        Kind.UNAVAILABLE, why, "check the source's url, and that it can be reached"
                    ) from None
                sleep(0.2 * 2**attempt)
                continue
            again = response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error
            if not again or attempt == _TRIES:
                return response
            sleep(_wait(response, attempt))
        raise AssertionError

    def listed(self, path: str, query: Mapping[str, Any]) -> Iterator[Any]:
        """All objects of a list that Stripe gives page by page."""
        after: dict[str, Any] = {}
        while True:
            page = self.document(path, {**query, **after})
            yield from page["data"]
            if not page.get("has_more") or not page["data"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}


def _wait(response: httpx.Response, attempt: int) -> float:
    said = response.headers.get("retry-after", "")
    return min(float(said), _LONGEST_WAIT) if said.isdecimal() else 0.2 * 2**attempt
