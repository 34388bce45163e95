"""
The client's connection: requests in order, limits in time and number, and its end.
"""

from __future__ import annotations

import pytest

from tests.proxy.rigs import GET, OK, POST, begin, body_of, check_rest, make_rig, status_of
from txbalancer.testing.rig import MemoryRig


def answers(data: bytes) -> list[int]:
    """
    Return the statuses of the answers in C{data}.
    """
    return [int(piece.split(b" ", 1)[0]) for piece in data.split(b"HTTP/1.1 ")[1:]]


def get(path: bytes, *lines: bytes) -> bytes:
    """
    Make a request.
    """
    return b"\r\n".join((b"GET /%b HTTP/1.1" % path, b"Host: shop.test", *lines, b"", b""))


@pytest.mark.parametrize("method", [b"", b"!", b"1-"])
def test_any_split_of_a_request_is_the_same_request(method: bytes) -> None:
    """
    A request that comes byte by byte is sent on as one that comes at once, whatever sign of a
    token its method begins with.
    """
    request = method + POST + b"0123456789"
    _, member = begin(make_rig(), request)
    whole = member.taken()
    rig = make_rig()
    client = rig.client()
    for byte in request:
        client.send(bytes((byte,)))
    assert rig.accept().taken() == whole


@pytest.mark.parametrize("at", range(1, len(GET)))
def test_a_head_in_two_pieces_and_the_next_behind_it(at: int) -> None:
    """
    Wherever it is split, a head is found to its end, and what follows it is the next one.
    """
    rig = MemoryRig("[listener:web]\nendpoint = tcp:80\n[mount:/]\nto = status:204\n")
    client = rig.client()
    client.send(GET[:at])
    client.send(GET[at:] + GET[:at])
    client.send(GET[at:])
    assert answers(client.taken()) == [204, 204]


@pytest.mark.parametrize("pieces", [(b"\r", b"\n"), (b"\r\n",)], ids=repr)
@pytest.mark.parametrize("after", [b"", b"A: b\r\n"])
def test_lines_may_be_split_within_their_end(pieces: tuple[bytes, ...], after: bytes) -> None:
    """
    CR and LF need not come together; LF alone is refused when it comes, not with the empty line.
    """
    rig = make_rig()
    client = rig.client()
    client.send(b"GET / HTTP/1.1")
    for piece in pieces:
        client.send(piece)
    client.send(after)
    assert client.taken() == b""
    client.send(b"C: d")
    client.send(b"\n")
    assert answers(client.taken()) == [400]


def test_pipelined_requests_are_answered_in_order() -> None:
    """
    The next request is begun when the one before is answered, and answers keep their order.
    """
    rig = make_rig(1)
    client, member = begin(rig, get(b"1") + get(b"2") + b"\r\n" + get(b"3"))
    for number in (b"1", b"2", b"3"):
        assert member.taken().startswith(b"GET /%b " % number)
        member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + number)
    data = client.taken()
    assert [piece[-1:] for piece in data.split(b"HTTP/1.1 ")[1:]] == [b"1", b"2", b"3"]
    check_rest(rig)


def test_a_thousand_pipelined_requests_need_no_stack() -> None:
    """
    Requests that are answered at once do not nest into one another.
    """
    rig = make_rig(1, mount="[mount:/x]\nto = status:204\n")
    rig = make_rig(1, mount="method = POST")
    client = rig.client()
    client.send(GET * 2000)
    assert answers(client.taken()) == [404] * 2000


def test_pipelining_is_bounded() -> None:
    """
    While a request is in progress at most 64 KiB of further ones are read.
    """
    rig = make_rig(1)
    client, member = begin(rig)
    client.send(get(b"next") + b"x" * 1000)
    assert client.reading
    client.send(b"x" * 65536)
    assert not client.reading
    member.send(OK)
    rig.advance(0)
    assert client.reading


def test_a_client_that_reads_no_answers_gets_no_further_request_in() -> None:
    """
    With answers waiting to be read, the next request is not begun.
    """
    rig = make_rig(1)
    client, member = begin(rig)
    client.room = 0
    member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000)
    client.send(GET)
    assert not member.taken().count(b"GET", 1)
    client.take()
    assert member.taken().startswith(b"GET")
    member.send(OK)
    assert answers(client.taken()) == [200, 200]


