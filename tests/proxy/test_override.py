"""
erroroverride, badheader and failonstatus: APACHE items F20 and F22.
"""

from __future__ import annotations

import pytest

from tests.proxy.rigs import GET, OK, POST, begin, body_of, check_rest, make_rig, status_of
from txbalancer.core import flags

SECRET = (
    b"HTTP/1.1 404 Own Phrase\r\nRetry-After: 7\r\nX-Trace: stack\r\nWWW-Authenticate: Basic\r\n"
    b"Content-Length: 6\r\n\r\nsecret"
)
HEAD = GET.replace(b"GET", b"HEAD")


def override(codes: str = "On", request: bytes = GET, mount: str = ""):
    """
    Make a rig that overrides, with a request at the member.
    """
    rig = make_rig(1, mount=f"erroroverride = {codes}\n{mount}")
    return rig, *begin(rig, request)


def test_F22_an_error_of_a_member_gets_our_page() -> None:
    """
    Our body and headers under the member's status and phrase; the connection is kept.
    """
    rig, client, member = override()
    member.send(SECRET)
    answer = client.taken()
    assert answer.startswith(b"HTTP/1.1 404 Own Phrase\r\n")
    for word in (b"secret", b"Retry-After", b"X-Trace", b"WWW-Authenticate", b"Connection"):
        assert word not in answer
    assert b"There is nothing at this address" in body_of(answer)
    (outcome,) = rig.outcomes
    assert (outcome.status, outcome.reason, outcome.tried) == (404, "ok", ())
    assert outcome.bytes_out == len(body_of(answer))
    client.send(GET)
    member.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_F22_a_challenge_is_kept_on_401() -> None:
    """
    Without it nobody could log in.
    """
    _, client, member = override()
    member.send(SECRET.replace(b"404", b"401"))
    answer = client.taken()
    assert b"\r\nWWW-Authenticate: Basic\r\n" in answer
    assert b"secret" not in answer


@pytest.mark.parametrize(
    ("codes", "status", "ours"),
    [
        ("On", 503, True),
        ("On", 400, True),
        ("On", 302, False),
        ("On", 304, False),
        ("404 503", 503, True),
        ("404 503", 500, False),
        ("Off", 404, False),
    ],
)
def test_F22_which_answers(codes, status, ours) -> None:
    """
    On is 400 to 599; a list is no more than it says.
    """
    _, client, member = override(codes)
    member.send(b"HTTP/1.1 %d Own\r\nX-Trace: t\r\nContent-Length: 0\r\n\r\n" % status)
    answer = client.taken()
    assert answer.startswith(b"HTTP/1.1 %d Own\r\n" % status)
    assert (b"X-Trace" not in answer) is ours


def test_F22_to_head_there_is_no_body() -> None:
    """
    Only what a GET would have got is described.
    """
    rig, client, member = override(request=HEAD)
    member.send(SECRET.removesuffix(b"secret"))
    answer = client.taken()
    assert body_of(answer) == b""
    assert b"Content-Length: 6\r\n" not in answer
    check_rest(rig)


