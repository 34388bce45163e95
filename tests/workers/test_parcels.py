"""
Values of any size in messages.
"""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from txbalancer.workers.parcels import Packed, Parcel


def there_and_back(value: Any) -> Any:
    """
    Send a value.
    """
    strings: dict[bytes, bytes] = {}
    Parcel().toBox(b"value", strings, {"value": value}, None)
    assert all(len(each) <= 0xFFFF for each in strings.values())
    found: dict[str, Any] = {}
    Parcel().fromBox(b"value", strings, found, None)
    assert not strings
    return found["value"]


@example({"a": b"x" * 0xFFFF * 3})
@given(st.recursive(st.none() | st.integers() | st.binary(), lambda each: st.lists(each)))
def test_any_value(value: Any) -> None:
    """
    What arrives is what was sent, in pieces that fit, packed before or not.
    """
    assert there_and_back(value) == value
    assert there_and_back(Packed(value)) == value
