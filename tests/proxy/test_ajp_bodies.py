"""
Bodies of requests to AJP members: they go as containers ask for them.
"""

from __future__ import annotations

from tests.ajp.container import (
    OK,
    ask,
    asked,
    body,
    end,
    head,
    packets,
    piece,
)
from tests.proxy.packets import BODY, ajp_rig, request_of
from tests.proxy.rigs import CHUNKED, POST, begin, check_rest, status_of


def test_a_body_of_known_length() -> None:
    """
    The first piece goes unasked, each further one when asked for, at last an empty one.
    """
    rig = ajp_rig()
    client, member = begin(rig, POST.replace(b": 10", b": 20000") + bytes(9000))
    first, piece1 = packets(member.taken())
    assert dict(asked(first).headers)[b"content-length"] == b"20000"
    assert body(piece1) == bytes(8186)
    member.send(ask())
    assert [len(body(each)) for each in packets(member.taken())] == [9000 - 8186]
    member.send(ask(100))
    assert member.taken() == b""
    client.send(bytes(11000))
    assert [len(body(each)) for each in packets(member.taken())] == [100]
    sent = 9100
    while sent < 20000:
        member.send(ask())
        (found,) = packets(member.taken())
        sent += len(body(found))
    assert sent == 20000
    member.send(ask())
    assert [body(each) for each in packets(member.taken())] == [b""]
    member.send(OK)
    assert status_of(client.taken()) == 200
    assert rig.outcomes[0].bytes_in == 20000
    check_rest(rig)


def test_a_chunked_body() -> None:
    """
    Nothing goes unasked: the container is told that there is a body, and asks.
    """
    rig = ajp_rig()
    client, member = begin(rig, CHUNKED + b"5\r\nhello\r\n")
    assert (b"Transfer-Encoding", b"chunked") in request_of(member).headers
    member.send(ask())
    assert [body(each) for each in packets(member.taken())] == [b"hello"]
    member.send(ask())
    assert member.taken() == b""
    client.send(b"0\r\n\r\n")
    assert [body(each) for each in packets(member.taken())] == [b""]
    member.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_a_container_that_does_not_ask_stops_the_client() -> None:
    """
    No more than a bound is held; the client goes on when the container has asked enough.
    """
    rig = ajp_rig()
    client, member = begin(rig, POST.replace(b": 10", b": 1000000"))
    sent = 0
    while client.reading:
        client.send(bytes(10000))
        sent += 10000
    assert 65536 <= sent <= 65536 + 30000
    taken = member.taken()
    assert len(taken) < 9000
    while not client.reading:
        member.send(ask())
        assert len(member.taken()) == 8186 + 6
    assert rig.outcomes == []
    client.reset()
    assert member.ended == "aborted"
    check_rest(rig)


def test_a_slow_client_is_not_the_members_fault() -> None:
    """
    While the member waits for the client, its silence does not count.
    """
    rig = ajp_rig(member="timeout=5")
    client, member = begin(rig, CHUNKED)
    member.send(ask())
    rig.advance(7)
    client.send(b"5\r\nhello\r\n0\r\n\r\n")
    member.send(OK)
    assert status_of(client.taken()) == 200


def test_a_container_that_asks_while_the_client_does_not_read() -> None:
    """
    It gets the body; its silence does not count meanwhile.
    """
    rig = ajp_rig(member="timeout=5")
    client, member = begin(rig, CHUNKED + b"5\r\nhello\r\n")
    client.room = 100
    member.taken()
    member.send(head() + b"".join([piece(bytes(8000))] * 12) + ask())
    assert not member.reading
    assert [body(each) for each in packets(member.taken())] == [b"hello"]
    rig.advance(7)
    assert rig.outcomes == []
    client.take()
    client.send(b"0\r\n\r\n")
    member.send(ask() + end())
    assert rig.outcomes[0].reason == "ok"


def test_a_container_that_asks_for_more_than_there_is() -> None:
    """
    It is told so, a few times; that is no answer, and gives it no more time.
    """
    rig = ajp_rig(member="timeout=5")
    client, member = begin(rig, POST + BODY)
    member.taken()
    for _ in range(2):
        member.send(ask())
        rig.advance(2)
    assert [body(each) for each in packets(member.taken())] == [b"", b""]
    member.send(ask())
    rig.advance(3.5)
    assert status_of(client.taken()) == 504
    rig = ajp_rig()
    client, member = begin(rig)
    member.send(ask() * 16)
    assert len(packets(member.taken())) == 17
    member.send(ask())
    assert (status_of(client.taken()), member.ended) == (502, "aborted")
    rig = ajp_rig()
    client, member = begin(rig, POST + BODY)
    member.send(head() + piece(b"ab"))
    member.send(ask() * 17)
    assert (rig.outcomes[0].reason, client.ended) == ("bad-response", "aborted")
    check_rest(rig)


def test_a_container_that_asks_and_does_not_read() -> None:
    """
    What it asks for waits in bounds, and so does the client.
    """
    rig = ajp_rig(member="timeout=5")
    client, member = begin(rig, POST.replace(b": 10", b": 10000000"))
    member.taken()
    member.room = 0
    sent = 0
    for _ in range(100):
        member.send(ask())
        if client.reading:
            client.send(bytes(10000))
            sent += 10000
    assert not client.reading
    assert sent < 200_000
    member.take()
    member.send(ask() * 20)
    assert client.reading
    client.reset()
    check_rest(rig)
