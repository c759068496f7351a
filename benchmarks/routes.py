"""How well routes are found in raw paths: with a specification (speed, all correct) and without (grouping accuracy).

    python benchmarks/routes.py FOLDER [API ...]

FOLDER holds one sub-folder per API with its OpenAPI documents as JSON or YAML, each bundled into one file. They are
fetched by whoever runs this: github/rest-api-description, twilio/twilio-oai, kubernetes/kubernetes
(api/openapi-spec/swagger.json), Adyen/adyen-openapi, digitalocean/openapi.

For each route (host and path template) 40 requests are made up. A request has a tenant, and its ids are that tenant's:
drawn from pools of three for the first parameter of a path and thirty for the rest, of a kind that the parameter's name
and type suggest. Methods of a route take turns. Grouping accuracy is the share of requests whose group is exactly the
requests of their route: one stray request or one split makes all of them wrong.
"""

from __future__ import annotations

import json
import random
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from tenantry.methods.routes import Operation, RouteTable, Seen, learn, operations

REQUESTS_A_ROUTE = 40
TENANTS = 50
PARAMETER = re.compile(r"\{([^{}]*)\}")


def _words(text: str) -> list[str]:
    return text.split()


# fmt: off
WORDS = _words("""
    alpha amber anchor apollo apple arrow atlas aurora autumn badge bamboo basin beacon berry birch blaze bloom blue
    breeze bridge bright bronze brook cactus candle canyon carbon castle cedar chart cherry cinder circle cliff cloud
    clover cobalt comet copper coral cotton crane crest crystal cypress dawn delta desert diamond dolphin dragon dune
    eagle echo ember emerald falcon fern field flame flint forest fossil fox frost galaxy garden garnet glacier globe
    grape gravel grove harbor hawk hazel helix heron hill honey horizon indigo iris island ivory jade jasper juniper
    lagoon lake lantern lark laurel lemon lotus lunar lynx magnet maple marble marsh meadow meteor mint mirror mist
    moss nectar nova oak oasis ocean olive onyx opal orbit orchid otter palm panther pearl pebble pepper phoenix pine
    planet plum prairie prism quartz quill rain raven reef ridge river robin rocket rose ruby saffron sage salmon sand
    sapphire shadow shell sierra silver sky slate snow solar spark spruce star stone storm summit sunset swan swift
    temple thunder tiger timber topaz tulip tundra valley velvet violet walnut wave willow wind winter wolf zephyr
""")
JOBS = _words("api web app docs site core infra data backend frontend worker mobile billing auth search tools cli sdk")
PLACES = _words("default prod production staging dev test qa preview sandbox monitoring")
PEOPLE = _words("""
    ana ben carl dana emil fay gus hana ivan jill kofi lena mads nora omar pia quinn rosa sven tara umar vera wim xena
""")
COUNTRIES = _words("US GB DE FR ES IT NL SE NO DK FI PL CZ AT CH BE PT IE CA AU NZ JP KR BR MX AR CL ZA IN SG")
REGIONS = _words("us-east-1 us-west-2 eu-west-1 eu-central-1 ap-south-1 nyc1 nyc3 sfo3 ams3 fra1 lon1 sgp1 tor1 blr1")
# fmt: on


class Template(NamedTuple):
    """A true route, its methods, and the schema of each parameter."""

    host: str
    path: str
    methods: tuple[str, ...]
    schemas: dict[str, dict[str, Any]]


class Request(NamedTuple):
    host: str
    method: str
    path: str
    tenant: str
    truth: tuple[str, str]


# --- documents -------------------------------------------------------------------------------------


def documents(folder: Path) -> list[dict[str, Any]]:
    """The newest of documents whose names differ only in a closing version, such as `Checkout-v71.json`."""
    newest: dict[str, tuple[int, Path]] = {}
    for path in sorted(folder.iterdir()):
        name, _, version = path.stem.rpartition("-v")
        key, number = (name, int(version)) if name and version.isdigit() else (path.stem, 0)
        newest[key] = max(newest.get(key, (-1, path)), (number, path))
    return [_read(path) for _, path in newest.values()]


def _read(path: Path) -> dict[str, Any]:
    if path.suffix == ".json":
        return json.loads(path.read_text())
    import yaml

    return yaml.safe_load(path.read_text())


