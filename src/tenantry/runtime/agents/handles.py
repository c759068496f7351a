"""Names that came with data, kept from the model: it sees a handle such as [[tenant_id:1]], readers see the name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from threading import Lock
from typing import Any, cast, get_args

from pydantic import BaseModel

from ...kernel import Catalog
from ...kernel.text import passage, shown, stripped
from ..call import plain
from ..reader import several

HANDLE = re.compile(r"\[\[(?P<column>[a-z][a-z0-9_]{0,40}):(?P<number>[0-9]{1,6})\]\]")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_DAY = re.compile(r"\d{4}-\d\d(-\d\d)?(T[\d:.]+Z?)?(\.\.\d{4}-\d\d(-\d\d)?)?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_LONGEST_WORD = 24
_NO_COLUMN = "name"
_PASSAGE = "quote"
"""The column of what others' agents said: it is shown whole."""


def vocabulary(catalog: Catalog) -> frozenset[str]:
    """The single words of our own pages, names and choices: what data may say to a model as it is, in lower case."""
    texts: list[str] = []
    for capability in catalog.capabilities:
        texts += [capability.name, capability.question, capability.instructions]
        texts += [
            word for tool in capability.tools for word in (tool.name, tool.doc, *_choices(tool.parameters))
        ]
    for dataset in catalog.datasets:
        texts += [dataset.table(), *dataset.columns()]
    words = {word.casefold().rstrip(".-") for text in texts for word in _WORD.findall(text)}
    return frozenset(word for word in words if len(word) <= _LONGEST_WORD)


def _choices(model: type[BaseModel]) -> Iterable[str]:
    for field in model.model_fields.values():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, Enum):
                yield from (str(choice.value) for choice in kind)


class Handles:
    """The handles of one conversation. `words` are our own, `said` is what the person typed: neither is hidden."""

    def __init__(
        self, words: Collection[str], said: str = "", known: Mapping[str, str] | None = None
    ) -> None:
        self._words = words
        self._said = f" {_folded(said)} "
        self._names = dict(known or {})
        self._naming = Lock()  # tools are called side by side
        self._handles = {(h[2:-2].partition(":")[0], name): h for h, name in self._names.items()}

    @property
    def names(self) -> Mapping[str, str]:
        """What stands behind each handle so far."""
        return self._names

    def hear(self, said: str) -> None:
        """Take in what else the person typed."""
        self._said += f"{_folded(said)} "

    def typed(self, value: str) -> bool:
        """Whether the person typed this, as whole words; case and punctuation aside."""
        folded = _folded(value)
        return bool(folded) and f" {folded} " in self._said

    def hidden(self, value: Any, column: str = _NO_COLUMN) -> Any:
        """The value as JSON, with a handle in the place of every text that is neither ours nor the person's."""
        if isinstance(value, BaseModel):
            return {n: self.hidden(getattr(value, n), n) for n in type(value).model_fields}
        if isinstance(value, Mapping):
            pairs = cast("Mapping[Any, Any]", value).items()
            return {str(self.hidden(str(k), column)): self.hidden(v, column) for k, v in pairs}
        if isinstance(value, str) and not isinstance(value, Enum):
            return self.hide(value, column)
        many = several(value)
        return plain(value) if many is None else [self.hidden(v, column) for v in many]

    def hide(self, text: str, column: str = _NO_COLUMN) -> str:
        """The text itself if it may be seen, else its handle."""
        if self._may_be_seen(text):
            return text
        column = column if re.fullmatch(r"[a-z][a-z0-9_]{0,40}", column) else _NO_COLUMN
        with self._naming:
            if (column, text) not in self._handles:
                handle = f"[[{column}:{1 + len(self._names)}]]"
                self._handles[column, text], self._names[handle] = handle, text
            return self._handles[column, text]

    def ours(self, text: str) -> bool:
        """Whether it is a word of our own pages, a day, or a currency: what tells nothing of data."""
        bare = text.removeprefix("(").removesuffix(")")
        word = _WORD.fullmatch(bare) and bare.casefold() in self._words
        return bool(not text or word or _DAY.fullmatch(text) or _CURRENCY.fullmatch(text))

    def _may_be_seen(self, text: str) -> bool:
        return self.ours(text) or (self.typed(text) and text == shown(text))

    def resolved(self, value: Any) -> Any:
        """An argument with the names in the place of their handles; a handle that was never given stays."""
        if isinstance(value, str):
            return HANDLE.sub(lambda found: self._names.get(found[0], found[0]), value)
        if isinstance(value, Mapping):
            return {k: self.resolved(v) for k, v in cast("Mapping[str, Any]", value).items()}
        many = several(value)
        return value if many is None else [self.resolved(v) for v in many]

    def revealed(self, text: str) -> str:
        """An answer as people read it. Handles that were never given are left out."""
        return HANDLE.sub(self._revealed, text)

    def _revealed(self, found: re.Match[str]) -> str:
        name = self._names.get(found[0], "(unknown)")
        return passage(name) if found["column"] == _PASSAGE else shown(name)

    def named(self, text: str, among: Iterable[str]) -> set[str]:
        """Of these names those that a text means: by a handle, or as the person typed them or we have them."""
        meant = {self._names.get(found[0]) for found in HANDLE.finditer(text)}
        plain = f" {_folded(self.without(text))} "
        return {
            n for n in among if n in meant or (f" {_folded(n)} " in plain and (self.typed(n) or self.ours(n)))
        }

    def without(self, text: str) -> str:
        """An answer without its handles: what the model itself wrote."""
        return HANDLE.sub(" ", text)


def _folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", stripped(text).casefold().replace("_", " ")))
