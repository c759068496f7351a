"""Templates learned from paths alone, on traffic small enough to know the answer."""

from __future__ import annotations

import random

import pytest

from tenantry.methods.routes import RouteTable, Seen, learn
from tenantry.methods.routes.shapes import ending, is_value, is_version

TENANTS = [f"t{n}" for n in range(30)]
# fmt: off
WORDS = [
    "amber", "basin", "cedar", "delta", "ember", "fern", "grove", "hazel", "iris", "jade", "lark", "maple", "nova",
    "olive", "pearl", "quartz", "raven", "sage", "tulip", "umber", "violet", "willow", "xenon", "yarrow", "zephyr",
]
# fmt: on


def traffic(templates: dict[str, int], *, tenants: bool = True, seed: int = 1) -> list[Seen]:
    """So many requests of each; `<name>` is one of three names of the tenant, `<id>` a number, `<slug>` a new name."""
    rng = random.Random(seed)
    counted: dict[str, list[str]] = {}
    for template, requests in templates.items():
        for _ in range(requests):
            tenant = rng.choice(TENANTS)
            own = random.Random(f"{tenant} {rng.randrange(3)}")
            path = template.replace("<name>", f"{own.choice(WORDS)}-{own.choice(WORDS)}")
            path = path.replace("<id>", str(rng.randrange(10**6)))
            path = path.replace("<slug>", f"{rng.choice(WORDS)}-{rng.choice(WORDS)}-{rng.choice(WORDS)}")
            counted.setdefault(path, []).append(tenant)
    return [
        Seen("h", "GET", path, len(who), tuple(dict.fromkeys(who)) if tenants else ())
        for path, who in counted.items()
    ]


def templates(seen: list[Seen]) -> list[str]:
    return [template.template for template in learn(seen).templates]


def test_nothing_seen():
    learned = learn([])
    assert (learned.templates, learned.reviews, learned.template("h", "/")) == ([], [], None)


def test_ids_by_their_spelling():
    paths = [
        "/pets/7",
        "/pets/8f14e45fceea167a",
        "/pets/6b5c619c-359c-44ca-87e2-47e9812c1f02",
        "/pets/cus_4fdAW5ftNQow1a",
    ]
    assert templates([Seen("h", "GET", path) for path in paths]) == ["/pets/{pet}"]


@pytest.mark.parametrize("tenants", [True, False])
def test_names_of_tenants_are_values_because_they_share_their_children(tenants):
    routes = [
        "/spaces/<name>",
        *(f"/spaces/<name>/{what}" for what in ("pages", "members", "settings", "files", "tasks")),
    ]
    assert templates(traffic(dict.fromkeys(routes, 60) | {"/status": 40}, tenants=tenants)) == [
        "/spaces/{space}",
        "/spaces/{space}/files",
        "/spaces/{space}/members",
        "/spaces/{space}/pages",
        "/spaces/{space}/settings",
        "/spaces/{space}/tasks",
        "/status",
    ]


@pytest.mark.parametrize("tenants", [True, False])
def test_a_name_beside_values_stays_a_name(tenants):
    seen = traffic(
        {"/posts/<slug>": 80, "/posts/featured": 60, "/posts/<slug>/comments": 80}, tenants=tenants
    )
    assert templates(seen) == ["/posts/featured", "/posts/{post}", "/posts/{post}/comments"]


def test_three_names_below_which_the_whole_api_is_found_again_are_values():
    parts = [
        "pages",
        "members",
        "settings",
        "files",
        "tasks",
        "labels",
        "events",
        "hooks",
        "keys",
        "roles",
        "forms",
    ]
    paths = [f"/{space}/{part}" for space in ("amber", "basin", "cedar") for part in parts]
    seen = [Seen("h", "GET", path, 40, tuple(TENANTS[:12])) for path in paths]
    assert templates(seen) == [f"/{{value}}/{part}" for part in sorted(parts)]


def test_resources_that_are_built_alike_stay_apart():
    resources = ("invoices", "customers", "products", "payouts")
    routes = {
        f"/v1/{what}{rest}": 60 for what in resources for rest in ("", "/<id>", "/<id>/events", "/<id>/notes")
    }
    assert len(templates(traffic(routes))) == 16
    assert len(templates(traffic(routes, tenants=False))) == 16


def test_resources_below_a_value_stay_apart():
    routes = {
        f"/t/<name>/{what}{rest}": 60
        for what in ("jobs", "runs", "keys")
        for rest in ("", "/<slug>", "/<slug>/log")
    }
    assert templates(traffic(routes)) == [
        f"/t/{{t}}/{what}{rest}"
        for what, one in (("jobs", "job"), ("keys", "key"), ("runs", "run"))
        for rest in ("", f"/{{{one}}}", f"/{{{one}}}/log")
    ]


def test_versions_and_a_common_start_are_names():
    seen = [Seen("h", "GET", f"/2010-04-01/v{n}/pets/{n}{n}") for n in (1, 2)]
    assert templates(seen) == ["/2010-04-01/v1/pets/{pet}", "/2010-04-01/v2/pets/{pet}"]


