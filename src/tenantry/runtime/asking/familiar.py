"""Whether what is left of a question, once every slot was filled, was met before: only such a question is answered.

Each rule of the grammar was made for questions that somebody thought of. Words that pass it by and change what is asked
(`EC2 list vs contracted`) stand beside each other as in no question that was read rightly; so a text with such a pair
is read back to whoever asks, and not answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import dropwhile, pairwise
from pathlib import Path

from .lexicon import DIMENSIONS
from .reading import Reading

LEARNED = Path(__file__).with_name("familiar.txt")
"""A pair of neighbours a line; learned from `tests/evals` by `benchmarks/familiar.py`."""
Pair = tuple[str, str]
_BEGINS, _ENDS = "^", "/"
_DIMENSION = re.compile("|".join(DIMENSIONS.values()))
_WHO = frozenset({"who", "whom", "whose"})
_COURTESY = frozenset({"please", "kindly", "hey", "hi"})
_OPENING = frozenset({"ok", "okay", "so", "well", "right"})


def pairs(reading: Reading, *, follows: bool) -> Iterator[Pair]:
    """The neighbours in what no slot took, from its beginning to its end: words without those of courtesy, the kinds of
    names, `$` for any figure and `#` for any word for what figures are cut by. `follows`: others were asked before,
    which `so` and `well` may go on from.
    """
    left: Iterable[str] = (word for word in str(reading.words).split() if word not in _COURTESY)
    if not follows:
        left = dropwhile(_OPENING.__contains__, left)
    return pairwise((_BEGINS, *map(_plainer, left), _ENDS))


def unfamiliar(reading: Reading, *, follows: bool) -> str:
    """What of a text stands together as in no question that is known to be read rightly; empty where all is known."""
    strange = next((pair for pair in pairs(reading, follows=follows) if pair not in _familiar()), None)
    if strange is None:
        return ""
    said = " ".join(word for word in strange if word.isalpha())
    return f"I may misread {said!r} here" if said else "I may misread how its parts belong together"


def told(found: Iterable[Pair]) -> str:
    """Pairs as the text of the file that keeps them."""
    return "".join(f"{one} {next_one}\n" for one, next_one in sorted({*found}))


@cache
def _plainer(word: str) -> str:
    return "$" if word.startswith("$") else "#" if _DIMENSION.fullmatch(word) and word not in _WHO else word


@cache
def _familiar() -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(line.split(" ")) for line in LEARNED.read_text(encoding="utf-8").splitlines())
