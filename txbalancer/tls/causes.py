"""
Why TLS towards a member failed, in words for whoever has to mend it.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from txbalancer.tls.bindings import verify_words
from txbalancer.tls.handshakes import reason_of, words

_UNTRUSTED = frozenset((2, 18, 19, 20, 21))
"""OpenSSL's numbers for certificates of an authority that is not among the trusted ones."""
_NAMES = 3
"""Names of a certificate that are told."""
_LONGEST = 80
"""Characters of each, for the member chooses them."""
_WRONG_PORT = "does it speak TLS on this port?"


def refusal(text: str) -> Failure:
    """
    Return a failure of our own as one of OpenSSL's.
    """
    return Failure(SSL.Error([("", "", text)]))


def untrusted(number: int) -> Failure:
    """
    Tell why OpenSSL does not trust a certificate.

    @param number: its C{X509_V_ERR_…}.
    """
    hint = " (see sslproxycacertificatefile)" if number in _UNTRUSTED else ""
    return refusal(f"certificate verify failed: {verify_words(number)}{hint}")


def misnamed(patterns: list[Any], wanted: str) -> Failure:
    """
    Tell that a certificate is somebody else's.

    @param patterns: whom it names, as C{service_identity} has it.
    """
    names = [_name(each) for each in patterns[:_NAMES]]
    if len(patterns) > _NAMES:
        names.append("others")
    return refusal(
        f"the certificate is for {', '.join(names) or 'nobody'}, not for {wanted} (see sni)"
    )


def _name(pattern: Any) -> str:
    found = getattr(pattern, "pattern", pattern)
    text = found.decode("ascii", "replace") if isinstance(found, bytes) else str(found)
    return "".join(each if each.isprintable() else "?" for each in text)[:_LONGEST]


def cause_of(failure: Failure) -> str:
    """
    Say why a handshake with a member failed.
    """
    error = failure.value
    if isinstance(error, ConnectionDone | SSL.SysCallError):
        return f"the member ended the connection within the handshake ({_WRONG_PORT})"
    if not isinstance(error, SSL.Error):
        return failure.getErrorMessage()
    text = words(error)
    if reason_of(text, False) == "not-tls":
        return f"{text} ({_WRONG_PORT})"
    return text
