"""Hostile and broken code in both sandboxes, with the real interpreters."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Code
from tenantry.runtime.sandbox import Rooms

ROOMS = Rooms(numpy=True, seconds=0.7, memory_mb=64)
CALLS = ({"a": 1}, {"a": 2})


def refusal() -> TenantryError | None:
    """Why code with numpy cannot run on this machine."""
    try:
        list(Rooms(numpy=True).run(Code("def f(a): return []", numpy=True), "f", [{"a": 1}], list[float]))
    except TenantryError as problem:
        return problem
    return None


REFUSAL = refusal()
both = pytest.mark.parametrize(
    "numpy",
    [
        False,
        pytest.param(
            True,
            marks=pytest.mark.skipif(
                REFUSAL is not None, reason=f"{REFUSAL and REFUSAL.message}: `make bubblewrap`"
            ),
        ),
    ],
    ids=["monty", "bubblewrap"],
)
in_bubblewrap = pytest.mark.skipif(
    REFUSAL is not None, reason=f"{REFUSAL and REFUSAL.message}: `make bubblewrap`"
)


def run(text: str, *, numpy: bool = False, rooms: Rooms = ROOMS) -> list[list[float]]:
    return list(rooms.run(Code(text, numpy), "f", CALLS, list[float]))


def refused(text: str, *, numpy: bool = False, rooms: Rooms = ROOMS) -> TenantryError:
    with pytest.raises(TenantryError) as raised:
        run(text, numpy=numpy, rooms=rooms)
    assert raised.value.hint
    assert len(raised.value.message) < 400
    assert raised.value.message.isprintable()
    return raised.value


def children() -> set[str]:
    """The running processes that this one started, and theirs."""
    own, found = {str(os.getpid())}, set[str]()
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[status.parent.name] = fields[1]
    while new := {pid for pid, parent in parents.items() if parent in own | found} - found:
        found |= new
    return found


def ended(before: set[str]) -> bool:
    """Whether what has been started since is gone; on a busy machine that takes a moment."""
    until = time.monotonic() + 10
    while not children() <= before:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


@both
def test_code_returns_what_was_asked_for_and_keeps_nothing_between_calls(numpy: bool):  # noqa: FBT001
    assert run("x = []\ndef f(a):\n    x.append(a)\n    return [a, len(x)]", numpy=numpy) == [[1, 1], [2, 1]]
    assert run("def f(a):\n    print('x' * 10**6)\n    return [a]", numpy=numpy) == [[1], [2]]


@both
@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("def f(a):\n    while True: pass", "time"),
        ("def f(a):\n    while True: print('x')", "time"),
        ("def f(a): return ['x' * 10**9]", "memory"),
        ("def f(a):\n    x = []\n    while True: x.append('x' * 10**7)", "memory"),
        ("def f(a): return f(a)", "depth"),
        ("def f(a):\n    x = []\n    for _ in range(10**5): x = [x]\n    return x", "depth"),
        ("def f(a): return ['x' * 9 * 2**20]", "output"),
    ],
)
def test_what_takes_too_much_is_stopped(text: str, what: str, numpy: bool):  # noqa: FBT001
    before, began = children(), time.monotonic()
    problem = refused(text, numpy=numpy)
    assert problem.kind is Kind.LIMIT_EXCEEDED
    # Where memory is filled slowly, time may be up before.
    assert what in problem.message or (what == "memory" and "time" in problem.message)
    assert time.monotonic() - began < 30
    assert ended(before)


@both
@pytest.mark.parametrize(
    "text",
    [
        "def f(a): return [float(open('/etc/passwd').read(1) != '')]",
        "import os\ndef f(a): return [float(len(os.listdir('/proc')))]",
        "from pathlib import Path\ndef f(a): return [float(Path('/etc/hostname').stat().st_size)]",
        "def f(a):\n    open('/tmp/x', 'w').write('x')\n    return []",
        "import socket\ndef f(a): return [socket.socket().fileno()]",
        "import urllib.request\ndef f(a): return [urllib.request.urlopen('http://127.0.0.1').status]",
        "import subprocess\ndef f(a): return [subprocess.run(['/bin/ls']).returncode]",
        "import os\ndef f(a):\n    while True: os.fork()",
        "import os\ndef f(a): return os.execv('/bin/sh', ['sh'])",
        "import os\ndef f(a): return os.kill(os.getppid(), 9) or [1.0]",
        "import os\ndef f(a): return [float(len(os.urandom(1)))]",
        "import os\ndef f(a): return [float(os.environ['PATH'] != '')]",
        "import os\ndef f(a): return [float(os.environ['HOME'] != '')]",
        "import tenantry\ndef f(a): return [1.0]",
        "import threading\ndef f(a): return [threading.Thread(target=print).start() or 1.0]",
        "import sys\ndef f(a): sys.exit(0)",
        "def f(a): raise ValueError('\\x1b[31m\\u202e' + 'x' * 10**6)",
        "def f(a): return {'a': 1}",
        "def f(a): return ['1.0']",
        "def f(a): return [object]",
        "def f(a): return None",
        "def f(): return []",
        "def g(a): return []",
        "def f(a:",
        "(" * 10_000,
        "-" * 19_000 + "1",
        "\ud800",
        "\x00",
        "",
    ],
)  # fmt: skip
def test_what_is_not_there_or_not_code_is_refused_in_words(text: str, numpy: bool):  # noqa: FBT001
    before = children()
    assert refused(text, numpy=numpy).kind in {Kind.INVALID, Kind.LIMIT_EXCEEDED}
    assert ended(before)


@pytest.mark.parametrize(
    "text",
    [
        "def f(a): return [float(len(().__class__.__bases__[0].__subclasses__()))]",
        "def f(a): return [float(len(f.__globals__))]",
        "def f(a): return [float(len(f.__code__.co_code))]",
        "def f(a): return [float(len('{0.__class__.__mro__}'.format(a)))]",
        "def f(a):\n    try: 1 / 0\n    except Exception as e: return [float(len(e.__traceback__.tb_frame.f_globals))]",
        "def f(a): return [__builtins__.__import__('os').getpid()]",
        "def f(a): return [eval('__import__(\"os\").getpid()')]",
        "import ctypes\ndef f(a): return [ctypes.c_int(1).value]",
        "import gc\ndef f(a): return [float(len(gc.get_objects()))]",
    ],
)
def test_monty_has_no_way_from_a_value_to_the_interpreter(text: str):
    assert refused(text).kind is Kind.INVALID


def test_monty_has_no_clock_and_no_chance():
    text = """
