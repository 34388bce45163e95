"""
A balancer behind a mount: what its answers say about places.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.proxy.rigs import GET, OK, POST, begin, body_of, check_rest, make_rig, status_of
from txbalancer.core.specs import MemberSpec
from txbalancer.testing import MemoryRig

MOVED = b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n"


def location(client, member, value: bytes) -> bytes:
    """
    Return what becomes of a Location.
    """
    member.send(MOVED % value)
    head = client.taken()
    return next(line[10:] for line in head.split(b"\r\n") if line.startswith(b"Location: "))


def test_H60_pairs_without_reverse() -> None:
    """
    C{proxypassreverse} alone, as in Apache's syntax, and with another balancer's name.
    """
    rig = MemoryRig(
        "[listener:web]\nendpoint = tcp:80\n[balancer:shop]\nmembers = http://10.0.0.1\n"
        "[balancer:other]\nmembers = http://10.0.0.9\n"
        "[mount:/]\nto = balancer://shop/\nreverse = off\n"
        "proxypassreverse =\n    /o balancer://other\n    https://cdn.test/ http://10.0.0.1/static\n"
    )
    client, member = begin(rig)
    assert location(client, member, b"http://10.0.0.9/x") == b"http://shop.test/o/x"
    client.send(GET)
    assert location(client, member, b"http://10.0.0.1/static/x") == b"https://cdn.test/x"
    client.send(GET)
    assert location(client, member, b"http://10.0.0.1/x") == b"http://10.0.0.1/x"


def test_H63_members_that_come_while_it_runs() -> None:
    """
    A redirect to a member added at run time is mapped back as to any other.
    """
    rig = make_rig(1)
    client, member = begin(rig)
    assert location(client, member, b"http://10.0.0.7/x") == b"http://10.0.0.7/x"
    resource = rig.targets.balancers["shop"]
    spec = resource.balancer.configured
    added = replace(spec.members[0], url="http://10.0.0.7", host="10.0.0.7")
    assert isinstance(added, MemberSpec)
    resource.reconfigure(replace(spec, members=(*spec.members, added)))
    client.send(GET)
    (end,) = [member] if member.taken() else [rig.accept()]
    assert location(client, end, b"http://10.0.0.7/x") == b"http://shop.test/x"


@pytest.mark.parametrize(("value", "status"), [(b"0", 400), (b"x", 400), (b"1", 0)])
def test_H8_max_forwards(value: bytes, status: int) -> None:
    """
    Used up or no number: answered here; else it goes on.
    """
    rig = make_rig(1, mount="header = always set X-A a")
    client = rig.client()
    client.send(GET[:-2] + b"Max-Forwards: " + value + b"\r\n\r\n")
    answer = client.taken()
    if status:
        assert status_of(answer) == status
        assert b"X-A: a\r\n" in answer
    else:
        assert b"Max-Forwards: 0\r\n" in rig.accept().taken()


def test_H8_options_are_answered_here() -> None:
    """
    C{OPTIONS} with C{Max-Forwards: 0} asks about this proxy.
    """
    rig = make_rig(1)
    client = rig.client()
    client.send(GET.replace(b"GET", b"OPTIONS")[:-2] + b"Max-Forwards: 0\r\n\r\n")
    answer = client.taken()
    assert status_of(answer) == 200
    assert b"Allow: " in answer


def test_H8_max_forwards_of_our_own() -> None:
    """
    C{maxforwards} is for requests that have none.
    """
    rig = make_rig(1, mount="maxforwards = 15")
    _, member = begin(rig)
    assert b"Max-Forwards: 15\r\n" in member.taken()
    _, member = begin(rig, GET[:-2] + b"Max-Forwards: 3\r\n\r\n")
    assert b"Max-Forwards: 2\r\n" in member.taken()


def test_H42_continue_can_be_said_here() -> None:
    """
    With proxy100continue off the client need not wait for the member, which does not hear of it.
    """
    rig = make_rig(1, mount="proxy100continue = off")
    client, member = begin(rig, POST[:-2] + b"Expect: 100-continue\r\n\r\n")
    assert client.taken() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"0123456789")
    sent = member.taken()
    assert b"Expect" not in sent
    assert body_of(sent) == b"0123456789"
    member.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_H42_the_client_has_the_usual_time_for_its_body() -> None:
    """
    It was told to go on, so its silence counts.
    """
    rig = make_rig(1, mount="proxy100continue = off", listener="body-timeout = 5")
    client, _ = begin(rig, POST[:-2] + b"Expect: 100-continue\r\n\r\n")
    client.taken()
    rig.advance(7)
    assert status_of(client.taken()) == 408
