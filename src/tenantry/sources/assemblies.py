"""Which files of a bill land together, and which are older copies of the same bill.

A provider that delivers a bill more than once keeps every delivery in a folder of its own below the folder
of the billing period; each is the whole bill, so that only the newest may be read:

- AWS reports: `…/20260101-20260201/<assembly id>/`, the newest named by the manifest beside the assemblies;
- AWS data exports: `…/BILLING_PERIOD=2026-01/<time>-<execution id>/`;
- Azure exports: `…/20260101-20260131/<time>/<run id>/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ..kernel.source import Sample
from .cells import plain

_PERIOD = re.compile(r"billing_period=\d{4}-\d{2}|\d{8}-\d{8}", re.IGNORECASE)
_TIMED = re.compile(r"\d{4}-?\d{2}-?\d{2}[T_ -]?\d{2}")


def together(samples: Sequence[Sample], bill: Sequence[str]) -> Iterator[tuple[Sample, ...]]:
    """The files that land together, in order of path, older deliveries left out.

    They are those of one folder and one layout, and of any other layout that holds rows of the same bill: a bill is
    replaced whole, so that no part of it may come alone. `bill` names the columns that say which bill a row is of.
    """
    old = {path for path, _ in superseded(samples)}
    current = sorted((s for s in samples if s.path not in old), key=lambda s: (s.path.parent, s.path))
    for _, folder in groupby(current, key=lambda s: s.path.parent):
        lots: list[_Lot] = []
        for sample in folder:
            lot = _Lot([sample], {_layout(sample)}, _bills(sample, bill))
            for other in [o for o in lots if o.layouts & lot.layouts or o.bills & lot.bills]:
                lots.remove(other)
                lot = _Lot(other.samples + lot.samples, other.layouts | lot.layouts, other.bills | lot.bills)
            lots.append(lot)
        yield from (tuple(lot.samples) for lot in lots)


@dataclass(frozen=True)
class _Lot:
    samples: list[Sample]
    layouts: set[tuple[object, ...]]
    bills: set[tuple[str, ...]]


def _layout(sample: Sample) -> tuple[object, ...]:
    return sample.format, sample.columns, tuple(sorted(sample.types.items()))


def superseded(samples: Sequence[Sample]) -> list[tuple[Path, str]]:
    """The files not to read, because a newer delivery of the same billing period is there: (path, reason)."""
    periods: dict[Path, dict[str, list[Path]]] = {}
    for path in sorted(sample.path for sample in samples):
        folder = next((p for p in path.parents if _PERIOD.fullmatch(p.name)), None)
        if folder is not None:
            delivery = path.parent.relative_to(folder).as_posix()
            periods.setdefault(folder, {}).setdefault(delivery, []).append(path)
    return [
        (path, f"an older delivery: {newest} is {why}")
        for folder, deliveries in periods.items()
        if len(deliveries) > 1
        for newest, why in [_newest(folder, deliveries)]
        for delivery, files in deliveries.items()
        if delivery != newest
        for path in files
    ]


def _newest(folder: Path, deliveries: dict[str, list[Path]]) -> tuple[str, str]:
    named = [delivery for delivery in deliveries if delivery != "." and delivery in _manifests(folder)]
    if len(named) == 1:
        return named[0], "the one that the manifest names"
    if all(_TIMED.match(delivery) for delivery in deliveries):
        return max(deliveries, key=_time), "the latest by name"
    changed = {delivery: max(_changed(file) for file in files) for delivery, files in deliveries.items()}
    return max(changed, key=lambda d: (changed[d], d)), "the latest by file time"


def _time(delivery: str) -> str:
    """The digits of the time that a delivery's name begins with."""
    stamp = re.match(r"[\dT:._ -]*", delivery)
    return re.sub(r"\D", "", stamp[0]) if stamp else ""


def _manifests(folder: Path) -> str:
    try:
        return "".join(
            file.read_text(encoding="utf-8", errors="replace")
            for file in sorted(folder.iterdir())
            if file.is_file() and file.name.lower().endswith("manifest.json")
        )
    except OSError:
        return ""


def _changed(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _bills(sample: Sample, bill: Sequence[str]) -> set[tuple[str, ...]]:
    """What the sampled rows say; the billing period, which comes first, as its year and month."""
    named = [[name for name in sample.columns if plain(name) == plain(column)] for column in bill]
    found = {tuple(row.get(name) or "" for names in named for name in names[:1]) for row in sample.rows}
    return {(values[0][:7], *values[1:]) for values in found if values}
