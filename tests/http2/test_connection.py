"""
What frames mean to a connection: the rules of RFC 9113, section by section.
"""

from __future__ import annotations

import pytest

from tests.http2.ends import SETTINGS, Server, read_frames, settled
from txbalancer.http2 import faults, frames
from txbalancer.http2.faults import ConnectionFault
from txbalancer.http2.frames import frame, window_frame
from txbalancer.http2.limits import Limits

HEAD = b"\x82\x86\x84\x41\x06a.test"
"""GET / of http://a.test."""


def headers(number: int = 1, flags: int = 5, block: bytes = HEAD) -> bytes:
    """
    Write a request, by default one without a body.
    """
    return frame(frames.HEADERS, flags, number, block)


def data(number: int = 1, payload: bytes = b"x", flags: int = 0) -> bytes:
    """
    Write a piece of a body.
    """
    return frame(frames.DATA, flags, number, payload)


def fails(server: Server, *written: bytes) -> int:
    """
    Return the code with which the connection ends.
    """
    with pytest.raises(ConnectionFault) as caught:
        server.receive(b"".join(written), 2.0)
    return caught.value.code


def resets(server: Server) -> list[tuple[int, int]]:
    """
    Return stream and code of each reset that was sent.
    """
    return [
        (number, int.from_bytes(payload, "big"))
        for kind, _, number, payload in read_frames(server.taken())
        if kind == frames.RST_STREAM
    ]


# -- 3.4, 6.5: the beginning, settings


def test_settings_come_first() -> None:
    """
    The first frame must be SETTINGS, which are acknowledged.
    """
    server = Server()
    server.receive(SETTINGS, 1.0)
    kinds = [(kind, flags) for kind, flags, _, _ in read_frames(server.taken())]
    assert kinds == [(frames.SETTINGS, 0), (frames.WINDOW_UPDATE, 0), (frames.SETTINGS, 1)]
    assert server.events == [("settled",)]


@pytest.mark.parametrize(
    "first",
    [headers(), window_frame(0, 1), frame(frames.SETTINGS, 1, 0, b""), b"GET / HTTP/1.1\r\n"],
)
def test_nothing_else_comes_first(first: bytes) -> None:
    """
    Whatever else comes first ends the connection.
    """
    assert fails(Server(), first) in (faults.PROTOCOL_ERROR, faults.FRAME_SIZE_ERROR)


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        (2, 2, faults.PROTOCOL_ERROR),
        (4, 2**31, faults.FLOW_CONTROL_ERROR),
        (5, 16383, faults.PROTOCOL_ERROR),
        (5, 2**24, faults.PROTOCOL_ERROR),
        (8, 2, faults.PROTOCOL_ERROR),
        (9, 2, faults.PROTOCOL_ERROR),
    ],
)
def test_settings_out_of_range(setting: int, value: int, code: int) -> None:
    """
    Settings have ranges (6.5.2, RFC 8441 3).
    """
    assert fails(Server(), frames.settings_frame([(setting, value)])) == code


def test_settings_that_are_in_range_or_unknown() -> None:
    """
    All others are taken, and unknown ones ignored.
    """
    server = settled()
    values = [(1, 0), (2, 1), (3, 7), (4, 70000), (5, 2**24 - 1), (6, 1), (8, 1), (99, 5)]
    server.receive(frames.settings_frame(values), 2.0)
    assert (server.most_streams, server.first_window, server.extended) == (7, 70000, True)
    server.receive(frame(frames.SETTINGS, 1, 0, b""), 2.0)


