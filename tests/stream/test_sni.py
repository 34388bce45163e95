"""
Connections whose mount depends on what their clients say in TLS.
"""

from __future__ import annotations

import pytest

from tests.stream.hellos import hello, protocols, records, server_name
from tests.stream.rigs import LISTENER
from txbalancer.testing import MemoryRig

MOUNTS = """\
[mount:mail]
listener = db
alpn = imap
to = balancer://mail
[mount:shop]
listener = db
host = shop.test *.shop.test
to = balancer://shop
[mount:rest]
listener = db
to = balancer://rest
"""
BALANCERS = "".join(
    f"[balancer:{name}]\nmembers = tcp://10.0.0.{number}:1\n"
    for number, name in enumerate(("mail", "shop", "rest"))
)
TEXT = LISTENER + BALANCERS + MOUNTS


def wanted(data: bytes, text: str = TEXT) -> str:
    """
    Return the name of the balancer that a client with these first bytes gets.
    """
    made = MemoryRig(text)
    client = made.client()
    assert not made.openings()
    client.send(data)
    member = made.accept()
    assert member.taken() == data
    client.end()
    member.end()
    (outcome,) = made.outcomes
    return outcome.balancer


@pytest.mark.parametrize(
    ("data", "balancer"),
    [
        (records(hello(server_name(b"Shop.Test"))), "shop"),
        (records(hello(server_name(b"a.shop.test"))), "shop"),
        (records(hello(server_name(b"other.test"))), "rest"),
        (records(hello(server_name(b"shop.test"), protocols(b"x", b"imap"))), "mail"),
        (records(hello(server_name(b"shop.test"), protocols(b"h2"))), "shop"),
        (records(hello()), "rest"),
        (b"not TLS at all", "rest"),
    ],
)
def test_the_name_and_the_protocols_decide(data: bytes, balancer: str) -> None:
    """
    Mounts are tried in their order; without a name the one that asks for none takes it, and the
    member gets every byte.
    """
    assert wanted(data) == balancer


def test_the_record_has_the_name() -> None:
    """
    Logs can show whom the client wanted.
    """
    made = MemoryRig(TEXT)
    client = made.client()
    for byte in records(hello(server_name(b"shop.test"))):
        client.send(bytes([byte]))
    member = made.accept()
    client.end()
    member.end()
    assert made.outcomes[0].request.host == b"shop.test"
    assert made.outcomes[0].request.target == b"shop.test"


def test_a_client_that_says_nothing() -> None:
    """
    Whoever does not say in time whom it wants is sent away.
    """
    made = MemoryRig(TEXT.replace("mode = tcp\n", "mode = tcp\nhead-timeout = 3s\n"))
    client = made.client()
    client.send(b"\x16")
    made.advance(4)
    assert client.ended == "closed"
    (outcome,) = made.outcomes
    assert (outcome.status, outcome.reason) == (408, "client-timeout")


def test_a_broken_hello() -> None:
    """
    What is no ClientHello after all is not passed on to anybody.
    """
    made = MemoryRig(TEXT)
    client = made.client()
    client.send(b"\x16\x03\x01\x00\x00")
    assert client.ended == "closed"
    assert not made.openings()
    assert made.outcomes[0].reason == "bad-client-hello"


def test_an_endless_hello() -> None:
    """
    max-head bounds it.
    """
    made = MemoryRig(TEXT.replace("mode = tcp\n", "mode = tcp\nmax-head = 1K\n"))
    client = made.client()
    client.send(records(hello((9, bytes(2000)))))
    assert client.ended == "closed"
    assert made.outcomes[0].reason == "bad-client-hello"


def test_a_client_that_leaves_before_it_has_said_whom_it_wants() -> None:
    """
    It is recorded; by its end or by a reset.
    """
    made = MemoryRig(TEXT)
    made.client().end()
    made.client().reset()
    assert [each.reason for each in made.outcomes] == ["client-gone"] * 2
    assert not made.site.channels


def test_a_stop_ends_those_who_have_not_said_yet() -> None:
    """
    They have nothing to lose.
    """
    made = MemoryRig(TEXT)
    client = made.client()
    made.site.drain()
    made.reactor.advance(0)
    assert client.ended == "closed"
