"""
Who should have a connection.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.workers.spread import Spread, receiver
from txbalancer.workers.table import OPEN, SENT, TAKEN, Table, create_memory


@pytest.fixture
def table() -> Iterator[Table]:
    """
    Make a table for three workers.
    """
    memory = create_memory()
    made = Table(memory)
    made.use(3)
    yield made
    os.close(memory)


def nothing(number: int) -> int:
    """
    Nobody has a connection on the way.
    """
    return 0


def give(opens: list[int], here: int) -> int:
    """
    Let a worker accept a connection where all serve by one edition, and return who has it.
    """
    to = receiver(here, [0] + [1] * (len(opens) - 1), opens, nothing)
    opens[to] += 1
    return to


@given(st.integers(2, 8), st.lists(st.integers(0, 7), min_size=1, max_size=300))
def test_the_spread_is_bounded(workers: int, hashes: list[int]) -> None:
    """
    Wherever the kernel puts connections, nobody has more than one and a sixteenth more than
    anybody else.
    """
    opens = [0] * (workers + 1)
    for each in hashes:
        give(opens, each % workers + 1)
    assert sum(opens) == len(hashes)
    most, least = max(opens[1:]), min(opens[1:])
    assert most - least <= 1 + most // 16


@pytest.mark.parametrize("workers", [2, 4])
def test_sixty_four_are_within_a_fifth(workers: int) -> None:
    """
    Sixty-four connections, all of which the kernel gives to one worker, are spread.
    """
    opens = [0] * (workers + 1)
    for _ in range(64):
        give(opens, 1)
    assert max(opens[1:]) <= 1.2 * min(opens[1:])


@given(
    st.lists(st.integers(0, 2), min_size=3, max_size=6),
    st.lists(st.integers(0, 40), min_size=6, max_size=6),
    st.integers(1, 5),
)
def test_only_who_serves_the_same(editions: list[int], opens: list[int], here: int) -> None:
    """
    A connection goes to nobody who serves by another configuration, nor to the supervisor; who
    serves by none keeps it.
    """
    editions, here = [0, *editions], min(here, len(editions))
    to = receiver(here, editions, opens[: len(editions)], nothing)
    assert to != 0
    assert editions[to] == editions[here]
    if not editions[here]:
        assert to == here


@given(st.lists(st.sampled_from(["1", "2", "3", "deliver", "end"]), max_size=200))
def test_those_on_their_way_count(steps: list[str]) -> None:
    """
    However late passed connections arrive, the spread is bounded once they do, as long as none
    ended; none is lost and none is counted twice.
    """
    memory = create_memory()
    try:
        shared = Table(memory)
        shared.use(3)
        workers = {number: Spread(shared, number) for number in (1, 2, 3)}
        for each in workers.values():
            each.serve(1)
        way: list[int] = []
        begun = ended = 0

        def deliver() -> None:
            to = way.pop(0)
            workers[to].taken()
            workers[to].began()

        for step in steps:
            if step == "deliver" and way:
                deliver()
            elif step == "end" and shared.column(1)[OPEN]:
                workers[1].ended()
                ended += 1
            elif step.isdigit():
                begun += 1
                here = workers[int(step)]
                to = here.receiver()
                if to:
                    here.sent(to)
                    way.append(to)
                else:
                    here.began()
        while way:
            deliver()
        opens = shared.each(OPEN)[1:]
        assert sum(opens) == begun - ended
        assert all(shared.coming(number) == 0 for number in workers)
        if not ended:
            assert max(opens) - min(opens) <= 1 + max(opens) // 16
    finally:
        os.close(memory)


def test_what_was_not_sent_is_taken_back(table: Table) -> None:
    """
    A connection that its receiver had no room for is not on its way.
    """
    spread = Spread(table, 1)
    spread.sent(2)
    assert table.coming(2) == 1
    spread.not_sent(2)
    assert table.coming(2) == 0
    assert table.column(1)[SENT + 2] == table.column(2)[TAKEN] == 0


def test_even_ones_are_not_looked_at(table: Table) -> None:
    """
    Where connections are even, nobody asks what is on its way to whom.
    """
    asked = []

    def coming(number: int) -> int:
        asked.append(number)
        return 0

    assert receiver(1, [0, 1, 1, 1], [0, 5, 5, 5], coming) == 1
    assert asked == [1]
