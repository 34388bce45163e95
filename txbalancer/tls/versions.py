"""
Versions of TLS as OpenSSL's options know them.
"""

from __future__ import annotations

from collections.abc import Collection

from OpenSSL import SSL

from txbalancer.core import tlswords

_WITHOUT = dict(
    zip(
        tlswords.VERSIONS,
        (SSL.OP_NO_TLSv1, SSL.OP_NO_TLSv1_1, SSL.OP_NO_TLSv1_2, SSL.OP_NO_TLSv1_3),
        strict=True,
    )
)


def none_but(versions: Collection[str]) -> int:
    """
    Return the options by which a context speaks only these.

    @param versions: of L{tlswords.VERSIONS}.
    """
    options = 0
    for name, option in _WITHOUT.items():
        if name not in versions:
            options |= option
    return options
