"""Tokens and the audit log as a person at the machine handles them, and a server that they open."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from tenantry import app


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith("TENANTRY_")]:
        monkeypatch.delenv(name)


class Terminal:
    """Runs commands in this process, and keeps what they said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        assert app.main(words) == code
        said = self._capsys.readouterr()
        return said.err if code else said.out

    def document(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))


@pytest.fixture
def tenantry(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


@contextmanager
def served(bind: str) -> Iterator[tuple[httpx.Client, Path]]:
    log = Path("log")
    words = [sys.executable, "-m", "tenantry", "serve", "--bind", bind]
    with log.open("w") as errors, subprocess.Popen(words, stdout=subprocess.PIPE, stderr=errors) as process:
        try:
            assert process.stdout
            ready, _, _ = select.select([process.stdout], [], [], 60)
            assert ready, "the server did not start in time"
            port = process.stdout.readline().decode().strip().rpartition(":")[2]
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
                yield client, log
        finally:
            process.terminate()
            process.wait(30)


def test_a_token_opens_a_server_that_others_can_reach_and_is_not_in_its_log(tenantry: Terminal):
    assert "tenantry token create" in tenantry("serve", "--bind", "0.0.0.0:0", code=5)
    secret = tenantry("token", "create", "laptop", "--role", "admin").splitlines()[0]
    assert secret.startswith("tny_")
    bound = tenantry.document("token", "create", "acme's own", "--tenant", "acme", "--until-revoked")
    assert (bound["token"]["tenant_id"], bound["token"]["expires"]) == ("acme", None)

    with served("0.0.0.0:0") as (client, log):
        assert client.get("/healthz").status_code == 200
        assert client.get("/api/v1/datasets").status_code == 401
        for one, status in ((secret, 200), (bound["secret"], 403), (secret[:-1], 401)):
            headers = {"Authorization": f"Bearer {one}"}
            assert client.get("/api/v1/tokens", params={"x": one}, headers=headers).status_code == status
        assert tenantry.document("token", "revoke", bound["token"]["id"])["token"]["revoked"]
    logged = log.read_text()
    assert "/api/v1/tokens" in logged
    assert not [one for one in (secret, secret[:-1], bound["secret"]) if one in logged]

    listed = tenantry("token", "list")
    assert "laptop: admin, all tenants; expires " in listed
    assert "acme's own: viewer, acme; revoked " in listed
    assert secret not in listed
    assert "absent" in tenantry("token", "revoke", "absent", code=4)
    assert "no-such-deed" in tenantry("token", "no-such-deed", code=2)


def test_the_audit_log_is_shown_and_proven(tenantry: Terminal):
    assert tenantry("audit") == "no entries\n"
    assert tenantry.document("audit", "--verify") == {"entries": 0, "hash": None}
    for name in ("one", "two", "three"):
        tenantry("token", "create", name)
    entries = tenantry.document("audit", "--after", "1", "--limit", "1")["entries"]
    assert [(e["sequence"], e["principal"], e["action"], e["details"]["name"]) for e in entries] == [
        (2, "local", "token.create", "two")
    ]
    assert len(tenantry("audit").splitlines()) == 3
    assert tenantry.document("audit", "--verify")["entries"] == 3
    engine = create_engine("sqlite:///.tenantry/state.db")
    with engine.begin() as connection:
        connection.execute(text("UPDATE audit SET principal = 'eve' WHERE sequence = 2"))
    engine.dispose()
    assert "does not hold at entry 2" in tenantry("audit", "--verify", code=3)
