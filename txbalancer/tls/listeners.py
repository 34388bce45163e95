"""
TLS towards clients: the context of a listener's certificate.
"""

from __future__ import annotations

from OpenSSL import SSL
from twisted.internet import ssl
from twisted.internet.interfaces import IOpenSSLContextFactory

from txbalancer.core.specs import ListenerSpec
from txbalancer.errors import StartError
from txbalancer.tls.pem import FAULTS, certificates, why


def server_options(listener: ListenerSpec) -> IOpenSSLContextFactory | None:
    """
    Load the certificate, chain and key of a listener, or return C{None} for plain HTTP.

    @raise StartError: naming the file, when it cannot be read, is no PEM, or when key and
        certificate do not belong together.
    """
    if not listener.tls_certificate:
        return None
    key_path = listener.tls_key or listener.tls_certificate
    chain = _read(listener.name, "tls-certificate", listener.tls_certificate)
    key = _read(listener.name, "tls-key", key_path)
    try:
        found = certificates(chain)
    except ValueError as error:
        raise StartError(
            f"listener {listener.name}: tls-certificate {listener.tls_certificate}: {error}"
        ) from error
    own, *others = found
    if listener.tls_chain:
        # Apache lets the file begin with the listener's own certificate.
        others += [each for each in _chain(listener) if each != own]
    try:
        private = ssl.KeyPair.load(key, 1)
    except FAULTS as error:
        raise StartError(
            f"listener {listener.name}: tls-key {key_path}: no PEM private key"
            f" without a pass phrase ({why(error)})"
        ) from error
    options = ssl.CertificateOptions(
        privateKey=private.original,
        certificate=own.original,
        extraCertChain=[each.original for each in others],
        raiseMinimumTo=ssl.TLSVersion.TLSv1_2,
        acceptableProtocols=list(listener.alpn) or None,
    )
    try:
        options.getContext().check_privatekey()
    except SSL.Error as error:
        raise StartError(
            f"listener {listener.name}: tls-key {key_path} does not belong to"
            f" tls-certificate {listener.tls_certificate}"
        ) from error
    return options


def _chain(listener: ListenerSpec) -> list[ssl.Certificate]:
    """
    Read the certificates between the listener's own and a trusted one.
    """
    try:
        return certificates(_read(listener.name, "tls-chain", listener.tls_chain))
    except ValueError as error:
        raise StartError(
            f"listener {listener.name}: tls-chain {listener.tls_chain}: {error}"
        ) from error


def _read(listener: str, key: str, path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise StartError(f"listener {listener}: {key} {path}: {error.strerror}") from error
