"""
Bodies: their framing both ways, trailers, interim answers, and answers that come early.
"""

from __future__ import annotations

import threading

import pytest

from tests.conformance.conftest import Starter, both
from tests.conformance.wire import OK, Member, MemberSide, Script, answers, request, says, started
from tests.peers import free_port

pytestmark = pytest.mark.conformance

CHUNKS = b"5;a=b\r\nhello\r\n6\r\n world\r\n0\r\n"
_CHUNKED = b"Transfer-Encoding: chunked"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS
TRAILERS = b"x-sum: 1\r\nContent-Length: 3\r\nx-sum: 2\r\n\r\n"


@both
def test_H20_length_of_a_request(balance: Starter) -> None:
    """
    A length is passed on as it is, 0 too; without any body header none is made (H20).
    """
    live = balance()
    client = live.client()
    for lines, body in (
        ((b"Content-Length: 3",), b"abc"),
        ((b"Content-Length: 0",), b""),
        ((), b""),
    ):
        assert client.ask(*lines, start=b"POST / HTTP/1.1", body=body).body == b"ok"
    assert live.member is not None
    got = [live.member.request() for _ in range(3)]
    assert [each.body for each in got] == [b"abc", b"", b""]
    assert [each.get("Content-Length") for each in got] == [b"3", b"0", None]
    assert {each.get("Transfer-Encoding") for each in got} == {None}


@both
def test_H21_chunked_request_with_trailers(balance: Starter) -> None:
    """
    A chunked request stays chunked, without its extensions and with its trailers, but for
    those that frame or route. Apache collects short ones and drops all trailers (H20).
    """
    live = balance()
    answer = live.ask(
        b"Transfer-Encoding: chunked", start=b"PUT / HTTP/1.1", body=CHUNKS + TRAILERS
    )
    assert answer.body == b"ok"
    assert live.member is not None
    got = live.member.request()
    assert (got.body, got.get("Content-Length")) == (b"hello world", None)
    assert got.trailers == [(b"x-sum", b"1"), (b"x-sum", b"2")]
    assert b"a=b" not in live.member.received


@both
def test_chunked_answer_with_trailers(balance: Starter) -> None:
    """
    A chunked answer reaches HTTP/1.1 clients chunked, with its trailers; Apache drops them.
    """
    live = balance(answers(CHUNKED + TRAILERS))
    client = live.client()
    for _ in range(2):
        answer = client.ask()
        assert answer.body == b"hello world"
        assert answer.trailers == [(b"x-sum", b"1"), (b"x-sum", b"2")]
    assert live.member is not None
    assert len(live.member.sides) == 1


def test_H32_chunked_answer_to_an_old_client(balance: Starter) -> None:
    """
    An HTTP/1.0 client gets the data up to the close, even if it asked to stay (H32).
    """
    live = balance(answers(CHUNKED + TRAILERS))
    client = live.client()
    answer = client.ask(b"Connection: keep-alive", start=b"GET / HTTP/1.0")
    assert answer.body == b"hello world"
    assert answer.get("Transfer-Encoding") is None
    assert answer.get("Connection") == b"close"


@pytest.mark.parametrize("pieces", [1, 3])
def test_H32_answer_up_to_the_close(balance: Starter, pieces: int) -> None:
    """
    An answer that ends with the connection is chunked for HTTP/1.1, which goes on (H32).
    """
    live = balance(says(b"HTTP/1.1 200 OK\r\n\r\n", *[b"data"] * pieces))
    client = live.client()
    for _ in range(2):
        answer = client.ask()
        assert answer.body == b"data" * pieces
        assert answer.get("Transfer-Encoding") == b"chunked"
    old = live.ask(start=b"GET / HTTP/1.0")
    assert (old.body, old.get("Connection")) == (b"data" * pieces, b"close")


