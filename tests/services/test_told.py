"""
What the supervisor says to a worker beside an answer.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from txbalancer.services.told import said, take


@given(st.sampled_from(["ok", "too-many-guesses"]), st.none() | st.binary())
def test_whatever_a_user_is_called(reason: str, user: bytes | None) -> None:
    """
    A name is any bytes; it arrives as it was, and no client sees it.
    """
    lines = [b"Server: a", said(reason, user), b"Date: today"]
    assert b"\r" not in lines[1]
    assert b"\n" not in lines[1]
    assert take(lines) == (reason, user)
    assert lines == [b"Server: a", b"Date: today"]


def test_what_was_not_said() -> None:
    """
    An answer without it ended well, by all that is known.
    """
    assert take([b"Server: a"]) == ("ok", None)
