"""
Clients that end their side, and what still comes after the end.
"""

from __future__ import annotations

import pytest

from tests.proxy.rigs import (
    GET,
    OK,
    POST,
    PUT,
    SWITCH,
    UPGRADE,
    begin,
    body_of,
    check_rest,
    make_rig,
    status_of,
)

pytestmark = pytest.mark.usefixtures("ends")

LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000


def test_a_pipelined_body_after_the_end_is_not_read_for_nobody() -> None:
    """
    A second request that is refused at once, on a half-closed connection, harms nobody:
    its body is not read, and the member's connection stays in use.
    """
    rig = make_rig(1, mount="max-body = 10")
    client, member = begin(rig, GET + POST.replace(b": 10", b": 99999") + b"begun")
    client.end()
    member.send(OK)
    assert client.taken().count(b"HTTP/1.1 413 ") == 1
    assert client.ended == "closed"
    assert not member.ended
    check_rest(rig)


def test_a_pipelined_request_that_the_end_cut_short_is_dropped() -> None:
    """
    A second request without all of its body, on a half-closed connection, does not wait
    for what cannot come.
    """
    rig = make_rig(1)
    client, member = begin(rig, GET + PUT + b"begun")
    client.end()
    member.send(OK)
    assert body_of(client.taken()) == b"ok"
    assert client.ended == "closed"
    assert [each.reason for each in rig.outcomes] == ["ok", "client-gone"]
    check_rest(rig)


def test_the_end_while_an_answer_is_unread_drops_no_request() -> None:
    """
    A client that reads slowly may end its side: what it asked before is answered.
    """
    rig = make_rig(1)
    client, member = begin(rig, GET + GET)
    client.room = 10
    member.send(LARGE)
    client.end()
    client.take()
    member.send(OK)
    assert client.taken().endswith(b"ok")
    assert client.ended == "closed"
    check_rest(rig)


def test_the_end_while_the_last_answer_is_unread() -> None:
    """
    A client that ends its side before it has read the last answer gets it, and is closed.
    """
    rig = make_rig(1)
    client, member = begin(rig)
    client.room = 10
    member.send(LARGE)
    client.end()
    client.take()
    assert len(body_of(client.taken())) == 100_000
    assert client.ended == "closed"
    check_rest(rig)


def test_what_comes_after_the_close_is_no_request() -> None:
    """
    Under TLS bytes may arrive after the connection was closed here: no member sees them.
    """
    rig = make_rig(1)
    client, member = begin(rig, GET.replace(b"/1.1", b"/1.0"))
    (channel,) = rig.site.channels
    client.room = 10
    member.send(OK)
    assert client.ended == "closed"
    member.taken()
    channel.dataReceived(POST + b"0123456789")
    assert member.taken() == b""
    client.take()
    check_rest(rig)


def test_a_change_of_protocols_before_the_body_is_complete() -> None:
    """
    A 101 before the end of the request: the rest of the body goes on framed, what is
    behind it raw, and the member's C{timeout} does not end the tunnel.
    """
    rig = make_rig(1, member="timeout=5 tunneltimeout=60")
    length = b"\r\nContent-Length: 10\r\n\r\n"
    client, member = begin(rig, UPGRADE.replace(b"\r\n\r\n", length) + b"01234")
    member.send(SWITCH)
    assert status_of(client.taken()) == 101
    member.taken()
    client.send(b"56789raw")
    assert member.taken() == b"56789raw"
    rig.advance(30)
    client.send(b"more")
    assert member.taken() == b"more"
    rig.advance(61)
    assert client.ended == member.ended == "closed"
    check_rest(rig)
