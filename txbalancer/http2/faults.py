"""
What ends a connection or a stream of HTTP/2, with the code that the peer is told.
"""

from __future__ import annotations

from txbalancer.errors import BalancerError, ClientError

(
    NO_ERROR,
    PROTOCOL_ERROR,
    INTERNAL_ERROR,
    FLOW_CONTROL_ERROR,
    SETTINGS_TIMEOUT,
    STREAM_CLOSED,
    FRAME_SIZE_ERROR,
    REFUSED_STREAM,
    CANCEL,
    COMPRESSION_ERROR,
    CONNECT_ERROR,
    ENHANCE_YOUR_CALM,
    INADEQUATE_SECURITY,
    HTTP_1_1_REQUIRED,
) = range(14)
"""Error codes (RFC 9113 section 7)."""

NAMES = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)


def name_of(code: int) -> str:
    """
    Return the name of an error code for people.
    """
    return NAMES[code] if code < len(NAMES) else f"error {code}"


class ConnectionFault(BalancerError):
    """
    The peer broke a rule, or exceeded a limit, on which the whole connection depends.

    @ivar code: what it is told.
    """

    reason = "http2"

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Malformed(ClientError):
    """
    A request against the rules of HTTP/2: its stream is reset, not answered (RFC 9113 8.1.1).
    """

    reason = "malformed"
