"""The profile for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..kernel.money import exact, shown

_RUNG_STYLE = {
    "silo": "green",
    "fine": "green",
    "coarse": "yellow",
    "fallback": "dark_orange",
    "unallocated": "red",
}
_BAR = 24
_MOST_SAID = 10
_FREE = 5
"""Tenants shown that pay and cost nothing."""


def print_profile(console: Console, document: Mapping[str, Any]) -> None:
    """Print the profile: what was read, where money goes, whose it is, how sure that is, and what to add next."""
    for section in _sections(document):
        console.print(section)
        console.print()


def _sections(document: Mapping[str, Any]) -> Iterable[RenderableType]:
    if document["read"]:
        yield _read(document["read"])
    yield _heading("Where the money goes", f"effective cost, {document['window']}", _services(document))
    yield _heading("Cost and margin per tenant", str(document["window"]), _tenants(document))
    if any(row["covered"] for row in document["features"]):
        yield _heading("Cost per feature", _covered(document["features"]), _features(document["features"]))
    if document["tenant_features"]:
        yield _heading(
            "Cost per tenant and feature", "the largest", _tenant_features(document["tenant_features"])
        )
    if document["requests"]:
        yield _heading("Whose requests", _counted(document["requests"]), _requests(document["requests"]))
    yield _heading("How we know", "", _coverage(document["coverage"]))
    yield _certificate(document["certificate"])
    if "accuracy" in document:
        yield _accuracy(document["accuracy"])
    yield _heading("What to add next", "", _next(document["next"]))


def _heading(title: str, note: str, body: RenderableType) -> RenderableType:
    return Group(Text.assemble((title, "bold"), ("  " + note if note else "", "dim")), body)


def _plain_table(*columns: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name, justify in columns:
        table.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
    return table


def _read(read: Mapping[str, Any]) -> RenderableType:
    lines: list[Text] = [
        Text.assemble(
            ("Read ", "bold"),
            f"{read['rows']:,} rows of {_files(len({f['file'] for f in read['files']}))}: "
            f"{read['accepted']:,} taken, ",
            (f"{read['quarantined']:,} quarantined", "red" if read["quarantined"] else ""),
            f", {read['left_out']:,} left out",
        )
    ]
    lines += [Text(f"  {line}", "dim") for line in _kinds(read["files"])]
    lines += [
        Text(f"  quarantined: {sum(r['rows'] for r in alike):,} rows of {of}: {_safe(reason)}", "red")
        for reason, of, alike in _alike(read["reasons"], "reason")
    ]
    lines += [Text(f"  not read: {_safe(p['file'])}: {_safe(p['reason'])}", "red") for p in read["problems"]]
    lines += [
        Text(f"  left aside: {_safe(p['file'])}: {_safe(p['reason'])}", "dim") for p in read["left_aside"][:5]
    ]
    return Group(*lines)


def _kinds(files: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """A line per kind of file, and one for each thing that is to be said of files."""
    for kind in dict.fromkeys(f["source"] for f in files):
        own = [f for f in files if f["source"] == kind]
        rows = {(f["delivery"], f["file"]): f["rows"] for f in own}
        taken = sum(f["accepted"] for f in own)
        named = _safe(own[0]["file"]) if len(rows) == 1 else _files(len(rows))
        yield f"{kind:13} {taken:>11,} of {sum(rows.values()):,} rows  {named}"
        noted = [f for f in own if f["note"]]
        yield from (f"{'':13} {of}: {_safe(note)}" for note, of, _ in _alike(noted, "note"))


def _alike(
    rows: Sequence[Mapping[str, Any]], what: str
) -> Iterable[tuple[str, str, Sequence[Mapping[str, Any]]]]:
    """(text, files, rows) of what is said most often, of one file by name and of several by number."""
    said: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        said.setdefault(row[what], []).append(row)
    for text, alike in sorted(said.items(), key=lambda item: -len(item[1]))[:_MOST_SAID]:
        files = {row["file"] for row in alike}
        yield text, _safe(alike[0]["file"]) if len(files) == 1 else _files(len(files)), alike


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def _services(document: Mapping[str, Any]) -> RenderableType:
    billed = {(r["service_name"], r["currency"]): r["net"] for r in document["billed"]}
    table = _plain_table(("service", "left"), ("billed", "right"), ("gross", "right"), ("credits", "right"),
                         ("effective", "right"), ("", "left"), ("share", "right"))  # fmt: skip
    for row in document["services"]:
        table.add_row(
            Text(_safe(row["service_name"])),
            _amount(billed[row["service_name"], row["currency"]]),
            _amount(row["gross"]),
            _amount(row["credits"]) if Decimal(row["credits"]) else "",
            _money(row["net"], row["currency"]),
            Text("█" * round(_BAR * min(1.0, max(0.0, row["share"] or 0.0))), "cyan"),
            _percent(row["share"]),
        )
    unfilled = [
        r for r in document["services"]
        if not Decimal(r["net"]) and Decimal(billed[r["service_name"], r["currency"]])
    ]  # fmt: skip
    more = len(document["billed"]) - len(document["services"])
    notes = [
        *([f"and {more:,} more services"] if more > 0 else []),
        *([f"{len(unfilled)} of these were billed, but the bill gives no effective cost; see --basis billed"]
          if unfilled else []),
    ]  # fmt: skip
    return Group(table, *(Text(note, "dim") for note in notes))


def _tenants(document: Mapping[str, Any]) -> RenderableType:
    margin = {(m["name"], m["currency"]): m for m in document["margin"]}
    table = _plain_table(("tenant", "left"), ("tier", "left"), ("revenue", "right"), ("cost", "right"),
                         ("margin", "right"), ("", "right"), ("share", "right"), ("sure", "right"))  # fmt: skip
    for row in document["tenants"]:
        known = margin.get((row["tenant_id"], row["currency"]))
        earns = known is not None and Decimal(known["revenue"]) != 0
        loss = earns and Decimal(known["margin"]) < 0  # type: ignore[index]
        table.add_row(
            Text(_safe(row["tenant_id"]), "dim" if row["tenant_id"].startswith("(") else ""),
            Text(_safe(row["tier"] or "")),
            _amount(known["revenue"]) if known and earns else _elsewhere(known),
            _money(row["cost"], row["currency"]),
            Text(_amount(known["margin"]) if known and earns else "", "red" if loss else ""),
            Text(_percent(known["margin_ratio"]) if known and earns else "", "red" if loss else ""),
            _percent(row["share"]),
            _percent(row["confidence"]),
        )
    free = _without_cost(document)
    for row in free[:_FREE]:
        paid = Text(_amount(row["revenue"]))
        table.add_row(
            Text(_safe(row["name"])),
            "",
            paid,
            _money("0", row["currency"]),
            paid,
            _percent(row["margin_ratio"]),
        )
    rows, total = table.row_count, len({m["name"] for m in document["margin"]})
    more = Text(f"{rows} of {total:,} rows; all: tenantry unit-economics margin --top {total}", "dim")
    return Group(table, more) if total > rows else table


def _without_cost(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The margin of those who pay and have no cost in any currency."""
    costly = {m["name"] for m in document["margin"] if Decimal(m["effective_cost"])}
    costly |= {row["tenant_id"] for row in document["tenants"]}
    return [m for m in document["margin"] if m["name"] not in costly and Decimal(m["revenue"])]


