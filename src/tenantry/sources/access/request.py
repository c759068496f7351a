"""What a request says: SQL that takes request lines, URLs and agents apart, as every log format needs it.

Expressions are over VARCHAR and never raise. They take the common way of writing first: logs have 10^9 lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..cells import literal

_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "QUERY")
"""RFC 9110, RFC 5789 and QUERY; any other is `_OTHER`, as OpenTelemetry's conventions have it."""

_BOTS = ("bot", "Bot", "rawl", "pider", "lurp", "://")
"""Crawlers name themselves, or the page that explains them."""


SOME_OF_HOUR = ":59:59"
"""A time within an hour whose minutes are not looked at: of the 24th, which only a broken line has, there is none."""


@dataclass(frozen=True)
class Claimants:
    """Where a log may name the tenant: parameters of the query by name, those that hold an API key, and fields.

    `fields` are looked for in logs whose fields have names; `trace` in AWS's trace header.
    """

    query: tuple[str, ...]
    key: tuple[str, ...]
    trace: tuple[str, ...]
    fields: tuple[str, ...]


def clf_time(said: str) -> str:
    """SQL: TIMESTAMP in UTC of `17/May/2015:10:05:03 +0000`, with or without the space; null where it is none."""
    return f"make_timestamp(epoch_us(try_strptime(replace({said}, ' ', ''), '%d/%b/%Y:%H:%M:%S%z')))"


def line_parts(request: str) -> dict[str, str]:
    r"""Parts `_verb` and `_wanted` of a request line: its first word, and all between that and its protocol.

    The line may end with a quote. In it Apache writes a quote as \", nginx and AWS as \x22.
    """
    after = f"substr({request}, strpos({request}, ' ') + 1)"
    spaced = f"""regexp_replace({after}, '( (HTTP/[0-9.]+|-? ?))?"?$', '')"""
    return {
        "_words": f"string_split({request}, ' ')",
        "_verb": "CASE WHEN len(_words) > 1 THEN _words[1] END",
        "_wanted": "replace(CASE WHEN len(_words) = 3 AND starts_with(_words[3], 'HTTP/') THEN _words[2]"
        rf""" WHEN len(_words) > 1 THEN {spaced} ELSE '' END, '\"', '%22')""",
    }


def method(said: str) -> str:
    """SQL: the method, `_OTHER` for one that nobody registered, empty where none was said."""
    known = " OR ".join(f"{said} = {literal(name)}" for name in _METHODS)
    return f"CASE WHEN {known} THEN {said} WHEN coalesce({said}, '') IN ('', '-') THEN '' ELSE '_OTHER' END"


def target_parts(who: Claimants) -> dict[str, str]:
    """Parts of a request's `_target` (RFC 9112, section 3.2): `_authority` of an absolute one, without its user,
    `_path`, without an API key in it, and `_query`, which may hold another URL.
    """
    keys = rf"(?i)({'|'.join(map(re.escape, who.key))})(=|%(?:25)*3D)[^/&;#]+"
    says_key = "contains(_bare, '=') OR contains(_bare, '%')" if who.key else "FALSE"
    return {
        "_below": "CASE WHEN NOT starts_with(_target, '/') AND contains(split_part(_target, '?', 1), '://')"
        " THEN substr(_target, strpos(_target, '://') + 3) END",
        "_place": "split_part(split_part(_below, '/', 1), '?', 1)",
        "_local": "CASE WHEN _below IS NULL THEN coalesce(_target, '') ELSE substr(_below, len(_place) + 1) END",
        "_authority": "CASE WHEN contains(_place, '@') THEN split_part(_place, '@', -1) ELSE _place END",
        "_query": "CASE WHEN contains(_local, '?') THEN substr(_local, strpos(_local, '?')) END",
        "_bare": "CASE WHEN _query IS NOT NULL THEN left(_local, strpos(_local, '?') - 1)"
        " WHEN _local = '-' THEN '' ELSE _local END",
        "_path": f"CASE WHEN {says_key}"
        rf" THEN regexp_replace(_bare, {literal(keys)}, '\1\2*', 'g') ELSE _bare END",
    }


