"""
Requests for which this machine has no descriptor.
"""

from __future__ import annotations

from errno import EMFILE

from twisted.internet.error import ConnectBindError

from tests.proxy.rigs import GET, OK, begin, make_rig, status_of

NONE_LEFT = ConnectBindError(EMFILE, "Too many open files")


def test_no_member_is_blamed() -> None:
    """
    However often it happens; the client is told to try again.
    """
    rig = make_rig(1, member="maxfails=1 retry=60")
    for _ in range(3):
        client = rig.client()
        client.send(GET)
        (opening,) = rig.openings()
        opening.fail(NONE_LEFT)
        answer = client.taken()
        assert status_of(answer) == 503
        assert b"\r\nRetry-After: " in answer
        assert rig.outcomes[-1].reason == "no-descriptors"
    (member,) = rig.balancer().members
    assert member.usable
    assert member.busy == 0


def test_a_connection_that_is_free_does_not_need_one() -> None:
    """
    Another member that has one takes the request.
    """
    rig = make_rig(2)
    client, member = begin(rig)
    member.send(OK)
    client.taken()
    client.send(GET)
    (opening,) = rig.openings()
    opening.fail(NONE_LEFT)
    assert member.taken().count(b"GET ") == 2
    member.send(OK)
    assert status_of(client.taken()) == 200
    assert rig.outcomes[-1].tried == (("http://10.0.0.2", "no-descriptors"),)
