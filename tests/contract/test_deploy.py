"""What `deploy/` names is there: commands, settings, files, paths and times; nothing here builds an image."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tenantry.app import catalog
from tenantry.config import load
from tenantry.gateways.cli import build_parser
from tenantry.gateways.commands import commands
from tenantry.gateways.doors import Doors
from tenantry.gateways.http.access import PROBES
from tenantry.gateways.serve import GRACE_SECONDS, Address
from tenantry.sources import SOURCES

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICE = (DEPLOY / "tenantry.service").read_text(encoding="utf-8")
README = (DEPLOY / "README.md").read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines if line)]


def of_image(word: str) -> list[str]:
    return [rest for name, rest in instructions() if name == word]


def parsed(words: list[str]) -> Any:
    nothing: Any = None
    doors = Doors(*[nothing] * 9)
    return build_parser(catalog(), commands(doors), nothing, words=words).parse_args(words)


def option(name: str) -> str:
    [found] = re.findall(rf"^{name}=(.*)$", SERVICE, re.MULTILINE)
    return found


def test_the_image_is_made_of_files_that_are_in_the_repository():
    for rest in of_image("COPY"):
        *sources, _ = [word for word in rest.split() if not word.startswith("--from=")]
        if "--from=" not in rest:
            assert all((ROOT / source).exists() for source in sources), rest
    static = "src/tenantry/gateways/static"
    assert (
        f"COPY --from=dashboard /tenantry/{static} /opt/tenantry/{static}"
        in (DEPLOY / "Dockerfile").read_text()
    )
    assert (
        'import.meta.dirname, "../src/tenantry/gateways/static"' in (ROOT / "web/vite.config.ts").read_text()
    )
    assert "build" in json.loads((ROOT / "web/package.json").read_text())["scripts"]
    given = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert all((ROOT / line[1:]).exists() for line in given if line.startswith("!"))


def test_the_image_serves_where_it_says_and_is_asked_there_how_it_is():
    [command], [port], [check] = of_image("CMD"), of_image("EXPOSE"), of_image("HEALTHCHECK")
    serve = parsed(json.loads(command))
    assert Address.parse(serve.bind).port == int(port)
    asked = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", check)
    assert asked
    assert asked[1] == port
    assert asked[2] in PROBES
    assert json.loads(of_image("ENTRYPOINT")[0]) == ["python", "-m", "tenantry"]


@pytest.mark.parametrize("whose", ["image", "compose", "service"])
def test_the_settings_in_the_environment_are_settings(whose: str):
    named: dict[str, str] = {
        "image": dict(re.findall(r"(\w+)=(\S+)", " ".join(of_image("ENV")))),
        "compose": COMPOSE["services"]["tenantry"]["environment"],
        "service": dict.fromkeys(re.findall(r"TENANTRY_\w+", SERVICE), "postgresql://x"),
    }[whose]
    ours = {name: value for name, value in named.items() if name.startswith("TENANTRY_")}
    assert ours
    load(DEPLOY / "tenantry.toml", ours)


def test_the_settings_of_the_container_can_be():
    kinds = {source.kind: source for source in SOURCES}
    told = tomllib.loads((DEPLOY / "tenantry.toml").read_text(encoding="utf-8"))
    for table in told["sources"].values():
        source = kinds[table.pop("kind")].model_validate(table)
        assert source.path.startswith("/var/lib/tenantry/inputs/")
    [home] = of_image("WORKDIR")[1:]
    assert told["lake"]["path"] == f"{home}/lake"
    mounts = [volume.split(":") for volume in COMPOSE["services"]["tenantry"]["volumes"]]
    assert [target for _, target, *_ in mounts] == [home, f"{home}/tenantry.toml", f"{home}/inputs"]


def test_compose_names_what_there_is():
    ours, others = COMPOSE["services"]["tenantry"], COMPOSE["services"]["postgres"]
    build = ours["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()
    assert [port.split(":")[-1] for port in ours["ports"]] == of_image("EXPOSE")
    assert {*ours["depends_on"]} == {"postgres"}
    assert others["healthcheck"]
    assert {volume.split(":")[0] for s in (ours, others) for volume in s["volumes"]} >= {*COMPOSE["volumes"]}


def test_the_unit_serves_and_each_command_of_the_files_is_one():
    program, *words = shlex.split(option("ExecStart"))
    assert program.endswith("/.venv/bin/tenantry")
    serve = parsed(words)
    assert serve.lake.startswith(f"/var/lib/{option('StateDirectory')}/")
    assert Address.parse(serve.bind).host == "127.0.0.1"
    for text in (README, (DEPLOY / "compose.yaml").read_text(), SERVICE):
        for line in re.findall(r"(?:`|run --rm )tenantry ([a-z][^`\n,]*)", text):
            parsed(["token" if word == "tenantry" else word for word in shlex.split(line)])


def test_who_ends_it_waits_until_it_has_ended():
    assert int(option("TimeoutStopSec")) > GRACE_SECONDS
    assert int(COMPOSE["services"]["tenantry"]["stop_grace_period"].removesuffix("s")) > GRACE_SECONDS


def test_the_page_names_settings_and_pages_that_are_there():
    settings = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    for name in re.findall(r"`(engine\.\w+)`", README):
        assert f"`{name}`" in settings
    for page in re.findall(r"\]\(([^)#]+)", README):
        assert (DEPLOY / page).is_file()
    for name in re.findall(r"`((?:compose|tenantry)\.\w+)`|`deploy/(\w+\.\w+)`", README):
        assert any((DEPLOY / part).exists() or part == "tenantry.toml" for part in name if part)
