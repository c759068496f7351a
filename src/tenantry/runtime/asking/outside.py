"""Words of what lies outside: deeds, what nobody here knows, what is not so, and other money."""

from __future__ import annotations

_SHOWN = (
    "tables?|charts?|graphs?|plots?|lists?|bar|overview|summary|ranking|comparison|breakdown|report|forecast"
    "|profit|loss"
)
ACTING = frozenset(
    """
    abort activate add adjust alert allow allowlist alter announce anonymise anonymize apologise
    apologize apply appoint approve archive arrange ask assign attach authorise authorize automate bake
    ban blacklist block book boot bump buy bypass call cancel cap change charge chase clone close
    collect configure congratulate connect contact convert cook copy create credit deactivate decline
    decrease delegate delete delist demote deny deploy deprovision detach disable disconnect dismiss
    ditch downgrade downsize drop duplicate edit email enable encrypt enforce ensure erase escalate
    evict execute exempt expel extend fill fire fix follow forbid force forget forgive forward freeze
    fund grant greet guarantee halt halve hand hide hire hold ignore impersonate implement increase
    inform inject insert install invest invite kick kill launch lock lower mail merge migrate modify
    move mute negotiate notify offboard onboard organise organize overwrite paint pause pay permit phone
    ping play post postpone pretend prevent promise promote provision publish punish purchase purge push
    put raise reallocate reboot rebuild recalculate recover recruit redeploy redesign reduce refactor
    refund reimburse reinstate reject relaunch release relocate remind remove rename renegotiate renew
    reopen repair replace replay reply reprice reprocess rerun rescale resend reserve reset resize
    resolve respond restart restate restore resume retrain retry revert revoke rewrite rollback rotate
    run scale schedule sell send set shrink shut slash snooze start stop submit subscribe
    suspend swap switch sync tag terminate throttle transfer translate trigger triple truncate tune turn
    unblock undo unfreeze uninstall unlink unlock unmute unpublish unsubscribe unsuspend update upgrade
    vote waive wake warn whitelist wipe withdraw withhold write
    """.split()
)
"""Verbs of what is done to the world."""
_TO_SOMEBODY = "the|our|my|them|him|her|an?|all|each|every|everyone|everybody|who(?:m)?ever|@tenant"
_DEEDS = (
    rf"(?:make|build|design|prepare|draft|compose) (?:me |us )?an? (?!(?:\w+ )?(?:{_SHOWN}))\S+",
    "make (?:sure|certain|them|him|her|everyone|everybody|@tenant)",
    r"(?:get|bring|drive|push) (?:(?!up|down|me|us)\S+ ){1,5}(?:down|up)",
    r"tell (?!me|us|how|what|which|whether|who|about|all|everything)\S+",
    r"let (?!me|us|s )(?:\S+ ){1,4}know",
    rf"(?:message|text|page|slack|bill|invoice|fine|tax|price|discount|double|flag|mark|give) (?:{_TO_SOMEBODY})",
    rf"(?:clear|clean|save|load|sign|open|file|cut|bring|drive|push) (?:up |down )?(?:{_TO_SOMEBODY})",
    "ring (?:me|us|up)|order (?:an?|some|more|me|us)|log (?:me|us|in|into|out|off)|sign (?:up|off)",
    "cut (?:costs?|spend(?:ing)?|prices?)",
    "(?:speed|slow|spin|roll|set|lay|hand|carry|back|clean|tear|opt|take) (?:up|out|off|over|back|down|away)",
)
ACTS = "|".join((*sorted(ACTING), *_DEEDS))
"""A text that begins with one of these asks for a deed."""
_NOUNS = (
    "alert|block|book|call|change|charge|credit|decrease|drop|forward|increase|e?mail|post|raise|release|run|set|sync|tag"
    "|transfer"
)
NOT_ACTS = (
    rf"(?:give|build|make|prepare|draft) (?:me |us )?(?:the|an?) (?:\w+ )?(?:{_SHOWN})|run (?:me|us)|reduce to|post a|"
    "write down the (?:cost|revenue)|pay(?:ing)? (?:us|less|more)|swap in|update (?:on|about)|"
    r"put (?:\S+ ){1,8}(?:together|in (?:its|their) place)|"
    r"(?:set|put|hold|lay|place) (?:\S+ ){1,14}(?:against|beside|next to|alongside|side by side)|"
    rf"(?:{_NOUNS}) (?:by|per|of|in|from|since|costs?|cogs|spend(?:ing)?|usage|use|volumes?|counts?|traffic|storage"
    "|rates?)"
)
"""A text that begins with one of these does not, though it begins like one that does."""

