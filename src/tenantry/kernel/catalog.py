"""Everything the product knows, in one explicit, ordered, checked tuple each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import Kind, TenantryError
from .capability import Capability
from .dataset import Dataset
from .source import Source
from .tool import Tool


@dataclass(frozen=True)
class Catalog:
    """Capabilities, sources and the datasets they name. Raises `broken_contract` for a clash of names."""

    capabilities: tuple[Capability, ...]
    sources: tuple[type[Source], ...]
    datasets: tuple[type[Dataset], ...]

    def __post_init__(self) -> None:
        problems = [
            *_repeated("capability", [c.name for c in self.capabilities]),
            *_repeated("source", [s.kind for s in self.sources]),
            *_repeated("dataset", [d.table() for d in self.datasets]),
        ]
        known = set(self.datasets)
        for capability in self.capabilities:
            missing = [d.table() for d in capability.datasets if d not in known]
            problems += [f"{capability.name} names the unlisted dataset {name}" for name in missing]
        if problems:
            raise TenantryError(Kind.BROKEN_CONTRACT, "; ".join(problems), "mend the catalog")

    def dataset(self, name: str) -> type[Dataset]:
        """The dataset of that name. Raises `not_found` with the names there are."""
        for dataset in self.datasets:
            if dataset.table() == name:
                return dataset
        raise _unknown("dataset", name, [d.table() for d in self.datasets])

    def capability(self, name: str) -> Capability:
        wanted = name.replace("-", "_")
        for capability in self.capabilities:
            if capability.name == wanted:
                return capability
        raise _unknown("capability", name, [c.name for c in self.capabilities])

    def tool(self, capability: str, name: str) -> Tool:
        owner = self.capability(capability)
        found = owner.tool_named(name.replace("-", "_"))
        if found is None:
            raise _unknown(f"tool of {owner.name}", name, [t.name for t in owner.tools])
        return found

    def build_order(self) -> list[type[Dataset]]:
        """The derived datasets that are stored, each after those it reads. Raises `broken_contract` for a circle."""
        done: list[type[Dataset]] = []
        open_: list[type[Dataset]] = []

        def visit(dataset: type[Dataset]) -> None:
            if dataset in done:
                return
            if dataset in open_:
                names = " -> ".join(d.table() for d in [*open_, dataset])
                raise TenantryError(Kind.BROKEN_CONTRACT, f"datasets read in a circle: {names}", "")
            open_.append(dataset)
            for upstream in dataset.reads:
                visit(upstream)
            open_.pop()
            done.append(dataset)

        for dataset in self.datasets:
            visit(dataset)
        return [dataset for dataset in done if dataset.derived() and dataset.stored]


def _repeated(what: str, names: Sequence[str]) -> list[str]:
    return [f"two {what} declarations named {n}" for n in sorted({n for n in names if names.count(n) > 1})]


def _unknown(what: str, name: str, known: list[str]) -> TenantryError:
    return TenantryError(
        Kind.NOT_FOUND, f"no {what} named {name!r}", f"there are: {', '.join(known)}", known=known
    )
