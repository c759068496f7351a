"""The numbers gate: no number of a text passes that is not a fact's, a part of the question or a named period."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import lru_cache

from ...kernel import Window
from ...kernel.money import EXACT
from .claims import NO_YEAR, Claim, claims, folded
from .facts import MONEY, RANK, RATIO, Fact
from .question import Question

_NEGATIVE = frozenset("loss losses lost lose loses minus negative deficit shortfall".split())
_DOWN = frozenset(
    "fell fall falls fallen decrease decreased dropped drop down less lower declined decline reduced shrank "
    "cheaper".split()
)
_NOUNS = frozenset(
    "tenant customer user request error feature service tier plan meter day week month quarter year hour row charge "
    "item unit call event".split()
)  # fmt: skip
_SIGNIFICANT = 2


def gate(
    text: str,
    facts: Iterable[Fact],
    question: Question | None = None,
    names: Iterable[str] = (),
    within: range | None = None,
) -> list[str]:
    """The numbers in a text that nothing vouches for, as they are written there; empty where all are right.

    A figure must be a fact's, rounded to the precision it is written with (of two digits at least), with its sign and
    its currency, percent sign or noun; an ordinal a rank; a date a boundary or the whole of a fact's or the question's
    window; any other number must stand in the question beside the same word. Names, those of facts and question and the
    given ones, are read over. `within`: only what begins at these places of the folded text is judged.
    """
    held = list(facts)
    plain = folded(text)
    judge = _Judge(held, question, names)
    judged = [c for c in claims(judge.without_names(plain)) if within is None or c.start in within]
    return [claim.text for claim in judged if not judge.holds(claim, plain)]


class _Judge:
    """What one answer may say."""

    def __init__(self, facts: list[Fact], question: Question | None, names: Iterable[str]) -> None:
        self.facts = facts
        self.nouns = _NOUNS | {_singular(f.unit) for f in facts}
        windows = [fact.window for fact in facts] + (question.windows() if question else [])
        self.windows = {window for window in windows if window}
        said = {*names, *(question.names() if question else ())}
        said |= {name for fact in facts for name in fact.of.values()}
        money = {(fact.currency or "").casefold() for fact in facts}
        said = {name for name in said if name.casefold() not in money}  # without it no amount could be read
        self.names = _pattern_of(said, frozenset(self.nouns))
        self.asked = folded(question.asked) if question else ""
        self.said = [(claim, self.asked) for claim in claims(self.without_names(self.asked))]

    def without_names(self, text: str) -> str:
        """The text with the names in it blanked: their digits claim nothing."""
        return _blanked(text, self.names)

    def holds(self, claim: Claim, text: str) -> bool:
        """Whether something vouches for what is claimed."""
        if claim.kind == "vague":
            return False
        if claim.kind == "date":
            return self._dated(claim.window) or any(said.window == claim.window for said, _ in self.said)
        if claim.kind in {"number", "ordinal"} and self._was_asked(claim, text):
            return True
        before, after = _around(claim, text)
        with localcontext(EXACT):
            return any(self._is(claim, fact, before, after) for fact in self.facts)

    def _is(self, claim: Claim, fact: Fact, before: list[str], after: list[str]) -> bool:
        match claim.kind:
            case "money":
                fits = fact.unit == MONEY and fact.currency == claim.unit
            case "ratio" | "multiple":
                fits = fact.unit == RATIO
            case "ordinal":
                fits = fact.unit == RANK
            case _:
                fits = self._counts(fact, before, after)
        return fits and _equal(claim, fact.value, _sign(claim, fact, before, after))

    def _counts(self, fact: Fact, before: list[str], after: list[str]) -> bool:
        """Whether a plain number is of the fact's kind: the noun beside it must be the fact's."""
        if fact.unit == RANK:
            return before[-1:] == ["number"]
        if fact.unit in {MONEY, RATIO}:
            return False
        nouns = [word for word in map(_singular, after[:2]) if word in self.nouns] or [
            word for word in map(_singular, before[-1:]) if word in self.nouns
        ]
        return nouns[:1] == [_singular(fact.unit)]

    def _was_asked(self, claim: Claim, text: str) -> bool:
        """Whether the question has the same number beside the same word."""
        before, after = _around(claim, text)
        for said, question in self.said:
            if (said.kind, said.value) == (claim.kind, claim.value):
                said_before, said_after = _around(said, question)
                counts = bool(after) and _singular(after[0]) in self.nouns
                if after and after[:1] == said_after[:1]:
                    return True
                if not counts and before and before[-1:] == said_before[-1:]:
                    return True
        return False

    def _dated(self, claimed: Window | None) -> bool:
        return claimed is not None and any(names_window(claimed, window) for window in self.windows)


def without_names(text: str, names: Iterable[str]) -> str:
    """A folded text with these names in it blanked, but for those that read like figures."""
    return _blanked(text, _pattern_of(names, _NOUNS))


def _pattern_of(names: Iterable[str], nouns: frozenset[str]) -> re.Pattern[str] | None:
    harmless = (name for name in map(folded, names) if _is_name(name, nouns))
    text = "|".join(map(re.escape, sorted(harmless, key=len, reverse=True)))
    return re.compile(rf"(?<!\w)(?:{text})(?!\w)", re.IGNORECASE) if text else None


def _blanked(text: str, names: re.Pattern[str] | None) -> str:
    return names.sub(lambda found: "\x01" * len(found.group()), text) if names else text


@lru_cache(maxsize=4096)
def _is_name(name: str, nouns: frozenset[str]) -> bool:
    """Whether it can be told from a figure: a tenant may be called `5,000 USD`, which is read as what it says."""
    if not any(c.isalpha() for c in name):
        return False
    found = claims(name)
    if any(_singular(word) in nouns for word in re.findall(r"\d ?([a-z]+)", name.lower())):
        return False
    harmless = {"number", "vague", "ordinal"}
    return all(claim.kind in harmless and claim.step == 1 and "," not in claim.text for claim in found)


def names_window(claimed: Window, window: Window) -> bool:
    """Whether a date names a window, its first or last day or the day after; one without a year has the year 4."""
    if claimed.start.year == NO_YEAR:
        return any(
            names_window(_in_year(claimed, year), window) for year in {window.start.year, window.end.year}
        )
    if claimed == window:
        return True
    edges = {window.start, window.end, window.end - timedelta(days=1)}
    return claimed.days == 1 and claimed.start in edges


def _in_year(claimed: Window, year: int) -> Window:
    start = claimed.start.replace(year=year)
    return Window(start, claimed.end.replace(year=year + claimed.end.year - claimed.start.year))


def _around(claim: Claim, text: str) -> tuple[list[str], list[str]]:
    """The three words before and after a claim, within its clause, in lower case."""
    before = re.split(r"[.,;:!?\n](?=\s|$)", text[: claim.start])[-1]
    after = re.split(r"[.;!?\n](?=\s|$)", text[claim.end :])[0]
    words = r"[a-z_]+"
    return re.findall(words, before.lower())[-3:], re.findall(words, after.lower())[:3]


def _sign(claim: Claim, fact: Fact, before: list[str], after: list[str]) -> int:
    """The sign that a text gives a number: written, or by the words around it; 0 where they leave it open."""
    if claim.sign:
        return claim.sign
    near = {*before, *after[:2]}
    if near & _NEGATIVE:
        return -1
    if " - " in fact.formula:
        return -1 if near & _DOWN else 1
    return 1


def _equal(claim: Claim, value: Decimal, sign: int) -> bool:
    said = abs(claim.value) * sign
    if said == value:
        return True
    if len((abs(claim.value) / claim.step).to_integral_value().as_tuple().digits) < _SIGNIFICANT:
        return False
    return value.quantize(claim.step, rounding=ROUND_HALF_EVEN) == said


def _singular(word: str) -> str:
    word = word.lower()
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "ms")) else word
