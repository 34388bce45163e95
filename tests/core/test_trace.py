"""
Trace context: what is passed on, and what is begun anew.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.trace import BITS, NOTHING, carried, fresh, ids, is_valid, restarted

TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = b"00f067aa0ba902b7"
VALID = b"00-%b-%b-01" % (TRACE, PARENT)
STATE = b"tracestate: a=1"


@pytest.mark.parametrize(
    "value",
    [
        VALID,
        VALID[:-2] + b"ff",
        b"01" + VALID[2:],
        b"fe" + VALID[2:],
        b"cc" + VALID[2:] + b"-what the future brings",
        b"cc" + VALID[2:] + b"-",
    ],
)
def test_valid(value: bytes) -> None:
    """
    Version 00 as it is; later ones may be longer after a dash.
    """
    assert is_valid(value)
    assert carried([b"Host: a", b"Traceparent:  " + value + b" \t"]) == value
    assert ids(value) == (TRACE, PARENT)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        VALID.upper(),
        VALID[:-1],
        VALID + b"0",
        VALID + b"-00",
        b"ff" + VALID[2:],
        b"0" + VALID,
        b"0x" + VALID[2:],
        b"cc" + VALID[2:] + b".x",
        b"cc" + VALID[2:] + b"0",
        VALID.replace(TRACE, b"0" * 32),
        VALID.replace(PARENT, b"0" * 16),
        VALID.replace(b"-", b"_"),
        VALID[:-2] + b"g0",
        VALID.replace(b"4bf", b"4bF"),
        VALID + b"\n",
        VALID + b", " + VALID,
    ],
)
def test_invalid(value: bytes) -> None:
    """
    Other lengths, capitals, zeros, and version ff are no trace.
    """
    assert not is_valid(value)
    assert carried([b"traceparent: " + value]) == NOTHING


def test_more_than_one_is_none() -> None:
    """
    Of several nobody can tell which is meant, even when they are equal.
    """
    line = b"traceparent: " + VALID
    assert carried([line]) == VALID
    assert carried([line, line]) == NOTHING
    assert carried([]) == NOTHING


def test_a_restart_takes_the_state_with_it() -> None:
    """
    Every line of the former trace goes, and no other.
    """
    lines = [b"A: 1", b"TraceParent: x", STATE, b"traceparent-x: 1", b"TRACESTATE: b=2", b"B: 2"]
    assert restarted(lines, VALID) == [
        b"A: 1",
        b"traceparent-x: 1",
        b"B: 2",
        b"traceparent: " + VALID,
    ]


@given(st.integers(0, 2**BITS - 1))
def test_what_is_begun_is_valid(bits: int) -> None:
    """
    Whatever the random bits, none of the numbers is zero, and nobody is asked to record.
    """
    value = fresh(bits)
    assert is_valid(value)
    assert value.endswith(b"-00")
    assert carried(restarted([STATE, b"traceparent: x"], value)) == value


def test_zeros_are_avoided() -> None:
    """
    The one case in 2**64 that is not allowed.
    """
    assert fresh(0) == b"00-" + b"0" * 31 + b"1-" + b"0" * 15 + b"1-00"


@given(st.binary(max_size=70))
def test_anything_may_come(value: bytes) -> None:
    """
    No bytes are an error; what is accepted is lower-case and long enough.
    """
    found = carried([b"traceparent:" + value])
    if found:
        assert len(found) >= 55
        assert found[:55] == found[:55].lower()


@given(st.from_regex(rb"\A[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\Z"))
def test_the_general_form(value: bytes) -> None:
    """
    Of the general form all is valid but zeros and version ff.
    """
    trace, parent = ids(value)
    wrong = value.startswith(b"ff") or trace == b"0" * 32 or parent == b"0" * 16
    assert is_valid(value) is not wrong
