"""Which feature a route belongs to, and what kind of operation it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from ...errors import invalid
from .document import PLACEHOLDER
from .shapes import is_version

BY_METHOD = {
    "GET": "read",
    "HEAD": "read",
    "OPTIONS": "read",
    "TRACE": "read",
    "QUERY": "search",
    "POST": "create",
    "PUT": "update",
    "PATCH": "update",
    "DELETE": "delete",
}
# The verb in the last name of a path: `/pets/search`, `users.list`, `{name}:cancel`, `/getReport`.
ASKED = {
    "search": "search find query lookup suggest autocomplete filter",
    "export": "export exports download downloads dump tarball zipball csv",
}
"""With any method but DELETE, PUT and PATCH."""
TOLD = {
    "read": "get list describe fetch read show retrieve count validate check verify preview estimate calculate",
    "update": "update edit modify rename set cancel enable disable activate deactivate approve reject close reopen "
    "archive unarchive move restore restart start stop pause resume retry merge lock unlock confirm reset transfer "
    "sync replace",
    "delete": "delete remove destroy purge revoke uninstall",
}
"""With POST alone, which says little by itself."""
VERBS = {verb: name for table in (ASKED, TOLD) for name, verbs in table.items() for verb in verbs.split()}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
PREFIXES = {"api", "apis", "rest"}
TENANT = "{tenant}"
"""The parameter that stands for the tenant."""
MOST_NAMES = 2


class FeatureRule(NamedTuple):
    """Routes that fit are of the feature.

    Host and method are exact or `*`. In the template `*` is any one segment, or part of one, and `**` any number.
    """

    feature: str
    template: str = "**"
    method: str = "*"
    host: str = "*"


def operation(method: str, template: str) -> str:
    """read, create, update, delete, search or export.

    The method decides (GET, HEAD, OPTIONS read; POST create; PUT, PATCH update; DELETE delete), except where the last
    name of the template is or holds a verb: search and export for GET and POST (`/pets/search`, `/report/export.csv`),
    and for POST also read, update and delete (`/orders/{id}/cancel`, `users.list`, `{name}:batchDelete`). A method that
    is not known reads.
    """
    plain = BY_METHOD.get(method.upper(), "read")
    if plain not in {"read", "create", "search"}:
        return plain
    words = [word.lower() for word in WORD.findall(_last_name(template))]
    for word in (words[0], words[-1]) if words else ():
        verb = VERBS.get(word)
        if verb in ASKED or (verb in TOLD and plain == "create"):
            return str(verb)
    return plain


class Features:
    """The vendor's rules in order; the first that fits wins."""

    def __init__(self, rules: Iterable[FeatureRule] = ()) -> None:
        self._rules = [(rule, _pattern(rule.template)) for rule in rules]
        unnamed = [rule.template for rule, _ in self._rules if not rule.feature]
        if unnamed:
            raise invalid(
                f"feature rules for {', '.join(unnamed)} name no feature", "give each rule a `feature`"
            )

    def of(self, host: str, method: str, template: str, tags: Sequence[str] = ()) -> str:
        """The feature of a route: by rule, else its first OpenAPI tag, else its first names."""
        for rule, pattern in self._rules:
            if (
                rule.host.lower() in {"*", host.lower()}
                and rule.method.upper() in {"*", method.upper()}
                and pattern.fullmatch(template)
            ):
                return rule.feature
        return tags[0] if tags else _first_names(template)


@lru_cache(maxsize=1 << 12)
def _pattern(template: str) -> re.Pattern[str]:
    parts = []
    for segment in template.strip("/").split("/"):
        if segment == "**":
            parts.append("(?:/[^/]*)*")
        else:
            parts.append("/" + "[^/]*".join(re.escape(text) for text in segment.split("*")))
    return re.compile("".join(parts) + "/?")


def _first_names(template: str) -> str:
    """The names up to the first parameter, two at most, without `api` and versions: `/v2/apps/{id}/logs` is `apps`.

    What stands before the tenant says no more than that one follows: `/t/{tenant}/logs` is `logs`.
    """
    names: list[str] = []
    _, tenant, after = template.partition(TENANT)
    for segment in (after if tenant and after.strip("/") else template).strip("/").split("/"):
        if PLACEHOLDER.search(segment):
            if names:
                break
        elif segment and not is_version(segment) and segment.lower() not in PREFIXES:
            names.append(segment)
    return "/".join(names[:MOST_NAMES]) or "/"


def _last_name(template: str) -> str:
    """Text of the last segment that has any, parameters left out."""
    segments = [PLACEHOLDER.sub("", segment).strip(".") for segment in template.rstrip("/").split("/")]
    return next((text for text in reversed(segments) if text), "")
