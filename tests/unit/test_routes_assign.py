"""Requests to routes, in order of trust; and where in host and path tenants stand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tenantry.errors import TenantryError
from tenantry.methods.routes import Asked, Assigned, Operation, Routing, assign, names_of
from tenantry.methods.routes.places import PathPlaces, Visit, fold_hosts

NAMES = names_of((name, name) for name in ("acme", "globex", "initech", "17", "18", "shop.acme.com", "docs"))
NO_TENANT = frozenset(Routing().no_tenant)
HOST = "api.example.com"


def each(
    asked: Sequence[Asked], documented: Sequence[Operation] = (), routing: Routing | None = None
) -> list[Assigned]:
    found, numbers = assign(asked, documented, NAMES, routing or Routing())
    return [found[number] for number in numbers]


def routes(
    asked: Sequence[Asked], documented: Sequence[Operation] = (), routing: Routing | None = None
) -> dict[str, Assigned]:
    return dict(zip((one.path for one in asked), each(asked, documented, routing), strict=True))


def test_what_is_trusted_most_says_the_template():
    asked = [
        Asked(HOST, "GET", "/pets/1", named="GET /animals/{id}"),
        Asked(HOST, "GET", "/toys/1", named="GET /toys/{toy}"),
        Asked(HOST, "GET", "/v1/beds/1", named="/beds/:bed"),
        *(Asked(HOST, "GET", f"/bowls/{n}") for n in range(3)),
    ]
    found = routes(asked, [Operation("GET", "/pets/{id}", tags=("Pets",))])
    assert [(r.template, r.feature, r.origin) for r in list(found.values())[:4]] == [
        ("/pets/{id}", "Pets", "specification"),
        ("/toys/{toy}", "toys", "gateway"),
        ("/v1/beds/{bed}", "beds", "framework"),
        ("/bowls/{bowl}", "bowls", "learned"),
    ]


def test_requests_that_are_alike_share_one_route():
    found, numbers = assign([Asked(HOST, "GET", f"/bowls/{n}") for n in range(9)], (), NAMES, Routing())
    assert len(found) == 1
    assert numbers == [0] * 9


def test_a_greedy_gateway_template_is_looked_behind():
    found = routes([Asked(HOST, "GET", f"/bowls/{n}", named="ANY /{proxy+}") for n in range(3)])
    assert {(r.template, r.origin) for r in found.values()} == {("/bowls/{bowl}", "learned")}


def test_a_document_of_other_hosts_is_believed_less_and_not_where_another_document_names_the_host():
    documented = [Operation("GET", "/pets/{id}", host="api.acme.dev"), Operation("GET", "/x", host="x.test")]
    asked = [
        Asked(HOST, "GET", "/pets/1"),
        Asked("api.acme.dev", "GET", "/pets/2"),
        Asked("x.test", "GET", "/pets/3"),
    ]
    found = routes(asked, documented)
    assert [r.origin for r in found.values()] == ["specification", "specification", "learned"]
    assert found["/pets/1"].confidence < found["/pets/2"].confidence == 1


def test_a_method_that_a_document_lacks_has_the_paths_template_and_tags_with_less_confidence():
    documented = [Operation("GET", "/pets/{id}", tags=("Pets",)), Operation("GET", "/{page}")]
    asked = [
        Asked(HOST, "PATCH", "/pets/1"),
        Asked(HOST, "OPTIONS", "/pets/2"),
        Asked(HOST, "POST", "/xmlrpc.php"),
    ]
    patch, options, scan = routes(asked, documented).values()
    assert (patch.template, patch.feature, patch.operation, patch.origin) == (
        "/pets/{id}", "Pets", "update", "specification",
    )  # fmt: skip
    assert patch.confidence < options.confidence == 1
    assert scan.origin == "learned"
    [gateway] = routes([Asked(HOST, "POST", "/pets/1", named="POST /pets/{pet}")], documented).values()
    assert (gateway.template, gateway.origin) == ("/pets/{pet}", "gateway")
    [missing] = routes([Asked(HOST, "GET", "/wp-login.php", missing=True)], documented).values()
    assert missing.origin == "none"


def test_scanners_teach_nothing_but_what_is_missing_may_be_an_instance():
    asked = [
        *(Asked(HOST, "GET", f"/orders/{n}", requests=5) for n in range(1000, 1010)),
        Asked(HOST, "GET", "/orders/999", missing=True),
        *(Asked(HOST, "GET", path, missing=True) for path in ("/wp-login.php", "/.env", "/admin/config.php")),
    ]
    found = routes(asked)
    assert found["/orders/999"].template == "/orders/{order}"
    nothing = [found[path] for path in ("/wp-login.php", "/.env", "/admin/config.php")]
    assert {(r.template, r.feature, r.operation, r.origin) for r in nothing} == {("", "", "", "none")}


def test_rules_of_the_vendor_go_before_tags():
    routing = Routing.read({"features": [{"feature": "billing", "template": "/pets/*", "method": "POST"}]})
    documented = [Operation(m, "/pets/{id}", tags=("Pets",)) for m in ("GET", "POST")]
    found = [
        route
        for method in ("GET", "POST")
        for route in each([Asked(HOST, method, "/pets/1")], documented, routing)
    ]
    assert [(r.feature, r.operation) for r in found] == [("Pets", "read"), ("billing", "create")]


def test_a_learned_position_that_is_unsure_is_told():
    asked = [Asked(HOST, "GET", f"/{word}/list", requests=3) for word in ("cats", "dogs")]
    assert all(r.doubt and r.template.startswith(r.doubt) for r in routes(asked).values())


def test_many_paths_are_learned_from_by_a_part_of_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tenantry.methods.routes.assignment.MOST_LEARNED", 200)
    asked = [Asked(HOST, "GET", f"/orders/{n * 7919}/items/{n}") for n in range(2000)]
    asked += [Asked(HOST, "GET", "/orders/export", requests=500)]
    found = routes(asked)
    assert {r.template for r in found.values()} == {"/orders/{order}/items/{item}", "/orders/export"}
    assert each(asked[::-1])[::-1] == list(found.values())


def test_what_tenants_hosts_taught_says_nothing_of_other_hosts_beside_them():
    taught = [
        Asked(f"{name}.example.com", "GET", f"/orders/{n}") for name in ("acme", "globex") for n in range(9)
    ]
    found = routes([*taught, Asked("www.example.com", "GET", "/orders/99", missing=True)])
    assert (found["/orders/8"].pattern, found["/orders/8"].template) == ("*.example.com", "/orders/{order}")
    assert (found["/orders/99"].pattern, found["/orders/99"].origin) == ("www.example.com", "none")


# --- hosts ------------------------------------------------------------------------------------------


def test_hosts_that_differ_by_tenant_are_one():
    hosts = fold_hosts(
        [
            "acme.example.com", "globex.example.com", "newcomer.example.com", "www.acme.example.com",
            "api.example.com", "docs.example.com", "shop.acme.com", "10.0.0.17", "acme.eu", "", "[::1]",
        ],
        NAMES,
        NO_TENANT,
    )  # fmt: skip
    assert {host: tuple(found) for host, found in hosts.items()} == {
        "acme.example.com": ("*.example.com", "acme"),
        "globex.example.com": ("*.example.com", "globex"),
        "newcomer.example.com": ("*.example.com", "newcomer"),
        "www.acme.example.com": ("www.*.example.com", "acme"),
        "api.example.com": ("api.example.com", ""),
        "docs.example.com": ("docs.example.com", ""),
        "shop.acme.com": ("*", "shop.acme.com"),
        "10.0.0.17": ("10.0.0.17", ""),
        "acme.eu": ("acme.eu", ""),
        "": ("", ""),
        "[::1]": ("[::1]", ""),
    }


def test_one_tenants_label_folds_no_other():
    hosts = fold_hosts(["acme.example.com", "shop.example.com"], NAMES, NO_TENANT)
    assert [tuple(h) for h in hosts.values()] == [("*.example.com", "acme"), ("shop.example.com", "")]


def test_routes_of_tenants_hosts_are_learned_together():
    found = routes(
        [Asked(f"{name}.example.com", "GET", f"/orders/{n}") for n, name in enumerate(("acme", "globex"))]
    )
    assert len({(r.pattern, r.template) for r in found.values()}) == 1


# --- paths ------------------------------------------------------------------------------------------


def held(*visits: Visit) -> set[str]:
    return PathPlaces(visits, NAMES).prefixes


def plain(*paths: str) -> list[Visit]:
    return [Visit("", path) for path in paths]


def test_tenants_stand_where_most_segments_are_tenants():
    assert held(*plain("/t/acme/x", "/t/globex/y", "/t/nobody/x")) == {"/t"}
    assert held(*plain("/acme/x", "/globex/y", "/login")) == {""}
    assert held(*plain("/v2/acme/x", "/v2/login", "/v2/help", "/v2/search")) == set()


def test_one_tenant_is_enough_behind_a_telling_name_only():
    assert held(*plain("/orgs/acme/x")) == {"/orgs"}
    assert held(*plain("/topics/acme/x")) == set()


def test_numbers_are_no_evidence_unless_something_else_says_so():
    orders = plain("/orders/17", "/orders/18")
    assert held(*orders) == set()
    assert held(*plain("/accounts/17", "/accounts/18")) == {"/accounts"}
    agreed = [Visit("", f"/orders/{n}", frozenset({str(n)})) for n in (17, 18)]
    assert held(*agreed) == {"/orders"}


def test_what_requests_say_of_themselves_overrules():
    """A tenant that looks at its partners, which are tenants too."""
    visits = [Visit("", f"/partners/{name}", frozenset({"initech"})) for name in ("acme", "globex")]
    assert held(*visits) == set()


def test_ids_in_a_prefix_are_one():
    assert held(*plain("/projects/123/orgs/acme", "/projects/456/orgs/globex")) == {"/projects/{}/orgs"}


def test_the_tenants_segment_is_a_parameter_and_the_feature_follows_it():
    asked = [Asked(HOST, "GET", f"/t/{name}/reports") for name in ("acme", "globex")]
    found = routes(asked)
    assert {(r.template, r.feature) for r in found.values()} == {("/t/{tenant}/reports", "reports")}
    assert [r.segment for r in found.values()] == ["acme", "globex"]


# --- settings ---------------------------------------------------------------------------------------


def test_every_problem_of_the_routing_settings_is_told_at_once():
    with pytest.raises(TenantryError) as raised:
        Routing.read({"tenant": ["claim", "claim"], "features": [{"template": "/x"}], "nonsense": 1})
    assert {"feature", "nonsense"} <= {
        word for word in ("feature", "nonsense") if word in raised.value.message
    }
    with pytest.raises(TenantryError, match="twice"):
        Routing.read({"tenant": ["claim", "claim"]})


def test_what_a_log_without_hosts_taught_holds_for_hosts_of_other_logs():
    taught = [Asked("", "GET", f"/pets/{n}/toys") for n in range(100, 140)]
    found = routes([*taught, Asked(HOST, "GET", "/pets/999/toys", missing=True)])
    last = found["/pets/999/toys"]
    assert (last.pattern, last.template, last.origin) == (HOST, "/pets/{pet}/toys", "learned")