def test_http_1_0_closes_unless_asked_not_to() -> None:
    """
    An HTTP/1.0 client gets a close, or keep-alive if it asked for it; never chunks.
    """
    rig = make_rig(1)
    old = GET.replace(b"/1.1", b"/1.0")
    client, member = begin(rig, old)
    member.send(OK)
    assert b"\r\nConnection: close\r\n" in client.taken()
    assert client.ended == "closed"
    client = rig.client()
    client.send(old.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n"))
    member.send(OK)
    assert b"\r\nConnection: keep-alive\r\n" in client.taken()
    assert not client.lost
    client.send(old)
    member.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
    answer = client.taken()
    assert b"chunked" not in answer
    assert body_of(answer) == b"ok"
    assert client.lost


def test_keep_alive_ends_after_its_time_and_number() -> None:
    """
    keepalive-requests and keepalive-timeout bound a connection; the last answer says so.
    """
    rig = make_rig(1, listener="keepalive-requests = 2\nkeepalive-timeout = 5")
    client, member = begin(rig)
    member.send(OK)
    assert b"close" not in client.taken()
    client.send(GET)
    member.send(OK)
    assert b"\r\nConnection: close\r\n" in client.taken()
    assert client.ended == "closed"
    client = rig.client()
    client.send(GET)
    member.send(OK)
    rig.advance(4)
    assert not client.lost
    rig.advance(2)
    assert client.ended == "closed"


def test_keep_alive_may_be_off() -> None:
    """
    keepalive-timeout = 0 closes after each answer.
    """
    client, member = begin(make_rig(listener="keepalive-timeout = 0"))
    member.send(OK)
    assert b"\r\nConnection: close\r\n" in client.taken()
    assert client.lost


def test_connection_close_of_the_client_is_kept() -> None:
    """
    A client that says close gets a close.
    """
    client, member = begin(make_rig(), get(b"", b"Connection: close"))
    member.send(OK)
    assert b"\r\nConnection: close\r\n" in client.taken()
    assert client.lost


@pytest.mark.parametrize("beginning", [b"", b"GET / HT", GET[:-2]])
def test_a_head_has_its_time(beginning) -> None:
    """
    A connection that brings no whole head in head-timeout is closed, with 408 if one began.
    """
    rig = make_rig(listener="head-timeout = 5")
    client = rig.client()
    if beginning:
        client.send(beginning)
    rig.advance(4)
    assert not client.lost
    rig.advance(2)
    assert answers(client.taken()) == ([408] if beginning else [])
    assert client.lost or client.half_closed
    assert [outcome.reason for outcome in rig.outcomes] == ["client-timeout"] * bool(beginning)


def test_the_clock_of_a_later_head_starts_with_its_first_byte() -> None:
    """
    Idle time before a request is no part of its head's time; trickling is no way out.
    """
    rig = make_rig(1, listener="head-timeout = 5\nkeepalive-timeout = 100")
    client, member = begin(rig)
    member.send(OK)
    rig.advance(50)
    client.taken()
    for byte in GET[:4]:
        client.send(bytes((byte,)))
        rig.advance(1)
    assert not client.lost
    rig.advance(2)
    assert answers(client.taken()) == [408]
    rig.advance(6)
    assert client.lost


def test_a_body_has_its_time() -> None:
    """
    A body may pause for less than body-timeout; then it is 408, the member is let go, unblamed.
    """
    rig = make_rig(1, listener="body-timeout = 5", member="maxfails=1")
    client, member = begin(rig, POST)
    rig.advance(4)
    client.send(b"0")
    rig.advance(4)
    assert not client.lost
    rig.advance(2)
    assert status_of(client.taken()) == 408
    assert member.ended == "aborted"
    assert rig.balancer().members[0].failures == []
    rig.advance(10)
    check_rest(rig)


def test_a_body_has_a_least_rate() -> None:
    """
    After body-timeout a body must have come at body-min-rate on average.
    """
    rig = make_rig(1, listener="body-timeout = 10\nbody-min-rate = 100")
    client, _ = begin(rig, POST.replace(b"10", b"100000"))
    for _ in range(3):
        client.send(b"x" * 400)
        rig.advance(4)
    assert client.taken() == b""
    client.send(b"x")
    rig.advance(4)
    client.send(b"x")
    assert status_of(client.taken()) == 408


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"\x16\x03\x01\x02\x00", 400),
        (b"GET /" + b"a" * 9000, 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70000, 431),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", None),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    ],
)
def test_what_is_no_request_is_refused_and_closed(data, status) -> None:
    """
    Nothing ambiguous is forwarded: an error page, a close, one outcome.
    """
    rig = make_rig()
    client = rig.client()
    client.send(data)
    (found,) = answers(client.taken())
    assert found == status or (status is None and found >= 400)
    assert rig.openings() == []
    rig.advance(10)
    assert client.lost
    (outcome,) = rig.outcomes
    assert outcome.status == found


