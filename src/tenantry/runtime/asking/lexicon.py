"""The curated lexicon: which words mean which metric, dimension and order.

A pattern is a regular expression over whole words. `@tenant`, `@feature` … stand for a name of that dimension. Longer
matches go before shorter ones. A metric is in a vocabulary where the catalog has its tool.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .outside import ACTING, CURRENCY, FOREIGN, OTHERS, SUPPOSED

_ALL = frozenset({"tenant", "tier", "plan", "service", "feature"})
_WHO = frozenset({"tenant", "tier"})
_PAID = frozenset({"tenant", "tier", "plan"})


@dataclass(frozen=True)
class Metric:
    """A metric: what people call it, which tool knows it, and by what it can be cut and asked of. `title` stands in
    answers; `says` is what it can answer, in words.
    """

    name: str
    title: str
    capability: str
    tool: str
    cuts: frozenset[str]
    patterns: tuple[str, ...]
    says: str = ""
    filters: frozenset[str] = frozenset()
    """Dimensions that it can be asked of, though not cut by."""

    @property
    def known(self) -> frozenset[str]:
        return self.cuts | self.filters


def _figures(name: str, title: str, cuts: frozenset[str], *patterns: str, says: str = "") -> Metric:
    return Metric(name, title, "figures", "totals", cuts, patterns, says)


_COSTS = "costs?|costing|costed"
_SPENT = "costs?|cogs|spend(?:ing)?|expenses?"
PERSON = "(?:active )?(?:users?|maus?|daus?|waus?|seats?|persons?|people|heads?)"
WHOM = "tenants?|firms|customers?|clients?|accounts?|logos?|companies|organi[sz]ations?"
_OF = r"(?: (?:on|of|in|from|at|with) (?:the |our )?@(?!not)\w+(?: tier| plan)?)?"
_SERVING = "(?:(?:serv|answer|handl|process)(?:e|es|ing)? )?"
_PAYS = "pays?(?: us)?|brings?(?: us)?(?: in)?|earns?(?: us)?"
METRICS: tuple[Metric, ...] = (
    _figures(
        "cost",
        "cost",
        _ALL,
        rf"{_COSTS}|spend|spends|spending|spent|expenses?|expenditures?|cogs|outlays?|burn|burned|burnt|burning|showback|chargeback",
        "cost of goods sold|cost to serve|amorti[sz]ed costs?|effective costs?|cloud costs?|infra(?:structure)? (?:costs?|spend)",
        "(?:are|do|did|were) we pay(?:ing)?|we (?:pay|paid)|how (?:expensive|dear|pricey|costly)|money (?:goes|go|went|flows|flowed) (?:in)?to|(?:set|sets|setting) us back",
        says="cost by tenant, tier, plan, service or feature",
    ),
    _figures(
        "billed_cost",
        "billed cost",
        _ALL - {"plan"},
        "(?:cloud |aws |provider |suppliers? )?bills?|suppliers? invoices?|(?:stood|stands) on the (?:bill|invoice)|(?:aws|amazon|cloud|provider) invoices?|the invoice(?= ·)|(?<=@service )invoices?|hit the (?:bill|invoice)|invoices? (?:from|of) (?:aws|amazon|the provider)|invoiced? (?:amounts?|totals?|costs?)|invoiced|billed(?: costs?)?|unblended(?: costs?)?|cash costs?|on the (?:bill|invoice)",
    ),
    _figures(
        "list_cost",
        "list cost",
        _ALL - {"plan"},
        "(?<=vs )list|(?<=versus )list|(?<=against )list|list(?= (?:vs|versus|against) (?:the |our )?(?:\\$|contracted|billed|invoiced?|effective|actual))|(?:list|rack|catalog(?:ue)?|public|standard|official) (?:prices?|rates?|tariffs?)|at (?:the )?list(?! of)|list (?:prices?|costs?)|(?:at )?(?:full |published |public )?(?:sticker|list) (?:prices?|rates?)|(?:full|published|public) price(?: list)?|(?:with )?(?:no|@not|without)(?: any)? discounts?(?: (?:whatsoever|at all))?|(?:at )?on demand (?:list )?(?:prices?|costs?|rates?)|on demand|before (?:any |the )?(?:discounts?|rebates?)|undiscounted(?: costs?)?|public price",
    ),
    _figures(
        "contracted_cost",
        "contracted cost",
        _ALL - {"plan"},
        "contracted(?: costs?)?|(?:prices?|rates?|terms) (?:of|in|under|from) (?:our |the )?(?:contracts?|agreements?)|(?:at )?(?:the )?(?:rates?|prices?|terms) (?:that )?we (?:negotiated|agreed)(?: on)?|(?:at )?(?:our )?(?:contract(?:ed|ual)?|negotiated|agreed) (?:costs?|rates?|prices?|terms)",
    ),
    _figures(
        "revenue",
        "revenue",
        _PAID,
        "revenues?|revs?|receipts|sales(?! (?:people|person|reps?|teams?|staff|calls?))|income|turnover|mrr|monthly recurring revenue|takings|top line|recurring revenue",
        rf"(?:did|do|does|have|has|are) we (?:bill|bills|billed|billing|invoice|invoiced|invoicing|charge|charged|charging) (?:the |our )?@(?!not)\w+(?: (?:tier|plan))?(?: (?:{WHOM}))?|(?:bill|invoice|charge)(?:s|d|ed)? (?:out )?to @tenant",
        rf"(?:is|was|are|were|got|gets?|been) (?:the |our )?@(?:tenant|tier|plan) (?:(?:tier|plan) )?(?:(?:{WHOM}) )?(?:billed|invoiced|charged)",
        rf"(?:bring|brought|brings)(?: in)?|pays? us|paid us|(?:did|do|does) (?:the |our )?(?:@(?!not)\w+ (?:(?:tier|plan) )?(?:(?:{WHOM}) )?)?pay us|(?:did|do|does) (?:the |our )?(?:@(?!not)\w+(?: (?:{WHOM}))?|they) pay|(?:invoice|bill|charge) (?:our |the |all )*(?:{WHOM})|(?:that|who|which) (?:pays?|paid)(?= (?:the )?(?:least|most|more|less))|(?:(?:come|comes|came|coming|flow|flows|flowed|flowing)(?: in)?|get|got|gotten|receive[ds]?|collect(?:ed)?|expect) from (?:our |the |all |of )*(?:{WHOM})|paid by (?:our |the |all |of )*(?:{WHOM})|(?:will|would|can) (?:our |the |all )*(?:{WHOM}) pay(?: us)?|money (?:come|comes|came|coming|taken) in|(?:what|how much|money) (?:came|flowed) in|we (?:· )?(?:take|took|taken) in|(?:dollar|money|amount|sum)s? taken in|likely to (?:invoice|bill|charge)|earn|earned|earns",
        says="revenue, margin and unprofitable tenants",
    ),
    _figures(
        "margin",
        "margin",
        _PAID,
        "(?:gross |contribution |operating )?margins?|gm|profits?|gross profits?|profitability|profitable|bottom line|make a profit|contribution",
        "(?:make|made|making|earn|earned|gain)(?: (?:any |some )?money)? or (?:lose|lost|losing)(?: (?:any |some )?money)?|(?:earn|earning|earned|make|making|made|gain) (?:anything|something)(?= (?:on|with|from|off|out of)(?!\\S))|left (?:over )?for us",
        "(?:revenues?|income) (?:@minus|less) (?:the |our )?costs?",
        r"(?:earn|earns|earned|earning|make|makes|made|keep|kept) (?:(?:@\w+|·|on|with|from|in|of|for|by|the|our|us|tier|plan) ){0,4}after (?:all |our |the |its |their )?(?:costs?|expenses)|(?:is |are |was |were )?(?:left(?: over)?|remain(?:s|ed)?|remaining) after (?:all |the )?(?:costs?|expenses)|(?:is |are |was |were )left over|left after (?:our |the |its |their )?(?:costs?|spend(?:ing)?|expenses)|(?:left|leaves?) us (?:(?:@\w+|·|on|with|from|in|of|the|our|most|dollars|money|month|quarter|year) ){0,3}after (?:all )?costs?|what remains(?: of it)?|(?:once|after) (?:everything|all|costs?) (?:\S+ ){0,4}(?:is|are|has been|have been) paid(?: for)?|(?:get|got) to keep",
    ),
    _figures(
        "margin_ratio",
        "margin ratio",
        _PAID,
        "(?:(?:gross |contribution )?(?:margins?|profits?)|gm) (?:ratios?|percent(?:age)?|rates?|pct)|profit margins?|percent(?:age)? (?:gross )?margins?|margins? (?:as a|in) (?:percent(?:age)?|ratio|share)(?: of revenue)?|(?:margin|profit) percent(?:age)?|(?:percent(?:age)?|share|part|portion)(?: of (?:the |our )?(?:revenues?|income))? (?:do|did|does|can) we (?:actually |really )?(?:get to )?keep|(?:percent(?:age)?|share|part) of (?:the |our )?revenues? (?:is |are )?(?:left|kept|remains?|remaining|profit|margin)(?: (?:as|over as) (?:margin|profit))?",
    ),
    _figures(
        "errors",
        "errors",
        frozenset({"tenant", "tier", "feature"}),
        "errors?|failed(?: requests)?|failures|fails?(?: most)?(?: often)?|failing|5xx|server errors|(?:go|goes|going|went|gone) wrong|breaks? (?:most )?often",
    ),
    _figures(
        "error_rate",
        "error rate",
        frozenset({"tenant", "tier", "feature"}),
        "(?:errors?|failures?|5xx) (?:rates?|percent(?:age)?|ratios?|share)|rate of errors|(?:relative to|in proportion to) how (?:much|often|many times) (?:it|they)(?: is| are)? (?:called|used|hit|requested)|(?:percent(?:age)?|share) (?:that )?failed",
        r"(?:what )?(?:share|part|portion|percent(?:age)?|proportion|fraction|rate) of (?:all |the |our |@(?!not)\w+ )*(?:requests?|calls?|api calls?|traffic)(?: made)?(?: (?:to|of|from|for|by|on|at) (?:the |our )?@(?!not)\w+)*(?: that| which| have| has)* (?:went wrong|goes wrong|fail(?:s|ed|ing)?|errored|(?:end|ends|ended) in (?:an )?errors?)",
    ),
    _figures(
        "requests",
        "requests",
        frozenset({"tenant", "tier", "feature"}),
        "requests?|how (?:many times|busy)|api (?:calls?|requests?|traffic)|calls|hits|traffic|invocations|(?:request|call) (?:counts?|volumes?)",
        says="requests, errors, usage of any meter and active users",
    ),
    _figures(
        "usage",
        "usage",
        frozenset({"tenant", "tier", "service", "feature", "meter"}),
        r"usage|use|uses|used|using|consum(?:e|es|ed|ption)|volumes?|units? used|heaviest users?|popular(?:ity)?|burned|burns|queued|@meter(?: (?:traffic|volumes?|usage|use|consumption))?",
    ),
    _figures(
        "active_users",
        "active users",
        _WHO,
        r"(?:monthly |daily |weekly )?active (?:users?|persons|people|individuals|humans)|(?:monthly |daily |weekly )actives|(?:monthly |daily |weekly )?active users?(?: counts?| numbers?)?|maus?|daus?|waus?|users?|(?:people|persons|individuals|humans) (?:(?:who|that) )?(?:(?:actually|really|have|had) )*(?:used|use|using)(?: (?:it|us|the product))?|how many people(?= (?:\S+ )*(?:use|uses|used|using|work|worked|active)(?!\S))|user (?:count|numbers?)|seats used|(?:individual|active|different|distinct) people|(?:people|persons|users) (?:were|are|was|have been) (?:actually |really )?(?:active|working)(?: with (?:it|us|the product))?",
    ),
    _figures(
        "tenants",
        "tenants",
        _WHO,
        rf"(?:how many|number of|count of|count|total) (?:active |current |paying |of )*(?:our |the )?(?:@tier )?(?:{WHOM})",
        rf"(?:list|name|show)(?: me)?(?: all)?(?: of)? (?:the |our )?(?:@tier )?(?:{WHOM})|list of (?:all |the |our )*(?:@tier )?(?:{WHOM})|who are (?:our|the|all) (?:@tier )?(?:{WHOM})|@tier (?:{WHOM}) list|^@tier(?: tier)? how many$|(?:{WHOM}) counts?|(?:list|name|show)(?: me)?(?: all)? (?:everyone|everybody|who is)(?= (?:on|in|at) (?:the |our )?@(?:tier|plan)(?!\S))",
        rf"names? of (?:all |the |our |every )*(?:@tier )?(?:{WHOM})",
        rf"head ?count of (?:the |our |paying |active |all )*(?:@tier )?(?:{WHOM})|(?:{WHOM}) (?:do we have|are there)|(?:size of )?(?:(?:the|our) )?(?:customer|tenant|client) base(?! costs?)",
        rf"(?:{WHOM}) (?:are )?(?:spread|distributed|split) (?:over|across|among|between)(?= (?:the |our )?(?:tiers|plans))",
        rf"(?:which (?:{WHOM}) (?:are|were)|^who (?:is|are|was|were)) (?:on|in|at)(?= (?:the |our )?@(?:tier|plan)(?!\S))",
        rf"^(?:(?:ok|so|hey|hi|well|please|our|the|active|paying) )*(?:{WHOM})(?= (?:per|by) (?:tier|plan)(?!\S))",
        says="how many tenants there are, and what tier, plan and entitlements one has",
    ),
    _figures(
        "cost_per_user",
        "cost per active user",
        _WHO,
        rf"(?:{_SPENT})(?: to serve)? (?:per|of (?:an?|one|each)|for each) {PERSON}|(?:{_SPENT}|pay) (?:to \w+ |for )?(?:an?|one|each|every|a single) {PERSON}|unit costs? of (?:an? )?(?:active )?users?|per user costs?|for (?:an?|one|each|every) (?:active )?(?:user|person) (?:who|that) (?:(?:really|actually|ever|still|is) )*(?:uses?(?: (?:it|us|the product))?|working with (?:it|us|the product)|active)",
        rf"(?:does|do|did) (?:an?|one|each) (?:active )?user{_OF} costs?(?: us)?|(?:an?|one|each) (?:active )?user{_OF} costs?",
        says="cost per active user, request, use of a feature or unit of a meter",
    ),
    _figures(
        "cost_per_request",
        "cost per request",
        _WHO,
        rf"(?:unit )?(?:{_SPENT}) (?:per|of (?:an?|one|each|every|a single)|for each) (?:million |thousand )?(?:api )?(?:requests?|calls?|hit)",
        rf"(?:does|do|did) {_SERVING}(?:an?|one|each|a single|every) (?:api )?(?:request|call){_OF} costs?(?: us)?|costs?(?: us)? (?:to |of )?{_SERVING}(?:an?|one|each|a single|every) (?:api )?(?:request|call)",
    ),
    _figures(
        "average_cost",
        "average cost per tenant",
        frozenset({"tier", "service"}),
        rf"(?:average|avg|mean|typical) (?:costs?|spend)(?: (?:per|of) (?:an?|one|each)? ?(?:{WHOM}))?|(?:costs?|spend) (?:on average|per (?:{WHOM}) on average)",
        rf"(?:(?:average|typical) (?:@tier )?(?:{WHOM})|(?:an?|one) (?:@tier |@plan )?(?:{WHOM})){_OF} costs?(?: us)?(?: on average)?|(?:each|every) (?:@tier |@plan )?(?:{WHOM}){_OF} costs?(?: us)? on average|(?:{_COSTS})(?: us)? on average|(?:average|typical) (?:@tier )?(?:{WHOM})(?= (?:.* )?(?:dearer|cheaper|more expensive|pricier))|(?:average|avg|mean) (?:costs?|spend) per (?:@tier )?(?:{WHOM})",
    ),
    _figures(
        "average_revenue",
        "average revenue per tenant",
        frozenset({"tier", "plan"}),
        rf"(?:average|avg|mean|typical) revenues?(?: (?:per|of) (?:an?|one|each)? ?(?:{WHOM}))?|arpa|acv|revenues? (?:per (?:{WHOM}) )?on average|(?:(?:do|does|did) (?:the |our )?(?:@(?:tier|plan) (?:(?:tier|plan) )?)?(?:(?:{WHOM}) )?)?(?:{_PAYS}) on average",
        rf"(?:average|typical) (?:@tier |@plan )?(?:{WHOM}){_OF} (?:{_PAYS})|(?:an?|one|each) (?:@tier |@plan )?(?:{WHOM}){_OF} (?:{_PAYS}) on average",
    ),
    Metric(
        "unprofitable",
        "tenants that cost more than they pay",
        "unit_economics",
        "unprofitable",
        frozenset(),
        (
            r"unprofitable(?: (?:\w+ )?(?:tenants?|customers?))?|under ?water|(?:p l|pnl) negative|negative (?:p l|pnl)|in the red|loss making|losses|loss (?:leaders?|makers?)|money losers?|(?:not|@not) (?:being |very )?profitable|@not profits?",
            r"losing money|(?:do|did|does) we lose money on|lose money|loses money|lost money|(?:los(?:e|es|ing|t)|cost(?:ing)?)(?: us| you)? money|money losing|negative (?:gross )?(?:margins?|gm|profits?)|(?:margins?|gm|profits?) negative|(?:margins?|gm|profits?) (?:is |are )?(?:below|under|less than) zero|margin ratios? (?:below|under) zero",
            rf"(?:costs?|costing)(?: us)? more than (?:they|it|he) (?:pays?|paid|brings?(?: us)?(?: in)?|earns?)|(?:do|does|did)? ?(?:not|@not) (?:cover|pay for) (?:their|its|his) (?:own )?costs?|(?:do|does)? ?(?:not|@not) pay for (?:themselves|itself)|(?:{_PAYS}|paying|paid)(?: us)? less than (?:they|it) costs?(?: us)?|(?:costs?|costing)(?: us)? more than we (?:charge|bill|invoice|earn|get)(?: from| on)?(?: them| it)?|(?:{WHOM}) (?:at|with) a loss|at a loss|(?:is|are) a loss|subsidi[sz](?:e|es|ed|ing)|(?:paying|pay) to serve|(?:bring|bringing)(?: us)?(?: in)? less than (?:they|it) (?:costs?(?: us)?|eats?(?: up)?)",
        ),
        filters=frozenset({"tenant"}),
    ),
    Metric(
        "cost_per_use",
        "cost per use",
        "cost_per_feature",
        "unit_cost",
        frozenset({"feature", "tenant", "tier"}),
        (
            r"(?:does|do|did|is) (?:an?|one|each|a single|every) (?:use of (?:the |our )?)?@feature (?:costs?(?: us)?|cost to serve|set us back)|(?:costs?|price) (?:of|for|per) (?:an?|one|each|a single|every|single)? ?(?:use of (?:the |our )?)@feature",
            r"(?:costs? (?:of|for)|(?:pay|paid|paying|spend|spent|lay out) (?:for|on)) (?:an?|one|each|a single|every|single) @feature|(?:every|each) time (?:some(?:one|body)|any(?:one|body)|people|they|an? (?:user|customer|tenant)) uses? (?:it|them|@feature)|(?:every|each) time (?:it|@feature) (?:is used|runs?)|(?:every|each) time (?:some(?:one|body)|any(?:one|body)|people|they|an? (?:user|customer|tenant)) (?:uses?|runs?|opens?) (?:\w+ (?:in|with|on) )?(?:the |our )?@feature|costs? per @feature|(?:does|do|did) (?:an?|one|each|a single|every) @feature (?:run|use|call) costs?|unit (?:costs?|economics) of (?:the |our )?@feature|(?:costs? )?per (?:single )?use(?: of @feature)?|unit costs? (?:by|per|of each|of) features?",
        ),
    ),
    Metric(
        "cost_per_unit",
        "cost per unit",
        "unit_economics",
        "cost_per_unit",
        frozenset({"meter"}),
        (
            r"(?:costs?|prices?|pay) (?:per|of (?:an?|one|each)) (?:unit of )?@meter|(?:costs? )?per unit(?: of (?:each|every) meter)?|unit (?:costs?|prices?|economics) (?:of|for) (?:an? |one )?@meter(?: per (?:@meter|unit))?|(?:pay|paying|charged|price)(?: \w+ \w+)? for (?:an?|one|each|every|a single) @meter|how much (?:is |for )?(?:per|an?|one|each|every|a single) @meter(?! (?:did|do|does|was|were|has|have|used))|(?:does|do|did|is) (?:an?|one|each) (?:million |thousand |billion )?(?:unit of |(?:\w+ ){1,2}of )?@meter costs?(?: us)?|unit costs? (?:by|per|of each) meters?|what does a unit of (?:each|every) meter cost",
        ),
    ),
    Metric(
        "adoption",
        "adoption of features",
        "cost_per_feature",
        "adoption",
        frozenset(),
        (
            r"(?:dear|expensive|costly|pricey) features? (?:do |that |which )?(?:only )?(?:few|fewest|hardly any) (?:tenants|customers) use",
            r"adoption|adopted|(?:is|are|was|were) (?:each |every )?(?:features? |@feature )?taken up|caught on|catch(?:es|ing)? on|attach rates?|penetration|uptake|(?:used?|picked up|taken up|touched|tried|opened) by (?:the )?(?:few|fewest|least|hardly any) (?:tenants|customers|clients)|(?:few|fewest) (?:tenants|customers) use|hardly (?:anyone|anybody|any tenant) uses|(?:hardly|barely|rarely|seldom|scarcely)(?: ever| any(?:one|body)| any (?:tenants?|customers?|clients?))* (?:use|uses|used|touch|touches|touched)|(?:does |do )?(?:nobody|no ?one|none of (?:them|our customers)) (?:ever )?(?:uses?|used|touch(?:es|ed)?)|(?:not|@not) used (?:at all )?by any(?:one|body)|how (?:widely|broadly|commonly) (?:is|are) (?:the |our |each |every )*(?:features?) (?:used|adopted)",
            rf"(?:how many|which share of|what share of|number of)(?: of)?(?: the| our| all)* (?:{WHOM}) (?:have |has )?(?:use|uses|used|are using|adopt|adopted|tried|touched) (?:the |our )?@feature",
            rf"(?:are|do|is|does|did) (?:our |the |all |any |many )*(?:{WHOM}|people|anybody|anyone) (?:of them |actually |really |even )*(?:using|use|touch|touching) (?:the |our )?@feature|how (?:widespread|common) (?:is|are)(?: the| our)? @feature|how (?:widely|broadly|many people) (?:is|are)(?: the| our)? @feature used",
        ),
        filters=frozenset({"feature"}),
    ),
    Metric(
        "change",
        "why cost changed",
        "cost_per_tenant",
        "change",
        frozenset(),
        (
            r"why (?:did|has|have|is|are|was|were)(?: the| our)?(?: @(?!not)\w+)*(?: s)?(?: costs?| spend(?:ing)?| bill)?(?: of)?(?: the)?(?: @(?!not)\w+)*(?: tiers?)? (?:get|got|gotten|go|gone|going|become|became|becoming|rise|risen|rising|increase[ds]?|increasing|jump(?:ed)?|grow|grown|growing|climb(?:ed)?|change[ds]?|fall|fallen|drop(?:ped)?|decrease[ds]?|dearer|up|down|cost|so|more|this)(?: (?:so|much|more|less|up|down|dearer|cheaper|expensive|dear|costly))*",
            r"(?:what|who) (?:is |are |was |were )?(?:driving|pushing|bringing|pushed|drove|drives|brought) (?:up |down )?(?:the |our )?(?:@(?!not)\w+ )?(?:costs?|spend(?:ing)?|bill)(?: of @(?!not)\w+)? (?:up|down)|(?:what|who) (?:is |are |was |were )?(?:driving|pushing|pushed|drove|drives) (?:up|down) (?:the |our )?(?:@(?!not)\w+ )?(?:costs?|spend(?:ing)?|bill)",
            r"(?:costs? )?(?:drivers?|variance) (?:decomposition|analysis)(?: (?:of|for) costs?)?|what (?:has )?(?:made|makes) (?:the |our )?(?:@(?!not)\w+ )?(?:costs?|spend(?:ing)?|bill)?(?: of (?:the |our )?@(?!not)\w+)? ?(?:jump|rise|grow|climb|fall|drop|go up|go down|more expensive|dearer|cheaper)|what (?:has )?changed (?:in|about|with) (?:our|the) (?:bill|costs?|spend)|what (?:drove|drives|explains|is behind) the (?:change|rise|increase|jump|growth|fall|drop)(?: (?:in|of) (?:the )?(?:costs?|spend))?|reasons? for the (?:change|rise|increase|jump|fall|drop)(?: (?:in|of) (?:the )?(?:costs?|spend))?",
        ),
        "why cost changed",
        frozenset({"tenant", "tier", "service", "feature"}),
    ),
    Metric(
        "explain",
        "what a tenant's cost rests on",
        "reconciliation",
        "explain",
        frozenset(),
        (
            r"explain(?: (?:the|how) (?:figure|cost|costs|number|calculation)s?)?(?: (?:of|for))?|(?:costs? of @tenant|@tenant(?: s)? costs?) (?:rests?|is based|are based|based|come|comes) (?:on|from)",
            r"(?:does|do) (?:the |our )?(?:costs?|figures?|bill|spend) of @tenant (?:rest|based?|come) (?:on|from)|(?:rest|rests|resting|based) on|which bill rows|(?:come|comes|came) about|(?:was |were |is |are )?arrived? at(?: the (?:sum|figure|number|cost|amount|total)s?(?: (?:for|of))?)?|(?:down |back )?to the (?:very )?(?:bill )?(?:rows|lines)(?: (?:of|on) the (?:bill|invoice))?|(?:bill|invoice) (?:rows|lines)(?: (?:behind|under|beneath))|evidence (?:for|of)|where (?:does|do) (?:the )?(?:costs?|figures?)(?: (?:of|for) @tenant)? come from|how (?:is|was) (?:the )?cost(?: of @tenant)? (?:calculated|computed|derived)",
        ),
        "what a tenant's cost rests on",
        frozenset({"tenant", "service"}),
    ),
    *(
        Metric(
            f"forecast_{measure}",
            f"forecast of {measure}",
            "cost_forecast",
            "forecast",
            frozenset({"tenant", "tier"}),
            (
                rf"(?:{measure} )?forecasts? (?:of|for) (?:the |our )?{measure}|{measure} forecasts?|forecast(?:ed)? {measure}|(?:expected|projected|predicted|future) {measure}",
            ),
            "forecasts of cost, revenue and margin for six months" if measure == "cost" else "",
        )
        for measure in ("cost", "revenue", "margin")
    ),
    Metric(
        "forecast_accuracy",
        "how good forecasts were",
        "cost_forecast",
        "accuracy",
        frozenset(),
        ("back ?test(?:s|ed|ing)?(?: results?)?",),
    ),
    Metric(
        "insights",
        "what moved",
        "cost_insights",
        "findings",
        frozenset(),
        (
            r"(?:key |main )?(?:insights?|findings?|takeaways?)|(?:what|anything) (?:has |have )?(?:moved|stands out|stood out|(?:is )?(?:unusual|notable|new|weird|strange|odd|interesting|suspicious|surprising)|happened)(?: lately| recently)?|surpris(?:es|ing)|how (?:are|is) (?:things|it all|everything) going|headlines|stand outs?|noteworthy|how (?:are|were|did) we (?:doing|do)(?: overall| lately)?(?=$| ·$)",
            r"(?:most )?(?:important|notable|significant|noteworthy) (?:changes|movements|things|news)(?: that)?(?: have| has)?(?: changed| moved| happened)?|(?:biggest|largest|main) (?:things|news)(?: that)? (?:have |has )?(?:changed|moved|happened)",
            r"what changed(?: that)?(?: we| i)? (?:should (?:we |i )?know(?: of| about)?)|(?:that )?(?:we|i) (?:should|ought to) (?:know|hear|lose sleep over|keep an eye on|look at|look into|worry about|be worried about|watch|care about|check)(?: of| about)?|what should (?:we|i) know",
        ),
        "what moved in twelve months",
    ),
    Metric(
        "certificate",
        "reconciliation",
        "reconciliation",
        "certificate",
        frozenset(),
        (
            r"reconcil(?:e|es|ed|iation)(?: certificate| status)?(?: (?:with|to|against) (?:the|our) (?:\w+ )?(?:bill|invoice))?|recon(?: status)?|certificate|(?:everything )?(?:(?:add|adds|added|adding|sum|sums) up(?! to(?! (?:what )?(?:the|our) (?:\w+ )?(?:bill|invoice)))|sums?(?= to (?:the|our) (?:\w+ )?(?:bill|invoice))|(?:tie|ties|tied)(?: back| out)?|balances?|(?:come|comes) out)(?: (?:to|with) (?:the|our) (?:\w+ )?(?:bill|invoice))?|(?:match|matches|agree with|agrees with|equal|equals) (?:the|our) (?:\w+ )?(?:bill|invoice)|every (?:cent|penny|dollar)(?: of (?:the|our) (?:bill|invoice) (?:is )?(?:assigned|allocated))?|to the (?:cent|penny)|goes? missing|(?:anything|something) (?:is )?missing|penny exact|exact(?:ly)? to the bill|exact to the (?:cent|penny)",
        ),
        "whether it all adds up to the bill",
    ),
    Metric(
        "coverage",
        "how cost is known",
        "cost_per_tenant",
        "coverage",
        frozenset(),
        (
            r"(?:allocation )?coverage|unallocated(?: costs?| spend)?|(?:costs?(?: base)?|cogs|spend|bill|money) (?:is|are|was|were|could|can)(?: @?not)?(?: be)? (?:allocated|attributed|explained|assigned|known|measured|metered)(?: (?:directly|by (?:metered )?(?:usage|meters?|drivers?)))?|allocated by (?:metered )?(?:usage|meters?|drivers?)|(?:measured|metered|known|attributed) directly|directly (?:measured|metered|known|attributed)|(?:is|are|was|were) (?:only |just )?(?:estimated|guessed|inferred|(?:a )?guess(?:es|work)?)(?: by (?:coarse )?(?:keys?|drivers?|ratios?))?|(?:do|can) we (?:really |actually )?(?:know|trust)|how (?:sure|certain|confident|reliable|trustworthy|accurate|solid) (?:are|is) (?:we|the|our|these|those)(?: of| about| in)?(?: the| our| these)?(?: (?:costs?|numbers?|figures?|allocation|spend))*|coarse|(?:finely|properly|exactly|precisely) (?:measured|metered|attributed|allocated)|allocation quality|(?:how )?(?:fine|precise|exact) is (?:the |our )?allocation|allocated (?:precisely|finely|exactly)|how sure (?:are|is) (?:we|the|our)|confidence(?: of the allocation)?|allocated directly",
        ),
        "how sure cost is",
    ),
    Metric(
        "uncertainty",
        "tenants whose cost is least sure",
        "cost_profile",
        "uncertainty",
        frozenset(),
        (
            r"(?:the )?least (?:certain|sure|trustworthy|reliable(?= (?:costs?|figures?|numbers?))|known|confident)(?: (?:of|about|in))?|(?:costs? (?:is|are) )(?:the )?least reliable|shakiest|(?:trust|believe) (?:the )?least|least trust(?:ed|worthy)|most (?:uncertain|doubtful)|(?:(?:widest|largest|biggest) )?(?:error bars?|confidence intervals?)|uncertain(?:ty)?|doubtful|unsure",
        ),
    ),
    Metric(
        "meter_next",
        "what to meter next",
        "cost_profile",
        "meter_next",
        frozenset(),
        (
            r"(?:where )?(?:should|shall|could|to) (?:we |(?:the |our )?\w+ )?(?:be |start |begin )?(?:to )?(?:meter|measur|instrument)(?:e|ed|ing)?(?: next| first)?|(?:meter|instrument) next|(?:where )?(?:should|shall|could) (?:we |i )?(?:add|put|install|introduce|improve) (?:a |more |better )?(?:meters?|metering)(?: next| first)?|meter (?:next|first)|metering (?:pay|start|next|first)|start metering|more metering (?:help|pay)(?: (?:us )?most)?|meters? (?:is|are) missing|(?:measure|meter) (?:just )?one more thing|next meter|missing meters?|better metering",
        ),
        "what to meter next",
    ),
    Metric(
        "tenant",
        "a tenant",
        "tenants",
        "get",
        frozenset(),
        (
            r"(?:what|which) (?:tier|plan|package|region|isolation|subscription|importance)(?: is| does| do| did| has| was)?(?: tenant)? @tenant(?: (?:in|on|have|at|from|pick|choose|chose|take|buy|belong to|pay for))?|(?:tier|plan|region|isolation|subscription) (?:of|for|is|does|has) @tenant|@tenant (?:tier|plan|region|profile|details)",
            rf"(?:when|since when) (?:did|has|is|was)(?: tenant)? @tenant(?: (?:started?|join(?:ed)?|become|became|been|come|sign up|signed up|onboard(?:ed)?))?(?: (?:a|our|as|with))?(?: (?:customer|tenant|us))?|who (?:is|are) @tenant|who @tenant (?:is|are)|(?:details|profile|facts) (?:of|about|for|on) @tenant|(?:tell me about|introduce me to|brief me on|(?:bring|get) me up to speed on|(?<!earn )(?<!make )(?<!making )anything on|(?:what|everything) (?:do )?(?:we|you) know (?:of|about)) (?:the |our )?(?:(?:{WHOM}) )?(?:called )?@tenant|(?:{WHOM}) called @tenant .*who (?:are|is) (?:they|it|that)|how long has @tenant been (?:(?:a|our) (?:customer|tenant)|with us)",
        ),
        filters=frozenset({"tenant"}),
    ),
    Metric(
        "entitlements",
        "entitlements",
        "tenants",
        "entitlements",
        frozenset(),
        (
            r"entitle(?:d|ments?)(?: to)?|what(?: is)? in (?:the )?(?:(?:package|plan|tier|subscription) of @tenant|@tenant (?:package|plan|tier|subscription))|quotas?|(?:(?:has|have|got) )?(?:the )?right to use|(?:may|can|is|are) @tenant (?:allowed to |permitted to )?use(?:(?: [·,])? and how much (?:of (?:it|that|them) )?is left)?|allowances?|included (?:for|in (?:the )?(?:plan of )?@tenant(?: package| plan| subscription| contract)?)|limits? (?:of|for) @tenant|in the (?:package|plan|subscription|tier) (?:that |which )?@tenant (?:signed up for|has|bought|took|pays for)|(?:use )?left of (?:its|their|the) quota",
        ),
        filters=frozenset({"tenant"}),
    ),
    Metric(
        "standing",
        "where we stand",
        "overview",
        "summary",
        frozenset(),
        (
            r"(?:how|where) (?:do|did) we (?:stand|currently stand|stand overall)|how(?: is| s) (?:the |our )?business(?: going| doing)?",
        ),
        "where you stand",
    ),
    Metric(
        "movers",
        "tenants whose cost changed most",
        "overview",
        "summary",
        frozenset(),
        (
            rf"(?:biggest )?(?:cost )?movers|(?:whose|who|which (?:{WHOM}))(?: figures)?(?: has| have)? (?:swung|moved|shifted|jumped) (?:the )?(?:most|furthest|farthest)(?: (?:up or down|in either direction))?|(?:whose|which (?:{WHOM})(?: s)?) (?:costs?|spend) (?:has |have )?(?:changed|moved|jumped|shifted|swung) (?:the )?most(?: since (?:the )?(?:last|previous) month)?",
        ),
    ),
    Metric(
        "breadth",
        "breadth of use",
        "feature_usage",
        "breadth",
        frozenset({"tenant", "tier"}),
        (
            rf"(?:(?:{WHOM}) )?(?:use|uses|using) (?:only )?(?:little|few|least|not much|a small part) of what (?:their|its) (?:tier|plan) (?:offers?|includes?|has)|breadth(?: of use)?|how many (?:of )?(?:the |our )?(?:different |distinct )?features(?= (?:does|do|did) (?:(?:the|our|an?) )?(?:@tenant|@tier|{WHOM}))|how broadly (?:is|do|does) (?:the product|they|@tenant|(?:our )?(?:{WHOM}))(?: use(?: it| the product)?| used)?",
        ),
    ),
    Metric(
        "bill_rules",
        "reconciliation rules of the bill",
        "reconciliation",
        "rules",
        frozenset(),
        (
            r"(?:which |what )?(?:focus )?(?:reconciliation |consistency )?rules (?:does|do|did) (?:the|our) (?:provider |cloud )?(?:bill|invoice) (?:break|violate|fail|not keep)|(?:reconciliation|consistency) rules(?: of the bill)?",
        ),
    ),
    Metric(
        "provider_costs",
        "the provider's own costs beside the bill",
        "reconciliation",
        "provider_costs",
        frozenset(),
        (
            r"(?:does|do|is|did) (?:aws |amazon |azure )?cost (?:explorer|management|service) (?:say|says|tell|show|agree with|match)(?: the same)?(?: as| with)? (?:the|our) bill|cost explorer (?:vs|versus|against|beside) (?:the|our) bill",
        ),
    ),
    Metric(
        "attribution",
        "whose requests are known",
        "requests",
        "attribution",
        frozenset(),
        (
            r"(?:what|which|how much|how many)?(?: part| share)?(?: of)?(?: the| our)* (?:traffic|requests) (?:has|have|is|are) (?:(?:no|@not) tenant|without (?:a )?tenant|unattributed|(?:not )?attributed)",
        ),
    ),
    Metric(
        "route_review",
        "learned routes to look at",
        "requests",
        "review",
        frozenset(),
        (
            r"(?:learned|learnt|doubtful|unsure) routes?(?: (?:should|must|do) (?:we|i) (?:look at|review|check|confirm))?|routes? (?:should|must) (?:we|i) (?:look at|review|check|confirm)",
        ),
    ),
    Metric(
        "unknown_tenants",
        "names of requests that no tenant has",
        "requests",
        "unknown",
        frozenset(),
        (
            r"(?:api )?(?:keys?|names?) (?:belong to|of|are|is) (?:nobody|no ?one|no tenant)(?: (?:that )?we know)?|unknown (?:tenants?|names?|keys?) (?:in|of) (?:the |our )?(?:logs?|requests|traffic)",
        ),
    ),
)
ROWS = {metric.name: metric for metric in METRICS}

DIMENSIONS = {
    "tenant": rf"{WHOM}|who|whom|whose|spenders?|payers?|buyers?",
    "tier": "tiers?|service levels?|segments?",
    "plan": "(?:subscription |pricing |price )?plans?|offers?|packages?",
    "service": "(?:aws |cloud )?services?|cloud products?",
    "feature": "features?|functions?|modules?|capabilities",
    "meter": "meters?",
}
AMBIGUOUS: tuple[tuple[str, tuple[tuple[str, str | None], ...]], ...] = (
    (
        "(?:share|portion|percentage|proportion|fraction) of (?:the |all )?(?:failed (?:requests?|calls?)|failures|errors)",
        (("error_rate", None), ("errors", None)),
    ),
    (
        r"what (?:do|did|are|were) we (?:spend|spending)(?: (?:most|all|any))?(?: of)? (?:our |the )?(?:money )?on(?=$| ·)",
        (("cost", "service"), ("cost", "feature"), ("cost", "tenant")),
    ),
    (
        r"where (?:does|did|is) (?:the |our |all the |every |each )?(?:money|dollar|cent|euro) (?:go|going)",
        (("cost", "service"), ("cost", "tenant"), ("cost", "feature")),
    ),
    (
        r"(?:do|did|have|has) we (?:bill|billed|invoice|invoiced|charge|charged)(?! (?:for |to )?(?:(?:the|our) )*(?:@|them))",
        (("revenue", None), ("billed_cost", None)),
    ),
    (
        r"@tenant (?:bills?|invoices?)|(?:bill|invoice) (?:to|from) us",
        (("revenue", None), ("billed_cost", None)),
    ),
    (
        r"(?:(?:do|did|does) we make|we (?:make|made)|making)(?! (?:or lose|anything|something))",
        (("revenue", None), ("margin", None)),
    ),
)
"""Words that may mean several figures, each perhaps cut: what is asked back."""
TOGETHER = "together|combined|altogether|in sum|jointly|taken together"
"""Words for the sum of several names or times."""
BREAKDOWN = r"(?:what )?(?:drives|drove|causes)|what (?:is |are |was |were |lies )?(?:driving|behind)|(?:go|goes|went|gone) into|(?:take|pull|pick) apart|compos(?:ed|e|es) of|composed|(?:what |which )?(?:parts|pieces|items|components) (?:make|makes|made) up|into (?:its|their|the) (?:parts|pieces|components)|made (?:up )?of|made up|consists? of|composition(?: of)?|break(?:s|ing)? (?:it |that |this )?down|breakdown|split(?: of)?|makes up|make up"
"""Words that ask what a cost is made of."""

AHEAD = r"forecasts?|forecasted|predict(?:ed|ion|ions|s)?|project(?:ed|ions?)|expected|expect|outlook|ahead of us|lies ahead|foresee(?:n|able)?|(?:months |in the future )?to come|will(?: it| we| they| the| our)?(?: have)?(?: to)?(?: be)?|going to(?: be)?|gonna(?: be)?|future|going forward|months ahead|heading(?: from here)?|likely(?: to)?|coming(?! (?:from|in|out|to|via|through))|upcoming"
"""Words that ask of months to come."""

_CUT = "by|per|according to|for each|for every|of each|of every|each|every|split by|broken (?:down|out) by|break(?:down)? by|across(?: all| the| our)?|grouped by|along|between|by each|for all|for the"
CUT = rf"(?:{_CUT})(?: (?:the|our|all))?(?: \w+est)?"

LARGEST = "fattest|steepest|dearest|most expensive|priciest|costliest|most costly|largest|biggest|highest|greatest|most|top|heaviest|best|leading|largest first|dearest first|best first|highest first|most used|most popular"
SMALLEST = "thinnest|slimmest|leanest|poorest|tiniest|cheapest|least expensive|lowest|smallest|least|fewest|worst|bottom|weakest|cheapest first|lowest first|smallest first|least used|worst first|least profitable|least popular"
JUDGED = "worst|worst first|best|best first|weakest"
"""Of these, which end is meant depends on the figure: the worst margins are small, the worst error rates are not."""
PRICED = (
    "dearest|most expensive|priciest|costliest|most costly|cheapest|least expensive|expensive|dear|costly"
)
PROFITED = "most profitable|least profitable"

NEGATION = "(?:everything|anything|everyone|everybody|all|any) (?:but|except|other than|apart from|besides|save)|with the exception of|exclusive of|barring|save for|not counting|not including|not|non|leaving aside|disregarding|sans|ex|omitting|skipping|instead of|rather than|without|excluding|except|except for|excl|exclude|excludes|but not|other than|apart from|minus|no|ignoring|leaving out|leave out|besides|outside"

LEFT_OUT = rf"out of (?:it|that|this|them|the list)|(?:is |are |being )?(?:(?:{'|'.join(DIMENSIONS.values())}) )?(?:excluded|left out|set aside|aside|apart|excepted|taken out|removed|not included|not counted)"
"""Words behind a name that is left out."""

FILLERS = frozenset(
    """
    a an the of for in on at to from by with and or per than vs versus against between into over under across among
    amongst during but
    is are was were be been being do does did done has have had having can could would might must shall
    we us our ours they them their theirs it its he she i me my mine you your this that these those there here s re
    ve ll m d one's ones
    what whats which who whom whose how much many so then ok okay yes well please thanks thank hi hey
    show give tell list get got getting find see want wanted need like know let lets look looking display print draw
    plot answer question
    chart charts graph table line bar csv data report overview ranking comparison figure figures number numbers
    value values amount amounts
    all any each every anything everybody everyone anybody anyone nobody somebody someone total totals overall whole
    entire sum sums summed only just still
    really actually exactly about around roughly approximately very quite compare compared ranked sort sorted order
    ordered thing things
    go going goes gone went come came comes coming make made makes making serve serving served take takes taken eat eats
    eaten
    accounted accounts throw throws threw thrown generate generated produce produced occur occurs occurred happen
    happens happened cause caused hit
    money dollars usd company business saas quillhaven vendor aws amazon api cloud infrastructure infra provider
    product products application app platform system software
    tenant tenants customer customers client clients account logo logos tier tiers segment subscription plan plans
    service services feature features meter meters allocation
    """.split()
)
"""Words that change nothing of what is asked, wherever they stand."""

WEIGHTY = frozenset(
    """
    again allocated along also although as assigned bad because behind best better big biggest both break breakdown
    broken called causes cheapest cost costing costs current currently date day days dearest develop developed down
    drive driven drives driving drove due either else exact explain far first fraction good high highest id ids if
    instead invoice invoices kind large largest last least less level levels low lowest main mainly may mix month
    months more most name named names neither no nor not now off often one onto other others out part parts past
    percent percentage period periods portion portions previous prior proportion quarter quarters rank ranks reason
    reasons same share shares since small smallest some spender spenders split state status term terms though today
    too top type unit units until up use used useful user users using week weeks when where while wise within worst year
    years
    """.split()
)
"""Words that change what is asked, where nothing that was read took them."""


IN_PASSING = "|".join(
    (
        rf"rank(?= (?:(?:the|our|all) )?(?:{'|'.join(DIMENSIONS.values())}) by(?!\S))",
        "so far|in terms of|how (?:big|high|large|low|small)|turn(?:s|ed)? out(?: to be)?|end(?:s|ed)? up|over the year",
        "by head count|each (?:on its own|alone|by itself|separately)|side by side|beside|next to|alongside",
        r"as well$|how far|the (?:period|span)(?= ·)|in (?:its|their) place|this time|once(?= @\w+ (?:is|are) ·)|(?:broken|split) (?:out|down|up)(?= by)",
        rf"(?:{'|'.join(DIMENSIONS.values())}) where",
        r"to (?:run|serve|host|look after|maintain)(?! @)|as an? (?:\w+ )?(?:table|chart|graph|list|csv|report)",
    )
)
"""Weighty words that are said together and then change nothing."""
AT_PRESENT = "(?:right )?now|at (?:the moment|present)|these days|nowadays|currently|current|today"
"""Words for the time that is meant where none is named."""


CORE = frozenset(
    "tenant tenants customer customers tier tiers plan plans service services feature features meter meters cost costs revenue margin "
    "margins users requests usage month monthly quarter".split()
)
"""What a slip of the keyboard rather is, of several words near."""


def vocabulary_words() -> frozenset[str]:
    """The words that mean something: what a slip of the keyboard may be mended to. A filler is none of them, because to
    mend to it is to leave a word out.
    """
    patterns = [pattern for metric in METRICS for pattern in metric.patterns]
    patterns += [pattern for pattern, _ in AMBIGUOUS]
    patterns += [*DIMENSIONS.values(), CUT, LARGEST, SMALLEST, NEGATION, BREAKDOWN, AHEAD]
    patterns += [SUPPOSED, OTHERS, CURRENCY, LEFT_OUT]
    return frozenset(word for word in spelt(patterns) if len(word) > 1) | ACTING | FOREIGN


def dimension_words() -> frozenset[str]:
    """The words for dimensions, alone or as parts of their names."""
    return spelt(DIMENSIONS.values())


def spelt(patterns: Iterable[str]) -> frozenset[str]:
    """The words that patterns are made of."""
    return frozenset(
        word for pattern in patterns for token in _TOKEN.findall(pattern) for word in _spelt(token)
    )


_TOKEN = re.compile(r"(?:(?<![@\\?a-z])|(?<= \)\?))[a-z]+(?:\(\?:[a-z|?]*\)\??|\[[a-z]+\]\??|\?|[a-z]+)*")
_CHOICE = re.compile(r"\(\?:([^()]*)\)(\?)?|\[([a-z]+)\](\?)?|([a-z])\?")


def _spelt(token: str) -> list[str]:
    """The words that a pattern of one word fits."""
    found = _CHOICE.search(token)
    if found is None:
        return [token]
    ways = found[1].split("|") if found[1] is not None else [*(found[3] or found[5])]
    if found[2] or found[4] or found[5]:
        ways.append("")
    return [word for way in ways for word in _spelt(token[: found.start()] + way + token[found.end() :])]