def host(said: str) -> str:
    """SQL: a host in lower case without port; empty for none. IPv6 addresses keep their brackets."""
    address = f"split_part({said}, ']', 1) || ']'"
    bare = f"CASE WHEN starts_with({said}, '[') THEN {address} ELSE split_part({said}, ':', 1) END"
    return f"CASE WHEN {said} IS NULL OR {said} = '-' THEN '' ELSE lower({bare}) END"


def agent(user_agent: str) -> str:
    """SQL: `bot` for a client that says it is one, else empty."""
    named = " OR ".join(f"contains({user_agent}, {literal(word)})" for word in _BOTS)
    return f"CASE WHEN {named} THEN 'bot' ELSE '' END"


def asked_of(names: Sequence[str]) -> str:
    """SQL: the value of the first of these parameters in `_query`; null where it has none of them."""
    if not names:
        return "CAST(NULL AS VARCHAR)"
    pattern = f"(?:^[?]+|&)(?:{'|'.join(map(re.escape, names))})=([^&#]+)"
    some = " OR ".join(f"contains(_query, {literal(name + '=')})" for name in names)
    value = f"regexp_extract(_query, {literal(pattern)}, 1)"
    # Decoded, it may be no UTF-8.
    return f"CASE WHEN {some} THEN NULLIF(coalesce(TRY(url_decode({value})), {value}), '') END"


def coarse(time: str) -> str:
    """SQL: a time as text, only to the hour where ISO 8601 or the common log format say that it is UTC's."""
    iso = f"suffix({time}, 'Z') AND {time}[11] = 'T'"
    common = f"suffix({time}, '+0000') AND {time}[12] = ':'"
    return (
        f"CASE WHEN {iso} THEN left({time}, 13) || '{SOME_OF_HOUR}Z'"
        f" WHEN {common} THEN left({time}, 14) || ':00:00+0000' ELSE {time} END"
    )


def hashed(key: str) -> str:
    """SQL: an API key as it may be kept: `key:` and 16 hex digits of its SHA-256; null for null."""
    return f"'key:' || left(sha256({key}), 16)"


def basic_user(user: str) -> list[tuple[str, str]]:
    """Claims of a user of HTTP's basic authentication (RFC 7617), as which services also take an API key: a long run of
    letters and digits is one, which no name has.
    """
    kinds = ("[A-Za-z0-9]{16}", "[0-9]", "[A-Za-z]")
    is_key = " AND ".join(f"regexp_matches({user}, {literal(kind)})" for kind in kinds)
    return [
        ("key", f"CASE WHEN {is_key} THEN {hashed(user)} END"),
        ("user", f"CASE WHEN NOT ({is_key}) THEN {user} END"),
    ]


def claims(found: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Parts `_claim` and `_claimed_by` of (how, SQL) pairs, the best first; null where all are null."""
    parts = {f"_claim{place}": sql for place, (_, sql) in enumerate(found)}
    hows = " ".join(
        f"WHEN {part} IS NOT NULL THEN {literal(how)}" for part, (how, _) in zip(parts, found, strict=True)
    )
    return {**parts, "_claim": f"coalesce({', '.join(parts)}, NULL)", "_claimed_by": f"CASE {hows} END"}


def request_parts(who: Claimants, others: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    """Parts that `_request`, a request line, tells, and its claims: keys first, `others` last."""
    asked = [
        ("key", hashed(asked_of(who.key))),
        *(one for one in others if one[0] == "key"),
        ("query", asked_of(who.query)),
    ]
    return {
        **line_parts("_request"),
        "_method": method("_verb"),
        "_target": "_wanted",
        **target_parts(who),
        **claims([*asked, *(one for one in others if one[0] != "key")]),
    }