def templates(documents: Iterable[dict[str, Any]]) -> list[Template]:
    """Each host and template once; of templates equal but for their parameters' names, the first."""
    methods: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    schemas: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    paths: dict[tuple[str, str], tuple[str, str]] = {}
    for document in documents:
        for operation in operations(document):
            key = operation.host, PARAMETER.sub("{}", operation.template)
            paths.setdefault(key, (operation.host, operation.template))
            methods[key][operation.method] = None
            schemas.setdefault(key, _schemas(document, operation))
    return [Template(*paths[key], tuple(methods[key]), schemas[key]) for key in sorted(paths)]


def _schemas(document: dict[str, Any], operation: Operation) -> dict[str, dict[str, Any]]:
    path = max((path for path in document["paths"] if operation.template.endswith(path)), key=len)
    item = document["paths"][path]
    known = {}
    for parameter in (*item.get("parameters", ()), *item[operation.method.lower()].get("parameters", ())):
        found = _follow(document, parameter)
        if found.get("in") == "path":
            schema = _follow(document, found.get("schema", found))
            known[found["name"]] = {"example": found.get("example"), **schema}
    return known


def _follow(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        reference, node = node["$ref"], document
        for key in reference[2:].split("/"):
            node = node[key]
    return node


# --- requests --------------------------------------------------------------------------------------


def requests(routes: Sequence[Template], seed: int = 7) -> list[Request]:
    """40 a route. The same tenant, parameter and outer ids draw from the same pool, so that ids belong together."""
    rng = random.Random(seed)
    odds = [1 / (rank + 1) ** 0.7 for rank in range(TENANTS)]
    tenants = [f"t{number}" for number in range(TENANTS)]
    made = []
    for route in routes:
        for number, tenant in enumerate(rng.choices(tenants, odds, k=REQUESTS_A_ROUTE)):
            method = route.methods[number % len(route.methods)]
            path = _filled(route, tenant, rng, seed)
            made.append(Request(route.host, method, path, tenant, (route.host, route.path)))
    return made


def _filled(route: Template, tenant: str, rng: random.Random, seed: int) -> str:
    outer: list[str] = []

    def draw(found: re.Match[str]) -> str:
        name = found[1]
        place = rng.randrange(3 if not outer else 30)
        schema = route.schemas.get(name, {})
        of = found.string[: found.start()].split("/")[-2] if name.lower() in GENERIC else ""
        own = random.Random(f"{seed} {tenant} {of} {name} {schema.get('pattern')} {outer} {place}")
        outer.append(value(name, schema, own))
        return outer[-1]

    return PARAMETER.sub(draw, route.path)


GENERIC = {"id", "name", "sid", "uuid", "key", "slug", "code", "path"}
"""Parameters that say nothing of what they name: the segment before them does."""


def value(name: str, schema: dict[str, Any], rng: random.Random) -> str:
    """An id as the parameter's schema says, else as its name suggests."""
    if schema.get("enum"):
        return str(rng.choice(schema["enum"]))
    pattern = re.fullmatch(r"\^\(?([A-Z|]+)\)?\[0-9a-fA-F\]\{(\d+)\}\$", schema.get("pattern") or "")
    if pattern:
        return rng.choice(pattern[1].split("|")) + _hex(rng, int(pattern[2]))
    said = " ".join(str(schema.get(key) or "") for key in ("format", "type", "example")).lower()
    words = re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    for test, make in KINDS:
        if test(words, said):
            return make(rng)
    kind = random.Random(name).randrange(4)  # an id of unknown kind: one kind for each name
    return (_uuid, _integer, _short, _slug)[kind](rng)


def _hex(rng: random.Random, digits: int) -> str:
    return f"{rng.getrandbits(4 * digits):0{digits}x}"


def _uuid(rng: random.Random) -> str:
    digits = _hex(rng, 32)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _integer(rng: random.Random) -> str:
    return str(int(10 ** rng.uniform(0.3, 9)))


def _short(rng: random.Random) -> str:
    return "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", k=16))


def _slug(rng: random.Random) -> str:
    parts = [rng.choice(WORDS), rng.choice(WORDS), str(rng.randrange(100))][: rng.choice((2, 2, 3))]
    return "-".join(parts)


def _account(rng: random.Random) -> str:
    first = rng.choice(WORDS)
    return rng.choice(
        (first, first + rng.choice(WORDS), f"{first}-{rng.choice(('labs', 'hq', 'inc', 'io'))}")
    )


def _person(rng: random.Random) -> str:
    return rng.choice(PEOPLE) + rng.choice(("", str(rng.randrange(100)), "-" + rng.choice(WORDS)))


