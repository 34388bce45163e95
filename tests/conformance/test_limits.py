"""
Limits and clocks: what is too much is refused, what is too slow is ended; and what the log says.
"""

from __future__ import annotations

import json
import socket
import threading

import pytest

from tests.conformance.conftest import Starter, both
from tests.conformance.wire import OK, PATIENCE, Member, MemberSide, answers, request, says
from tests.peers import free_port

pytestmark = pytest.mark.conformance


@both
@pytest.mark.parametrize(
    ("option", "lines", "start", "status"),
    [
        ("max-url = 64", (), b"GET /%b HTTP/1.1" % (b"a" * 64), 414),
        ("max-url = 64", (), b"GET /%b HTTP/1.1" % (b"a" * 63), 200),
        ("max-line = 64", (b"A: " + b"a" * 62,), b"GET / HTTP/1.1", 431),
        ("max-line = 64", (b"A: " + b"a" * 61,), b"GET / HTTP/1.1", 200),
        ("max-headers = 3", (b"A: 1", b"A: 2", b"A: 3", b"A: 4"), b"GET / HTTP/1.1", 431),
        ("max-headers = 3", (b"A: 1", b"A: 2"), b"GET / HTTP/1.1", 200),
        ("max-head = 256", (b"A: " + b"a" * 250,), b"GET / HTTP/1.1", 431),
        ("max-head = 256", (b"A: " + b"a" * 150,), b"GET / HTTP/1.1", 200),
    ],
)
def test_head_limits(
    balance: Starter,
    protocol: str,
    option: str,
    lines: tuple[bytes, ...],
    start: bytes,
    status: int,
) -> None:
    """
    A head over a limit is 414 or 431, and its connection ends, but for that of other streams; at
    the limit it passes.
    """
    live = balance(listener=option)
    client = live.client()
    answer = client.ask(*lines, start=start)
    assert answer.status == status
    if status != 200:
        if protocol == "http1":
            assert answer.get("Connection") == b"close"
            client.done_sending()
            assert client.is_closed()
        assert live.member is not None
        assert live.member.received == b""


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"a" * 500000, (414, 431)),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 500000, (431,)),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100000, (431,)),
    ],
)
def test_endless_heads(balance: Starter, data: bytes, status: tuple[int, ...]) -> None:
    """
    A head without end is refused before its end, and a client that only sends can still read.
    """
    client = balance().client()
    client.send(data)
    answer = client.answer()
    assert answer.status in status
    assert answer.get("Connection") == b"close"


@both
@pytest.mark.parametrize(("size", "status"), [(10, 200), (11, 413)])
def test_max_body(balance: Starter, size: int, status: int) -> None:
    """
    max-body judges an announced length before a member is asked.
    """
    live = balance(mount="max-body = 10")
    answer = live.ask(b"Content-Length: %d" % size, start=b"PUT / HTTP/1.1", body=b"x" * size)
    assert answer.status == status
    assert live.member is not None
    assert live.member.requests.qsize() == (status == 200)


def test_max_connections(balance: Starter) -> None:
    """
    A connection over max-connections waits for its turn, and is then served.
    """
    live = balance(listener="max-connections = 2")
    first, second, third = live.client(), live.client(), live.client()
    for each in (first, second):
        assert each.ask().body == b"ok"
    third.send(request())
    assert first.ask().body == b"ok"
    third.socket.settimeout(0.05)
    with pytest.raises(TimeoutError):
        third.fill()
    third.socket.settimeout(PATIENCE)
    first.close()
    assert third.answer().body == b"ok"


def test_head_timeout(balance: Starter) -> None:
    """
    A head that is not complete in time is 408; a connection without a byte just ends.
    """
    live = balance(listener="head-timeout = 50ms")
    slow, silent, later = live.client(), live.client(), live.client()
    assert later.ask().body == b"ok"
    slow.send(b"GET / HTTP/1.1\r\nHost:")
    later.send(b"GET /")
    for each in (slow, later):
        answer = each.answer()
        assert (answer.status, answer.get("Connection")) == (408, b"close")
    assert silent.is_closed()
    assert silent.received == b""
    assert {line["reason"] for line in live.log()} == {"ok", "client-timeout"}


