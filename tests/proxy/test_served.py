"""
The record of an exchange is made once.
"""

from __future__ import annotations

import pytest

from tests.proxy.rigs import GET, POST, begin, make_rig
from txbalancer.errors import ClientError, ClientGone
from txbalancer.proxy.served import Served


def test_the_first_end_counts() -> None:
    """
    Whatever ends an exchange later changes nothing about its outcome.
    """
    rig = make_rig()
    client, _ = begin(rig)
    (channel,) = rig.site.channels
    exchange = channel.exchange
    client.reset()
    exchange.client_gone(ClientGone("again"))
    exchange.finish("other")
    assert [outcome.reason for outcome in rig.outcomes] == ["client-gone"]


def test_what_answers_has_to_say_how() -> None:
    """
    The base counts the body, and leaves errors and the record to those who answer.
    """
    rig = make_rig()
    begin(rig, POST)
    (channel,) = rig.site.channels
    served = Served(rig.runtime, channel, channel.head)
    served.request_data(b"12345")
    served.request_end([])
    served.client_blocked()
    served.client_unblocked()
    assert served.bytes_in == 5
    with pytest.raises(NotImplementedError):
        served.client_error(ClientError("broken"))
    with pytest.raises(NotImplementedError):
        served.finish("ok")


def test_requests_do_not_share_records() -> None:
    """
    Each request of a connection has its own outcome with its own head.
    """
    rig = make_rig(balancer="lbmethod = byrequests", member="status=+D")
    client = rig.client()
    client.send(GET + GET)
    first, second = rig.outcomes
    assert first.request is not second.request
    assert first.peer is second.peer
