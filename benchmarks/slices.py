"""How much of the time goes to which part of a program, by watching calls; a part within another counts for itself."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any


class Slices:
    """Time spent by name, of one thread. A coroutine counts while it runs, not while it waits."""

    def __init__(self) -> None:
        self.spent_s: dict[str, float] = {}
        self._running: list[str] = []
        self._since_s = 0.0

    def clear(self) -> None:
        """Count from here on."""
        self.spent_s.clear()
        self._since_s = time.process_time()

    @contextmanager
    def watching(self, parts: Iterable[tuple[str, object, str]]) -> Iterator[None]:
        """Watch calls of (name of the part, owner, attribute of it) meanwhile."""
        known = [(owner, attribute, getattr(owner, attribute)) for _, owner, attribute in parts]
        for name, owner, attribute in parts:
            setattr(owner, attribute, self._watched(name, getattr(owner, attribute)))
        try:
            yield
        finally:
            for owner, attribute, work in known:
                setattr(owner, attribute, work)

    def _watched(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)
        def direct(*args: Any, **more: Any) -> Any:
            self._enter(name)
            try:
                return work(*args, **more)
            finally:
                self._leave()

        @functools.wraps(work)
        async def awaited(*args: Any, **more: Any) -> Any:
            return await _Stepped(self, name, work(*args, **more))

        return awaited if inspect.iscoroutinefunction(work) else direct

    def _enter(self, name: str) -> None:
        self._count()
        self._running.append(name)

    def _leave(self) -> None:
        self._count()
        self._running.pop()

    def _count(self) -> None:
        now_s = time.process_time()
        if self._running:
            name = self._running[-1]
            self.spent_s[name] = self.spent_s.get(name, 0.0) + now_s - self._since_s
        self._since_s = now_s


class _Stepped:
    """A coroutine of which every step is counted."""

    def __init__(self, slices: Slices, name: str, work: Coroutine[Any, Any, Any]) -> None:
        self._slices = slices
        self._name = name
        self._work = work

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Callable[[], Any] = functools.partial(self._work.send, None)
        while True:
            self._slices._enter(self._name)
            try:
                waits_for = step()
            except StopIteration as end:
                return end.value
            finally:
                self._slices._leave()
            try:
                sent = yield waits_for
                step = functools.partial(self._work.send, sent)
            except BaseException as error:  # noqa: BLE001 - handed on to whom it is for
                step = functools.partial(self._work.throw, error)
