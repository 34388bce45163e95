"""
What the log says of members that fail request after request.
"""

from __future__ import annotations

from twisted.logger import capturedLogs, formatEvent

from tests.proxy.rigs import GET, OK, make_rig
from txbalancer.core.member import Member
from txbalancer.core.specs import MemberSpec
from txbalancer.errors import BalancerError, ConnectFailed, MemberClosed, TLSFailed
from txbalancer.proxy.faults import Faults


def warnings(logged) -> list[str]:
    """
    Return the texts of the warnings.
    """
    return [formatEvent(event) for event in logged if event["log_level"].name == "warn"]


def told(error: BalancerError, times: list[float], read: int = 0) -> list[str]:
    """
    Return what the log says of a failure that happens at some times.
    """
    member = Member(MemberSpec("https://app.test", "https", "app.test", 443))
    member.read = read
    faults = Faults()
    with capturedLogs() as logged:
        for now in times:
            faults.note("shop", member, error, now)
        faults.forget(member)
    return warnings(logged)


def test_failures_of_tls_are_told_once_a_minute() -> None:
    """
    The first is told at once, and later ones with their number, whatever came before.
    """
    text = "shop: https://app.test: tls-failed: TLS: bad"
    found = told(TLSFailed("https://app.test: TLS: bad"), [1, 2, 3, 62], read=5)
    assert found == [text, f"{text} (and 2 more like it)"]


def test_who_has_answered_may_fail_now_and_then() -> None:
    """
    A lost connection is news only of a member that has never answered; that nobody is there
    is told by the member's state.
    """
    text = "gone (it has never answered: does it speak https?)"
    assert told(MemberClosed("gone"), [1]) == [f"shop: https://app.test: member-closed: {text}"]
    assert told(MemberClosed("gone"), [1], read=5) == []
    assert told(ConnectFailed("nobody there"), [1]) == []


def test_a_member_that_speaks_something_else_is_told() -> None:
    """
    The log names a member that has answered nothing of use, and is silent about one that has.
    """
    rig = make_rig(1)
    with capturedLogs() as logged:
        for _ in range(2):
            rig.client().send(GET)
            rig.accept().send(b"SSH-2.0-OpenSSH\r\n\r\n")
            rig.advance(0.1)
    (text,) = warnings(logged)
    assert text.startswith("shop: http://10.0.0.1: bad-response: ")
    assert text.endswith("(it has never answered: does it speak http without TLS?)")
    rig.advance(70)
    with capturedLogs() as logged:
        rig.client().send(GET)
        member = rig.accept()
        member.send(OK)
        rig.client().send(GET)
        member.send(b"SSH-2.0-OpenSSH\r\n\r\n")
        rig.advance(0.1)
    assert [each.reason for each in rig.outcomes[-2:]] == ["ok", "bad-response"]
    assert warnings(logged) == []


def test_a_member_that_speaks_tls_is_told() -> None:
    """
    It complains of a plain request by an alert; the log and the member's state say so.
    """
    rig = make_rig(1)
    with capturedLogs() as logged:
        for _ in range(3):
            rig.client().send(GET)
            rig.accept().send(b"\x15\x03\x01\x00\x02\x02\x46")
            rig.advance(0.1)
    text = warnings(logged)[0]
    assert "no HTTP/1 answer but TLS (it has never answered: does it speak http without" in text
    assert (
        rig.balancer()
        .members[0]
        .cause.endswith("bad-response (it has never answered: does it speak http without TLS?)")
    )
