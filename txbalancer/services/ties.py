"""
A worker's part in what all processes of a service know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from txbalancer.core.balancer import Balancer
from txbalancer.core.passive.alarm import Alarm
from txbalancer.core.passive.breaker import HALF_OPEN
from txbalancer.core.standing import COMMANDED, Flip
from txbalancer.proxy.resource import BalancerResource
from txbalancer.workers.word import Own, Turn, Word, take_over, turn_of

PAUSE = 0.01
"""Seconds between two messages: where all members are down, every request has news."""

Ask = Callable[[Word], Deferred[Any]]


class Ties:
    """
    Tells the supervisor what traffic has found, and heeds what it says.

    @ivar on_guess: called with each wrong password that others have seen.
    """

    def __init__(
        self, runtime: Any, find: Callable[[str], BalancerResource | None], ask: Ask
    ) -> None:
        """
        @param find: returns the resource of a balancer by its name.
        @param ask: sends what is new here; its Deferred fires with what has come of it, or
            C{None} where nobody is there any more.
        """
        self._runtime, self._find, self._ask = runtime, find, ask
        self.on_guess: Callable[[str, str, bytes], object] = lambda path, client, guess: None
        self._own = Own()
        self._told = False
        self._call: Any = None

    def flipped(self, flip: Flip, resource: BalancerResource) -> None:
        """
        Tell of a change of a member's flags that was found here.
        """
        if not self._told and flip.cause != COMMANDED:
            self._own.turned(turn_of(flip, resource.balancer.spec.name))
            self._soon()

    def alarmed(self, alarm: Alarm, resource: BalancerResource) -> None:
        """
        Tell what a balancer's circuit breaker has found here. When it lets something through
        again, and whether there is a panic, all processes know by themselves.
        """
        breaker = resource.balancer.breaker
        if self._told or alarm.kind != "breaker" or breaker is None:
            return
        if breaker.state != HALF_OPEN:
            self._own.switched(resource.balancer.spec.name, breaker.circuit)
            self._soon()

    def share(self, balancer: Balancer) -> None:
        """
        Tell of addresses that come to belong to members of a balancer.
        """
        name = balancer.spec.name

        def tell(binding: Any) -> None:
            self._own.bound(name, binding)
            self._soon()

        balancer.share_sources(tell)

    def want(self, balancer: str, member: str) -> None:
        """
        Have others give up idle connections to a member.
        """
        self._own.want((balancer, member))
        self._soon()

    def guessed(self, path: str, client: str, guess: bytes) -> None:
        """
        Have others count a wrong password.
        """
        self._own.guessed((path, client, guess))
        self._soon()

    def heed(self, word: Word) -> None:
        """
        Let members be as others have found them.
        """
        self._heed_turns(word.turns)
        self._heed_circuits(word)
        for name, bindings in word.sources.items():
            resource = self._find(name)
            if resource is not None and resource.balancer.sources is not None:
                for each in bindings:
                    resource.balancer.sources.learn(each)
        for name, rooms in word.rooms.items():
            resource = self._find(name)
            if resource is not None:
                take_rooms(resource, rooms)
        for name, wanted in word.wanted:
            resource = self._find(name)
            member = resource.member(wanted) if resource is not None else None
            if member is not None:
                member.pool.give_way()
        for guess in word.guesses:
            self.on_guess(*guess)

    def _heed_turns(self, turns: list[Turn]) -> None:
        self._told = True
        try:
            heeded = self._own.heed(turns)
            for _ in take_over(self._balancer, heeded, self._runtime.now()):
                pass
        finally:
            self._told = False

    def _heed_circuits(self, word: Word) -> None:
        self._told = True
        try:
            for name, circuit in word.circuits.items():
                balancer = self._balancer(name)
                if balancer is not None:
                    balancer.switch(circuit, self._runtime.now())
        finally:
            self._told = False

    def _balancer(self, name: str) -> Balancer | None:
        resource = self._find(name)
        return None if resource is None else resource.balancer

    def _soon(self) -> None:
        if self._call is None:
            self._call = self._runtime.reactor.callLater(PAUSE, self._flush)

    def _flush(self) -> None:
        self._call = None
        word = self._own.take()
        self._ask(word).addCallback(self._answered, word)

    def _answered(self, answer: Any, word: Word) -> None:
        self._own.answered(word)
        if answer is not None:
            self._heed_turns(answer.turns)

    def stop(self) -> None:
        """
        Tell nothing more.
        """
        if self._call is not None:
            self._call.cancel()
            self._call = None


def take_rooms(resource: BalancerResource, rooms: Any) -> None:
    """
    Note how much room members say they have.
    """
    for member in resource.balancer.members:
        member.room = rooms.get(member.name, member.room)
    resource.balancer.changed()
    resource.serve_waiting()
