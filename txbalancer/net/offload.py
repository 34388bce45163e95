"""
Slow work in threads, so much of it at once and no more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorThreads
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

Work = Callable[[], Any]


class Job:
    """
    One piece of work.

    @ivar work: what a thread does.
    @ivar done: what is called in the reactor's thread with the result, or with C{None} when
        the work raised an exception.
    """

    __slots__ = ("done", "work")

    def __init__(self, work: Work, done: Callable[[Any], None]) -> None:
        self.work = work
        self.done = done


class Offload:
    """
    Runs work in the threads of a reactor; one without threads does it at once.

    Other users of the threads, such as look-ups of members' names, keep most of them.

    @ivar in_thread: how work is run.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        most: int = 4,
        queue: int = 64,
        in_thread: Callable[[Work], Deferred[Any]] | None = None,
    ) -> None:
        """
        @param most: pieces of work at the same time.
        @param queue: pieces of work that wait for their turn.
        @param in_thread: another way to run work; its Deferred fires with the result.
        """
        self._reactor, self._most, self._longest = reactor, most, queue
        self.in_thread = in_thread or self._defer
        self._running = 0
        self._waiting: deque[Job] = deque()

    def submit(self, work: Work, done: Callable[[Any], None]) -> Job | None:
        """
        Do something now or soon, or return C{None} when too much waits already.
        """
        job = Job(work, done)
        if self._running < self._most:
            self._run(job)
        elif len(self._waiting) < self._longest:
            self._waiting.append(job)
        else:
            return None
        return job

    def forget(self, job: Job) -> bool:
        """
        Take back what has not begun; false when it has.
        """
        if job not in self._waiting:
            return False
        self._waiting.remove(job)
        return True

    def _run(self, job: Job) -> None:
        self._running += 1
        deferred = self.in_thread(job.work)
        deferred.addErrback(self._failed)
        deferred.addCallback(self._ended, job)
        deferred.addErrback(lambda reason: self.log.failure("a result was not taken", reason))

    def _failed(self, reason: Failure) -> None:
        self.log.failure("work in a thread failed", reason)

    def _ended(self, result: Any, job: Job) -> None:
        self._running -= 1
        if self._waiting:
            self._run(self._waiting.popleft())
        job.done(result)

    def _defer(self, work: Work) -> Deferred[Any]:
        if not IReactorThreads.providedBy(self._reactor):
            return maybeDeferred(work)
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work)
