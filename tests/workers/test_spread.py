"""
Who should have a connection.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.workers.spread import FULL, ROOM, Spread, receiver, relief
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


def test_who_is_full_passes_on_to_who_has_room(table: Table) -> None:
    """
    What is new goes to a worker with room though it has more connections, up to twice as many;
    one that is full is passed nothing. Where all are as busy connections are counted.
    """
    workers = {number: Spread(table, number) for number in (1, 2, 3)}
    for number, each in workers.items():
        each.serve(1)
        for _ in range((0, 10, 15, 30)[number]):
            each.began()
    one, two, three = workers.values()
    assert (one.receiver(), two.receiver(), three.receiver()) == (0, 1, 1)
    one.load(FULL)
    assert (one.receiver(), two.receiver(), three.receiver()) == (2, 0, 2)
    one.serve(2)
    assert one.receiver() == 0
    one.serve(1)
    for _ in range(4):
        one.sent(2)
    assert one.receiver() == 2
    two.began()
    assert one.receiver() == 0
    two.load(ROOM + 1)
    three.load(ROOM + 1)
    assert one.receiver() == 0
    for each in workers.values():
        each.load(1000)
    assert (one.receiver(), two.receiver(), three.receiver()) == (0, 1, 1)


@given(
    st.lists(st.sampled_from([1, 20]), min_size=64, max_size=64),
    st.lists(st.integers(1, 4), min_size=64, max_size=64),
)
def test_busy_ones_are_eased(weights: list[int], hashes: list[int]) -> None:
    """
    However unequal connections are, no worker that has room has less than half of the connections
    of any that is full while new ones come.
    """
    opens, loads, busy = [0] * 5, [0] * 5, [0] * 5
    editions = [0, 1, 1, 1, 1]
    for weight, here in zip(weights, hashes, strict=True):
        to = relief(here, editions, opens, loads, nothing) if loads[here] >= FULL else here
        if to != here:
            assert loads[to] <= ROOM
            assert opens[to] < 2 * opens[here]
        elif loads[here] >= FULL:
            room = [each for each in range(1, 5) if loads[each] <= ROOM]
            assert all(opens[each] >= 2 * opens[here] for each in room)
        opens[to] += 1
        busy[to] += weight
        loads[to] = min(1000, busy[to] * 10)


def test_new_ones_even_it_out_after_a_loss() -> None:
    """
    Where all connections are with one worker, since the others were lost, those with none get the
    new ones until they have as many.
    """
    opens = [0, 64, 0, 0]
    for number in range(100):
        give(opens, number % 3 + 1)
    assert opens[1] == 64
    for number in range(28):
        give(opens, number % 3 + 1)
    assert max(opens) - min(opens[1:]) <= 1 + max(opens) // 16


def test_half_idle_ones() -> None:
    """
    Of 64 connections of which half are idle, in whatever order they come, each of two workers has
    half of the busy ones, give or take what chance does.
    """
    random, ratios = Random(7), []
    for _ in range(400):
        kinds = [True, False] * 32
        random.shuffle(kinds)
        opens, busy = [0, 0, 0], [0, 0, 0]
        for kind in kinds:
            to = give(opens, random.randint(1, 2))
            busy[to] += kind
        ratios.append(max(busy[1:]) / min(busy[1:]))
    ratios.sort()
    assert ratios[200] <= 1.2
    assert ratios[380] <= 1.7


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