@both
def test_keepalive_timeout(balance: Starter) -> None:
    """
    An idle connection ends after keepalive-timeout, without a word.
    """
    client = balance(listener="keepalive-timeout = 50ms").client()
    assert client.ask().body == b"ok"
    assert client.is_closed()


@pytest.mark.parametrize("chunked", [False, True])
def test_body_timeout(balance: Starter, chunked: bool) -> None:
    """
    A body that stops coming is 408, and the member is not blamed.
    """
    live = balance(listener="body-timeout = 50ms", member="maxfails=1", balancer="maxattempts = 0")
    client = live.client()
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 10"
    client.send(request(framing, start=b"PUT / HTTP/1.1", body=b"5\r\nhel"))
    answer = client.answer()
    assert (answer.status, answer.get("Connection")) == (408, b"close")
    assert live.ask().body == b"ok"
    assert live.log()[0]["reason"] == "client-timeout"


def test_body_that_trickles(balance: Starter) -> None:
    """
    A body that always makes progress, but too little of it, is ended as well.
    """
    live = balance(listener="body-timeout = 100ms\nbody-min-rate = 1M")
    client = live.client()
    client.send(request(b"Content-Length: 1000", start=b"PUT / HTTP/1.1"))
    stop = threading.Event()

    def trickle() -> None:
        while not stop.wait(0.02):
            try:
                client.send(b"x")
            except OSError:
                return

    sender = threading.Thread(target=trickle)
    sender.start()
    answer = client.answer()
    stop.set()
    sender.join()
    assert answer.status == 408


def test_the_clock_of_a_body_stands_while_the_member_does_not_read(balance: Starter) -> None:
    """
    A client that is held back by the member is not slow.
    """
    # More than the system's buffers take: up to 32 MB of what is read, twice 4 MB of what is sent.
    size = 80_000_000
    go_on = threading.Event()

    def script(side: MemberSide) -> None:
        side.head()
        go_on.wait(PATIENCE)
        left = size - len(side.buffer)
        while left:
            left -= len(side.socket.recv(left))
        side.send(OK)

    live = balance(script, listener="body-timeout = 300ms")
    client = live.client()
    client.send(request(b"Content-Length: %d" % size, start=b"PUT / HTTP/1.1"))
    sender = threading.Thread(target=client.send, args=(b"x" * size,))
    sender.start()
    sender.join(0.8)
    assert sender.is_alive()
    go_on.set()
    assert client.answer().body == b"ok"
    sender.join()


@both
def test_write_timeout(balance: Starter) -> None:
    """
    A client that does not read its answer is cut off, and the member is let go.
    """
    ended = threading.Event()

    def script(side: MemberSide) -> None:
        side.head()
        side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        try:
            while True:
                side.send(b"x" * 100000)
        except OSError:
            ended.set()

    live = balance(script, listener="write-timeout = 50ms")
    client = live.client()
    client.send(request())
    assert ended.wait(PATIENCE)
    assert live.log()[0]["reason"] == "client-timeout"


@both
def test_client_gone(balance: Starter) -> None:
    """
    A client that leaves blames no member, and its member connection is dropped.
    """
    ended = threading.Event()

    def script(side: MemberSide) -> None:
        side.head()
        side.member.requests.put(None)  # type: ignore[arg-type]
        with pytest.raises(ConnectionResetError):
            side.rest()
        ended.set()

    live = balance(script, answers(OK), member="maxfails=1")
    client = live.client()
    client.send(request())
    assert live.member is not None
    live.member.request()
    live.member.request()
    client.reset()
    assert ended.wait(PATIENCE)
    line = live.log()[0]
    assert (line["reason"], line["status"]) == ("client-gone", 0)


# -- members


@both
def test_F2_connectiontimeout(balance: Starter) -> None:
    """
    A member that takes no connection within connectiontimeout is 504 (Apache: 503).
    """
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            live = balance(port, member="connectiontimeout=100ms")
            assert live.ask().status == 504
            assert live.log()[0]["reason"] == "connect-timeout"


