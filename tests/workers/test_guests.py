"""
What clients have in all workers together.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.workers.clients import SharedClients
from txbalancer.workers.guests import Guest, Guests
from txbalancer.workers.table import Table, create_memory

WORKERS = 3


class Team:
    """
    Some workers, and what they know of clients.
    """

    def __init__(self) -> None:
        self.memory = create_memory()
        self.table = Table(self.memory)
        self.table.workers = WORKERS
        self.guests = []
        for number in range(1, WORKERS + 1):
            self.table.use(number)
            self.guests.append(Guests(self.table, number))

    def of(self, client: str, limit: str = "web") -> list[Guest]:
        """
        Return what each worker counts of a client.
        """
        return [each.guest(limit, client) for each in self.guests]


@pytest.fixture
def team() -> Iterator[Team]:
    """
    Make a team.
    """
    made = Team()
    yield made
    os.close(made.memory)


def test_one_has_so_many_wherever_it_comes(team: Team) -> None:
    """
    The limit is one of all workers, and each client has its own; so has each limit.
    """
    one, two, three = team.of("a")
    assert [each.take(2) for each in (one, two, three, one)] == [True, True, False, False]
    assert one.total() == three.total() == 2
    assert team.of("b")[2].take(2)
    assert team.of("a", "other")[2].take(2)
    one.give()
    assert three.take(2)
    assert three.total() == 2


def test_whoever_is_gone_takes_no_memory(team: Team) -> None:
    """
    A client without anything has no cell in any worker.
    """
    each = team.of("a")
    for guest in each:
        assert guest.take(9)
        assert guest.may_wait(9, True)
    for guest in each:
        guest.waits(0)
        guest.give()
    table = team.table.guests(1)
    half = len(table) // 2
    assert not any(table[:half].tolist())


def test_a_lost_worker_leaves_no_guests(team: Team) -> None:
    """
    What a worker had counted when it was killed is forgotten once its column is settled.
    """
    one, two, _ = team.of("a")
    assert one.take(1)
    assert not two.take(1)
    team.table.settle(1, ())
    assert two.take(1)


def test_who_has_less_goes_first(team: Team) -> None:
    """
    While one waits in a worker where it has less than an even part, another gives no more.
    """
    one, two, _ = team.of("a")
    assert all(one.take(6) for _ in range(6))
    assert two.may_wait(5)
    one.give()
    assert not one.take(6)
    assert two.take(6)
    two.waits(0)
    one.give()
    assert one.take(6)


def test_lines_are_counted_together(team: Team) -> None:
    """
    So many of each rank may wait in all, the higher one apart from the others.
    """
    one, two, three = team.of("a")
    assert one.may_wait(2)
    assert two.may_wait(2, True)
    assert three.may_wait(2)
    assert not one.may_wait(2)
    assert one.may_wait(2, True)
    assert not three.may_wait(2, True)
    one.waits(0)
    assert three.may_wait(2)


def test_only_few_and_others_wait(team: Team) -> None:
    """
    Where there are fewer than workers, those inside learn that somebody waits elsewhere.
    """
    one, two, _ = team.of("a")
    assert one.take(2)
    assert not one.is_scarce(2)
    two.may_wait(1)
    assert one.is_scarce(2)
    assert not one.is_scarce(3)
    assert not one.is_scarce(0)


def test_more_than_there_is_room_for_are_counted_at_home(team: Team) -> None:
    """
    Of clients whose keys want the same cells nine in one worker are too many: the last one is
    counted there, and nowhere else.
    """
    one, two, _ = team.guests
    few = [Guest(one, number << 40) for number in range(1, 10)]
    assert all(each.take(1) for each in few)
    elsewhere = [Guest(two, number << 40).total() for number in range(1, 10)]
    assert elsewhere == [1] * 8 + [0]
    assert not few[-1].take(1)
    for each in few:
        each.give()


STEPS = st.lists(
    st.tuples(st.integers(0, WORKERS - 1), st.sampled_from("ab"), st.booleans()), max_size=40
)


def test_never_more_than_allowed() -> None:
    """
    However clients come and go in all workers, none ever has more than it may, and all know how
    many these are.
    """
    team = Team()

    @given(STEPS, st.integers(1, 4))
    def check(steps: list[tuple[int, str, bool]], most: int) -> None:
        guests = {client: team.of(client) for client in "ab"}
        for number, client, comes in steps:
            guest = guests[client][number]
            if comes:
                before = guest.total()
                assert guest.take(most) is (before < most)
            elif guest.count:
                guest.give()
            counts = [each.count for each in guests[client]]
            assert sum(counts) <= most
            assert {each.total() for each in guests[client]} == {sum(counts)}
        for each in (*guests["a"], *guests["b"]):
            while each.count:
                each.give()

    try:
        check()
    finally:
        os.close(team.memory)


def test_connections_of_clients(team: Team) -> None:
    """
    Addresses of one network are one client in all workers; the one with most is found.
    """
    one, two, _ = (SharedClients(each, "web", ()) for each in team.guests)
    one.opened("2001:db8::1")
    two.opened("2001:db8::2")
    two.opened("192.0.2.1")
    assert one.count("2001:db8::3") == two.count("2001:db8::1") == 2
    assert one.count("192.0.2.1") == 1
    assert one.count("192.0.2.2") == 0
    assert [one.most(), two.most(), len(two)] == [2, 2, 2]
    two.closed("2001:db8::2")
    assert one.count("2001:db8::1") == 1
    again = SharedClients(team.guests[2], "web", ["192.0.2.1", "192.0.2.1"])
    assert one.count("192.0.2.1") == 3
    again.end()
    assert one.count("192.0.2.1") == 1
