"""What the words of one text say, slot by slot; nothing is decided here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date

from .claims import folded
from .entities import Entity, Mark, Names, quoted
from .gists import gist_patterns, take_alone, take_gists
from .lexicon import (
    AHEAD,
    AMBIGUOUS,
    AT_PRESENT,
    BREAKDOWN,
    CORE,
    CUT,
    DIMENSIONS,
    FILLERS,
    IN_PASSING,
    JUDGED,
    LARGEST,
    LEFT_OUT,
    METRICS,
    NEGATION,
    PRICED,
    PROFITED,
    SMALLEST,
    TOGETHER,
    WEIGHTY,
    dimension_words,
    spelt,
    vocabulary_words,
)
from .outside import ACTS, ASIDE, CURRENCY, FOREIGN, NO_SLIPS, NOT_ACTS, OTHERS, SUPPOSED
from .question import Filter, Order, Vocabulary
from .when import NUMBER, Calendar, When, number_of
from .words import TAKEN, Words, corrected, words_of

_MEANT = vocabulary_words()
_IN_GISTS = spelt(gist_patterns())
_LONG = 8
"""Letters of a word that is hardly another with a slip in it."""
_COMMON = _MEANT | FILLERS | WEIGHTY
_COMMON_ALONE = FILLERS | dimension_words()
_TIMES = frozenset(
    """january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov
    dec day days week weeks month months quarter quarters year years last past previous prior trailing recent latest preceding this current
    first second third fourth half ytd mtd qtd yoy mom qoq since until till between before after yesterday today daily weekly monthly quarterly
    yearly annually earlier ago same over history trend trends trending time one two three four five six seven eight nine ten eleven twelve
    thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty""".split()
)
_ANY_DIMENSION = "|".join(f"(?P<{name}>{words})" for name, words in DIMENSIONS.items())
_SUPERLATIVE = f"{LARGEST}|{SMALLEST}"
_SHARE = "shares?|portions?|percent(?:age)?|proportion|fraction"
_MORE = "more|less|better|worse"
_WEIGHING = WEIGHTY | {*f"{_SUPERLATIVE}|{NEGATION}".split("|")} - FILLERS
_PERIODS = "(?:days?|weeks?|months?|quarters?|years?)"
_BEFORE_NAMES = r"aws|amazon|the|any|all|those|in|on|of|for|from|at|with|our|its|their|his|is|tenants?|customers?|tier|service|feature"
_DETERMINERS = "(?:the|our|aws|amazon|any|all)"
_JOINED = (
    rf"(?<!\S)@\w+(?: (?:tiers?|plans?|services?|features?))? (?:and|or|nor)(?: (?:also|{_DETERMINERS}))*$"
)
"""What stands before a name that goes with the one before it."""
_ALL_BUT = (
    rf"(?:all|every|each|any|no)(?: of)?(?: the| our)? (?:{'|'.join(DIMENSIONS.values())}) (?:but|save)"
)
_SIDE_BY_SIDE = r"@(tenant|tier|plan|service|feature|meter) (?:and|or|nor|vs|versus|plus) (?:the |our |all )*@(tenant|tier|plan|service|feature|meter)(?!\S)"
_PROPORTION = r"\$(\w+) (?:per|divided by|for each|for every|@minus|times|relative to|to) (?:(?:the|each|every|an?|single|dollar|of) )*\$(\w+)"
_POLITE = (
    r"(?:hmm+|um|uh|right|look|listen|ok|okay|so|well|great|thanks|alright|hey|hi|hello|please|kindly|go ahead and|go and|now|then|and|also|just|first|immediately"
    r"|quickly|quick|urgent|let us|lets|help (?:me|us)(?: to)?|how to"
    r"|(?:can|could|should|shall|must|need|have|want)(?: (?:you|we|i|somebody|someone|anybody|anyone))?|(?:would|will) you"
    r"|(?:you|we|i|somebody|someone) (?:can|could|should|shall|must)|(?:you|we|i) (?:would like|want|need|have)(?: you| somebody| someone)? to"
    r"|how (?:can|could|do|should|would) (?:i|we|you|one)) "
)
_HYPHENED = r"(?:^|(?:of|for|from|at|by|did|does|do|has|have|is|was|with|and|or|to|on|vs|than|tenant|customer|about) )([a-z]+(?:-[a-z]+)+)"
"""What may be a name: one that is not there is refused."""
_OWNER = "([A-Z][a-z]+)['\N{RIGHT SINGLE QUOTATION MARK}]s "
"""The same, of whom something is."""
_THEY, _SOMEBODY = (
    "they|them|their|theirs",
    "|".join([*DIMENSIONS.values(), "people|someone|somebody|anyone|anybody"]),
)
"""A word for whom the question before named, unless this one names some."""
MOVED = (
    r"changes?|changed|differ(?:ed|ence|ent|s)?|growth|grew|grow|grown|increase[ds]?|decrease[ds]?|rise|rose|fall|fell|delta|jump(?:ed)?"
    r"|(?:go|goes|gone|went|going|gone) (?:up|down)|climb(?:s|ed)?|moved|shifted|(?<=\S )drop(?:s|ped)?"
)
"""Words of figures that moved."""
_WHY = r"and why|(?:with|and) (?:the |their )?reasons?$|and the reasons?(?: for (?:it|that))?$|why|how come|how is it(?: possible)? that|for what reasons?|(?:what (?:is|was|are|were) )?the (?:\w+ )?(?:reasons?|causes?)(?: for| of| behind)?|(?:what|who) caused|(?:what|who) (?:drove|(?:is|was|lies) behind|explains) (?:it|that|this)$"
_DEARER = "more expensive|dearer|pricier|costlier|cheaper|less expensive"
_MADE_MOVE = (
    "(?:what|who)(?: has| have)? (?:inflated|lifted|raised|boosted|bloated|reduced|lowered|depressed)"
)
_HIGHER = "higher|lower|rising|growing|increasing|climbing|falling"
_CAUSES = (
    "(?:what|who|which things?) (?:(?:is|was|are|were|lies|lay|has|have) )?(?:drives|drove|driven|driving|causes|caused|causing|behind|explains|explained|accounts? for|accounted for|responsible for"
    "|contribut(?:es|ed|ing) to|led to|leads to|made|makes|push(?:es|ed|ing))|(?:the )?(?:story|reasons?|logic|causes?) (?:behind|of|for)|account for|where (?:does|did|do)(?= .* come from)|how (?:do|can|would) (?:you|we) explain"
)
"""Words that ask for a cause, of what moved; of the rest they ask what it is made of."""
_FOLLOWS = (
    r"^(?:(?:hmm+|do|please|leave|make|take) )*(?:likewise|ditto|same cut|leave (?:me|us)|take|make it|put (?:\S+ ){1,6}in (?:its|their) place|swap in|and|what about|how about|what of|same|the same|only|just|but|also|now|instead|or|then|as|ok|okay|for|in|on|by|per|split by|broken down by|(?:sort|order|rank)(?:ed)? (?:it|that|this|them|by)|top|without|"
    r"not|no|excluding|except|compared?|vs|versus|against|why|how come|since|from|monthly|daily|weekly|quarterly|yearly|with|show (?:it|that|them|this)|those|that|it)(?!\S)"
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
    judged: bool = False
    """It ranks by good and bad, not by more and less."""
    why: bool = False
    changed: bool = False
    share: bool = False
    follows: bool = False
    theirs: bool = False
    """It says `they` of whom the question before names."""
    act: str = ""
    unknown: list[str] = field(default_factory=list[str])
    foreign: list[str] = field(default_factory=list[str])
    weighty: list[str] = field(default_factory=list[str])
    """Words that would change what is asked, had a slot taken them."""
    unknown_names: list[str] = field(default_factory=list[str])
    mended: dict[str, str] = field(default_factory=dict[str, str])
    masked: str = ""
    ambiguous: tuple[tuple[str, str | None], ...] = ()
    breakdown: bool = False
    ahead: bool = False
    mixed: bool = False
    """Names of different kinds joined by `and`: neither both at once nor one of them."""
    negated: bool = False
    """Something is denied that is no name."""
    ratio: bool = False
    """One figure in proportion to another."""
    as_ratio: bool = False
    as_amount: bool = False
    """In money or a count, not as a ratio."""
    together: bool = False
    ranks_periods: bool = False
    """It asks which day, month or year had most."""
    cuts: tuple[str, ...] = ()
    all_of: str | None = None
    currency: str = ""

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
            or self.when.after
        )

    @property
    def says_something(self) -> bool:
        """Whether it names a figure, or anything that one may be asked of."""
        return bool(
            self.metrics
            or self.slots
            or self.why
            or self.ambiguous
            or self.ahead
            or self.as_ratio
            or self.as_amount
            or self.changed
        )

    @property
    def points_back(self) -> bool:
        """Whether it speaks of what was said before."""
        return self.words.has("it|that|this|those|these|instead|again")

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
    known = _COMMON | _TIMES | NO_SLIPS | _IN_GISTS | names.words
    mendable = _MEANT | _TIMES | names.whole | {word for word in _IN_GISTS if len(word) >= _LONG}
    tokens = words_of(plain.replace("§", " quotedname "))
    fixed, mended = corrected(tokens, {*known, "quotedname"}, mendable, CORE | _TIMES, names.pairs)
    words = Words(fixed)
    for entity in said if not unknown_names else []:
        words.words[words.words.index("quotedname")] = Mark(entity)
    words.take("quotedname")
    follows = bool(re.search(_FOLLOWS, str(words)))
    entities = [*said, *names.take(words, _COMMON | _TIMES)]
    act = _act(words)
    words.take(r"^(?:put(?= .* in (?:its|their) place)|swap in)", "now")  # said of the question before
    words.take(r"^(?:set|put|hold|place|lay)(?= .*(?:against|beside|next to|alongside|side by side))")
    words.take(r"change (?:it |that |this |the \w+ )?(?:in)?to")  # of the question before: no figure changed
    top = words.take(
        rf"(?P<way>top|bottom) (?P<n>{NUMBER})(?! (?:percent|days?|weeks?|months?|quarters?|years?))"
    )
    when = Calendar(vocabulary.span, now).read(words)  # `top 10, september` is no tenth of September
    theirs = not entities and words.has(rf"{_THEY}|then$") and not words.has(_SOMEBODY)
    reading = Reading(
        words, when, entities, follows=follows or theirs, theirs=theirs, act=act, masked=str(words)
    )
    if top:
        reading.top, reading.order = number_of(top["n"]), "asc" if top["way"] == "bottom" else None
    reading.mended, reading.unknown_names = mended, unknown_names
    _read_slots(reading, vocabulary)
    strange = {*reading.unknown}
    reading.unknown_names += [
        name for name in re.findall(_HYPHENED, plain.lower()) if {*name.split("-")} <= strange
    ]
    reading.unknown_names += [name for name in re.findall(_OWNER, plain) if name.lower() in strange]
    return reading


def _act(words: Words) -> str:
    """The verb of a deed that the text begins with, however politely."""
    text = re.sub(rf"^(?:{_POLITE})*", "", str(words))
    if re.match(rf"(?:{NOT_ACTS})(?!\S)", text):
        return ""
    found = re.match(rf"({ACTS})(?!\S)", text)
    return found[1].split()[0] if found else ""


def _read_slots(reading: Reading, vocabulary: Vocabulary) -> None:
    words = reading.words
    if currency := words.take(CURRENCY):
        reading.currency = currency["currency"]
    reading.mixed = any(one != other for one, other in re.findall(_SIDE_BY_SIDE, str(words)))
    reading.filters = _filters(words)
    _read_figures(reading, vocabulary)
    reading.ranks_periods = words.has(
        rf"(?:which|what) {_PERIODS}(?!\S).*(?:{_SUPERLATIVE})|(?:{_SUPERLATIVE}) (?:\$\w+ )?{_PERIODS}"
    )
    if words.has(r"\$\w+ (?:rank|position)|(?:rank|position|place) of @\w+"):
        reading.unknown.append("rank")
    reading.share = words.has(f"{_SHARE}|which part|what part")
    reading.negated = words.has(rf"@not(?! (?:(?:{_BEFORE_NAMES}) )*@)")
    reading.ratio = "certificate" not in reading.metrics and (
        words.has(r"^(?:and )?(?:per|divided by|for each) \$\w+$")
        or any(one != other for one, other in re.findall(_PROPORTION, str(words)))
    )
    reading.as_ratio = (
        words.take(
            "(?:as|in|by|(?:make|turn) (?:it|that|them|those)(?: into)?) (?:an? )?(?:rate|ratio|percent(?:age)?)|^(?:(?:and|what about|how about|the) )*(?:rate|ratio|percent(?:age)?)$"
        )
        is not None
    )
    reading.as_amount = (
        words.take(
            "(?:in|as) (?:plain |a plain )?(?:dollars|money|absolute (?:terms|numbers|figures|amounts))"
            r"|as (?:an? )?(?:(?:plain|raw|simple|absolute) )?(?:counts?|numbers?)(?: of)?(?: \$errors)?"
        )
        is not None
    )
    reading.together = words.take(TOGETHER) is not None
    if every := words.find(rf"(?:all|every|each)(?: of)?(?: the| our)? (?:{_ANY_DIMENSION})"):
        reading.all_of = next((name for name in DIMENSIONS if every.groupdict().get(name)), None)
    _read_causes(reading)
    reading.joined = bool(
        re.search(
            r"\$\w+(?:,| and| vs| versus| plus| against| with| or| as well as) (?:· |the |our |also |number of |how many |what |which |total |@\w+ )*\$\w+",
            str(words),
        )
    )
    _read_movement(reading)
    while found := words.take(rf"(?:of )?at (?:least|most|best|worst)(?: (?:{NUMBER}))?"):
        reading.unknown.append(found.group())
    _read_rank(reading)
    reading.cuts = _cut_twice(words)
    reading.by = reading.by or _cut(words)
    if reading.metrics == ["tenants"] and re.search(
        r"(?<!\S)(?:list|names?|show|who|which)(?!\S)", reading.masked
    ):
        reading.by = reading.by or "tenant"
    if not reading.metrics and (priced := words.take(PROFITED) or words.take(PRICED)):
        reading.metrics = ["margin"] if re.fullmatch(PROFITED, priced.group()) else ["cost"]
    reading.weighty = _weighty(reading)
    rest = words.left(_COMMON_ALONE)
    foreign = FOREIGN - ASIDE if reading.metrics else FOREIGN
    reading.foreign += [word for word in rest if word in foreign]
    reading.unknown += [word for word in rest if word not in foreign | _WEIGHING]


def _read_figures(reading: Reading, vocabulary: Vocabulary) -> None:
    """The figures, and what is no figure that anybody here knows."""
    words = reading.words
    take_gists(words, vocabulary.metrics)
    reading.foreign += [found.group() for pattern in (SUPPOSED, OTHERS) if (found := words.take(pattern))]
    if "forecast_cost" in vocabulary.metrics and not words.has(
        r"\$forecast_accuracy|back ?test(?:s|ed|ing)?"
    ):
        reading.ahead = reading.when.ahead
        while words.take(AHEAD):
            reading.ahead = True
    reading.ambiguous = next((meant for pattern, meant in AMBIGUOUS if words.take(pattern)), ())
    reading.metrics = _metrics(words, vocabulary)
    if not (reading.metrics or reading.ambiguous or reading.filters or reading.when.compares):
        reading.metrics = take_alone(words, vocabulary.metrics, _COMMON_ALONE)
    if words.has(r"\$tenants (?:(?:sorted|ranked|ordered) )?(?:by|with) (?:the |their )?\$\w+"):
        reading.metrics, reading.by = reading.metrics[1:], "tenant"  # `a list of customers by revenue`


def _read_causes(reading: Reading) -> None:
    """Whether a reason is asked for, of what moved in other words, too; or what something is made of."""
    words, told = reading.words, {"change", "explain"} & {*reading.metrics}
    reading.why = words.take(_WHY) is not None
    if not told and words.take(_MADE_MOVE, "changed"):
        reading.why = True
    if not told and words.has(rf"{MOVED}|{_DEARER}|{_HIGHER}|up|down"):
        reading.why = words.take(_CAUSES) is not None or reading.why
    if reading.why:
        words.take("up|down")
    reading.breakdown = words.take(BREAKDOWN) is not None


def _read_movement(reading: Reading) -> None:
    """Whether the figures moved, and what got dearer."""
    words = reading.words
    told_why = reading.why or "explain" in reading.metrics
    moved = words.take(
        rf"{MOVED}"
        rf"|(?:get|gets|got|gotten|getting|become|became|becoming|been getting) (?:any |much |a lot |a bit )?(?P<dear>{_DEARER})"
        + (
            rf"|(?:(?:is|was|were|are|so|much) )*(?P<so_dear>{_DEARER})|{_HIGHER}|more|(?:so|this|that) much"
            if told_why
            else ""
        )
    )
    reading.changed = moved is not None
    apart = any(len(f.values) > 1 for f in reading.filters) or len(reading.metrics) > 1
    if moved and (apart or _cut(words)) and re.fullmatch("differ.*", moved.group()):  # of one from another
        reading.changed = False
    if moved and {moved.groupdict().get(name) for name in ("dear", "so_dear")} != {None}:
        reading.metrics = reading.metrics or ["cost"]
        reading.order = "desc" if words.has("which|what|who|whose") else None  # by how it changed


def _weighty(reading: Reading) -> list[str]:
    """Words that nothing took, and without which another question is asked."""
    words, when = reading.words, reading.when
    while words.take(IN_PASSING):
        pass
    words.take(
        r"^(?:and )?(?:now|(?:do )?likewise|(?:(?:do|show|give me|repeat) )?(?:the )?same(?: cut)?(?: again)?(?= (?:for|with|by|of|in|but|·|@\w+)(?!\S)|$))"
    )
    if not when.named:
        words.take(AT_PRESENT)
    if reading.changed:
        words.take("(?:or|and) (?:up|down)")
    several = any(len(f.values) > 1 for f in reading.filters)
    told = [
        *([_SHARE] if reading.share else []),
        *(["part"] if words.has("(?:which|what) part") else []),
        *([_MORE] if reading.changed or when.compares or several else []),
    ]
    return [
        word
        for word in words.words
        if word in _WEIGHING and not any(re.fullmatch(pattern, word) for pattern in told)
    ]


def _filters(words: Words) -> list[Filter]:
    """Of whom: the named values by dimension; those after a word of negation are left out."""
    only: dict[str, list[str]] = {}
    without: dict[str, list[str]] = {}
    negated = False
    for place, word in enumerate(words.words):
        if not isinstance(word, Mark):
            continue
        all_before = " ".join(words.words[:place])
        joined = re.search(_JOINED, all_before) or re.search(
            rf"(?<!\S){word}(?: {_DETERMINERS})*$", all_before
        )
        lead = re.sub(rf"(?: (?:{_BEFORE_NAMES}))+$", "", f" {all_before}")
        without_it = rf"(?<!\S)(?:{NEGATION})$"
        negated = (
            negated if joined else bool(re.search(without_it, lead) or re.search(without_it, all_before))
        )
        negated = negated or bool(re.search(rf"(?<!\S)(?:{_ALL_BUT})$", lead))
        negated = negated or bool(
            re.match(
                rf"(?:(?:and |or )?(?:{_DETERMINERS} )*{word} )*(?:{LEFT_OUT})(?!\S)",
                " ".join(words.words[place + 1 :]),
            )
        )
        (without if negated else only).setdefault(word.entity.dimension, []).extend(word.entity.values[:1])
    if without:
        words.take(LEFT_OUT)
    # Of figures: nothing is left out.
    while words.take("minus(?= (?:(?:the|our|its|their|all) )*[^@·])", "@minus"):
        pass
    while words.take(rf"(?:{NEGATION})(?= )", "@not"):
        pass
    return [
        Filter(dimension, tuple(dict.fromkeys(values)), left_out)
        for some, left_out in ((only, False), (without, True))
        for dimension, values in some.items()
    ]


def _metrics(words: Words, vocabulary: Vocabulary) -> list[str]:
    """The metrics that the words name, in their order; of matches that overlap the longest."""
    while True:
        found = [
            (len(match.group()), -match.start(), metric.name, pattern)
            for metric in METRICS
            if metric.name in vocabulary.metrics
            for pattern in metric.patterns
            if words.may_have(pattern)
            for match in [words.find(pattern)]
            if match
        ]
        if not found:
            return list(dict.fromkeys(re.findall(r"\$(\w+)", str(words))))
        *_, name, pattern = max(found)
        words.take(pattern, f"${name}")


def _read_rank(reading: Reading) -> None:
    """How many, and which end first."""
    words, dimension = reading.words, "|".join(DIMENSIONS.values())
    one = r"(?:tenant|customer|client|account|tier|plan|service|feature|meter|spender)"
    for pattern in (
        rf"(?P<way>top|bottom|first|worst|best|{_SUPERLATIVE}) (?P<n>{NUMBER})(?! (?:percent|days?|weeks?|months?|quarters?|years?))",
        rf"(?P<n>{NUMBER}) (?:of (?:the|our) )?(?P<way>{_SUPERLATIVE})",
        rf"(?:which|what|the) (?P<n>{NUMBER})(?= (?:{dimension}))",
        rf"the (?P<n>{NUMBER}) (?:that|who|which|\$revenue)(?= .*(?<!\S)(?:{_SUPERLATIVE})(?!\S))",
        rf"^make (?:it|that) (?P<n>{NUMBER})$",
        rf"^(?:show |give me )?(?P<n>{NUMBER}) (?:instead of|rather than|@not) (?:{NUMBER})$",
        rf"(?P<n>{NUMBER})(?= (?:@\w+ )?(?:{dimension}) .*(?<!\S)(?:{_SUPERLATIVE})(?!\S))",
    ):
        if reading.top is None and (found := words.take(pattern)):
            reading.top = number_of(found["n"])
            way = found.groupdict().get("way") or ""
            reading.order = "asc" if re.fullmatch(SMALLEST, way) else reading.order
            reading.judged = re.fullmatch(JUDGED, way) is not None
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
    reading.judged = reading.judged or re.fullmatch(JUDGED, way) is not None
    if re.fullmatch(SMALLEST, way) or way == "least profitable":
        reading.order = "asc"
    else:
        reading.order = reading.order or "desc"
    if reading.metrics and re.fullmatch(PRICED, way) and not any("cost" in name for name in reading.metrics):
        reading.unknown.append(way)  # `cheapest`, of what is no cost
    if not reading.metrics:
        reading.metrics = (
            ["margin"] if re.fullmatch(PROFITED, way) else ["cost"] if re.fullmatch(PRICED, way) else []
        )


def _cut(words: Words) -> str | None:
    """The dimension that figures are to be cut by."""
    whole = words.has("total|sum|overall")
    for pattern in (
        rf"(?:{CUT}) (?:@tier |@plan )?(?:{_ANY_DIMENSION})",
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
            if whole and re.search(
                rf"(?<!\S)(?:all|our|the) {re.escape(text)}$", str(words)[: found.end(name)]
            ):
                continue
            if _belongs(str(words), found, name) or _acts(str(words), found):
                continue
            return name
    return None


def _cut_twice(words: Words) -> tuple[str, ...]:
    """The dimensions of `by tier and service`."""
    kinds = "|".join(DIMENSIONS.values())
    found = words.find(rf"(?:{CUT}) (?P<one>{kinds}) (?:and|then|x|by|per|and by|and per) (?P<two>{kinds})")
    names = [_dimension(found[place]) for place in ("one", "two")] if found else []
    return tuple(dict.fromkeys(name for name in names if name))


def _belongs(text: str, found: re.Match[str], name: str) -> bool:
    """Whether the word only says what a name before or after it is: `the enterprise tier`, `pro customers`."""
    before, after = text[: found.start(name)].rstrip(), text[found.end(name) :].lstrip()
    cut = re.match("(?:by|per) ", found.group()) is not None  # `by service, Lambda aside`
    same = before.endswith(f"@{name}") or (after.startswith(f"@{name}") and not cut)
    people = (
        name == "tenant"
        and re.search(r"@(?:tier|plan)(?: tier| plan)?$", before)
        and not re.search(
            r"(?:which|what|top|by|per|each|every|list|\d|·)(?: (?!on|of|in|for|from|with|at|to|have|has|had|did|do|does|are|is|were|was)\S+)? @(?:tier|plan)$",
            before,
        )
    )
    return bool(same or people)


def _acts(text: str, found: re.Match[str]) -> bool:
    """Whether the word only says who all of a figure is of: `how many tokens did our customers use`."""
    if not found.groupdict().get("tenant") or re.search(r"(?<!\S)(?:each|every|by|per)(?!\S)", text):
        return False
    before = text[: found.start("tenant")].rstrip()
    return bool(
        re.search(
            r"(?<!\S)(?:how (?:many|much)|what)(?: .*)? (?:did|do|does|have|has|will|would|can)(?: (?:all|the|our|of))*$",
            before,
        )
    )


def _dimension(word: str) -> str | None:
    return next((name for name, pattern in DIMENSIONS.items() if re.fullmatch(pattern, word)), None)
