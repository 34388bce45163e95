"""
A crew of workers without processes.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from txbalancer.workers.crew import Crew


class Fake:
    """
    A worker without a process.
    """

    def __init__(self, camp: Camp, pid: int) -> None:
        self.camp = camp
        self.number, self.column, self.pid, self.last_pid = 0, pid, pid, pid
        self.at_work = self.expected = self.beat = self.since = self.allowed = 0.0
        self.ended: Deferred[str] = Deferred()
        self.why = ""
        self.told: list[Any] = []
        self.on_trouble: Any = None

    def start(self) -> None:
        if self.camp.refused:
            self.camp.refused -= 1
            raise OSError(11, "Resource temporarily unavailable")
        self.beat = self.camp.clock.seconds()

    def expect(self, seconds: float) -> None:
        self.expected = self.camp.clock.seconds() + seconds

    def give_time(self, seconds: float) -> None:
        if self.silence() >= 0:
            self.since = self.camp.clock.seconds()
        self.allowed = seconds

    def silence(self) -> float:
        allowed = self.allowed if self.beat > self.since else 0.0
        return self.camp.clock.seconds() - (self.beat + allowed or self.expected)

    def call(self, command: Any, others: bool) -> Deferred[Any]:
        self.told.append((command, others))
        answered: Deferred[Any] = Deferred()
        answered.callback({})
        return answered

    def give_up(self, why: str) -> None:
        self.kill(why)

    def kill(self, why: str) -> None:
        if not self.why:
            self.why = why
            self.camp.clock.callLater(0, self.end, why)

    def end(self, cause: str = "it was ended by SIGKILL") -> None:
        if self.pid:
            self.pid = 0
            self.ended.callback(cause)


class Camp:
    """
    A crew of fakes on a clock.

    @ivar slow: workers are prepared only by C{prepared}.
    @ivar refused: processes that cannot be started; C{without}: those that have no box.
    """

    def __init__(self, count: int = 2) -> None:
        self.clock = Clock()
        self.all: list[Fake] = []
        self.over: list[Fake] = []
        self.lost: list[str] = []
        self.slow, self.refused, self.without = False, 0, 0
        self.preparing: list[tuple[Fake, Deferred[Any]]] = []
        self.crew: Any = Crew(
            self.clock,
            self.clock.seconds,
            self.make,  # type: ignore[arg-type]
            self.prepare,  # type: ignore[arg-type]
            self.over.append,  # type: ignore[arg-type]
            lambda child, cause: self.lost.append(cause),
        )
        if count:
            self.crew.resize(count, 5.0, 10.0)

    def make(self) -> Fake:
        if self.without:
            self.without -= 1
            raise OSError(24, "Too many open files")
        made = Fake(self, 100 + len(self.all))
        self.all.append(made)
        return made

    def prepare(self, child: Fake) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        if self.slow:
            self.preparing.append((child, done))
        else:
            done.callback("")
        return done

    def prepared(self, fault: str = "") -> None:
        """
        Let the first that is being prepared be so.
        """
        self.preparing.pop(0)[1].callback(fault)

    def at_work(self) -> list[int]:
        """
        Return the process of each worker.
        """
        return [self.crew.members[number].pid for number in sorted(self.crew.members)]

    def live(self, seconds: float) -> None:
        """
        Let time pass in which everybody gives signs of life.
        """
        for _ in range(round(seconds * 4)):
            for each in self.all:
                each.beat = self.clock.seconds()
            self.clock.advance(0.25)
