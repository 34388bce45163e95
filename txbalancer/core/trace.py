"""
W3C Trace Context: which request of a client a request to a member belongs to.

This proxy makes no spans. It passes on what came, or begins a trace where nothing usable did, so
that members and logs have one number for what they do on behalf of one request.

Source: W3C Trace Context (Recommendation of 23 November 2021), sections 3.2, 3.3 and 4.2.
"""

from __future__ import annotations

import re

_IDS = rb"(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}"
# Later versions may add something after a dash; ff is none.
_VALID = re.compile(rb"00-%b|(?!00|ff)[0-9a-f]{2}-%b(?:-[^\r\n]*)?" % (_IDS, _IDS)).fullmatch

BITS = 192
"""Random bits that L{fresh} needs."""

NOTHING = b""
"""In place of a C{traceparent}: there is none."""


def is_valid(value: bytes) -> bool:
    """
    Tell whether the value of a C{traceparent} may be passed on.
    """
    return _VALID(value) is not None


def ids(value: bytes) -> tuple[bytes, bytes]:
    """
    Return the numbers of the trace and of the parent in a valid C{traceparent}, in hexadecimal.
    """
    return value[3:35], value[36:52]


def fresh(bits: int) -> bytes:
    """
    Make a C{traceparent} that begins a trace which nobody asked to be recorded.

    @param bits: L{BITS} random ones.
    """
    trace, parent = bits >> 64, bits & 0xFFFFFFFFFFFFFFFF
    # Numbers of nothing but zeros are not allowed.
    return b"00-%032x-%016x-00" % (trace or 1, parent or 1)


def carried(lines: list[bytes]) -> bytes:
    """
    Return the C{traceparent} in a request's header lines when there is exactly one and it is
    valid, else L{NOTHING}.
    """
    found = [line for line in lines if line[:12].lower() == b"traceparent:"]
    if len(found) != 1:
        return NOTHING
    value = found[0][12:].strip(b" \t")
    return value if is_valid(value) else NOTHING


def restarted(lines: list[bytes], value: bytes) -> list[bytes]:
    """
    Return a request's header lines with another trace in them: C{tracestate} says something
    about the one that it came with, and goes with it.
    """
    kept = [
        line
        for line in lines
        if line[:12].lower() != b"traceparent:" and line[:11].lower() != b"tracestate:"
    ]
    kept.append(b"traceparent: " + value)
    return kept
