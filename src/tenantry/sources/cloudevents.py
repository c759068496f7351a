"""CloudEvents 1.0 in JSON: which attribute, or member of `data`, says what of a usage event."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..kernel.source import Format, Sample
from .cells import literal

# `tenantid` is an extension: whoever sets it means the tenant, where a subject may be anything.
_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "specversion": ("specversion",),
    "id": ("id",),
    "source": ("source",),
    "time": ("time",),
    "tenant_id": ("tenantid", "subject"),
    "meter": ("type",),
}
_REQUIRED = {"id", "source", "type"}


def is_cloud_events(sample: Sample) -> bool:
    """True where the objects have a `specversion` and most of the attributes that the specification requires."""
    attributes = _REQUIRED & set(sample.columns)
    return sample.format is Format.JSON and "specversion" in sample.columns and len(attributes) > 1


class Events:
    """SQL of what the events of the relation `raw` say; `data` gives the names that a column has in `data`.

    Everything asked of an event is asked at once: the engine reads the JSON once, not once for each column.
    """

    def __init__(self, data: Mapping[str, Sequence[str]]) -> None:
        self._attributes = [(column, f"$.{name}") for column, names in _ATTRIBUTES.items() for name in names]
        self._members = [(column, f".{name}") for column, names in data.items() for name in names]

    def readings(self, column: str) -> list[str]:
        """SQL expressions of VARCHAR, the best first."""
        asked = [*self._attributes, *((name, f"$.data{path}") for name, path in self._members)]
        inside = [(name, f"${path}") for name, path in self._members]
        return [*_found(column, asked, _said), *_found(column, inside, _packed)]


def _found(column: str, asked: Sequence[tuple[str, str]], answers: Callable[[str], str]) -> list[str]:
    listed = answers(f"[{', '.join(literal(path) for _, path in asked)}]")
    return [f"{listed}[{place}]" for place, (name, _) in enumerate(asked, start=1) if name == column]


def _said(paths: str) -> str:
    return f"json_extract_string(_record, {paths})"


def _packed(paths: str) -> str:
    """What `data` as bytes says; what is no JSON in base64 says nothing."""
    data = "decode(from_base64(json_extract_string(_record, '$.data_base64')))"
    answers = f"TRY(json_extract_string({data}, {paths}))"
    return f"(CASE WHEN contains(_record, '\"data_base64\"') THEN {answers} END)"
