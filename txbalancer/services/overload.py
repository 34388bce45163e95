"""
What a service does when its machine has no more to give: descriptors, memory.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txbalancer.control.journal import Journal
from txbalancer.core.specs import ServiceSpec
from txbalancer.core.values import counted, show_size
from txbalancer.net.turnstile import RESERVE
from txbalancer.proxy.runtime import Runtime
from txbalancer.proxy.throttle import Throttle
from txbalancer.services.limits import Limits
from txbalancer.services.memory import allowed, release, resident
from txbalancer.services.workforce import count_of

_LOOK = 1.0
"""Seconds between two looks at the memory."""


class Overload:
    """
    Keeps descriptors for those who need them, and stops accepting while memory is short.
    Existing connections go on, and reserved listeners and commands are there.

    @ivar descriptors: how many the process may have; 0 for any number.
    @ivar memory: bytes that it should not have more of; 0 for any.
    @ivar used: bytes that it had at the last look; 0 where nobody looks.
    @ivar times: how often it had too many.
    @ivar on_warning: called with what people should look at, beside the log.
    """

    log = Logger()

    def __init__(
        self,
        runtime: Runtime,
        journal: Journal,
        limits: Limits,
        own_process: bool = False,
        measure: Callable[[], int] = resident,
    ) -> None:
        """
        @param limits: counts the connections.
        @param own_process: whether the limit of descriptors may be raised, and complained of.
        @param measure: returns the bytes that the process has.
        """
        self._runtime = runtime
        self.on_warning: Callable[[str], object] = lambda text: journal.note("warning", text)
        self._limits, self._own, self._measure = limits, own_process, measure
        self.descriptors = self.memory = self.used = self.times = 0
        self._throttle, self._told = Throttle(60.0), Throttle(60.0)
        self._tells = False
        runtime.turnstile.on_full = self._no_room
        self._looking = LoopingCall(self._look)
        self._looking.clock = runtime.reactor

    # -- descriptors

    def prepare(self, spec: ServiceSpec) -> None:
        """
        See how many descriptors there are, before any port is opened, and whether memory can be
        looked at.

        @raise StartError: when it cannot be, but should.
        """
        allowed(spec.service.memory_limit)
        processes = max(1, count_of(spec))
        self.descriptors = _descriptors(self._own)
        if not self.descriptors:
            return
        self._runtime.turnstile.limit(self.descriptors)
        most = -(-_most_connections(spec) // processes)
        needed = 2 * most + RESERVE
        if self._own and most and needed > self.descriptors:
            self.log.warn(
                "{allowed} descriptors are allowed{each}, but {connections} that may come need"
                " {needed}, with those to members: raise LimitNOFILE= of the unit or ulimit -n,"
                " or lower max-connections",
                allowed=self.descriptors,
                each=" each process" if processes > 1 else "",
                connections=counted(most, "connection"),
                needed=needed,
            )

    def _no_room(self) -> None:
        more = self._throttle.permit(self._runtime.now())
        if more is None:
            return
        text = (
            f"no descriptors are left for clients: of {self.descriptors} the last are kept;"
            " what comes waits (raise LimitNOFILE= of the unit or ulimit -n)"
        )
        self.log.warn("{text}{more}", text=text, more=more)
        self.on_warning(text)

    # -- memory

    def watch(self, limit: int) -> None:
        """
        Look at the memory from now on.

        @param limit: bytes, as L{allowed} gives them; 0 = not at all.
        """
        self.memory = limit
        if limit and not self._looking.running:
            self._looking.start(_LOOK)
        elif not limit:
            self.stop()

    def stop(self) -> None:
        """
        Look no more.
        """
        if self._looking.running:
            self._looking.stop()
        self.used = 0
        self._open()

    @property
    def closed(self) -> bool:
        """
        Whether no connections are accepted.
        """
        return self._runtime.turnstile.closed

    def _look(self) -> None:
        try:
            self.used = self._measure()
        except OSError:
            # Without a descriptor for it, say: the next look will tell.
            return
        # Without connections nothing is going to be freed by waiting.
        waits = bool(self._limits.connections)
        if not self.closed:
            if waits and self.used > self.memory:
                self._close()
        elif not waits or self.used < self.memory * 0.95:
            self._open()

    def _close(self) -> None:
        # What was freed may only not have been given back: that is no reason to turn away.
        release()
        self.used = self._measure()
        if self.used <= self.memory:
            return
        self.times += 1
        self._runtime.turnstile.close()
        more = self._told.permit(self._runtime.now())
        self._tells = more is not None
        self._tell(
            f"{show_megabytes(self.used)} of memory are in use, more than memory-limit,"
            f" {show_megabytes(self.memory)}: no more connections are accepted{more}"
        )

    def _open(self) -> None:
        if self.closed:
            self._runtime.turnstile.open()
            self._tell(f"{show_megabytes(self.used)} of memory are in use: connections again")

    def _tell(self, text: str) -> None:
        if self._tells:
            self.log.warn("{text}", text=text)
            self.on_warning(text)


def show_megabytes(size: int) -> str:
    """
    Write bytes for people.
    """
    return show_size(max(1, size >> 20) << 20)


def _descriptors(raise_limit: bool) -> int:
    """
    Return how many descriptors the process may have; 0 for any number.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if raise_limit and soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (OSError, ValueError):
            # Some systems allow fewer than they say.
            pass
    return 0 if soft == resource.RLIM_INFINITY or soft > sys.maxsize // 2 else soft


def _most_connections(spec: ServiceSpec) -> int:
    """
    Return how many connections of clients there may be; 0 for any number.
    """
    of_listeners = [each.max_connections for each in spec.listeners if each.mode != "udp"]
    most = sum(of_listeners) if all(of_listeners) else 0
    return min(filter(None, (most, spec.service.max_connections)), default=0)
