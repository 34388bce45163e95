"""
Listening sockets that the supervisor opens for its workers.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet import reactor
from twisted.logger import capturedLogs, formatEvent

from tests.peers import free_port
from txbalancer.core.specs import ListenerSpec
from txbalancer.errors import StartError
from txbalancer.services.outside import Outside

pytestmark = pytest.mark.integration


@pytest.fixture
def outside() -> Iterator[Outside]:
    """
    Make one.
    """
    made = Outside(reactor)
    yield made
    made.close()


def listener(*endpoints: str, name: str = "web") -> ListenerSpec:
    """
    Describe a listener.
    """
    return ListenerSpec(name, endpoint=endpoints)


def can_connect(port: int) -> bool:
    """
    Tell whether somebody listens.
    """
    try:
        socket.create_connection(("127.0.0.1", port), 5.0).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_socket_for_each(outside: Outside) -> None:
    """
    Every worker has a socket of its own on the same port, and nobody can connect before all that
    was prepared is published.
    """
    port = free_port()
    outside.prepare([listener(f"tcp:{port}:interface=127.0.0.1")], 3)
    assert not can_connect(port)
    assert outside.publish() == []
    assert can_connect(port)
    (held,) = outside
    found = [held.of(number, 3) for number in (1, 2, 3)]
    assert [[each[0] for each in of] for of in found] == [[0], [1], [2]]
    assert len({of[0][2] for of in found}) == 3


def test_where_clients_may_come_is_told_once(outside: Outside) -> None:
    """
    The log names each endpoint and its port when it opens, and not again at a reload.
    """
    first, second = listener("tcp:0:interface=127.0.0.1"), listener("udp:0", name="dns")
    with capturedLogs() as logged:
        for spec in ([first], [first], [first, second]):
            outside.prepare(spec, 2)
            outside.publish()
            outside.tell()
    ports = [socket.socket(fileno=os.dup(held.numbers[0])) for held in outside]
    found = [each.getsockname()[1] for each in ports]
    for each in ports:
        each.close()
    assert [formatEvent(event) for event in logged] == [
        f"endpoint tcp:0:interface=127.0.0.1 starting on {found[0]}",
        f"endpoint udp:0 starting on {found[1]}",
    ]


def test_fewer_workers_have_several(outside: Outside) -> None:
    """
    With fewer workers no socket is closed, for whoever waits there would be refused; with more
    again each has one.
    """
    spec = [listener("tcp:0:interface=127.0.0.1")]
    for count, indices in ((3, [[0], [1], [2]]), (2, [[0, 2], [1]]), (4, [[0], [1], [2], [3]])):
        outside.prepare(spec, count)
        assert outside.publish() == []
        (held,) = outside
        found = [[each[0] for each in held.of(number + 1, count)] for number in range(count)]
        assert found == indices


def test_what_is_refused_leaves_nothing(outside: Outside) -> None:
    """
    When one endpoint cannot be had, the others are as they were, and their further sockets, to
    which the system would have sent clients, are closed.
    """
    port, other = free_port(), free_port()
    first = listener(f"tcp:{port}:interface=127.0.0.1")
    outside.prepare([first], 1)
    outside.publish()
    with socket.create_server(("127.0.0.1", other)):
        with pytest.raises(StartError, match=f"Address already in use.*tcp:{other}"):
            outside.prepare([first, listener(f"tcp:{other}:interface=127.0.0.1", name="b")], 3)
        outside.abandon()
    (held,) = outside
    assert [held.of(number, 3) for number in (2, 3)] == [[], []]
    assert can_connect(port)
    assert not can_connect(other)


def test_what_is_not_used_any_more(outside: Outside) -> None:
    """
    An endpoint that a configuration leaves out is returned, still open, to be closed later.
    """
    one, two = free_port(), free_port()
    endpoints = [f"tcp:{each}:interface=127.0.0.1" for each in (one, two)]
    outside.prepare([listener(*endpoints)], 2)
    outside.publish()
    outside.prepare([listener(endpoints[1])], 2)
    (unused,) = outside.publish()
    assert can_connect(one)
    unused.close()
    assert not can_connect(one)
    assert can_connect(two)


def test_one_socket_for_all(outside: Outside, tmp_path: Path) -> None:
    """
    Where the system cannot divide clients, all have the same socket.
    """
    outside.prepare([listener(f"unix:{tmp_path}/socket")], 3)
    outside.publish()
    (held,) = outside
    found = [held.of(number, 3) for number in (1, 2, 3)]
    assert found[0] == found[1] == found[2]
    assert found[0][0][1] == socket.AF_UNIX


def test_datagrams(outside: Outside) -> None:
    """
    Endpoints of datagrams have a socket for each worker, too.
    """
    outside.prepare([listener("udp:0:interface=127.0.0.1")], 2)
    outside.publish()
    (held,) = outside
    assert len({held.of(number, 2)[0][2] for number in (1, 2)}) == 2


def test_free_ports_are_different(outside: Outside) -> None:
    """
    Two listeners on any free port have each one of their own.
    """
    spec = [listener("tcp:0:interface=127.0.0.1", name=each) for each in ("a", "b")]
    outside.prepare(spec, 2)
    outside.publish()
    keys = [held.key for held in outside]
    assert len(set(keys)) == 2
