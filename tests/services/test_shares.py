"""
Limits of members and listeners that count all workers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.logger import capturedLogs, formatEvent

from txbalancer.services.shares import Shares, names_of
from txbalancer.testing import MemoryRig
from txbalancer.workers.table import Rows, Table, create_memory

TEXT = """
[txbalancer]
access-log = off
[listener:web]
endpoint = tcp:80
max-connections = MOST
[balancer:shop]
members =
    MEMBERS
[mount:/]
to = balancer://shop/
"""
MEMBERS = "http://10.0.0.1 max=1 acquire=2s maxqueue=2"
GET = b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Pair:
    """
    Two workers of one service.

    @ivar rigs: their data paths.
    """

    def __init__(self, memory: int, most: int = 10, members: str = MEMBERS) -> None:
        self.table, rows = Table(memory), Rows()
        text = TEXT.replace("MOST", str(most)).replace("MEMBERS", members)
        self.rigs = [MemoryRig(text) for _ in "12"]
        self.shares: list[Shares] = []
        for number, rig in enumerate(self.rigs, 1):
            self.table.use(number)
            made = Shares(rig.reactor, self.table, number, 2, self._asked(number))
            resources = rig.targets.resources()
            made.learn({name: rows[name] for name in names_of(resources, rig.spec.listeners)})
            listener = SimpleNamespace(spec=rig.spec.listeners[0], site=rig.site)
            made.apply(resources, [listener])
            made.apply(resources, [listener])
            self.shares.append(made)

    def _asked(self, number: int) -> Any:
        def ask(balancer: str, member: str) -> None:
            for other, rig in enumerate(self.rigs, 1):
                if other != number:
                    found = rig.targets.balancers[balancer].member(member)
                    rig.reactor.callLater(0, found.pool.give_way)

        return ask

    def advance(self, seconds: float = 0.05) -> None:
        """
        Let time pass for both.
        """
        for _ in range(int(seconds / 0.01)):
            for rig in self.rigs:
                rig.advance(0.01)


@pytest.fixture
def memory() -> Iterator[int]:
    """
    Make the memory of a table.
    """
    made = create_memory()
    yield made
    os.close(made)


def test_max_holds_for_all(memory: int) -> None:
    """
    Of one connection that a member may have, two workers never make two: the idle one of one
    worker is closed for the other, which then makes its own.
    """
    pair = Pair(memory)
    first, second = pair.rigs
    one, other = first.client(), second.client()
    one.send(GET)
    member = first.accept()
    other.send(GET)
    pair.advance()
    assert not second.openings()
    member.send(OK)
    pair.advance()
    assert one.taken().endswith(b"ok")
    assert member.lost
    there = second.accept()
    pair.advance()
    assert not first.openings()
    there.send(OK)
    assert other.taken().endswith(b"ok")


def test_who_waits_gets_the_next(memory: int) -> None:
    """
    A worker that always has more to do gives its only connection up for one that has none.
    """
    pair = Pair(memory)
    first, second = pair.rigs
    clients = [first.client() for _ in "12"]
    for each in clients:
        each.send(GET)
    member = first.accept()
    other = second.client()
    other.send(GET)
    pair.advance()
    member.send(OK)
    pair.advance()
    (opening,) = [*first.openings(), *second.openings()]
    opening.accept()
    taken = [each.taken() for each in (*clients, other)]
    assert taken.count(b"") == 2
    assert len(pair.rigs[1].openings()) == 0


def test_maxqueue_holds_for_all(memory: int) -> None:
    """
    Two wait for the one connection, one in each worker; a third is refused wherever it comes, and
    told how many wait in all.
    """
    pair = Pair(memory)
    first, second = pair.rigs
    clients = [rig.client() for rig in (first, first, second, second)]
    with capturedLogs() as events:
        for each in clients:
            each.send(GET)
    assert clients[3].taken().startswith(b"HTTP/1.1 503 ")
    assert "1 connections busy and 2 requests waiting" in "".join(
        map(str, map(formatEvent, events))
    )
    pair.advance(2.5)
    assert all(each.taken().startswith(b"HTTP/1.1 503 ") for each in clients[1:3])


def test_max_connections_holds_for_all(memory: int) -> None:
    """
    A connection over the limit of both waits, and is served when one of another worker ends.
    """
    pair = Pair(memory, most=2)
    first, second = pair.rigs
    clients = [first.client(), first.client(), second.client()]
    clients[2].send(GET)
    pair.advance()
    assert not second.openings()
    clients[0].end()
    pair.advance()
    second.accept().send(OK)
    assert clients[2].taken().endswith(b"ok")


def test_a_worker_that_is_lost_leaves_room(memory: int) -> None:
    """
    When its cells are settled, others take what it had.
    """
    pair = Pair(memory)
    first, second = pair.rigs
    one, other = first.client(), second.client()
    one.send(GET)
    first.accept()
    other.send(GET)
    pair.advance()
    assert not second.openings()
    pair.table.settle(1, pair.shares[0].rows.values())
    pair.advance()
    assert second.openings()


def test_nobody_is_looked_after_for_nothing(memory: int) -> None:
    """
    Where nobody waits, nothing runs.
    """
    pair = Pair(memory)
    for rig in pair.rigs:
        client = rig.client()
        client.send(GET)
    first, second = pair.rigs
    first.accept().send(OK)
    pair.advance()
    second.accept().send(OK)
    pair.advance()
    calls = [call for rig in pair.rigs for call in rig.reactor.getDelayedCalls()]
    assert not [call for call in calls if "Shares" in repr(call.func)]
    for each in pair.shares:
        each.stop()


def test_who_needs_no_particular_member_goes_where_another_worker_left_room(memory: int) -> None:
    """
    A request that waits for one full member gets another one as soon as the worker that had all
    of that one's connections has room there.
    """
    pair = Pair(memory, members=f"{MEMBERS}\n    http://10.0.0.2 max=1")
    first, second = pair.rigs
    for _ in "12":
        first.client().send(GET)
    (_, last) = [(each, each.accept()) for each in first.openings()]
    waiting = second.client()
    waiting.send(GET)
    pair.advance()
    assert last[0].address[0] == "10.0.0.2"
    assert not second.openings()
    last[1].send(OK.replace(b"Content", b"Connection: close\r\nContent"))
    pair.advance()
    (opening,) = second.openings()
    assert opening.address[0] == "10.0.0.2"
    opening.accept().send(OK)
    assert waiting.taken().endswith(b"ok")


def test_maxrequests_of_http_2_is_divided(memory: int) -> None:
    """
    Of the requests that a member of HTTP/2 may have in progress each worker has an even part,
    also after a reload.
    """
    pair = Pair(memory, members="h2c://10.0.0.1 maxrequests=3")
    for rig in pair.rigs:
        (member,) = rig.balancer().members
        assert [member.pool._part(member.spec), member.pool._most_streams] == [2, 2]
        member.pool.configure(member.spec)
        assert member.pool._most_streams == 2


def test_maxrequests_of_http_1_holds_for_all(memory: int) -> None:
    """
    A connection is for one request at a time, so that it is the same as C{max}.
    """
    pair = Pair(memory, members="http://10.0.0.1 maxrequests=1 acquire=2s")
    first, second = pair.rigs
    first.client().send(GET)
    first.accept()
    second.client().send(GET)
    pair.advance()
    assert not second.openings()
