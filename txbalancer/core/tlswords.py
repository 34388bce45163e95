"""
Versions and ciphers of TLS, as Apache's C{SSLProxyProtocol} and C{SSLProxyCipherSuite} name them.
"""

from __future__ import annotations

from txbalancer.core import values

VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
"""Oldest first."""
_BY_NAME = {each.lower(): each for each in VERSIONS}
_GONE = ("sslv2", "sslv3")


def versions(text: str) -> tuple[str, ...]:
    """
    Read a list of versions: a bare one stands for itself alone, C{+} adds and C{-} takes away.

    @return: those of L{VERSIONS} that are left; of an empty text TLS 1.2 and 1.3.
    @raise ValueError: for unknown ones, and when none is left.
    """
    found = {"TLSv1.2", "TLSv1.3"} if not text else set()
    for word in text.split():
        sign, name = (word[0], word[1:]) if word[0] in "+-" else ("", word)
        key = name.lower()
        if key in _GONE and sign == "-":
            continue
        if key in _GONE:
            raise ValueError(f"{name} is not spoken any more: use TLSv1.2 or TLSv1.3")
        if key != "all" and key not in _BY_NAME:
            raise ValueError(f"{name!r} is no TLS version: use all, {', '.join(VERSIONS)}")
        named = set(VERSIONS) if key == "all" else {_BY_NAME[key]}
        if sign == "-":
            found -= named
        else:
            found = found | named if sign else named
    if not found:
        raise ValueError(f"{text!r} leaves no TLS version: use for example all -TLSv1 -TLSv1.1")
    return tuple(each for each in VERSIONS if each in found)


@values.kind("all, TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3 with + or - before them, or empty")
def protocol(text: str) -> str:
    """
    Check a list of versions; it is kept as it is written.
    """
    versions(text)
    return " ".join(text.split())


def ciphers(text: str) -> tuple[str, str]:
    """
    Split a list of ciphers into the one for TLS up to 1.2 and the one for TLS 1.3.

    @param text: a list in OpenSSL's notation, or lists after C{SSL} and C{TLSv1.3}.
    @return: empty where nothing was said.
    @raise ValueError: for anything else.
    """
    older = newer = ""
    words = text.split()
    while words:
        first = words.pop(0)
        kind = first.lower()
        if kind not in ("ssl", "tlsv1.3"):
            kind, words = "ssl", [first, *words]
        if not words or (newer if kind == "tlsv1.3" else older):
            raise ValueError(f"{text!r} must be CIPHERS, TLSv1.3 CIPHERS, or one after the other")
        if kind == "ssl":
            older = words.pop(0)
        else:
            newer = words.pop(0)
    return older, newer


@values.kind("CIPHERS, TLSv1.3 CIPHERS, or one after the other, in OpenSSL's notation, or empty")
def cipher_suite(text: str) -> str:
    """
    Check the form of a list of ciphers; only OpenSSL knows the ciphers themselves.
    """
    ciphers(text)
    return " ".join(text.split())
