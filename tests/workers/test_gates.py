"""
Gates that count all workers.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.gates import Gate, GateSpec, opened
from txbalancer.workers.gates import SharedCrowd, SharedGate
from txbalancer.workers.guests import Guests
from txbalancer.workers.shares import Share
from txbalancer.workers.table import NAMED, Table, create_memory

WORKERS = 2


class Visitor:
    """
    Somebody who waits, and notes when it is let in.
    """

    def __init__(self) -> None:
        self.inside = False

    def admitted(self, gate: Gate) -> None:
        self.inside = True


class Team:
    """
    The same gate in each worker.
    """

    def __init__(self, most: int, queue: int = 5, of_client: bool = False) -> None:
        self.memory = create_memory()
        self.table = Table(self.memory)
        self.table.workers = WORKERS
        for number in range(1, WORKERS + 1):
            self.table.use(number)
        self.begin(most, queue, of_client)

    def begin(self, most: int, queue: int, of_client: bool) -> None:
        """
        Make the gates; nothing is left of those before.
        """
        for number in range(1, WORKERS + 1):
            self.table.settle(number, range(NAMED, NAMED + 3))
        self.soon: deque[Callable[[], None]] = deque()
        self.looks: list[SharedGate] = []
        self.crowds: list[SharedCrowd] = []
        self.spec = GateSpec("test", most, queue, 5.0)
        make = self._of_client if of_client else self._of_all
        self.gates = [make(number) for number in range(1, WORKERS + 1)]

    def _of_all(self, number: int) -> SharedGate:
        share = Share(self.table, number, NAMED, NAMED + 1, NAMED + 2)
        return SharedGate(self.spec, self.soon.append, share, self.looks.append)

    def _of_client(self, number: int) -> Any:
        guests = Guests(self.table, number)
        crowd = SharedCrowd(self.spec, self.soon.append, guests, self.looks.append)
        self.crowds.append(crowd)
        return crowd.gate("192.0.2.1")

    def refused(self) -> int:
        """
        Return how many had to go.
        """
        return sum(each.refused for each in self.crowds or self.gates)

    def run(self) -> None:
        """
        Do what is to be done soon, but look nowhere.
        """
        while self.soon:
            self.soon.popleft()()

    def look(self) -> None:
        """
        Look once for everybody who waits.
        """
        self.run()
        looks = dict.fromkeys(self.looks)
        self.looks.clear()
        for each in looks:
            each.look()
            if each.pending:
                self.looks.append(each)

    def close(self) -> None:
        """
        Let the memory go.
        """
        os.close(self.memory)


@pytest.fixture(params=[False, True], ids=["all", "client"])
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., Team]]:
    """
    Make teams, before a limit of all or of one client.
    """
    made: list[Team] = []

    def team(most: int, queue: int = 5) -> Team:
        made.append(Team(most, queue, request.param))
        return made[-1]

    yield team
    for each in made:
        each.close()


def test_so_many_are_inside_in_all(make: Callable[..., Team]) -> None:
    """
    Who waits in one worker is let in when somebody leaves another.
    """
    team = make(2)
    one, two = team.gates
    assert [one.take(), two.take(), one.take(), two.take()] == [True, True, False, False]
    visitor = Visitor()
    assert one.wait(visitor, False)
    two.leave()
    assert not visitor.inside
    team.look()
    assert visitor.inside
    assert (one.busy, two.busy) == (2, 0)
    assert team.looks == []


def test_the_queue_is_one_of_all(make: Callable[..., Team]) -> None:
    """
    So many of a rank wait, wherever they came, and nobody else.
    """
    team = make(1, 2)
    one, two = team.gates
    one.take()
    assert one.wait(Visitor(), False)
    assert two.wait(Visitor(), False)
    assert not one.wait(Visitor(), False)
    assert two.wait(Visitor(), True)
    assert team.refused() == 1


def test_who_is_there_all_the_time_leaves_others_their_turn(make: Callable[..., Team]) -> None:
    """
    With fewer places than workers a place that is left is for who waits elsewhere first, and one
    who comes here waits behind; then it is the other way round.
    """
    team = make(1)
    one, two = team.gates
    assert one.take()
    waiting, newcomer = Visitor(), Visitor()
    assert two.wait(waiting, False)
    one.leave()
    assert not one.take()
    assert one.wait(newcomer, False)
    team.look()
    assert (waiting.inside, newcomer.inside) == (True, False)
    two.leave()
    for _ in range(3):
        team.look()
    assert newcomer.inside


def test_who_rests_for_nobody_goes_on(make: Callable[..., Team]) -> None:
    """
    When whoever waited has gone, the place is had here again after two looks.
    """
    team = make(1)
    one, two = team.gates
    one.take()
    waiting = Visitor()
    two.wait(waiting, False)
    one.leave()
    two.line.discard(waiting)
    assert not one.take()
    for _ in range(3):
        team.look()
    assert one.take()
    assert team.looks == []


def test_an_open_gate_still_counts(make: Callable[..., Team]) -> None:
    """
    A limit that is gone in one worker already, and not yet in another, or is there again.
    """
    team = make(1)
    one, two = team.gates
    one.configure(opened(team.spec))
    assert one.take()
    assert one.take()
    assert not two.take()
    two.configure(GateSpec("test", 3, 5, 5.0))
    assert two.take()
    one.configure(team.spec)
    assert not one.take()


STEPS = st.lists(
    st.tuples(st.integers(0, WORKERS - 1), st.sampled_from("tlgk"), st.booleans()), max_size=60
)


def test_never_more_inside_than_allowed() -> None:
    """
    Whatever order they come, leave and give up in; and in the end nobody waits while there is room.
    """

    @given(st.booleans(), STEPS, st.integers(1, 4))
    def check(of_client: bool, steps: list[tuple[int, str, bool]], most: int) -> None:
        team.begin(most, 5, of_client)
        _go_through(team, steps)
        for _ in range(4):
            team.look()
        inside = sum(each.busy for each in team.gates)
        assert inside == most or not any(each.line.size for each in team.gates)

    team = Team(1)
    try:
        check()
    finally:
        team.close()


def _go_through(team: Team, steps: list[tuple[int, str, bool]]) -> None:
    lines: list[list[Visitor]] = [[], []]
    for number, what, high in steps:
        gate, line = team.gates[number], lines[number]
        if what == "t" and not gate.take():
            visitor = Visitor()
            if gate.wait(visitor, high):
                line.append(visitor)
        elif what == "l" and gate.busy:
            gate.leave()
        elif what == "g" and line:
            gate.line.discard(line.pop())
        elif what == "k":
            team.look()
        lines = [[each for each in line if not each.inside] for line in lines]
        assert sum(each.busy for each in team.gates) <= team.spec.most
        assert [len(each.line) for each in team.gates] == [len(line) for line in lines]


def test_the_busiest_client_is_known_to_all() -> None:
    """
    What the client has inside that has most, in all workers.
    """
    team = Team(5, of_client=True)
    try:
        one, two = team.gates
        assert one.take()
        assert two.take()
        assert [each.busiest() for each in team.crowds] == [2, 2]
    finally:
        team.close()
