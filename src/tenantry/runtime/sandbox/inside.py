"""Runs inside bubblewrap, by a bare interpreter: nothing of Tenantry is there.

Reads JSON lines: first the code, its function and limits, then the arguments of one call each. Every call is a fork of
this process, so that none sees another, and has itself forbidden by the kernel what code has no need of before it
reads any of it. Writes a line for each: a letter (R result, P problem, M memory, T time, D depth, O output) and JSON.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import json
import os
import platform
import random
import resource
import signal
import struct
import sys
import time
from importlib import import_module
from typing import Any, NoReturn

# By architecture: its AUDIT_ARCH, and the numbers of the system calls that are refused: sockets; new processes and
# programs; looking into others; entropy; what opens more of the kernel.
_KERNEL = {
    "x86_64": (
        0xC000003E,
        (41, 42, 43, 44, 49, 50, 53, 56, 57, 58, 59, 62, 101, 165, 200, 234, 248, 250, 272, 288, 298, 308, 310,
         311, 318, 319, 321, 322, 323, 425, 434, 435),
    ),
    "aarch64": (
        0xC00000B7,
        (40, 97, 117, 129, 130, 131, 198, 199, 200, 201, 202, 203, 206, 217, 219, 220, 221, 241, 242, 268, 270,
         271, 278, 279, 280, 281, 282, 425, 434, 435),
    ),
}  # fmt: skip
_X32 = 0x40000000
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050001, 0x80000000
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time",
           "process_time_ns", "thread_time", "thread_time_ns", "clock_gettime", "clock_gettime_ns", "localtime",
           "gmtime", "ctime", "asctime", "strftime", "sleep")  # fmt: skip


def main() -> None:
    told = json.loads(sys.stdin.readline())
    sys.path.insert(0, "/libraries")
    # Once, for all calls; and before the kernel refuses what the import draws on.
    import_module("numpy.random")
    if "pandas" in told["text"]:
        with contextlib.suppress(ImportError):
            import_module("pandas")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.buffer.write(_forked(told, line) + b"\n")
        sys.stdout.flush()


def _forked(told: dict[str, Any], line: str) -> bytes:
    """What the fork wrote, as far as it may."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 1)
        os.closerange(2, 1024)
        os.close(0)
        _call(told, line)
    os.close(writing)
    found = bytearray()
    while len(found) <= told["output"] and (piece := os.read(reading, 1 << 16)):
        found += piece
    os.close(reading)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if len(found) > told["output"]:
        return b'O""'
    if found and b"\n" not in found:
        return bytes(found)
    stopped = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if stopped == signal.SIGXCPU:
        return b'T""'
    return b"P" + json.dumps(f"it ended without an answer (signal {stopped})").encode()


def _call(told: dict[str, Any], line: str) -> NoReturn:
    try:
        _limit(told)
        _forbid()
        answer = b"R" + _answer(told, json.loads(line))
    except MemoryError:
        answer = b'M""'
    except RecursionError:
        answer = b'D""'
    except BaseException as problem:  # noqa: BLE001 - it may raise anything, SystemExit too
        answer = b"P" + json.dumps(_described(problem)).encode()
    with contextlib.suppress(OSError):
        while answer:
            answer = answer[os.write(1, answer) :]
    os._exit(0)


def _answer(told: dict[str, Any], given: dict[str, Any]) -> bytes:
    random.seed(0)
    sys.modules["numpy"].random.seed(0)
    sys.stdout = sys.stderr = io.StringIO()
    names: dict[str, Any] = {"__name__": "code"}
    exec(compile(told["text"], "code", "exec"), names)  # noqa: S102 - this is the place for it
    return json.dumps(names[told["function"]](**given), default=lambda value: value.tolist()).encode()


def _limit(told: dict[str, Any]) -> None:
    seconds = max(1, round(told["seconds"] + 0.5))
    for limit, most in (
        (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, told["memory"]), (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_STACK, 16 << 20),
    ):  # fmt: skip
        resource.setrlimit(limit, (most, most))
    sys.setrecursionlimit(told["depth"])
    # Not a boundary, as what is above and below is: code that means to reads the clock elsewhere.
    for name in _CLOCKS:
        setattr(time, name, _no_clock)


def _no_clock(*_: Any) -> NoReturn:
    raise PermissionError("there is no clock here")


def _forbid() -> None:
    """Have the kernel refuse the calls above, for good."""
    machine, refused = _KERNEL[platform.machine()]

    def step(code: int, jump: int, jump_else: int, value: int) -> bytes:
        return struct.pack("=HBBI", code, jump, jump_else, value)

    program = step(_LOAD, 0, 0, 4) + step(_EQUAL, 1, 0, machine) + step(_RETURN, 0, 0, _KILL)
    program += step(_LOAD, 0, 0, 0) + step(_AT_LEAST, 0, 1, _X32) + step(_RETURN, 0, 0, _REFUSE)
    for number in refused:
        program += step(_EQUAL, 0, 1, number) + step(_RETURN, 0, 0, _REFUSE)
    program += step(_RETURN, 0, 0, _ALLOW)
    held = ctypes.create_string_buffer(program)
    whole = struct.pack("@HP", len(program) // 8, ctypes.addressof(held))
    control = ctypes.CDLL(None, use_errno=True).prctl
    if control(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or control(_SECCOMP, _FILTER, ctypes.c_char_p(whole), 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel takes no filter")


def _described(problem: BaseException) -> str:
    line, frame = 0, problem.__traceback__
    while frame:
        line = frame.tb_lineno if frame.tb_frame.f_code.co_filename == "code" else line
        frame = frame.tb_next
    where = f" (line {line})" if line else ""
    return f"{type(problem).__name__}{where}: {problem}"[:500]


if __name__ == "__main__":
    main()
