"""
What FastCGI applications complain of, and how long that may take.
"""

from __future__ import annotations

from twisted.logger import globalLogPublisher

from tests.fastcgi.application import END, OK, complaint, out
from tests.proxy.packets import KEPT, fcgi_rig
from tests.proxy.rigs import GET, begin, body_of, check_rest, status_of


def test_complaints_are_logged_within_reason() -> None:
    """
    Printable, cut short, one a second; the answer is none of it.
    """
    events: list[dict[str, object]] = []
    rig = fcgi_rig()
    client, member = begin(rig)
    globalLogPublisher.addObserver(events.append)
    try:
        member.send(complaint(b"bad\nthings \xff \x1b[1m") + complaint(b"again") + complaint(b""))
        rig.advance(2)
        member.send(complaint(b"x" * 5000) + OK)
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert body_of(client.taken()) == b"ok"
    told = [each for each in events if "{text}" in str(each.get("log_format"))]
    assert [each["text"] for each in told] == ["bad things \ufffd  [1m", "x" * 1000]
    assert told[1]["more"] == " (and 1 more like it)"


def test_who_complains_is_not_silent() -> None:
    """
    A script that only writes to its log goes on past the timeout.
    """
    rig = fcgi_rig(member="timeout=5")
    client, member = begin(rig)
    for _ in range(4):
        rig.advance(3)
        member.send(complaint(b"still at it"))
    member.send(OK)
    assert status_of(client.taken()) == 200


def test_who_only_complains_is_given_up() -> None:
    """
    After ten times the timeout, or ten thousand complaints in a row.
    """
    rig = fcgi_rig(member="timeout=5")
    client, member = begin(rig)
    for _ in range(13):
        rig.advance(4)
        member.send(complaint(b"still at it"))
    assert rig.outcomes == []
    rig.advance(4)
    assert status_of(client.taken()) == 504
    rig = fcgi_rig()
    client, member = begin(rig)
    member.send(complaint(b"") * 5000 + complaint(b"oh") * 5000)
    assert rig.outcomes == []
    member.send(complaint(b"no"))
    assert (status_of(client.taken()), member.ended) == (502, "aborted")
    check_rest(rig)


def test_complaints_between_pieces_of_an_answer_are_fine() -> None:
    """
    Only those in a row are counted, and none of an earlier request.
    """
    rig = fcgi_rig(member=KEPT)
    client, member = begin(rig)
    for _ in range(2):
        member.send(complaint(b"x") * 9000 + out(b"X-A: b\r\n\r\n") + complaint(b"x") * 9000)
        member.send(out(b"hi") + complaint(b"x") * 9000 + END)
        assert status_of(client.taken()) == 200
        client.send(GET)
    assert [each.reason for each in rig.outcomes] == ["ok", "ok"]


def test_records_that_take_an_answer_no_further_are_silence() -> None:
    """
    Empty records, and a body after HEAD, do not hold an exchange beyond timeout; neither does who
    complains between the latter hold it for longer than who only complains. A client that has
    asked for a head only has all by then.
    """
    head = GET.replace(b"GET", b"HEAD", 1)
    for request, said, most, end, reason in (
        (GET, out(b""), 5, "aborted", "response-timeout"),
        (head, out(b"x"), 5, "", "ok"),
        (head, out(b"x") + complaint(b"oh"), 50, "", "ok"),
    ):
        rig = fcgi_rig(member="timeout=5")
        client, member = begin(rig, request)
        member.send(out(b"X-A: b\r\n\r\n"))
        spent = 0
        while not rig.outcomes:
            assert spent < most + 4
            rig.advance(2)
            spent += 2
            member.send(said)
        assert rig.outcomes[0].reason == reason
        assert (member.ended, client.ended) == ("aborted", end)


def test_a_head_in_small_pieces_is_no_reason_to_wait_for_ever() -> None:
    """
    Who complains between the pieces of a head has the time of who only complains.
    """
    rig = fcgi_rig(member="timeout=5")
    client, member = begin(rig)
    for _ in range(13):
        rig.advance(4)
        member.send(out(b"X") + complaint(b"oh"))
    rig.advance(4)
    assert status_of(client.taken()) == 504
    check_rest(rig)
