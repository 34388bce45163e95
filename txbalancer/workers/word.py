"""
What processes tell each other of their members while they run: whose flags have changed, which
addresses of clients belong to whom, and how much room there is.

The supervisor settles what several say at the same time. It takes changes in the order in which
they arrive and answers each with what has come of it; until that answer is there, a worker does
not heed what was said about the same member before. So all end with the flags that the supervisor
has, in whatever order messages pass each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from txbalancer.core import flags
from txbalancer.core.balancer import Balancer
from txbalancer.core.member import Member
from txbalancer.core.passive.breaker import Circuit
from txbalancer.core.passive.ejection import Ejection
from txbalancer.core.sources import Binding
from txbalancer.core.standing import Flip

Place = tuple[str, str]
"""Names of balancer and member."""

Guess = tuple[str, str, bytes]
"""A file of passwords, the client that sent a wrong one, and its digest."""


class Turn(NamedTuple):
    """
    What became of a member's flags.

    @ivar on: flags that are set now; C{off}: flags that are not any more.
    @ivar error_time: of the member, by the clock that all processes of a machine share.
    @ivar ejection: why it is ejected, if it is; C{circuit}: its circuit breaker, if it has one.
    """

    balancer: str
    member: str
    on: int
    off: int
    cause: str
    error_time: float
    ejection: Ejection | None = None
    circuit: Circuit | None = None

    @property
    def place(self) -> Place:
        """
        Which member it is.
        """
        return self.balancer, self.member


def turn_of(flip: Flip, balancer: str) -> Turn:
    """
    Describe a change that happened here.
    """
    on, off = flip.after & ~flip.before, flip.before & ~flip.after
    if on & flags.BROKEN:
        off |= flags.BROKEN & ~on
    return _turn(flip.member, balancer, on, off, flip.cause)


def turn_to(member: Member, balancer: str) -> Turn:
    """
    Describe how a member is, whatever it was.
    """
    return _turn(member, balancer, member.flags, flags.ALL & ~member.flags, member.cause)


def _turn(member: Member, balancer: str, on: int, off: int, cause: str) -> Turn:
    its = member.watched
    circuit = None if its.breaker is None else its.breaker.circuit
    return Turn(balancer, member.name, on, off, cause, member.error_time, its.ejection, circuit)


def take_over(
    find: Callable[[str], Balancer | None], turns: Iterable[Turn], now: float
) -> Iterator[tuple[Turn, Member]]:
    """
    Let members be as another process says.

    @param find: returns a balancer by its name.
    @return: each change of a member that is there, when it is done.
    """
    known: dict[str, dict[str, Member]] = {}
    for turn in turns:
        balancer = find(turn.balancer)
        if balancer is None:
            continue
        if turn.balancer not in known:
            # A thousand may have changed.
            known[turn.balancer] = {each.name: each for each in balancer.members}
        member = known[turn.balancer].get(turn.member)
        if member is not None:
            after = (member.flags | turn.on) & ~turn.off
            balancer.learn(member, turn.on, turn.ejection, turn.circuit, now)
            balancer.take_over(member, after, turn.cause, turn.error_time, now)
            yield turn, member


@dataclass(slots=True)
class Word:
    """
    Everything that is told at a time.

    @ivar sources: of each balancer with C{stickysource}.
    @ivar wanted: members to which somebody waits for a connection, of which there are C{max}.
    @ivar rooms: requests that members say they could take, by balancer and member.
    @ivar circuits: circuit breakers of whole balancers.
    @ivar guesses: wrong passwords.
    """

    turns: list[Turn] = field(default_factory=list)
    sources: dict[str, list[Binding]] = field(default_factory=dict)
    rooms: dict[str, dict[str, int | None]] = field(default_factory=dict)
    wanted: set[Place] = field(default_factory=set)
    circuits: dict[str, Circuit] = field(default_factory=dict)
    guesses: list[Guess] = field(default_factory=list)

    def __bool__(self) -> bool:
        parts = self.turns, self.sources, self.rooms, self.wanted, self.circuits, self.guesses
        return any(parts)

    def add(self, news: Word) -> None:
        """
        Take what was heard of somebody, to be passed on.
        """
        for name, bindings in news.sources.items():
            self.sources.setdefault(name, []).extend(bindings)
        self.wanted.update(news.wanted)
        self.guesses.extend(news.guesses)


class Own:
    """
    What one worker has to tell, each member's changes as one.
    """

    def __init__(self) -> None:
        self._turns: dict[Place, Turn] = {}
        self._asked: Counter[Place] = Counter()
        self._sources: dict[str, dict[str, Binding]] = {}
        self._wanted: set[Place] = set()
        self._circuits: dict[str, Circuit] = {}
        self._guesses: list[Guess] = []

    def guessed(self, guess: Guess) -> None:
        """
        Note that somebody sent a wrong password.
        """
        self._guesses.append(guess)

    def want(self, place: Place) -> None:
        """
        Note that somebody waits here for a connection to a member.
        """
        self._wanted.add(place)

    def switched(self, balancer: str, circuit: Circuit) -> None:
        """
        Note what a balancer's circuit breaker has come to do here.
        """
        self._circuits[balancer] = circuit

    def turned(self, turn: Turn) -> None:
        """
        Note a change of a member's flags that happened here.
        """
        before = self._turns.get(turn.place)
        if before is not None:
            on, off = (before.on & ~turn.off) | turn.on, (before.off & ~turn.on) | turn.off
            turn = turn._replace(on=on, off=off)
        self._turns[turn.place] = turn

    def bound(self, balancer: str, binding: Binding) -> None:
        """
        Note that an address belongs to a member now.
        """
        self._sources.setdefault(balancer, {})[binding.client] = binding

    def take(self) -> Word:
        """
        Return what is to be told now; an answer to it has to come.
        """
        turns, self._turns = self._turns, {}
        sources, self._sources = self._sources, {}
        wanted, self._wanted = self._wanted, set()
        self._asked.update(turns.keys())
        circuits, self._circuits = self._circuits, {}
        found = {name: list(each.values()) for name, each in sources.items()}
        guesses, self._guesses = self._guesses, []
        return Word(list(turns.values()), found, wanted=wanted, circuits=circuits, guesses=guesses)

    def answered(self, word: Word) -> None:
        """
        Note that what was told has been heard.
        """
        self._asked.subtract(each.place for each in word.turns)
        for each in word.turns:
            if not self._asked[each.place]:
                del self._asked[each.place]

    def heed(self, turns: Iterable[Turn]) -> list[Turn]:
        """
        Return those of others' changes that count: an answer will tell of the rest.
        """
        own, asked = self._turns, self._asked
        return [each for each in turns if each.place not in own and each.place not in asked]