@both
def test_W51_acquire(balance: Starter) -> None:
    """
    X8: all connections busy for acquire is 503, and the member stays in.
    """
    go_on = threading.Event()

    def script(side: MemberSide) -> None:
        side.head()
        go_on.wait(PATIENCE)
        side.send(OK)
        while True:
            side.read()
            side.send(OK)

    live = balance(script, member="max=1 acquire=50ms maxfails=1")
    first = live.client()
    first.send(request())
    assert live.member is not None
    live.member.request()
    answer = live.ask()
    assert answer.status == 503
    go_on.set()
    assert first.answer().body == b"ok"
    assert live.ask().body == b"ok"
    assert live.log()[0]["reason"] == "queue-full"


@both
def test_W51_waiting_for_a_connection(balance: Starter) -> None:
    """
    A request waits for a busy connection, and gets it.
    """
    go_on = threading.Event()

    def script(side: MemberSide) -> None:
        while True:
            side.read()
            go_on.wait(PATIENCE)
            side.send(OK)

    live = balance(script, member="max=1")
    first, second = live.client(), live.client()
    first.send(request())
    second.send(request())
    assert live.member is not None
    live.member.request()
    go_on.set()
    assert [first.answer().body, second.answer().body] == [b"ok", b"ok"]
    assert len(live.member.sides) == 1


# -- error pages and the log


@both
@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, b"text/html; charset=utf-8"),
        (b"text/html,*/*;q=0.8", b"text/html; charset=utf-8"),
        (b"*/*", b"text/html; charset=utf-8"),
        (b"application/json", b"application/json"),
        (b"application/problem+json", b"application/problem+json"),
        (b"application/json;q=0.1, text/html", b"text/html; charset=utf-8"),
    ],
)
def test_error_pages(balance: Starter, accept: bytes | None, kind: bytes) -> None:
    """
    A small page, or JSON for those who prefer it; neither names members nor code.
    """
    port = free_port()
    live = balance(port)
    answer = live.ask(*([] if accept is None else [b"Accept: " + accept]))
    assert answer.status == 503
    assert answer.get("Content-Type") == kind
    assert b"connect-failed" in answer.body
    for secret in (b"127.0.0.1", b"%d" % port, b"Traceback", b".py"):
        assert secret not in answer.body
    if b"json" in kind:
        assert json.loads(answer.body)["status"] == 503


@both
def test_error_page_for_HEAD(balance: Starter) -> None:
    """
    HEAD gets the head of the page, and the connection goes on.
    """
    live = balance(free_port())
    client = live.client()
    answer = client.ask(start=b"HEAD / HTTP/1.1")
    assert answer.status == 503
    assert int(answer.get("Content-Length") or 0) > 100
    assert client.ask(start=b"OPTIONS * HTTP/1.1").status == 200


def test_nobody_can_put_markup_on_a_page(balance: Starter) -> None:
    """
    What a client sends comes back on no page as markup.
    """
    live = balance()
    client = live.client()
    client.send(b"GET /<script>alert(1)</script> FOO\r\nHost: a\r\n\r\n")
    answer = client.answer()
    assert answer.status == 400
    assert b"<script>" not in answer.body


@both
def test_log_of_a_failover(balance: Starter) -> None:
    """
    The log tells how many members were tried, which ones, and why they did not do.
    """
    closed = free_port()
    live = balance(closed, says(), Member())
    assert live.ask().body == b"ok"
    assert live.member is not None
    (line,) = live.log()
    assert (line["reason"], line["status"], line["attempts"]) == ("ok", 200, 3)
    assert line["tried"] == [
        {"member": f"http://127.0.0.1:{closed}", "reason": "connect-failed"},
        {"member": f"http://127.0.0.1:{live.members[0].port}", "reason": "member-closed"},
    ]
    assert line["member"] == f"http://127.0.0.1:{live.members[1].port}"


def test_log_of_a_refusal(balance: Starter) -> None:
    """
    A request that could not be read has a line as well.
    """
    live = balance()
    client = live.client()
    client.send(b"garbage\r\n\r\n")
    assert client.answer().status == 400
    (line,) = live.log()
    assert (line["reason"], line["status"], line["attempts"]) == ("bad-request", 400, 0)
    assert line["client"] == "127.0.0.1"
