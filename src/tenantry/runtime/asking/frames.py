"""Small words that may change a question: each passes where it stands in a frame of its own, and is asked about
elsewhere.
"""

from __future__ import annotations

import re
from functools import cache

from .lexicon import DIMENSIONS

_KIND = "|".join(DIMENSIONS.values())
_NAME = r"@(?!not(?!\S))\w+(?: (?:tiers?|plans?|features?|line|service))?"
_FIGURE = r"\$\w+"
_COSTS = r"\$(?:\w*cost|usage|explain|change|certificate)"
_LED = r"(?:(?:the|our|its|their|a|an|in|on|for|from|of|at|with|to|by|aws|amazon|also|total|number|all|any|each|how|much|many|what|which|did|do|does|has|have|is|was|were|are|we|it|they|us|even) )*"
_THING = rf"(?:{_NAME}|{_FIGURE}|·)"
_TRAFFIC = r"\$(?:requests|errors|error_rate|usage|active_users|adoption|breadth|cost_per_request)"
_SMALL = {
    "vs versus against": (rf"{_THING}(?: us| {_KIND})? ~ {_LED}{_THING}", rf"^(?:and )?~ {_LED}{_NAME}", rf"~ {_LED}\$\w+ {_LED}@"),
    "or": (rf"{_THING} ~ {_LED}{_THING}",),
    "and": (
        "^ ~", r"~ @not", rf"~ {_LED}(?:{_THING}|{_KIND})", "(?:ok|okay|yes|well|thanks|so) ~",
        rf"~ (?:tell|show|give) (?:me |us )?{_LED}(?:{_THING}|{_KIND})", "~ (?:by )?how much$",
    ),
    "between": (rf"~ {_LED}{_THING} and {_LED}{_THING}", "~ ·"),
    "than": (rf"(?:more|less|fewer|better|worse|·) ~ {_LED}{_THING}",),
    "over": ("~ ·", rf"~ (?:at|all) {_LED}(?:{_THING}|{_KIND})"),
    "under": ("~ (?:its|their|the|his)(?= (?:plans?|tiers?|·|contracts?)|$)",),
    "across among amongst": (rf"~ (?:all |of |our |the )*(?:{_NAME} )?(?:{_KIND})", "~ ·"),
    "into during per": (rf"~ (?:the |our |all )*(?:{_NAME} )?(?:{_KIND})", "~ ·"),
    "by": (
        rf"~ (?:the |our |all |each )*(?:{_NAME} )?(?:{_KIND})", rf"~ (?:the |our |their )*(?:@\w+ )?{_FIGURE}", rf"~ (?:the |our )*{_NAME}",
        "~ (?:how (?:much|many)|what (?:percent(?:age)?|·))", r"~ (?:the )?· \$adoption",
    ),
    "but": ("^(?:ok |okay |yes |well )?~", "^· ~ ·$", "~ @not", rf"(?:{_KIND}) ~ {_LED}{_NAME}"),
    "so then": ("^(?:and |ok |okay |well |right |so )*~",),
    "still": (rf"(?:is|are) ~ {_LED}{_THING}",),
    "could would can": (r"~ (?:you|we|i|somebody|someone)", r"~ .*\$(?:list_cost|contracted_cost)"),
    "must": ("~ we",),
    "only just": (
        rf"~ {_LED}(?:(?:ones?|{_KIND}) {_LED})?{_THING}", rf"{_THING}(?: (?:{_KIND}|ones))? ~", rf"^~ {_LED}(?:{_KIND}|·)",
        rf"(?:{_KIND}) {_LED}{_THING} ~",
    ),
    "api": (rf"~ {_TRAFFIC}", rf"{_TRAFFIC} (?:to|of|on|in|from|by) (?:the |our )*~"),
    "product products app application software system platform": (rf"(?:use[sd]?|using|{_TRAFFIC})(?: \S+){{0,3}} ~",),
    "list": ("^(?:please |can you |could you |and |then |i want )*~", "(?:a|an|the|me|as) ~", "~ (?:of|all)"),
    "like": ("look ~", "(?:i|we|you|would) ~"),
    "there": ("(?:is|are|was|were|be|been) ~", "~ (?:is|are|was|were|a|any)"),
    "you": (r"(?:do|did|can|could|would|are|will|have) ~ (?!\$(?:\w*cost|revenue|margin)(?!\S))\S+", "~ (?:can|could|have|would|expect|know)"),
    "your": (r"~ \$forecast_accuracy",),
    "aws amazon": (rf"~ (?:{_NAME}|{_COSTS})", rf"{_COSTS}(?: of| on| from| to| at| for| by| us)* ~", r"(?:from|by|pay|paying) ~"),
    "each every": (
        rf"~ (?:of )?(?:the |our |single )*(?:{_NAME} )?(?:{_KIND})", rf"~ (?:of )?{_LED}{_NAME}", rf"{_NAME} (?:and|or) {_LED}{_NAME} ~",
        rf"and {_LED}{_NAME}.* ~", rf"(?:{_KIND}) ~", "~ ·",
    ),
    "compare": (r"^(?:please |can |you |could |we )*~ ",),
    "go goes going come comes came coming": ("~ (?:to|in|into|from|out|at|on|together)", r"· (?:did|does|do|has|have) \S+ ~", r"~ · .*\$explain"),
}  # fmt: skip
"""By words, the frames that they may stand in: `~` is the word."""
_FRAMES = {word: frames for words, frames in _SMALL.items() for word in words.split()}
_NEVER = frozenset("might shall here nobody ours mine compared".split())
FRAMED = frozenset(_FRAMES) | _NEVER
"""Words that are asked about outside of their frames."""


def unframed(text: str) -> list[str]:
    """The small words of a text that stand in no frame; names, figures and what was taken are marked in it."""
    return [
        found.group()
        for found in re.finditer(r"\S+", text)
        if found.group() in FRAMED
        and not any(
            before.search(text[: found.start()]) and after.match(text[found.end() :])
            for before, after in map(_around, _FRAMES.get(found.group(), ()))
        )
    ]


@cache
def _around(frame: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    before, _, after = (part.strip() for part in frame.partition("~"))
    lead = f"(?:^| )(?:{before.removeprefix('^')}) $"
    if before.startswith("^"):
        lead = rf"^(?:(?:{before.removeprefix('^')}) ?)?$"
    return (
        re.compile(lead if before else ""),
        re.compile(rf" (?:{after})(?!\S)" if after else ""),
    )
