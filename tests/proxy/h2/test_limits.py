"""
Limits of requests where a connection has many.
"""

from __future__ import annotations

import pytest

from tests.proxy.h2.ends import Browser
from tests.proxy.h2.rigs import asked, check_h2_rest, open_h2_rig, open_rig
from tests.proxy.rigs import GET, OK, status_of


def test_streams_of_one_connection_are_requests_of_its_client() -> None:
    """
    One client cannot take all connections to members, though it has but one itself.
    """
    rig = open_rig("requests-per-client = 2")
    browser = Browser(rig)
    first, second, third = (browser.ask() for _ in range(3))
    openings = rig.openings()
    assert len(openings) == 2
    other = rig.client("192.0.2.9")
    other.send(GET)
    (its,) = rig.openings()
    member, _ = (opening.accept() for opening in openings)
    member.send(OK)
    rig.advance(0)
    member.taken()
    member.send(OK)
    rig.advance(0)
    assert browser.status(first.number) == 200
    assert browser.status(third.number) == 200
    assert not browser.of(second.number)
    its.accept().send(OK)
    assert status_of(other.taken()) == 200


def test_a_stream_that_is_reset_while_it_waits() -> None:
    """
    It is out of the queue, and gives nothing back that it never had.
    """
    rig = open_rig("requests-per-client = 1")
    browser = Browser(rig)
    browser.ask()
    member = rig.accept()
    waiting, last = browser.ask(), browser.ask()
    waiting.reset()
    browser.pump()
    member.send(OK)
    rig.advance(0)
    assert member.taken().count(b"GET ") == 2
    member.send(OK)
    rig.advance(0)
    assert browser.status(last.number) == 200
    assert rig.site.crowd is not None
    assert not any(each.busy for each in rig.site.crowd.gates.values())


def test_a_body_of_a_stream_waits_with_it() -> None:
    """
    Within the window, and goes on when its turn has come.
    """
    rig = open_rig("requests-per-client = 1")
    browser = Browser(rig)
    browser.ask()
    member = rig.accept()
    last = browser.ask(method="POST", body=b"x" * 100_000)
    member.taken()
    member.send(OK)
    rig.advance(0)
    browser.pump()
    assert member.taken().count(b"x") >= 100_000
    member.send(OK)
    rig.advance(0)
    assert browser.status(last.number) == 200


@pytest.mark.parametrize("ended", [True, False])
def test_maxrequests_counts_streams(ended) -> None:
    """
    Of a member of HTTP/2 it is the requests that count, on however many connections.
    """
    rig = open_h2_rig(member="maxrequests=2")
    client, container = asked(rig)
    container.pump()
    others = [rig.client() for _ in range(2)]
    for each in others:
        each.send(GET)
    container.pump()
    assert rig.openings() == []
    streams = container.end.streams
    assert len(streams) == 2
    if not ended:
        others[1].reset()
        rig.advance(0)
    for number in list(streams):
        streams[number].send([b":status: 200"], b"", True)
    container.pump()
    rig.advance(0)
    assert status_of(client.taken()) == 200
    if ended:
        container.pump()
        (left,) = container.end.streams.values()
        left.send([b":status: 200"], b"", True)
        container.pump()
        assert status_of(others[1].taken()) == 200
    check_h2_rest(rig)
