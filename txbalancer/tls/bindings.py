"""
Calls of OpenSSL that pyOpenSSL has no method for, or one that raises what is no fault (ADR 0018).
"""

from __future__ import annotations

from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

_lib, _ffi = Binding.lib, Binding.ffi
_PARTIAL_WRITE = 1
"""C{SSL_MODE_ENABLE_PARTIAL_WRITE}."""
PIECE = 16384
"""
Bytes that go to and from OpenSSL at once, a record's: its buffers never shrink, and so each
connection keeps for good what its largest piece took.
"""
_piece = _ffi.new("char[]", PIECE)
"""What OpenSSL says goes through here, ciphered; one for all, for nothing stays in it."""


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
    told: bytes = _ffi.string(_lib.X509_verify_cert_error_string(number))
    return told.decode("ascii", "replace")


def resumed(connection: SSL.Connection) -> bool:
    """
    Tell whether a handshake went on with an earlier session.
    """
    return bool(_lib.SSL_session_reused(connection._ssl))


def shake(connection: SSL.Connection) -> bool:
    """
    Go on with a handshake.

    @return: whether it is over; else the far end has to say more.
    @raise SSL.Error: when it has failed.
    """
    ssl = connection._ssl
    result = _lib.SSL_do_handshake(ssl)
    if result == 1:
        return True
    if _lib.SSL_get_error(ssl, result) != _lib.SSL_ERROR_WANT_READ:
        connection._raise_ssl_error(ssl, result)
    return False


def said(connection: SSL.Connection) -> bytes:
    """
    Return what is to be sent, L{PIECE} bytes at most; less than that is all of it.
    """
    size: int = _lib.BIO_read(connection._from_ssl, _piece, PIECE)
    return _ffi.buffer(_piece, size)[:] if size > 0 else b""


def unread(connection: SSL.Connection) -> bool:
    """
    Tell whether some of what arrived has not been looked at. OpenSSL takes no more than it needs.
    """
    return bool(_lib.BIO_get_mem_data(connection._into_ssl, _ffi.NULL))
