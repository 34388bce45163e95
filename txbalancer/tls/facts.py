"""
What is known of a client's TLS connection, for headers and the access log.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from txbalancer.core import tlsnames
from txbalancer.tls import bindings

_EMAIL = {NameOID.EMAIL_ADDRESS: "emailAddress"}


class Facts:
    """
    Tells of a connection by the names of L{tlsnames}; what costs something is found out once.

    @ivar connection: OpenSSL's; C{None} before a client's first word.
    """

    __slots__ = ("_told", "connection")

    def __init__(self, connection: SSL.Connection | None = None) -> None:
        self.connection = connection
        self._told: dict[str, bytes | None] = {}

    def __call__(self, name: str) -> bytes | None:
        """
        Return a fact; C{None} for one that there is not.
        """
        connection, told = self.connection, self._told
        if connection is None:
            return None
        if name not in told:
            value = _find(connection, name)
            told[name] = value.encode() if value else None
        return told[name]


def _find(connection: SSL.Connection, name: str) -> str | None:
    split = tlsnames.of_certificate(name)
    if split is None or name in _CONNECTION:
        read = _CONNECTION.get(name)
        return read(connection) if read else None
    side, what = split
    if side == "SERVER":
        shown = connection.get_certificate(as_cryptography=True)
        return _of_certificate(shown, what) if shown else None
    place = tlsnames.chain_place(what)
    if place is not None:
        chain = connection.get_peer_cert_chain(as_cryptography=True) or []
        # The client's own certificate is not counted.
        return _pem(chain[place + 1]) if place + 1 < len(chain) else None
    theirs = connection.get_peer_certificate(as_cryptography=True)
    return _of_certificate(theirs, what) if theirs else None


def _of_certificate(certificate: x509.Certificate, what: str) -> str | None:
    read = _CERTIFICATE.get(what)
    if read is not None:
        return read(certificate)
    part = tlsnames.part_of(what)
    if part is not None:
        whose, identifier, place = part
        name = certificate.subject if whose == "S" else certificate.issuer
        found = name.get_attributes_for_oid(x509.ObjectIdentifier(identifier))
        return str(found[place].value) if place < len(found) else None
    alternative = tlsnames.alternative_of(what)
    assert alternative is not None
    kind, place = alternative
    names = _alternatives(certificate, kind)
    return names[place] if place < len(names) else None


def _alternatives(certificate: x509.Certificate, kind: str) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    if kind == "DNS":
        return found.get_values_for_type(x509.DNSName)
    return found.get_values_for_type(x509.RFC822Name)


def _verified(connection: SSL.Connection) -> str:
    # A handshake with a certificate that is not accepted does not come to an end.
    return "NONE" if connection.get_peer_certificate(as_cryptography=True) is None else "SUCCESS"


def _name(name: x509.Name) -> str:
    return name.rfc4514_string(_EMAIL)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def _date(moment: datetime.datetime) -> str:
    return f"{moment:%b} {moment.day:2} {moment:%H:%M:%S %Y} GMT"


def _days_left(certificate: x509.Certificate) -> str:
    left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return str(max(0, left.days))


def _signature(certificate: x509.Certificate) -> str:
    oid = certificate.signature_algorithm_oid
    return getattr(oid, "_name", oid.dotted_string)


_CONNECTION: dict[str, Callable[[SSL.Connection], str | None]] = {
    "SSL_PROTOCOL": lambda each: each.get_protocol_version_name(),
    "SSL_SECURE_RENEG": lambda each: "true",
    "SSL_COMPRESS_METHOD": lambda each: "NULL",
    "SSL_CIPHER": lambda each: each.get_cipher_name(),
    "SSL_CIPHER_EXPORT": lambda each: "false",
    "SSL_CIPHER_USEKEYSIZE": lambda each: str(each.get_cipher_bits()),
    "SSL_CIPHER_ALGKEYSIZE": lambda each: str(each.get_cipher_bits()),
    "SSL_VERSION_LIBRARY": lambda each: SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode(),
    "SSL_TLS_SNI": lambda each: (each.get_servername() or b"").decode("ascii", "replace"),
    "SSL_SESSION_RESUMED": lambda each: "Resumed" if bindings.resumed(each) else "Initial",
    "SSL_CLIENT_VERIFY": _verified,
}

_CERTIFICATE: dict[str, Callable[[x509.Certificate], str | None]] = {
    "M_VERSION": lambda each: str(each.version.value + 1),
    "M_SERIAL": lambda each: f"{each.serial_number:X}".zfill(2),
    "S_DN": lambda each: _name(each.subject),
    "I_DN": lambda each: _name(each.issuer),
    "V_START": lambda each: _date(each.not_valid_before_utc),
    "V_END": lambda each: _date(each.not_valid_after_utc),
    "V_REMAIN": _days_left,
    "A_SIG": _signature,
    "A_KEY": lambda each: each.public_key_algorithm_oid._name,
    "CERT": _pem,
}
