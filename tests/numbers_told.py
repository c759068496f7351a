"""Made-up answers: true ones, composed as ours are from facts, and the same with one number corrupted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from random import Random

from tenantry.kernel import Window
from tenantry.runtime.asking.claims import Claim, claims, folded, months_from
from tenantry.runtime.asking.compose import fill, period
from tenantry.runtime.asking.facts import MONEY, RATIO, Facts
from tenantry.runtime.asking.question import Filter, Question

CURRENCIES = ("USD", "EUR", "GBP")
NOUNS = ("tenants", "users", "requests", "errors")
NAMES = (
    "teal-partners",
    "oak-bank",
    "o'neil 2\" DROP",
    "Route 53",
    "EC2",
    "tenant-7",
    "acme 24",
    "Amazon EC2 (A1)",
    "Zwölf GmbH",
    "one medical",
    "bright-insurance",
    "S3",
    "Third Wave",
    "北京 3",
)
WRONG_WORDS = {"tenants": "users", "users": "requests", "requests": "errors", "errors": "tenants"}
WIDE = {ord("0") + n: chr(0xFF10 + n) for n in range(10)}
ARABIC = {ord("0") + n: chr(0x0660 + n) for n in range(10)}


@dataclass(frozen=True)
class Told:
    """An answer with what vouches for it."""

    text: str
    facts: Facts
    question: Question


def true_answer(random: Random) -> Told:
    """An answer of some sentences, each of which is true."""
    facts = Facts()
    window, before = _windows(random)
    name, other = random.sample(NAMES, 2)
    currency = random.choice(CURRENCIES)
    top = random.randint(2, 20)
    question = Question(
        "cost",
        window,
        "tenant",
        (Filter("tenant", (name,)),),
        top=top,
        compare_to=before,
        asked=f"top {top} tenants by cost for {name} in {period(window)} compared with before",
    )
    of = {"tenant": name}
    cost = facts.add("cost", _amount(random), MONEY, currency=currency, window=window, of=of)
    was = facts.add("cost", _amount(random), MONEY, currency=currency, window=before, of={"tenant": other})
    margin = facts.add("margin", -_amount(random), MONEY, currency=currency, window=window, of=of)
    count = facts.add("n", Decimal(random.randint(21, 99_999)), random.choice(NOUNS), window=window)
    share = facts.add("share", Decimal(random.randint(1, 9999)) / Decimal(10_007), RATIO, window=window)
    delta, part = facts.delta(cost, was), facts.change(cost, was)
    total = facts.sum([cost, was], "both")
    moved = "rose" if delta.value > 0 else "fell"
    sentences = [
        f"{name} cost {{{cost.handle}}} in {period(window)}.",
        f"In {period(before)} {other} cost {{{was.handle}}}: a change of {{{delta.handle}:+}}.",
        f"It {moved} by {{{delta.handle}:+}}, to {{{cost.handle}}}.",
        f"The margin of {name} is {{{margin.handle}}}.",
        f"There are {{{count.handle}}}; {name} has {{{share.handle}}} of all.",
        f"Together {{{total.handle}}} from {window.start} to {window.end - timedelta(days=1)}.",
        f"These are the top {top} tenants.",
        f"{period(window)}: {other} {{{was.handle}}} and {name} {{{cost.handle}}} ({{{share.handle}}}).",
    ]
    if part:
        sentences.append(f"Against {period(before)} that is {{{part.handle}:+}}.")
    chosen = random.sample(sentences, random.randint(2, 5))
    return Told(fill("\n".join(chosen), facts), facts, question)


def _windows(random: Random) -> tuple[Window, Window]:
    size = random.choice((1, 3, 12))
    first = 1 + size * random.randint(0, 12 // size - 1)
    year = random.randint(2021, 2029)
    return months_from(year, first, size), months_from(year - 1, first, size)


def _amount(random: Random) -> Decimal:
    return Decimal(random.randint(1, 10**12)) / Decimal(10) ** random.randint(2, 9)


def corrupted_answer(random: Random) -> Told:
    """A true answer with one number made wrong, or one wrong number added."""
    while True:
        told = true_answer(random)
        found = [claim for claim in claims(folded(told.text)) if _is_told(claim, told)]
        way = random.choice(WAYS)
        text = way(random, told, random.choice(found))
        if text and folded(text) != folded(told.text):
            return Told(text, told.facts, told.question)


def _is_told(claim: Claim, told: Told) -> bool:
    """Whether it is one of the numbers that the answer wrote, not a part of a name."""
    counted = folded(told.text)[claim.end :].lstrip().split(" ")[0].rstrip(";.")
    return claim.kind in {"money", "ratio", "date"} or (claim.kind == "number" and counted in NOUNS)


def _put(told: Told, claim: Claim, text: str) -> str:
    plain = folded(told.text)
    return plain[: claim.start] + text + plain[claim.end :]


def digit(random: Random, told: Told, claim: Claim) -> str | None:
    """Another digit in one place."""
    if claim.kind == "date":
        return None
    places = [n for n, c in enumerate(claim.text) if c.isdigit()]
    place = random.choice(places)
    wrong = random.choice([d for d in "0123456789" if d != claim.text[place]])
    return _put(told, claim, claim.text[:place] + wrong + claim.text[place + 1 :])


def more_digits(random: Random, told: Told, claim: Claim) -> str | None:
    """A digit more in front: ten times and more."""
    if claim.kind == "date":
        return None
    first = next(n for n, c in enumerate(claim.text) if c.isdigit())
    return _put(told, claim, claim.text[:first] + random.choice("123456789") + claim.text[first:])


def scale(random: Random, told: Told, claim: Claim) -> str | None:
    """A thousand or million times as much."""
    if claim.kind not in {"money", "number"}:
        return None
    last = max(n for n, c in enumerate(claim.text) if c.isdigit())
    return _put(
        told,
        claim,
        claim.text[: last + 1] + random.choice(("k", "M", " bn", " million", "e3")) + claim.text[last + 1 :],
    )


def sign(random: Random, told: Told, claim: Claim) -> str | None:
    """The other sign."""
    if claim.kind not in {"money", "ratio"} or not claim.value:
        return None
    if folded(told.text)[: claim.start].endswith("fell by "):
        return None  # by so much it fell: true without the sign
    text = claim.text.lstrip("+-")
    return _put(told, claim, f"{'' if claim.value < 0 else '-'}{text}")


def currency(random: Random, told: Told, claim: Claim) -> str | None:
    """Another currency, a percent sign, or none."""
    if claim.kind != "money":
        return None
    other = random.choice([c for c in (*CURRENCIES, "%", "CHF", "") if c != claim.unit])
    return _put(told, claim, claim.text.replace(claim.unit, other).strip())


def unit(random: Random, told: Told, claim: Claim) -> str | None:
    """A percentage as something else; a count of something else."""
    if claim.kind == "ratio":
        return _put(told, claim, claim.text.replace("%", random.choice(("USD", "tenants", "x", "bps", ""))))
    for noun, wrong in WRONG_WORDS.items():
        if claim.kind == "number" and folded(told.text)[claim.end :].startswith(f" {noun}"):
            plain = folded(told.text)
            return plain[: claim.end] + f" {wrong}" + plain[claim.end + len(noun) + 1 :]
    return None


def script(random: Random, told: Told, claim: Claim) -> str | None:
    """A wrong number in digits of another script, or with something unseen in it."""
    wrong = digit(random, told, claim)
    if wrong is None:
        return None
    way = random.choice((WIDE, ARABIC, None))
    if way:
        return wrong.translate(way)
    first = next(n for n, c in enumerate(wrong) if c.isdigit())
    return wrong[: first + 1] + "\N{ZERO WIDTH SPACE}" + wrong[first + 1 :]


def separators(random: Random, told: Told, claim: Claim) -> str | None:
    """Separators where they mean something else."""
    if claim.kind == "date" or "," not in claim.text:
        return None
    if "." not in claim.text:
        return _put(told, claim, claim.text.replace(",", "."))
    return _put(
        told,
        claim,
        random.choice((claim.text.replace(",", "."), claim.text.replace(",", "", 1).replace(".", ",", 1))),
    )


def spelled(random: Random, told: Told, claim: Claim) -> str | None:
    """A number in words that nothing says."""
    words = random.choice(
        (
            "three hundred and eleven",
            "twenty-seven",
            "forty thousand",
            "nine million",
            "half",
            "twice",
            "a dozen",
            "one hundred and seventeen",
        )
    )
    after = claim.text.split()[-1] if claim.kind == "money" else "percent" if claim.kind == "ratio" else ""
    return None if claim.kind == "date" else _put(told, claim, f"{words} {after}".strip())


def added(random: Random, told: Told, claim: Claim) -> str | None:
    """A sentence more, with a number that no tool gave."""
    number = random.randint(100_000, 999_999)
    sentence = random.choice(
        (
            f"That is {number:,} USD more.",
            f"About {number} tenants did.",
            f"It ranks {number % 90 + 3}rd.",
            f"Expect +{number % 900 + 0.37} %.",
            f"It grew {number % 7 + 2}x.",
            f"By {1990 + number % 25} it was so.",
            f"Since {number % 27 + 1} May 2014 it is so.",
            "Two thirds of it is waste.",
            f"{number}",
            f"USD {number % 1000}.{number % 89 + 10}k a day",
            "It doubled.",
            "Roughly ½ of it.",
            "That was in Q4 2007.",
        )
    )
    return f"{told.text}\n{sentence}"


def moment(random: Random, told: Told, claim: Claim) -> str | None:
    """Another month, quarter or year."""
    if claim.kind != "date":
        return None
    months = ("January", "April", "July", "October", "February", "December")
    wrong = random.choice(
        (
            f"{random.choice(months)} {random.randint(2000, 2015)}",
            f"Q{random.randint(1, 4)} {random.randint(2000, 2015)}",
            f"{random.randint(2000, 2015)}-0{random.randint(1, 9)}-1{random.randint(0, 9)}",
            f"{random.choice(months)} 17",
        )
    )
    return _put(told, claim, wrong)


def moved_date(random: Random, told: Told, claim: Claim) -> str | None:
    """The same date of another year."""
    if claim.kind != "date" or not claim.window:
        return None
    year = str(claim.window.start.year)
    return _put(told, claim, claim.text.replace(year, str(int(year) + random.choice((-7, -3, 2, 5, 11)))))


def turned(random: Random, told: Told, claim: Claim) -> str | None:
    """Said to have fallen what rose, without the sign that would show it."""
    plain = folded(told.text)
    for word, other in (("rose by +", "fell by "), ("fell by -", "rose by ")):
        if word in plain:
            return plain.replace(word, other, 1)
    return None


WAYS: tuple[Callable[[Random, Told, Claim], str | None], ...] = (
    digit,
    digit,
    more_digits,
    scale,
    sign,
    currency,
    unit,
    script,
    separators,
    spelled,
    added,
    moment,
    moved_date,
    turned,
)
