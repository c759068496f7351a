"""Operations read from OpenAPI documents, and requests matched to them: each trap that real documents set."""

from __future__ import annotations

import pytest

from tenantry.errors import TenantryError
from tenantry.methods.routes import Operation, Route, RouteTable, operations


def document(*paths: str, **fields):
    return {"openapi": "3.1.0", "paths": {path: {"get": {"operationId": path}} for path in paths}, **fields}


def table(*templates: str, method: str = "GET", **options) -> RouteTable:
    return RouteTable([Operation(method, template) for template in templates], **options)


def found(known: RouteTable, path: str, method: str = "GET", host: str = "any.example.com") -> str | None:
    route = known.match(host, method, path)
    return None if route is None else route.template


# --- documents -------------------------------------------------------------------------------------


def test_an_operation_has_its_id_and_tags():
    item = {"get": {"operationId": "listPets", "tags": ["pets", "animals"]}, "parameters": [], "summary": "x"}
    assert operations({"openapi": "3.0.0", "paths": {"/pets": item}}) == [
        Operation("GET", "/pets", "", "listPets", ("pets", "animals"))
    ]


def test_version_2_has_one_host_and_a_base_path():
    two = {
        "swagger": "2.0",
        "host": "API.Example.com:8443",
        "basePath": "/v1/",
        "paths": {"/pets": {"post": {}}},
    }
    assert operations(two) == [Operation("POST", "/v1/pets", "api.example.com")]


def test_version_2_without_host_is_any_host():
    assert operations({"swagger": "2.0", "paths": {"/pets": {"get": {}}}}) == [Operation("GET", "/pets")]


@pytest.mark.parametrize(
    ("url", "host", "template"),
    [
        ("https://api.example.com", "api.example.com", "/pets"),
        ("https://api.example.com:8443/v1", "api.example.com", "/v1/pets"),
        ("https://[2001:db8::1]:8443/v1", "[2001:db8::1]", "/v1/pets"),
        ("//api.example.com/v1/", "api.example.com", "/v1/pets"),
        ("/v1", "", "/v1/pets"),
        ("/", "", "/pets"),
    ],
)
def test_server_urls(url, host, template):
    assert operations(document("/pets", servers=[{"url": url}])) == [
        Operation("GET", template, host, "/pets")
    ]


def test_each_server_counts_and_nearer_servers_replace_farther_ones():
    known = document(
        "/a", "/b", "/c", servers=[{"url": "https://one.example.com"}, {"url": "https://two.example.com"}]
    )
    known["paths"]["/b"]["servers"] = [{"url": "https://path.example.com"}]
    known["paths"]["/c"]["get"]["servers"] = [{"url": "https://operation.example.com"}]
    assert [(o.host, o.template) for o in operations(known)] == [
        ("one.example.com", "/a"),
        ("two.example.com", "/a"),
        ("path.example.com", "/b"),
        ("operation.example.com", "/c"),
    ]


def test_server_variables_are_filled_in():
    variables = {
        "region": {"enum": ["eu", "us"], "default": "us"},
        "tenant": {"default": "demo"},
        "version": {"default": "v2"},
        "base": {"default": "api/rest"},
    }
    url = "https://{tenant}.{region}.example.com/{base}/{version}"
    known = operations(document("/pets", servers=[{"url": url, "variables": variables}]))
    assert [(o.host, o.template) for o in known] == [
        ("{tenant}.eu.example.com", "/api/rest/{version}/pets"),
        ("{tenant}.us.example.com", "/api/rest/{version}/pets"),
    ]
    assert (
        found(RouteTable(known), "/api/rest/v3/pets", host="acme.eu.example.com")
        == "/api/rest/{version}/pets"
    )
    assert found(RouteTable(known), "/api/rest/v3/pets", host="acme.ap.example.com") is None


def test_the_vendor_may_say_under_which_hosts_it_serves():
    known = document(
        "/pets", servers=[{"url": "https://api.example.com/v1"}, {"url": "https://eu.example.com/v1"}]
    )
    assert operations(known, hosts=["internal.local"]) == [
        Operation("GET", "/v1/pets", "internal.local", "/pets")
    ]


def test_references_within_the_document_are_followed():
    known = {
        "openapi": "3.0.0",
        "paths": {"/files/{name}": {"$ref": "#/components/pathItems/a~1b"}},
        "components": {
            "pathItems": {"a/b": {"get": {"parameters": [{"$ref": "#/components/parameters/name"}]}}},
            "parameters": {"name": {"name": "name", "in": "path", "allowReserved": True}},
        },
    }
    assert operations(known) == [Operation("GET", "/files/{name}", many=frozenset({"name"}))]


