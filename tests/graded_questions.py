"""Reads the question files and grades a plan: answered, asked or refused rightly, or wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

from tenantry.kernel import Window
from tenantry.runtime.asking.before import previous_of, years_before
from tenantry.runtime.asking.entities import names_of
from tenantry.runtime.asking.familiar import Pair, pairs
from tenantry.runtime.asking.lexicon import METRICS
from tenantry.runtime.asking.planner import plan
from tenantry.runtime.asking.plans import Answerable, Conversation, Guess, Plan, Unclear
from tenantry.runtime.asking.question import Filter, Question, Vocabulary
from tenantry.runtime.asking.reading import read

FOLDER = Path(__file__).parent / "evals"
NOW = date(2026, 11, 22)
SPAN = Window(date(2025, 9, 1), date(2026, 11, 1))
FILTERS = ("tenant", "tier", "plan", "service", "feature", "meter")
TENANTS = tuple((FOLDER / "tenants.txt").read_text(encoding="utf-8").split())
SERVICES = (
    "Posthorn Transactional Mail",
    "Amazon Elastic Compute Cloud", "Amazon Relational Database Service", "Amazon Bedrock",
    "Amazon Simple Storage Service", "AWS Support (Business)", "Amazon CloudFront", "Amazon DynamoDB", "AWS Lambda",
    "AmazonCloudWatch", "Lanternlight APM", "Amazon ElastiCache", "Amazon Elastic Container Service for Kubernetes",
    "Amazon Simple Queue Service", "CodeBuild", "Elastic Load Balancing", "Amazon GuardDuty",
    "Savings Plans for AWS Compute usage", "Amazon Route 53", "AWS Key Management Service",
    "Amazon EC2 Container Registry (ECR)",
)  # fmt: skip
VOCABULARY = Vocabulary(
    {metric.name: metric.known for metric in METRICS},
    {
        "tenant": (*TENANTS, "(unallocated)"),
        "tier": ("basic", "pro", "enterprise"),
        "plan": ("basic", "pro", "enterprise"),
        "service": SERVICES,
        "feature": (
            "automations",
            "documents",
            "dashboards",
            "projects",
            "search",
            "simulation",
            "reports",
            "integrations",
            "comments",
            "assistant",
            "file_share",
            "sign_in",
        ),
        "meter": (
            "cache_ops",
            "compute_ms",
            "db_ms",
            "egress_bytes",
            "gb_ms",
            "input_tokens",
            "messages",
            "output_tokens",
            "read_units",
            "requests",
            "storage_gb_hours",
            "write_units",
        ),
    },
    SPAN,
    {"tenant": {name.replace("-", " ").title(): (name,) for name in TENANTS}},
)


@dataclass(frozen=True)
class Case:
    """A question as its file has it. `begins` a conversation or goes on with the one above."""

    text: str
    expected: tuple[str, ...]
    begins: bool
    style: str

    @property
    def unanswerable(self) -> bool:
        return "refused" in self.expected and {*self.expected} <= {"asked", "refused"}


def cases(name: str) -> Iterator[Case]:
    """The cases of a file, in order."""
    style = ""
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            style = line.strip("# ")
        elif line:
            text, _, expected = line.partition(" => ")
            yield Case(
                text.removeprefix("+ "), tuple(expected.split(" | ")), not line.startswith("+ "), style
            )


def graded(
    case: Case, before: Conversation, likely: Guess | None = None, *, trusting: bool = False
) -> tuple[str, Plan, Conversation]:
    """`answered`, `asked` or `refused` where that is right, else `wrong answer`, `wrong ask` or `wrong refusal`; the
    plan; and the conversation after it. An expectation that is not met leaves the one that was expected. `trusting`: as
    if all its words were familiar; that can only answer what is else asked back.
    """
    before = Conversation() if case.begins else before
    found = (
        plan(case.text, VOCABULARY, before, NOW, likely) if likely else _planned(case.text, before.questions)
    )
    if trusting and isinstance(found, Unclear):
        found = plan(case.text, VOCABULARY, before, NOW, likely, trusting=True)
    forms = [_forms(one) for one in case.expected if one not in {"asked", "refused"}]
    after = Conversation(tuple(forms[0])) if forms else before
    if isinstance(found, Answerable):
        said = _alike(found.questions)
        right = any(said == _alike(form) for form in forms)
        return (
            ("answered" if right else "wrong answer"),
            found,
            Conversation(found.questions) if right else after,
        )
    if isinstance(found, Unclear):
        offered = {str(choice) for choice in found.choices}
        right = "asked" in case.expected or any(str(q) in offered for form in forms for q in form)
        return ("asked" if right else "wrong ask"), found, after
    return ("refused" if "refused" in case.expected else "wrong refusal"), found, after


def pairs_read(name: str) -> Iterator[Pair]:
    """The neighbours in what is left of a file's questions that are read rightly."""
    before = Conversation()
    for case in cases(name):
        follows = not case.begins and bool(before.questions)
        grade, _, before = graded(case, before, trusting=True)
        if grade == "answered":
            reading = read(case.text, VOCABULARY, names_of(VOCABULARY), NOW)
            yield from pairs(reading, follows=follows)


@cache
def _planned(text: str, before: tuple[Question, ...]) -> Plan:
    """Once for all who ask: to plan thousands of questions takes half a minute."""
    return plan(text, VOCABULARY, Conversation(before), NOW)


def _alike(questions: Iterable[Question]) -> list[str]:
    """Questions as texts that are the same in whatever order names and questions came."""
    return sorted(
        str(replace(q, filters=tuple(replace(f, values=tuple(sorted(f.values))) for f in q.filters)))
        for q in questions
    )


def _forms(text: str) -> list[Question]:
    return [_form(one) for one in text.split(" & ")]


def _form(text: str) -> Question:
    metric, _, rest = text.partition(" ")
    found = Question(metric, SPAN.newest_month)
    for key, value in re.findall(r"(\w+)(?:=((?:\"[^\"]*\"|[^\s\"])+))?", rest):
        if key == "window":
            found = _with(found, window=Window.parse(value))
    filters: list[Filter] = []
    for key, value in re.findall(r"(\w+)(?:=((?:\"[^\"]*\"|[^\s\"])+))?", rest):
        match key:
            case "window":
                pass
            case "compare":
                other = {"previous": previous_of, "year": years_before}.get(value)
                found = _with(found, compare_to=other(found.window) if other else Window.parse(value))
            case "top":
                found = _with(found, top=int(value))
            case "why":
                found = _with(found, why=True)
            case "by" | "grain" | "order":
                found = _with(found, **{key: value})
            case _:
                values = tuple(v.strip('"') for v in re.findall(r"\"[^\"]*\"|[^,\"]+", value))
                filters.append(Filter(key.removeprefix("not_"), values, key.startswith("not_")))
    return _with(found, filters=tuple(filters))


def _with(question: Question, **changed: object) -> Question:
    return replace(question, **changed)  # pyright: ignore[reportArgumentType]
