"""
Requests that any member would do for, when the elected one has no room.
"""

from __future__ import annotations

import pytest

from tests.proxy.rigs import GET, OK, check_rest, make_rig, status_of
from txbalancer.testing import MemoryRig

CLOSING = OK.replace(b"Content-Length", b"Connection: close\r\nContent-Length")


def ask(rig: MemoryRig, lines: bytes = b""):
    """
    Send a request of a client of its own.
    """
    client = rig.client()
    client.send(GET.replace(b"\r\n\r\n", b"\r\n" + lines + b"\r\n"))
    return client


def busy_rig(balancer: str = "", member: str = "max=1") -> tuple[MemoryRig, list, list]:
    """
    Make a rig whose two members have one request each; return clients and members, too.
    """
    rig = make_rig(2, balancer=balancer, member=member)
    clients = [ask(rig) for _ in range(2)]
    members = [opening.accept() for opening in rig.openings()]
    assert len(members) == 2
    for each in members:
        each.taken()
    return rig, clients, members


@pytest.mark.parametrize("answer", [OK, CLOSING])
def test_the_first_member_with_room_takes_who_waits(answer) -> None:
    """
    Whichever it was elected for, over an idle connection or one that is made.
    """
    rig, clients, members = busy_rig()
    waiting = [ask(rig) for _ in range(3)]
    rig.advance(1)
    for _ in waiting:
        members[1].send(answer)
        rig.advance(0)
        if answer is CLOSING:
            members[1] = rig.accept()
        assert members[1].taken().startswith(b"GET /")
    members[1].send(OK)
    members[0].send(OK)
    rig.advance(0)
    assert all(status_of(each.taken()) == 200 for each in (*clients, *waiting))
    names = [outcome.member for outcome in rig.outcomes]
    assert names.count("http://10.0.0.2") == 4
    assert [outcome.queue > 0.9 for outcome in rig.outcomes].count(True) == 3
    check_rest(rig)


def test_nobody_waits_while_another_has_room() -> None:
    """
    A member that is elected but full is passed over.
    """
    rig, _, members = busy_rig()
    members[1].send(OK)
    for _ in range(3):
        client = ask(rig)
        assert members[1].taken().startswith(b"GET /")
        members[1].send(OK)
        assert status_of(client.taken()) == 200
    assert members[0].taken() == b""
    assert [member.busy for member in rig.balancer().members] == [1, 0]


def test_a_session_waits_for_its_own_member() -> None:
    """
    However much room others have.
    """
    rig = make_rig(
        2, balancer="stickysession = id\nmember.max = 1", url="http://10.0.0.{0} route=r{0}"
    )
    first = ask(rig, b"Cookie: id=a.r1\r\n")
    member = rig.accept()
    second = ask(rig, b"Cookie: id=b.r1\r\n")
    assert rig.openings() == []
    member.send(OK)
    member.send(OK)
    assert status_of(first.taken()) == status_of(second.taken()) == 200


def test_a_hash_stays_with_its_choice() -> None:
    """
    Another member would have to begin anew what the key stands for.
    """
    rig = make_rig(2, balancer="lbmethod = hash", member="max=1")
    ask(rig)
    rig.accept()
    ask(rig)
    assert rig.openings() == []


def test_who_leaves_is_nobodys_next() -> None:
    """
    Neither its own member nor another serves it.
    """
    rig, _, members = busy_rig()
    gone, left = ask(rig), ask(rig)
    gone.reset()
    rig.advance(0)
    for each in members:
        each.send(OK)
    rig.advance(0)
    took = [each for each in members if each.taken()]
    assert len(took) == 1
    took[0].send(OK)
    assert status_of(left.taken()) == 200
    check_rest(rig)


def test_a_member_that_is_out_gets_none() -> None:
    """
    Only who might be elected is asked.
    """
    rig, _, members = busy_rig()
    waiting = [ask(rig) for _ in range(2)]
    out = rig.balancer().members[0]
    rig.balancer().force_error(out, "for a test", rig.runtime.now())
    for _ in range(2):
        # Its own is still its own.
        members[0].send(OK)
        rig.advance(0)
    assert members[0].taken().count(b"GET ") == 1
    members[1].send(OK)
    rig.advance(0)
    members[1].send(OK)
    assert [status_of(each.taken()) for each in waiting] == [200, 200]


def test_a_full_queue_is_that_of_the_elected_member() -> None:
    """
    With maxqueue reached everywhere it is refused.
    """
    rig, _, _ = busy_rig(member="max=1 maxqueue=1")
    waiting = [ask(rig) for _ in range(2)]
    answer = ask(rig).taken()
    assert status_of(answer) == 503
    assert not any(each.taken() for each in waiting)
    assert rig.outcomes[-1].reason == "queue-full"
