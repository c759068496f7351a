"""What holds for the repository as a whole."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tenantry

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PAGES = sorted(
    p
    for p in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part == "node_modules" for part in p.relative_to(ROOT).parts)
)
LOCKS = sorted(ROOT.glob("requirements*.lock"))
# In CI the checkout may belong to another user.
LIST = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
ADRS = sorted((ROOT / "docs" / "adr").glob("0*.md"))


def tracked() -> list[Path]:
    listed = subprocess.run(LIST, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_registry_or_a_path_of_the_machine_it_was_written_on():
    hosts = ["pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "registry" + ".npm"]
    places = ["/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/", f"{ROOT}/", f"{ROOT.parent / 'shared'}/"]
    unwanted = re.compile(
        rf"{'|'.join(map(re.escape, hosts))}|(?<![\w./-])(?:{'|'.join(map(re.escape, places))})".encode()
    )
    found = [
        f"{path.relative_to(ROOT)}: {hit.group().decode()}"
        for path in tracked()
        for hit in unwanted.finditer(path.read_bytes())
    ]
    assert not found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_holds_versions_and_hashes_and_no_address(lock: Path):
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--\w*index|--find-links|-e|\.)", text, re.MULTILINE)
    for entry in re.split(r"\n(?=\S)", text.strip()):
        assert re.match(r"[\w.-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_the_lock_of_the_tests_on_node_holds_hashes_and_no_address():
    text = (ROOT / "tests" / "node" / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in text, "take out `funding`"
    lock = json.loads(text)
    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
        assert package.get("integrity", "").startswith("sha512-") or not name, name


def test_every_declared_dependency_is_locked():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = {
        "requirements.lock": declared["project"]["dependencies"],
        "requirements-dev.lock": [
            *declared["dependency-groups"]["dev"],
            *declared["project"]["optional-dependencies"]["agent"],
            *declared["project"]["optional-dependencies"]["bedrock"],
            *declared["project"]["optional-dependencies"]["sandbox"],
        ],
        "requirements-spark.lock": declared["project"]["optional-dependencies"]["spark"],
        "requirements-bench.lock": declared["dependency-groups"]["bench"],
    }
    for lock, requirements in groups.items():
        locked = set(re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))
        names = {re.match(r"[\w.-]+", requirement)[0] for requirement in requirements}  # pyright: ignore[reportOptionalSubscript]
        assert names <= locked, f"{lock}: run `make lock`"


def test_no_module_is_named_for_having_no_name():
    nameless = {"utils", "util", "helpers", "helper", "base", "manager", "common", "misc"}
    assert not [
        p for p in tracked() if p.suffix == ".py" and nameless & {*p.relative_to(ROOT).with_suffix("").parts}
    ]


def test_the_kernel_keeps_its_budget():
    lines = sum(
        len(p.read_text(encoding="utf-8").splitlines()) for p in (ROOT / "src/tenantry/kernel").rglob("*.py")
    )
    assert lines <= 1000, "docs/adr/0014, 0024, 0026, 0027: a larger kernel needs a decision record"


def commands(page: str) -> set[str]:
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", page, re.DOTALL)
    lines = [line.removeprefix("$ ").strip() for block in blocks for line in block.splitlines()]
    return {line.split("#")[0].strip() for line in lines if re.match(r"(make|tenantry) \w", line)}


def test_make_commands_of_the_readme_exist():
    targets = set(re.findall(r"^([a-z]\w*):", MAKEFILE, re.MULTILINE))
    named = {
        word for command in commands(README) if command.startswith("make ") for word in command.split()[1:]
    }
    assert {"demo", "test"} <= named <= targets


@pytest.mark.slow
def test_tenantry_commands_of_the_readme_exist():
    named = {command.split()[1] for command in commands(README) if command.startswith("tenantry ")}
    assert "profile" in named
    for name in sorted(named):
        run = subprocess.run(
            [sys.executable, "-m", "tenantry", name, "--help"], capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path):
    links = re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if "://" not in link and not (page.parent / link).exists()]


@pytest.mark.parametrize("record", ADRS, ids=lambda record: record.stem)
def test_a_decision_record_says_what_would_change_our_mind(record: Path):
    headings = re.findall(r"^## (.+)$", record.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences", "What would change our mind"]


def test_the_changelog_knows_this_version():
    assert f"## {tenantry.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").replace(
        "[", ""
    ).replace("]", "")


@pytest.mark.slow
@pytest.mark.parametrize("in_ci", ["true", ""])
@pytest.mark.parametrize(
    "skipping",
    [
        "import pytest; pytest.skip('absent', allow_module_level=True)",
        "import pytest\ndef test_it(): pytest.skip('absent')\ndef test_other(): pass",
    ],
)
def test_in_ci_nothing_may_be_skipped(tmp_path: Path, skipping: str, in_ci: str):
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_skipping.py").write_text(skipping, encoding="utf-8")
    (tmp_path / "test_running.py").write_text("def test_runs(): pass", encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CI": in_ci},
    )
    assert bool(run.returncode) == bool(in_ci), run.stdout
    assert ("nothing may be skipped, but: " in run.stdout) == bool(in_ci)


@pytest.mark.slow
def test_no_test_reaches_the_network(tmp_path: Path):
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_net.py").write_text(
        "import socket\n"
        "def test_out(): socket.create_connection(('192.0.2.1', 80), timeout=1)\n"
        "def test_in():\n"
        "    with socket.create_server(('127.0.0.1', 0)) as server:\n"
        "        socket.create_connection(server.getsockname()).close()\n",
        encoding="utf-8",
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "a test tried to reach 192.0.2.1" in run.stdout
    assert "1 failed, 1 passed" in run.stdout
