"""Operations of an API from its OpenAPI documents (versions 2 and 3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ...errors import TenantryError, invalid

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
MOST_SERVERS = 256
"""A server whose variables list more combinations than this has them as parameters instead."""
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
MARKS_OF_MANY = ("+", "*", "...", ":path")
"""How frameworks spell a parameter that holds slashes: `{proxy+}`, `{path*}`, `{path...}`, `{path:path}`."""
NAME_OF_MANY = re.compile(r".*path|ref|wildcard|proxy")
"""Last word of a closing parameter whose values hold slashes in practice, though OpenAPI has no way to say so."""


class Operation(NamedTuple):
    """One method of one path template.

    `host` is lower case and without port, may hold parameters (`{region}.example.com`), and is empty where the document
    names none: any host. `template` has the server's base path in front. `many` names the parameters whose values hold
    slashes.
    """

    method: str
    template: str
    host: str = ""
    operation_id: str = ""
    tags: tuple[str, ...] = ()
    many: frozenset[str] = frozenset()


def operations(
    document: Mapping[str, Any], hosts: Sequence[str] | None = None, *, lenient: bool = False
) -> list[Operation]:
    """Every operation of a parsed OpenAPI 2 or 3 document, once for each of its servers, in the document's order.

    `hosts`, where given, are the names the API is served under instead of the document's; `("",)` is any host. The base
    paths stay. Path items and parameters may be `$ref`s into the same document; other files must be bundled in before.
    Paths that cannot be read are all told by one error, or, where `lenient`, left out.
    """
    if not isinstance(document.get("paths", {}), Mapping) or not ({"openapi", "swagger"} & document.keys()):
        raise invalid(
            "this is not an OpenAPI document: it has no `openapi` or `swagger` version, or its paths are no mapping",
            "give a document of OpenAPI 2 or 3; one that is split over files must be bundled first",
        )
    found, problems = [], []
    for path, item in document.get("paths", {}).items():
        if str(path).startswith("x-"):
            continue
        try:
            found.extend(_of_path(document, str(path), _resolved(document, item), hosts))
        except TenantryError as error:
            problems.append(f"{path}: {error.message}")
    if problems and not lenient:
        raise invalid(
            f"{len(problems)} paths of the OpenAPI document cannot be read: " + "; ".join(problems),
            "bundle the document into one file and name each parameter once",
        )
    return found


def _of_path(
    document: Mapping[str, Any], path: str, item: Mapping[str, Any], hosts: Sequence[str] | None
) -> Iterator[Operation]:
    if path.count("{") != path.count("}"):
        raise invalid("its braces do not pair")
    for method in METHODS:
        operation = item.get(method)
        if not isinstance(operation, Mapping):
            continue
        servers = _servers(document, item, operation)
        if hosts is not None:
            servers = [
                (host.lower(), base) for host in hosts for base in dict.fromkeys(b for _, b in servers)
            ]
        for host, base in dict.fromkeys(servers):
            yield Operation(
                method=method.upper(),
                template=_joined(base, path),
                host=host,
                operation_id=str(operation.get("operationId", "")),
                tags=tuple(str(tag) for tag in operation.get("tags") or ()),
                many=_many(document, path, item, operation),
            )


def _joined(base: str, path: str) -> str:
    return f"{base.rstrip('/')}/{path.removeprefix('/')}"


def _resolved(document: Mapping[str, Any], node: Any) -> Mapping[str, Any]:
    """The node, or what its local `$ref` (RFC 6901 pointer) names."""
    for _ in range(16):
        if not isinstance(node, Mapping):
            raise invalid("a mapping was expected")
        reference = node.get("$ref")
        if not isinstance(reference, str):
            return node
        if not reference.startswith("#/"):
            raise invalid(f"it refers to {reference}, in another file")
        node = document
        for key in reference[2:].split("/"):
            name = key.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, Mapping) or name not in node:
                raise invalid(f"it refers to {reference}, which is not in the document")
            node = node[name]
    raise invalid("its references go in a circle")


# --- servers ---------------------------------------------------------------------------------------


def _servers(
    document: Mapping[str, Any], item: Mapping[str, Any], operation: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """(host, base path) of each server; the operation's own come before the path's, and those before the document's."""
    if "swagger" in document:
        return [(_host(str(document.get("host", ""))), str(document.get("basePath", "")))]
    listed = next(
        (place["servers"] for place in (operation, item, document) if place.get("servers")), [{"url": "/"}]
    )
    return [_split(url) for server in listed for url in _urls(server)]


def _host(authority: str) -> str:
    name = authority.rpartition("@")[2].lower()
    return name.partition("]")[0] + "]" if name.startswith("[") else name.partition(":")[0]


def _split(url: str) -> tuple[str, str]:
    if "//" not in url:
        return "", url
    parts = urlsplit(PLACEHOLDER.sub(lambda m: m[0].replace(":", ""), url))
    return _host(parts.netloc), parts.path


def _urls(server: Mapping[str, Any]) -> Iterator[str]:
    """The URL with its variables filled in: by their listed values, else by a parameter that takes any value.

    A variable that stands for several segments, or for none, takes its default.
    """
    url = str(server.get("url", "/"))
    variables = server.get("variables") or {}
    names = [
        name for name in dict.fromkeys(PLACEHOLDER.findall(url)) if isinstance(variables.get(name), Mapping)
    ]
    choices = [_choices(name, variables[name]) for name in names]
    combinations = 1
    for number, values in enumerate(choices):
        combinations *= len(values)
        if combinations > MOST_SERVERS:
            choices[number:] = [[f"{{{name}}}"] for name in names[number:]]
            break
    for values in product(*choices):
        filled = url
        for name, value in zip(names, values, strict=True):
            filled = filled.replace(f"{{{name}}}", value)
        yield filled


def _choices(name: str, variable: Mapping[str, Any]) -> list[str]:
    if variable.get("enum"):
        return [str(value) for value in variable["enum"]]
    default = str(variable.get("default", ""))
    return [default] if "/" in default or not default else [f"{{{name}}}"]


# --- parameters ------------------------------------------------------------------------------------


def _many(
    document: Mapping[str, Any], path: str, item: Mapping[str, Any], operation: Mapping[str, Any]
) -> frozenset[str]:
    """Names of parameters whose values hold slashes: declared so, or closing the path under a name that says so."""
    declared = set()
    for parameter in (*(item.get("parameters") or ()), *(operation.get("parameters") or ())):
        known = _resolved(document, parameter)
        if known.get("in") == "path" and (known.get("x-multi-segment") or known.get("allowReserved")):
            declared.add(str(known.get("name")))
    last = PLACEHOLDER.fullmatch(path.rpartition("/")[2])
    if last and NAME_OF_MANY.fullmatch(_last_word(last[1])):
        declared.add(last[1])
    return frozenset(declared)


def _last_word(name: str) -> str:
    return re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())[-1]
