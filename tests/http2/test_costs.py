"""
What costs the peer something, and what is done about it (RFC 9113 10.5).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.http2.ends import SETTINGS, settled
from tests.http2.test_connection import data, fails, headers, resets
from txbalancer.http2 import faults, frames
from txbalancer.http2.faults import ConnectionFault
from txbalancer.http2.frames import frame, window_frame
from txbalancer.http2.limits import Limits

CHEAP: dict[str, Any] = {
    "settings": SETTINGS,
    "acks": frame(frames.SETTINGS, 1, 0, b""),
    "pings": frame(frames.PING, 0, 0, bytes(8)),
    "priorities": frame(frames.PRIORITY, 0, 9, bytes(5)),
    "windows": window_frame(0, 1),
    "unknown": frame(77, 0, 0, b""),
    "goaways": frames.goaway_frame(0, 0),
    "empty data": data(payload=b""),
    "padding": data(payload=b"\x00", flags=8),
}


@pytest.mark.parametrize("kind", CHEAP)
def test_frames_without_content_are_counted(kind: str) -> None:
    """
    A flood of whatever is free to send ends the connection, and is counted.
    """
    server = settled(Limits(control=50))
    server.receive(headers(flags=4), 2.0)
    assert fails(server, CHEAP[kind] * 60) == faults.ENHANCE_YOUR_CALM
    assert server.events[-1] == ("abused", "control-frames")
    assert len(server.taken()) < 60 * 20


@pytest.mark.parametrize("kind", CHEAP)
def test_a_few_of_them_in_each_second_are_fine(kind: str) -> None:
    """
    The allowance grows again, by a tenth in each second.
    """
    server = settled(Limits(control=50))
    server.receive(headers(flags=4), 2.0)
    for second in range(100):
        server.receive(CHEAP[kind] * 5, 3.0 + second)


def test_windows_that_come_with_a_body_cost_nothing() -> None:
    """
    Who takes much says so often.
    """
    server = settled(Limits(control=50))
    server.receive(headers(), 2.0)
    stream = server.streams[1]
    stream.send([b":status: 200"], b"x" * 10, False)
    for _ in range(1000):
        stream.send_data(b"x" * 16384)
        server.receive(window_frame(0, 16384) + window_frame(1, 16384), 2.0)
        server.taken()


def test_a_body_by_the_byte_does_cost() -> None:
    """
    Who takes a byte at a time is cut off (CVE-2019-9511).
    """
    server = settled(Limits(control=50))
    server.receive(frames.settings_frame([(4, 0)]) + headers(), 2.0)
    server.streams[1].send([b":status: 200"], b"x" * 1000, True)
    assert fails(server, window_frame(1, 1) * 60) == faults.ENHANCE_YOUR_CALM


def test_rapid_reset() -> None:
    """
    Requests that are reset as soon as they are made (CVE-2023-44487).
    """
    server = settled(Limits(resets=50))
    written = [
        headers(number) + frame(frames.RST_STREAM, 0, number, bytes(4))
        for number in range(1, 1000, 2)
    ]
    assert fails(server, *written) == faults.ENHANCE_YOUR_CALM
    assert server.last < 110
    assert server.events[-1] == ("abused", "resets")


def test_resets_that_are_provoked() -> None:
    """
    Nor can a client have us do it (CVE-2025-8671): frames against the rules, too many streams.
    """
    for provoke in (window_frame(1, 2**31 - 1), window_frame(1, 0), data(1)):
        written = [
            headers(number) + provoke[:5] + number.to_bytes(4, "big") + provoke[9:]
            for number in range(1, 1000, 2)
        ]
        assert fails(settled(Limits(resets=50)), *written) == faults.ENHANCE_YOUR_CALM
    server = settled(Limits(resets=50, streams=1))
    assert (
        fails(server, *(headers(number) for number in range(1, 1000, 2)))
        == faults.ENHANCE_YOUR_CALM
    )


def test_malformed_requests_are_counted_too() -> None:
    """
    What a stream's owner finds malformed is at the client's cost.
    """
    server = settled(Limits(resets=5))
    for number in range(1, 13, 2):
        server.receive(headers(number), 2.0)
    for number in range(1, 11, 2):
        server.malformed(server.streams[number])
    with pytest.raises(ConnectionFault):
        server.malformed(server.streams[11])
    assert len(resets(server)) == 5


def test_a_few_resets_in_each_second_are_fine() -> None:
    """
    People do stop pages from loading.
    """
    server = settled(Limits(resets=50))
    for number in range(1, 1000, 2):
        server.receive(headers(number) + frame(frames.RST_STREAM, 0, number, bytes(4)), number / 4)
    assert len(server._reset) == 0


def test_a_block_without_end() -> None:
    """
    A block of headers is bounded, in bytes and in frames (CVE-2024-27316).
    """
    server = settled(Limits(head=20000))
    assert (
        fails(
            server,
            headers(flags=1, block=b"\x00\x01a\x01b" * 3000),
            frame(9, 0, 1, b"\x00\x01a\x01b" * 3000),
        )
        == faults.ENHANCE_YOUR_CALM
    )
    assert server.events[-1] == ("abused", "header-block")
    server = settled(Limits(control=50))
    assert fails(server, headers(flags=1), frame(9, 0, 1, b"") * 60) == faults.ENHANCE_YOUR_CALM


def test_what_is_remembered_of_resets_is_bounded() -> None:
    """
    Streams that were reset here are remembered, but not for ever.
    """
    server = settled(Limits(resets=10**6))
    for number in range(1, 5000, 2):
        server.receive(headers(number), 2.0)
        server.streams[number].reset(faults.CANCEL)
        server.taken()
    assert len(server._reset) == 1000


def test_requests_after_the_goodbye_are_counted() -> None:
    """
    Some may be under way, but not any number.
    """
    server = settled(Limits(resets=50))
    server.goaway(faults.NO_ERROR)
    written = [headers(number, block=b"\x10\x01a\x01b") for number in range(1, 1000, 2)]
    assert fails(server, *written) == faults.ENHANCE_YOUR_CALM
    assert len(server.secrets) == 1