def test_settings_without_end() -> None:
    """
    Each of a frame's settings costs something for every stream, so there is a most of them.
    """
    server = settled()
    server.receive(frames.settings_frame([(4, 70000)] * 32), 2.0)
    assert fails(server, frames.settings_frame([(4, 70000)] * 33)) == faults.ENHANCE_YOUR_CALM
    assert server.events[-1] == ("abused", "control-frames")


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (frame(frames.SETTINGS, 0, 1, b""), faults.PROTOCOL_ERROR),
        (frame(frames.SETTINGS, 0, 0, b"12345"), faults.FRAME_SIZE_ERROR),
        (frame(frames.SETTINGS, 1, 0, b"123456"), faults.FRAME_SIZE_ERROR),
        (frame(frames.PING, 0, 1, b"12345678"), faults.PROTOCOL_ERROR),
        (frame(frames.PING, 0, 0, b"1234"), faults.FRAME_SIZE_ERROR),
        (frame(frames.GOAWAY, 0, 1, b"12345678"), faults.PROTOCOL_ERROR),
        (frame(frames.GOAWAY, 0, 0, b"1234567"), faults.FRAME_SIZE_ERROR),
        (frame(frames.WINDOW_UPDATE, 0, 0, b"123"), faults.FRAME_SIZE_ERROR),
        (frame(frames.WINDOW_UPDATE, 0, 0, bytes(4)), faults.PROTOCOL_ERROR),
        (frame(frames.WINDOW_UPDATE, 0, 1, b"\0\0\0\1"), faults.PROTOCOL_ERROR),
        (frame(frames.RST_STREAM, 0, 0, bytes(4)), faults.PROTOCOL_ERROR),
        (frame(frames.RST_STREAM, 0, 1, bytes(4)), faults.PROTOCOL_ERROR),
        (frame(frames.RST_STREAM, 0, 1, bytes(3)), faults.FRAME_SIZE_ERROR),
        (frame(frames.PRIORITY, 0, 0, bytes(5)), faults.PROTOCOL_ERROR),
        (frame(frames.PRIORITY, 0, 1, bytes(4)), faults.FRAME_SIZE_ERROR),
        (frame(frames.PRIORITY, 0, 1, b"\0\0\0\1\0"), faults.PROTOCOL_ERROR),
        (frame(frames.PUSH_PROMISE, 4, 1, bytes(4)), faults.PROTOCOL_ERROR),
        (frame(frames.CONTINUATION, 4, 1, HEAD), faults.PROTOCOL_ERROR),
        (frame(frames.DATA, 0, 0, b"x"), faults.PROTOCOL_ERROR),
        (frame(frames.DATA, 0, 1, b"x"), faults.PROTOCOL_ERROR),
        (frame(frames.HEADERS, 5, 0, HEAD), faults.PROTOCOL_ERROR),
        (frame(frames.HEADERS, 5, 2, HEAD), faults.PROTOCOL_ERROR),
        (frame(frames.HEADERS, 5, 1, b"\x80"), faults.COMPRESSION_ERROR),
        (frame(frames.HEADERS, 0x0D, 1, b""), faults.PROTOCOL_ERROR),
        (frame(frames.HEADERS, 0x0D, 1, b"\x05" + HEAD[:4]), faults.PROTOCOL_ERROR),
        (frame(frames.HEADERS, 0x25, 1, b"1234"), faults.FRAME_SIZE_ERROR),
        (frame(frames.HEADERS, 0x25, 1, b"\0\0\0\1\0" + HEAD), faults.PROTOCOL_ERROR),
        (b"\x00\x40\x01\x00\x00\x00\x00\x00\x01", faults.FRAME_SIZE_ERROR),
    ],
)
def test_frames_that_end_the_connection(written: bytes, code: int) -> None:
    """
    Frames of a wrong size, on a wrong stream, or at a wrong time.
    """
    assert fails(settled(), written) == code


# -- 4, 5.1: frames and streams


def test_a_request_without_a_body() -> None:
    """
    HEADERS with END_STREAM is a complete request.
    """
    server = settled()
    server.receive(headers(), 2.0)
    ((what, number, fields, ended),) = server.events
    assert (what, number, ended) == ("fields", 1, True)
    assert fields == [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/"),
        (b":authority", b"a.test"),
    ]
    assert server.streams[1].received_end