def _repository(rng: random.Random) -> str:
    return rng.choice((rng.choice(JOBS), f"{rng.choice(WORDS)}-{rng.choice(JOBS)}", rng.choice(WORDS)))


def _namespace(rng: random.Random) -> str:
    return rng.choice(
        (rng.choice(PLACES), f"team-{rng.choice(WORDS)}", f"{rng.choice(WORDS)}-{rng.choice(PLACES)}")
    )


def _branch(rng: random.Random) -> str:
    return rng.choice(("main", "develop", f"release-{rng.randrange(20)}", f"fix-{rng.choice(WORDS)}"))


def _file(rng: random.Random) -> str:
    parts = [rng.choice(WORDS) for _ in range(rng.randrange(3))]
    return "/".join([*parts, rng.choice(WORDS) + rng.choice((".md", ".py", ".json", ".txt"))])


def _date(rng: random.Random) -> str:
    return f"20{rng.randrange(20, 27)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"


def _address(rng: random.Random) -> str:
    return ".".join(str(rng.randrange(1, 255)) for _ in range(4))


def _phone(rng: random.Random) -> str:
    return f"+{rng.randrange(10**10, 10**11)}"


ACCOUNTS = {"owner", "org", "organization", "enterprise", "company", "merchant"}
UUID_SAID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|uuid")
KINDS: list[tuple[Callable[[list[str], str], object], Callable[[random.Random], str]]] = [
    (lambda _, said: UUID_SAID.search(said), _uuid),
    (lambda _, said: "ipv4" in said, _address),
    (lambda _, said: "date" in said, _date),
    (lambda _, said: "integer" in said or re.search(r" \d+$", said), _integer),
    (lambda w, said: "phone" in w or "phone" in said, _phone),
    (lambda w, _: {"country", "iso"} & {*w}, lambda rng: rng.choice(COUNTRIES)),
    (lambda w, _: {"region", "zone"} & {*w}, lambda rng: rng.choice(REGIONS)),
    (lambda w, _: {"sha", "digest", "hash", "fingerprint"} & {*w}, lambda rng: _hex(rng, 40)),
    (lambda w, _: w[-1] in {"number", "num"}, lambda rng: str(rng.randrange(1, 2000))),
    (lambda w, _: w[-1] == "basehead", lambda rng: f"{_branch(rng)}...{_branch(rng)}"),
    (lambda w, _: w[-1] in {"branch", "ref", "tag"}, _branch),
    (lambda w, _: w[-1] in {"path", "logpath"}, _file),
    (lambda w, _: w[-1] == "sid", lambda rng: "".join(rng.choices("ABCDEFGHIJ", k=2)) + _hex(rng, 32)),
    (
        lambda w, _: (
            {"owner", "org", "organization", "enterprise", "company", "merchant"} & {*w} and "id" not in w
        ),
        _account,
    ),
    (lambda w, _: {"user", "username", "member", "assignee", "login"} & {*w} and "id" not in w, _person),
    (lambda w, _: w[-1] in {"repo", "repository"}, _repository),
    (lambda w, _: w[-1] == "namespace", _namespace),
    (lambda w, _: w[-1] in {"domain", "hostname"}, lambda rng: f"{rng.choice(WORDS)}.example.com"),
    (lambda w, _: w[-1] in {"name", "slug", "key", "label", "environment"}, _slug),
]


# --- groupings -------------------------------------------------------------------------------------


def accuracy(made: Sequence[Request], groups: Sequence[object]) -> float:
    """Share of requests whose group is exactly the requests of their route."""
    by_group, by_truth = defaultdict(set), defaultdict(set)
    for request, group in zip(made, groups, strict=True):
        by_group[group].add(request.truth)
        by_truth[request.truth].add(group)
    exact = sum(
        len(by_group[group]) == 1 and len(by_truth[request.truth]) == 1
        for request, group in zip(made, groups, strict=True)
    )
    return exact / len(made)


def raw(made: Sequence[Request]) -> list[object]:
    return [(request.host, request.path) for request in made]


IDS = re.compile(
    r"/(?:\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[A-Z]{2}[0-9a-f]{32}|[0-9a-f]{16,}"
    r"|(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{16,})(?=[/.]|$)"
)


def regex_ids(made: Sequence[Request]) -> list[object]:
    return [(request.host, IDS.sub("/{}", request.path)) for request in made]


