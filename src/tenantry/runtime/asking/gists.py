"""Figures asked for by words that stand apart, in any order: `how sure are we of what each customer costs`.

The lexicon knows a figure by words that follow on each other; here it is known by the kinds of words that are all there.
What is left of the text is read as ever: a word that nobody knows is still asked about.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from .lexicon import PERSON, WHOM
from .words import TAKEN, Words

_WHO = rf"(?:{WHOM}|who|whom|whose)"
_SPEND = "costs?|cogs|spend|spent|spending|expenses?"
_COST = rf"(?:{_SPEND}|costed|costing|(?:set|sets|setting) us back|put into|we (?:pay|paid|paying)|paying for|hosting|upkeep|expensive|dear|pricey|costly)"
_PAID = "(?:pays?|paid|paying|payments?|(?:brings?|bringing|brought)(?: us)?(?: in)?|earns?|earned|yields?|revenues?|income|fees?|sales)"
_REVENUE = "(?:revenues?|sales|income|turnover|takings|(?:each |every |a )?(?:dollars?|cents?|euros?)(?: earned| (?:that )?(?:comes?|coming) in)?)"
_BILL = "(?:the |our |whole |entire |provider s |cloud |aws )*(?:bills?|invoices?|billed|invoiced)(?: totals?)?|what (?:amazon|aws|the (?:cloud )?(?:provider|vendor)) (?:has )?(?:charged|billed|invoiced)(?: us)?|what (?:the|our) (?:bill|invoice) says"
_HOW_OFTEN = "how (?:often|many times|frequently)"
_CALLED = "(?:hits?|call(?:s|ed)?|invoke[ds]?|quer(?:y|ies|ied)|open(?:ed|s)?|request(?:ed|s)?)(?: (?:the|our) (?:api|platform|product|backend))?"
_REQUESTS = "(?:the |all |our )*(?:api )?(?:requests?|calls?|hits?)"
_BROKE = (
    "(?:(?:do|does|did) )?@not (?:succeed|work|go through|get through)|unsuccessful|broke(?! down| up)|blew up|blow(?:s|n)? up|crash(?:ed|es)"
    "|errored|bounced|(?:ended|ending|ends?) (?:up )?(?:in|with) (?:an? )?errors?|(?:go|goes|going|went|gone) wrong"
)
_ALL_TENANTS = rf"(?:all|every|each)(?: of)?(?: the| our)* (?:{WHOM})"
_SIDE_BY_SIDE = "side by side|(?:their |the )?margins?|(?:what (?:is |they |it )?)?(?:left|remains|stays)|what they|in one (?:table|view|list)"
_FAILED = rf"fail(?:ed|s|ing|ures?)?|{_BROKE}"
_PART = "shares?|portions?|parts?|fractions?|proportions?|percent(?:age)?"
_RATE = rf"(?:(?:what|which|as|in) )?(?:an? |the )?(?:{_PART}|ratios?|rates?)(?: of)?|how many percent(?: of)?|out of"
_SHARE = rf"{_RATE}|how (?:much|many)(?: (?:cents|percent))?(?: of)?"

_ONE = "(?:(?:of|for|on|with) )?(?:(?:per|an?|one|each|every|(?:a |the )?(?:single|average|typical|usual)) |divided by (?:the )?(?:number of )?)"
_AVERAGE = "(?:on (?:an )?average|in the mean|averaged?|avg|mean|typical(?:ly)?|usual(?:ly)?|ordinary)"
_A_TENANT = rf"(?:{_ONE}|on the |our |the )?(?:@tier |@plan )?(?:tenant|customer|client|account|logo|company|organi[sz]ation)"

_FORECASTS = "(?:past |earlier |previous |prior |old |these |the |our )*(?:(?:forecasts?|forecasting|predictions?|projections?|outlook)|(?:(?:had|have|has|was|were) (?:been )?|(?:we|you) )(?:forecast|predicted|projected|foreseen)(?: things)?)"
_HOW_GOOD = (
    "(?:how |any |very )?(?:accurate|reliable|trustworthy|precise|exact|dependable|good|right|wrong|true|sound|credible|correct)(?! (?:now|cost|revenue|margin|forecast))"
    "|(?:in)?accuracy|reliability|precision|quality|errors?(?= (?:of )?$)|track record|hit rate|wape|mape|how (?:close|near|well|(?:far )?off)|far off|off(?=$| by| the mark)|miss(?:ed|es)?|(?:hit|miss) the mark"
    "|(?:hold|held|holding)(?: up)?|(?:came|come|coming) true|turn(?:ed)? out|faith|confidence|confident|trust(?:ed)?|believe|rel(?:y|ied)(?: on)?"
    "|(?:(?:vs|versus|against) )?(?:the )?(?:actuals?|reality)(?: (?:match|matched|agreed?))?|what (?:really |actually |then )?(?:happened|came|occurred)|back ?test(?:s|ed|ing)?(?: results?)?|(?:errors?|the mark|the truth|the target)"
)
_SURE = (
    "(?:how|least) (?:sure|certain|confident|reliable|trustworthy|dependable|exact|precise|accurate|firm|solid|well known)|(?:shak|fuzz|haz|murk|flims)(?:y|iest)|vaguest|weakest|least well|only (?:roughly|vaguely|approximately)(?: known)?"
    "|(?:know|known)(?: \\S+)? only roughly|(?:with a )?(?:grain|pinch) of salt|@not (?:so |very |quite )?(?:sure|certain)(?: of| about)?|least (?:to be )?(?:trusted|believed|known)|error bars?|margins? of error|confidence intervals?|plus or (?:@not|minus)|guesswork|uncertain(?:ty)?"
)
_MEASURED = (
    "(?:(?:directly |really |exactly |precisely |actually |only |merely |mere |pure |just )*(?:measured|metered|traced|known|attributed|estimated?|inferred|guess(?:ed|ing)?)(?: directly| exactly| precisely| for sure)?"
    rf"|(?:real |direct |actual |hard |by |on |mere |pure )*(?:measurements?|metering|estimates)|guesswork|rough keys?|rules? of thumb)(?! (?:to|{_SPEND}|{WHOM})(?!\S))"
)
_ALLOCATION = "(?:cost )?(?:allocation|attribution|allocated|attributed|metering|spread|distributed)"
_MATCHES = (
    "match(?:es|ed|ing)?|agrees?|agreeing|equals?|equal to|tall(?:y|ies)|squares?|correspond(?:s|ing)?|(?:the )?same as|(?:add(?:s|ed)? up|sums? up)(?! to(?! (?:the|our) ))|sums? to|in sum"
    "|(?:each|every) (?:single )?(?:cent|penny|dollar)(?: of)?|exactly(?= what)|twice(?: or (?:forgotten|missed))?|forgotten|(?:money|anything|something|nothing|any) lost|gaps?|discrepanc(?:y|ies)|tie[sd]?(?: out| back)?|reconcil(?:es?|ed|iation|able)|(?:got|gets?|was|is|been) lost|los(?:e|t) or double count(?:ed)?|(?:double|twice) count(?:ed)?|leaks?|leaked|slip(?:ped|s)? through"
    "|(?:fully|wholly|entirely|completely) (?:accounted for|allocated|distributed|assigned|passed on|covered|explained)|(?:check|prove|proof|verify) that"
)
_MATCHED = rf"(?:costs?|figures|numbers|{_ALLOCATION}|allocate|sum|everything|each|every|nothing|any|fully|wholly|entirely|completely|whole|{WHOM})"
_PROVEN = "nothing|vouch(?: that)?|(?:is there |any )*(?:proof|evidence|a guarantee)(?: that)?|(?:prove|check|verify)(?: that)?|(?:find|found|have|has) (?:an? )?owners?"
_CALCULATED = (
    rf"(?:(?:is|was|are|were|how) )?(?:calculated|computed|derived|worked out)(?! (?:{_SPEND}))|how (?:do|did|can|could) (?:we|you|i) (?:calculate|compute|derive|work out|(?:get|come|arrive) (?:to|at|by))|calculation|computation|derivation"
    "|come(?:s)? about|arrived? at|based(?: on)?|(?:on )?what grounds|how (?:do|can) (?:we|you|i) know"
)

_MOVED = "chang(?:e|es|ed)|mov(?:e|es|ed|ements?)|shift(?:s|ed)?|sw(?:ing|ings|ung)|leaps?|jump(?:s|ed)? (?:around|about)|differences?|(?:go|goes|went|gone) up or down|(?:jump|rise|rose|climb)(?:s|ed)? or (?:drop|fall|fell)(?:s|ped)?|fluctuat(?:e|es|ed|ions?)"
_MOVED_MOST = rf"(?:biggest|largest|greatest|strongest|widest|wildest|sharpest|most) (?:(?:{_SPEND}|bill) )?(?:{_MOVED})|(?:{_MOVED}) (?:the |by the )?(?:most|furthest|farthest)"
_FOR_THEM = "(?: (?:us|we|me|them|they|it|he|she|what|that|which|than|in|to|on|of|the|their|its|our|his|from|for|up|is|are|do|does|did|all|any|really|actually|ever|serve|cover|own))*"
_MORE = "more than|higher than|larger than|greater than|above|exceeds?|exceeding|outweighs?|outruns?"
_LESS = "less than|lower than|smaller than|below|under|(?:(?:do|does|did|is|are|to) )?@not (?:(?:enough|sufficient)(?: to)? )?(?:cover|covering|enough|make up for|pay for|justify|meet)(?: for)?"
_LOSES = (
    rf"(?:{_COST}|eats?){_FOR_THEM} (?:{_MORE}){_FOR_THEM} {_PAID}|(?:{_PAID}|bills?|invoices?){_FOR_THEM} (?:{_LESS}){_FOR_THEM} {_COST}{_FOR_THEM}"
    rf"|@not (?:pay|paying|paid|earn|bring in) (?:us )?enough{_FOR_THEM} (?:cover|pay for|make up for){_FOR_THEM} {_COST}|@not (?:earn|pull|carry) (?:their|its|his) (?:keep|weight)"
    "|loss making|(?:a )?losing (?:proposition|business|deal)|(?:make|makes|making) (?:a )?loss(?:es)?|(?:on|with) (?:whom|which) we lose|(?:below|under|short of) break ?even"
)

_METERING = "metering|track(?:ing)?|measur(?:e|ing|ements?)|instrument(?:ing|ation)?|be (?:metered|measured|instrumented)|(?:another|additional|more|new|one more|a new|an? (?:extra|additional)|missing|needs?(?: an?)?) meters?"
_NEEDED = "next|first|missing|lack(?:s|ing)?|gaps?|blind spots?|another|additional|extra|should|worth|pay(?:s)? (?:off )?(?:the )?most|gain|help(?:s)?(?: the)?(?: most)?|needs?|one more thing|more|better"
_USE = "(?:(?:barely |hardly |scarcely )?(?:make|makes|making) use of|use|uses|used|using|touch(?:es|ed)?|rel(?:y|ies)(?: on)?|scratch(?:es)?|work(?:s)? with|adopt(?:s|ed)?|tr(?:y|ied)|untouched|unused|(?:lying )?idle)"
_OFFER = "(?:the |our |its |their |all |available )*(?:different |distinct |various )?(?:features?|functions?|modules?|product|platform|plan|package|offer|surface|what (?:they|it|he) (?:could|can|may|might|pay for|has|have|bought))"
_LITTLE_OF = rf"(?:(?:(?:leaves?|ignores?) (?:most|many|much|a lot)|the surface)(?: of)?|(?:only |just |merely )?(?:an? )?(?:few|handful|fraction|little|tiny part|small part|bit|couple|sliver)(?: of)?) {_OFFER}"
_MUCH_OF = rf"(?:how (?:many|much)|(?:what|which) (?:part|share|portion|percentage|fraction)|number)(?: of)? {_OFFER}"
_MANY_TENANTS = (
    rf"(?:how many|(?:are|do|have) many|what (?:{_PART})|number)(?: of)?(?: (?:our|the|all))* (?:{WHOM})"
)
_PART_OF_TENANTS = rf"(?:{_PART})(?: of)?(?: (?:our|the|all))* (?:{WHOM})"
_RIGHTS = (
    "rights?|limits?|limited to|access to|(?:is |are )?(?:included|covered|permitted|allowed|entitled)(?: to)?(?: (?:use|do|have))?(?: by| for| in)?|(?:comes?|came) with|include[sd]?"
    "|bought|purchased|allowances?|quotas?|for (?:its|their) money|(?:got )?in (?:its|their) (?:package|plan|tier|contract|subscription)|cover(?:s|ed)?"
)
_WHO_IT_IS = (
    "(?:something|anything|everything|more|all|a bit|a little) about|who (?:is|are) (?:this|that|these|those)(?= @tenant)|(?:is |has )?subscribed to|(?:the |a )?(?:background|rundown|run down|lowdown|briefing)(?: on)?|info(?:rmation)?(?: on| about)?|profile|details|facts|(?:short )?(?:bio|portrait)|who (?:are|is) (?:they|it|that)|who (?:they|it) (?:are|is)|how long (?:have|has)(?: we)?(?: had| been)?|introduce"
    "|(?:what|which) (?:kind|sort|type) of (?:customer|client|tenant|account)"
)
_PEOPLE = "(?:how many|number of|count of)(?: different| distinct| unique)?(?: active)? (?:people|persons?|humans?|individuals?|folks)(?: who| that)?"
_ACTIVE = "active|showed up|were around|touch(?:es|ed)?|(?:use|used|uses|using|worked with|working with)(?: (?:it|us|(?:the|our) (?:product|platform)))?"
_WHENEVER = rf"(?:if|when(?:ever)?|(?:each|every) time) (?:some(?:one|body)|any(?:one|body)|people|they|an? (?:{PERSON}|{WHOM})) (?:runs?|uses?|opens?|makes?|does|starts?|creates?|calls?)"
_KEPT = "(?:do|can|did) we (?:get to )?keep|keep|(?:is |are )?left(?: over)?|stays?(?: with us)?|remain(?:s|ed)?|(?:is|was|turn(?:s|ed)? into|becomes?|became) (?:profit|margin)"


@dataclass(frozen=True)
class Gist:
    """A figure by kinds of words: `said`, which are taken in turn; `beside`, which are there and read by others; and
    `without`, with any of which something else is meant.
    """

    metric: str
    said: tuple[str, ...]
    beside: str = ""
    without: str = ""
    also: str = ""
    """Words that go with them and say no more."""


GISTS = (
    Gist("forecast_accuracy", (_FORECASTS, _HOW_GOOD), without="next|coming|will"),
    Gist(
        "uncertainty",
        (_SURE, f"{_COST}|figures|numbers|allocation"),
        beside=_WHO,
        without=f"@tenant|{_RATE}",
        also="(?:(?:do|can|should) (?:we|i) )?(?:really )?(?:know|trust|believe|take)|estimates?",
    ),
    Gist(
        "uncertainty",
        (
            "(?:(?:should|can|do|would) (?:we|i) )?(?:trust|believe|rely on)",
            "(?:the )?least",
            f"{_COST}|figures?|numbers?",
        ),
        beside=_WHO,
        without="@tenant",
        also="figures?|numbers?",
    ),
    Gist("standing", (_ALL_TENANTS, _PAID, _COST, "(?:their |the )?tiers?"), also=_SIDE_BY_SIDE),
    Gist("usage", ("burn(?:s|ed|t)?",), beside="@meter"),
    Gist("adoption", (_PART_OF_TENANTS, _USE), beside="features?|@feature"),
    Gist(
        "coverage",
        (_MEASURED, f"{_COST}|{_ALLOCATION}"),
        beside=f"{_SHARE}|how (?:is|are|was|were)",
        without="against",
        also="rests? on|(?:can )?be",
    ),
    Gist(
        "coverage",
        (
            "quality(?: of)?|how (?:good|complete|fine|exact)|(?:on )?what basis|(?:by )?(?:what|which) (?:methods?|means)",
            f"{_COST} (?:is |are )?{_ALLOCATION}|{_ALLOCATION}",
        ),
        without="bill|invoice",
    ),
    Gist(
        "certificate",
        (_MATCHES, _BILL),
        beside=_MATCHED,
        without="cost (?:explorer|management)|rules?|how many|which|who",
        also=_PROVEN,
    ),
    Gist(
        "movers",
        (_MOVED_MOST,),
        beside=f"{_WHO} .*{_COST}|{_COST} .*{_WHO}",
        without="services?|features?",
        also="(?:either )?up or down",
    ),
    Gist(
        "change",
        ("(?:what )?(?:is |has |was )?(?:going on|happen(?:ed|ing|s)|been happening) (?:with|to|in)", _COST),
    ),
    Gist("unprofitable", (_LOSES,), beside=_WHO),
    Gist(
        "change",
        (
            f"(?:the |this |that |our )?(?:additional|extra|added|higher|increased) (?:{_SPEND})",
            "where (?:does|did|do)",
        ),
        without="increases?|rises?|jumps?|changes?|growth",
        also="comes? from",
    ),
    Gist(
        "revenue",
        ("(?:been|were|was|is|are|get|gets|got) (?:billed|invoiced|charged)",),
        beside=f"{WHOM}|@tenant|@tier|@plan",
        without="we|us|by",
    ),
    Gist("requests", (_HOW_OFTEN, _CALLED), without=rf"{_FAILED}|{_COST}"),
    Gist(
        "meter_next",
        (_METERING, _NEEDED),
        beside="what|which|where",
        without=f"by meter|{_SHARE}",
        also="if (?:we|i)(?: were to| could| can)?|start|to be (?:more )?(?:certain|sure|exact)(?: of| about)?",
    ),
    Gist("breadth", (_USE, _LITTLE_OF), beside=_WHO),
    Gist("breadth", (_MUCH_OF, _USE), beside=f"{_WHO}|@tenant"),
    Gist("adoption", (_MANY_TENANTS, _USE), beside="features?|functions?|modules?|@feature"),
    Gist(
        "entitlements",
        (_RIGHTS,),
        beside="@tenant",
        without=f"{_COST}|@not|access to (?:the )?@tenant",
        also="plan|tier|package",
    ),
    Gist("tenant", (_WHO_IT_IS,), beside="@tenant", without=f"{_COST}|called", also="brief (?:me|us) on"),
    Gist(
        "error_rate", (_FAILED, _RATE, _REQUESTS), without=f"(?:{_PART}) of (?:the |all |our )*(?:{_FAILED})"
    ),
    Gist("errors", (_BROKE, _REQUESTS), without="errors?"),
    Gist(
        "list_cost",
        (
            r"(?:if )?(?:all |every |any |the |our )*(?:discounts?|rebates?|reductions?)(?: (?:is|are|was|were|being))? (?:ignored|disregarded|left out|set aside|stripped(?: out| away)?|not counted)",
        ),
        without="(?:by|per) (?:discounts?|rebates?)",
    ),
    Gist(
        "margin",
        (_KEPT, "after (?:all |our |the |its |their )*(?:costs?|expenses|spend(?:ing)?)"),
        without=_RATE,
    ),
    Gist("margin_ratio", (f"{_RATE}|how many cents of|how much of(?= each| every)", _REVENUE, _KEPT)),
    Gist("margin", ("(?:differences?|gap) between", _REVENUE, _COST), without="@tier|@plan|@tenant"),
    Gist(
        "cost_per_use",
        (_COST, rf"{_WHENEVER}(?: (?:an?|one|the|our|single))*(?= @feature)"),
        also="(?:just )?once|a single time",
    ),
    Gist("cost_per_use", (_COST, "(?:an? |one |each |every )?single(?= @feature)")),
    Gist(
        "cost_per_use",
        (_COST, "(?:(?:per|for|of) )?(?:one|each|every|a single) use(?: of)?|(?:each|every) time"),
        beside="features?|@feature",
        without="@meter",
        also="(?:(?:some|any)(?:one|body)|people|is|are) (?:uses?|used|runs?)",
    ),
    Gist(
        "cost_per_unit",
        (_COST, "(?:(?:per|of|for|an?|one|each|every) )*units?(?: of| on)?"),
        beside="meters?",
    ),
    Gist("active_users", (_PEOPLE, _ACTIVE), without="features?|@feature"),
    Gist(
        "explain",
        (_CALCULATED, _COST),
        beside="@tenant",
        without="forecasts?",
        also="behind|on what|(?:do|can) (?:we|you) say(?: that)?|this much",
    ),
    Gist(
        "cost_per_user",
        (_COST, f"{_ONE}(?:of )?(?:the |our )?(?:@\\w+ )?(?:active )?{PERSON}"),
        without="how many",
    ),
    Gist(
        "cost_per_use",
        (_COST, f"{_ONE}(?:api )?(?:request|call|hit)s?(?: (?:to|of|on))?"),
        beside="@feature",
        without="how many",
    ),
    Gist(
        "cost_per_request",
        (_COST, f"{_ONE}(?:million |thousand )?(?:api )?(?:request|call|hit)s?"),
        without="how many|@feature",
    ),
    Gist("average_cost", (_AVERAGE, _A_TENANT, _COST)),
    Gist("average_revenue", (_AVERAGE, _A_TENANT, _PAID)),
)

_WE = "we|us|things|it|everything|business|company|month|quarter|year"
_STATE = (
    "(?:the |an? |our |executive |quick |brief |short |big |overall |general |whole |current |high level )*"
    "(?:picture|overview|summary|snapshot|status|state|situation|health|scorecard|(?:key|main|headline) (?:figures|numbers))"
)
_GOES = "go(?:ing|ne)?|looks?|looking|do(?:ing|ne)?|turn(?:ed)? out|perform(?:ed|ing)?|at|stand(?:ing)?"
_ODD = (
    "unusual|odd|strange|weird|notable|noteworthy|remarkable|interesting|important|surprising|suspicious|abnormal"
    "|unexpected|extraordinary|out of the ordinary|worrying|alarming|fishy|funny"
)
_IN_THESE = "in (?:(?:the|these|those|our|my|all|·) )*(?:numbers|figures|data|books)"
_IT_IS = f"is|was|were|are|that|there|looks?|looked|seems?|seemed|happens?|happened|{_IN_THESE}"
ALONE = {
    "standing": rf"{_STATE}(?: (?:of|for|on) (?:the |our |all )*(?:{_WE}|(?:where|how) (?:we|things) (?:are|stand|did|look|go)(?: doing)?))?"
    rf"|(?:how|where)(?: (?:is|are|do|did|does|has|have))? (?:the |our |all |a )*(?:{_WE}|{TAKEN}) (?:{_GOES})"
    rf"|how (?:was|is|were) (?:the |our )*(?:{_WE}|{TAKEN})(?: for us)?|(?:is|are) (?:the |our )*(?:we|things|business|company) (?:going|doing) (?:well|fine|ok|okay|alright)",
    "insights": rf"(?:anything|something|what|any|things?)(?: (?:{_IT_IS}))*(?: (?:{_ODD}))+(?: to (?:know|see|mention|hear|look at))?"
    rf"|(?:(?:{_ODD}) )*(?:highlights?|outliers?|anomal(?:y|ies)|irregularit(?:y|ies)|red flags?|alarm bells|warning signs?)"
    "|(?:catch|catches|caught) (?:your|the|my|our) (?:eye|attention)|(?:jump|leap|pop|stick|stuck)(?:s|ed)? out|stands? out|what (?:has |have )?(?:changed|happened|moved)|what (?:did|have) (?:i|we) miss(?:ed)?|(?:what )?(?:is )?(?:going on|happening)"
    rf"|(?:anything|something|what|things?)(?: {_IN_THESE})? (?:that )?(?:(?:we|i) )?(?:(?:really|still|absolutely) )?(?:should|ought to|need to|must)(?: really)? (?:be told|know|hear|see|mention|say|worry|catch (?:your|the|my|our) (?:eye|attention))(?: about| of)?"
    "|(?:should (?:we|i) )?(?:need|needs|deserves?|pay|requires?) (?:my |our |any |some |special )*(?:attention|watching)(?: to)?"
    "|worth (?:a (?:closer )?look|looking at|knowing|mentioning|noting|reporting)"
    "|(?:should (?:we|i) )?(?:look into|look at|keep an eye on|watch out for|be aware of|worry about)",
}
"""Figures that a text asks for where it names nothing else at all."""


def gist_patterns() -> list[str]:
    """All the patterns of words that mean something here."""
    return [*(pattern for gist in GISTS for pattern in gist.said), *ALONE.values()]


def take_gists(words: Words, known: Collection[str]) -> None:
    """Mark the words of each figure that is asked for so as `$figure`, once; `known` are those that there are."""
    for gist in GISTS:
        if gist.metric not in known or (gist.without and words.has(gist.without)):
            continue
        if gist.beside and not words.has(gist.beside):
            continue
        tried = Words(list(words.words))
        marks = [f"${gist.metric}", *[TAKEN] * len(gist.said[1:])]
        if all(tried.take(pattern, mark) for pattern, mark in zip(gist.said, marks, strict=True)):
            while gist.also and tried.take(gist.also):
                pass
            words.words = tried.words


def take_alone(words: Words, known: Collection[str], fillers: Collection[str]) -> list[str]:
    """The figure that the text asks for alone, whose words are taken; none where other words are left."""
    for name, pattern in ALONE.items():
        tried = Words(list(words.words))
        if name in known and tried.take(pattern, f"${name}") and not tried.left(fillers):
            words.words = tried.words
            return [name]
    return []
