"""Text that came with data, as people may see it."""

from __future__ import annotations

import re
import unicodedata

_PLAIN = re.compile(r"[\w.,&'()+/:@ -]+")
_LONGEST = 120


def shown(name: str) -> str:
    """A name from data as a reader may see it: one line, no invisible or reordering characters, never markup."""
    name = " ".join(stripped(name).split())
    name = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return name if _PLAIN.fullmatch(name) and "//" not in name else "`" + name.replace("`", "'") + "`"


def stripped(text: str) -> str:
    """Without control, format (zero-width, bidirectional), private and unassigned characters; spaces stay."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C")