def test_a_half_closed_client_still_gets_its_answer() -> None:
    """
    A client may end its direction after its request and read the answer.
    """
    rig = make_rig()
    client, member = begin(rig)
    client.end()
    member.send(OK)
    answer = client.taken()
    assert status_of(answer) == 200
    assert b"\r\nConnection: close\r\n" in answer
    assert client.ended == "closed"


def test_a_client_that_ends_within_its_body_is_gone() -> None:
    """
    Half a body and an end is an aborted request.
    """
    rig = make_rig()
    client, member = begin(rig, POST + b"012")
    client.end()
    assert member.ended == "aborted"
    assert client.lost
    assert rig.outcomes[0].reason == "client-gone"


def test_an_idle_client_that_ends_is_closed() -> None:
    """
    The end of an idle connection, also in the middle of a head, closes it without a word.
    """
    rig = make_rig()
    for data in (b"", b"GET / HT"):
        client = rig.client()
        client.send(data) if data else None
        client.end()
        assert client.ended == "closed"
        assert client.taken() == b""
    assert rig.outcomes == []


def test_draining_lets_answers_finish() -> None:
    """
    A draining listener closes idle connections at once, others after their answer.
    """
    rig = make_rig()
    idle = rig.client()
    client, member = begin(rig)
    rig.site.drain()
    rig.advance(0)
    assert idle.ended == "closed"
    assert not client.lost
    member.send(OK)
    assert b"\r\nConnection: close\r\n" in client.taken()
    assert client.ended == "closed"


def test_a_cut_ends_what_is_in_progress() -> None:
    """
    At the end of the graceful time the rest is cut and recorded as stopped.
    """
    rig = make_rig()
    client, member = begin(rig)
    for channel in list(rig.site.channels):
        channel.cut()
    rig.advance(0)
    assert client.ended == member.ended == "aborted"
    assert rig.outcomes[0].reason == "stopped"
    check_rest(rig)


def test_unread_input_is_read_away_before_the_close() -> None:
    """
    After a final answer the client may go on sending for a while, but not for ever.
    """
    rig = make_rig(mount="method = GET")
    client = rig.client()
    client.send(POST.replace(b"10", b"99999999"))
    assert status_of(client.taken()) == 404
    assert client.half_closed
    for _ in range(60):
        client.send(b"x" * 65536)
    assert not client.lost
    for _ in range(10):
        client.send(b"x" * 65536)
    assert client.lost


def test_a_lingering_client_that_ends_is_closed() -> None:
    """
    Once the client ends too there is nothing to wait for.
    """
    client = make_rig(mount="method = GET").client()
    client.send(POST.replace(b"10", b"99999999"))
    client.end()
    assert client.ended == "closed"


def test_unread_answers_are_not_kept_for_ever() -> None:
    """
    A closed connection whose last bytes the client does not take is dropped after write-timeout.
    """
    rig = make_rig(1, listener="write-timeout = 10\nkeepalive-timeout = 0")
    client, member = begin(rig)
    client.room = 5
    member.send(OK)
    assert not client.lost
    rig.advance(9)
    client.take(5)
    rig.advance(9)
    assert not client.lost
    rig.advance(25)
    assert client.lost