FOREIGN = frozenset(
    """
    acquisition address age alert alerts angry anomalies anomaly audit availability azure berlin birthday
    budget budgets bug bugs cac calendar campaign carbon card cash cash-flow ceo cfo churn cmo co2 code
    commit commits competition competitor competitor-price competitors complain complained complaint
    complaints compliance contract contracts conversion coupon cpu credentials credit-card csat cto
    customer-satisfaction deal deals debt deployed deployment deployments developer developers discount
    discounts disk divorce ebitda election electricity emails emissions employee employees energy-use
    engineer engineers english exchange fast faster fed feel feeling feels footprint forecast forecasted
    forecasts founder french frustrated funding funnel future fx gcp gdp gdpr german germany github gitlab
    google grammar graviton green greenest growth-rate hacker hackers happy headcount hubspot hungry idle
    inbox incident incidents inflation investor investors iphone iphones jira joke jokes key keys latency
    law lawyer lead leads legal legal-advice life lines loan loans loc logged login logins love ltv market
    marketing markets meaning meeting memory name-of netflix next nps nrr old on-call oncall opportunities
    opportunity optimise optimize outage outages p50 p95 p99 password passwords payback payroll
    performance persona personas phone pipeline poem predict predicted prediction predictions president
    pull ram ransom rate-of-exchange recommend recommendation renew renewal rep repository reps response
    retention review reviews rightsize rightsizing rival rivals roi runway salaries salary sales-rep
    salesforce satisfaction satisfied save savings secret secrets security sentence sentience sentiment
    share-price shares should signed-in sla slack slo slos slow slower slowest song source spanish spanner
    staff stock story sustainability tax taxes ticket tickets time time-spent token-secret tomorrow
    translate translation trial trials unhappy upsell upset uptime utilisation utilization valuation vat
    vulnerabilities vulnerability weather will words
    """.split()
)
"""Words of what no tool of the catalog knows: a question with one of them is refused."""

ASIDE = frozenset(
    """
    calendar code contract contracts deal deals future idle key keys lead leads life lines meeting next old
    response should time tomorrow will words
    """.split()
)
"""Those of them that are also said in passing: beside a figure that there is they are a reason to ask."""

NO_SLIPS = frozenset(
    """
    executive inflated lifted lowered present raised reduced
    actively actual allegation approval area areas aside attack automatic back bacon band bang bare
    black blank blow books boring broke builder builders building busy cached cases cast casting
    certainly chance chances changing channel channels check clash clauses clinic coded codes cold
    complete completed composed computation confused constant consulted contacted contained contains
    content contents contrary contrast contributing contributor contributors convention conversation
    counter counters counts course cover covers crash creative customary dealt deck decks delegate
    delegates difference differences different director directory disjoint dynamic earliest effected
    effectively estimate estimates event events ever exceed exceeded exceeding excessive expert
    experts exploited export exported exporting expressive extensive fact fair falling far fear
    featured fees figured followed following font forth fully functional given grain grouping guards
    handled hash headed heading headings healthy hearing hears hint hints historic hold holds
    important improper improved incidental increment increments inert informed instance instances
    interacting interaction interactions introduced inventory inverted involved involving iteration
    iterations joint layer layers leaves likewise loading lock locked logger logging logistic lots
    machine machinery mark marks match matched meant median mere mins monitor monitored monitors
    monkey move moves movie news none note notes noun numbered odds once operation operations
    override packaged paging papers party passage passages paste percentile percentiles performant
    personal plain plane planes planned planning plant plants play player players playing plays
    powered previews previously prime proceeding produced producer producers project projecting
    protect protected protection qualify quantities quantity quote quotes random rational readable
    ready recently reception reckon reckoned reckons recording referring relation relations relied
    relies rely remote reported reporter reporting requested requiring resetting restoring resulting
    retaining returning reusable reviewed revising rights rung sample saving scales scanner
    scheduled seconds seed segmented sender senders sending sends sequence server servers settled
    shape shapes shard shards shared sharing shifting shown signing simpler simply simulated
    simulating situation situations skipping slot slots sourced speaking speed speeds spell spot
    spreading stable stalling standing star stated states stats step steps stopping storing strange
    stronger studio submit supplying supported supporting supposed surprised swapping swing switched
    swung tends terminal terminals testing theme threading throttled timer timers times tracking
    trail training transaction transactions transfer transferred transfers transform transition
    treating tried tries tuned typically unbounded updated valid validation variation vast virtually
    waiting wave waves weakly width winner winners wisely witch worlds
    """.split()
)
"""Words of English a slip of the keyboard away from one that means something here, that mean something else."""

SUPPOSED = (
    r"(?<!me )(?<!check )(?<!see )(?<!know )if (?:we|it|they|i|he|she|all|every|the|our|there|@\w+)|"
    r"what if|suppos(?:e|ing)|assum(?:e|ing)|would (?:it|that|this) cost|would (?:we|it|they|that|"
    r"this) (?:save|gain|lose|earn|happen)|one more(?! thing)|an(?:other| additional| extra)|additional|marginal|"
    r"incremental|do you (?:think|believe|feel|enjoy|like)|your (?:opinion|view|guess)"
)
"""Words of what is not so: no tool knows what would be."""

OTHERS = (
    r"(?:an)?other (?:\w+ )?(?:companies|company|vendors?|business(?:es)?|firms?|startups?)|peers?|"
    r"(?:they|who|customers?|clients?|tenants?|accounts?) (?:have |has |will |may )?(?:leaves?|leaving|left|quit) us|"
    r"peer group|(?:the |our )?industry|benchmark(?:s|ed|ing)?"
)
"""Words for those whose figures nobody here has."""

CURRENCIES = {
    "EUR": "euros?|eur", "GBP": "pounds?(?: sterling)?|sterling|gbp", "JPY": "yen|jpy", "CHF": "francs?|chf",
    "CNY": "yuan|cny", "INR": "rupees?|inr", "CAD": "cad", "AUD": "aud", "SEK": "kronor|sek", "NOK": "nok",
    "DKK": "dkk", "PLN": "zloty|pln",
}  # fmt: skip
"""Words for money of one currency, by its code in ISO 4217; dollars are what most say for any money."""
CURRENCY = rf"in (?P<currency>{'|'.join(CURRENCIES.values())}|kroner)"
