"""Which figures a text is likely about, where its words do not say so: what is offered then, never what is answered."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

import numpy as np

from .sentences import Sentences, Vector
from .words import TAKEN

LEARNED = "likely.npz"
NONE = "-"
"""What a text is about that asks for none of the figures."""
_LEAST = 0.1
"""Of what a figure's own questions score about 1."""
_MOST = 3
_WEIGHT = 3.0


class Likely:
    """Figures by the meaning of a text: a line through the vectors of questions that are known to ask for each.

    `folder` has the model of `Sentences`, which is read with the first text. The lines, kept beside this file, are
    learned from `tests/evals` by `benchmarks/likely.py`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def figures(self, masked: str) -> tuple[str, ...]:
        """At most three, likeliest first; none where the text is rather about something else. Names in it are masked.
        Raises `invalid` where there is no such model.
        """
        names, lines = self._learned
        scores = extended(self._sentences.vector(plainly(masked))[None]) @ lines
        by_name = dict(zip(names, scores[0].tolist(), strict=True))
        none = by_name.pop(NONE)
        best = sorted(by_name, key=lambda name: -by_name[name])[:_MOST]
        return tuple(best) if by_name[best[0]] > max(_LEAST, none) else ()

    @cached_property
    def _sentences(self) -> Sentences:
        return Sentences(self._folder)

    @cached_property
    def _learned(self) -> tuple[list[str], Vector]:
        with np.load(Path(__file__).with_name(LEARNED)) as held:
            return held["names"].tolist(), held["lines"].astype(np.float32)


def plainly(masked: str) -> str:
    """A masked text as a sentence: `cost of @tenant` as `cost of the tenant`."""
    return re.sub(r"@(\w+)", r"the \1", masked).replace(TAKEN, " ")


def lines_through(vectors: Vector, marks: Vector) -> Vector:
    """Ridge regression of marks, a column for each name, on vectors: its solution in closed form (Hoerl and Kennard
    1970).
    """
    x = extended(vectors)
    return np.linalg.solve(x.T @ x + _WEIGHT * np.eye(x.shape[1], dtype=np.float32), x.T @ marks)


def extended(vectors: Vector) -> Vector:
    """Vectors with a one at their end, for what a line begins with."""
    return np.column_stack([vectors, np.ones(len(vectors), np.float32)])
