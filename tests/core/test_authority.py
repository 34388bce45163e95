"""
The name and port of a request's authority.
"""

from __future__ import annotations

import pytest

from txbalancer.core.authority import name_and_port


@pytest.mark.parametrize(
    ("host", "secure", "found"),
    [
        (b"a.test", False, (b"a.test", 80)),
        (b"a.test", True, (b"a.test", 443)),
        (b"a.test:8080", False, (b"a.test", 8080)),
        (b"a.test:", False, (b"a.test", 80)),
        (b"a.test:0", True, (b"a.test", 443)),
        (b"a.test:65536", False, (b"a.test", 80)),
        (b"[::1]", False, (b"[::1]", 80)),
        (b"[::1]:81", False, (b"[::1]", 81)),
        (b"", False, (b"", 80)),
    ],
)
def test_name_and_port(host: bytes, secure: bool, found: tuple[bytes, int]) -> None:
    """
    A port that there is not is the scheme's.
    """
    assert name_and_port(host, secure) == found
