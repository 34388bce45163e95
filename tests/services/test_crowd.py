"""
Loads of members in all workers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core import lbmethods, stickiness
from txbalancer.core.balancer import Balancer
from txbalancer.core.builtin import factories
from txbalancer.core.registry import Registry
from txbalancer.services.crowd import Crowd, crowded
from txbalancer.testing import make_balancer
from txbalancer.workers.table import Rows, Table, create_memory

NAMES = ("http://a", "http://b", "http://c")
REGISTRY = Registry(lbmethods=factories(lbmethods), sticky=factories(stickiness))


class Workers:
    """
    Two workers with the same balancer.
    """

    def __init__(self, memory: int, lbmethod: str) -> None:
        self.time, self.rows = 0.0, Rows()
        self.table = Table(memory)
        for name in NAMES:
            assert self.rows["busy", "shop", name]
        self.crowds: dict[int, Crowd] = {}
        self.balancers: list[Balancer] = []
        for number in (1, 2):
            self.table.use(number)
            registry = crowded(REGISTRY, ("bybusyness", "leastload"), self._crowd(number))
            self.balancers.append(make_balancer(*NAMES, registry=registry, lbmethod=lbmethod))

    def _crowd(self, number: int) -> Callable[[str], Crowd]:
        def make(balancer: str) -> Crowd:
            rows = self.rows.all()
            made = Crowd(self.table, number, rows, balancer, lambda: self.time)
            self.crowds[number] = made
            return made

        return make

    def elect(self, number: int) -> Any:
        """
        Elect in one of them, a moment later.
        """
        self.time += 0.01
        return self.balancers[number].elect(self.time)


@pytest.fixture
def memory() -> Iterator[int]:
    """
    Make the memory of a table.
    """
    made = create_memory()
    yield made
    os.close(made)


@given(st.lists(st.tuples(st.integers(0, 1), st.booleans()), max_size=60))
def test_the_least_busy_in_all_is_chosen(steps: list[tuple[int, bool]]) -> None:
    """
    Whoever elects and whatever ends, bybusyness chooses a member with which nobody has more to
    do in all workers than with any other.
    """
    memory = create_memory()
    try:
        workers = Workers(memory, "bybusyness")
        running: list[list[Any]] = [[], []]
        for number, begins in steps:
            if not begins and running[number]:
                workers.balancers[number].release(running[number].pop(0))
                continue
            busy = [
                sum(balancer.members[place].busy for balancer in workers.balancers)
                for place in range(3)
            ]
            member = workers.elect(number)
            assert busy[member.index] == min(busy)
            running[number].append(member)
    finally:
        os.close(memory)


def test_leastload_sees_others(memory: int) -> None:
    """
    leastload does not choose a member that others are busy with.
    """
    workers = Workers(memory, "leastload")
    first, second = workers.balancers
    workers.elect(0)
    first.members[0].busy = first.members[1].busy = 50
    workers.crowds[1].tell_all()
    chosen = []
    for _ in range(10):
        member = workers.elect(1)
        chosen.append(member.name)
        second.release(member)
    assert chosen.count("http://c") >= 5
    assert [each.others for each in second.members] == [50, 50, 0]


def test_others_are_looked_at_now_and_then(memory: int) -> None:
    """
    Within a millisecond there is one look at others, however many elections.
    """
    workers = Workers(memory, "bybusyness")
    first, second = workers.balancers
    workers.elect(1)
    first.members[0].busy = 7
    workers.table.column(1)[workers.rows["busy", "shop", "http://a"]] = 7
    assert second.elect(workers.time + 0.0001) is not None
    assert second.members[0].others == 0
    workers.elect(1)
    assert second.members[0].others == 7


def test_a_lost_worker_is_forgotten(memory: int) -> None:
    """
    Once its cells are settled, what a worker did counts no more.
    """
    workers = Workers(memory, "bybusyness")
    member = workers.elect(0)
    workers.elect(1)
    assert workers.balancers[1].members[member.index].others == 1
    workers.table.settle(1, workers.rows.all().values())
    workers.elect(1)
    assert workers.balancers[1].members[member.index].others == 0


def test_one_that_is_gone_counts_nowhere(memory: int) -> None:
    """
    What a worker had to do with a member that was removed is not left behind in the table, where
    the next one to have that row would be taken for busy.
    """
    workers = Workers(memory, "bybusyness")
    balancer = workers.balancers[0]
    member = workers.elect(0)
    row = workers.rows["busy", "shop", member.name]
    assert workers.table.each(row) == [0, 1, 0]
    balancer.install(each for each in balancer.members if each is not member)
    workers.elect(0)
    assert workers.table.each(row) == [0, 0, 0]


def test_without_rows(memory: int) -> None:
    """
    A member without a row, as in a full table, is ranked by what is known here.
    """
    workers = Workers(memory, "bybusyness")
    gone = ("busy", "shop", "http://a")
    workers.rows.reclaim(workers.rows.all().keys() - {gone}, lambda row: True)
    alone = crowded(REGISTRY, ("bybusyness",), workers._crowd(1))
    balancer = make_balancer(*NAMES, registry=alone, lbmethod="bybusyness")
    assert [balancer.elect(9.0).index for _ in range(3)] == [0, 1, 2]
