"""
A slow client holds back its own answer, and no connection that is not its own any more.
"""

from __future__ import annotations

import pytest

from tests.proxy.rigs import GET, OK, begin, check_rest, make_rig, status_of

PIECE = b"x" * 100_000
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        (SIZED + PIECE,),
        (SIZED, PIECE),
        (SIZED, PIECE[:50_000], PIECE[50_000:]),
        (CHUNKED + b"186a0\r\n" + PIECE + b"\r\n0\r\n\r\n",),
        (CHUNKED, b"186a0\r\n" + PIECE + b"\r\n0\r\n\r\n"),
        (CHUNKED, b"186a0\r\n" + PIECE + b"\r\n", b"0\r\n\r\n"),
    ],
)
def test_the_last_piece_fills_the_client(pieces: tuple[bytes, ...]) -> None:
    """
    H34: a member connection that is free is read, although the client has not read the answer.
    """
    rig = make_rig(1)
    client, member = begin(rig)
    client.room = 0
    for piece in pieces:
        member.send(piece)
    got = b""
    if not member.reading:
        # It was full before the end: the rest comes when it reads on.
        client.take()
        got = client.taken()
    assert member.reading
    member.taken()
    other = rig.client()
    other.send(GET)
    assert member.taken().startswith(b"GET / ")
    member.send(OK)
    assert other.taken().endswith(b"ok")
    client.take()
    got += client.taken()
    assert got.count(b"x") == len(PIECE)
    check_rest(rig)


def test_interim_answers_keep_the_member_from_being_silent() -> None:
    """
    102 is what a member says to gain time: C{timeout} bounds each silence, not their sum.
    """
    rig = make_rig(1, member="timeout=10")
    client, member = begin(rig)
    for _ in range(3):
        rig.advance(8)
        member.send(b"HTTP/1.1 102 Processing\r\n\r\n")
    assert client.taken().count(b"102") == 3
    rig.advance(11)
    assert status_of(client.taken()) == 504


def test_after_100_it_is_the_clients_turn() -> None:
    """
    A client that is slow to send its body after a 100 is not the member's silence.
    """
    rig = make_rig(1, member="timeout=10", listener="body-timeout = 100")
    client, member = begin(
        rig, b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    )
    member.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    rig.advance(50)
    client.send(b"ab")
    assert member.taken().endswith(b"ab")
    member.send(OK)
    assert client.taken().endswith(b"ok")
    check_rest(rig)
