"""Text that came with data, as people may see it."""

from __future__ import annotations

import re
import unicodedata

_PLAIN = re.compile(r"[\w.,&'()+/:@ -]+")
_LONGEST = 120
_LINK = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://|www\.|data:|mailto:)\S*|!?\[[^\]\n]*\]\([^)\n]*\)?|<[a-z/!][^>\n]*>?",
    re.IGNORECASE,
)
_LONGEST_PASSAGE = 4_000
_MARKS = str.maketrans("“”", "''")


def shown(name: str) -> str:
    """A name from data as a reader may see it: one line, no invisible or reordering characters, never markup."""
    name = " ".join(stripped(name).split())
    name = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return name if _PLAIN.fullmatch(name) and "//" not in name else "`" + name.replace("`", "'") + "`"


def quoted(text: str) -> str:
    """What a stranger wrote, in quotation marks that nothing in it ends."""
    return f"“{passage(text.translate(_MARKS))}”"


def passage(text: str) -> str:
    """A text from data as a reader may see it: one paragraph, cut where it is long; no invisible or reordering
    characters, no links, no markup, no handles.
    """
    text = _LINK.sub("(link)", " ".join(stripped(text).split()))
    text = text.replace("`", "'").replace("[[", "[").replace("]]", "]")
    return text if len(text) <= _LONGEST_PASSAGE else f"{text[: _LONGEST_PASSAGE - 1]}…"


def stripped(text: str) -> str:
    """Without control, format (zero-width, bidirectional), private and unassigned characters; spaces stay."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C")
