from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tenantry.config import Settings, load
from tenantry.errors import Kind, TenantryError


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(text: str) -> Path:
    path = Path("mine.toml")
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_hold():
    settings = load(environment={})
    assert settings == Settings()
    assert settings.lake.path == Path(".tenantry")
    assert (settings.engine.url, settings.engine.memory_limit, settings.engine.threads) == (
        "duckdb",
        "4GB",
        None,
    )


def test_the_file_of_the_working_directory_is_read():
    Path("tenantry.toml").write_text('[lake]\npath = "books"\n', encoding="utf-8")
    assert load(environment={}).lake.path == Path("books")


def test_the_environment_overrides_the_file():
    path = written('[engine]\nthreads = 8\nmemory_limit = "2GiB"\n[sources.bill]\nkind = "focus"\n')
    settings = load(path, {"TENANTRY_ENGINE__THREADS": "2", "TENANTRY_SOURCES__BILL__KEY": "k", "HOME": "/"})
    assert (settings.engine.threads, settings.engine.memory_limit) == (2, "2GiB")
    assert settings.sources == {"bill": {"kind": "focus", "key": "k"}}


def test_every_problem_is_told_at_once_with_the_nearest_known_name():
    path = written('[engine]\nthread = 8\nmemory_limit = "lots"\n[lakes]\n[sources.web]\npath = "x"\n')
    with pytest.raises(TenantryError) as caught:
        load(path, {"TENANTRY_ENGINE__THREADS": "0", "TENANTRY_COLOUR": "blue"})
    assert caught.value.kind is Kind.INVALID
    for part in (
        "engine.thread: no such setting; did you mean threads?",
        "lakes: no such setting; did you mean lake?",
        "sources: Value error, no `kind` in web",
        "engine.memory_limit: ",
        "engine.threads (from TENANTRY_ENGINE__THREADS): ",
        "colour (from TENANTRY_COLOUR): no such setting; there are: lake, engine, ",
    ):
        assert part in caught.value.message
    assert len(caught.value.details["problems"]) == 6


def test_a_secret_is_taken_from_the_environment_and_refused_in_the_file():
    oidc = '[auth]\npublic_url = "https://us.example"\n[auth.oidc]\nissuer = "https://id.example"\nclient_id = "t"\n'
    found = load(written(oidc), {"TENANTRY_AUTH__OIDC__CLIENT_SECRET": "hidden"}).auth.oidc
    assert found
    assert found.client_secret
    assert found.client_secret.get_secret_value() == "hidden"
    assert "hidden" not in f"{found!r} {found}"
    with pytest.raises(TenantryError, match="stands in the file") as caught:
        load(written(f'{oidc}client_secret = "hidden"\n'), {})
    assert "hidden" not in caught.value.message
    assert "TENANTRY_AUTH__OIDC__CLIENT_SECRET" in caught.value.hint


@pytest.mark.parametrize("table", ["mcp", "a2a"])
def test_nor_is_a_token_of_others_taken_from_the_file(table: str):
    variable = f"TENANTRY_{table.upper()}__RAIN__TOKEN"
    with pytest.raises(TenantryError, match=f"{table}.rain.token") as found:
        load(written(f'[{table}.rain]\nurl = "https://rain.example"\ntoken = "hidden"\n'), {})
    assert variable in found.value.hint
    assert getattr(load(written(""), {variable: "hidden"}), table) == {"rain": {"token": "hidden"}}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('[auth.oidc]\nissuer = "https://id.example"\nclient_id = "t"\n', "public_url is needed"),
        ('[auth]\npublic_url = "http://us.example"\n', "auth.public_url"),
        ('[auth]\npublic_url = "https://us.example/path"\n', "auth.public_url"),
        ('[auth.oidc]\nissuer = "http://id.example"\n', "auth.oidc.issuer"),
        ('[auth.oidc]\nisuer = "x"\n', "did you mean issuer?"),
        ('[auth.oidc]\nroles = { a = "king" }\n', "auth.oidc.roles.a"),
    ],
)
def test_an_unsafe_or_half_login_is_invalid(text: str, part: str):
    with pytest.raises(TenantryError) as caught:
        load(written(text), {})
    assert part in caught.value.message


@pytest.mark.parametrize(
    ("content", "part"),
    [(b"[lake\n", "is not TOML"), (b"\xff\xfe[\x00", "is not UTF-8"), (b"lake = 3", "lake: ")],
)
def test_a_broken_file_is_invalid(content: bytes, part: str):
    Path("mine.toml").write_bytes(content)
    with pytest.raises(TenantryError, match=part) as caught:
        load(Path("mine.toml"), {})
    assert caught.value.kind is Kind.INVALID


def test_a_named_file_must_exist():
    with pytest.raises(TenantryError) as caught:
        load(Path("absent.toml"), {})
    assert caught.value.kind is Kind.NOT_FOUND


def test_the_example_shows_every_setting_and_is_valid():
    example = Path(__file__).parents[2] / "src/tenantry/tenantry.example.toml"
    settings, text = load(example, {}), example.read_text(encoding="utf-8")
    for name in Settings.model_fields:  # what asks others is a comment: nobody has those of the example
        assert getattr(settings, name) or f"# [{name}." in text, f"{name} is not in the example"


def test_reading_settings_imports_nothing_that_the_kernel_does_not():
    code = (
        "import sys, tenantry.kernel; before = set(sys.modules); import tenantry.config;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(*new - sys.stdlib_module_names - {'tenantry'})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
