"""How numbers, times and nothing are written, as regular expressions (RE2) over a whole cell."""

from __future__ import annotations

import re

from ..kernel.money import MONEY_PLACES

_SPACE = r"[\s\x{00a0}\x{202f}\x{feff}]*"
NO_WORDS = ("null", "none", "n/a", "<na>", r"\n")
EMPTY = rf"{_SPACE}(?i:{'|'.join(map(re.escape, NO_WORDS))})?{_SPACE}"

# --- numbers -------------------------------------------------------------------------------------------

# Digits that the engine's own cast reads exactly: all but a few cells.
COMMON = rf"[+-]?\d{{1,19}}(\.\d{{0,{MONEY_PLACES}}})?"
POWER = rf"{_SPACE}[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?{_SPACE}"
NO_NUMBER = rf"{_SPACE}((?i:nan)|-){_SPACE}"

# An amount as people write it: a currency before or after; a minus before or after, or parentheses.
MINUS = r"[-\x{2212}]"
_CURRENCY = r"(?:[A-Z]{0,3}[$€£¥₹]|[A-Z]{3})"
_GROUP = r"[1-9]\d{0,2}"
_APART = r" '\x{00a0}\x{202f}"


def _amount(digits: str) -> str:
    plain = rf"(?:{_CURRENCY} *)?(?:{digits})(?: *{_CURRENCY})?"
    inside = rf"{_CURRENCY} *{MINUS}(?:{digits})"
    return rf"{_SPACE}(?:(?:\+|{MINUS} *)?{plain}|{inside}|{plain} *{MINUS}|\( *{plain} *\)){_SPACE}"


# The point ends the whole digits, groups are set apart by commas, spaces or apostrophes.
POINTED = _amount(rf"\d*\.?\d+|{_GROUP}(?:,\d{{3}})+(?:\.\d+)?|{_GROUP}(?:[{_APART}]\d{{3}})+(?:\.\d+)?")
# The comma ends them, groups are set apart by points or spaces.
COMMA = _amount(
    rf"{_GROUP}(?:[.{_APART}]\d{{3}})+,\d+|{_GROUP}(?:\.\d{{3}}){{2,}}|\d+,(?:\d{{1,2}}|\d{{4,}})|0,\d{{3}}"
)
# 1,234 in London and 1.234 in Paris; only a dollar or pound sign settles it.
AMBIGUOUS = r"[^$£.,]*\d,\d{3}[^$£.,\d]*"


def tie(places: int) -> str:
    """Digits exactly between two numbers of so many places."""
    return rf"[+-]?\d*\.\d{{{places}}}50*"


def longer(places: int) -> str:
    """A number with digits beyond so many places."""
    powers = [rf"\d*\.\d{{{places - down}}}\d*[1-9]0*{_power(down)}" for down in range(-18, places + 1)]
    tiny = rf"[\d.]*[1-9][\d.]*[eE]-0*({'|'.join(map(str, range(places + 1, 100)))}|\d{{3}})"
    return rf"{_SPACE}[+-]?(\d*\.\d{{{places}}}\d*[1-9]0*|{'|'.join(powers)}|{tiny}){_SPACE}"


def _power(down: int) -> str:
    """The power of ten that moves the point so many places to the left."""
    sign = "-" if down > 0 else "[+-]?" if down == 0 else r"\+?"
    return rf"[eE]{sign}0*{abs(down)}"


# --- times ---------------------------------------------------------------------------------------------

_YEAR = r"(19|20|21)\d\d"
_CLOCK = r"\d\d:\d\d(:\d\d([.]\d+)?)?"
ISO = rf"{_YEAR}-\d\d-\d\d([T ]{_CLOCK}( *(Z|UTC))?)?"
OFFSET = rf"{_YEAR}-\d\d-\d\d[T ]{_CLOCK} *[+-]\d\d(:?\d\d)?"
SLASHED = r"\d{1,2}/\d{1,2}/(20)?\d\d( +\d{1,2}:\d\d(:\d\d)?)?"
SLASHED_PARTS = r"^(\d{1,2})/(\d{1,2})/(?:20)?(\d\d)"
EPOCH = r"\d{10}(\d{3}){0,3}"

# --- tags ----------------------------------------------------------------------------------------------

NO_TAGS = r"[{\[] *[}\]]"