def test_formats_and_verbs_stay():
    paths = [f"/jobs/{n}{end}" for n in range(20) for end in ("", ".json", ":cancel")]
    assert templates([Seen("h", "GET", path) for path in paths]) == [
        "/jobs/{job}",
        "/jobs/{job}.json",
        "/jobs/{job}:cancel",
    ]


def test_files_of_many_formats_are_one_parameter():
    paths = [f"/files/{n}{end}" for n in range(20) for end in (".json", ".csv", ".pdf", ".png")]
    assert templates([Seen("h", "GET", path) for path in paths]) == ["/files/{file}"]


def test_codes_of_countries_are_values_though_every_tenant_uses_them():
    codes = ["US", "GB", "DE", "FR", "ES", "IT", "NL", "SE", "NO", "DK", "FI", "PL"]
    seen = [Seen("h", "GET", f"/rates/{code}", 30, tuple(TENANTS[:12])) for code in codes]
    assert templates(seen) == ["/rates/{rate}"]


def test_few_names_seen_once_are_not_merged():
    paths = ["/orders/export", "/orders/import", "/orders/totals"]
    learned = learn([Seen("h", "GET", path) for path in paths])
    assert [t.template for t in learned.templates] == paths
    assert {review.template for review in learned.reviews} == set(paths)


def test_hosts_are_apart_and_methods_together():
    seen = [Seen("a", "GET", "/x/1"), Seen("a", "DELETE", "/x/2"), Seen("b", "GET", "/x/3")]
    assert [(t.host, t.template, t.methods, t.paths) for t in learn(seen).templates] == [
        ("a", "/x/{x}", ("DELETE", "GET"), 2),
        ("b", "/x/{x}", ("GET",), 1),
    ]


def test_a_method_more_is_not_a_path_more():
    learned = learn([Seen("h", "GET", "/x/1", 3), Seen("h", "PUT", "/x/1", 2)])
    assert [(t.paths, t.requests) for t in learned.templates] == [(1, 5)]


def test_paths_without_requests_count_none():
    assert [
        (t.paths, t.requests)
        for t in learn([Seen("h", "GET", "/x/a", 0), Seen("h", "GET", "/x/b", 0)]).templates
    ] == [
        (1, 0),
        (1, 0),
    ]


def test_parameters_of_one_template_have_different_names():
    assert templates([Seen("h", "GET", f"/{n}/pets/{n}/{n}") for n in range(9)]) == [
        "/{value}/pets/{pet}/{pet_2}"
    ]


def test_closing_slashes_and_the_root_are_kept():
    assert templates([Seen("h", "GET", path) for path in ("/", "/pets", "/pets/")]) == [
        "/",
        "/pets",
        "/pets/",
    ]


def test_what_is_unsure_is_shown_with_examples_most_used_first():
    seen = traffic({"/posts/<slug>": 12, "/posts/featured": 3}, tenants=False)
    learned = learn(seen)
    assert learned.reviews == sorted(learned.reviews, key=lambda r: -r.requests * (1 - r.confidence))
    for review in learned.reviews:
        assert 0.5 <= review.confidence < 0.85
        assert 1 <= len(review.examples) <= 5
        assert all(any(f"/{example}" in one.path for one in seen) for example in review.examples)


def test_learned_templates_match_paths_that_come_later():
    learned = learn(traffic({"/posts/<slug>": 80, "/posts/featured": 60, "/jobs/<id>.json": 30}))
    known = RouteTable(learned.operations())
    later = [
        known.match("h", "GET", path) for path in ("/posts/new-one", "/posts/featured", "/jobs/1.json", "/x")
    ]
    assert [route and route.template for route in later] == [
        "/posts/{post}",
        "/posts/featured",
        "/jobs/{job}.json",
        None,
    ]


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "8675309",
        "+4915112345678",
        "6b5c619c-359c-44ca-87e2-47e9812c1f02",
        "6b5c619c359c44ca87e247e9812c1f02",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "SM3f0c9e2b7d1a4f58a6b2c0d9e8f71234",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "cus_9s6XKzkNRiz8i3",
        "2026-01-31T10:00:00Z",
        "192.168.0.1",
        "2001:db8::1",
        "ana@example.com",
        "ana%40example.com",
        "{id}",
    ],
)
def test_values_by_spelling(text):
    assert is_value(text)


@pytest.mark.parametrize(
    "text",
    [
        "pets",
        "v1",
        "oauth2",
        "listCustomers",
        "security-advisories",
        "2010-04-01",
        "acme-corp",
        "me",
        "deadbeef",
        "S3",
    ],
)
def test_not_values_by_spelling(text):
    assert not is_value(text)


@pytest.mark.parametrize("text", ["v1", "v2beta1", "V3", "v1.2", "v1alpha2", "v10p1beta1"])
def test_versions(text):
    assert is_version(text)


def test_endings():
    assert [ending(text) for text in ("a.json", "a.b", "a:cancel", "a", ".json", "x.tar.gz")] == [
        ("a", ".json"),
        ("a.b", ""),
        ("a", ":cancel"),
        ("a", ""),
        (".json", ""),
        ("x", ".tar.gz"),
    ]
