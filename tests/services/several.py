"""
A supervisor and workers with the same balancer: both ends of what they tell each other, without
processes.
"""

from __future__ import annotations

import pickle
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from txbalancer.core.passive.alarm import Alarm
from txbalancer.core.standing import Flip
from txbalancer.proxy.resource import BalancerResource
from txbalancer.proxy.runtime import Runtime
from txbalancer.services.relays import Relays
from txbalancer.services.ties import Ties
from txbalancer.testing import make_balancer
from txbalancer.workers.orders import Heed, Perform, Watch

NAMES = ("http://10.0.0.1", "http://10.0.0.2")


class Process:
    """
    One process with a balancer.
    """

    def __init__(self, clock: Clock, **options: Any) -> None:
        self.runtime = Runtime(clock, lambda outcome: None, clock.seconds, clock.seconds)
        self.balancer = make_balancer(*NAMES, stickysource=80.0, **options)
        self.resource = BalancerResource(self.runtime, self.balancer)
        self.resource.open_pools()

    def find(self, name: str) -> BalancerResource | None:
        """
        Return the balancer's resource.
        """
        return self.resource if name == "shop" else None

    @property
    def flags(self) -> list[int]:
        """
        The flags of its members.
        """
        return [each.flags for each in self.balancer.members]


class Worker(Process):
    """
    A worker, and the supervisor's end of the line to it.

    @ivar orders: what it was told to do; C{filters}: who watches.
    """

    def __init__(self, clock: Clock, **options: Any) -> None:
        super().__init__(clock, **options)
        self.relays: Any = None
        self.orders: list[Any] = []
        self.filters: Any = None
        self.answer: Deferred[Any] = Deferred()
        self.words = 0
        self.ties = Ties(self.runtime, self.find, self._ask)
        self.balancer.on_flip = lambda flip: self.ties.flipped(flip, self.resource)
        self.balancer.on_alarm = lambda alarm: self.ties.alarmed(alarm, self.resource)
        self.ties.share(self.balancer)

    def _ask(self, word: Any) -> Any:
        self.words += 1
        return succeed(sent(self.relays.hear(self, sent(word))))

    def tell(self, command: Any, **arguments: Any) -> None:
        """
        Get a message.
        """
        if command is Heed:
            self.ties.heed(sent(arguments["word"]))
        else:
            assert command is Watch
            self.filters = sent(arguments["filters"])

    def call(self, command: Any, order: Any, rows: Any) -> Deferred[Any]:
        """
        Get an order.
        """
        assert command is Perform
        self.orders.append((sent(order), rows))
        return self.answer


def sent(value: Any) -> Any:
    """
    Return what arrives of a value.
    """
    return pickle.loads(pickle.dumps(value))


class World:
    """
    A supervisor and two workers.

    @ivar flips: what the supervisor notes of members; C{alarms}: of the balancer.
    """

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.supervisor = Process(self.clock, **options)
        self.workers: list[Any] = [Worker(self.clock, **options) for _ in "12"]
        self.rows: dict[Any, int] = {}
        self.relays = Relays(
            self.supervisor.runtime,
            self.supervisor.find,
            lambda: self.workers,
            lambda command: self.rows,
        )
        self.flips: list[Flip] = []
        self.alarms: list[Alarm] = []
        self.supervisor.balancer.on_flip = self._flipped
        self.supervisor.balancer.on_alarm = self._alarmed
        for each in self.workers:
            each.relays = self.relays

    def _flipped(self, flip: Flip) -> None:
        self.flips.append(flip)
        self.relays.flipped(flip, self.supervisor.resource)

    def _alarmed(self, alarm: Alarm) -> None:
        self.alarms.append(alarm)
        self.relays.alarmed(alarm, self.supervisor.resource)
