"""
Settings: what one end tells the other of itself (RFC 9113 6.5, RFC 8441, RFC 9218).
"""

from __future__ import annotations

from txbalancer.http2.faults import FLOW_CONTROL_ERROR, PROTOCOL_ERROR, ConnectionFault
from txbalancer.http2.frames import FIRST_WINDOW, MOST_WINDOW, settings_frame, window_frame
from txbalancer.http2.limits import Limits

(
    HEADER_TABLE_SIZE,
    ENABLE_PUSH,
    MAX_CONCURRENT_STREAMS,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
) = range(1, 7)
ENABLE_CONNECT_PROTOCOL = 8
NO_RFC7540_PRIORITIES = 9


def check_setting(setting: int, value: int) -> None:
    """
    Refuse a value that a setting cannot have.

    @raise ConnectionFault: saying which.
    """
    if setting == INITIAL_WINDOW_SIZE and value > MOST_WINDOW:
        raise ConnectionFault(FLOW_CONTROL_ERROR, "a first window of over 2^31-1")
    switch = setting in (ENABLE_PUSH, ENABLE_CONNECT_PROTOCOL, NO_RFC7540_PRIORITIES)
    if (switch and value > 1) or (setting == MAX_FRAME_SIZE and not 2**14 <= value < 2**24):
        raise ConnectionFault(PROTOCOL_ERROR, f"setting {setting} of {value}")


def greeting(limits: Limits, server: bool) -> bytes:
    """
    Write what a connection begins with, behind a client's preface.
    """
    settings = [(INITIAL_WINDOW_SIZE, limits.window), (MAX_HEADER_LIST_SIZE, limits.head)]
    if server:
        settings += [
            (MAX_CONCURRENT_STREAMS, limits.streams),
            (ENABLE_CONNECT_PROTOCOL, 1),
            (NO_RFC7540_PRIORITIES, 1),
        ]
    else:
        settings.append((ENABLE_PUSH, 0))
    more = limits.connection_window - FIRST_WINDOW
    return settings_frame(settings) + (window_frame(0, more) if more > 0 else b"")