def test_F22_an_old_answer_is_ours_in_a_new_version() -> None:
    """
    A member of HTTP/1.0 changes nothing for the client.
    """
    _, client, member = override()
    member.send(SECRET.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert client.taken().startswith(b"HTTP/1.1 404 Own Phrase\r\n")


@pytest.mark.parametrize(
    ("rest", "kept"),
    [
        ((b"Content-Length: 6\r\n\r\nsec", b"ret"), True),
        ((b"Transfer-Encoding: chunked\r\n\r\n3\r\nsec", b"\r\n3\r\nret\r\n0\r\n\r\n"), True),
        ((b"Content-Length: 200000\r\n\r\nsec", b"x" * 70000), False),
        ((b"\r\nsec", b"ret"), False),
    ],
)
def test_F22_what_comes_later_is_dropped(rest, kept) -> None:
    """
    The client is answered at once. A connection that is worth it is read to the end of the
    answer and used again, another one is closed.
    """
    rig, client, member = override()
    start, end = rest
    member.send(b"HTTP/1.1 500 Own\r\n" + start)
    answer = client.taken()
    assert status_of(answer) == 500
    assert rig.balancer().members[0].busy == 0
    assert rig.balancer().members[0].pool.idle == []
    member.send(end)
    assert client.taken() == b""
    assert len(rig.balancer().members[0].pool.idle) == kept
    assert bool(member.ended) is not kept
    assert len(rig.outcomes) == 1
    check_rest(rig)


def test_F22_a_member_that_breaks_off_later_harms_nobody() -> None:
    """
    The client has its answer already.
    """
    rig, client, member = override()
    member.send(b"HTTP/1.1 500 Own\r\nContent-Length: 10\r\n\r\nsec")
    client.taken()
    member.end()
    assert rig.balancer().members[0].failures == []
    assert rig.balancer().members[0].pool.open == 0
    client.send(GET)
    rig.accept().send(OK)
    assert status_of(client.taken()) == 200


def test_F22_a_member_that_stops_is_not_read_for_ever() -> None:
    """
    C{timeout} ends a connection whose answer nobody waits for.
    """
    rig, client, member = override()
    member.send(b"HTTP/1.1 500 Own\r\nContent-Length: 10\r\n\r\nsec")
    client.taken()
    rig.advance(70)
    assert member.ended == "aborted"
    assert rig.balancer().members[0].failures == []


def test_F22_a_member_paused_for_a_slow_client_is_read_on() -> None:
    """
    The client has stopped at an interim answer; the member's connection is free all the same.
    """
    rig, client, member = override()
    client.room = 0
    client.most_queued = 10
    member.send(
        b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 500 Own\r\nContent-Length: 6\r\n\r\nsec"
    )
    member.send(b"ret")
    assert len(rig.balancer().members[0].pool.idle) == 1
    client.take()
    assert b"HTTP/1.1 500 Own" in client.taken()
    check_rest(rig)


def test_F22_an_answer_before_the_end_of_the_request() -> None:
    """
    The rest of the upload is read for the client's sake, and goes to nobody.
    """
    rig, client, member = override(request=POST)
    member.send(SECRET)
    answer = client.taken()
    assert status_of(answer) == 404
    assert b"Connection: close" in answer
    assert member.ended
    client.send(b"0123456789")
    client.end()
    assert rig.outcomes[0].reason == "ok"
    check_rest(rig)


def test_F22_and_header_edits_and_sticky_cookies() -> None:
    """
    The page is ours, so only edits of C{always} concern it; the session stays where it is.
    """
    rig = make_rig(
        1,
        balancer="stickycookie = S",
        mount="erroroverride = On\nheader =\n    always set X-A a\n    set X-B b",
    )
    client, member = begin(rig)
    member.send(SECRET)
    answer = client.taken()
    assert b"X-A: a\r\n" in answer
    assert b"X-B" not in answer
    assert b"Set-Cookie: S=" in answer


def test_F20_with_erroroverride() -> None:
    """
    Both do their part: the page is ours, and the member is out.
    """
    rig = make_rig(1, balancer="failonstatus = 503", mount="erroroverride = On")
    client, member = begin(rig)
    member.send(SECRET.replace(b"404", b"503"))
    assert b"secret" not in client.taken()
    assert rig.balancer().members[0].flags & flags.IN_ERROR


@pytest.mark.parametrize(("codes", "out"), [("502", True), ("500, 504", False)])
def test_F20_a_status_that_a_member_made_us_answer(codes, out) -> None:
    """
    failonstatus = 502 catches a member that closes before it answers, at the first time (F4).
    """
    rig = make_rig(1, balancer=f"failonstatus = {codes}")
    client, member = begin(rig, POST + b"0123456789")
    member.end()
    assert status_of(client.taken()) == 502
    assert bool(rig.balancer().members[0].flags & flags.IN_ERROR) is out


def test_F20_not_with_ignore_errors() -> None:
    """
    A member with +I stays in use.
    """
    rig = make_rig(1, member="status=+I", balancer="failonstatus = 502")
    client, member = begin(rig, POST + b"0123456789")
    member.end()
    assert status_of(client.taken()) == 502
    assert not rig.balancer().members[0].flags & flags.IN_ERROR


def test_F20_a_status_of_our_own_blames_nobody() -> None:
    """
    A queue that is full is 503 for no fault of a member's.
    """
    rig = make_rig(1, member="max=1 maxqueue=0", balancer="failonstatus = 503")
    begin(rig)
    second = rig.client()
    second.send(GET)
    assert status_of(second.taken()) == 503
    assert not rig.balancer().members[0].flags & flags.IN_ERROR


BAD = b"HTTP/1.1 200 OK\r\nX-A: a\r\n%b\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("line", [b"no colon", b"X B: c", b"X-B : c", b": c", b"X\x80: c"])
def test_badheader(line) -> None:
    """
    iserror refuses an answer with a line that is none; ignore leaves the line out.
    """
    for option, status in (("iserror", 502), ("ignore", 200)):
        rig = make_rig(1, member=f"badheader={option}")
        client, member = begin(rig)
        member.send(BAD % line)
        answer = client.taken()
        assert status_of(answer) == status
        if status == 200:
            assert answer.startswith(b"HTTP/1.1 200 OK\r\nX-A: a\r\n")
            assert line not in answer
            assert body_of(answer) == b"ok"


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Length : 5",
        b"Transfer-Encoding chunked",
        b"Transfer\x80-Encoding: chunked",
        b"content length: 7",
        b"X-B: 1\r\n folded",
        b"X-B: 1\x00",
        b"X B: 1\x0b",
        b"X-B\rX: 1",
        b"Content-Length: 5",
        b"Transfer-Encoding: chunked",
    ],
)
def test_badheader_forgives_nothing_about_framing(line) -> None:
    """
    Whatever may be meant to say where the answer ends is refused all the same.
    """
    rig = make_rig(1, member="badheader=ignore")
    client, member = begin(rig)
    member.send(BAD % line)
    assert status_of(client.taken()) == 502


def test_badheader_in_an_interim_answer_and_across_reads() -> None:
    """
    Every head of the answer is treated the same, in whatever pieces it comes.
    """
    rig = make_rig(1, member="badheader=ignore")
    client, member = begin(rig)
    text = b"HTTP/1.1 103 Early\r\nbad\r\nLink: x\r\n\r\n" + BAD % b"worse"
    for place in range(len(text)):
        member.send(text[place : place + 1])
    answer = client.taken()
    assert answer.startswith(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nX-A: a\r\n")
    assert b"bad" not in answer
    assert b"worse" not in answer
