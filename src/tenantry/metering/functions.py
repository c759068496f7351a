"""Functions whose calls are counted: plain ones, coroutines and both kinds of generators."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, ParamSpec, TypeVar, cast

from .use import Use, answer

P = ParamSpec("P")
R = TypeVar("R")
Amount = Callable[[Any], int]
"""How many items or bytes a result is."""


@dataclass(frozen=True)
class _Rule:
    """What is counted of a function's calls."""

    feature: str | None
    tenant: Callable[..., str | None] | None
    items: Amount | None
    size: Amount | None

    def use(self, args: tuple[Any, ...], named: dict[str, Any]) -> Use:
        return Use(answer("tenant", str, self.tenant, *args, **named), self.feature)

    def count(self, use: Use, result: Any, each: int = 0) -> None:
        items = answer("items", int, self.items, result) if self.items else each
        use.add(items or 0, answer("bytes", int, self.size, result) or 0)


def metered(
    feature: str | None = None,
    *,
    tenant: Callable[..., str | None] | None = None,
    items: Amount | None = None,
    bytes: Amount | None = None,  # noqa: A002 - the unit's own name
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator: each call of the function is measured, as a call of this feature or else of the one being served.

    `tenant` is given the call's arguments. `items` and `bytes` are given its result: `items=len`. A generator's are
    given each thing it yields, which is one item if nothing else is said; its seconds are those it works, without those
    it waits to be read on.
    """
    rule = _Rule(feature, tenant, items, bytes)

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        if isasyncgenfunction(function):
            wrapped = _async_generator(function, rule)
        elif iscoroutinefunction(function):
            wrapped = _coroutine(function, rule)
        elif isgeneratorfunction(function):
            wrapped = _generator(function, rule)
        else:
            wrapped = _plain(function, rule)
        return cast("Callable[P, R]", wraps(function)(wrapped))

    return decorated


def _plain(function: Callable[..., Any], rule: _Rule) -> Callable[..., Any]:
    def called(*args: Any, **named: Any) -> Any:
        with rule.use(args, named) as use:
            result = function(*args, **named)
            rule.count(use, result)
            return result

    return called


def _coroutine(function: Callable[..., Any], rule: _Rule) -> Callable[..., Any]:
    async def called(*args: Any, **named: Any) -> Any:
        with rule.use(args, named) as use:
            result = await function(*args, **named)
            rule.count(use, result)
            return result

    return called


def _generator(function: Callable[..., Any], rule: _Rule) -> Callable[..., Any]:
    def called(*args: Any, **named: Any) -> Generator[Any, Any, Any]:
        use, inner = rule.use(args, named), function(*args, **named)
        go, value = inner.send, None
        try:
            while True:
                with use.working():
                    result = go(value)
                    rule.count(use, result, each=1)
                try:
                    go, value = inner.send, (yield result)
                except GeneratorExit:
                    with use.working():
                        inner.close()
                    raise
                except BaseException as problem:  # noqa: BLE001 - for the function to deal with
                    go, value = inner.throw, problem
        except StopIteration as done:
            use.end()
            return done.value
        except BaseException as problem:
            use.end(problem)
            raise

    return called


def _async_generator(function: Callable[..., Any], rule: _Rule) -> Callable[..., Any]:
    async def called(*args: Any, **named: Any) -> AsyncGenerator[Any, Any]:
        use, inner = rule.use(args, named), function(*args, **named)
        go, value = inner.asend, None
        try:
            while True:
                with use.working():
                    result = await go(value)
                    rule.count(use, result, each=1)
                try:
                    go, value = inner.asend, (yield result)
                except GeneratorExit:
                    with use.working():
                        await inner.aclose()
                    raise
                except BaseException as problem:  # noqa: BLE001 - for the function to deal with
                    go, value = inner.athrow, problem
        except StopAsyncIteration:
            use.end()
        except BaseException as problem:
            use.end(problem)
            raise

    return called