def _elsewhere(known: Mapping[str, Any] | None) -> Text:
    return Text(f"in {known['pays_in']}" if known and known["pays_in"] else "", "dim")


def _covered(rows: Sequence[Mapping[str, Any]]) -> str:
    parts = {row["currency"]: row["covered"] for row in rows}
    known = [f"{_percent(part)} of {currency}" for currency, part in parts.items() if part]
    return f"{', '.join(known)} has a feature"


def _features(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = _plain_table(("feature", "left"), ("cost", "right"), ("share", "right"), ("tenants", "right"),
                         ("per unit", "right"), ("of meter", "left"))  # fmt: skip
    for row in rows:
        named = row["meter"] is not None
        table.add_row(
            Text(_safe(row["feature_id"]), "dim" if row["feature_id"].startswith("(") else ""),
            _money(row["cost"], row["currency"]),
            _percent(row["share"]),
            f"{row['tenants']:,}",
            _amount(row["cost_per_unit"]) if row["cost_per_unit"] else "",
            Text(_safe(row["meter"]) if named else "", "dim"),
        )
    return table


def _tenant_features(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = _plain_table(("tenant", "left"), ("feature", "left"), ("cost", "right"),
                         ("per unit", "right"), ("of meter", "left"))  # fmt: skip
    for row in rows:
        table.add_row(
            Text(_safe(row["name"]), "dim" if row["name"].startswith("(") else ""),
            Text(_safe(row["feature_id"])),
            _money(row["cost"], row["currency"]),
            _amount(row["cost_per_unit"]) if row["cost_per_unit"] else "",
            Text(_safe(row["meter"]) if row["meter"] else "", "dim"),
        )
    return table


def _counted(logs: Mapping[str, Any]) -> str:
    named = sum(row["requests"] for row in logs["attribution"] if row["resolved_by"] != "none")
    return f"{logs['count']:,} in the logs, {_percent(named / logs['count'])} with a tenant"


def _requests(logs: Mapping[str, Any]) -> RenderableType:
    table = _plain_table(("log", "left"), ("named by", "left"), ("requests", "right"), ("share", "right"),
                         ("tenants", "right"), ("unknown", "right"), ("bots", "right"))  # fmt: skip
    for row in logs["attribution"]:
        table.add_row(
            Text(_safe(row["source"])),
            Text(row["resolved_by"], "red" if row["resolved_by"] == "none" else ""),
            f"{row['requests']:,}",
            _percent(row["share"]),
            f"{row['tenants']:,}" if row["tenants"] else "",
            f"{row['unknown']:,}" if row["unknown"] else "",
            f"{row['bots']:,}" if row["bots"] else "",
        )
    origins = ", ".join(f"{_percent(row['share'])} {row['origin']}" for row in logs["origins"])
    notes = [f"routes: {origins}"]
    if logs["review"]:
        notes.append("unsure of learned routes: `tenantry requests review` lists what to look at")
    return Group(table, *(Text(note, "dim") for note in notes))


def _coverage(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = _plain_table(("rung", "left"), ("cost", "right"), ("share", "right"), ("rests on", "left"))
    for row in rows:
        table.add_row(
            Text(row["rung"], _RUNG_STYLE.get(row["rung"], "")),
            _money(row["cost"], row["currency"]),
            _percent(row["share"]),
            Text(row["rests_on"], "dim"),
        )
    return table


def _certificate(certificate: Mapping[str, Any]) -> RenderableType:
    sound = certificate["reconciles"]
    mark = Text("✓ reconciles", "bold green") if sound else Text("✗ does not reconcile", "bold red")
    lines = [
        Text.assemble(
            mark,
            f"  {total['currency']} {total['basis']:10}  bill {exact(Decimal(total['bill']))}"
            f" = tenants {exact(Decimal(total['tenants']))}, difference {exact(Decimal(total['difference']))}",
        )
        for total in certificate["totals"]
    ]
    return Group(*lines, Text(f"  certificate {certificate['proof_id']}", "dim"))


def _accuracy(error: Mapping[str, Any]) -> RenderableType:
    return Text.assemble(
        ("Against the hidden truth", "bold"),
        f"  mean error {_percent(error['mean'])} per tenant and month (median {_percent(error['median'])},"
        f" 95 of 100 below {_percent(error['p95'])}), {_percent(error['misplaced'])} of the money at the wrong tenant;"
        f" {error['counted']:,} tenant months",
    )


def _next(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = _plain_table(("", "left"), ("", "right"), ("", "left"))
    table.show_header = False
    for place, row in enumerate(rows, start=1):
        table.add_row(
            Text(f"{place}. {_safe(row['add'])}"),
            _money(row["cost"], row["currency"]) if row["cost"] else "",
            Text(row["buys"], "dim"),
        )
    return table if rows else Text("nothing: every unit of money has a fine driver or a name", "green")


def _money(amount: str, currency: str) -> Text:
    return Text(f"{currency} {_amount(amount)}")


def _amount(amount: str) -> str:
    return shown(Decimal(amount))


def _percent(part: float | None) -> str:
    return "" if part is None else f"{100 * part:.1f} %"


def _safe(text: str) -> str:
    """Text that came from data: control characters cannot move the cursor or turn the line around."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))
