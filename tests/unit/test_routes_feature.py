"""Features, operations, and templates written by gateways and frameworks."""

from __future__ import annotations

import pytest

from tenantry.errors import TenantryError
from tenantry.methods.routes import (
    FeatureRule,
    Features,
    GatewayRoute,
    Named,
    gateway_route,
    operation,
    trusted,
    written_plainly,
)


@pytest.mark.parametrize(
    ("method", "template", "kind"),
    [
        ("GET", "/pets", "read"),
        ("HEAD", "/pets", "read"),
        ("OPTIONS", "/pets", "read"),
        ("POST", "/pets", "create"),
        ("PUT", "/pets/{id}", "update"),
        ("PATCH", "/pets/{id}", "update"),
        ("DELETE", "/pets/{id}", "delete"),
        ("GET", "/search/issues", "read"),
        ("GET", "/pets/search", "search"),
        ("POST", "/pets/search", "search"),
        ("POST", "/v1/pets:search", "search"),
        ("QUERY", "/pets", "search"),
        ("GET", "/report/{id}/export", "export"),
        ("GET", "/report/{id}/export.csv", "export"),
        ("GET", "/invoices/{id}/download", "export"),
        ("POST", "/orders/{id}/cancel", "update"),
        ("POST", "/v1/{name}:cancel", "update"),
        ("POST", "/v1/{name}:batchDelete", "delete"),
        ("POST", "/users.list", "read"),
        ("POST", "/getReport", "read"),
        ("POST", "/validate", "read"),
        ("POST", "/orders/{id}", "create"),
        ("DELETE", "/pets/search/{id}", "delete"),
        ("GET", "/orders/{id}/cancel", "read"),
        ("LOCK", "/x", "read"),
        ("POST", "/", "create"),
    ],
)
def test_operations(method, template, kind):
    assert operation(method, template) == kind


def test_a_feature_is_the_first_rule_that_fits():
    features = Features(
        [
            FeatureRule("exports", "/v1/**/export", method="post"),
            FeatureRule("admin", host="ADMIN.example.com"),
            FeatureRule("pets", "/v1/pets/**"),
            FeatureRule("pet photos", "/v1/pets/*/photos"),
            FeatureRule("files", "/files/*.json"),
        ]
    )
    assert features.of("a", "POST", "/v1/pets/{id}/export") == "exports"
    assert features.of("a", "GET", "/v1/pets/{id}/export") == "pets"
    assert features.of("admin.example.com", "GET", "/v1/pets") == "admin"
    assert features.of("a", "GET", "/v1/pets") == "pets"
    assert features.of("a", "GET", "/v1/pets/{id}/photos") == "pets"
    assert features.of("a", "GET", "/files/{id}.json") == "files"
    assert features.of("a", "GET", "/files/{id}/{x}.json", tags=["Files"]) == "Files"


@pytest.mark.parametrize(
    ("template", "feature"),
    [
        ("/v2/apps/{id}/logs", "apps"),
        ("/api/v1/reports/usage/{id}", "reports/usage"),
        ("/{tenant}/orders/{id}", "orders"),
        ("/a/b/c/d", "a/b"),
        ("/", "/"),
        ("/{id}", "/"),
    ],
)
def test_without_rule_and_tag_a_feature_is_the_first_names(template, feature):
    assert Features().of("h", "GET", template) == feature


def test_a_rule_names_its_feature():
    with pytest.raises(TenantryError, match="/x"):
        Features([FeatureRule("", "/x")])


@pytest.mark.parametrize(
    ("key", "route"),
    [
        ("GET /pets/{id}", GatewayRoute("GET", "/pets/{id}", whole=True)),
        ("/pets/{id}", GatewayRoute("*", "/pets/{id}", whole=True)),
        ("ANY /pets", GatewayRoute("*", "/pets", whole=True)),
        ("ANY /{proxy+}", GatewayRoute("*", "/{proxy+}", whole=False)),
        ("GET /files/{path+}", GatewayRoute("GET", "/files/{path+}", whole=False)),
        ("$default", GatewayRoute("*", "/{proxy+}", whole=False)),
        ("$connect", None),
        ("sendMessage", None),
        ("-", None),
        ("", None),
    ],
)
def test_keys_of_a_gateway(key, route):
    assert gateway_route(key) == route


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("/pets/{id}", "/pets/{id}"),
        ("/pets/:id", "/pets/{id}"),
        ("/pets/:id(\\d+)?", "/pets/{id}"),
        ("/pets/<int:id>", "/pets/{id}"),
        ("/pets/<id>/toys", "/pets/{id}/toys"),
        ("/files/<path:name>", "/files/{name+}"),
        ("/pets/[id]", "/pets/{id}"),
        ("/docs/[...slug]", "/docs/{slug+}"),
        ("/docs/[[...slug]]", "/docs/{slug+}"),
        ("/pets/{id:int}", "/pets/{id}"),
        ("/pets/{id?}", "/pets/{id}"),
        ("/pets/{id:[0-9]{3}}", "/pets/{id}"),
        ("/files/{path:path}", "/files/{path+}"),
        ("/files/{*path}", "/files/{path+}"),
        ("^pets/(?P<id>\\d+)$", "/pets/{id}"),
        ("/pets/:id(.:format)", "/pets/{id}"),
        ("/*", "/{rest+}"),
        ("pets/list", "/pets/list"),
    ],
)
def test_how_frameworks_write_templates(written, plain):
    assert written_plainly(written) == plain


def test_a_route_that_fits_its_path_is_believed():
    one = Named("h", "GET", "/pets/:id", "/pets/7?x=1")
    assert trusted([one]) == {one: "/pets/{id}"}


def test_a_mounted_route_gets_its_prefix():
    one = Named("h", "GET", "/pets/{id}", "/api/v1/pets/7")
    assert trusted([one]) == {one: "/api/v1/pets/{id}"}


def test_a_route_that_does_not_fit_is_not_believed():
    assert trusted([Named("h", "GET", "/pets/{id}", "/toys/7"), Named("h", "GET", "/a/b/{c}", "/b/1")]) == {}


def test_a_route_that_takes_everything_says_nothing():
    assert (
        trusted([Named("h", "GET", route, "/a/b") for route in ("/*", "/{proxy+}", "/{path:path}", "/**")])
        == {}
    )


def test_raw_paths_are_not_believed_and_plain_routes_are():
    raw = [Named("h", "GET", f"/pets/{n}", f"/pets/{n}") for n in (3, 17, 42)]
    plain = [
        Named("h", "GET", path, path, 50) for path in ("/health", "/pets", "/v1/reports", "/v1/reports/daily")
    ]
    assert trusted([*raw, *plain]) == {one: one.route for one in plain}


def test_raw_paths_of_names_are_not_believed():
    raw = [
        Named("h", "GET", path, path, 3, (f"t{n}",))
        for n in range(40)
        for path in (
            f"/spaces/team-{chr(97 + n % 26)}{n // 26}x/pages",
            f"/spaces/team-{chr(97 + n % 26)}{n // 26}x",
        )
    ]
    plain = Named("h", "GET", "/spaces", "/spaces", 200, tuple(f"t{n}" for n in range(40)))
    assert trusted([*raw, plain]) == {plain: "/spaces"}
