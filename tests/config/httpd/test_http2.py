"""
C{Protocols} and the two options of C{mod_http2} that have the same meaning here.
"""

from __future__ import annotations

import pytest

from tests.config.httpd.reading import warnings_of
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


@pytest.mark.parametrize("module", ["http2_module", "mod_http2.c", "mod_proxy_http2.c"])
def test_its_modules_are_here(module: str) -> None:
    """
    What is written for them holds, whether the file loads them or loads nothing; nothing is
    warned of.
    """
    text = f"<IfModule {module}>\nProtocols h2 http/1.1\n</IfModule>\n"
    assert listener(text).http2
    loads = "LoadModule http2_module a.so\nLoadModule proxy_http2_module b.so\n"
    assert listener(loads + text).http2
    assert warnings_of(loads + RULE) == []


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
