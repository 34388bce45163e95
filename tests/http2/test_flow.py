"""
Flow control: windows of both directions, and whose turn it is.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.http2.ends import Server, read_frames, settled
from tests.http2.test_connection import data, fails, headers, resets
from txbalancer.http2 import faults, frames
from txbalancer.http2.frames import settings_frame, window_frame
from txbalancer.http2.limits import Limits

OK = [b":status: 200"]


def sent(server: Server) -> list[tuple[int, int, int]]:
    """
    Return stream, size and flags of the pieces of bodies that were sent.
    """
    return [
        (number, len(payload), flags)
        for kind, flags, number, payload in read_frames(server.taken())
        if kind == frames.DATA
    ]


def asked(*numbers: int, window: int = 65535, limits: Limits | None = None) -> Server:
    """
    Make a server with requests that wait for their answers.
    """
    server = settled(limits)
    server.receive(settings_frame([(4, window)]), 2.0)
    server.receive(b"".join(map(headers, numbers)), 2.0)
    server.taken()
    server.events.clear()
    return server


def stream(server: Server, number: int = 1) -> Any:
    """
    Return a stream.
    """
    return server.streams[number]


# -- what is sent


def test_an_answer_within_the_windows_goes_at_once() -> None:
    """
    Head and body in two frames, and the stream is over.
    """
    server = asked(1)
    stream(server).send(OK, b"x" * 100, True)
    kinds = [(kind, flags) for kind, flags, _, _ in read_frames(server.taken())]
    assert kinds == [(frames.HEADERS, 4), (frames.DATA, 1)]
    assert server.events == [("sent", 1)]
    assert server.window == 65435
    assert not server.streams


def test_an_answer_without_a_body_is_one_frame() -> None:
    """
    Its head says that there is no more.
    """
    server = asked(1)
    stream(server).send(OK, b"", True)
    assert [(kind, flags) for kind, flags, _, _ in read_frames(server.taken())] == [(1, 5)]


def test_no_more_than_the_streams_window() -> None:
    """
    The rest waits for the client, and who waits for it is told when it is gone.
    """
    server = asked(1, window=10)
    stream(server).send(OK, b"x" * 15, False)
    assert sent(server) == [(1, 10, 0)]
    assert stream(server).queued == 5
    server.receive(window_frame(1, 3), 2.0)
    assert sent(server) == [(1, 3, 0)]
    assert server.events == []
    server.receive(window_frame(1, 3), 2.0)
    assert sent(server) == [(1, 2, 0)]
    assert server.events == [("drained", 1)]
    stream(server).send_data(b"", True)
    assert sent(server) == [(1, 0, 1)]


def test_no_more_than_the_connections_window() -> None:
    """
    Streams share what the connection has left, in turn.
    """
    server = asked(1, 3, 5, window=2**20)
    for number in (1, 3, 5):
        stream(server, number).send(OK, b"x" * 60000, True)
    assert sum(size for _, size, _ in sent(server)) == 65535
    waits = {number: stream(server, number).queued for number in server.streams}
    server.receive(window_frame(0, 32768), 2.0)
    assert [number for number, _, _ in sent(server)] == sorted(waits)[:2]
    server.receive(window_frame(0, 200000), 2.0)
    sent(server)
    assert not server.streams


def test_turns_are_a_frame_each() -> None:
    """
    A large answer does not keep others from theirs.
    """
    server = asked(1, 3, window=10**6)
    server.receive(window_frame(0, 10**6), 2.0)
    server.blocked = True
    stream(server, 1).send(OK, b"x" * 100000, True)
    stream(server, 3).send(OK, b"y" * 30000, True)
    server.unblocked()
    assert [number for number, _, _ in sent(server)] == [1, 3, 1, 3, 1, 1, 1, 1, 1]


def test_nothing_is_written_to_a_transport_that_is_full() -> None:
    """
    Not even heads: they would pile up.
    """
    server = asked(1)
    server.blocked = True
    stream(server).send(OK, b"", True)
    assert server.taken() == b""
    server.unblocked()
    assert [(kind, flags) for kind, flags, _, _ in read_frames(server.taken())] == [(1, 5)]


def test_a_transport_that_fills_up_meanwhile() -> None:
    """
    Large answers are given to it in batches, until it says stop.
    """

    class Full(Server):
        def flush(self) -> None:
            super().flush()
            self.blocked = len(self.sent) > 65536

    server = Full()
    server.receive(settings_frame([(4, 10**6)]) + window_frame(0, 10**6) + headers(), 2.0)
    server.taken()
    stream(server).send(OK, b"x" * 300000, True)
    assert 65536 <= len(server.sent) < 90000
    total = 0
    for _ in range(10):
        total += sum(size for _, size, _ in sent(server))
        server.unblocked()
    assert total == 300000


def test_an_interim_head_and_trailers_keep_their_order() -> None:
    """
    What waits goes out as it was given.
    """
    server = asked(1, window=0)
    stream(server).send([b":status: 103", b"link: x"], b"", False)
    stream(server).send(OK, b"abc", False)
    stream(server).send_data(b"def")
    stream(server).send_data(b"", True, [b"grpc-status: 0"])
    assert [kind for kind, *_ in read_frames(server.taken())] == [1, 1]
    server.receive(window_frame(1, 100), 2.0)
    found = [(kind, flags) for kind, flags, _, _ in read_frames(server.taken())]
    assert found == [(0, 0), (1, 5)]


def test_trailers_without_a_body() -> None:
    """
    A head and trailers are two frames.
    """
    server = asked(1)
    stream(server).send(OK, b"", True, [b"grpc-status: 0"])
    assert [(kind, flags) for kind, flags, _, _ in read_frames(server.taken())] == [(1, 4), (1, 5)]


def test_large_heads_are_continued() -> None:
    """
    A head over 16 KiB goes in more frames than one.
    """
    server = asked(1)
    stream(server).send([*OK, b"x: " + b"y" * 40000], b"", True)
    found = [(kind, flags) for kind, flags, _, _ in read_frames(server.taken())]
    assert found == [(1, 1), (9, 0), (9, 4)]


def test_a_first_window_that_changes() -> None:
    """
    It changes for streams that are open, too, and a window may be below zero (6.9.2).
    """
    server = asked(1, window=10)
    stream(server).send(OK, b"x" * 30, True)
    assert sent(server) == [(1, 10, 0)]
    server.receive(settings_frame([(4, 4)]), 2.0)
    server.receive(window_frame(1, 6), 2.0)
    assert sent(server) == []
    server.receive(settings_frame([(4, 14)]), 2.0)
    assert sent(server) == [(1, 10, 0)]


def test_windows_that_are_too_large() -> None:
    """
    Over 2^31-1 a stream is reset and a connection ends.
    """
    server = asked(1)
    server.receive(window_frame(1, 2**31 - 1), 2.0)
    assert resets(server) == [(1, faults.FLOW_CONTROL_ERROR)]
    assert fails(asked(), window_frame(0, 2**31 - 1)) == faults.FLOW_CONTROL_ERROR
    server = asked(1)
    server.receive(window_frame(1, 2**31 - 1 - 65535), 2.0)
    assert fails(server, settings_frame([(4, 65536)])) == faults.FLOW_CONTROL_ERROR


def test_a_stream_that_is_reset_while_it_waits() -> None:
    """
    What waited is dropped, and nobody hears of it.
    """
    server = asked(1, 3, window=0)
    stream(server, 1).send(OK, b"x" * 30, True)
    sent(server)
    server.receive(frames.reset_frame(1, 8), 2.0)
    server.receive(settings_frame([(4, 10)]), 2.0)
    assert sent(server) == []
    server = asked(1)
    server.blocked = True
    stream(server, 1).send(OK, b"x", True)
    stream(server, 1).reset()
    server.unblocked()
    assert sent(server) == []


@settings(deadline=None)
@given(st.data())
def test_whatever_windows_do_bodies_arrive(draw: st.DataObject) -> None:
    """
    With any windows, in any pieces, bodies arrive whole, in order, within the windows.
    """
    numbers = [1, 3, 5]
    window = draw.draw(st.integers(0, 40000))
    server = asked(*numbers, window=window)
    left = dict.fromkeys(numbers, window)
    total = 65535
    got = dict.fromkeys(numbers, b"")
    bodies = {}
    for number in numbers:
        pieces = draw.draw(st.lists(st.integers(0, 50000), max_size=4))
        bodies[number] = b"".join(b"%c" % (65 + at) * size for at, size in enumerate(pieces))
        it = stream(server, number)
        it.send(OK, b"", not pieces)
        for at, size in enumerate(pieces):
            it.send_data(b"%c" % (65 + at) * size, at == len(pieces) - 1)
    for turn in range(1000):
        for kind, _, number, payload in read_frames(server.taken()):
            if kind == frames.DATA:
                got[number] += payload
                left[number] -= len(payload)
                total -= len(payload)
                assert left[number] >= 0
                assert total >= 0
        if got == bodies and not server.streams:
            break
        server.blocked = draw.draw(st.booleans()) and turn < 100
        number = (
            draw.draw(st.sampled_from([0, *numbers])) if turn < 100 else [0, *numbers][turn % 4]
        )
        more = draw.draw(st.integers(1, 30000)) if turn < 100 else 30000
        if number:
            left[number] += more
        else:
            total += more
        server.receive(window_frame(number, more), 2.0)
        if not server.blocked:
            server.unblocked()
    assert got == bodies
    assert not server.streams


# -- what is received


def test_more_than_the_window() -> None:
    """
    Who sends more than it may is reset, or cut off.
    """
    server = settled(Limits(window=65535))
    body = data(payload=b"x" * 16384)
    server.receive(headers(flags=4), 2.0)
    stream(server).holds = True
    server.receive(body * 4, 2.0)
    assert resets(server) == [(1, faults.FLOW_CONTROL_ERROR)]
    assert server.events[-1] == ("broke-off", 1, faults.FLOW_CONTROL_ERROR)
    server = settled(Limits(window=10**6, connection_window=65535))
    server.receive(headers(flags=4), 2.0)
    stream(server).holds = True
    assert fails(server, body * 4) == faults.FLOW_CONTROL_ERROR


def test_windows_are_renewed_as_bodies_are_consumed() -> None:
    """
    At half of it, for stream and connection each; what is held is not renewed.
    """
    limits = Limits(window=20000, connection_window=65535)
    server = settled(limits)
    server.receive(headers(flags=4), 2.0)
    stream(server).holds = True
    server.receive(data(payload=b"x" * 12000), 2.0)
    assert server.taken() == b""
    stream(server).consumed(12000)
    assert read_frames(server.taken()) == read_frames(window_frame(1, 12000))
    for _ in range(3):
        server.receive(data(payload=b"x" * 10000), 2.0)
        stream(server).consumed(10000)
    windows = [number for kind, _, number, _ in read_frames(server.taken())]
    assert windows == [1, 0, 1, 1] or sorted(windows) == [0, 1, 1, 1]


def test_small_frames_of_a_read_are_one_piece() -> None:
    """
    A body in frames of one byte goes on by the read, up to a frame of another kind or stream;
    windows count each byte.
    """
    server = settled(Limits(window=4000))
    server.receive(headers(1, flags=4) + headers(3, flags=4), 2.0)
    server.events.clear()
    one, three = data(1, payload=b"x"), data(3, payload=b"y")
    ping = frames.ping_frame(bytes(8))
    server.receive(one * 1500 + three * 2 + one + ping + one * 499, 2.0)
    assert server.events == [
        ("data", 1, b"x" * 1500, False),
        ("data", 3, b"yy", False),
        ("data", 1, b"x", False),
        ("data", 1, b"x" * 499, False),
    ]
    assert window_frame(1, 2000) in server.taken()
    padded = data(1, payload=b"\2zz\0\0", flags=8)
    server.receive(one + padded + data(1, payload=b"!", flags=1) + three + three[:4], 2.0)
    server.receive(three[4:], 2.0)
    assert server.events[4:] == [
        ("data", 1, b"xzz!", True),
        ("data", 3, b"y", False),
        ("data", 3, b"y", False),
    ]


def test_a_fault_among_joined_frames_follows_those_before() -> None:
    """
    Pieces before a frame with wrong padding are passed on, or are the fault themselves, in
    whatever pieces all of them come.
    """
    wrong = data(1, payload=b"\x09z", flags=8)
    server = settled()
    server.receive(headers(1, flags=4), 2.0)
    assert fails(server, data(1, payload=b"x") + wrong) == faults.PROTOCOL_ERROR
    assert server.events[-1] == ("data", 1, b"x", False)
    server = settled()
    server.receive(headers(3, flags=4), 2.0)
    assert fails(server, data(1, payload=b"x") + wrong) == faults.STREAM_CLOSED


def test_many_small_frames_do_not_exceed_a_window() -> None:
    """
    However small, and joined or not, they are counted together.
    """
    server = settled(Limits(window=100))
    server.receive(headers(1, flags=4), 2.0)
    server.receive(data(1, payload=b"x") * 101, 2.0)
    assert resets(server) == [(1, faults.FLOW_CONTROL_ERROR)]


def test_empty_frames_among_others_are_paid_for() -> None:
    """
    Pieces with content do not hide those without.
    """
    for last in (0, 1):
        server = settled(Limits(control=3))
        server.receive(headers(1, flags=4), 2.0)
        empty = data(1, payload=b"")
        written = empty + data(1, payload=b"x") + empty * 5 + data(1, payload=b"", flags=last)
        assert fails(server, written) == faults.ENHANCE_YOUR_CALM


def test_a_frame_that_is_too_large_behind_others() -> None:
    """
    It is told from them.
    """
    server = settled()
    server.receive(headers(1, flags=4), 2.0)
    written = data(1, payload=b"x") + data(1, payload=bytes(16385))
    assert fails(server, written) == faults.FRAME_SIZE_ERROR
    server = settled()
    assert fails(server, data(0, payload=b"x") * 2) == faults.PROTOCOL_ERROR


def test_no_window_for_a_stream_that_has_ended() -> None:
    """
    Who has sent all needs none; the connection's is renewed all the same.
    """
    server = settled(Limits(window=65535, connection_window=65535))
    server.receive(headers(flags=4) + data(payload=b"x" * 16000) * 2, 2.0)
    assert server.taken() == b""
    server.receive(data(payload=b"x" * 16000, flags=1), 2.0)
    assert [number for _, _, number, _ in read_frames(server.taken())] == [0]


def test_padding_is_given_back_at_once() -> None:
    """
    Though the stream holds its body.
    """
    server = settled(Limits(window=400, connection_window=65535))
    server.receive(headers(flags=4), 2.0)
    stream(server).holds = True
    server.receive(data(payload=b"\xff" + b"x" * 10 + bytes(255), flags=8), 2.0)
    assert read_frames(server.taken()) == read_frames(window_frame(1, 256))


@pytest.mark.parametrize("window", [65535, 100, 10**6])
def test_the_greeting(window: int) -> None:
    """
    The first window of the connection is widened to what is wanted, and cannot be narrowed.
    """
    server = Server(Limits(connection_window=window))
    found = read_frames(server.taken())
    assert [kind for kind, *_ in found][:1] == [frames.SETTINGS]
    more = [int.from_bytes(payload, "big") for kind, _, _, payload in found if kind == 8]
    assert more == ([window - 65535] if window > 65535 else [])
