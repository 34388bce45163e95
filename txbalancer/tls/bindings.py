"""
Four calls of OpenSSL that pyOpenSSL has no method for (ADR 0018).
"""

from __future__ import annotations

from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

_lib = Binding.lib
_PARTIAL_WRITE = 1
"""C{SSL_MODE_ENABLE_PARTIAL_WRITE}."""


def set_groups(context: SSL.Context, names: str) -> None:
    """
    Choose the groups for key exchange, the best first.

    @raise ValueError: when OpenSSL knows one of them not.
    """
    if _lib.SSL_CTX_set1_curves_list(context._context, names.encode()) != 1:
        _lib.ERR_clear_error()
        raise ValueError(f"{names} is no list of groups that OpenSSL knows")


def whole_writes(context: SSL.Context) -> None:
    """
    Let one call encrypt all of its data, however many records that takes.
    """
    context.clear_mode(_PARTIAL_WRITE)


def verify_words(number: int) -> str:
    """
    Return OpenSSL's words for why it does not trust a certificate.

    @param number: its C{X509_V_ERR_…}.
    """
    told: bytes = Binding.ffi.string(_lib.X509_verify_cert_error_string(number))
    return told.decode("ascii", "replace")


def resumed(connection: SSL.Connection) -> bool:
    """
    Tell whether a handshake went on with an earlier session.
    """
    return bool(_lib.SSL_session_reused(connection._ssl))
