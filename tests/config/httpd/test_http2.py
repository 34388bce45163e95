"""
C{Protocols} and the two options of C{mod_http2} that have the same meaning here.
"""

from __future__ import annotations

import pytest

from tests.config.httpd.test_listens import RULE, errors_of, listener


@pytest.mark.parametrize(
    ("text", "http2", "h2c"),
    [
        ("", False, False),
        ("Protocols http/1.1\n", False, False),
        ("Protocols h2 http/1.1\n", True, False),
        ("Protocols H2 h2c HTTP/1.1\n", True, True),
    ],
)
def test_protocols(text: str, http2: bool, h2c: bool) -> None:
    """
    What is named is spoken, and nothing else, as in Apache.
    """
    found = listener(text)
    assert (found.http2, found.h2c) == (http2, h2c)


def test_sizes() -> None:
    """
    Streams and their windows.
    """
    found = listener("H2MaxSessionStreams 20\nH2WindowSize 131072\n")
    assert (found.http2_max_streams, found.http2_window) == (20, 131072)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Protocols h2", "http/1.1 is always spoken"),
        ("Protocols h3 http/1.1", "'h3' is not spoken: use h2, h2c, http/1.1"),
        ("Protocols", "names of protocols"),
        ("H2WindowSize", "a number"),
        ("H2MaxSessionStreams many", "many"),
    ],
)
def test_what_cannot_be(text: str, why: str) -> None:
    """
    Faults name what is wrong.
    """
    assert why in errors_of(f"{text}\n{RULE}")
