"""
What the supervisor says to a worker beside an answer.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from txbalancer.services.told import Told, say, take


@given(
    st.sampled_from(["ok", "too-many-guesses"]),
    st.none() | st.binary(),
    st.sampled_from(["", "a_b.c-1"]),
)
def test_whatever_a_user_is_called(reason: str, user: bytes | None, limited: str) -> None:
    """
    A name is any bytes; it arrives as it was, and no client sees it.
    """
    told = Told(reason, user, limited)
    lines = [b"Server: a", say(told), b"Date: today"]
    assert b"\r" not in lines[1]
    assert b"\n" not in lines[1]
    assert take(lines) == told
    assert lines == [b"Server: a", b"Date: today"]


def test_what_was_not_said() -> None:
    """
    An answer without it ended well, by all that is known.
    """
    assert take([b"Server: a"]) == Told("ok")