def test_answer_of_an_old_member(balance: Starter) -> None:
    """
    HTTP/1.0 of a member becomes HTTP/1.1, chunked where there is no length (table of 5).
    """
    live = balance(says(b"HTTP/1.0 200 Fine\r\nServer: old\r\n\r\ndata"))
    answer = live.ask()
    assert (answer.start, answer.body) == (b"HTTP/1.1 200 Fine", b"data")
    assert answer.get("Transfer-Encoding") == b"chunked"
    kept = balance(
        answers(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\ndata")
    )
    client = kept.client()
    assert [client.ask().body for _ in range(2)] == [b"data"] * 2
    assert kept.member is not None
    assert len(kept.member.sides) == 1


@both
def test_HEAD(balance: Starter) -> None:
    """
    An answer to HEAD keeps its length and has no body, and the connection goes on.
    """
    live = balance(
        answers(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
            OK,
        )
    )
    client = live.client()
    assert client.ask(start=b"HEAD / HTTP/1.1").get("Content-Length") == b"1000"
    assert client.ask(start=b"HEAD / HTTP/1.1").get("Content-Length") is None
    assert client.ask(start=b"HEAD / HTTP/1.1").get("Content-Length") is None
    assert client.ask().body == b"ok"
    assert live.member is not None
    assert len(live.member.sides) == 1


@both
@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_answers_without_a_body(balance: Starter, status: bytes) -> None:
    """
    204 and 304 have no body whatever they say; 304 may tell a length (RFC 9110 8.6).
    """
    text = b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\nETag: x\r\n\r\n"
    live = balance(answers(text, OK))
    client = live.client()
    answer = client.ask()
    assert answer.start in started(b"HTTP/1.1 " + status)
    assert answer.get("Content-Length") == (None if b"204" in status else b"5")
    assert client.ask().body == b"ok"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_forbidden_body_is_dropped(balance: Starter, status: bytes) -> None:
    """
    A body after 204 or 304 reaches nobody, and its connection is not used again.
    """
    text = b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\n\r\nhello"
    live = balance(answers(text))
    client = live.client()
    for _ in range(2):
        assert client.ask().start == b"HTTP/1.1 " + status
        assert client.buffer == b""
    assert live.member is not None
    assert len(live.member.sides) == 2


@both
def test_HEAD_with_a_body(balance: Starter) -> None:
    """
    The same for a body after HEAD.
    """
    live = balance(answers(OK))
    client = live.client()
    for _ in range(2):
        assert client.ask(start=b"HEAD / HTTP/1.1").get("Content-Length") == b"2"
    assert client.ask().body == b"ok"


# -- interim answers


def test_H42_continue_comes_from_the_member(balance: Starter) -> None:
    """
    100 is passed on when the member says so, and only then the body is sent (H42).
    """

    def script(side: MemberSide) -> None:
        head = side.head()
        assert head.get("Expect") == b"100-continue"
        assert head.get("Content-Length") == b"4"
        assert side.buffer == b""
        side.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert side.exactly(4) == b"body"
        side.send(OK)

    live = balance(script)
    client = live.client()
    client.send(request(b"Content-Length: 4", b"Expect: 100-continue", start=b"PUT / HTTP/1.1"))
    assert client.answer().start == b"HTTP/1.1 100 Continue"
    client.send(b"body")
    assert client.answer().body == b"ok"


@pytest.mark.parametrize("close", [b"Connection: close\r\n", b""])
def test_H43_final_answer_instead_of_continue(balance: Starter, close: bytes) -> None:
    """
    A refusal instead of 100 reaches the client, the body is not sent, and the member stays
    in: Apache answers 500 and puts it in error (H43, X7).
    """
    text = b"HTTP/1.1 417 No\r\n" + close + b"Content-Length: 2\r\n\r\nno"

    def script(side: MemberSide) -> None:
        side.head()
        side.send(text)
        assert side.rest() == b""

    live = balance(script, answers(OK), member="maxfails=1")
    client = live.client()
    client.send(request(b"Content-Length: 4", b"Expect: 100-continue", start=b"PUT / HTTP/1.1"))
    answer = client.answer()
    assert (answer.status, answer.body) == (417, b"no")
    assert answer.get("Connection") == b"close"
    assert client.is_closed()
    assert live.ask().body == b"ok"
    assert live.log()[0]["attempts"] == 1


@both
def test_client_that_does_not_wait(balance: Starter) -> None:
    """
    A client may send its body without waiting, and may get the 100 later.
    """

    def script(side: MemberSide) -> None:
        side.head()
        assert side.exactly(4) == b"body"
        side.send(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)

    client = balance(script).client()
    client.send(
        request(
            b"Content-Length: 4", b"Expect: 100-continue", start=b"PUT / HTTP/1.1", body=b"body"
        )
    )
    assert [client.answer().status for _ in range(2)] == [100, 200]


@both
def test_H10_other_expectations(balance: Starter) -> None:
    """
    H10: an expectation that nobody knows is 417 here.
    """
    live = balance()
    assert live.ask(b"Expect: wonders").status == 417
    assert live.member is not None
    assert live.member.received == b""


def test_expectation_without_a_member(balance: Starter) -> None:
    """
    A client that waits for 100 is answered at once when nobody will take its body.
    """
    client = balance(mount="max-body = 10").client()
    client.send(request(b"Content-Length: 11", b"Expect: 100-continue", start=b"PUT / HTTP/1.1"))
    answer = client.answer()
    assert (answer.status, answer.get("Connection")) == (413, b"close")


@both
def test_interim_answers(balance: Starter, protocol: str) -> None:
    """
    103 is passed on with its headers but not to HTTP/1.0, and a 100 that nobody asked for is not.
    """
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x-own\r\nX-Own: 1\r\n\r\n"
    live = balance(answers(b"HTTP/1.1 100 Continue\r\n\r\n" + hints + hints + OK))
    client = live.client()
    client.send(request())
    for _ in range(2):
        early = client.answer()
        assert (early.status, early.get("Link")) == (103, b"</a>")
        assert len(early.headers) == 1
    assert client.answer().body == b"ok"
    if protocol == "http1":
        assert live.ask(start=b"GET / HTTP/1.0").body == b"ok"


@both
@pytest.mark.parametrize(("interim", "status"), [(9, 200), (10, 502)])
def test_many_interim_answers(balance: Starter, interim: int, status: int) -> None:
    """
    Nine interim answers are passed on; ten are too many (table of 5).
    """
    live = balance(answers(b"HTTP/1.1 102 Processing\r\n\r\n" * interim + OK))
    client = live.client()
    client.send(request())
    got = [client.answer().status for _ in range(10)]
    assert got == [102] * 9 + [status]


# -- answers before the end of the request


def early(text: bytes, then: str) -> Script:
    def script(side: MemberSide) -> None:
        side.head()
        side.send(text)
        if then == "reset":
            side.reset()
        elif then == "close":
            side.close()
        else:
            side.rest()

    return script


@pytest.mark.parametrize("then", ["stay", "close", "reset"])
def test_answer_before_the_end_of_the_body(balance: Starter, then: str) -> None:
    """
    A 413 that comes while the client still sends can be read by it, also when the member
    closes at once; and the client is told that the connection ends.
    """
    text = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig"
    live = balance(early(text, then))
    client = live.client()
    client.send(request(b"Content-Length: 3000001", start=b"PUT / HTTP/1.1"))
    sender = threading.Thread(target=client.send, args=(b"x" * 3000000,))
    sender.start()
    answer = client.answer()
    sender.join()
    # A reset can overtake the answer within the member's own kernel: then it is a 502.
    assert answer.status == 413 or (then == "reset" and answer.status == 502)
    assert answer.get("Connection") == b"close"
    client.done_sending()
    assert client.is_closed()


def test_long_answer_before_the_end_of_the_body(balance: Starter) -> None:
    """
    An echo that begins before the request ends works, with more than any buffer holds.
    """

    def echo(side: MemberSide) -> None:
        side.head()
        side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        for _ in range(100):
            side.send(side.exactly(10000))

    live = balance(echo)
    client = live.client()
    client.send(request(b"Content-Length: 1000000", start=b"PUT / HTTP/1.1"))
    body = bytes(range(250)) * 4000
    sender = threading.Thread(target=client.send, args=(body,))
    sender.start()
    answer = client.answer()
    sender.join()
    assert answer.body == body


def test_local_answer_while_the_client_sends(balance: Starter) -> None:
    """
    A refusal made here can be read by a client in the middle of a large body, too.
    """
    client = balance(mount="max-body = 1M").client()
    client.send(request(b"Content-Length: 3000000", start=b"PUT / HTTP/1.1"))
    sender = threading.Thread(target=client.send, args=(b"x" * 3000000,))
    sender.start()
    answer = client.answer()
    sender.join()
    assert (answer.status, answer.get("Connection")) == (413, b"close")


def test_max_body_of_chunks(balance: Starter) -> None:
    """
    max-body counts the data of chunks as they come; 413, and the member is cut off.
    """
    live = balance(mount="max-body = 10")
    client = live.client()
    body = b"a\r\n0123456789\r\n"
    client.send(request(b"Transfer-Encoding: chunked", start=b"PUT / HTTP/1.1", body=body))
    client.send(b"1\r\nx\r\n")
    answer = client.answer()
    assert (answer.status, answer.get("Connection")) == (413, b"close")
    exact = live.ask(
        b"Transfer-Encoding: chunked", start=b"PUT / HTTP/1.1", body=body + b"0\r\n\r\n"
    )
    assert exact.body == b"ok"
    assert live.log()[0]["reason"] == "body-too-large"


@pytest.mark.parametrize(
    "junk", [b"x\r\n", b"0x1\r\na\r\n", b"1\r\naa\r\n", b"1 \r\na\r\n", b"-1\r\n", b"1\na\r\n"]
)
def test_F23_broken_chunks(balance: Starter, junk: bytes) -> None:
    """
    F23: bad chunks are 400, the member never reads the end of such a request, and keeps in.
    """

    def script(side: MemberSide) -> None:
        side.head()
        assert not side.rest().endswith(b"0\r\n\r\n")

    live = balance(script, answers(OK), member="maxfails=1", balancer="maxattempts = 0")
    client = live.client()
    body = b"1\r\na\r\n" + junk + b"0\r\n\r\n"
    client.send(request(b"Transfer-Encoding: chunked", start=b"PUT / HTTP/1.1", body=body))
    answer = client.answer()
    assert (answer.status, answer.get("Connection")) == (400, b"close")
    (line,) = live.log()
    assert (line["reason"], line["status"]) == ("bad-request", 400)


def test_local_answers_leave_no_body_behind(balance: Starter) -> None:
    """
    The body of a request that is answered here is read away, and the next request is served.
    """
    live = balance()
    client = live.client()
    client.send(
        request(b"Content-Length: 5", start=b"OPTIONS * HTTP/1.1", body=b"GET /")
        + request(_CHUNKED, start=b"OPTIONS * HTTP/1.1", body=CHUNKS + TRAILERS)
        + request(b"Max-Forwards: 0", b"Content-Length: 3", start=b"PUT / HTTP/1.1", body=b"abc")
        + request()
    )
    assert [client.answer().status for _ in range(4)] == [200, 200, 400, 200]
    assert live.member is not None
    assert live.member.requests.qsize() == 1


@both
def test_F3_chunks_and_trailers_go_to_the_next_member(balance: Starter) -> None:
    """
    A chunked body, trailers and all, is sent again where the first member could not be reached.
    """
    live = balance(free_port(), Member())
    for _ in range(2):
        answer = live.ask(_CHUNKED, start=b"POST / HTTP/1.1", body=CHUNKS + TRAILERS)
        assert answer.body == b"ok"
        got = live.members[0].request()
        assert got.body == b"hello world"
        assert got.trailers == [(b"x-sum", b"1"), (b"x-sum", b"2")]
    assert 2 in [line["attempts"] for line in live.log()]


@both
def test_X3_a_small_put_is_sent_again(balance: Starter) -> None:
    """
    An idempotent request with a body goes to the next member when the first one fell silent;
    the body is kept for that up to a bound, beyond which there is no second try.
    """
    live = balance(says(), Member())
    for _ in range(2):
        body = b"x" * 60000
        answer = live.ask(b"Content-Length: 60000", start=b"PUT / HTTP/1.1", body=body)
        assert answer.body == b"ok"
        assert live.members[1].request().body == body
