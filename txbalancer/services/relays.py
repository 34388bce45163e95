"""
What the supervisor passes on to its workers while they serve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, succeed

from txbalancer.control.tap import LineFilter
from txbalancer.core import flags
from txbalancer.core.balancer import Balancer
from txbalancer.core.commands import Change, Command
from txbalancer.core.passive.alarm import Alarm
from txbalancer.core.passive.breaker import Circuit
from txbalancer.core.sources import Binding
from txbalancer.core.standing import COMMANDED, Flip
from txbalancer.proxy.resource import BalancerResource
from txbalancer.workers.child import Child
from txbalancer.workers.orders import Heed, Perform, Watch, order_of
from txbalancer.workers.word import Place, Turn, Word, take_over, turn_to

Find = Callable[[str], BalancerResource | None]


class Relays:
    """
    Tells all workers of orders, of changes that one of them or a check has found, and of who
    watches the log.

    Changes of one turn of the loop are told together: a thousand members may fail at once.

    @ivar on_guess: called with each wrong password that workers have seen.
    """

    def __init__(
        self,
        runtime: Any,
        find: Find,
        crew: Callable[[], Iterable[Child]],
        rows_for: Callable[[Command], Mapping[tuple[str, ...], int]],
    ) -> None:
        """
        @param rows_for: returns rows of the table that are needed once a command is carried out.
        @param find: returns the resource of a balancer by its name.
        @param crew: returns the workers, those that are leaving among them.
        """
        self._runtime, self._find, self._crew = runtime, find, crew
        self._rows_for = rows_for
        self._from: Child | None = None
        self._touched: dict[Place, Child | None] = {}
        self._news: list[tuple[Child | None, Word]] = []
        self.on_guess: Callable[[str, str, bytes], object] = lambda path, client, guess: None
        self._roomy: set[str] = set()
        self._switched: set[str] = set()
        self._call: Any = None
        self._latest: dict[Child, Deferred[Any]] = {}

    # -- from workers

    def hear(self, child: Child, word: Word) -> Word:
        """
        Take what a worker tells, and return what has come of it.
        """
        self._from = child
        try:
            turns = map(self._bounded, word.turns)
            settled = take_over(self._balancer, turns, self._runtime.now())
            answer = [turn_to(member, turn.balancer) for turn, member in settled]
        finally:
            self._from = None
        learned = {name: self._learn(name, each) for name, each in word.sources.items()}
        sources = {name: news for name, news in learned.items() if news}
        for guess in word.guesses:
            self.on_guess(*guess)
        self._pass_on(child, Word(sources=sources, wanted=word.wanted, guesses=word.guesses))
        for name, circuit in word.circuits.items():
            balancer = self._balancer(name)
            if balancer is not None:
                balancer.switch(circuit, self._runtime.now())
        return Word(answer)

    def _learn(self, name: str, bindings: Iterable[Binding]) -> list[Binding]:
        """
        Return what is new of that.
        """
        balancer = self._balancer(name)
        if balancer is None or balancer.sources is None:
            return []
        return [each for each in bindings if balancer.sources.learn(each)]

    def _pass_on(self, child: Child | None, news: Word) -> None:
        if news:
            self._news.append((child, news))
            self._soon()

    def guessed(self, path: str, client: str, guess: bytes) -> None:
        """
        Have all workers count a wrong password that was sent to the service's own pages.
        """
        self._pass_on(None, Word(guesses=[(path, client, guess)]))

    def _bounded(self, turn: Turn) -> Turn:
        """
        Eject nobody for whom there is no room, which workers at the same time cannot know.
        """
        if turn.on & flags.EJECTED:
            balancer = self._balancer(turn.balancer)
            if balancer is not None and not balancer.may_eject():
                # Two may have found the same one.
                balancer.spared += turn.member not in _ejected(balancer)
                return turn._replace(on=turn.on & ~flags.EJECTED)
        return turn

    def _balancer(self, name: str) -> Balancer | None:
        resource = self._find(name)
        return None if resource is None else resource.balancer

    # -- to workers

    def flipped(self, flip: Flip, resource: BalancerResource) -> None:
        """
        Tell of a change of a member's flags, except those whom orders tell.
        """
        if flip.cause != COMMANDED:
            place = resource.balancer.spec.name, flip.member.name
            known = self._from
            # Who has told of it has the answer, unless there was more in the same turn.
            self._touched[place] = known if self._touched.get(place, known) is known else None
            self._soon()

    def alarmed(self, alarm: Alarm, resource: BalancerResource) -> None:
        """
        Tell of a balancer's circuit breaker; those who have told of it, too, so that what they
        hear last is what holds.
        """
        if alarm.kind == "breaker":
            self._switched.add(resource.balancer.spec.name)
            self._soon()

    def roomy(self, resource: BalancerResource) -> None:
        """
        Tell how much room members have.
        """
        self._roomy.add(resource.balancer.spec.name)
        self._soon()

    def _soon(self) -> None:
        if self._call is None:
            self._call = self._runtime.reactor.callLater(0, self._flush)

    def _flush(self) -> None:
        self._call = None
        touched, self._touched = self._touched, {}
        heard, self._news = self._news, []
        rooms, self._roomy = self._roomy, set()
        turns = [(turn, touched[turn.place]) for turn in self._turns(touched)]
        found = {name: rooms_of(resource) for name in rooms if (resource := self._find(name))}
        switched, self._switched = self._switched, set()
        circuits = circuits_of(filter(None, map(self._find, switched)))
        for child in self._crew():
            turned = [turn for turn, known in turns if known is not child]
            word = Word(turned, rooms=found, circuits=circuits)
            for known, news in heard:
                if known is not child:
                    word.add(news)
            if word:
                child.tell(Heed, word=word)

    def _turns(self, places: Iterable[Place]) -> list[Turn]:
        wanted: dict[str, set[str]] = {}
        for balancer, member in places:
            wanted.setdefault(balancer, set()).add(member)
        found = []
        for name, names in wanted.items():
            resource = self._find(name)
            if resource is not None:
                members = resource.balancer.members
                found += [turn_to(each, name) for each in members if each.name in names]
        return found

    def ordered(self, change: Change) -> None:
        """
        Have every worker do what was ordered.
        """
        order, rows = order_of(change.command), self._rows_for(change.command)
        # Of those that are over nothing is kept.
        self._latest = {
            child: child.call(Perform, order=order, rows=rows) for child in self._crew()
        }

    def performed(self) -> Deferred[Any]:
        """
        Wait until every worker has done what was ordered so far; one that ends does not count.
        """
        there = set(self._crew())
        self._latest = {child: each for child, each in self._latest.items() if child in there}
        waiting: list[Deferred[Any]] = []
        for each in self._latest.values():
            done: Deferred[Any] = Deferred()
            each.addBoth(_and_tell(done))
            waiting.append(done)
        return DeferredList(waiting) if waiting else succeed(None)

    def watch(self, filters: Mapping[int, LineFilter]) -> None:
        """
        Tell which lines of the access log somebody wants to see.
        """
        for child in self._crew():
            child.tell(Watch, filters=dict(filters))


def _ejected(balancer: Balancer) -> set[str]:
    return {each.name for each in balancer.members if each.flags & flags.EJECTED}


def rooms_of(resource: BalancerResource) -> dict[str, int | None]:
    """
    Return how much room the members of a balancer say they have.
    """
    return {each.name: each.room for each in resource.balancer.members}


def word_of(resources: Mapping[str, BalancerResource]) -> Word:
    """
    Return what a worker that begins has to know of balancers, by their names, beside their state.
    """
    balancers = {name: each.balancer for name, each in resources.items()}
    return Word(
        [
            turn_to(member, name)
            for name, balancer in balancers.items()
            for member in balancer.members
            if member.flags & flags.PASSIVE
        ],
        {name: each.sources.all() for name, each in balancers.items() if each.sources is not None},
        {
            name: rooms_of(each)
            for name, each in resources.items()
            if each.balancer.spec.lbmethod == "heartbeat"
        },
        circuits=circuits_of(resources.values()),
    )


def circuits_of(resources: Iterable[BalancerResource]) -> dict[str, Circuit]:
    """
    Return the circuit breakers of balancers that have one, by their names.
    """
    balancers = [each.balancer for each in resources]
    return {each.spec.name: each.breaker.circuit for each in balancers if each.breaker is not None}


def _and_tell(done: Deferred[Any]) -> Callable[[Any], Any]:
    def tell(result: Any) -> Any:
        done.callback(None)
        return result

    return tell
