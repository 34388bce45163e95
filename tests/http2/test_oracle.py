"""
Both ends against another implementation, and against each other.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.http2.ends import Client, Server
from txbalancer.http2 import faults
from txbalancer.http2.faults import ConnectionFault
from txbalancer.http2.frames import PREFACE
from txbalancer.http2.limits import Limits

REQUEST = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":authority", b"a.test"),
    (b":path", b"/"),
]
BODIES = st.lists(st.binary(max_size=5000).map(lambda each: each * 13), max_size=4)
TRAILERS = st.sampled_from([[], [(b"x-trailer", b"1")]])


def other(client: bool) -> Any:
    """
    Make the other implementation's end.
    """
    config = h2.config.H2Configuration(client_side=client, header_encoding=None)
    made = h2.connection.H2Connection(config)
    made.initiate_connection()
    return made


def exchange(end: Any, peer: Any, events: list[Any]) -> None:
    """
    Carry bytes both ways until there are no more; the other end acknowledges what it reads.
    """
    for _ in range(1000):
        data = peer.data_to_send()
        if data:
            end.receive(data.removeprefix(PREFACE), 1.0)
        more = end.taken()
        if not data and not more:
            return
        if more:
            for event in peer.receive_data(more):
                events.append(event)
                if isinstance(event, h2.events.DataReceived):
                    peer.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
    raise AssertionError("it never ends")


@settings(deadline=None, max_examples=60)
@given(BODIES, TRAILERS, BODIES, TRAILERS)
def test_serves_another_client(
    up: list[bytes],
    up_trailers: list[tuple[bytes, bytes]],
    down: list[bytes],
    down_trailers: list[tuple[bytes, bytes]],
) -> None:
    """
    Bodies and trailers of any size arrive both ways, in order.
    """
    server, client = Server(Limits(window=65535, connection_window=65535)), other(True)
    seen: list[Any] = []
    exchange(server, client, seen)
    client.send_headers(1, REQUEST, end_stream=not (up or up_trailers))
    exchange(server, client, seen)
    for at, piece in enumerate(up):
        while piece:
            size = min(client.local_flow_control_window(1), 16384, len(piece))
            client.send_data(1, piece[:size])
            piece = piece[size:]
            exchange(server, client, seen)
        if at == len(up) - 1 and not up_trailers:
            client.end_stream(1)
    if up_trailers:
        client.send_headers(1, up_trailers, end_stream=True)
    exchange(server, client, seen)
    got = b"".join(event[2] for event in server.events if event[0] == "data")
    assert got == b"".join(up)
    assert server.streams[1].received_end
    if up_trailers:
        assert server.events[-1][2] == up_trailers
    stream = server.streams[1]
    stream.send([b":status: 200", b"Server: x"], b"", False)
    for piece in down:
        stream.send_data(piece)
    stream.send_data(b"", True, [b": ".join(each) for each in down_trailers])
    exchange(server, client, seen)
    assert b"".join(e.data for e in seen if isinstance(e, h2.events.DataReceived)) == b"".join(down)
    (answer,) = [e for e in seen if isinstance(e, h2.events.ResponseReceived)]
    assert [tuple(each) for each in answer.headers] == [(b":status", b"200"), (b"server", b"x")]
    trailers = [e for e in seen if isinstance(e, h2.events.TrailersReceived)]
    assert [[tuple(x) for x in e.headers] for e in trailers] == (
        [down_trailers] if down_trailers else []
    )
    assert any(isinstance(e, h2.events.StreamEnded) for e in seen)
    assert not server.streams


@settings(deadline=None, max_examples=60)
@given(BODIES, BODIES, TRAILERS)
def test_asks_another_server(
    up: list[bytes], down: list[bytes], trailers: list[tuple[bytes, bytes]]
) -> None:
    """
    The client's role, with a server that speaks RFC 9113 as well.
    """
    client, server = Client(Limits(window=65535, connection_window=65535)), other(False)
    seen: list[Any] = []
    server.receive_data(PREFACE)
    exchange(client, server, seen)
    stream = client.request(method="POST", ended=not up)
    for at, piece in enumerate(up):
        stream.send_data(piece, at == len(up) - 1)
    exchange(client, server, seen)
    got = b"".join(e.data for e in seen if isinstance(e, h2.events.DataReceived))
    assert got == b"".join(up)
    assert any(isinstance(e, h2.events.StreamEnded) for e in seen)
    server.send_headers(1, [(b":status", b"103"), (b"link", b"x")])
    server.send_headers(1, [(b":status", b"200")])
    for piece in down:
        while piece:
            size = min(server.local_flow_control_window(1), 16384, len(piece))
            server.send_data(1, piece[:size])
            piece = piece[size:]
            exchange(client, server, seen)
    if trailers:
        server.send_headers(1, trailers, end_stream=True)
    else:
        server.end_stream(1)
    exchange(client, server, seen)
    assert b"".join(event[2] for event in client.events if event[0] == "data") == b"".join(down)
    fields = [event[2] for event in client.events if event[0] == "fields"]
    assert fields[:2] == [[(b":status", b"103"), (b"link", b"x")], [(b":status", b"200")]]
    assert fields[2:] == ([trailers] if trailers else [])
    assert not client.streams


def test_many_streams_at_once() -> None:
    """
    Streams are independent of each other.
    """
    server, client = Server(), other(True)
    exchange(server, client, [])
    for number in range(1, 60, 2):
        client.send_headers(number, REQUEST, end_stream=True)
    exchange(server, client, [])
    seen: list[Any] = []
    for stream in list(server.streams.values())[::-1]:
        stream.send([b":status: 200"], b"%d" % stream.number * 1000, True)
    exchange(server, client, seen)
    bodies: dict[int, bytes] = {}
    for event in seen:
        if isinstance(event, h2.events.DataReceived):
            bodies[event.stream_id] = bodies.get(event.stream_id, b"") + event.data
    assert bodies == {number: b"%d" % number * 1000 for number in range(1, 60, 2)}


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_junk_is_refused_by_both_or_by_one(data: st.DataObject) -> None:
    """
    Any bytes end in a fault or in nothing, never in another exception.
    """
    server, client = Server(), other(True)
    exchange(server, client, [])
    client.send_headers(1, REQUEST)
    client.send_data(1, b"x" * 50)
    client.ping(b"12345678")
    client.send_headers(3, REQUEST, end_stream=True)
    client.reset_stream(3)
    client.close_connection()
    written = bytearray(client.data_to_send())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(written) - 1))
        written[at] = data.draw(st.integers(0, 255))
    with suppress(ConnectionFault):
        server.receive(bytes(written), 2.0)


# -- the client's role alone


def connected(limits: Limits | None = None) -> tuple[Client, Any]:
    """
    Make both ends of a connection to another server.
    """
    client, server = Client(limits), other(False)
    server.receive_data(PREFACE)
    exchange(client, server, [])
    client.events.clear()
    return client, server


def test_room_for_streams() -> None:
    """
    Both ends have a say in how many streams there are.
    """
    client, server = connected(Limits(streams=5))
    assert client.room == 5
    server.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 2})
    exchange(client, server, [])
    assert client.room == 2
    client.request()
    assert client.room == 1
    client.next = 2**31 + 1
    assert client.room == 0


def test_a_server_that_goes_away() -> None:
    """
    Streams that it has not seen are given back as refused; the others go on.
    """
    client, server = connected()
    for _ in range(3):
        client.request()
    exchange(client, server, [])
    server.close_connection(last_stream_id=3)
    exchange(client, server, [])
    assert ("broke-off", 5, faults.REFUSED_STREAM) in client.events
    assert sorted(client.streams) == [1, 3]
    assert client.room == 0


def test_a_refused_stream() -> None:
    """
    The code of a reset is passed on.
    """
    client, server = connected()
    client.request()
    exchange(client, server, [])
    server.reset_stream(1, faults.REFUSED_STREAM)
    exchange(client, server, [])
    assert client.events[-1] == ("broke-off", 1, faults.REFUSED_STREAM)


@pytest.mark.parametrize(
    "written",
    [
        b"\x00\x00\x01\x01\x05\x00\x00\x00\x02\x88",
        b"\x00\x00\x01\x01\x05\x00\x00\x00\x01\x88",
        b"\x00\x00\x01\x01\x05\x00\x00\x00\x07\x88",
        b"\x00\x00\x05\x05\x04\x00\x00\x00\x01\x00\x00\x00\x02\x88",
        b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x01",
    ],
)
def test_servers_open_no_streams(written: bytes) -> None:
    """
    Answers to nothing, pushes, and a server that wants to be pushed to.
    """
    client, _ = connected()
    with pytest.raises(ConnectionFault):
        client.receive(written, 2.0)


def test_a_server_may_say_that_nothing_is_pushed() -> None:
    """
    That is what there is anyway.
    """
    client, _ = connected()
    client.receive(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00", 2.0)
