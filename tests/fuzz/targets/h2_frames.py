"""
Frames of HTTP/2: the same happens in whatever pieces they come, and h2 reads the same fields.
"""

from __future__ import annotations

from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from tests.fuzz.pieces import cut
from tests.http2.ends import settled
from tests.http2.test_oracle import REQUEST, other
from txbalancer.http2 import frames
from txbalancer.http2.faults import ConnectionFault
from txbalancer.http2.limits import Limits

_LIMITS = Limits(streams=8, window=65535, connection_window=65535, resets=10, control=50)


def _written() -> list[bytes]:
    client = other(True)
    client.data_to_send()
    made = []
    client.send_headers(1, REQUEST)
    client.send_data(1, b"hello", pad_length=3)
    client.send_headers(1, [(b"x-t", b"1")], end_stream=True)
    client.send_headers(3, [*REQUEST, (b"cookie", b"a=b"), (b"x", b"y" * 50)], end_stream=True)
    made.append(client.data_to_send())
    client.ping(b"12345678")
    client.send_headers(5, REQUEST)
    client.increment_flow_control_window(100, 5)
    client.update_settings({4: 100, 1: 0, 5: 20000})
    client.reset_stream(5)
    client.prioritize(7, 5)
    client.close_connection()
    made.append(client.data_to_send())
    block = frames.frame(frames.HEADERS, 1, 1, b"\x82\x86")
    made.append(block + frames.frame(frames.CONTINUATION, 4, 1, b"\x84\x41\x01a"))
    return made


SEEDS = [*_written(), frames.frame(99, 255, 7, b"unknown"), frames.SETTINGS_ACK]
WORDS = [
    *(frames.frame(kind, 4, 1, b"\0\0\0\0") for kind in range(10)),
    *(frames.frame(frames.DATA, flags, 1, b"\1x\0") for flags in (0, 1, 8, 9)),
    frames.frame(frames.HEADERS, 5, 3, b"\x82\x86\x84\x41\x01a"),
    frames.settings_frame([(4, 0)]),
    b"\x00\x00\x00\x01",
    b"\x7f\xff\xff\xff",
]

Events = list[tuple[Any, ...]]


def _happened(pieces: list[bytes]) -> tuple[Events, int | None]:
    """
    Return what happens to streams, pieces of bodies joined, and the fault that ends it.
    """
    server, fault = settled(_LIMITS), None
    try:
        for piece in pieces:
            server.receive(piece, 1.0)
            server.taken()
    except ConnectionFault as error:
        fault = error.code
    made: Events = []
    for event in server.events:
        if event[0] != "data":
            made.append(event)
        elif made and made[-1][:2] == event[:2]:
            made[-1] = (*event[:2], made[-1][2] + event[2], event[3])
        elif event[2] or event[3]:
            made.append(event)
    return made, fault


def ours(data: bytes) -> None:
    """
    Read it at once.
    """
    _happened([data])


def one(data: bytes) -> None:
    """
    Read it at once and in pieces, and compare with h2.
    """
    events, fault = _happened([data])
    apart, again = _happened(cut(data))
    assert again == fault, "another fault in pieces"
    if fault is None:
        assert apart == events, "it depends on the pieces"
    told = _told(data)
    for event in events:
        if event[0] == "fields" and event[1] in told:
            theirs = told[event[1]]
            if theirs:
                assert theirs.pop(0) == event[2], "h2 reads other fields"


def _told(data: bytes) -> dict[int, list[Any]]:
    """
    Return the fields of each stream as h2 reads them, up to where it gives up.
    """
    config = h2.config.H2Configuration(
        client_side=False,
        header_encoding=None,
        validate_inbound_headers=False,
        normalize_inbound_headers=False,
    )
    made: dict[int, list[Any]] = {}
    reader = h2.connection.H2Connection(config)
    try:
        reader.receive_data(frames.PREFACE + frames.settings_frame(()))
        for piece in _frames(data):
            for event in reader.receive_data(piece):
                if isinstance(event, h2.events.RequestReceived | h2.events.TrailersReceived):
                    fields = [tuple(each) for each in event.headers]
                    made.setdefault(event.stream_id, []).append(fields)
    except Exception:  # whatever h2 stumbles over, it has told what it read before
        pass
    return made


def _frames(data: bytes) -> list[bytes]:
    found = []
    while len(data) >= 9:
        end = 9 + int.from_bytes(data[:3])
        found.append(data[:end])
        data = data[end:]
    return found
