"""
Request smuggling: of anything ambiguous, no member ever reads a byte.
"""

from __future__ import annotations

import h11
import pytest

from tests.conformance.conftest import Starter
from tests.conformance.wire import OK, Client, answers, request

pytestmark = pytest.mark.conformance

EVIL = b"GET /evil HTTP/1.1\r\nHost: evil\r\n\r\n"
_CHUNKS = b"0\r\n\r\n" + EVIL
_CHUNKED = b"Transfer-Encoding: chunked"
_LENGTH = b"Content-Length: %d" % len(_CHUNKS)

HEADS = {
    "CL.TE": (_LENGTH, _CHUNKED),
    "TE.CL": (_CHUNKED, _LENGTH),
    "TE.TE gzip": (_CHUNKED, b"Transfer-Encoding: gzip"),
    "TE.TE x": (b"Transfer-Encoding: x", _CHUNKED),
    "TE and capitals": (b"Transfer-Encoding: Chunked", b"CONTENT-LENGTH: 5"),
    "TE with tab before colon": (b"Transfer-Encoding\t: chunked", _LENGTH),
    "TE with blank before colon": (b"Transfer-Encoding : chunked", _LENGTH),
    "TE folded": (b"Transfer-Encoding:", b" chunked", _LENGTH),
    "TE behind a fold": (b"X: y", b" Transfer-Encoding: chunked", _LENGTH),
    "TE with a leading blank": (b" Transfer-Encoding: chunked", _LENGTH),
    "TE vertical tab": (b"Transfer-Encoding:\x0bchunked", _LENGTH),
    "TE NUL": (b"Transfer-Encoding: chunked\x00", _LENGTH),
    "TE quoted": (b'Transfer-Encoding: "chunked"', _LENGTH),
    "TE in a list": (b"Transfer-Encoding: identity, chunked", _LENGTH),
    "TE first in a list": (b"Transfer-Encoding: chunked, identity", _LENGTH),
    "TE behind bare LF": (b"X: y\nTransfer-Encoding: chunked", _LENGTH),
    "TE behind bare CR": (b"X: y\rTransfer-Encoding: chunked", _LENGTH),
    "TE behind NUL": (b"X: y\x00Transfer-Encoding: chunked", _LENGTH),
    "TE alone, xchunked": (b"Transfer-Encoding: xchunked",),
    "TE alone, chunkedx": (b"Transfer-Encoding: chunkedx",),
    "TE alone, identity": (b"Transfer-Encoding: identity",),
    "CL twice": (_LENGTH, b"Content-Length: 0"),
    "CL list": (_LENGTH + b", 0",),
    "CL plus": (b"Content-Length: +5",),
    "CL minus": (b"Content-Length: -1",),
    "CL hexadecimal": (b"Content-Length: 0x26",),
    "CL octal-ish with text": (b"Content-Length: 5abc",),
    "CL with inner blank": (b"Content-Length: 5 5",),
    "CL overflow": (b"Content-Length: 18446744073709551621",),
    "CL with blank before colon": (b"Content-Length : 5",),
    "CL behind bare LF": (b"X: y\nContent-Length: 5",),
    "CL behind CR CR LF": (b"X: y\r", b"Content-Length: 5"),
    "no colon": (b"Content-Length 5",),
    "two Hosts": (b"Host: evil",),
    "Host and a fold": (b"X: y", b"\tHost: evil"),
}


def as_h11(received: bytes) -> list[bytes]:
    """
    Return the targets of the requests that h11 finds in what a member got.
    """
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(received)
    connection.receive_data(b"")
    found = []
    while not isinstance(event := connection.next_event(), h11.ConnectionClosed):
        if isinstance(event, h11.Request):
            found.append(event.target)
        if isinstance(event, h11.EndOfMessage):
            connection.send(h11.Response(status_code=200, headers=[(b"Content-Length", b"0")]))
            connection.send(h11.EndOfMessage())
            connection.start_next_cycle()
    return found


def ends_refused(client: Client, status: tuple[int, ...] = (400,)) -> None:
    answer = client.answer()
    assert answer.status in status
    assert answer.get("Connection") == b"close"
    assert client.is_closed()


@pytest.mark.parametrize("name", HEADS)
def test_heads(balance: Starter, name: str) -> None:
    """
    PEERS 2.13: refused, the connection closed, and what follows is read by nobody.
    """
    live = balance()
    client = live.client()
    client.send(request(*HEADS[name], start=b"POST / HTTP/1.1", body=_CHUNKS))
    ends_refused(client, (400, 501))
    assert live.member is not None
    assert live.member.received == b""


