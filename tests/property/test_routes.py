"""What holds of every set of templates, and of every way paths may come."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tenantry.methods.routes import (
    Asked,
    Assigned,
    Operation,
    RouteTable,
    Routing,
    Seen,
    assign,
    learn,
    names_of,
)
from tenantry.methods.routes.places import Names

NAMES = st.sampled_from(["pets", "users", "orders", "v1", "me", "search"])
SEGMENT = NAMES | st.sampled_from(["{id}", "{name}", "{id}.json", "{id}:cancel", "{a}-to-{b}"])
TEMPLATE = st.lists(SEGMENT, min_size=1, max_size=5).map(lambda parts: "/" + "/".join(parts))
VALUE = st.text(
    "xyz0123456789_~", min_size=1, max_size=6
)  # of no template's names and marks, so not ambiguous
PATH = st.lists(
    NAMES
    | VALUE
    | st.integers(0, 99).map(str)
    | st.uuids().map(str)
    | st.sampled_from(["", "a.json", "a:go", "%2F"]),
    max_size=5,
).map(lambda parts: "/" + "/".join(parts))
SEEN = st.lists(
    st.builds(
        Seen,
        st.sampled_from(["a", "b"]),
        st.sampled_from(["GET", "PUT"]),
        PATH,
        st.integers(1, 50),
        st.lists(st.sampled_from(["t1", "t2", "t3"]), unique=True, max_size=3).map(tuple),
    ),
    max_size=40,
    unique_by=lambda one: one[:3],
)

NOBODY = names_of([])
PEOPLE = names_of((name, name) for name in ("acme", "globex", "me"))
HOST = st.sampled_from(["", "acme.x.test", "globex.x.test", "www.x.test", "api.test", "api.test:8080"])


def asked_for(paths: list[str]) -> st.SearchStrategy[list[Asked]]:
    one = st.builds(
        Asked,
        HOST,
        st.sampled_from(["GET", "PUT", "HEAD", "OPTIONS"]),
        st.sampled_from(paths),
        st.sampled_from(["", "", "/pets/{id}", "GET /pets/{id}", "ANY /users", "GET /{proxy+}"]),
        st.integers(1, 50),
        st.booleans(),
        st.lists(st.sampled_from(["acme", "globex", "t3"]), unique=True, max_size=3).map(tuple),
    )
    return st.lists(one, min_size=10, max_size=40).map(lambda some: list({o[:3]: o for o in some}.values()))


PLAIN = st.sampled_from(["/pets/1", "/pets/me", "/users/7.json", "/login", "/acme/pets"])
ASKED = st.lists(PLAIN | PATH, min_size=1, max_size=5).flatmap(asked_for)
"""Requests that many hosts and methods have in common."""
DOCUMENTED = st.lists(
    st.builds(
        Operation,
        st.sampled_from(["GET", "PUT"]),
        st.sampled_from(["/pets/{id}", "/pets/me", "/users/{id}.json", "/{page}", "/{tenant}/pets"]),
        st.sampled_from(["", "{tenant}.x.test", "acme.x.test", "api.test"]),
    ),
    min_size=1,
    max_size=6,
)


def assigned(asked: list[Asked], documented: list[Operation], names: Names) -> list[Assigned]:
    routes, numbers = assign(asked, documented, names, Routing())
    return [routes[number] for number in numbers]


def shape(template: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", template)


@given(st.lists(TEMPLATE, min_size=1, max_size=12, unique_by=shape), st.data())
def test_a_path_matches_the_template_it_was_made_of(templates, data):
    known = RouteTable([Operation("GET", template) for template in templates])
    template = data.draw(st.sampled_from(templates))
    path = re.sub(r"\{[^}]*\}", lambda _: data.draw(VALUE), template)
    route = known.match("h", "GET", path)
    assert known.unreachable == []
    assert route is not None
    assert route.template == template or shape(route.template) in more_concrete(template, templates)


def more_concrete(template: str, templates: list[str]) -> set[str]:
    """Templates that may come first: a parameter of this one is text in them, so only where the text may be a value."""
    own = template.split("/")
    return {
        shape(other)
        for other in templates
        if len(other.split("/")) == len(own)
        and all(a == b or "{" in a for a, b in zip(own, other.split("/"), strict=True))
    }


@given(st.lists(TEMPLATE, min_size=1, max_size=12, unique_by=shape), VALUE, st.randoms())
def test_the_order_of_operations_does_not_matter(templates, value, rng):
    operations = [Operation("GET", template) for template in templates]
    paths = [re.sub(r"\{[^}]*\}", value, template) for template in templates]
    before = [RouteTable(operations).match("h", "GET", path) for path in paths]
    rng.shuffle(operations)
    assert [RouteTable(operations).match("h", "GET", path) for path in paths] == before


@given(SEEN, st.randoms())
def test_learning_does_not_depend_on_order(seen, rng):
    before = learn(seen)
    rng.shuffle(seen)
    after = learn(seen)
    assert after.templates == before.templates
    assert after.reviews == before.reviews
    assert [after.template(one.host, one.path) for one in seen] == [
        before.template(o.host, o.path) for o in seen
    ]


@given(SEEN)
def test_every_path_is_in_exactly_one_template(seen):
    learned = learn(seen)
    found = [learned.template(one.host, one.path) for one in seen]
    assert all(
        template is not None and template.host == one.host for template, one in zip(found, seen, strict=True)
    )
    assert sum(template.requests for template in learned.templates) == sum(one.requests for one in seen)
    assert sum(template.paths for template in learned.templates) == len(
        {(one.host, one.path) for one in seen}
    )
    assert len({(template.host, template.template) for template in learned.templates}) == len(
        learned.templates
    )
    for template in learned.templates:
        mine = [one for one, its in zip(seen, found, strict=True) if its == template]
        assert template.requests == sum(one.requests for one in mine)
        assert template.methods == tuple(sorted({one.method for one in mine}))
        assert 0.5 <= template.confidence <= 1.0


@given(SEEN)
def test_a_learned_template_fits_its_paths(seen):
    learned = learn(seen)
    for one in seen:
        template = learned.template(one.host, one.path)
        assert template is not None
        known = RouteTable([Operation("GET", template.template)])
        assert known.match("", "GET", one.path) is not None


@given(ASKED, DOCUMENTED, st.randoms())
def test_the_route_of_a_request_does_not_depend_on_order(asked, documented, rng):
    before = dict(zip(asked, assigned(asked, documented, PEOPLE), strict=True))
    rng.shuffle(asked)
    assert dict(zip(asked, assigned(asked, documented, PEOPLE), strict=True)) == before


@given(ASKED, DOCUMENTED)
def test_what_a_document_or_a_gateway_says_of_a_request_does_not_depend_on_others(asked, documented):
    for one, route in zip(asked, assigned(asked, documented, NOBODY), strict=True):
        [alone] = assigned([one], documented, NOBODY)
        told = {alone.origin, route.origin} & {"specification", "gateway"}
        assert not told or alone == route
