"""
What a member may say, and what becomes of its connection.
"""

from __future__ import annotations

import pytest

from tests.proxy.rigs import GET, OK, begin, body_of, check_rest, make_rig, status_of

pytestmark = pytest.mark.usefixtures("ends")

HEAD = GET.replace(b"GET", b"HEAD")
CL = b"HTTP/1.1 200 OK\r\nContent-Length: "


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (CL + b"0\r\n\r\n", b""),
        (CL + b"5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"0\r\n\r\n"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
            b"0\r\nX-Sum: 1\r\n\r\n",
            b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", b""),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    ],
)
def test_any_split_of_an_answer_is_the_same_answer(answer, body) -> None:
    """
    Answers pass whole or byte by byte, and their connection is used again.
    """
    rig = make_rig(1)
    client, member = begin(rig)
    member.send(answer)
    whole = client.taken()
    assert body_of(whole) == body
    client.send(GET)
    for byte in answer:
        member.send(bytes((byte,)))
    again = client.taken()
    assert again.partition(b"\r\n\r\n")[0] == whole.partition(b"\r\n\r\n")[0]
    if b"chunked" not in answer:
        assert body_of(again) == body
    assert not member.lost
    check_rest(rig)


def test_head_has_no_body() -> None:
    """
    An answer to HEAD ends with its head, whatever length it names; the length is kept.
    """
    rig = make_rig(1)
    client, member = begin(rig, HEAD)
    member.send(CL + b"1234\r\n\r\n")
    answer = client.taken()
    assert b"\r\nContent-Length: 1234\r\n" in answer
    assert body_of(answer) == b""
    assert not member.lost
    check_rest(rig)


def test_until_close() -> None:
    """
    A body without a length lasts until the member closes; the client gets chunks.
    """
    rig = make_rig(1)
    client, member = begin(rig)
    member.send(b"HTTP/1.1 200 OK\r\n\r\nbe")
    member.send(b"gun")
    assert rig.outcomes == []
    member.end()
    answer = client.taken()
    assert b"\r\nTransfer-Encoding: chunked\r\n" in answer
    assert body_of(answer) == b"2\r\nbe\r\n3\r\ngun\r\n0\r\n\r\n"
    assert rig.outcomes[0].reason == "ok"
    check_rest(rig)


def test_until_close_but_broken() -> None:
    """
    A reset is no regular end of such a body: the client must be able to tell.
    """
    rig = make_rig(1)
    client, member = begin(rig)
    member.send(b"HTTP/1.1 200 OK\r\n\r\nbegun")
    member.reset()
    assert client.ended == "aborted"
    assert rig.outcomes[0].reason == "truncated"


@pytest.mark.parametrize(
    "answer",
    [
        b"hello\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        CL + b"2\r\nContent-Length: 3\r\n\r\nok",
        CL + b"2\r\nTransfer-Encoding: chunked\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 103 Early\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
        b"H" + b"a" * 70000,
    ],
)
def test_garbage_is_502(answer) -> None:
    """
    Nothing of an answer that breaks HTTP/1.1 is passed on, HTTP/0.9 neither; the connection
    is not used again.
    """
    rig = make_rig(1)
    client, member = begin(rig)
    member.send(answer)
    assert status_of(client.taken()) == 502
    assert rig.outcomes[0].reason == "bad-response"
    assert member.ended == "aborted"
    check_rest(rig)


def test_broken_chunks_cut_the_client_off() -> None:
    """
    Where the head is gone already, a broken body ends the client's connection.
    """
    rig = make_rig(1)
    client, member = begin(rig)
    member.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
    member.send(b"xyz\r\n")
    assert client.ended == "aborted"
    assert rig.outcomes[0].reason == "bad-response"


def test_interim_answers_are_bounded() -> None:
    """
    Ten interim answers are one too many.
    """
    rig = make_rig(1)
    client, member = begin(rig)
    for _ in range(9):
        member.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    assert not member.lost
    member.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    assert member.lost
    assert client.taken().count(b"HTTP/1.1 103") == 9


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"more",
        OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        OK.replace(b"/1.1", b"/1.0"),
        b"HTTP/1.1 204 No Content\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nmore",
    ],
)
def test_some_connections_are_not_used_again(answer) -> None:
    """
    Bytes behind an answer, or a member that closes: the answer counts, the connection ends.
    """
    rig = make_rig(1)
    client, member = begin(rig)
    member.send(answer)
    assert status_of(client.taken()) in (200, 204)
    assert member.lost
    check_rest(rig)


def test_silence_within_an_answer() -> None:
    """
    C{timeout} bounds each silence, not the whole; then the client is cut off.
    """
    rig = make_rig(1, member="timeout=10")
    client, member = begin(rig)
    rig.advance(9)
    member.send(CL + b"100\r\n\r\n")
    for _ in range(5):
        rig.advance(9)
        member.send(b"x")
    assert not client.lost
    rig.advance(11)
    assert client.ended == member.ended == "aborted"
    assert rig.outcomes[0].reason == "response-timeout"
    check_rest(rig)


def test_a_paused_member_is_not_silent() -> None:
    """
    While the client holds the answer up, the member's silence does not count.
    """
    rig = make_rig(1, member="timeout=5", listener="write-timeout = 1000")
    client, member = begin(rig)
    client.room = 0
    member.send(CL + b"200000\r\n\r\n" + b"x" * 100_000)
    rig.advance(100)
    assert not member.lost
    client.take()
    rig.advance(4)
    assert not member.lost
    rig.advance(3)
    assert member.ended == "aborted"


def test_members_own_date_and_server_are_kept() -> None:
    """
    Date and Server of the member are passed on, never doubled (H20).
    """
    client, member = begin(make_rig(1))
    member.send(CL + b"0\r\nDate: then\r\nServer: them\r\nX-A: 1\r\nX-A: 2\r\n\r\n")
    lines = client.taken().split(b"\r\n")
    assert [each for each in lines if each[:5] == b"Date:"] == [b"Date: then"]
    assert b"Server: them" in lines
    assert lines.index(b"X-A: 1") < lines.index(b"X-A: 2")


def test_closing_with_unread_bytes_is_bounded() -> None:
    """
    A tunnel's last bytes wait for the member for C{timeout} without progress, not for ever.
    """
    rig = make_rig(1, member="timeout=10 disablereuse=on")
    _, member = begin(rig)
    member.room = 0
    member.write(b"x")
    member.send(OK)
    assert not member.lost
    rig.advance(25)
    assert member.lost
    assert len(rig.runtime.deadlines) == 1