@pytest.mark.parametrize(
    "start",
    [
        b"GET / HTTP/1.1\r\nHost: b",
        b"GET / HTTP/1.1\nHost: b",
        b"GET /\tHTTP/1.1",
        b"GET /?a\tHTTP/1.1 HTTP/1.1",
        b"GET / HTTP/1.1 HTTP/1.1",
        b"GET http://a@b/ HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET /%0d%0aHost: evil HTTP/1.1",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\nGET / HTTP/1.1",
        b" GET / HTTP/1.1",
    ],
)
def test_request_lines(balance: Starter, start: bytes) -> None:
    """
    The same for request lines.
    """
    live = balance()
    client = live.client()
    client.send(request(start=start))
    ends_refused(client)
    assert live.member is not None
    assert live.member.received == b""


BODIES = {
    "size with blank": b"5 \r\nhello\r\n",
    "size in a sum": b"0+5\r\nhello\r\n",
    "size 0x": b"0x5\r\nhello\r\n",
    "size overflow": b"10000000000000005\r\nhello\r\n",
    "size negative": b"-5\r\nhello\r\n",
    "size with LF": b"5\nhello\r\n",
    "size with CR": b"5\rhello\r\n",
    "size with NUL": b"5\x00\r\nhello\r\n",
    "size empty": b"\r\nhello\r\n",
    "extension with LF": b"5;\nx\r\nhello\r\n",
    "extension with CR": b"5;\rx\r\nhello\r\n",
    "extension of junk": b"5;=\r\nhello\r\n",
    "extension, open quote": b'5;a="\r\nhello\r\n',
    "data too long": b"5\r\nhelloX\r\n",
    "data too short": b"5\r\nhell\r\n\r\n",
    "data ends in LF": b"5\r\nhello\n",
    "last chunk with LF": b"0\n\r\n",
    "trailer without colon": b"0\r\nX\r\n\r\n",
    "trailer with LF": b"0\r\nX: y\nZ: a\r\n\r\n",
    "trailer folded": b"0\r\nX: y\r\n z\r\n\r\n",
    "trailer is a request": b"0\r\nGET /evil HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies(balance: Starter, name: str) -> None:
    """
    A member may have the head of such a request, but never its end, nor what follows it.
    """
    live = balance(balancer="maxattempts = 0")
    client = live.client()
    body = BODIES[name] + b"0\r\n\r\n" + EVIL
    client.send(request(_CHUNKED, start=b"POST / HTTP/1.1", body=body))
    ends_refused(client)
    live.log()
    assert live.member is not None
    assert b"evil" not in live.member.received
    assert not live.member.received.endswith(b"\r\n0\r\n\r\n")
    assert live.member.requests.empty()


def test_what_looks_like_a_request_stays_a_body(balance: Starter) -> None:
    """
    A body is a body, whatever it looks like, and the next request is the next request.
    """
    live = balance()
    client = live.client()
    client.send(
        request(b"Content-Length: %d" % len(EVIL), start=b"POST /1 HTTP/1.1", body=EVIL)
        + request(_CHUNKED, start=b"POST /2 HTTP/1.1", body=b"%x\r\n" % len(EVIL) + EVIL)
        + b"\r\n0\r\n\r\n"
        + request(start=b"GET /3 HTTP/1.1")
    )
    assert [client.answer().body for _ in range(3)] == [b"ok"] * 3
    assert live.member is not None
    (side,) = live.member.sides
    assert as_h11(side.received) == [b"/1", b"/2", b"/3"]


def test_dropped_underscores_and_trailers(balance: Starter) -> None:
    """
    Look-alikes of framing never reach a member: Content_Length, framing in trailers.
    """
    live = balance()
    body = b"1\r\nx\r\n0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: evil\r\n\r\n"
    answer = live.ask(
        b"Content_Length: 5",
        b"Transfer_Encoding: x",
        _CHUNKED,
        start=b"POST / HTTP/1.1",
        body=body,
    )
    assert answer.body == b"ok"
    assert live.member is not None
    assert b"ontent" not in live.member.received
    assert b"evil" not in live.member.received
    assert live.member.received.lower().count(b"transfer") == 1


def test_connection_cannot_drop_framing(balance: Starter) -> None:
    """
    Naming the framing in Connection does not take it from what goes on.
    """
    live = balance()
    client = live.client()
    for lines, body in (
        ((b"Connection: content-length", b"Content-Length: 5"), b"hello"),
        ((b"Connection: transfer-encoding, host", _CHUNKED), b"5\r\nhello\r\n0\r\n\r\n"),
    ):
        client.send(request(*lines, start=b"POST / HTTP/1.1", body=body))
        assert client.answer().body == b"ok"
        assert live.member is not None
        got = live.member.request()
        assert got.body == b"hello"
        assert got.get("Host") is not None


def test_answer_splitting(balance: Starter) -> None:
    """
    What a client puts into its URL comes back in no header of an answer as a line.
    """
    live = balance(answers(b"HTTP/1.1 302 X\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n", OK))
    answer = live.ask(start=b"GET /%0d%0aSet-Cookie:%20a=b HTTP/1.1")
    assert answer.status == 302
    assert answer.get("Set-Cookie") is None
    assert live.member is not None
    assert live.member.request().start == b"GET /%0D%0ASet-Cookie:%20a=b HTTP/1.1"
