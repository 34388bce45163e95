"""
Versions and ciphers of TLS as words.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core import tlswords
from txbalancer.core.tlswords import VERSIONS, cipher_suite, ciphers, protocol, versions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("TLSv1.2", "TLSv1.3")),
        ("all", VERSIONS),
        ("ALL -tlsv1 -TLSv1.1", ("TLSv1.2", "TLSv1.3")),
        ("all -SSLv2 -SSLv3 -TLSv1", ("TLSv1.1", "TLSv1.2", "TLSv1.3")),
        ("TLSv1.2", ("TLSv1.2",)),
        ("TLSv1.2 TLSv1.3", ("TLSv1.3",)),
        ("TLSv1.2 +TLSv1.3", ("TLSv1.2", "TLSv1.3")),
        ("+TLSv1.3", ("TLSv1.3",)),
        ("-all +TLSv1.1", ("TLSv1.1",)),
    ],
)
def test_versions_are_read_as_in_apache(text: str, expected: tuple[str, ...]) -> None:
    """
    A bare version stands for itself alone, also after others; signs add and take away.
    """
    assert versions(text) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("SSLv3", "SSLv3 is not spoken any more"),
        ("+sslv2", "sslv2 is not spoken any more"),
        ("TLS1.2", "'TLS1.2' is no TLS version: use all, TLSv1"),
        ("+", "'' is no TLS version"),
        ("-all", "leaves no TLS version"),
        ("TLSv1.1 -TLSv1.1", "leaves no TLS version"),
    ],
)
def test_versions_that_cannot_be(text: str, part: str) -> None:
    """
    Old ones, unknown ones, and none at all.
    """
    with pytest.raises(ValueError, match=part):
        protocol(text)


@given(st.lists(st.sampled_from([f"{s}{v}" for s in ("", "+", "-") for v in (*VERSIONS, "all")])))
def test_versions_keep_their_text(words: list[str]) -> None:
    """
    What is shown means the same versions.
    """
    text = "  ".join(words)
    try:
        kept = protocol(text)
    except ValueError:
        return
    assert protocol(protocol.show(kept)) == kept
    assert versions(kept) == versions(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("", "")),
        ("HIGH:!aNULL", ("HIGH:!aNULL", "")),
        ("SSL HIGH", ("HIGH", "")),
        ("tlsv1.3 A:B", ("", "A:B")),
        ("HIGH TLSv1.3 A", ("HIGH", "A")),
        ("TLSv1.3 A SSL HIGH", ("HIGH", "A")),
    ],
)
def test_ciphers_have_two_lists(text: str, expected: tuple[str, str]) -> None:
    """
    One for TLS 1.3, after its name, and one for those before it.
    """
    assert ciphers(text) == expected
    assert ciphers(cipher_suite(text)) == expected


@pytest.mark.parametrize(
    "text", ["HIGH LOW", "SSL", "TLSv1.3", "HIGH SSL LOW", "TLSv1.3 A TLSv1.3 B"]
)
def test_ciphers_that_cannot_be(text: str) -> None:
    """
    Two lists for the same versions, or a name without a list.
    """
    with pytest.raises(ValueError, match="must be CIPHERS"):
        cipher_suite(text)
    assert tlswords.cipher_suite.allowed
