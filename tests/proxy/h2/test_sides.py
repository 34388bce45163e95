"""
Streams can stand wherever connections of HTTP/1 can.
"""

from __future__ import annotations

from txbalancer.proxy.channel import ClientChannel
from txbalancer.proxy.h2.client_stream import ClientStream
from txbalancer.proxy.h2.member_stream import MemberStream
from txbalancer.proxy.member_link import MemberLink

OF_PROTOCOLS = {
    "connectionLost",
    "connectionMade",
    "dataReceived",
    "makeConnection",
    "readConnectionLost",
    "stopProducing",
    "writeConnectionLost",
}


def names(kind: type) -> set[str]:
    """
    Return what a class has for others.
    """
    return {name for name in dir(kind) if not name.startswith("_")}


def test_streams_of_clients() -> None:
    """
    What others may ask of a client's channel they may ask of a stream, but for what is about
    the connection itself.
    """
    of_connections = {
        "cut",
        "drain",
        "hold",
        "refuse_plain",
        "release",
        "retire",
        "secure",
        "site",
        "take_over",
        "welcome",
    }
    missing = names(ClientChannel) - names(ClientStream) - OF_PROTOCOLS - of_connections
    assert missing == {"sink"}, "Exchange asks whether there is a sink"


def test_streams_to_members() -> None:
    """
    The same of a connection to a member.
    """
    of_connections = {"fresh", "handshakeCompleted", "opening", "secure"}
    assert not names(MemberLink) - names(MemberStream) - OF_PROTOCOLS - of_connections
