"""What a text says and a plan leaves out: reasons to ask back, where to answer would be to answer another question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .able import FORECASTS
from .before import previous_of
from .claims import MONTH
from .lexicon import CUT, DIMENSIONS, ROWS
from .question import Question
from .reading import MOVED, Reading

_TOLD = {
    "unprofitable": {"tenant"}, "uncertainty": {"tenant"}, "adoption": {"feature"}, "change": {"tenant", "service"},
    "meter_next": {"service", "meter"}, "tenant": {"tier", "plan"}, "coverage": {"meter"},
    "entitlements": {"feature", "meter", "tier", "plan"}, "explain": {"service", "feature", "meter"},
    "certificate": {"tenant", "tier", "plan", "service"}, "movers": {"tenant"}, "breadth": {"tenant", "feature"},
    "unknown_tenants": {"tenant"}, "attribution": {"tenant"},
    "provider_costs": {"service"},
}  # fmt: skip
"""By what a listing is told, asked so or not."""
_HELD = {
    "tenants": set[str](), "tenant": set[str](), "insights": set[str](), "entitlements": {"usage", "requests"},
    "explain": {"cost", "billed_cost"}, "change": {"cost", "billed_cost", "explain"}, "certificate": {"cost", "billed_cost"},
    "coverage": {"cost", "billed_cost", "usage"}, "uncertainty": {"cost"}, "meter_next": {"usage", "cost"},
    "unprofitable": {"tenants", "cost", "revenue", "margin"}, "forecast_accuracy": set[str](),
    "adoption": {"tenants", "usage", "cost", "requests", "active_users"},
    "standing": {"revenue", "cost", "margin"}, "movers": {"cost"}, "breadth": {"usage"},
    "attribution": {"requests"}, "route_review": {"requests"}, "unknown_tenants": {"requests"},
    "bill_rules": {"billed_cost", "certificate"}, "provider_costs": {"billed_cost", "cost"},
    "forecast_cost": {"cost", "billed_cost"}, "forecast_revenue": {"revenue"}, "forecast_margin": {"margin"},
    "margin_ratio": {"margin"}, "error_rate": {"errors"}, "active_users": {"usage"}, "billed_cost": {"cost"}, "list_cost": {"cost"}, "contracted_cost": {"cost"},
    "cost_per_use": {"cost"},
}  # fmt: skip
"""Figures that go into another or are told with it."""
_RANKED, _MOVED = {"adoption", "insights"}, {"change", "insights", "movers"}
"""Listings that begin with the largest, and those of what moved."""
_AVERAGES = {"average_cost", "average_revenue"}
_RATIOS = {"margin_ratio", "error_rate", "adoption", "coverage"}
_KINDS = "|".join(DIMENSIONS.values())
_WHOSE = rf"whose|(?:which|what) (?:{DIMENSIONS['tenant']})"
_WORTH = "more|less|fewer|higher|lower|larger|smaller|bigger|greater|better|worse|rather|dearer|cheaper|costlier|expensive|often|above|below"
_THAN = re.compile(
    rf"(?<!\S)(?:{_WORTH}) (?:\S+ )?than (?:the |our |that of |those of |what |on |of |for )*@(\w+)"
)
_ONLY = re.compile(r"(?<!\S)only (?:(?:ever )?(?:uses?|used|have|has|pays?|buys?)|@\w+ uses?)(?!\S)")
_SUPPOSED = r"(?:would|might)(?! you)"
_BOTH = re.compile(r"(?<!\S)(?:both|either|neither|each)(?!\S)")
_PART_OF = re.compile(
    r"(?:as|in|what|which) (?:an? )?(?:percent(?:age)?|shares?|part|fraction|proportion) of (?:(?:the|our|total) )*\$"
)
_HARDLY = "hardly|barely|scarcely|seldom|rarely|nobody|fewest"
_BUT = re.compile(r"(?<!\S)but (?:the |our )?@")
_EACH_BUT = re.compile(r"· but ·")
_BY_THEN = re.compile(rf"\bby (?:the )?(?:(?:end|start|middle) of )?(?:{MONTH}|q[1-4]|20\d\d)\b")
_LAST = re.compile(r"\b(?:last|previous|prior) (?:day|week|month|quarter|year)\b")
_EVERY_OTHER = re.compile(rf"\b(?:every|each) (?:other|second|{MONTH}|q[1-4])\b(?! \d)")
_IDIOMS = r"(?:broken?|breaking|split|add(?:s|ed)?|sum(?:s|med)?|drill|look(?:ing)?|pull|end(?:s|ed)?|roll(?:ed)?|back(?:ed)?|sign(?:s|ed)?|set|it|that|this|them) (?:up|down)"
"""Two words of which `up` or `down` says no direction."""
_CAUSES = r"driv(?:e|es|en|ing)|drove|caus(?:e|es|ed|ing)|reasons?|due|behind|because|(?:what|who) (?:has )?(?:made|makes|led)"
_LEFT = (
    (r"(?:the |all )?(?:others?|else|rest|remaining)(?! than)|some", "it does not say which those are"),
    (r"(?:of|among|from|within) (?:those|these|them)", "names are not looked for among those told before"),
    (r"\$(\w+) (?:(?:vs|versus|against|or|to|per|-) )?\$\1", "it names one figure twice, and may mean two"),
    (r"(?:\$insights|going on|happen(?:s|ed|ing)?) (?:with|to)", "it does not say what of that"),
    (r"than(?! (?:@|\$))", "it is not compared with that"),
    (
        r"(?:main|mainly|chief|major|big|large|small|past|previous|last|first|same) \$\w+",
        "it does not say which those are",
    ),
)
"""Words that no slot took, and what is not known of them."""
_NOT_CUTS = "vendors?|products?|applications?|apps?|platforms?|systems?|company|business|provider|levels?|kinds?|types?|status|people|person"
"""Words that change nothing elsewhere."""
_SAID = (
    (
        r"(?:how many|number of)(?: of)?(?: the| our| different| distinct)* (?:features?|services?|tiers?|plans?|meters?)",
        "only tenants are counted",
    ),
    (
        rf"(?:how many|number of) (?:\S+ )?(?:{DIMENSIONS['tenant']}) (?:have |has |had |that |who )?(?:{MOVED})",
        "tenants are not counted by how they changed",
    ),
    (
        rf"(?:which|what|who|whose)(?! @)(?: \S+)* (?:uses?|used|have|has|had|with|of|by|in) (?:the )?(?:most|fewest|more|fewer) (?:{_KINDS})",
        "names are not ranked by how many others they have to do with",
    ),
    (r"(?:do|does|did|would|will) you \$?cost", "it does not say what of ours that is"),
    (r"client errors|4xx", "errors are those of servers"),
    (r"(?:rank|place|position)(?:s|ed)?(?: of| for)? @\w+", "the place of one name is not told"),
    (rf"(?:(?:{CUT})|which|what) (?:{_NOT_CUTS})", "figures are not told by those"),
    (
        rf"(?:big|large|small|good|bad|major) (?:@\w+ )?(?:{DIMENSIONS['tenant']})",
        "it does not say how large",
    ),
    (rf"(?:past|previous|last|first|same|main) (?:@\w+ )?(?:{_KINDS})", "it does not say which those are"),
    (rf"(?:more|less|fewer) (?:@\w+ )?(?:{_KINDS})", "it does not say than what"),
    (r"(?:vs|versus|against|compared? (?:to|with)|over|under) (?:the |our )?plan(?! @)", "no plan is known"),
    (
        r"(?:with|including|incl) (?:(?:the|our|aws|amazon) )*@(?:service|feature)",
        "it does not say whether of that alone",
    ),
    (r"(?:aws|cloud|linked|member|billing|sub) accounts?", "costs are not told by the provider's accounts"),
    (
        r"@service (?:functions?|accounts?|clusters?|buckets?|tables?)",
        "costs are not told by the parts of a service",
    ),
    (rf"(?:{DIMENSIONS['tenant']}) turnover", "it does not say whether of money or of tenants"),
    (
        r"like for like|c[ao]mes? and (?:go|goes|went)|and (?:when|who|where|how)$",
        "it does not say what is meant",
    ),
)
"""Words anywhere that ask what no figure tells."""
_COMPARED = "vs|versus|against|compar(?:e|ed|es|ing|ison)"
_EACH_OF_ITS_OWN = re.compile(r"\$(\w+) (?:.* )?@(?!not)\w+ (?:.* )?\$(?!\1(?!\S))\w+ (?:.* )?@(?!not)\w")
_BY_TURNS = re.compile(r"@(?!not)(\w+) (?:.* )?@(?!not|\1(?!\S))(\w+) (?:.* )?@\1 (?:.* )?@\2(?!\S)")
"""Figures or names of one kind that each have names of their own: `cost of this and revenue of that`."""
_CLAUSE = r"(?:\$|@)\S+ .*(?:and|,|then) (?:what|which|how|who|whom|whose|when|where|is|are|was|were|does|do|did|has|have|can|will) .*\$\w+"


def unheeded(reading: Reading, questions: Sequence[Question], *, follows: bool) -> str:
    """Why the questions are not all of what was said; empty where they are. `follows`: others were asked before."""
    for question in questions:
        for reason in (
            *_cut_otherwise(reading, question),
            *_listed_otherwise(reading, question),
            *_not_ranked(reading, question),
            *_of_other_names(reading, question),
            *_of_other_times(reading, question, follows=follows),
        ):
            return reason
    if follows and _PART_OF.search(str(reading.words)):
        return "no tool puts these figures in proportion"
    return next(_not_taken(reading, questions), "")


def _cut_otherwise(of: Reading, question: Question) -> Iterator[str]:
    """By what the figures would not be told."""
    told = {question.by, *(f.dimension for f in question.filters), *_TOLD.get(question.metric, ())}
    told |= {"tier", "plan"} if {"tier", "plan"} & told else set()
    rest = str(of.words)
    for name, words in DIMENSIONS.items():
        said = rf"(?:{CUT}) (?:{words})" if name == "tenant" else words
        whole = rf"(?:all|across)(?: the| our| of our)? (?:{words})|service level"
        if name not in told and _has(said, rest) and not _has(whole, rest):
            yield f"{ROWS[question.metric].title} would not be told by {name}"
    if question.metric == "coverage" and (
        (len(of.metrics) == 1 and _has(_WHOSE, of.masked))
        or _has(rf"\$coverage (?:{DIMENSIONS['tenant']})", rest)
    ):
        yield f"{ROWS[question.metric].title} would not be told by tenant"
    if of.breakdown and ROWS[question.metric].tool == "totals" and not question.by:
        yield "it does not say by what it is broken down"


def _listed_otherwise(of: Reading, question: Question) -> Iterator[str]:
    """What a listing has no place for."""
    row, when = ROWS[question.metric], of.when
    if of.why and question.metric != "change" and not question.why:
        yield "why is told of cost and of losses"
    if row.tool == "totals":
        return
    if when.grain and (row.tool, when.grain) != ("forecast", "month"):
        yield f"{row.title} is not told by {when.grain}"
    if when.compare_to and not (question.metric == "change" and when.compare_to == previous_of(when.window)):
        yield f"{row.title} is not compared"
    if row.tool != "forecast" and of.order == "asc" and question.metric not in _TOLD:
        yield f"{row.title} is told from the largest"
    if question.metric in ("breadth", "movers") and _has("how many|number of", of.masked):
        yield f"{row.title} are told, not counted"
    if question.metric == "movers" and when.since and len([*question.window.months()]) > 1:
        yield "cost is compared with the same time before"
    if question.metric == "adoption" and _has(_HARDLY, of.masked):
        yield f"{row.title} is told from the largest"
    if question.metric == "adoption" and any(f.dimension != "feature" for f in of.filters):
        yield "adoption is of all tenants"


def _not_ranked(of: Reading, question: Question) -> Iterator[str]:
    """An order, a movement, an average or a part that the figures would not be told by."""
    title = ROWS[question.metric].title
    if (of.top and question.by and not question.top) or (
        (of.top or of.order)
        and not (question.top or question.by or question.grain or question.metric in _RANKED)
    ):
        yield f"{title} is not ranked"
    if of.changed and not (question.compare_to or question.grain or question.metric in _MOVED):
        yield f"{title} is not compared"
    of_all = question.grain or not (question.by or question.filters)
    if question.metric in _AVERAGES and of_all and not _has(DIMENSIONS["tenant"], of.masked):
        yield "it does not say over what the average is"
    if of.as_ratio and question.metric not in _RATIOS:
        yield "no tool puts these figures in proportion"
    if of.share and not (question.by or of.changed or question.metric in _RATIOS):
        yield "it does not say which part of what"


def _of_other_names(of: Reading, question: Question) -> Iterator[str]:
    """Names that others are measured by, or that only some have to do with."""
    named = {f.dimension: f.values for f in question.filters if not f.without}
    kept = {question.by, *(f.dimension for f in question.filters)}
    if question.metric != "adoption" and any(entity.dimension not in kept for entity in of.entities):
        yield "a name would be left out"
    several = {name for name, values in named.items() if len(values) > 1}
    for name in _THAN.findall(of.masked):
        if name not in several or question.by not in {name, None} or question.metric == "change":
            yield "names are not looked for by how they compare with another"
    left_out = {f.dimension for f in question.filters if f.without}
    if question.by and question.by not in named and left_out & {*named}:
        yield "what has to do with one and not with another is not looked for"
    if _BOTH.search(of.masked) and any(question.by not in {name, None} for name in several):
        yield "what has to do with each of them is not looked for"
    if question.by and _ONLY.search(of.masked):
        yield "what has to do with nothing else is not looked for"
    if _BUT.search(of.masked) and not any(f.without for f in question.filters):
        yield "it does not say whether that is left out"
    if of.share and len(named) > 1 and question.by not in named:
        yield "it does not say which part of what"


def _of_other_times(of: Reading, question: Question, *, follows: bool) -> Iterator[str]:
    """Times that the question is not of."""
    text, other = question.asked.lower(), question.compare_to
    if question.metric in FORECASTS and of.when.named and not of.when.ahead:
        yield "forecasts are of months to come"
    if of.ahead and not (follows or question.metric in FORECASTS):
        yield "forecasts are of cost, revenue and margin"
    if question.metric in FORECASTS and of.changed:
        yield "forecasts are not compared"
    if of.when.after and not follows:
        yield "it does not say after what"
    if follows and other and other.start >= question.window.end and _LAST.search(text):
        yield "that is after what it is compared with"
    if _EVERY_OTHER.search(text) or _EACH_BUT.search(str(of.words)):
        yield "figures are of one time after another, not of every so many"
    if _BY_THEN.search(text) and question.metric not in FORECASTS:
        yield "it does not say from when to then"


def _not_taken(of: Reading, questions: Sequence[Question]) -> Iterator[str]:
    """Words of weight that no slot took."""
    rest = re.sub(rf"(?<!\S){_IDIOMS}(?!\S)", "", str(of.words))
    metrics = {question.metric for question in questions}
    explained = of.why or of.breakdown or bool({"change", "explain"} & metrics)
    if not (explained or any(q.by for q in questions)) and _has(_CAUSES, rest):
        yield "it does not say what is to be explained"
    if not (explained or any(q.compare_to for q in questions)) and _has("up|down", rest):
        yield "it does not say since when it went up or down"
    if not any(q.by for q in questions) and _has(r"\$\w+ each$", rest):
        yield "it does not say each of what"
    if not metrics & {*FORECASTS, "list_cost", "contracted_cost"} and _has(_SUPPOSED, rest):
        yield "what would be is told by forecasts alone"
    yield from (reason for pattern, reason in _LEFT if _has(pattern, rest))
    for name in {*of.metrics} - metrics - {held for metric in metrics for held in _HELD.get(metric, ())}:
        yield f"{' and '.join(ROWS[metric].title for metric in sorted(metrics))} says nothing of {ROWS[name].title}"
    compared = any(q.compare_to or any(len(f.values) > 1 for f in q.filters) for q in questions)
    if not compared and _has(r"(?:more|less|fewer|better|worse) [$@]\w+", rest):
        yield "it does not say than what"
    yield from _not_two(of, questions, rest)
    if {"usage", "requests", "adoption"} & metrics and _has("may|allowed|permitted", rest):
        yield "it does not say whether use or leave to use is meant"
    if metrics != {"adoption"}:
        yield from (reason for pattern, reason in _SAID if _has(pattern, of.masked))
    if {*of.metrics} - metrics and len(of.metrics) > 1 and _has(_CLAUSE, rest):
        yield "it asks for several things"


def _not_two(of: Reading, questions: Sequence[Question], rest: str) -> Iterator[str]:
    """Comparisons of one thing, and figures that are each of names of their own."""
    metrics = {question.metric for question in questions}
    if len({*questions}) < len(questions):
        yield "it asks for one thing twice"
    two = (
        len(questions) > 1 or of.when.compares or any(len(f.values) > 1 for q in questions for f in q.filters)
    )
    listed = any(ROWS[metric].tool != "totals" for metric in metrics)
    if not (two or listed) and _has("(?:differences?|gap|delta) between", of.masked):
        yield "it does not say between what and what"
    if not (two or listed or any(q.by or q.grain for q in questions)) and _has(_COMPARED, of.masked):
        yield "it does not say what is compared"
    if (len(metrics) > 1 and _EACH_OF_ITS_OWN.search(rest)) or _BY_TURNS.search(rest):
        yield "it asks for different things of different names"


def _has(pattern: str, text: str) -> bool:
    return re.search(rf"(?<!\S)(?:{pattern})(?!\S)", text) is not None
