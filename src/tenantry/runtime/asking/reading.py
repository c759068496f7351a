"""What the words of one text say, slot by slot; nothing is decided here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date

from .claims import folded
from .entities import Entity, Mark, Names, quoted
from .lexicon import (
    ACTS,
    AHEAD,
    AMBIGUOUS,
    BREAKDOWN,
    CORE,
    CUT,
    DIMENSIONS,
    FILLERS,
    FOREIGN,
    LARGEST,
    METRICS,
    NEGATION,
    NOT_ACTS,
    PRICED,
    PROFITED,
    SMALLEST,
    vocabulary_words,
)
from .question import Filter, Order, Vocabulary
from .when import NUMBER, Calendar, When, number_of
from .words import TAKEN, Words, corrected, words_of

_COMMON = vocabulary_words()
_TIMES = frozenset(
    """january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov
    dec day days week weeks month months quarter quarters year years last past previous prior trailing recent latest preceding this current
    first second third fourth half ytd mtd qtd yoy mom qoq since until till between before after yesterday today daily weekly monthly quarterly
    yearly annually earlier ago same over history trend trends trending time one two three four five six seven eight nine ten eleven twelve
    thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty""".split()
)
_ANY_DIMENSION = "|".join(f"(?P<{name}>{words})" for name, words in DIMENSIONS.items())
_SUPERLATIVE = f"{LARGEST}|{SMALLEST}"
_POLITE = r"(?:please|can you|could you|would you|will you|i want you to|i want to|i would like to|i need you to|let us|lets|go and|now|then|and|just) "
_FOLLOWS = (
    r"^(?:and|what about|how about|what of|same|the same|only|just|but|also|now|instead|or|then|as|ok|okay|for|in|on|by|per|split by|broken down by|top|without|"
    r"not|no|excluding|except|compared?|vs|versus|against|why|how come|since|from|monthly|daily|weekly|quarterly|yearly|make it|with|show (?:it|that|them|this)|those|that|it)(?!\S)"
)


@dataclass
class Reading:
    """The slots that a text fills. `metrics` in the order they are said; `unknown` are words with a meaning nobody knows."""

    words: Words
    when: When
    entities: list[Entity] = field(default_factory=list[Entity])
    filters: list[Filter] = field(default_factory=list[Filter])
    metrics: list[str] = field(default_factory=list[str])
    joined: bool = False
    by: str | None = None
    top: int | None = None
    order: Order | None = None
    why: bool = False
    changed: bool = False
    share: bool = False
    follows: bool = False
    act: str = ""
    unknown: list[str] = field(default_factory=list[str])
    foreign: list[str] = field(default_factory=list[str])
    unknown_names: list[str] = field(default_factory=list[str])
    mended: dict[str, str] = field(default_factory=dict[str, str])
    masked: str = ""
    ambiguous: tuple[tuple[str, str | None], ...] = ()
    breakdown: bool = False
    ahead: bool = False

    @property
    def slots(self) -> bool:
        """Whether it says anything but a metric."""
        return bool(
            self.filters
            or self.by
            or self.top
            or self.order
            or self.when.named
            or self.when.grain
            or self.when.compares
        )

    @property
    def unsure(self) -> Entity | None:
        """A name that may mean several things, or of which only a part was said."""
        return next((e for e in self.entities if not e.whole or len(e.values) > 1), None)


def read(text: str, vocabulary: Vocabulary, names: Names, now: date) -> Reading:
    """Read a text; of its quoted parts only names count."""
    plain = folded(text)
    said: list[Entity] = []
    unknown_names: list[str] = []
    for part, entity in quoted(plain, vocabulary):
        plain = plain.replace(part, " § ")
        if entity is None:
            unknown_names.append(part.strip('"“”'))
        else:
            said.append(entity)
    known = _COMMON | _TIMES | names.words
    mendable = _COMMON | _TIMES | names.whole
    tokens = words_of(plain.replace("§", " quotedname "))
    fixed, mended = corrected(tokens, {*known, "quotedname"}, mendable, CORE)
    words = Words(fixed)
    for entity in said if not unknown_names else []:
        words.words[words.words.index("quotedname")] = Mark(entity)
    words.take("quotedname")
    act = _act(words)
    follows = bool(re.search(_FOLLOWS, str(words)))
    entities = [*said, *names.take(words, _COMMON | _TIMES)]
    top = words.take(rf"(?P<way>top|bottom) (?P<n>{NUMBER})(?! (?:days?|weeks?|months?|quarters?|years?))")
    when = Calendar(vocabulary.span, now).read(words)  # `top 10, september` is no tenth of September
    reading = Reading(words, when, entities, follows=follows, act=act, masked=str(words))
    if top:
        reading.top, reading.order = number_of(top["n"]), "asc" if top["way"] == "bottom" else None
    reading.mended, reading.unknown_names = mended, unknown_names
    _read_slots(reading, vocabulary)
    return reading


def _act(words: Words) -> str:
    """The verb of a deed that the text begins with, or asks for anywhere after `please`."""
    text = re.sub(rf"^(?:{_POLITE})*", "", str(words))
    if re.match(rf"(?:{NOT_ACTS})(?!\S)", text):
        return ""
    found = re.match(rf"({ACTS})(?!\S)", text)
    return found[1] if found else ""


def _read_slots(reading: Reading, vocabulary: Vocabulary) -> None:
    words = reading.words
    reading.filters = _filters(words)
    reading.share = words.has("shares?|percent(?:age)?|proportion|fraction|which part|what part")
    if "forecast_cost" in vocabulary.metrics and not words.has(
        "how (?:good|accurate|reliable|right) .*forecasts?|forecast (?:accuracy|errors?|quality)|(?:accuracy|error) of .*"
    ):
        reading.ahead = words.take(AHEAD) is not None or reading.when.ahead
    reading.ambiguous = next((meant for pattern, meant in AMBIGUOUS if words.take(pattern)), ())
    reading.metrics = _metrics(words, vocabulary)
    reading.breakdown = words.take(BREAKDOWN) is not None
    reading.joined = bool(
        re.search(
            r"\$\w+(?:,| and| vs| versus| plus| against| with| or| as well as) (?:the |our |also )*(?:total )?\$\w+",
            str(words),
        )
    )
    reading.why = bool(words.take(r"and why|why|how come|for what reasons?"))
    reading.changed = bool(
        words.take(
            r"changes?|changed|differ(?:ed|ence|s)?|growth|grew|grow|grown|increase[ds]?|decrease[ds]?|rise|rose|fall|fell|delta|jump(?:ed)?"
        )
    )
    _read_rank(reading)
    reading.by = reading.by or _cut(words)
    if not reading.metrics and (priced := words.take(PROFITED) or words.take(PRICED)):
        reading.metrics = ["margin"] if re.fullmatch(PROFITED, priced.group()) else ["cost"]
    rest = words.left(
        FILLERS | {TAKEN} | {w for pattern in DIMENSIONS.values() for w in re.findall("[a-z]+", pattern)}
    )
    rest = [word for word in rest if not re.fullmatch(rf"{_SUPERLATIVE}|{NEGATION}", word)]
    reading.foreign = [word for word in rest if word in FOREIGN]
    reading.unknown = [word for word in rest if word not in FOREIGN]


def _filters(words: Words) -> list[Filter]:
    """Of whom: the named values by dimension; those after a word of negation are left out."""
    only: dict[str, list[str]] = {}
    without: dict[str, list[str]] = {}
    negated = False
    for place, word in enumerate(words.words):
        if not isinstance(word, Mark):
            continue
        before = words.words[:place]
        joined = (
            bool(before)
            and len(before) > 1
            and before[-1] in {"and", "or", "nor"}
            and isinstance(before[-2], Mark)
        )
        lead = re.sub(
            r"(?: (?:the|any|all|those|in|on|of|for|from|at|with|our|is|tenants?|customers?|tier|service|feature))+$",
            "",
            " " + " ".join(before),
        )
        negated = negated if joined else bool(re.search(rf"(?<!\S)(?:{NEGATION})$", lead))
        (without if negated else only).setdefault(word.entity.dimension, []).extend(word.entity.values[:1])
    words.take(rf"(?:{NEGATION})(?= )", "@not")
    return [
        Filter(dimension, tuple(dict.fromkeys(values)), left_out)
        for some, left_out in ((only, False), (without, True))
        for dimension, values in some.items()
    ]


def _metrics(words: Words, vocabulary: Vocabulary) -> list[str]:
    """The metrics that the words name, in their order; of matches that overlap the longest."""
    places: list[tuple[int, str]] = []
    while True:
        found = [
            (len(match.group()), -match.start(), metric.name, pattern)
            for metric in METRICS
            if metric.name in vocabulary.metrics
            for pattern in metric.patterns
            for match in [words.find(pattern)]
            if match
        ]
        if not found:
            return list(dict.fromkeys(name for _, name in sorted(places)))
        _, place, name, pattern = max(found)
        words.take(pattern, f"${name}")
        places.append((-place, name))


def _read_rank(reading: Reading) -> None:
    """How many, and which end first."""
    words, dimension = reading.words, "|".join(DIMENSIONS.values())
    one = r"(?:tenant|customer|client|account|tier|plan|service|feature|meter|spender)"
    for pattern in (
        rf"(?P<way>top|bottom|first|worst|best|{_SUPERLATIVE}) (?P<n>{NUMBER})",
        rf"(?P<n>{NUMBER}) (?:of (?:the|our) )?(?P<way>{_SUPERLATIVE})",
        rf"(?:which|what|the) (?P<n>{NUMBER})(?= (?:{dimension}))",
        rf"(?P<n>{NUMBER}) (?=(?:{dimension}))",
    ):
        if reading.top is None and (found := words.take(pattern)):
            reading.top = number_of(found["n"])
            way = found.groupdict().get("way") or ""
            reading.order = "asc" if re.fullmatch(SMALLEST, way) else reading.order
            if re.fullmatch(PRICED, way) and not reading.metrics:
                reading.metrics = ["cost"]
            break
    if (
        found := words.take(
            rf"(?:the |our )?(?P<way>{_SUPERLATIVE}) (?:(?:tier|\$\w+|margin) )?(?P<what>{one}s?)"
        )
    ) and (name := _dimension(found["what"])):
        reading.by = name
        reading.top = reading.top or (None if found["what"].endswith("s") else 1)
        _read_way(reading, found["way"])
    if (
        found := words.take(rf"(?:which|what|whose) (?P<what>{one})(?= .*(?<!\S)(?:{_SUPERLATIVE})(?!\S))")
    ) and (name := _dimension(found["what"])):
        reading.by, reading.top = name, reading.top or 1
    if not reading.order and (found := words.take(rf"(?:the )?(?P<way>{_SUPERLATIVE})(?: first)?")):
        _read_way(reading, found["way"])
        words.take("first")


def _read_way(reading: Reading, way: str) -> None:
    if re.fullmatch(SMALLEST, way) or way == "least profitable":
        reading.order = "asc"
    else:
        reading.order = reading.order or "desc"
    if not reading.metrics:
        reading.metrics = (
            ["margin"] if re.fullmatch(PROFITED, way) else ["cost"] if re.fullmatch(PRICED, way) else []
        )


def _cut(words: Words) -> str | None:
    """The dimension that figures are to be cut by."""
    for pattern in (
        rf"(?:{CUT}) (?:{_ANY_DIMENSION})",
        rf"(?:which|what|whose|top|list of|list|all|both|these|those|our|every|each|the|{TAKEN}) (?:@tier |@plan |of the |of our |our |the |other )*(?:{_ANY_DIMENSION})(?<!service level)",
        r"(?P<tenant>who|whom|whose|customers?|tenants?|accounts?|spenders?|clients?)",
        r"(?P<service>services)|(?P<feature>features)|(?P<tier>tiers)|(?P<plan>plans)|(?P<meter>meters)",
    ):
        for found in re.finditer(rf"(?<!\S)(?:{pattern})(?!\S)", str(words)):
            name = next(name for name in DIMENSIONS if found.groupdict().get(name))
            cue = found.group().split()[0]
            text = found[name]
            if cue in {"the", "our", "all", "these", "those", TAKEN, "both"} and not text.endswith("s"):
                continue
            if _belongs(str(words), found, name):
                continue
            return name
    return None


def _belongs(text: str, found: re.Match[str], name: str) -> bool:
    """Whether the word only says what a name before or after it is: `the enterprise tier`, `pro customers`."""
    before, after = text[: found.start(name)].rstrip(), text[found.end(name) :].lstrip()
    same = before.endswith(f"@{name}") or after.startswith(f"@{name}")
    people = (
        name == "tenant"
        and re.search(r"@(?:tier|plan)$", before)
        and not re.search(r"(?:which|what|top|by|per|each|every|list|\d|·)(?: \S+)? @(?:tier|plan)$", before)
    )
    return bool(same or people)


def _dimension(word: str) -> str | None:
    return next((name for name, pattern in DIMENSIONS.items() if re.fullmatch(pattern, word)), None)
