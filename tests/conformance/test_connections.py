"""
Connections: versions, keep-alive, pipelining, half-closes.
"""

from __future__ import annotations

import pytest

from tests.conformance.conftest import Starter, both
from tests.conformance.wire import OK, MemberSide, answers, request, says

pytestmark = pytest.mark.conformance


def text(body: bytes, *lines: bytes) -> bytes:
    return b"\r\n".join((b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *lines, b"", body))


def test_H1_keep_alive_by_version(balance: Starter) -> None:
    """
    HTTP/1.1 stays open, HTTP/1.0 closes unless it asks; members always hear HTTP/1.1 (H1).
    """
    live = balance()
    client = live.client()
    for _ in range(3):
        answer = client.ask()
        assert (answer.start, answer.body) == (b"HTTP/1.1 200 OK", b"ok")
        assert answer.get("Connection") is None
    answer = client.ask(b"Connection: close")
    assert answer.get("Connection") == b"close"
    assert client.is_closed()
    old = live.client()
    answer = old.ask(b"Connection: keep-alive", start=b"GET / HTTP/1.0")
    assert (answer.start, answer.get("Connection")) == (b"HTTP/1.1 200 OK", b"keep-alive")
    answer = old.ask(start=b"GET / HTTP/1.0")
    assert answer.get("Connection") == b"close"
    assert old.is_closed()
    assert live.member is not None
    assert {live.member.request().start for _ in range(6)} == {b"GET / HTTP/1.1"}
    assert len(live.member.sides) == 1


def test_pipelined_requests_are_answered_in_order(balance: Starter) -> None:
    """
    Requests sent at once are answered one after the other, bodies and all.
    """
    live = balance(answers(text(b"1"), text(b"22"), text(b"333"), text(b"4444")))
    client = live.client()
    posts = request(b"Content-Length: 3", start=b"POST /b HTTP/1.1", body=b"xyz")
    posts += request(
        b"Transfer-Encoding: chunked", start=b"POST /c HTTP/1.1", body=b"3\r\nGET\r\n0\r\n\r\n"
    )
    client.send(request(start=b"GET /a HTTP/1.1") + posts + request(start=b"GET /d HTTP/1.1"))
    assert [client.answer().body for _ in range(4)] == [b"1", b"22", b"333", b"4444"]
    assert live.member is not None
    got = [live.member.request() for _ in range(4)]
    assert [each.start.split()[1] for each in got] == [b"/a", b"/b", b"/c", b"/d"]
    assert [each.body for each in got] == [b"", b"xyz", b"GET", b""]


def test_a_slow_first_answer_holds_the_second_back(balance: Starter) -> None:
    """
    The second of two pipelined requests is not even sent before the first is answered.
    """
    seen = []

    def script(side: MemberSide) -> None:
        side.read()
        side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsl")
        seen.append(side.member.requests.qsize())
        side.send(b"ow")
        side.read()
        side.send(text(b"fast"))

    live = balance(script)
    client = live.client()
    client.send(request(start=b"GET /slow HTTP/1.1") + request(start=b"GET /fast HTTP/1.1"))
    assert [client.answer().body for _ in range(2)] == [b"slow", b"fast"]
    assert seen == [1]


def test_a_long_pipeline(balance: Starter) -> None:
    """
    Hundreds of requests in one piece are all answered, without recursion into each other.
    """
    live = balance()
    client = live.client()
    client.send(request() * 700)
    for _ in range(700):
        assert client.answer().body == b"ok"


def test_locally_answered_pipeline(balance: Starter) -> None:
    """
    Requests that no member sees are answered in order as well.
    """
    live = balance()
    client = live.client()
    client.send(request(start=b"OPTIONS * HTTP/1.1") * 1500 + request())
    for _ in range(1500):
        assert client.answer().get("Allow")
    assert client.answer().body == b"ok"


