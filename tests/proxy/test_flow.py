"""
A slow client holds back its own answer, and no connection that is not its own any more.
"""

from __future__ import annotations

import pytest

from tests.proxy.rigs import GET, OK, begin, check_rest, make_rig

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
