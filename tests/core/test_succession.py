"""
The messages between a process and the one that takes its place.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from txbalancer.core.succession import PROTOCOL, Frames, frame, protocol_fault

FIELDS = st.dictionaries(
    st.text().filter(lambda name: name != "say"),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    ),
    max_size=4,
)


@settings(max_examples=40)
@given(st.lists(FIELDS, max_size=3), st.integers(1, 7))
def test_messages_arrive_however_they_are_cut(messages: list, size: int) -> None:
    """
    What was framed comes out, in order, for any split of the bytes.
    """
    data = b"".join(frame("x", **each) for each in messages)
    frames = Frames()
    found = []
    for start in range(0, len(data), size):
        found += frames.feed(data[start : start + size])
    assert found == [{"say": "x", **each} for each in messages]


@pytest.mark.parametrize(
    "data", [b"\xff\xff\xff\xff", b"\0\0\0\x02[]", b"\0\0\0\x02{}", b"\0\0\0\x01x"]
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    """
    Neither lengths out of bounds nor anything but a mapping with its kind is taken.
    """
    with pytest.raises(ValueError, match=r"."):
        Frames().feed(data)


def test_another_protocol_is_named_with_the_remedy() -> None:
    """
    Two versions that cannot understand each other say so.
    """
    assert protocol_fault({"protocol": PROTOCOL}) == ""
    fault = protocol_fault({"protocol": PROTOCOL + 1, "version": "9.9"})
    assert "9.9" in fault
    assert "stop the one" in fault
