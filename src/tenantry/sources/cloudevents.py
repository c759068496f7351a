"""CloudEvents 1.0 in JSON: which attribute, or member of `data`, says what of a usage event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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

    Everything is asked at once: the engine reads an event's JSON once, not once for each column.
    """

    def __init__(self, data: Mapping[str, Sequence[str]]) -> None:
        attributes = [(column, f"$.{name}") for column, names in _ATTRIBUTES.items() for name in names]
        members = [(column, f".{name}") for column, names in data.items() for name in names]
        self._said = [*attributes, *((column, f"$.data{path}") for column, path in members)]
        self._packed = [(column, f"${path}") for column, path in members]

    @property
    def asked(self) -> dict[str, str]:
        """What a mapping has to ask of `raw` by name for the readings."""
        data = "decode(from_base64(json_extract_string(_record, '$.data_base64')))"
        # What is no JSON in base64 says nothing.
        packed = f"TRY(json_extract_string({data}, {_listed(self._packed)}))"
        return {
            "_said": f"json_extract_string(_record, {_listed(self._said)})",
            "_packed": f"CASE WHEN contains(_record, '\"data_base64\"') THEN {packed} END",
        }

    def readings(self, column: str) -> list[str]:
        """SQL expressions of VARCHAR, the best first."""
        return [
            f"{answers}[{place}]"
            for answers, paths in (("_said", self._said), ("_packed", self._packed))
            for place, (name, _) in enumerate(paths, start=1)
            if name == column
        ]


def _listed(paths: Sequence[tuple[str, str]]) -> str:
    return f"[{', '.join(literal(path) for _, path in paths)}]"
