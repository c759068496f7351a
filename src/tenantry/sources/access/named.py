"""Logs whose fields have names: JSON of API Gateway, nginx and Envoy, CloudFront's files, and any table of requests.

Names differ from log to log and vendors choose their own. A field is known by what it is usually called.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ...kernel.source import Format, Sample
from ..cells import Cell, literal, pointer, quoted
from .format import LogFormat, hour_of, milliseconds_of, nanoseconds_of, seconds_of, status_of, whole
from .lines import BLANK, TCP
from .request import (
    SOME_OF_HOUR,
    Claimants,
    agent,
    asked_of,
    basic_user,
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
    "requesttimeepoch", "requesttime", "msec", "timestamp(ms)", "timeepoch", "startutc", "started_at",
)  # fmt: skip
METHODS = (
    "method", "request_method", "httpmethod", "http_method", "cs_method", "verb", "http.request.method", "http.method",
    "request.method", "requestmethod",
)  # fmt: skip
TARGETS = (
    "x_envoy_original_path", "request_uri", "path", "uri", "url", "cs_uri_stem", "request_path", "http_path",
    "url.path", "requestpath", "request.uri", "requesturi", "requesturl", "http.path", "url.original", "url.full",
    "request.url", "request.path",
)  # fmt: skip
QUERIES = (
    "args", "query_string", "querystring", "query", "cs_uri_query", "url.query", "requestquery", "rawquerystring",
)  # fmt: skip
LINES = ("request", "request_line")
TEMPLATES = ("routekey", "resourcepath", "http_route", "http.route", "route", "route_template")
STATUSES = (
    "status", "status_code", "statuscode", "response_code", "responsecode", "sc_status", "http_status",
    "http.response.status_code", "response_status", "responsestatus", "response.status", "response.status_code",
    "response.statuscode", "res.statuscode", "httpstatuscode", "httpstatus", "downstreamstatus",
)  # fmt: skip
SENT = (
    "bytes_sent", "body_bytes_sent", "responselength", "response_length", "sc_bytes", "bytes", "response_size",
    "http.response.body.size", "http.response.bytes", "http.response.body.bytes", "responsesize", "response.size",
    "responsebytes", "sentbytes", "downstreamcontentsize", "size",
)  # fmt: skip
RECEIVED = (
    "request_length", "bytes_received", "cs_bytes", "requestlength", "request_size", "http.request.bytes",
    "http.request.body.bytes", "requestsize", "request.size", "requestbytes", "receivedbytes", "requestcontentsize",
    "bytes_read",
)  # fmt: skip
SECONDS = ("request_time", "time_taken", "duration_seconds", "duration_s", "request_duration", "timetaken")
MILLISECONDS = (
    "duration", "duration_ms", "responselatency", "response_latency", "latency_ms", "request_time_ms", "responsetime",
    "latencies.request",
)  # fmt: skip
# Google writes `0.066890s`, Elastic's schema nanoseconds.
MARKED, NANOSECONDS = ("latency",), ("event.duration",)
HOSTS = (
    "x_host_header", "originalhost", "host", "http_host", "authority", "domainname", "domain_name", "server_name",
    "vhost", "cs_host", "cs(host)", "request.host", "url.domain", "properties.hostname", "requesthost",
)  # fmt: skip
AGENTS = (
    "user_agent", "http_user_agent", "useragent", "cs(user_agent)", "cs_user_agent", "user_agent.original",
)  # fmt: skip
KEY_IDS = ("apikeyid", "api_key_id", "identity.apikeyid")
KEYS = ("api_key", "apikey", "http_x_api_key", "x_api_key")
# Of HTTP's basic authentication, where services also take a key; Caddy's is `user_id`.
BASIC = ("remote_user", "cs_username", "clientusername")
USERS = (
    "user", "caller", "principalid", "user_id", "userid", "enduser.id", "user.name", "consumer.custom_id",
    "consumer.username",
)  # fmt: skip
TRACES = ("http_x_amzn_trace_id", "x_amzn_trace_id", "xrayrootid", "trace_id")
IDS = (
    "x_edge_request_id", "extendedrequestid", "requestid", "request_id", "http_x_request_id", "x_request_id",
    "insertid",
)  # fmt: skip
OTHERS = ("date", "eventtype")
_TENANT = re.compile(r"tenant|organi[sz]ation[._]?id|org[._]id|workspace[._]?id")
_HEADER = re.compile(r"^(http_)?x_")
# Where a log keeps what others write flat, and where it keeps a request's headers: those go by nginx's names.
_WRAPPERS = re.compile(r"^(?:requestcontext|httprequest|properties|jsonpayload|req)\.")
_HEADERS = re.compile(r"^(?:(?:http\.)?request\.)?headers?\.|^request_(?=x_|user_agent$)")
# By a field that only they have.
_PRODUCTS = {
    "x_edge_location": "cloudfront", "x_edge_request_id": "cloudfront", "routekey": "api_gateway",
    "resourcepath": "api_gateway", "response_flags": "envoy", "upstream_host": "envoy", "body_bytes_sent": "nginx",
    "s_ip": "w3c", "request.proto": "caddy", "downstreamstatus": "traefik", "latencies.request": "kong",
}  # fmt: skip
_KNOWN = frozenset((
    *TIMES, *METHODS, *TARGETS, *QUERIES, *LINES, *TEMPLATES, *STATUSES, *SENT, *RECEIVED, *SECONDS, *MILLISECONDS,
    *MARKED, *NANOSECONDS, *HOSTS, *AGENTS, *KEY_IDS, *KEYS, *BASIC, *USERS, *TRACES, *IDS, *OTHERS, *_PRODUCTS,
))  # fmt: skip
_W3C_FIELDS = "#Fields:"


class Fields:
    """The fields of a log by what they are called, as SQL of VARCHAR; `-` and nothing are null. Of several that are
    called the same the first counts that says anything.
    """

    def __init__(self, sql: Mapping[str, str], who: Claimants) -> None:
        self._sql: dict[str, str] = {}
        for name, value in sql.items():
            said = f"NULLIF(NULLIF({value}, '-'), '')"
            for called in _called(name, who):
                self._sql[called] = f"coalesce({self._sql[called]}, {said})" if called in self._sql else said

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


def _called(name: str, who: Claimants) -> set[str]:
    """What a field goes by, if it is known: its whole name, and that without a wrapper or the object of headers."""
    whole = plain(name)
    bare = _HEADERS.sub("http_", _WRAPPERS.sub("", whole))
    known = {whole, bare} & (_KNOWN | {plain(own) for own in who.fields})
    return known | {bare} if _TENANT.search(bare) else known


def named_format(samples: Sequence[Sample], who: Claimants) -> LogFormat | None:
    """The format of files with the same fields, if they are logs of requests."""
    layout = samples[0].format
    if layout is Format.LINES:
        return _w3c(samples, who)
    if layout is not Format.JSON:
        names = dict.fromkeys(name for sample in samples for name in sample.columns)
        columns = {name: f"CAST({quoted(name)} AS VARCHAR)" for name in names}
        return _format(Fields(columns, who), layout, {}, who)
    found = {name: at for name, at in _pointers(samples).items() if _called(name, who)}
    fields = Fields({name: f"_cells[{place}]" for place, name in enumerate(found, start=1)}, who)
    cells = ", ".join(map(literal, found.values()))
    return _format(fields, layout, {"_cells": f"json_extract_string(_record, [{cells}])"}, who)


def _pointers(samples: Sequence[Sample]) -> dict[str, str]:
    """Where the single values of JSON objects stand, by their names with dots between them."""
    columns = dict.fromkeys(name for sample in samples for name in sample.columns)
    flat = {pointer(name): name for name in columns}
    inner = dict.fromkeys(
        name for sample in samples for row in sample.rows for name in row if name not in columns
    )
    paths = {at: at.removesuffix("/0").split("/")[1:] for at in inner}
    objects = {f"/{path[0]}" for path in paths.values()}
    named = {
        ".".join(part.replace("~1", "/").replace("~0", "~") for part in path): at
        for at, path in paths.items()
    }
    return {**{name: at for at, name in flat.items() if at not in objects}, **named}


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
    fields = Fields({name: f"_fields[{place}]" for place, name in enumerate(names, start=1)}, who)
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
    product = next((product for name, product in _PRODUCTS.items() if fields.has([name])), "log")
    uri, asked_for = fields.first(TARGETS), fields.first(QUERIES)
    if product == "cloudfront":
        # It encodes what it writes, a request's own percent signs too.
        uri, asked_for = (f"replace({said}, '%25', '%')" for said in (uri, asked_for))
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
        "_uri": uri,
        "_asked": asked_for,
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
    id_ = f"{fields.first(IDS)} || '|' || _time || '|' || _status || '|' || _bytes"
    if product == "envoy":
        aside = [*aside, (TCP, "_called IS NULL AND _request IS NULL AND _uri IS NULL")]
    return LogFormat(
        product,
        layout,
        {**parts, **figures, "_seconds": _seconds(fields)},
        asked,
        [],
        aside,
        id_ if fields.has(IDS) else "",
    )


def _seconds(fields: Fields) -> str:
    """SQL: DECIMAL of how long a request took. What some call so is in a unit of their own."""
    own = next((read for name, read in _OWN_UNITS.items() if fields.has([name])), None)
    for names, unit in (own,) if own else _UNITS:
        if fields.has(names):
            return unit(fields.first(names))
    return seconds_of("NULL")


_UNITS = (
    (SECONDS, seconds_of),
    (MILLISECONDS, milliseconds_of),
    (NANOSECONDS, nanoseconds_of),
    (MARKED, lambda said: seconds_of(f"CASE WHEN suffix({said}, 's') THEN rtrim({said}, 's') END")),
)
_OWN_UNITS = {
    "s_ip": (("time_taken",), milliseconds_of),
    "request.proto": (("duration",), seconds_of),
    "downstreamstatus": (("duration",), nanoseconds_of),
}


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
        *basic_user(fields.first((*BASIC, "user_id") if fields.has(["request.proto"]) else BASIC)),
        ("user", fields.first(USERS)),
        ("query", asked_of(who.query)),
        ("trace", f"NULLIF(regexp_extract({fields.first(TRACES)}, {literal(trace)}, 1), '')"),
    ]
