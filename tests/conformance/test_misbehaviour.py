"""
What clients see when members misbehave: the table of APACHE section 5, with our results.
"""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest

from tests.conformance.conftest import Starter, both
from tests.conformance.wire import OK, PATIENCE, Member, MemberSide, Script, says, started
from tests.peers import free_port

pytestmark = pytest.mark.conformance


def resets(side: MemberSide) -> None:
    side.head()
    side.reset()


def resets_within(side: MemberSide) -> None:
    side.head()
    side.send(b"HTTP/1.1 2")
    side.reset()


def stalls(text: bytes) -> Script:
    def script(side: MemberSide) -> None:
        side.head()
        side.send(text)
        side.rest()

    return script


BAD = {
    "closes at once": (says(), 502, "member-closed"),
    "resets at once": (resets, 502, "member-closed"),
    "closes within the status line": (says(b"HTTP/1.1 20"), 502, "member-closed"),
    "resets within the status line": (resets_within, 502, "member-closed"),
    "text without a newline": (says(b"Hello"), 502, "member-closed"),
    "closes within the headers": (says(b"HTTP/1.1 200 OK\r\nServer: x\r\n"), 502, "member-closed"),
    "one blank line first": (says(b"\r\n" + OK), 502, "bad-response"),
    "two blank lines first": (says(b"\r\n\r\n" + OK), 502, "bad-response"),
    "garbage": (says(b"garbage\r\n"), 502, "bad-response"),
    "garbage that looks like a head": (says(b"garbage\r\n\r\n"), 502, "bad-response"),
    "a bare page": (says(b"<html>..</html>\r\n\r\n"), 502, "bad-response"),
    "HTTP/2.0": (says(b"HTTP/2.0 200 OK\r\n\r\n"), 502, "bad-response"),
    "two digits": (says(b"HTTP/1.1 20 OK\r\n\r\n"), 502, "bad-response"),
    "status 099": (says(b"HTTP/1.1 099 X\r\n\r\n"), 502, "bad-response"),
    "line without colon": (says(b"HTTP/1.1 200 OK\r\nServer\r\n\r\n"), 502, "bad-response"),
    "header with a blank": (says(b"HTTP/1.1 200 OK\r\nA B: c\r\n\r\n"), 502, "bad-response"),
    "blank before colon": (says(b"HTTP/1.1 200 OK\r\nA : c\r\n\r\n"), 502, "bad-response"),
    "folded header": (says(b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"), 502, "bad-response"),
    "NUL": (says(b"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n"), 502, "bad-response"),
    "bare LF": (says(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"), 502, "bad-response"),
    "bare LF in one line": (says(b"HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n"), 502, "bad-response"),
    "long line": (says(b"HTTP/1.1 200 OK\r\nA: " + b"a" * 9000 + b"\r\n\r\n"), 502, "bad-response"),
    "endless line": (says(b"HTTP/1.1 200 OK\r\nA: " + b"a" * 80000), 502, "bad-response"),
    "101 headers": (
        says(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"\r\n"),
        502,
        "bad-response",
    ),
    "length abc": (says(b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n"), 502, "bad-response"),
    "length -1": (says(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), 502, "bad-response"),
    "two lengths": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
        502,
        "bad-response",
    ),
    "length and chunks": (
        says(
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        502,
        "bad-response",
    ),
    "coding gzip": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx"),
        502,
        "bad-response",
    ),
    "chunks in 1.0": (
        says(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        502,
        "bad-response",
    ),
    "first chunk size invalid": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
        502,
        "bad-response",
    ),
    "101 not asked for": (
        says(b"HTTP/1.1 101 Switching\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n"),
        502,
        "bad-response",
    ),
    "interim with a length": (
        says(b"HTTP/1.1 103 X\r\nContent-Length: 3\r\n\r\nabc" + OK),
        502,
        "bad-response",
    ),
    "100 and close": (says(b"HTTP/1.1 100 Continue\r\n\r\n"), 502, "member-closed"),
    "silence": (stalls(b""), 504, "response-timeout"),
    "silence within the status line": (stalls(b"HTTP/1.1 2"), 504, "response-timeout"),
    "silence within the headers": (stalls(b"HTTP/1.1 200 OK\r\nA: b\r\n"), 504, "response-timeout"),
    "silence after 103": (stalls(b"HTTP/1.1 103 X\r\n\r\n"), 504, "response-timeout"),
}


@both
@pytest.mark.parametrize("name", BAD)
def test_F4_no_usable_answer(balance: Starter, name: str) -> None:
    """
    What is no answer is 502, silence is 504, never an HTTP/0.9 answer of 200 (X4, X5); the
    client's connection stays usable, and the log names the reason.
    """
    script, status, reason = BAD[name]
    # Short only where it is to pass: on a busy machine a good member may need a while.
    live = balance(script, member=f"timeout={'100ms' if status == 504 else '10s'}")
    client = live.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    answer = client.answer()
    while answer.status < 200:
        answer = client.answer()
    assert answer.status == status
    assert answer.get("Connection") is None
    assert answer.get("Content-Type") == b"text/html; charset=utf-8"
    assert client.ask(start=b"OPTIONS * HTTP/1.1").status == 200
    line = live.log()[0]
    assert (line["status"], line["reason"]) == (status, reason)
    assert line["attempts"] == 1


@both
def test_F2_refused(balance: Starter) -> None:
    """
    A member that cannot be connected to is 503.
    """
    live = balance(free_port())
    answer = live.ask()
    assert answer.status == 503
    assert answer.get("Retry-After") is not None
    assert live.log()[0]["reason"] == "connect-failed"


@both
def test_X9_unknown_name(balance: Starter) -> None:
    """
    A name that does not resolve is a failed connect: the other member answers (Apache: 500).
    """
    live = balance(extra="    http://nowhere.invalid:1")
    assert [live.ask().body for _ in range(2)] == [b"ok", b"ok"]
    assert [line["attempts"] for line in live.log()].count(2) == 1


PASSED = {
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200"),
    "empty reason": (b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 "),
    "own reason": (
        b"HTTP/1.1 404 Gone \xe9\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Gone \xe9",
    ),
    "600": (b"HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 600 X"),
    "999": (b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 999 X"),
    "500": (b"HTTP/1.1 500 Mine\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 500 Mine"),
    "503": (b"HTTP/1.1 503 Mine\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 503 Mine"),
}


@both
@pytest.mark.parametrize("name", PASSED)
def test_F6_odd_answers_pass(balance: Starter, name: str) -> None:
    """
    F6: status and reason of the member's own pass unchanged, errors too, and blame nobody.
    """
    text, start = PASSED[name]
    live = balance(says(text), member="maxfails=1")
    for _ in range(3):
        assert live.ask().start in started(start)


CUT = {
    "length, close": says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"),
    "chunks, close": says(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n5\r\nab"
    ),
    "chunks, close before the last": says(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"
    ),
    "chunks, close before the end": says(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0\r\n"
    ),
    "length, silence": stalls(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"),
    "chunks, silence": stalls(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"
    ),
    "until close, silence": stalls(b"HTTP/1.1 200 OK\r\n\r\npart"),
}


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
@pytest.mark.parametrize("name", CUT)
def test_F10_cut_answers(balance: Starter, name: str, version: bytes) -> None:
    """
    F10: a body that breaks off is passed on as far as it came, and then the connection is
    cut: no client can take it for the whole.
    """
    live = balance(CUT[name], member="timeout=100ms")
    client = live.client()
    client.send(b"GET / HTTP/1.%b\r\nHost: a\r\n\r\n" % version[-1:])
    assert client.head().status == 200
    with pytest.raises(ConnectionResetError):
        client.rest()
    assert b"part" in client.buffer
    assert not client.buffer.endswith(b"0\r\n\r\n")
    assert live.log()[0]["reason"] in ("truncated", "response-timeout")


@pytest.mark.parametrize("protocol", ["http2"])
@pytest.mark.parametrize("name", CUT)
def test_F10_cut_answers_of_streams(balance: Starter, name: str) -> None:
    """
    F10: by HTTP/2 it is the stream that is cut, and its connection goes on.
    """
    live = balance(CUT[name], member="timeout=100ms")
    client = live.client()
    for _ in range(2):
        answer = client.ask()
        assert (answer.status, answer.body[:4], answer.complete) == (200, b"part", False)
    assert live.log()[0]["reason"] in ("truncated", "response-timeout")


def test_junk_in_later_chunks(balance: Starter) -> None:
    """
    A chunk size that is none, when the answer is under way, cuts the connection.
    """
    go_on = threading.Event()

    def script(side: MemberSide) -> None:
        side.head()
        side.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")
        go_on.wait(PATIENCE)
        side.send(b"zz\r\n")

    live = balance(script)
    client = live.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client.until(b"part\r\n")
    go_on.set()
    with pytest.raises(ConnectionResetError):
        client.fill()
    assert live.log()[0]["reason"] == "bad-response"


@both
def test_body_longer_than_its_length(balance: Starter) -> None:
    """
    What is over the length is dropped, with the connection it came from.
    """
    live = balance(says(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"))
    client = live.client()
    for _ in range(3):
        assert client.ask().body == b"ok"
    assert live.member is not None
    assert len(live.member.sides) == 3


@both
def test_an_answer_that_nobody_asked_for(balance: Starter) -> None:
    """
    Bytes on an idle connection end it, and never become the answer to the next request.
    """
    ended = threading.Event()

    def script(side: MemberSide) -> None:
        side.read()
        side.send(OK)
        side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        side.rest()
        ended.set()

    live = balance(script)
    client = live.client()
    for _ in range(3):
        assert client.ask().body == b"ok"
        assert ended.wait(PATIENCE)
        ended.clear()


@both
def test_X3_another_member_answers(balance: Starter) -> None:
    """
    X3: an idempotent request that got no byte of an answer is tried at the next member, once.
    """
    live = balance(says(), Member())
    answers = {live.ask(start=b"GET /%d HTTP/1.1" % number).body for number in range(4)}
    assert answers == {b"ok"}
    tried = [line for line in live.log() if line["attempts"] == 2]
    assert tried
    assert all(line["reason"] == "ok" for line in tried)


@both
def test_no_second_try_of_a_sent_post(balance: Starter) -> None:
    """
    A request that may have had an effect is never sent twice: 502, one attempt.
    """
    live = balance(says(), says())
    answer = live.ask(b"Content-Length: 1", start=b"POST / HTTP/1.1", body=b"x")
    assert answer.status == 502
    assert live.log()[0]["attempts"] == 1
    assert sum(member.requests.qsize() for member in live.members) == 1


@both
def test_F3_a_post_goes_on_to_the_next_member_when_none_of_it_was_sent(balance: Starter) -> None:
    """
    F3: where no connection came about, any request, body and all, goes to the next member.
    """
    live = balance(free_port(), Member())
    for body in (b"small", b"x" * 60000):
        length = b"Content-Length: %d" % len(body)
        assert live.ask(length, start=b"POST / HTTP/1.1", body=body).body == b"ok"
        assert live.members[0].request().body == body


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_reset_within_an_answer_up_to_the_close(balance: Starter, version: bytes) -> None:
    """
    Where only the close tells the end, a reset is none: the client is cut off as well.
    """
    go_on = threading.Event()

    def script(side: MemberSide) -> None:
        side.head()
        side.send(b"HTTP/1.1 200 OK\r\n\r\npart")
        go_on.wait(PATIENCE)
        side.reset()

    live = balance(script)
    client = live.client()
    client.send(b"GET / HTTP/%b\r\nHost: a\r\n\r\n" % version)
    client.until(b"part")
    go_on.set()
    with pytest.raises(ConnectionResetError):
        client.rest()
    assert live.log()[0]["reason"] == "truncated"


def test_a_member_that_takes_no_body(balance: Starter) -> None:
    """
    A member that does not read its request within timeout is 504, and the client reads that
    although it is still sending.
    """
    ended = threading.Event()

    def script(side: MemberSide) -> None:
        side.head()
        ended.wait(PATIENCE)

    live = balance(script, member="timeout=200ms", balancer="maxattempts = 0")
    client = live.client()
    client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\n\r\n")
    piece = b"x" * 100_000

    def send() -> None:
        with suppress(OSError):
            for _ in range(299):
                client.send(piece)

    sender = threading.Thread(target=send)
    sender.start()
    answer = client.answer()
    ended.set()
    assert (answer.status, answer.get("Connection")) == (504, b"close")
    client.close()
    sender.join()
    assert live.log()[0]["reason"] == "response-timeout"
