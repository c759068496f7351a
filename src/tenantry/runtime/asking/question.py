"""The typed form of a question, and the closed vocabulary that both planners fill it from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ...errors import invalid
from ...kernel import Window

DIMENSIONS = ("tenant", "tier", "plan", "service", "feature", "meter")
GRAINS = ("day", "week", "month", "quarter", "year")
Order = Literal["desc", "asc"]


@dataclass(frozen=True)
class Filter:
    """Of which values of a dimension a question asks; `without`: of all but these."""

    dimension: str
    values: tuple[str, ...]
    without: bool = False

    def __str__(self) -> str:
        values = ",".join(f'"{v}"' if " " in v or "," in v else v for v in self.values)
        return f"{'not_' if self.without else ''}{self.dimension}={values}"


@dataclass(frozen=True)
class Question:
    """What is asked: one metric, cut and filtered, over one window; `compare_to` is a window to compare it with.

    `asked` is the text as it was typed. Windows are half-open, UTC.
    """

    metric: str
    window: Window
    by: str | None = None
    filters: tuple[Filter, ...] = ()
    grain: str | None = None
    top: int | None = None
    order: Order = "desc"
    compare_to: Window | None = None
    why: bool = False
    asked: str = field(default="", compare=False)

    def __str__(self) -> str:
        """The form on one line, the same for the same question: `cost by=tenant top=5 window=2026-10`."""
        words = [self.metric, *sorted(map(str, self.filters))]
        words += [f"by={self.by}"] if self.by else []
        words += [f"grain={self.grain}"] if self.grain else []
        words += [f"top={self.top}"] if self.top else []
        words += ["order=asc"] if self.order == "asc" else []
        words += [f"window={window_name(self.window)}"]
        words += [f"compare={window_name(self.compare_to)}"] if self.compare_to else []
        return " ".join([*words, *(["why"] if self.why else [])])

    def names(self) -> list[str]:
        """All values that filters name."""
        return [value for one in self.filters for value in one.values]

    def windows(self) -> list[Window]:
        """All windows that it names."""
        return [self.window, *filter(None, [self.compare_to])]

    def only(self, dimension: str) -> tuple[str, ...]:
        """The values of a dimension that it asks of; empty where it asks of all."""
        return next((f.values for f in self.filters if f.dimension == dimension and not f.without), ())

    def filtered(self, *filters: Filter) -> Question:
        """The same question with these filters in place of those of the same kind."""
        new = {(f.dimension, f.without): f for f in filters}
        for one in filters:  # asked of some, it is no longer asked of all but some
            new.setdefault((one.dimension, not one.without), one)
        kept = tuple(f for f in self.filters if (f.dimension, f.without) not in new)
        return replace(self, filters=(*kept, *filters))

    def document(self) -> dict[str, Any]:
        """As JSON carries it."""
        return {
            "metric": self.metric,
            "by": self.by,
            "filters": [
                {"dimension": f.dimension, "values": list(f.values), "without": f.without}
                for f in self.filters
            ],
            "window": str(self.window),
            "grain": self.grain,
            "top": self.top,
            "order": self.order,
            "compare_to": str(self.compare_to) if self.compare_to else None,
            "why": self.why,
        }

    @classmethod
    def read(cls, document: Mapping[str, Any], vocabulary: Vocabulary, asked: str = "") -> Question:
        """The form that a document holds. Raises `invalid` with every problem: the vocabulary is closed."""
        filters = tuple(
            Filter(str(f["dimension"]), tuple(map(str, f["values"])), bool(f.get("without")))
            for f in document.get("filters") or ()
        )
        compare = document.get("compare_to")
        found = cls(
            str(document.get("metric")),
            Window.parse(str(document.get("window") or vocabulary.newest_month)),
            document.get("by"),
            filters,
            document.get("grain"),
            document.get("top"),
            "asc" if document.get("order") == "asc" else "desc",
            Window.parse(str(compare)) if compare else None,
            bool(document.get("why")),
            asked,
        )
        if problems := [*vocabulary.problems(found)]:
            raise invalid("; ".join(problems), "use the vocabulary's names alone")
        return found


@dataclass(frozen=True)
class Vocabulary:
    """The closed lists a question is made of: the metrics that the catalog can answer, by what each may be cut, and the
    names in this lake that the principal may see. `span` is the days there are data of.
    """

    metrics: Mapping[str, frozenset[str]]
    values: Mapping[str, tuple[str, ...]]
    span: Window
    aliases: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict[str, Any])
    """By dimension and other name, the values that it may mean."""
    currencies: frozenset[str] = frozenset()
    """Of the newest month's cost and revenue."""

    @property
    def newest_month(self) -> Window:
        """The newest whole month of the data: the window of a question that names none."""
        return self.span.newest_month

    def problems(self, question: Question) -> Iterable[str]:
        """What of a question is not in the vocabulary."""
        cuts = self.metrics.get(question.metric)
        if cuts is None:
            yield f"no metric {question.metric!r}: there are {', '.join(self.metrics)}"
            return
        if question.by is not None and question.by not in cuts:
            yield f"{question.metric} cannot be cut by {question.by!r}"
        if question.grain is not None and question.grain not in GRAINS:
            yield f"no grain {question.grain!r}"
        if question.top is not None and question.top < 1:
            yield f"top is {question.top}"
        for one in question.filters:
            if one.dimension not in cuts:
                yield f"{question.metric} cannot be asked of a {one.dimension}"
            elif unknown := [v for v in one.values if v not in self.values.get(one.dimension, ())]:
                yield f"no {one.dimension} {', '.join(map(repr, unknown))}"


def window_name(window: Window) -> str:
    """`2026-10` for a whole month, else `START..END`."""
    months = [*window.months()]
    if len(months) == 1 and months[0] == months[0].widened_to_months():
        return f"{window.start:%Y-%m}"
    return str(window)
