"""What the spelling of one path segment says about it, before anything is counted."""

from __future__ import annotations

import re
from functools import lru_cache

SURE = re.compile(
    r"""
    \d+ | [+]\d{6,}                                                  # integers, phone numbers
    | [0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}         # UUIDs
    | (?=[a-f]*\d)[0-9a-f]{12,} | (?=[A-F]*\d)[0-9A-F]{12,}          # hashes
    | [A-Za-z]{1,6}[-_]?(?=[a-fA-F]*\d)[0-9a-fA-F]{16,}              # hashes behind a type: SM3f0c..., fn-9a1b...
    | [0-7][0-9A-HJKMNP-TV-Z]{25}                                    # ULIDs
    | \d{4}-\d\d-\d\dT[0-9:.%A-Za-z+-]+                              # timestamps
    | \d{1,3}(?:\.\d{1,3}){3}(?:[/%].*)? | [0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F]*  # IP addresses
    | [^@/]+(?:@|%40)[^@/]+\.[^@/]+                                  # mail addresses
    | .*[{}].*                                                       # a template somebody forgot to fill in
    """,
    re.VERBOSE,
)
VERSION = re.compile(r"[vV]\d+(?:[._]\d+)*(?:(?:alpha|beta|rc|p|preview)\d*)*")
DATE = re.compile(r"(?:19|20)\d\d-\d\d(?:-\d\d)?")
ENDING = re.compile(
    r"(.+?)(\.(?:json|xml|csv|html?|txt|pdf|ya?ml|ndjson|atom|rss|png|jpe?g|svg|ics|zip|tar\.gz|gz|parquet)|:[A-Za-z]+)"
)
"""A segment that ends in a format (`{id}.json`) or in a verb (`{name}:cancel`)."""
CLASSES = re.compile(r"[A-Z]+|[a-z]+|[0-9]+|[^A-Za-z0-9]+")
RANDOM_LENGTH, RANDOM_CHANGES = 10, 0.34
DIGIT = re.compile(r"\d")
LONG = 32
"""Few names are longer."""


def ending(segment: str) -> tuple[str, str]:
    """The segment without its format or verb, and that."""
    if "." not in segment and ":" not in segment:
        return segment, ""
    found = ENDING.fullmatch(segment)
    return (found[1], found[2]) if found else (segment, "")


@lru_cache(maxsize=1 << 16)
def is_value(text: str) -> bool:
    """Whether nobody would name a resource so: numbers, UUIDs, hashes, timestamps, addresses, random characters."""
    if text.isalpha() and text.isascii():
        return False
    return SURE.fullmatch(text) is not None or _random(text)


def _random(text: str) -> bool:
    """Letters and digits that change places more often than in words: `9s6XKzkNRiz8i3`, `cus_4fdAW5ftNQow1a`."""
    body = text.rpartition("_")[2] if "_" in text else text
    if len(body) < RANDOM_LENGTH or not body.isalnum() or body.isalpha():
        return False
    return (len(CLASSES.findall(body)) - 1) / (len(body) - 1) > RANDOM_CHANGES


def is_version(text: str) -> bool:
    return text[:1] in {"v", "V"} and VERSION.fullmatch(text) is not None


def oddity(text: str) -> float:
    """Natural log of the odds, by spelling alone, that a segment is a value: higher for digits and escapes."""
    if is_version(text):
        return -6.0
    if text[:1].isdigit() and DATE.fullmatch(text):
        return 2.0
    odds = -0.4
    if text.isalpha() and text.isascii():
        return odds + (0.7 if len(text) > LONG else 0.0)
    digits = len(DIGIT.findall(text))
    if digits:
        odds += 1.4 if digits > 1 or not text[-1].isdigit() else 0.6
    if "%" in text or not text.isascii():
        odds += 1.5
    return odds + (0.7 if len(text) > LONG else 0.0)
