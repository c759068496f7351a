"""Pages say what the code says: the generated ones are fresh, the examples in the others are valid."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest

from tenantry.methods.policy import Policy
from tenantry.sources import SOURCES
from tenantry.sources.mcp import read_servers

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GENERATED: dict[str, str] = runpy.run_path(str(DOCS / "reference.py"))["pages"]()
HOW_TO = sorted((DOCS / "how-to").glob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    found = re.findall(
        rf"^( *)```{language}\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_page_is_fresh(name: str):
    assert (DOCS / "reference" / name).read_text(encoding="utf-8") == GENERATED[name], "run `make docs`"


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_code_in_a_how_to_is_python(page: Path):
    for block in blocks(page, "python"):
        compile(block, page.name, "exec")


def test_policies_in_the_how_to_are_valid_one_by_one_and_together():
    examples = blocks(DOCS / "how-to" / "write-a-policy.md", "toml")
    assert len(examples) > 4
    for text in [*examples, "\n".join(examples)]:
        assert Policy.read(tomllib.loads(text)["allocation"]).rules


def test_the_policy_of_the_example_settings_is_valid():
    example = tomllib.loads((ROOT / "src/tenantry/tenantry.example.toml").read_text(encoding="utf-8"))
    assert Policy.read(example["allocation"]).rules


def test_the_servers_and_sources_of_the_how_to_are_valid():
    found = [tomllib.loads(text) for text in blocks(DOCS / "how-to" / "external-mcp-servers.md", "toml")]
    servers = read_servers({name: table for one in found for name, table in one["mcp"].items()})
    assert {*servers} == {"aws", "cloudwatch", "books"}
    kinds = {source.kind: source for source in SOURCES}
    for table in found[0]["sources"].values():
        fields = {**table, "server": servers[table["server"]]}
        assert kinds[fields.pop("kind")].model_validate(fields)
