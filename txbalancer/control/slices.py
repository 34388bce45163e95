"""
Work that takes long, done a slice a turn of the loop, so that no request waits for it.

Such work is a generator: it yields where others may have their turn, and returns what it made.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Cooperator

A = TypeVar("A")
B = TypeVar("B")

Steps = Generator[None, None, A]

BATCH = 20
"""Members that are told about in one slice: one or two milliseconds' work."""


class Slices:
    """
    Everything long that a service does for those who look at it: one slice of it a turn,
    however many look.
    """

    def __init__(self, clock: Any) -> None:
        """
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
        """
        self._cooperator = Cooperator(lambda: lambda: True, partial(clock.callLater, 0.0))

    def run(self, steps: Steps[A]) -> Deferred[A]:
        """
        Do a first slice at once, which is all of what is short, and the others later.

        @return: fires with what the work made; to cancel it ends the work.
        """
        made: list[A] = []
        work = _kept(steps, made)
        try:
            for _ in work:
                break
            else:
                return succeed(made[0])
        except Exception:
            return fail()
        task = self._cooperator.cooperate(work)
        done: Deferred[A] = Deferred(lambda _: task.stop())
        task.whenDone().addCallbacks(lambda _: done.callback(made[0]), done.errback)
        return done


def _kept(steps: Steps[A], made: list[A]) -> Iterator[None]:
    made.append((yield from steps))


def of_each(make: Callable[[A], B], items: Iterable[A], batch: int = BATCH) -> Steps[list[B]]:
    """
    Make something of each item, so many of them in a slice.
    """
    made: list[B] = []
    left = iter(items)
    while some := list(islice(left, batch)):
        if made:
            yield
        made += map(make, some)
    return made


def at_once(steps: Steps[A]) -> A:
    """
    Do work without a pause, where nobody waits for anything else.
    """
    made: list[A] = []
    for _ in _kept(steps, made):
        pass
    return made[0]
