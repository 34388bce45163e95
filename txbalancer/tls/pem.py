"""
Certificates from PEM text.
"""

from __future__ import annotations

import re

from OpenSSL import SSL, crypto
from twisted.internet import ssl

KEY = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
"""A private key of whatever kind."""

FAULTS = (SSL.Error, crypto.Error, ValueError, TypeError)
"""What OpenSSL's bindings raise for data that they cannot use."""

_END = b"-----END CERTIFICATE-----"


def certificates(data: bytes) -> list[ssl.Certificate]:
    """
    Read every certificate, in order.

    @raise ValueError: when there is none, or one that cannot be read.
    """
    pems = [pem + _END for pem in data.split(_END)[:-1]]
    if not pems:
        raise ValueError("there is no PEM certificate in it")
    try:
        return [ssl.Certificate.loadPEM(pem) for pem in pems]
    except FAULTS as error:
        raise ValueError(why(error)) from error


def why(error: Exception) -> str:
    """
    Put the reason of one of L{FAULTS} in words.
    """
    if isinstance(error, SSL.Error | crypto.Error) and error.args and error.args[0]:
        return str(error.args[0][0][-1])
    return str(error)
