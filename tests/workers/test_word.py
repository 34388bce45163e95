"""
What processes tell each other of members.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core import flags
from txbalancer.core.balancer import Balancer
from txbalancer.core.sources import Binding, Sources
from txbalancer.core.standing import TRIED_AGAIN, Flip
from txbalancer.testing import make_balancer
from txbalancer.workers.word import Own, Turn, Word, take_over, turn_of, turn_to

BITS = (flags.IN_ERROR, flags.HC_FAILED, flags.DRAIN, flags.EJECTED)


class Process:
    """
    One of several with the same balancer.
    """

    def __init__(self) -> None:
        self.balancer: Balancer = make_balancer("http://a", "http://b")
        self.own = Own()

    def flip(self, member: int, bit: int) -> Flip | None:
        """
        Change a flag.
        """
        found = self.balancer.members[member]
        return self.balancer.set_flags(found, found.flags ^ bit, "it is so", 1.0)

    def heed(self, turns: list[Turn]) -> None:
        """
        Take over what counts of others' changes.
        """
        for _ in take_over(lambda name: self.balancer, self.own.heed(turns), 2.0):
            pass

    def state(self) -> list[int]:
        """
        Return how members are.
        """
        return [each.flags for each in self.balancer.members]


class Several:
    """
    A supervisor and its workers, with messages that take their time.
    """

    def __init__(self, count: int) -> None:
        self.supervisor = Process()
        self.workers = [Process() for _ in range(count)]
        self.up: list[deque[Word]] = [deque() for _ in range(count)]
        self.down: list[deque[Any]] = [deque() for _ in range(count)]

    def found(self, number: int, member: int, bit: int) -> None:
        """
        Let a worker's traffic, or a check, find something out.
        """
        if number == len(self.workers):
            flip = self.supervisor.flip(member, bit)
            assert flip is not None
            self._tell(turn_to(flip.member, "shop"), None)
            return
        flip = self.workers[number].flip(member, bit)
        assert flip is not None
        self.workers[number].own.turned(turn_of(flip, "shop"))

    def send(self, number: int) -> None:
        """
        Let a worker tell what it has.
        """
        if number < len(self.workers):
            word = self.workers[number].own.take()
            if word:
                self.up[number].append(word)

    def hear(self, number: int) -> None:
        """
        Let the supervisor take one message of a worker.
        """
        if number < len(self.workers) and self.up[number]:
            word = self.up[number].popleft()
            self.supervisor.heed(word.turns)
            answer = [
                turn_to(each, "shop")
                for each in self.supervisor.balancer.members
                if ("shop", each.name) in {turn.place for turn in word.turns}
            ]
            self.down[number].append((word, answer))
            for turn in answer:
                self._tell(turn, number)

    def _tell(self, turn: Turn, known: int | None) -> None:
        for number, queue in enumerate(self.down):
            if number != known:
                queue.append((None, [turn]))

    def learn(self, number: int) -> None:
        """
        Let a worker take one message of the supervisor.
        """
        if number < len(self.workers) and self.down[number]:
            word, turns = self.down[number].popleft()
            if word is not None:
                self.workers[number].own.answered(word)
            self.workers[number].heed(turns)

    def rest(self) -> None:
        """
        Let all messages arrive.
        """
        for _ in range(3):
            for number in range(len(self.workers)):
                self.send(number)
                while self.up[number]:
                    self.hear(number)
            for number in range(len(self.workers)):
                while self.down[number]:
                    self.learn(number)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["found", "found", "send", "hear", "learn"]),
        st.integers(0, 3),
        st.integers(0, 1),
        st.sampled_from(BITS),
    ),
    max_size=60,
)


@given(STEPS)
def test_all_end_alike(steps: list[tuple[str, int, int, int]]) -> None:
    """
    Whatever workers and checks find at the same time, and however messages pass each other: when
    all have arrived, all have the flags that the supervisor has.
    """
    several = Several(3)
    for action, number, member, bit in steps:
        if action == "found":
            several.found(number, member, bit)
        else:
            getattr(several, action)(number)
    several.rest()
    state = several.supervisor.state()
    assert [each.state() for each in several.workers] == [state] * 3


def test_what_two_find_is_both() -> None:
    """
    An error that traffic finds and a check that fails at the same time are both there then.
    """
    several = Several(2)
    several.found(0, 0, flags.IN_ERROR)
    several.found(2, 0, flags.HC_FAILED)
    several.rest()
    both = flags.INIT | flags.IN_ERROR | flags.HC_FAILED
    assert several.workers[1].balancer.members[0].flags == both


def test_changes_of_one_moment_are_one() -> None:
    """
    What comes and goes before it is told is told as it is; others' words do not count meanwhile.
    """
    own, place = Own(), ("shop", "http://a")
    own.turned(Turn(*place, flags.IN_ERROR, 0, "refused", 1.0))
    own.turned(Turn(*place, 0, flags.IN_ERROR, TRIED_AGAIN, 1.0))
    other = Turn(*place, flags.HC_FAILED, 0, "a check", 1.0)
    assert own.heed([other]) == []
    word = own.take()
    (turn,) = word.turns
    assert (turn.on, turn.off, turn.cause) == (0, flags.IN_ERROR, TRIED_AGAIN)
    assert own.heed([other]) == []
    own.answered(word)
    assert own.heed([other]) == [other]
    assert not own.take()


def test_one_try_only() -> None:
    """
    A member that another process tries again has one try only here, too; once it has failed
    again only checks from then on count.
    """
    process = Process()
    one, _ = process.balancer.members
    one.failures.append(1.0)
    place = ("shop", one.name)
    process.heed([Turn(*place, flags.IN_ERROR, 0, "refused", 5.0)])
    assert (one.error_time, one.failures, one.retries) == (5.0, [], 0)
    process.heed([Turn(*place, 0, flags.IN_ERROR, TRIED_AGAIN, 5.0)])
    assert one.retries == 1
    assert one.usable


def test_wishes_are_told_once() -> None:
    """
    Members that somebody waits for are told, and addresses of clients by their last word.
    """
    own = Own()
    own.want(("shop", "http://a"))
    own.bound("shop", Binding("192.0.2.1", "http://a", 1.0))
    own.bound("shop", Binding("192.0.2.1", "http://b", 2.0))
    word = own.take()
    assert word.wanted == {("shop", "http://a")}
    assert word.sources == {"shop": [Binding("192.0.2.1", "http://b", 2.0)]}
    assert not own.take()


TIMES = st.integers(0, 5).map(float)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["a", "b"]), st.booleans()), max_size=30)
)
def test_addresses_end_alike(steps: list[tuple[int, str, bool]]) -> None:
    """
    Whoever sees a client's address with whom: once all have heard all, they know the same.
    """
    told: list[tuple[int, Binding]] = []
    known = [Sources(100.0, 10) for _ in range(3)]
    heard = [0, 0, 0]
    for number, sources in enumerate(known):
        sources.tell = lambda binding, number=number: told.append((number, binding))
    for moment, (number, member, hears) in enumerate(steps):
        if hears and heard[number] < len(told):
            origin, binding = told[heard[number]]
            heard[number] += 1
            if origin != number:
                known[number].learn(binding)
        else:
            known[number].note("192.0.2.1", member, float(moment))
    for number, sources in enumerate(known):
        for origin, binding in told[heard[number] :]:
            if origin != number:
                sources.learn(binding)
    assert len({each.find("192.0.2.1", 40.0) for each in known}) == 1


def test_addresses_are_told_now_and_then() -> None:
    """
    An address that stays where it is is told once in an eighth of its time.
    """
    told: list[Binding] = []
    sources = Sources(8.0, 10, told.append)
    for tenths in range(25):
        sources.note("192.0.2.1", "a", tenths / 10)
    assert [each.told for each in told] == [0.0, 1.1, 2.2]
    other = Sources(8.0, 10)
    assert other.learn(told[-1])
    assert not other.learn(told[0])
    assert other.all() == [told[-1]]
    assert other.find("192.0.2.1", 10.1) == "a"
    assert other.find("192.0.2.1", 10.3) is None
