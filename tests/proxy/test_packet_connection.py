"""
What is the same of members of AJP and of FastCGI.
"""

from __future__ import annotations

import pytest

from tests.ajp import container as ajp
from tests.fastcgi import application as fcgi
from tests.proxy.packets import AJP, BODY, FCGI, Kind
from tests.proxy.rigs import GET, POST, begin, check_rest, status_of

BAD_AJP = [
    b"HTTP/1.1 200 ajp.OK\r\n\r\n",
    ajp.CPONG,
    ajp.piece(b"x"),
    ajp.end(),
    b"AB\0\x01\x63",
    ajp.head((b"X", b"a\r\nb: c")),
    ajp.head((b"X", b"a\0b")),
    ajp.head((b"X Y", b"a")),
    ajp.head(status=99),
    ajp.head(status=100),
    ajp.head((b"Transfer-Encoding", b"chunked")),
    ajp.head((b"X", b"y" * 9000)),
    ajp.head((0xA003, b"1")) + ajp.piece(b"ab") + ajp.end(),
    ajp.head((0xA003, b"3")) + ajp.piece(b"ab") + ajp.end(),
    ajp.OK + ajp.piece(b"x"),
]
BAD_FCGI = [
    b"HTTP/1.1 200 fcgi.OK\r\n\r\n",
    fcgi.END,
    fcgi.out(b"no end of the head") + fcgi.END,
    fcgi.out(b"HTTP/1.1 404 No\r\nA: b\r\n\r\n") + fcgi.END,
    fcgi.out(b"Status: abc\r\n\r\n") + fcgi.END,
    fcgi.out(b"Status: 100 Continue\r\n\r\n") + fcgi.END,
    fcgi.out(b"no header\r\n\r\n") + fcgi.END,
    fcgi.out(b"A : b\r\n\r\n") + fcgi.END,
    fcgi.out(b"A: b\r\n folded\r\n\r\n") + fcgi.END,
    fcgi.out(b"A: \1\r\n\r\n") + fcgi.END,
    fcgi.out(b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n") + fcgi.END,
    fcgi.out(b"Content-Length: 1\r\n\r\nab") + fcgi.END,
    fcgi.out(b"Content-Length: 3\r\n\r\nab") + fcgi.END,
    fcgi.out(b"A: " + b"b" * 9000 + b"\r\n\r\n") + fcgi.END,
    fcgi.out(b"A: b\r\n" * 10000) + fcgi.out(b"A: b\r\n" * 2000),
    fcgi.out(b"A: b\r\n" * 10000) + fcgi.out(b"A: b\r\n" * 2000 + b"\r\n") + fcgi.END,
    fcgi.record(3, b"\0\0\0\0\2\0\0\0"),
    fcgi.record(3),
    fcgi.record(9),
    fcgi.OK + fcgi.out(b"x"),
]


@pytest.fixture(params=[AJP, FCGI], ids=["ajp", "fcgi"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """
    One of the protocols.
    """
    found: Kind = request.param
    return found


def test_expectations_are_answered_here(kind: Kind) -> None:
    """
    Neither has 100 (Continue): the client gets it when the member is there.
    """
    rig = kind.rig()
    client, member = begin(rig, POST[:-2] + b"Expect: 100-continue\r\n\r\n")
    assert client.taken() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(BODY)
    taken = member.taken()
    assert BODY in taken
    assert b"expect" not in taken.lower()
    member.send(kind.ok)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_an_answer_before_the_body_is_over(kind: Kind) -> None:
    """
    It is passed on; the connection cannot take another request.
    """
    rig = kind.rig()
    client, member = begin(rig, POST)
    member.send(kind.ok)
    answer = client.taken()
    assert status_of(answer) == 200
    assert b"Connection: close" in answer
    assert member.ended
    assert rig.balancer().members[0].pool.open == 0


def test_words_without_a_question_end_the_connection(kind: Kind) -> None:
    """
    They must not answer the next request.
    """
    rig = kind.rig()
    client, member = begin(rig)
    member.send(kind.ok)
    client.taken()
    assert not member.ended
    member.send(kind.piece(b"x"))
    assert member.ended
    check_rest(rig)


def test_a_silent_member(kind: Kind) -> None:
    """
    After timeout it is 504, or another member's turn.
    """
    rig = kind.rig(member="timeout=5")
    client, _ = begin(rig, POST + BODY)
    rig.advance(6)
    assert status_of(client.taken()) == 504
    check_rest(rig)


def test_a_connection_that_ends_within_the_body(kind: Kind) -> None:
    """
    Only the member's word is the end of an answer.
    """
    rig = kind.rig()
    client, member = begin(rig)
    member.send(kind.head + kind.piece(b"ab"))
    member.end()
    assert client.ended == "aborted"
    assert rig.outcomes[0].reason == "truncated"
    check_rest(rig)


@pytest.mark.parametrize("dies", [True, False], ids=["dies", "silent"])
def test_a_member_that_does_not_say_the_end_of_a_whole_answer(kind: Kind, dies: bool) -> None:
    """
    The client has as much as Content-Length says, and goes on with its connection.
    """
    rig = kind.rig(member="timeout=5")
    client, member = begin(rig)
    member.send(kind.sized)
    answer = client.taken()
    assert answer.endswith(b"\r\n\r\nab")
    if dies:
        member.end()
    else:
        rig.advance(6)
    assert not client.ended
    assert rig.outcomes[0].reason == "ok"
    assert rig.balancer().members[0].pool.open == 0
    client.send(GET)
    rig.accept().send(kind.ok)
    assert status_of(client.taken()) == 200
    check_rest(rig)


@pytest.mark.parametrize(
    ("kind", "said"),
    [*((AJP, each) for each in BAD_AJP), *((FCGI, each) for each in BAD_FCGI)],
)
def test_bad_answers_are_502(kind: Kind, said: bytes) -> None:
    """
    Nothing of them is passed on.
    """
    rig = kind.rig()
    client, member = begin(rig)
    member.send(said)
    assert status_of(client.taken()) == 502
    assert rig.outcomes[0].reason == "bad-response"
    assert member.ended
    check_rest(rig)


def test_a_client_that_leaves_takes_the_connection_along(kind: Kind) -> None:
    """
    The rest of the answer would be somebody else's.
    """
    rig = kind.rig()
    client, member = begin(rig)
    member.send(kind.head + kind.piece(b"a"))
    client.reset()
    assert member.ended == "aborted"
    assert rig.outcomes[0].reason == "client-gone"
    check_rest(rig)


def test_a_client_that_does_not_read_stops_the_member(kind: Kind) -> None:
    """
    Back-pressure reaches the member.
    """
    rig = kind.rig()
    client, member = begin(rig)
    client.room = 1000
    member.send(kind.head + b"".join([kind.piece(bytes(8000))] * 20))
    assert not member.reading
    client.take()
    assert member.reading
    member.send(kind.end)
    assert rig.outcomes[0].reason == "ok"
    check_rest(rig)


def test_a_mount_without_keep_alive(kind: Kind) -> None:
    """
    Each request is its connection's last.
    """
    rig = kind.rig(mount="nokeepalive = on")
    client, member = begin(rig, GET)
    member.send(kind.ok)
    assert status_of(client.taken()) == 200
    assert member.ended == "closed"
    check_rest(rig)
