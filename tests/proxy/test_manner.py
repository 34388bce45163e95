"""
Mounts that ask members in HTTP/1.0, or with a connection of its own for each request.
"""

from __future__ import annotations

import pytest

from tests.proxy.rigs import (
    CHUNKED,
    GET,
    OK,
    POST,
    UPGRADE,
    begin,
    body_of,
    check_rest,
    make_rig,
    status_of,
)

CLOSED = "nokeepalive = on"
OLD = "http10 = on"
EXPECTS = POST.replace(b"Content", b"Expect: 100-continue\r\nContent")


@pytest.mark.parametrize(
    ("option", "line", "connection"),
    [
        (CLOSED, b"GET / HTTP/1.1", [b"Connection: close"]),
        (OLD, b"GET / HTTP/1.0", []),
        (f"{OLD}\n{CLOSED}", b"GET / HTTP/1.0", []),
        ("", b"GET / HTTP/1.1", [b"Connection: Keep-Alive"]),
    ],
)
def test_H7_heads(option: str, line: bytes, connection: list[bytes]) -> None:
    """
    The request line and Connection are as the mount says.
    """
    _, member = begin(make_rig(1, mount=option))
    first, *lines = member.taken().removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert first == line
    assert [each for each in lines if each.startswith(b"Connection")] == connection


@pytest.mark.parametrize("option", [CLOSED, OLD])
def test_D17_one_request_for_each_connection(option: str) -> None:
    """
    A member that would keep its connection open gets the next request on another one.
    """
    rig = make_rig(1, mount=option)
    client, member = begin(rig)
    member.send(OK)
    assert body_of(client.taken()) == b"ok"
    assert member.disconnecting
    client.send(GET)
    other = rig.accept()
    assert other.taken().startswith(b"GET / ")
    other.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


@pytest.mark.parametrize(("option", "times"), [(CLOSED, 1), (OLD, 0)])
def test_upgrades(option: str, times: int) -> None:
    """
    HTTP/1.0 offers no other protocol, as in Apache, although the member takes upgrades.
    """
    _, member = begin(make_rig(1, mount=option, member="upgrade=ANY"), UPGRADE)
    sent = member.taken()
    assert sent.count(b"\r\nUpgrade: websocket") == times
    assert sent.count(b"\r\nConnection: ") == times


def test_H21_http10_needs_a_length() -> None:
    """
    A chunked body gets 411 and no member is asked; one with a length goes on.
    """
    rig = make_rig(1, mount=OLD)
    client = rig.client()
    client.send(CHUNKED + b"3\r\nabc\r\n0\r\n\r\n")
    assert status_of(client.taken()) == 411
    client.send(POST + b"0123456789")
    member = rig.accept()
    assert member.taken().endswith(b"Content-Length: 10\r\n\r\n0123456789")


def test_nokeepalive_takes_chunks() -> None:
    """
    Without a keep-alive connection it is still HTTP/1.1: chunks go on as such.
    """
    _, member = begin(make_rig(1, mount=CLOSED), CHUNKED + b"3\r\nabc\r\n0\r\n\r\n")
    assert member.taken().endswith(b"Connection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n")


def test_http10_never_expects() -> None:
    """
    Nobody says 100 (Continue) in HTTP/1.0: the client is told here, and C{ping} does not ask.
    """
    client, member = begin(make_rig(1, mount=OLD, member="ping=5"), EXPECTS)
    assert client.taken() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"0123456789")
    sent = member.taken()
    assert b"Expect" not in sent
    assert sent.endswith(b"0123456789")


def test_nokeepalive_pings() -> None:
    """
    C{ping} works with C{nokeepalive}: the body waits for the member.
    """
    _, member = begin(make_rig(1, mount=CLOSED, member="ping=5"), POST + b"0123456789")
    sent = member.taken()
    assert b"Expect: 100-continue" in sent
    assert not sent.endswith(b"0123456789")
    member.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert member.taken() == b"0123456789"


def test_answers_of_HTTP_1_0() -> None:
    """
    An answer that ends with its connection is passed on whole.
    """
    client, member = begin(make_rig(1, mount=OLD))
    member.send(b"HTTP/1.0 200 OK\r\n\r\nall of it")
    member.end()
    assert b"all of it" in client.taken()
