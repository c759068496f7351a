"""Log lines with quoted fields: AWS load balancers, Apache, nginx and Envoy, each as it writes them by default.

A line comes cut behind its quotes: a piece before another ends with one. Pieces are cut at spaces, never matched by one
long pattern.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from ...kernel.source import Format
from .format import LogFormat, hour_of, milliseconds_of, seconds_of, status_of, whole
from .request import SOME_OF_HOUR, Claimants, agent, basic_user, clf_time, host, request_parts

BLANK = ("blank lines", "coalesce(line, '') = ''")
TCP = "TCP connections: no requests"
_OPEN = ("a quote is not closed", "quotes % 2 = 1")
_VIRTUAL = r"([\w.*-]*[A-Za-z_*-][\w.*-]*)(:\d+)?|([\d.]+|\[.*\]):\d+"


def _combined(who: Claimants) -> LogFormat:
    """`client identity user [time] "request" status bytes "referer" "agent"`, a virtual host before it or not."""
    return LogFormat(
        "combined",
        Format.LINES,
        {
            "_before": "string_split(pieces[1], ' ')",
            "_answer": "string_split(pieces[3], ' ')",
            "_request": "pieces[2]",
            "_zone": "_before[-2]",
            # In most of the world the minutes are the same: the hour is told by what comes before them.
            "_at": "left(_before[-3], CASE WHEN suffix(_zone, '00]') THEN 15 ELSE 18 END)",
            "_status": status_of("_answer[2]"),
            "_bytes": whole("_answer[3]"),
            "_agent": agent("pieces[6]"),
            # A user's name may hold spaces, and the first of two addresses is no virtual host.
            "_virtual": "CASE WHEN len(_before) > 6 AND _before[2] <> '-' AND _before[3] = '-'"
            rf" AND regexp_full_match(_before[1], '{_VIRTUAL}') THEN _before[1] END",
            "_user": "CASE WHEN _before[-4] = '-' THEN NULL WHEN len(_before) = 6 THEN NULLIF(_before[3], '')"
            r" ELSE NULLIF(regexp_extract(pieces[1], ' - (.*) \[', 1), '') END",
        },
        {
            "_hour": hour_of(clf_time("rpad(substr(_at, 2), 20, ':00:00') || left(_zone, 5)")),
            **request_parts(who, basic_user("_user")),
            "_host": host("coalesce(_virtual, _authority)"),
        },
        [_OPEN, ("no request in quotes", "quotes < 2")],
        [BLANK],
    )


def _ingress(who: Claimants) -> LogFormat:
    """ingress-nginx: combined, then `request_length request_time [upstream] [alternative] ... request_id`."""
    plain, length = _combined(who), whole("coalesce(_tail[2], '-')")
    parts = {
        "_tail": "string_split(pieces[7], ' ')",
        **plain.parts,
        # Another server of the cluster may write into the same file, without what this one adds.
        "_bytes": f"{plain.parts['_bytes']} + {length}",
        "_seconds": seconds_of("_tail[3]"),
    }
    once = r"CASE WHEN regexp_matches(_tail[-1], '^[0-9a-f]{32}$') THEN _tail[-1] END"
    return LogFormat("nginx", plain.layout, parts, plain.told, plain.rejects, plain.aside, once)


def _alb(who: Claimants) -> LogFormat:
    """AWS Application Load Balancer, 29 to 33 fields; the time is when the answer was sent."""
    trace = rf"(?i)(?:^|;)(?:{'|'.join(map(re.escape, who.trace))})=([^;\"]+)".replace("'", "''")
    return LogFormat(
        "alb",
        Format.LINES,
        {
            "_front": "string_split(pieces[1], ' ')",
            "_request": "pieces[2]",
            "_at": "left(_front[2], 13)",
            "_status": status_of("_front[9]"),
            "_seconds": " + ".join(seconds_of(f"_front[{n}]") for n in (6, 7, 8)),
            "_bytes": f"{whole('_front[11]')} + {whole('_front[12]')}",
            "_agent": agent("pieces[4]"),
            # arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/...
            "_region": "NULLIF(string_split(pieces[5], ':')[4], '')",
            # Root, Self, Parent and Sampled are AWS's own.
            "_traced": "CASE WHEN strlen(pieces[6]) > 41 THEN pieces[6] END",
            "_named": "CASE WHEN NOT contains(_request, '://') THEN pieces[8] END",
        },
        {
            "_hour": hour_of(f"TRY_CAST(_at || '{SOME_OF_HOUR}' AS TIMESTAMP)"),
            "_trace": f"NULLIF(regexp_extract(_traced, '{trace}', 1), '')",
            **request_parts(who, [("trace", "_trace")]),
            "_host": host("coalesce(_authority, rtrim(_named, '\"'))"),
        },
        [
            _OPEN,
            ("the line ends early", "quotes < 4"),
            ("not 12 fields before the request", "len(_front) <> 13"),
        ],
        [
            BLANK,
            ("lines of a Network Load Balancer: connections, no requests", "_front[1] = 'tls'"),
            (
                "lines of a connection log",
                r"strlen(_front[1]) > 10 AND regexp_matches(_front[1], '^\d{4}-\d\d-\d\dT')",
            ),
        ],
    )


def _envoy(who: Claimants) -> LogFormat:
    """Envoy's and Istio's default text; Istio has four more fields behind the status."""
    return LogFormat(
        "envoy",
        Format.LINES,
        {
            "_request": "pieces[2]",
            "_answer": "string_split(pieces[3], ' ')",
            # A piece ends with its quote: Envoy's seven figures and one, or Istio's three words and one.
            "_more": "CASE WHEN len(_answer) < 8 THEN 2 ELSE 0 END",
            "_figures": "CASE WHEN _more = 0 THEN _answer[4:] ELSE string_split(pieces[5], ' ')[2:] END",
            "_at": "substr(pieces[1], 2, 13)",
            "_status": status_of("_answer[2]"),
            "_bytes": f"{whole('_figures[1]')} + {whole('_figures[2]')}",
            "_agent": agent("pieces[6 + _more]"),
            "_seconds": milliseconds_of("_figures[3]"),
            "_named": "pieces[10 + _more]",
        },
        {
            "_hour": hour_of(f"TRY_CAST(_at || '{SOME_OF_HOUR}' AS TIMESTAMP)"),
            **request_parts(who),
            "_host": host("rtrim(_named, '\"')"),
        },
        [_OPEN, ("the line ends early", "quotes < 10")],
        [BLANK, (TCP, "starts_with(_request, '- - -')")],
        # Retries of a request share its id, not its size and time.
        "CASE WHEN len(pieces[8 + _more]) > 30 THEN pieces[8 + _more] || pieces[1] || pieces[3] || pieces[5] END",
    )


_CLF = r'(?:[\w.:*-]+ )?\S+ \S+ .*? ?\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "'
# What every whole line of a kind begins with; the more particular first.
_LOOKS: tuple[tuple[re.Pattern[str], Callable[[Claimants], LogFormat]], ...] = (
    (
        re.compile(
            r"(?:https?|h2|grpcs|wss?) \d{4}-\d\d-\d\dT[\d:.]+Z \S+ \S+ \S+ -?[\d.]+ -?[\d.]+ -?[\d.]+ "
        ),
        _alb,
    ),
    (re.compile(r'\[\d{4}-\d\d-\d\dT[\d:.]+Z\] "'), _envoy),
    (re.compile(_CLF + r'.*" [\d-]+ [\d.-]+ \[[^\]]*\] \['), _ingress),
    (re.compile(_CLF), _combined),
)


_TOLD_BY = 20


def lines_format(lines: Sequence[str], who: Claimants) -> LogFormat | None:
    """The format that most of these lines have, if any line has one; some of many lines tell."""
    for some in (lines[:: len(lines) // _TOLD_BY or 1], lines):
        kinds = (next((of for looks, of in _LOOKS if looks.match(line)), None) for line in some)
        if votes := Counter(of for of in kinds if of):
            return votes.most_common(1)[0][0](who)
    return None