def drain(
    made: Sequence[Request], depth: int, similarity: float, children: int, prepare: Callable[[str], str]
) -> list[object]:
    """Drain3 as on log lines, a segment a word, one miner a host."""
    from drain3 import TemplateMiner
    from drain3.template_miner_config import TemplateMinerConfig

    config = TemplateMinerConfig()
    config.drain_depth, config.drain_sim_th, config.drain_max_children = depth, similarity, children
    miners: dict[str, Any] = defaultdict(lambda: TemplateMiner(config=config))

    def add(request: Request) -> object:
        line = prepare(request.path).replace("/", " ")
        return request.host, miners[request.host].add_log_message(line)["cluster_id"]

    return [add(request) for request in made]


def best_drain(made: Sequence[Request]) -> float:
    """The best of sixteen settings for this API: more than a user could know to choose."""
    settings = product((4, 8), (0.5, 0.7), (100, 1000), (lambda path: IDS.sub("/0", path),))
    plain = product((4, 8), (0.5, 0.7), (100, 1000), (str,))
    return max(accuracy(made, drain(made, *setting)) for setting in (*settings, *plain))


def seen(made: Sequence[Request], *, tenants: bool) -> list[Seen]:
    counted: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for request in made:
        counted[request.host, request.method, request.path].append(request.tenant)
    return [
        Seen(*key, len(who), tuple(dict.fromkeys(who)) if tenants else ()) for key, who in counted.items()
    ]


def ours(made: Sequence[Request], *, tenants: bool) -> list[object]:
    learned = learn(seen(made, tenants=tenants))
    found = [learned.template(request.host, request.path) for request in made]
    return [one and (one.host, one.template) for one in found]


def scores() -> dict[str, Callable[[Sequence[Request]], float]]:
    found: dict[str, Callable[[Sequence[Request]], float]] = {
        "raw": lambda made: accuracy(made, raw(made)),
        "regex ids": lambda made: accuracy(made, regex_ids(made)),
        "ours": lambda made: accuracy(made, ours(made, tenants=False)),
        "ours, tenants": lambda made: accuracy(made, ours(made, tenants=True)),
    }
    if find_spec("drain3") is None:
        print("drain3 is not installed: its columns are left out", file=sys.stderr)
        return found
    drains = {
        "Drain3": lambda made: accuracy(made, drain(made, 8, 0.5, 100, str)),
        "regex+Drain3": lambda made: accuracy(
            made, drain(made, 8, 0.7, 100, lambda path: IDS.sub("/0", path))
        ),
        "best Drain3": best_drain,
    }
    return {"raw": found.pop("raw"), "regex ids": found.pop("regex ids"), **drains, **found}


# --- with a specification --------------------------------------------------------------------------


def matching(found: Sequence[dict[str, Any]], made: Sequence[Request]) -> tuple[int, float, float]:
    """Operations, share of requests that match their own template, thousand matches per CPU-second."""
    known = [operation for document in found for operation in operations(document)]
    table = RouteTable(known)
    own = {(o.host, o.method, PARAMETER.sub("{}", o.template)) for o in known}
    asked = [r for r in made if (r.truth[0], r.method, PARAMETER.sub("{}", r.truth[1])) in own]
    right = 0
    for request in asked:
        route = table.match(request.host, request.method, request.path)
        right += route is not None and _same(route.template, request.truth[1])
    best = 0.0
    for _ in range(5):
        started = time.process_time()
        for request in asked:
            table.match(request.host, request.method, request.path)
        best = max(best, len(asked) / (time.process_time() - started))
    return len(known), right / len(asked), best / 1000


def _same(one: str, other: str) -> bool:
    return PARAMETER.sub("{}", one) == PARAMETER.sub("{}", other)


def main(arguments: Sequence[str]) -> int:
    if not arguments:
        print(__doc__)
        return 2
    folder = Path(arguments[0])
    methods = scores()
    names = arguments[1:] or sorted(path.name for path in folder.iterdir() if path.is_dir())
    print(f"{'API':14}{'routes':>8}{'requests':>10}" + "".join(f"{name:>15}" for name in methods))
    lines = []
    for name in names:
        found = documents(folder / name)
        routes = templates(found)
        made = requests(routes)
        row = [f"{score(made):15.3f}" for score in methods.values()]
        print(f"{name:14}{len(routes):8}{len(made):10}" + "".join(row), flush=True)
        lines.append((name, *matching(found, made)))
    print(f"\n{'with document':14}{'operations':>12}{'correct':>10}{'k matches/CPU-s':>18}")
    for name, count, right, speed in lines:
        print(f"{name:14}{count:12}{right:10.4f}{speed:18.0f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