def test_what_cannot_be_read_is_told_all_at_once():
    known = {
        "openapi": "3.0.0",
        "paths": {
            "/a": {"$ref": "paths/a.yaml"},
            "/b": {"$ref": "#/components/no"},
            "/c/{id": {"get": {}},
            "/d": {"$ref": "#/paths/~1d"},
        },
    }
    with pytest.raises(TenantryError) as error:
        operations(known)
    assert all(f"/{path}" in error.value.message for path in "abcd")
    assert "another file" in error.value.message


@pytest.mark.parametrize("known", [{}, {"openapi": "3.0.0", "paths": []}, {"asyncapi": "3.0.0", "paths": {}}])
def test_other_documents_are_refused(known):
    with pytest.raises(TenantryError, match="not an OpenAPI document"):
        operations(known)


# --- segments --------------------------------------------------------------------------------------


def test_concrete_before_templated_whatever_the_order():
    for templates in (("/users/{id}", "/users/me"), ("/users/me", "/users/{id}")):
        known = table(*templates)
        assert found(known, "/users/me") == "/users/me"
        assert found(known, "/users/7") == "/users/{id}"


def test_a_concrete_start_that_leads_nowhere_is_left_again():
    known = table("/users/me/keys", "/users/{id}/posts", "/{anything}/me/posts/all")
    assert found(known, "/users/me/posts") == "/users/{id}/posts"
    assert found(known, "/users/me/posts/all") == "/{anything}/me/posts/all"
    assert found(known, "/users/me/likes") is None


def test_mixed_segments():
    known = table(
        "/calls/{Sid}.json",
        "/calls/{Sid}",
        "/calls/{Sid}/log.json",
        "/jobs/{name}:cancel",
        "/jobs/{name}",
        "/x/{a}-{b}",
    )
    assert found(known, "/calls/CA1.json") == "/calls/{Sid}.json"
    assert found(known, "/calls/CA1") == "/calls/{Sid}"
    assert found(known, "/calls/CA1/log.json") == "/calls/{Sid}/log.json"
    assert found(known, "/jobs/nightly:cancel") == "/jobs/{name}:cancel"
    assert found(known, "/jobs/nightly") == "/jobs/{name}"
    assert found(known, "/x/1-2") == "/x/{a}-{b}"
    assert found(known, "/x/12") is None
    assert found(known, "/calls/.json") == "/calls/{Sid}"


def test_the_mixed_segment_with_more_text_comes_first():
    for templates in (("/f/{a}.gz", "/f/{a}.tar.gz"), ("/f/{a}.tar.gz", "/f/{a}.gz")):
        assert found(table(*templates), "/f/x.tar.gz") == "/f/{a}.tar.gz"


def test_mixed_segments_backtrack_to_whole_parameters():
    known = table("/f/{name}.json/meta", "/f/{name}/data")
    assert found(known, "/f/a.json/data") == "/f/{name}/data"


def test_a_value_may_hold_three_dots():
    assert (
        found(table("/repos/{r}/compare/{basehead}"), "/repos/x/compare/main...dev")
        == "/repos/{r}/compare/{basehead}"
    )


def test_values_that_hold_slashes():
    spelled = table("/files/{path+}", "/a/{proxy...}", "/b/{p:path}", "/c/{*rest}")
    assert found(spelled, "/files/x/y/z.txt") == "/files/{path+}"
    assert found(spelled, "/a/x/y") == "/a/{proxy...}"
    assert found(spelled, "/b/x/y") == "/b/{p:path}"
    assert found(spelled, "/c/x/y") == "/c/{*rest}"
    assert found(spelled, "/files") is None
    named = RouteTable(
        operations(document("/repos/{r}/contents/{path}", "/logs/{logpath}", "/repos/{r}/{id}"))
    )
    assert found(named, "/repos/x/contents/src/a.py") == "/repos/{r}/contents/{path}"
    assert found(named, "/logs/2026/a.log") == "/logs/{logpath}"
    assert found(named, "/repos/x/7/more") is None


def test_values_that_hold_slashes_in_the_middle_take_as_few_as_fit():
    known = table("/r/{path+}/history", "/r/{path+}")
    assert found(known, "/r/a/b/history") == "/r/{path+}/history"
    assert found(known, "/r/a/b") == "/r/{path+}"
    assert found(known, "/r/history") == "/r/{path+}"


def test_a_parameter_is_never_empty():
    assert found(table("/users/{id}/posts"), "/users//posts") is None
    assert found(table("/files/{path+}"), "/files/") is None


def test_an_encoded_slash_does_not_divide():
    assert found(table("/projects/{id}/issues"), "/projects/group%2Frepo/issues") == "/projects/{id}/issues"


