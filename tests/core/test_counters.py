"""
Counters fed by outcomes.
"""

from __future__ import annotations

from tests.core.balancers import FakeRequest
from txbalancer.core.counters import Counters
from txbalancer.core.outcome import Outcome
from txbalancer.core.request import Peer


def test_count():
    """
    Each exchange adds to its class, its bytes, its retries and its failure.
    """
    counters = Counters()
    peer = Peer("10.0.0.1")
    counters.count(Outcome(None, peer, 200, attempts=1, bytes_in=5, bytes_out=7, duration=0.5))
    counters.count(Outcome(None, peer, 502, "member-closed", attempts=3, duration=0.25))
    counters.count(Outcome(None, peer, 0, "client-gone"))
    counters.count(Outcome(None, peer, 502, "member-closed", attempts=1))
    assert counters.classes == [1, 0, 1, 0, 0, 2, 0, 0, 0, 0]
    assert counters.requests == 4
    assert counters.retries == 2
    assert counters.failures == {"member-closed": 2, "client-gone": 1}
    assert (counters.bytes_in, counters.bytes_out, counters.seconds) == (5, 7, 0.75)


def test_odd_statuses_of_members_have_their_class():
    """
    600 and 999 are passed through, so they are counted.
    """
    counters = Counters()
    counters.count(Outcome(None, Peer("x"), 999))
    assert counters.classes[9] == 1


def test_outcome_shows_the_members_headers():
    """
    To the access log; none where there was no answer.
    """
    outcome = Outcome(None, Peer("x"), 200, response=FakeRequest(etag=b"1"))
    assert outcome.response_header(b"etag") == b"1"
    assert Outcome(None, Peer("x"), 502).response_header(b"etag") is None
