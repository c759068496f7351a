"""A question's words, from which each reader takes what it understands."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from .claims import MONTH

TAKEN = "·"
"""Stands where words were taken, so that what stood apart stays apart."""
_MARK = "['\N{RIGHT SINGLE QUOTATION MARK}]"
_SOON = (
    r"(?:tomorrow|today|later|this (?:morning|afternoon|evening)|on \w+day|in (?:an hour|\w+ minutes)"
    r"|at (?:noon|one|two|three|four|five|nine|ten|eleven|twelve|\d+))"
)
_I_AM = "(?:i am|we are|i.m|we.re)"
_MEETING = f"{_I_AM} (?:meeting|seeing|calling|visiting)"
_SPELLINGS = (
    (r"\berr(?= ?%)", "error"), (r"\bgp(?= ?%)", "gross margin"), (r"\bfcst\b", "forecast"),
    (r"\bdaus?\b", "daily active users"), (r"\bwaus?\b", "weekly active users"), (r"(?<=\d )mos?\b", "months"),
    (r"^list, (?=contracted|billed|invoiced|effective)", "list cost, "), (r"-grained\b", ""),
    (r"\bbegin of\b", "beginning of"), (r"\b(mom|yoy|qoq) deltas?\b", r"\1 change"),
    (r"\bw/o\b", "without"), (r"\bmo[./]mo\b|\bm[./]m\b", "mom"), (r"\by[./]y\b", "yoy"), (r"%", " percent "),
    (r"\bper cent\b", "percent"), (r"\bpull(?: up)?\b(?! requests?)", "show"),
    (r"\b(?:call (?:up|out)|bring up|put together|(?:set|lay|spell) out|(?:walk|take|run|talk) me through)\b", "show"),
    (r"\b(?:fill me in on|run (?:me )?the numbers (?:for|of|on))\b", "show"),
    (r"\b(tenant|customer|client|account|tier|plan|service|feature|meter)s?[ -]wise\b", r"by \1"),
    (r"\b(tenant|customer|tier|plan|feature)-level\b", r"by \1"),
    (r"\b(to|until|till|between \S+(?: \S+)? and) now\b", r"\1 today"),
    (r"\b(\d+|two|three|four|five|six|twelve) (last|past|previous) (?=(?:days|weeks|months|quarters)\b)", r"\2 \1 "),
    (r"\b(?:fork|shell|dish|splash|dol)(?:es|s|ed|ing)? out\b|\bcough(?:s|ed|ing)? up\b", "spend"),
    (r"(?<=[a-z])/(?=(?:mau|dau|user|request|req|call|seat)s?\b)", " per "), (r"\bwhos\b", "whose"),
    (r"\bcash(?:es|ed|ing)? in\b", "earn"), (r"\blucrative\b", "profitable"),
    (r"\b(months|weeks|days) of the year\b", r"\1 of this year"),
    (r"\bpr\b(?!\.)", "per"), (r"\bmost recent\b", "latest"), (r"^present (?=the|our)", "show "),
    (r"\b(?:customer|client) (?=(?:segment|tier|plan)s?\b)", ""),
    (r"\bin (?:ascending|increasing|rising) order\b", "smallest first"),
    (r"\bin (?:descending|decreasing|falling) order\b", "largest first"),
    (r"\b(0[1-9]|1[0-2])/(20\d\d)\b", r"\2-\1"), (rf"\b({MONTH}) ?[-/] ?(?=(?:{MONTH})\b)", r"\1 to "),
    (r"\bmonthly recurring\b", "recurring"), (r"\bbar (?!charts?|graphs?|plots?|of\b)", "except "),
    (r"\bcalendar (?=year|quarter|month|20\d\d)", ""), (r"\bcy ?(\d\d)\b", r"20\1"),
    (r"\byear (?=(?:19|20)\d\d\b)", ""),
    (r"\bname (?=(?:the|all|our|every)\b)", "list "),
    (r"\bif (?:you|we|one|i) (?=(?:leave|leaving|take|set|ignore|exclude|drop)\b)", ""),
    (r"\bleav(?:e|ing) ((?!out\b)\S+(?: \S+){0,3}?) out\b", r"without \1"),
    (rf"\b{_MEETING} (?:the (?:people|team) (?:from|at|of) )?((?:\S+ ){{1,4}}?){_SOON}\b", r"\1"),
    (r"\b(?:break|split) ((?!down\b|up\b)(?:\S+ ){1,4}?)(?:down|up)(?= (?:by|per|into)\b)", r"show \1"),
    (r"^forget (?:about )?(?=[^:]*: )|^(?:(?:now|and|ok|please),? )*take out (?:the )?", "without "),
    (r"\bvs\.", "vs"), (r"\bw[./]w\b", "wow"), (r"\bunder water\b", "underwater"),
    (r"\$(?:/| per )(?=[a-z])", "cost per "),
    (r"\bent\b(?!\.)", "enterprise"), (r"\breqs\b", "requests"), (r"\breq\b", "request"),
    (r"\b(effective|amorti[sz]ed) (?=(?:vs|versus|against)\b)", r"\1 cost "),
    (r"\b(vs|versus|against) (effective|amorti[sz]ed)\b(?! (?:costs?|spend))", r"\1 \2 cost"),
    (r"\b(?:an?|one|the) (day|week|month|quarter|year) earlier\b", r"the \1 before"),
    (r"^(?:the )?invoice (?=by |per )", "billed "),
    (r"\bunit econ(?:omics)?(?= ?:)", ""),
    (r"\bparts? of (?:the|our) product\b", "features"), (r"(?<!\S)n(?= )", "and"),
    (r"\bopening (?=quarter|month|half|week)", "first "), (r"\bclosing (?=quarter|month|half|week)", "last "),
    (r"\bend of (?:the|this) year\b", "end of december"), (r"\btel (?=me\b)", "tell "), (r"\bab(?:uo|o)t\b", "about"),
    (rf"\b(last|this) year{_MARK}s ((?:jan|feb|mar|apr|may|ju[nl]|aug|sep|oct|nov|dec)\w*)", r"\2 \1 year"),
    (r"\b((?:19|20)\d\d)[ -]?(q[1-4]|h[12])\b", r"\2 \1"), (r"\b(?:a )?dozen\b", "twelve"),
    (r"\bexplain(?: to)?(?: me| us)?,? why\b", "why"),
    (r"\bchristmas eve\b", "24 december"), (r"\bchristmas day\b", "25 december"),
    (r"\bnew year(?:.s)? eve\b", "31 december"), (r"\bnew year(?:.s)?(?: day)?\b", "1 january"),
    (r"\b(?:is|are|was|were) not the same as\b", "different from"),
    (rf"\bcan{_MARK}t\b|\bcannot\b", "can not"), (rf"\bwon{_MARK}t\b", "will not"), (rf"(?<=[a-z])n{_MARK}t\b", " not"),
    (r"\b(?:if (?:you|we|one|i) )?do not (?:count|include|consider)\b", "not counting"),
    (rf"{_MARK}(?:s|re|ve|ll|d)\b", ""), (r"[\N{EN DASH}\N{EM DASH}]", " - "),
    # Slips in words too short or too common to mend by their letters.
    (r"\b(?:adn|nad)\b", "and"), (r"\b(?:teh|hte)\b", "the"), (r"\b(?:waht|whta)\b", "what"),
    (r"\b(?:mcuh|muhc)\b", "much"), (r"\bm(?:ny|nay|ayn)\b", "many"), (r"\b(?:hav|haev|hvae)\b", "have"),
    (r"\bpl[sz]\b", "please"), (r"\bnxt\b", "next"), (r"\bhwo\b", "how"),
    (r"\bw(?:y|yh|hi)\b", "why"), (r"\busrs?\b", "user"), (r"\btpo\b", "top"), (r"\bwek\b", "week"),
    (r"\bw(?:ich|hcih|ihch)\b", "which"), (r"\bcomp(?:air|aire|ear)\b", "compare"),
)  # fmt: skip
_ASKERS = (
    "(?:the |our |my |an? |some )?(?:ceo|cfo|cto|coo|boss|manager|management|board|auditors?|controllers?|finance"
    "|investors?|leadership|colleagues?|directors?|executives?|stakeholders?)|somebody|someone"
)
_HAVE = "is|are|was|were|keeps?|has|have|had|been|will|also|just|now|again|really"
_ASKS = "curious|wondering|asks?|asked|asking|wants?|wanted|would (?:like|love)|needs?|needed"
_BEGINS = "(?:^|(?<=[,;:.!?] ))"
_ASIDES = (
    rf"{_BEGINS}(?:(?:could|can|would|will) you )?(?:please )?(?:tell|show|give) (?:me|us)(?! (?:about|everything))",
    rf"{_BEGINS}i (?:would )?(?:like|love|want|need) to (?:know|see|hear|understand)",
    "(?:a )?quick (?:question|one)|(?:hi|hello|hey|dear|thanks) (?:there|all|team|folks|guys)|hello|cheers",
    "^(?:good )?(?:morning|afternoon|evening)|thanks (?:a lot|in advance)|much appreciated|by the way|btw|fyi",
    rf"(?:{_ASKERS})(?: (?:{_HAVE}))* (?:{_ASKS})(?: (?:me|us|about|for|to (?:know|see|hear|have)))*",
    "in general|all in all|by and large",
    rf"{_MEETING} (?:them|him|her)(?: {_SOON})?",
    rf"i(?: have|.ve got| got) (?:the|an?|our|my) (?:\w+ )?(?:board|meeting|call)(?: with them)?(?: {_SOON})?",
    f"{_I_AM} new here",
    "they(?: are|.re) on the (?:phone|line|call)",
    "sorry(?: to (?:bother|disturb|ask)(?: you)?)?|(?:just )?(?:curious|asking|wondering)",
    "i (?:was )?wonder(?:ing|ed)?",
    r"(?<!pay )(?<!paid )(?<!spend )(?<!spent )for (?:the|my|our|an?) (?:\w+ )?(?:decks?|slides?|presentation)",
    rf"{_BEGINS}for (?:the|my|our|an?) (?:\w+ )?(?:meeting|board|review|audit|call)",
    r"before (?:the|my|our) (?:\w+ )?meeting|for my (?:own )?(?:understanding|information|interest|notes|records)",
    "to (?:my|our|your) knowledge|as far as (?:we|you|i) (?:know|can (?:see|tell))|afaik|asap|as soon as possible",
    "if (?:(?:it|that) is )?possible|if (?:you|we) (?:can|could|like|want|please|may|do not mind|have time)",
    "when(?:ever)? you (?:can|(?:have|get|find) (?:(?:a|some|the) )?(?:minute|moment|second|chance|time))",
    r"(?:please|thanks|thank you(?: (?:so|very) much)?|for me)(?=[\s?.!]*$)",
    "(?:roughly|broadly|generally) speaking|at a glance|in (?:short|brief|a nutshell|plain words)",
    "(?:do you|does any(?:one|body)) (?:happen to )?know|any idea|help me (?:to )?understand",
    r"remind me(?: again)?,?(?= (?:what|how|which|who|of)\b)|to be (?:clear|honest|precise)",
)
"""What people say beside a question: to whom, for what, and how kindly."""
_ASIDE = re.compile(rf"(?<![\w-])(?:{'|'.join(_ASIDES)})(?![\w-])")
_WORD = re.compile(
    r"\d{4}-\d{2}(?:-\d{2})?(?:\.\.\d{4}-\d{2}-\d{2})?|\d+(?:st|nd|rd|th)\b|\d+[^\W\d]\w*|\d+(?:[.,]\d+)*|[^\W\d_]\w*|-|\d\w*"
)
_SHORT, _MIDDLE, _LONG = 4, 6, 9
_VOWEL = re.compile("[aeiou]")
_FORM, _ENDING = re.compile(r"(?:ed|ing|ers?|ors?)$"), re.compile(r"(?:es|s|e|ing)?$")


def words_of(text: str) -> list[str]:
    """The words of a folded text, in lower case; hyphens and underscores part words, dates stay whole."""
    text = text.lower()
    for pattern, plain in _SPELLINGS:
        text = re.sub(pattern, plain, text)
    text = _ASIDE.sub(" ", text)
    text = re.sub(r"(?<=[^\W_])_(?=[^\W_])|(?<=[^\W\d])[-/](?=\w)|(?<=\w)[-/](?=[^\W\d])", " ", text)
    return _WORD.findall(text)


@cache
def _whole(pattern: str) -> re.Pattern[str]:
    """A pattern over whole words."""
    return re.compile(rf"(?<!\S)(?:{pattern})(?!\S)")


@cache
def _parts(pattern: str) -> frozenset[str]:
    """Letters that stand together in a pattern, of which any text that fits it has some; not the last before `?`."""
    found = re.findall(r"[a-z]+\??", re.sub(r"\[[a-z]+\]", " ", pattern))
    return frozenset(part[:-2] if part.endswith("?") else part for part in found) - {""}


@dataclass
class Words:
    """Words in order; those that were taken are marked."""

    words: list[str]

    def __str__(self) -> str:
        return " ".join(self.words)

    def take(self, pattern: str, mark: str = TAKEN) -> re.Match[str] | None:
        """The first run of whole words that fits, which is then marked."""
        text = str(self)
        found = _whole(pattern).search(text)
        if found is None:
            return None
        self.put(found, mark)
        return found

    def put(self, found: re.Match[str], text: str) -> None:
        """Other words in place of a run that was found."""
        first = str(self)[: found.start()].count(" ")
        self.words[first : first + found.group().count(" ") + 1] = text.split(" ")

    def find(self, pattern: str) -> re.Match[str] | None:
        """The first run of whole words that fits; nothing is taken."""
        return _whole(pattern).search(str(self))

    def may_have(self, pattern: str) -> bool:
        """Whether a run of words may fit a pattern of words: one that has no part of theirs need not be compiled."""
        text = str(self)
        return any(part in text for part in _parts(pattern))

    def has(self, pattern: str) -> bool:
        """Whether a run of whole words fits."""
        return self.find(pattern) is not None

    def left(self, known: Iterable[str]) -> list[str]:
        """Words that nobody took and that mean something."""
        passed = {*known, TAKEN, "-"}
        return [word for word in self.words if word not in passed and word[0] not in "@$"]


def corrected(
    words: Sequence[str],
    known: Collection[str],
    mendable: Collection[str],
    first: Collection[str] = (),
    names: Collection[tuple[str, str]] = (),
) -> tuple[list[str], dict[str, str]]:
    """The words with slips of the keyboard mended, and which those were: one edit, two in long words, to the only word
    near, or the only one that makes one of the `names` with the word beside it, or the only one of the `first`. In a
    short word no letter is another: `teal` is not `tell`. Of the letters of a long one two may have changed places, and
    one of the `first` may be written without its vowels.

    A word that begins otherwise than one to mend to, or is near to several, stays as it is; so does a verb's form of a
    name: what was `reported` was no report.
    """
    named = {word for pair in names for word in pair if word}
    mended: dict[str, str] = {}
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        if word in known or len(word) < _SHORT - 1 or not word.isalpha() or word in mended:
            continue
        spoken = [other for other in first if other != word and _VOWEL.sub("", other) == word]
        if len(spoken) == 1:
            mended[word] = spoken[0]
        if word in mended or len(word) < _SHORT:
            continue
        most = 1 if len(word) < _LONG else 2
        near = [
            (distance, other)
            for other in sorted(other for other in mendable if other[:1] == word[0])
            if len(other) >= _SHORT - 1 and abs(len(other) - len(word)) <= most
            and not (len(word) < _MIDDLE and len(other) == len(word) and sorted(other) != sorted(word))
            and (distance := _edits(word, other, 2)) <= (2 if _is_mixed(word, other) else most)
            and not (other in named and _is_form(word, other))
        ]  # fmt: skip
        nearest = sorted(other for distance, other in near if distance == min(near)[0])
        whole = [other for _, other in near if {(before, other), (other, after)} & {*names}]
        favoured = whole or [other for other in nearest if other in first] or nearest
        if len({other.removesuffix("s") for other in favoured}) == 1:
            mended[word] = favoured[-1]
    return [mended.get(word, word) for word in words], mended


def _is_mixed(word: str, other: str) -> bool:
    """Whether it is the same letters in another order."""
    return len(word) >= _MIDDLE and sorted(word) == sorted(other)


def _is_form(word: str, name: str) -> bool:
    """Whether a word is a name's verb, as `reported` is of `reports`."""
    stem = _FORM.sub("", word)
    return stem != word and stem == _ENDING.sub("", name)


def _edits(one: str, other: str, most: int) -> int:
    """Insertions, deletions, replacements and swaps of neighbours between two words (Damerau 1964); more than `most` is
    `most + 1`.
    """
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        now = [row]
        for column, there in enumerate(other, 1):
            cost = min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != there))
            swapped = row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == there
            now.append(min(cost, before[column - 2] + 1) if swapped else cost)
        if min(now) > most:
            return most + 1
        before, last = last, now
    return last[-1]