@pytest.mark.parametrize("step", [1, 2, 7])
def test_frames_in_pieces(step: int) -> None:
    """
    It does not matter how bytes are divided.
    """
    written = SETTINGS + headers(flags=4) + data(payload=b"abc", flags=1) + headers(3)
    server = Server()
    for at in range(0, len(written), step):
        server.receive(written[at : at + step], 2.0)
    assert [each[:2] for each in server.events] == [
        ("settled",),
        ("fields", 1),
        ("data", 1),
        ("fields", 3),
    ]
    assert not server.unfinished


def test_padding_and_priority() -> None:
    """
    Both are taken off; padding counts as a body does, and is given back at once.
    """
    server = settled()
    server.receive(headers(flags=0x2C, block=b"\x02" + b"\0\0\0\0\x10" + HEAD + b"\0\0"), 2.0)
    server.receive(data(payload=b"\x05abc" + bytes(5), flags=9), 2.0)
    assert [each[0] for each in server.events] == ["fields", "data"]
    assert server.events[1][2:] == (b"abc", True)


def test_a_block_in_many_frames() -> None:
    """
    CONTINUATION goes on with a block, and nothing may come between.
    """
    server = settled()
    server.receive(headers(flags=1, block=HEAD[:3]) + frame(9, 0, 1, HEAD[3:5]), 2.0)
    assert server.in_headers
    assert server.events == []
    server.receive(frame(9, 4, 1, HEAD[5:]), 2.0)
    assert server.events[0][0] == "fields"
    assert not server.in_headers


@pytest.mark.parametrize(
    "between", [frame(9, 4, 5, b""), data(1), window_frame(0, 1), frame(77, 0, 0, b""), headers(3)]
)
def test_nothing_comes_between_frames_of_a_block(between: bytes) -> None:
    """
    Not even what means nothing (4.3).
    """
    assert fails(settled(), headers(flags=1), between) == faults.PROTOCOL_ERROR


def test_unknown_frames_and_flags_mean_nothing() -> None:
    """
    Frames of other types are ignored (5.5), and so are priorities.
    """
    server = settled()
    server.receive(frame(0x10, 0, 0, b"u=1") + frame(77, 255, 9, b"x"), 2.0)
    server.receive(frame(frames.PRIORITY, 0, 7, b"\0\0\0\1\0") + headers(flags=0xD5 & ~8), 2.0)
    assert [each[0] for each in server.events] == ["fields"]


def test_a_ping_is_answered() -> None:
    """
    With the same bytes; an answer to ours is passed on.
    """
    server = settled()
    server.receive(
        frame(frames.PING, 0, 0, b"12345678") + frame(frames.PING, 1, 0, b"abcdefgh"), 2.0
    )
    assert read_frames(server.taken()) == [(frames.PING, 1, 0, b"12345678")]
    assert server.events == [("pong", b"abcdefgh")]
    server.ping(b"abcdefgh")
    assert read_frames(server.taken()) == [(frames.PING, 0, 0, b"abcdefgh")]


def test_trailers() -> None:
    """
    A second block ends the stream.
    """
    server = settled()
    server.receive(headers(flags=4) + data() + headers(flags=5, block=b"\x00\x01a\x01b"), 2.0)
    assert server.events[-1] == ("fields", 1, [(b"a", b"b")], True)


def test_more_after_the_end_of_a_request() -> None:
    """
    A stream whose end has come takes no more: it is reset (5.1, half-closed).
    """
    for more in (data(), headers()):
        server = settled()
        server.receive(headers() + more, 2.0)
        assert resets(server) == [(1, faults.STREAM_CLOSED)]
        assert server.events[-1] == ("broke-off", 1, faults.STREAM_CLOSED)
        assert not server.streams


