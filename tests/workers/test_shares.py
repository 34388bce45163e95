"""
Limits that hold for all workers together.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core import lines
from txbalancer.workers.shares import Line, Share
from txbalancer.workers.table import NAMED, Table, create_memory

WORKERS = 3


def make_shares() -> tuple[int, list[Share]]:
    """
    Return the file of a table and each worker's part of one limit.
    """
    memory = create_memory()
    table = Table(memory)
    table.workers = WORKERS
    for number in range(1, WORKERS + 1):
        table.use(number)
    rows = NAMED, NAMED + 1
    return memory, [Share(table, number + 1, *rows) for number in range(WORKERS)]


@pytest.fixture
def shares() -> Iterator[list[Share]]:
    """
    Make parts of one limit.
    """
    memory, made = make_shares()
    yield made
    os.close(memory)


@given(
    st.integers(1, 7),
    st.lists(
        st.tuples(st.sampled_from(["take", "give", "wait"]), st.integers(0, WORKERS - 1)),
        max_size=60,
    ),
)
def test_never_more_and_nobody_starves(most: int, steps: list[tuple[str, int]]) -> None:
    """
    There are never more than there may be; and whoever waits without any gets one, once those
    who have more than an even part give way.
    """
    memory, shares = make_shares()
    try:
        has, waits = [0] * WORKERS, [0] * WORKERS
        for action, number in steps:
            if action == "take":
                has[number] += shares[number].take(most)
            elif action == "give" and has[number]:
                shares[number].give()
                has[number] -= 1
            elif action == "wait":
                waits[number] = 1 - waits[number]
                shares[number].waits(waits[number])
            assert sum(has) <= most
        for number in range(WORKERS):
            shares[number].waits(1)
        # One at a time changes hands, and others may be there first.
        for _ in range(most + 1):
            for number in range(WORKERS):
                has[number] += shares[number].take(most)
                if has[number] and shares[number].yields(most, True):
                    shares[number].give()
                    has[number] -= 1
        assert sum(has) <= most
        if most >= WORKERS:
            assert all(has)
    finally:
        os.close(memory)


def test_one_for_all_goes_round(shares: list[Share]) -> None:
    """
    Of what there is but one, whoever has it gives it up for those who wait.
    """
    one, two, _ = shares
    assert one.take(1)
    assert not two.take(1)
    assert not one.yields(1, True)
    two.waits(1)
    assert one.yields(1, True)
    one.give()
    one.waits(1)
    assert two.take(1)
    two.waits(0)
    assert two.yields(1, False)


def test_what_nobody_uses_is_given_back(shares: list[Share]) -> None:
    """
    An idle one is given back as soon as another waits, and not where there is room for that;
    one that is wanted here is not, unless it is more than an even part.
    """
    one, two, three = shares
    assert one.take(3)
    assert two.take(3)
    assert three.take(3)
    assert not one.yields(3, False)
    two.waits(1)
    assert one.yields(3, False)
    assert not one.yields(3, True)
    assert not one.yields(4, False)
    assert not two.yields(3, True)


def test_without_a_limit(shares: list[Share]) -> None:
    """
    What has no limit is counted all the same, for one that comes later.
    """
    one, two, _ = shares
    assert all(one.take(limit) for limit in (None, 0))
    assert not two.take(2)
    one.give()
    assert two.take(2)


def test_those_who_wait_are_counted_in_all(shares: list[Share]) -> None:
    """
    No more wait than may in all, and whoever begins to wait is noticed.
    """
    one, two, _ = shares
    seen: list[int] = []
    one.on_wait = lambda: seen.append(1)
    line = Line(one, lines.Line())
    for item in "ab":
        assert one.may_wait(2)
        line.add(item)
    assert not two.may_wait(2)
    assert seen == [1, 1]
    assert line.take() == "a"
    assert two.may_wait(2)
    two.waits(0)
    assert line.discard("b")
    assert not line.discard("b")
    assert two.may_wait(1)
    assert not one.may_wait(1)


def test_who_waited_before_is_counted(shares: list[Share]) -> None:
    """
    A line that is shared from now on keeps those who are in it, in their order.
    """
    one, two, _ = shares
    before: lines.Line[str] = lines.Line()
    before.add("b")
    before.add("a", high=True)
    line = Line(one, before)
    assert not two.may_wait(1)
    assert [line.take(), line.take()] == ["a", "b"]
    assert two.may_wait(1)


def test_ranks_have_lengths_of_their_own() -> None:
    """
    Over all workers, too, a line that is full of others takes high ones, and the other way round.
    """
    memory = create_memory()
    try:
        table = Table(memory)
        table.workers = 2
        for number in (1, 2):
            table.use(number)
        one, two = [Share(table, each, NAMED, NAMED + 1, NAMED + 2) for each in (1, 2)]
        mine, other = Line(one, lines.Line()), Line(two, lines.Line())
        assert one.may_wait(1)
        mine.add("a")
        assert not two.may_wait(1)
        assert two.may_wait(1, True)
        other.add("b", True)
        assert not one.may_wait(1, True)
        assert not one.may_wait(1)
        assert mine.take() == "a"
        assert two.may_wait(1)
        other.add("c")
        assert not one.may_wait(1)
        assert other.take() == "b"
        assert one.may_wait(1, True)
    finally:
        os.close(memory)


def test_room_and_parts(shares: list[Share]) -> None:
    """
    Whether there is room is told without taking it, and like L{Share.take} does; a part is even,
    and of no limit none.
    """
    one, two, _ = shares
    assert one.has_room(0)
    assert one.has_room(1)
    assert one.take(1)
    assert not one.has_room(1)
    assert not two.has_room(1)
    assert one.has_room(2)
    two.waits(1)
    assert not one.has_room(2)
    assert two.has_room(2)
    assert [one.part(each) for each in (0, 1, 3, 4)] == [0, 1, 1, 2]


def test_a_former_one_of_the_same_name(shares: list[Share]) -> None:
    """
    A member that is removed and comes back does not forget what is still open of its first life.
    """
    one, two, _ = shares
    assert one.take(2)
    one.begin(0)
    assert one.take(2)
    assert not two.take(2)


def test_rows_are_the_tables(shares: list[Any]) -> None:
    """
    Once a lost worker's cells are settled, others have the room that it had.
    """
    one, two, _ = shares
    assert one.take(1)
    two._table.settle(1, [NAMED, NAMED + 1])
    assert two.take(1)
