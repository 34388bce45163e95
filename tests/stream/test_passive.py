"""
Passive health of connections.
"""

from __future__ import annotations

import pytest

from tests.stream.rigs import TWO, address, rig
from txbalancer.core import flags

PATIENT = TWO.replace("5432\n", "5432 maxfails=99\n")


def refused(made) -> None:
    """
    Let a client find no member at all.
    """
    client = made.client()
    while True:
        openings = made.openings()
        if not openings:
            break
        for opening in openings:
            opening.fail()
    client.end()


def test_a_connection_that_is_made_ends_a_row() -> None:
    """
    Its time is that of connecting.
    """
    made = rig(balancer="outlier-local = 2\noutlier-latency = 3\n" + PATIENT)
    tally = made.balancer().members[0].tally
    client = made.client()
    (opening,) = made.openings()
    made.advance(0.5)
    opening.accept()
    assert (tally.requests, tally.timed) == (1, 1)
    assert tally.seconds == pytest.approx(0.5)
    client.end()


def test_who_cannot_be_reached_is_ejected() -> None:
    """
    After so many in a row, whoever else took the connections.
    """
    made = rig(balancer="outlier-local = 2\n" + PATIENT)
    for _ in range(4):
        client = made.client()
        (opening,) = made.openings()
        if opening.address[0] == "10.0.0.1":
            opening.fail()
            (opening,) = made.openings()
        opening.accept()
        client.end()
    assert made.balancer().members[0].flags & flags.EJECTED
    assert {address(made) for _ in range(3)} == {"10.0.0.2"}


def test_an_open_breaker_ends_connections_at_once() -> None:
    """
    No member is asked, and the record has the reason.
    """
    made = rig(balancer="breaker-percent = 50\nbreaker-requests = 2\n" + PATIENT)
    for _ in range(2):
        refused(made)
    client = made.client()
    assert client.ended == "closed"
    assert made.openings() == []
    assert (made.outcomes[-1].status, made.outcomes[-1].reason) == (503, "breaker-open")