def test_more_after_the_end_of_a_stream() -> None:
    """
    On a stream that is over, both ends of which were said, a client has no business.
    """
    for more in (data(), headers()):
        server = settled()
        server.receive(headers(), 2.0)
        server.streams[1].send([b":status: 200"], b"", True)
        assert not server.streams
        assert fails(server, more) == faults.STREAM_CLOSED
    server = settled()
    server.receive(headers(), 2.0)
    server.streams[1].send([b":status: 200"], b"", True)
    server.receive(window_frame(1, 5) + frame(frames.RST_STREAM, 0, 1, bytes(4)), 2.0)
    server.receive(frame(frames.PRIORITY, 0, 1, bytes(5)), 2.0)


def test_what_was_under_way_at_a_reset() -> None:
    """
    What comes for a stream that was reset here is dropped, and its bytes are given back.
    """
    server = settled()
    server.receive(headers(flags=4), 2.0)
    server.streams[1].reset(faults.CANCEL)
    assert resets(server) == [(1, faults.CANCEL)]
    left = server._left
    server.receive(data(payload=b"x" * 1000) + headers(flags=5, block=b"\x40\x01a\x01b"), 2.0)
    assert server._credit == 1000
    assert server._left == left - 1000
    # The block was read all the same: the tables go on.
    server.receive(headers(3, block=HEAD + b"\xbf"), 2.0)
    assert server.events[-1][2][-1] == (b"a", b"b")


def test_data_after_the_clients_own_reset() -> None:
    """
    Whoever resets a stream sends no more on it.
    """
    server = settled()
    server.receive(headers(flags=4) + frame(frames.RST_STREAM, 0, 1, b"\0\0\0\x08"), 2.0)
    assert server.events[-1] == ("broke-off", 1, faults.CANCEL)
    assert fails(server, data()) == faults.STREAM_CLOSED


def test_numbers_only_grow() -> None:
    """
    A stream that was left out can not be opened any more (5.1.1).
    """
    server = settled()
    server.receive(headers(5), 2.0)
    assert fails(server, headers(3)) == faults.STREAM_CLOSED


def test_too_many_streams() -> None:
    """
    Those above the limit are refused, which says that they can be repeated (5.1.2).
    """
    server = settled(Limits(streams=2))
    server.receive(headers(1) + headers(3) + headers(5), 2.0)
    assert resets(server) == [(5, faults.REFUSED_STREAM)]
    assert sorted(server.streams) == [1, 3]


def test_a_stream_that_depends_on_itself_with_a_priority_of_another_size() -> None:
    """
    Priorities are checked though nothing is made of them.
    """
    assert fails(settled(), frame(frames.PRIORITY, 0, 3, b"\0\0\0\3\0")) == faults.PROTOCOL_ERROR


# -- 6.8: the end


def test_goodbye() -> None:
    """
    Streams after the last one that was promised are dropped; first nothing is refused.
    """
    server = settled()
    server.goaway(faults.NO_ERROR, last=frames.MOST_WINDOW)
    server.receive(headers(1), 2.0)
    assert 1 in server.streams
    server.goaway(faults.NO_ERROR)
    said = [payload for kind, _, _, payload in read_frames(server.taken()) if kind == frames.GOAWAY]
    assert [frames.unpack_goaway(each) for each in said] == [(2**31 - 1, 0), (1, 0)]
    server.receive(headers(3, flags=4) + data(3) + window_frame(3, 1), 2.0)
    assert sorted(server.streams) == [1]


def test_a_client_that_goes_away() -> None:
    """
    GOAWAY is passed on, with whatever it says beside.
    """
    server = settled()
    server.receive(frames.goaway_frame(5, 2, b"because"), 2.0)
    assert server.events == [("goaway", 5, 2)]


def test_names_of_codes() -> None:
    """
    Codes have names for people.
    """
    assert faults.name_of(faults.ENHANCE_YOUR_CALM) == "ENHANCE_YOUR_CALM"
    assert faults.name_of(4711) == "error 4711"