def test_close_within_a_pipeline(balance: Starter) -> None:
    """
    What is sent after a request with Connection: close is not answered.
    """
    live = balance()
    client = live.client()
    client.send(request(b"Connection: close") + request())
    assert client.answer().body == b"ok"
    assert client.is_closed()
    assert live.member is not None
    assert live.member.requests.qsize() == 1


@pytest.mark.parametrize("slow", [False, True])
def test_half_closed_client(balance: Starter, slow: bool) -> None:
    """
    A client that ends its side after a request still gets its answer.
    """

    def script(side: MemberSide) -> None:
        side.read()
        side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        side.send(b"late")

    live = balance(script if slow else answers(OK))
    client = live.client()
    client.send(request(b"Content-Length: 1", start=b"POST / HTTP/1.1", body=b"x"))
    client.done_sending()
    assert client.answer().body == (b"late" if slow else b"ok")
    assert client.is_closed()


def test_half_closed_client_with_a_pipeline(balance: Starter) -> None:
    """
    All requests that came before the half-close are answered.
    """
    live = balance(answers(text(b"1"), text(b"2"), text(b"3")))
    client = live.client()
    client.send(request() * 3)
    client.done_sending()
    assert [client.answer().body for _ in range(3)] == [b"1", b"2", b"3"]
    assert client.is_closed()


def test_half_close_within_a_request(balance: Starter) -> None:
    """
    A request that ends too early is nobody's: no answer, and the member is told by a cut.
    """
    live = balance()
    client = live.client()
    client.send(request(b"Content-Length: 10", start=b"POST / HTTP/1.1", body=b"half"))
    client.done_sending()
    assert client.is_closed()
    other = live.client()
    other.send(b"GET / HT")
    other.done_sending()
    assert other.is_closed()
    assert live.log()[0]["reason"] == "client-gone"


def test_an_empty_line_before_a_request(balance: Starter) -> None:
    """
    RFC 9112 2.2: an empty line before a request is ignored, however it is cut; more are not.
    """
    live = balance()
    client = live.client()
    client.send(b"\r\n" + request() + b"\r\n" + request())
    assert [client.answer().body for _ in range(2)] == [b"ok", b"ok"]
    client.send(b"\r")
    client.send(b"\n")
    assert client.ask().body == b"ok"
    client.send(b"\r\n" * 20000)
    assert client.answer().status == 400
    assert client.is_closed()


def test_head_byte_by_byte(balance: Starter) -> None:
    """
    A head may come in any pieces.
    """
    live = balance()
    client = live.client()
    data = request(b"X-A: 1")
    for _ in range(2):
        for at in range(len(data)):
            client.send(data[at : at + 1])
        assert client.answer().body == b"ok"
    assert live.member is not None
    assert live.member.request().get("X-A") == b"1"


@both
def test_F11_close_of_a_kept_connection_is_no_failure(balance: Starter) -> None:
    """
    A member that closes between requests costs nothing; Apache may close on the client (F11).
    """
    live = balance(says(OK))
    client = live.client()
    for _ in range(4):
        assert client.ask().body == b"ok"
    assert all(line["attempts"] == 1 for line in live.log())


@both
def test_W55_disablereuse(balance: Starter) -> None:
    """
    disablereuse: every request has a connection of its own, and says so.
    """
    live = balance(member="disablereuse=On")
    client = live.client()
    assert [client.ask().body for _ in range(3)] == [b"ok"] * 3
    assert live.member is not None
    assert len(live.member.sides) == 3
    assert live.member.request().get("Connection") == b"close"


def test_keepalive_requests(balance: Starter) -> None:
    """
    keepalive-requests: the last answer says close.
    """
    live = balance(listener="keepalive-requests = 2")
    client = live.client()
    assert client.ask().get("Connection") is None
    assert client.ask().get("Connection") == b"close"
    assert client.is_closed()


def test_no_keepalive(balance: Starter) -> None:
    """
    keepalive-timeout = 0: each answer ends its connection.
    """
    client = balance(listener="keepalive-timeout = 0").client()
    assert client.ask().get("Connection") == b"close"
    assert client.is_closed()
