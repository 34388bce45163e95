"""
What was counted and measured while the service runs, and the last quarter of an hour of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txbalancer.core.balancer import Balancer
from txbalancer.core.history import STEP, History
from txbalancer.core.meters import Meter, Meters

Balancers = Callable[[], Iterable[Balancer]]


class Telemetry:
    """
    Counts every exchange, and takes a sample of each member every L{STEP} seconds.

    @ivar meters: what was counted since the start.
    @ivar on_step: each is called after every sample.
    """

    log = Logger()

    def __init__(self, reactor: Any, balancers: Balancers) -> None:
        """
        @param balancers: returns those whose members are sampled.
        """
        self.meters = Meters()
        self.on_step: list[Callable[[], object]] = []
        self._balancers = balancers
        self._histories: dict[tuple[str, str], History] = {}
        self._loop = LoopingCall(self.step)
        self._loop.clock = reactor

    def start(self) -> None:
        """
        Begin to take samples.
        """
        running = self._loop.start(STEP, now=False)
        running.addErrback(lambda reason: self.log.failure("samples are not taken", reason))

    def stop(self) -> None:
        """
        Take no more.
        """
        if self._loop.running:
            self._loop.stop()

    def step(self) -> None:
        """
        Take a sample of each member, and forget members that are gone.
        """
        known = {
            (each.spec.name, member.name) for each in self._balancers() for member in each.members
        }
        self.meters.forget(known)
        self._histories = {key: self._histories.get(key) or History() for key in known}
        found = self.meters.by_member()
        for key, history in self._histories.items():
            history.step(found.get(key) or Meter())
        for each in self.on_step:
            each()

    def history(self, balancer: str, member: str) -> History:
        """
        Return the samples of a member; empty for one that was never sampled.
        """
        return self._histories.get((balancer, member)) or History()
