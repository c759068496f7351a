"""Metering, counted by OpenTelemetry's own SDK."""

from __future__ import annotations

import asyncio
import gc
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from counted import Counted
from opentelemetry import baggage, context
from opentelemetry.baggage.propagation import W3CBaggagePropagator

from tenantry import metering
from tenantry.metering import Subject, add, current, identify, measure, metered, serving


class Clock:
    """Time that passes when told."""

    nanoseconds = 1

    def __call__(self) -> int:
        return self.nanoseconds

    def passes(self, seconds: float) -> None:
        self.nanoseconds += round(seconds * 10**9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("tenantry.metering.use.perf_counter_ns", clock)
    return clock


@pytest.fixture
def counted() -> Iterator[Counted]:
    counted = Counted.once()
    counted.points()
    yield counted
    assert current() == Subject()
    assert not baggage.get_all()


# --- whose it is ---


def test_what_is_served_is_known_inside_and_forgotten_outside(counted: Counted) -> None:
    with serving("acme", "reports"):
        assert current() == ("acme", "reports")
        with serving(feature="pdf"):
            assert current() == ("acme", "pdf")
            with measure("render", tenant="beta"):
                assert current() == ("beta", "render")
        assert current() == ("acme", "reports")
    assert current() == Subject()


def test_services_that_are_called_are_told(counted: Counted) -> None:
    def elsewhere() -> Subject:
        """What a thread knows, which like another service shares nothing with this one, from what it is sent."""
        sent: dict[str, str] = {}
        W3CBaggagePropagator().inject(sent)

        def received() -> Subject:
            context.attach(W3CBaggagePropagator().extract(sent, context.Context()))
            return current()

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(received).result()

    with serving("Müller & Söhne, a=b", "reports"):
        assert elsewhere() == ("Müller & Söhne, a=b", "reports")
        with measure(tenant="beta"):
            assert elsewhere() == ("beta", "reports")
            identify(tenant="gamma", feature="pdf")
            assert elsewhere() == ("gamma", "pdf")
        assert elsewhere() == ("Müller & Söhne, a=b", "reports")
    assert elsewhere() == Subject()


def test_tasks_and_threads_know_their_own(counted: Counted) -> None:
    async def job(tenant: str) -> None:
        with serving(tenant), measure("job"):
            await asyncio.sleep(0.001)
            assert current().tenant == tenant
            add(items=int(tenant))

    async def jobs() -> None:
        await asyncio.gather(*(job(str(n)) for n in range(1, 9)))

    threads = [threading.Thread(target=asyncio.run, args=(jobs(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted("calls", "items") == {
        (name, str(n), "job"): 4 * by for n in range(1, 9) for name, by in (("calls", 1), ("items", n))
    }


# --- what is counted ---


def test_a_call_counts_once_with_its_items_and_bytes(counted: Counted) -> None:
    with measure("import", tenant="acme") as use:
        use.add(items=3, bytes=100)
        add(items=4)
    with measure("import", tenant="acme"):
        pass
    assert counted() == {
        ("calls", "acme", "import"): 2, ("items", "acme", "import"): 7, ("bytes", "acme", "import"): 100,
    }  # fmt: skip


def test_an_error_is_counted_with_its_kind_and_goes_on(counted: Counted) -> None:
    with pytest.raises(KeyError), measure("search"):
        raise KeyError
    with pytest.raises(asyncio.CancelledError), measure("search"):
        raise asyncio.CancelledError
    points = counted.points()
    assert [(n, on) for n, on, _ in points if n == "errors"] == [
        ("errors", {"feature.id": "search", "error.type": "KeyError"})
    ]
    assert [v for n, _, v in points if n == "calls"] == [2]


def test_seconds_add_up_whatever_is_measured_inside(counted: Counted, clock: Clock) -> None:
    with measure("outer") as outer:
        clock.passes(1)
        with measure("inner"):
            clock.passes(2)
            with serving("acme"), measure("innermost"):
                clock.passes(4)
            clock.passes(8)
        clock.passes(16)
    assert counted("seconds") == {
        ("seconds", None, "outer"): 17, ("seconds", None, "inner"): 10, ("seconds", "acme", "innermost"): 4,
    }  # fmt: skip
    outer.end()
    assert not counted.points(), "a call counts once"


def test_a_tenant_may_be_known_late(counted: Counted) -> None:
    with measure("upload"):
        identify(tenant="acme")
        assert current() == ("acme", "upload")
        with serving(feature="scan"):
            identify(feature="avatar")
    identify(tenant="nobody is measured")
    add(items=1)
    assert counted() == {("calls", "acme", "avatar"): 1}


def test_threads_share_a_call(counted: Counted) -> None:
    with measure("sync") as use, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: use.add(items=1, bytes=2), range(4_000)))
    assert counted("items", "bytes") == {("items", None, "sync"): 4_000, ("bytes", None, "sync"): 8_000}


def test_what_a_task_counts_on_a_call_that_has_ended_counts(counted: Counted) -> None:
    async def later() -> None:
        await asyncio.sleep(0.001)
        add(items=3, bytes=5)

    async def request() -> None:
        with measure("upload", tenant="acme"):
            add(items=1)
            task = asyncio.create_task(later())
        await task

    asyncio.run(request())
    assert counted() == {
        ("calls", "acme", "upload"): 1, ("items", "acme", "upload"): 4, ("bytes", "acme", "upload"): 5,
    }  # fmt: skip


# --- functions ---


def test_functions_and_coroutines_are_counted_by_call(counted: Counted) -> None:
    @metered("plain", tenant=lambda job, **_: job["tenant"], items=len, bytes=sum)
    def plain(job: dict[str, str], sizes: list[int]) -> list[int]:
        assert current() == (job["tenant"], "plain")
        return sizes

    @metered(items=len)
    async def coroutine(text: str) -> str:
        await asyncio.sleep(0)
        assert current() == ("acme", "chat")
        return text

    assert plain({"tenant": "beta"}, sizes=[5, 6]) == [5, 6]
    with serving("acme", "chat"):
        assert asyncio.run(coroutine("hello")) == "hello"
    assert counted() == {
        ("calls", "beta", "plain"): 1, ("items", "beta", "plain"): 2, ("bytes", "beta", "plain"): 11,
        ("calls", "acme", "chat"): 1, ("items", "acme", "chat"): 5,
    }  # fmt: skip
    assert plain.__name__ == "plain"
    assert inspect.iscoroutinefunction(coroutine)


@metered("lines", bytes=len)
def lines(count: int, work: Callable[[], None] = lambda: None) -> Any:
    told = []
    for n in range(count):
        try:
            work()
            told.append((yield "x" * n))
        except LookupError:
            told.append("caught")
    return told


def test_a_generator_counts_what_it_yields_and_works_as_before(counted: Counted, clock: Clock) -> None:
    with serving("acme"):
        reading = lines(4, lambda: clock.passes(1))
        assert next(reading) == ""
        assert current() == ("acme", None), "its reader goes on as it was"
        clock.passes(60)
        assert reading.send("sent") == "x"
        assert reading.throw(LookupError()) == "xx"
        assert next(reading) == "xxx"
        with pytest.raises(StopIteration) as done:
            next(reading)
    assert done.value.value == ["sent", "caught", None, None]
    assert {name: value for name, _, value in counted.points()} == {
        "calls": 1, "seconds": 4, "items": 4, "bytes": 6,
    }  # fmt: skip


def test_a_generator_that_is_left_counts_what_it_did(counted: Counted) -> None:
    for _ in lines(9):
        break
    gc.collect()
    with pytest.raises(ZeroDivisionError):
        lines(9).throw(ZeroDivisionError())
    reading = lines(9)
    next(reading)
    with pytest.raises(ZeroDivisionError):
        reading.throw(ZeroDivisionError())
    assert counted("calls", "items", "errors") == {
        ("calls", None, "lines"): 2, ("items", None, "lines"): 2, ("errors", None, "lines"): 1,
    }  # fmt: skip


def test_a_generator_stays_whose_it_was_when_it_began(counted: Counted) -> None:
    """Whoever reads it on, or happens to be served when it is collected."""
    with serving("acme"):
        reading, lost = lines(2), [lines(9)]
        lost.append(lost)  # pyright: ignore[reportArgumentType] - a cycle: nothing but the collector ends it
        assert [next(reading), next(lost[0])] == ["", ""]
    del lost
    with serving("beta", "mail"):
        gc.collect()
        assert list(reading) == ["x"]
    assert counted() == {
        ("calls", "acme", "lines"): 2, ("items", "acme", "lines"): 3, ("bytes", "acme", "lines"): 1,
    }  # fmt: skip


def test_an_asynchronous_generator_counts_what_it_yields(counted: Counted) -> None:
    seen: list[Subject] = []

    @metered("stream", items=len)
    async def stream(count: int) -> AsyncIterator[str]:
        for n in range(count):
            await asyncio.sleep(0.001)
            seen.append(current())
            yield "x" * n

    async def read() -> None:
        with serving("acme"):
            assert [part async for part in stream(4)] == ["", "x", "xx", "xxx"]
            left = stream(4)
            async for _ in left:
                assert current() == ("acme", None)
                break
            await left.aclose()  # pyright: ignore[reportAttributeAccessIssue]
            with pytest.raises(OSError):
                await stream(2).athrow(OSError())  # pyright: ignore[reportAttributeAccessIssue]

    asyncio.run(read())
    assert set(seen) == {Subject("acme", "stream")}
    assert counted() == {("calls", "acme", "stream"): 2, ("items", "acme", "stream"): 6}


def test_all_that_is_offered_is_named() -> None:
    assert sorted(metering.__all__) == metering.__all__
    assert all(getattr(metering, name) for name in metering.__all__)


def test_a_function_whose_result_cannot_be_counted_returns_it(counted: Counted) -> None:
    @metered("search", tenant=lambda of: {"a": "acme"}[of], items=len, bytes=cast("Any", lambda _: "many"))
    def find(of: str) -> Any:
        return None if of == "b" else [1, 2]

    assert find("a") == [1, 2]
    assert find("b") is None
    assert counted() == {
        ("calls", "acme", "search"): 1,
        ("calls", None, "search"): 1,
        ("items", "acme", "search"): 2,
    }