def test_encoded_names_are_read():
    assert found(table("/a b/{id}", "/users/~me"), "/a%20b/1") == "/a b/{id}"
    assert found(table("/users/~me"), "/users/%7Eme") == "/users/~me"


def test_closing_and_doubled_slashes():
    known = table("/pets", "/api/", "/x/{id}")
    assert found(known, "/pets/") == "/pets"
    assert found(known, "/api/") == "/api/"
    assert found(known, "/api") == "/api/"
    assert found(known, "//x//7/") == "/x/{id}"
    both = table("/pets", "/pets/")
    assert [found(both, path) for path in ("/pets", "/pets/")] == ["/pets", "/pets/"]


def test_the_root():
    assert found(table("/"), "/") == "/"
    assert found(table("/"), "/x") is None


def test_a_query_is_not_part_of_the_path():
    assert found(table("/pets"), "/pets?limit=1/2") == "/pets"


def test_case_counts_unless_told_otherwise():
    assert found(table("/Accounts/{Sid}"), "/accounts/AC1") is None
    assert found(table("/Accounts/{Sid}", ignore_case=True), "/aCCounts/AC1") == "/Accounts/{Sid}"


def test_base_paths_of_a_stage():
    known = table("/pets/{id}", "/prod/ready", base_paths=["prod", "/beta/"])
    assert found(known, "/prod/pets/1") == "/pets/{id}"
    assert found(known, "/beta/pets/1") == "/pets/{id}"
    assert found(known, "/pets/1") == "/pets/{id}"
    assert found(known, "/prod/ready") == "/prod/ready"
    assert found(known, "/production/pets/1") is None


# --- hosts and methods -----------------------------------------------------------------------------


def test_the_same_template_on_two_hosts_is_two_routes():
    known = RouteTable(
        [Operation("GET", "/v1/x", "a.example.com", "inA"), Operation("GET", "/v1/x", "b.example.com", "inB")]
    )
    routes = [
        known.match(host, "GET", "/v1/x") for host in ("a.example.com", "B.example.com:443", "c.example.com")
    ]
    assert [route and route.operation_id for route in routes] == ["inA", "inB", None]


def test_a_document_without_host_is_asked_last():
    known = RouteTable(
        [Operation("GET", "/{any}", "", "any"), Operation("GET", "/x", "a.example.com", "own")]
    )
    assert known.match("a.example.com", "GET", "/x") == Route("GET", "/x", "own")
    assert known.match("a.example.com", "GET", "/y") == Route("GET", "/{any}", "any")
    assert known.match("", "GET", "/y") == Route("GET", "/{any}", "any")


def test_a_wildcard_host():
    known = RouteTable(
        [Operation("GET", "/x", "*.example.com", "wild"), Operation("GET", "/x", "a.example.com", "own")]
    )
    assert [
        r and r.operation_id
        for r in (known.match(f"{h}.example.com", "GET", "/x") for h in ("a", "b", "c.d"))
    ] == [
        "own",
        "wild",
        None,
    ]


def test_a_template_that_has_the_method_comes_before_a_concrete_one_that_has_not():
    known = RouteTable([Operation("GET", "/users/me"), Operation("DELETE", "/users/{id}")])
    assert found(known, "/users/me", "DELETE") == "/users/{id}"
    assert found(known, "/users/me", "delete") == "/users/{id}"
    assert found(known, "/users/7", "GET") is None


def test_head_is_answered_by_get():
    known = RouteTable(
        [Operation("GET", "/a", operation_id="get"), Operation("HEAD", "/b", operation_id="head")]
    )
    assert known.match("", "HEAD", "/a") == Route("GET", "/a", "get")
    assert known.match("", "HEAD", "/b") == Route("HEAD", "/b", "head")
    assert known.match("", "GET", "/b") is None


def test_a_preflight_belongs_to_the_path():
    known = RouteTable(
        [Operation("PUT", "/a/{id}", operation_id="put", tags=("a",)), Operation("OPTIONS", "/b", "", "own")]
    )
    assert known.match("", "OPTIONS", "/a/1") == Route("OPTIONS", "/a/{id}", "", ("a",))
    assert known.match("", "OPTIONS", "/b") == Route("OPTIONS", "/b", "own")
    assert known.match("", "OPTIONS", "/c") is None


def test_operations_that_can_never_be_reached_are_named():
    second = Operation("GET", "/pets/{name}", operation_id="byName")
    known = RouteTable([Operation("GET", "/pets/{id}"), second, Operation("POST", "/pets/{name}")])
    assert known.unreachable == [second]
    assert found(known, "/pets/x", "POST") == "/pets/{name}"


def test_binary_noise_matches_nothing():
    assert found(table("/a/{b}"), "\x16\x03\x01") is None
    assert found(table("/a/{b}"), "") is None
    assert found(table("/a/{b}"), "*") is None
