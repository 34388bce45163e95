"""
What is said to a member, and what it has to say.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.dialog import matcher, unescape


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", b""),
        ("PING", b"PING"),
        (r"PING\r\n", b"PING\r\n"),
        (r"\x00\xfF\0\t\\n", b"\x00\xff\x00\t\\n"),
        ("ä", "ä".encode()),
    ],
)
def test_escapes(text: str, data: bytes) -> None:
    """
    They stand for bytes; all else for itself.
    """
    assert unescape(text) == data


@pytest.mark.parametrize("text", [r"\q", r"\x1", "\\", r"a\xzz"])
def test_what_is_no_escape(text: str) -> None:
    """
    It is refused, rather than sent as it is.
    """
    with pytest.raises(ValueError, match="is no escape"):
        unescape(text)


@given(st.binary())
def test_every_byte_can_be_said(data: bytes) -> None:
    """
    In hexadecimal anything can.
    """
    assert unescape("".join(f"\\x{byte:02x}" for byte in data)) == data


@pytest.mark.parametrize(
    ("text", "said", "fits"),
    [
        ("", b"", False),
        ("", b"x", True),
        (r"+OK\r\n", b"+OK\r", False),
        (r"+OK\r\n", b"hello\r\n+OK\r\n", True),
        (r"~^\+(OK|PONG)", b"+PONG", True),
        (r"~^\+(OK|PONG)", b"-ERR +PONG", False),
        (r"~role:master\s", b"x\r\nrole:master\r\n", True),
    ],
)
def test_what_is_waited_for(text: str, said: bytes, fits: bool) -> None:
    """
    A part of it is enough, or a place where the expression matches.
    """
    assert matcher(text)(said) is fits


@pytest.mark.parametrize("text", ["~(", r"\q"])
def test_what_cannot_be_waited_for(text: str) -> None:
    """
    A faulty expression or escape is told at once.
    """
    with pytest.raises(ValueError, match=r"regular expression|escape"):
        matcher(text)
