"""
Names of what is known of a TLS connection, as Apache's C{mod_ssl} calls it.

Source: httpd 2.4 C{mod_ssl}, list of environment variables.
"""

from __future__ import annotations

import re

OF_CONNECTIONS = frozenset(
    (
        *("SSL_PROTOCOL", "SSL_SECURE_RENEG", "SSL_COMPRESS_METHOD", "SSL_VERSION_LIBRARY"),
        *("SSL_CIPHER", "SSL_CIPHER_EXPORT", "SSL_CIPHER_USEKEYSIZE", "SSL_CIPHER_ALGKEYSIZE"),
        *("SSL_TLS_SNI", "SSL_SESSION_RESUMED", "SSL_CLIENT_VERIFY"),
    )
)
"""What concerns a connection as a whole."""

OF_CERTIFICATES = frozenset(
    (
        *("M_VERSION", "M_SERIAL", "S_DN", "I_DN", "V_START", "V_END", "V_REMAIN"),
        *("A_SIG", "A_KEY", "CERT"),
    )
)
"""What follows C{SSL_CLIENT_} or C{SSL_SERVER_}, for the certificate of that side."""

PARTS = {
    "C": "2.5.4.6",
    "ST": "2.5.4.8",
    "L": "2.5.4.7",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "CN": "2.5.4.3",
    "T": "2.5.4.12",
    "I": "2.5.4.43",
    "G": "2.5.4.42",
    "S": "2.5.4.4",
    "D": "2.5.4.13",
    "UID": "0.9.2342.19200300.100.1.1",
    "Email": "1.2.840.113549.1.9.1",
}
"""Parts of a subject's or an issuer's name, and their object identifiers."""

_PART = re.compile(rf"([SI])_DN_({'|'.join(PARTS)})(?:_(\d{{1,2}}))?", re.ASCII)
_ALTERNATIVE = re.compile(r"SAN_(Email|DNS)_(\d{1,2})", re.ASCII)
_CHAIN = re.compile(r"CERT_CHAIN_(\d{1,2})", re.ASCII)


def is_known(name: str) -> bool:
    """
    Tell whether there may be something of this name.
    """
    return name in OF_CONNECTIONS or of_certificate(name) is not None


def of_certificate(name: str) -> tuple[str, str] | None:
    """
    Split the name of something about a certificate into C{CLIENT} or C{SERVER} and the rest.

    @return: C{None} for any other name.
    """
    start, _, rest = name.partition("_")
    side, _, what = rest.partition("_")
    if start != "SSL" or side not in ("CLIENT", "SERVER"):
        return None
    known = what in OF_CERTIFICATES or part_of(what) or alternative_of(what)
    if known or (side == "CLIENT" and chain_place(what) is not None):
        return side, what
    return None


def part_of(what: str) -> tuple[str, str, int] | None:
    """
    Split C{S_DN_OU_1} into whose name it is, the object identifier of the part, and which of it.
    """
    match = _PART.fullmatch(what)
    return (match[1], PARTS[match[2]], int(match[3] or 0)) if match else None


def alternative_of(what: str) -> tuple[str, int] | None:
    """
    Split C{SAN_DNS_0} into the kind of further name and which of it.
    """
    match = _ALTERNATIVE.fullmatch(what)
    return (match[1], int(match[2])) if match else None


def chain_place(what: str) -> int | None:
    """
    Return the place of a certificate in the client's chain.
    """
    match = _CHAIN.fullmatch(what)
    return int(match[1]) if match else None
