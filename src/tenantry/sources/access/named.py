"""Logs whose fields have names: JSON of API Gateway, nginx and Envoy, CloudFront's files, and any table of requests.

Names differ from log to log and vendors choose their own. A field is known by what it is usually called.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ...kernel.source import Format, Sample
from ..cells import Cell, literal, quoted
from .format import LogFormat, hour_of, milliseconds_of, seconds_of, status_of, whole
from .lines import BLANK, TCP
from .request import (
    SOME_OF_HOUR,
    Claimants,
    agent,
    asked_of,
    claims,
    clf_time,
    coarse,
    hashed,
    host,
    line_parts,
    method,
    target_parts,
)

TIMES = (
    "@timestamp", "timestamp", "time", "ts", "datetime", "start_time", "starttime", "time_iso8601", "time_local",
    "requesttimeepoch", "requesttime", "msec", "timestamp(ms)",
)  # fmt: skip
METHODS = (
    "method",
    "request_method",
    "httpmethod",
    "http_method",
    "cs_method",
    "verb",
    "http.request.method",
)
TARGETS = (
    "x_envoy_original_path", "request_uri", "path", "uri", "url", "cs_uri_stem", "request_path", "http_path",
    "url.path", "requestpath",
)  # fmt: skip
QUERIES = ("args", "query_string", "querystring", "query", "cs_uri_query", "url.query")
LINES = ("request", "request_line")
TEMPLATES = ("routekey", "resourcepath", "http_route", "http.route", "route", "route_template")
STATUSES = (
    "status", "status_code", "statuscode", "response_code", "responsecode", "sc_status", "http_status",
    "http.response.status_code", "response_status", "responsestatus",
)  # fmt: skip
SENT = (
    "bytes_sent", "body_bytes_sent", "responselength", "response_length", "sc_bytes", "bytes", "response_size",
    "http.response.body.size",
)  # fmt: skip
RECEIVED = ("request_length", "bytes_received", "cs_bytes", "requestlength", "request_size")
SECONDS = ("request_time", "time_taken", "duration_seconds", "duration_s", "request_duration")
MILLISECONDS = (
    "duration",
    "duration_ms",
    "responselatency",
    "response_latency",
    "latency_ms",
    "request_time_ms",
)
HOSTS = (
    "x_host_header", "host", "http_host", "authority", "domainname", "domain_name", "server_name", "vhost", "cs_host",
    "cs(host)",
)  # fmt: skip
AGENTS = (
    "user_agent",
    "http_user_agent",
    "useragent",
    "cs(user_agent)",
    "cs_user_agent",
    "user_agent.original",
)
KEY_IDS = ("apikeyid", "api_key_id", "identity.apikeyid")
KEYS = ("api_key", "apikey", "http_x_api_key", "x_api_key")
USERS = ("remote_user", "user", "caller", "cs_username", "principalid", "user_id", "userid", "enduser.id")
TRACES = ("http_x_amzn_trace_id", "x_amzn_trace_id", "xrayrootid", "trace_id")
IDS = (
    "x_edge_request_id", "extendedrequestid", "requestid", "request_id", "http_x_request_id", "x_request_id",
)  # fmt: skip
_TENANT = re.compile(r"tenant|organi[sz]ation_?id|org_id|workspace_?id")
_HEADER = re.compile(r"^(http_)?x_")
# By a field that only they have.
_PRODUCTS = {
    "x_edge_location": "cloudfront", "x_edge_request_id": "cloudfront", "routekey": "api_gateway",
    "resourcepath": "api_gateway", "response_flags": "envoy", "upstream_host": "envoy", "body_bytes_sent": "nginx",
    "s_ip": "w3c",
}  # fmt: skip
_W3C_FIELDS = "#Fields:"


class Fields:
    """The fields of a log by what they are called, as SQL of VARCHAR; `-` and nothing are null."""

    def __init__(self, sql: Mapping[str, str]) -> None:
        self._sql = {plain(name): f"NULLIF(NULLIF({value}, '-'), '')" for name, value in sql.items()}

    def has(self, names: Sequence[str]) -> bool:
        return any(name in self._sql for name in names)

    def first(self, names: Sequence[str]) -> str:
        """SQL of the first of these fields that says anything."""
        found = [self._sql[name] for name in names if name in self._sql]
        return f"coalesce({', '.join(found)}, NULL)" if found else "CAST(NULL AS VARCHAR)"

    def matching(self, pattern: re.Pattern[str]) -> list[str]:
        return [name for name in self._sql if pattern.search(name)]

    def are_of_requests(self) -> bool:
        """Whether they say when, what and how it ended."""
        what = self.has(LINES) or (self.has(METHODS) and (self.has(TARGETS) or self.has(TEMPLATES)))
        # A message of a WebSocket has a route and no method.
        what = what or (self.has(["eventtype"]) and self.has(["routekey"]))
        return what and self.has(STATUSES) and self.has((*TIMES, "date"))


def plain(name: str) -> str:
    return name.lower().replace("-", "_").strip(":")


def named_format(samples: Sequence[Sample], who: Claimants) -> LogFormat | None:
    """The format of files with the same fields, if they are logs of requests."""
    layout = samples[0].format
    if layout is Format.LINES:
        return _w3c(samples, who)
    names = tuple(dict.fromkeys(name for sample in samples for name in sample.columns))
    if layout is not Format.JSON:
        return _format(Fields({name: f"CAST({quoted(name)} AS VARCHAR)" for name in names}), layout, {}, who)
    keys = ", ".join(literal("/" + name.replace("~", "~0").replace("/", "~1")) for name in names)
    fields = Fields({name: f"_cells[{place}]" for place, name in enumerate(names, start=1)})
    return _format(fields, layout, {"_cells": f"json_extract_string(_record, [{keys}])"}, who)


def _w3c(samples: Sequence[Sample], who: Claimants) -> LogFormat | None:
    """W3C's extended log format, as CloudFront and IIS write it: a `#Fields:` line names what stands between tabs
    (CloudFront) or spaces. A file may hold nothing but such lines.
    """
    lines = [row["line"] or "" for sample in samples for row in sample.rows]
    header = next((line for line in lines if line.startswith(_W3C_FIELDS)), None)
    if header is None:
        return None
    tabs = any("\t" in line for line in lines if not line.startswith("#"))
    parts = {"_fields": f"string_split(line, {literal(chr(9) if tabs else ' ')})"}
    names = header.removeprefix(_W3C_FIELDS).split()
    fields = Fields({name: f"_fields[{place}]" for place, name in enumerate(names, start=1)})
    return _format(
        fields, Format.LINES, parts, who, [BLANK, ("lines that describe the log", "starts_with(line, '#')")]
    )


def _format(
    fields: Fields,
    layout: Format,
    parts: Mapping[str, str],
    who: Claimants,
    aside: Sequence[tuple[str, str]] = (),
) -> LogFormat | None:
    if not fields.are_of_requests():
        return None
    day, at, coarsely = fields.first(["date"]), fields.first((*TIMES, "date")), coarse("_time")
    if fields.has(["date"]):
        # W3C's is a day, and its time of day beside it; what shippers of logs call so is a whole time.
        is_day = "TRUE" if layout is Format.LINES else f"coalesce({day} LIKE '____-__-__', FALSE)"
        at = f"CASE WHEN {is_day} THEN {day} || ' ' || {fields.first(['time'])} ELSE {at} END"
        coarsely = f"CASE WHEN {is_day} THEN left(_time, 13) || '{SOME_OF_HOUR}' ELSE {coarsely} END"
    known = _claims(fields, who)
    of_query = {hashed(asked_of(who.key)), asked_of(who.query)}
    fixed = {f"_named{place}": sql for place, (_, sql) in enumerate(known) if sql not in of_query}
    figures = {
        "_time": at,
        "_at": coarsely,
        "_status": status_of(f"coalesce({fields.first(STATUSES)}, '-')"),
        "_bytes": " + ".join(whole(f"coalesce({fields.first(names)}, '-')") for names in (SENT, RECEIVED)),
        "_agent": agent(f"coalesce({fields.first(AGENTS)}, '')"),
        "_request": fields.first(LINES),
        "_called": fields.first(METHODS),
        "_uri": fields.first(TARGETS),
        "_asked": fields.first(QUERIES),
        "_named": fields.first(HOSTS),
        "_template": fields.first(TEMPLATES),
        **fixed,
    }
    asked = {
        "_hour": hour_of(_time("_at")),
        **line_parts("_request"),
        "_method": method("coalesce(_called, _verb)"),
        "_whole": "coalesce(_uri, _wanted)",
        "_target": "_whole || CASE WHEN contains(_whole, '?') THEN '' ELSE coalesce('?' || _asked, '') END",
        **target_parts(who),
        "_host": host("coalesce(_named, _authority)"),
        **claims(
            [
                (how, f"_named{place}" if f"_named{place}" in fixed else sql)
                for place, (how, sql) in enumerate(known)
            ]
        ),
    }
    # IIS says milliseconds where CloudFront says seconds.
    in_ms = ("time_taken",) if fields.has(["s_ip"]) else () if fields.has(SECONDS) else MILLISECONDS
    seconds = milliseconds_of(fields.first(in_ms)) if in_ms else seconds_of(fields.first(SECONDS))
    id_ = f"{fields.first(IDS)} || '|' || _time || '|' || _status || '|' || _bytes"
    product = next((product for name, product in _PRODUCTS.items() if fields.has([name])), "log")
    if product == "envoy":
        aside = [*aside, (TCP, "_called IS NULL AND _request IS NULL AND _uri IS NULL")]
    return LogFormat(
        product,
        layout,
        {**parts, **figures, "_seconds": seconds},
        asked,
        [],
        aside,
        id_ if fields.has(IDS) else "",
    )


def _time(said: str) -> str:
    """SQL: TIMESTAMP of ISO 8601, the common log format, Unix time in whole or broken seconds, milliseconds, ..."""
    common = clf_time(f"trim({said}, '[]')")
    micros = f"TRY_CAST(left(rpad(replace({said}, '.', ''), 16, '0'), 16) AS BIGINT)"
    broken = f"CASE WHEN regexp_full_match({said}, '[0-9]{{10}}[.][0-9]+') THEN make_timestamp({micros}) END"
    return f"coalesce({Cell(said).time()}, {common}, {broken})"


def _claims(fields: Fields, who: Claimants) -> list[tuple[str, str]]:
    """Who is said to be the tenant, the surest first."""
    own = [plain(name) for name in who.fields]
    tenant = [name for name in fields.matching(_TENANT) if name not in own]
    headers = [name for name in tenant if _HEADER.match(name)]
    trace = rf"(?i)(?:^|;)(?:{'|'.join(map(re.escape, who.trace))})=([^;]+)"
    return [
        ("claim", fields.first([*own, *(name for name in tenant if name not in headers)])),
        ("header", fields.first(headers)),
        ("key", fields.first(KEY_IDS)),
        ("key", hashed(fields.first(KEYS))),
        ("key", hashed(asked_of(who.key))),
        ("user", fields.first(USERS)),
        ("query", asked_of(who.query)),
        ("trace", f"NULLIF(regexp_extract({fields.first(TRACES)}, {literal(trace)}, 1), '')"),
    ]
