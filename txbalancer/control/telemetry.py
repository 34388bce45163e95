"""
What was counted and measured while the service runs, and the last quarter of an hour of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txbalancer.control.slices import Slices, Steps, at_once, of_each
from txbalancer.core.balancer import Balancer
from txbalancer.core.history import STEP, History
from txbalancer.core.meters import Meter, Meters, whole

Balancers = Callable[[], Iterable[Balancer]]

_MANY = 100
"""Members that are sampled in one slice: about a millisecond's work."""

_NOTHING = Meter()


class Telemetry:
    """
    Counts every exchange, and takes a sample of each member every L{STEP} seconds.

    @ivar meters: what was counted since the start.
    @ivar histories: the samples of each member, by balancer and member.
    """

    log = Logger()

    def __init__(self, reactor: Any, balancers: Balancers) -> None:
        """
        @param balancers: returns those whose members are sampled.
        """
        self.meters = Meters()
        self._balancers = balancers
        self.histories: dict[tuple[str, str], History] = {}
        slices = Slices(reactor)
        self._loop = LoopingCall(lambda: slices.run(self._sample()))
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
        at_once(self._sample())

    def _sample(self) -> Steps[None]:
        known = {
            (each.spec.name, member.name) for each in self._balancers() for member in each.members
        }
        self.meters.forget(known)
        for gone in self.histories.keys() - known:
            del self.histories[gone]
        if len(known) > _MANY:
            yield
        served = self.meters.by_places()

        def step(key: tuple[str, str]) -> None:
            history = self.histories.get(key)
            if history is None:
                history = self.histories[key] = History()
            history.step(whole(served[key]) if key in served else _NOTHING)

        yield from of_each(step, list(known), _MANY)

    def history(self, balancer: str, member: str) -> History:
        """
        Return the samples of a member; empty for one that was never sampled.
        """
        return self.histories.get((balancer, member)) or History()