import time, random, datetime
def f(a): return [time.time(), random.random(), datetime.datetime.now().timestamp()]
"""
    first, second = run(text)
    assert first == second == run(text)[0]
    assert first[0] == first[2] == 946684800


@in_bubblewrap
def test_bubblewrap_has_numpy_and_pandas_with_seeded_chance_and_no_clock():
    assert run("import numpy as np\ndef f(a): return np.arange(3.0)", numpy=True) == [[0, 1, 2]] * 2
    chance = (
        "import numpy as np, random\ndef f(a): return [np.random.rand(), random.random(), hash('x') % 1000]"
    )
    first, second = run(chance, numpy=True)
    assert first == second == run(chance, numpy=True)[0]
    for clock in ("time.time()", "time.perf_counter()", "float(time.strftime('%S'))"):
        assert "no clock" in refused(f"import time\ndef f(a): return [{clock}]", numpy=True).message
    fresh = "import numpy as np\ndef f(a): return np.random.default_rng().random(1)"
    assert refused(fresh, numpy=True).kind is Kind.INVALID
    assert refused(
        "import numpy as np\ndef f(a): return np.ones((10**5, 10**5)).sum(axis=1)", numpy=True
    ).kind is (Kind.LIMIT_EXCEEDED)


@in_bubblewrap
def test_bubblewrap_shows_nothing_of_the_machine():
    seen = "import os\ndef f(a): return [float(len(os.listdir('/'))), float(os.getuid()), float(os.getpid() < 10)]"
    assert {row[1:] == [65534.0, 1.0] for row in run(seen, numpy=True)} == {True}
    names = "import os\ndef f(a): raise ValueError(' '.join(sorted(os.listdir('/'))))"
    message = refused(names, numpy=True).message
    assert "libraries" in message
    assert not {"home", "proc", "sys", "var", "srv", "work"} & set(message.replace("ValueError:", "").split())
    forged = "import os\ndef f(a):\n    os.write(1, b'R[1.0]\\nR[2.0]\\n')\n    os._exit(0)"
    assert refused(forged, numpy=True).kind is Kind.INVALID
    broken = "import ctypes\ndef f(a): return [ctypes.string_at(0)]"
    assert "signal 11" in refused(broken, numpy=True).message


def test_numpy_is_off_unless_it_is_asked_for_and_says_what_is_missing(monkeypatch: pytest.MonkeyPatch):
    problem = refused("def f(a): return []", numpy=True, rooms=Rooms())
    assert problem.kind is Kind.INVALID
    assert "sandbox.numpy = true" in problem.hint
    monkeypatch.setenv("PATH", "")
    problem = refused("def f(a): return []", numpy=True)
    assert problem.kind is Kind.UNAVAILABLE
    assert "bubblewrap" in problem.hint


def test_a_bubblewrap_that_may_not_make_namespaces_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    problem = refused("def f(a): return []", numpy=True)
    assert problem.kind is Kind.UNAVAILABLE
    assert "No permissions to create new namespace" in problem.message


def test_code_that_is_too_long_is_not_read():
    assert refused("x = 1\n" * 10_000).kind is Kind.INVALID
