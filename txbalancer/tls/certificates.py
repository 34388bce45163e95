"""
A certificate as a listener shows it: with its chain, its key and its names, all tried.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID, NameOID

from txbalancer.errors import why
from txbalancer.tls.pem import KEY
from txbalancer.tls.staples import Staple, StapleFault, read_staple

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_KINDS: tuple[tuple[Any, str], ...] = (
    (rsa.RSAPublicKey, "RSA"),
    (ec.EllipticCurvePublicKey, "ECDSA"),
    (ed25519.Ed25519PublicKey, "Ed25519"),
    (ed448.Ed448PublicKey, "Ed448"),
)
Loaded = TypeVar("Loaded")
FAULTS = (ValueError, TypeError, UnsupportedAlgorithm)
"""What C{cryptography} raises for data that it cannot use."""
DAY = 86400.0


class CertificateFault(ValueError):
    """
    A certificate cannot be used.

    @ivar option: the option whose file is at fault: C{tls-certificate}, C{tls-key} …
    @ivar path: that file.
    """

    def __init__(self, option: str, path: str, text: str) -> None:
        super().__init__(text)
        self.option, self.path = option, path


class NoKey(CertificateFault):
    """
    There are keys, and none belongs to the certificate.
    """


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """
    A certificate that can be shown; compared by identity.

    @ivar path: the file that it came from.
    @ivar chain: its own certificate and those above it, in PEM.
    @ivar own: its own.
    @ivar key: its private key.
    @ivar names: whom it is for, in lower case: names, patterns as C{*.shop.example}, addresses.
    @ivar kind: C{RSA}, C{ECDSA} …: of several for one name, one of each kind is shown.
    @ivar begins: when it begins to be valid, in seconds since the epoch.
    @ivar ends: when it stops.
    @ivar staple: the OCSP answer that goes with it, if there is one.
    @ivar doubts: what is odd about it, though it can be shown.
    """

    path: str
    chain: bytes
    own: x509.Certificate
    key: Any
    names: tuple[str, ...]
    kind: str
    begins: float
    ends: float
    staple: Staple | None
    doubts: tuple[str, ...]

    def days_left(self, now: float) -> float:
        """
        Return the days until it ends; negative after that.

        @param now: seconds since the epoch.
        """
        return (self.ends - now) / DAY


def read_file(option: str, path: str) -> bytes:
    """
    @raise CertificateFault: when a file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CertificateFault(option, path, why(error)) from error


def read_chain(option: str, path: str, data: bytes) -> list[x509.Certificate]:
    """
    Read the certificates of a PEM text in their order.

    @raise CertificateFault: when there is none, or one cannot be read.
    """
    pems = _CERTIFICATE.findall(data)
    if not pems and KEY.search(data):
        text = "there is no PEM certificate in it, only a private key"
        raise CertificateFault(option, path, text)
    return load_each(option, path, "certificate", pems, x509.load_pem_x509_certificate)


def load_each(
    option: str, path: str, kind: str, pems: list[bytes], load: Callable[[bytes], Loaded]
) -> list[Loaded]:
    """
    Load what was found in a PEM text.

    @param kind: what it is, in words.
    @raise CertificateFault: when there is none, or one cannot be read.
    """
    if not pems:
        raise CertificateFault(option, path, f"there is no PEM {kind} in it")
    try:
        return [load(each) for each in pems]
    except FAULTS as error:
        raise CertificateFault(option, path, f"a {kind} cannot be read: {error}") from error


def read_keys(option: str, path: str, data: bytes) -> list[Any]:
    """
    Read the private keys of a PEM text.

    @raise CertificateFault: when one cannot be read.
    """
    try:
        return [serialization.load_pem_private_key(match[0], None) for match in KEY.finditer(data)]
    except FAULTS as error:
        text = f"no PEM private key without a pass phrase ({error})"
        raise CertificateFault(option, path, text) from error


def load(
    option: str, path: str, keys: Sequence[Any], more: Sequence[x509.Certificate], stapling: bool
) -> Certificate:
    """
    Load a certificate and try whether it fits together.

    @param option: which option named the file.
    @param keys: private keys of other files, among which its own may be.
    @param more: certificates for the chain of other files.
    @param stapling: whether an OCSP answer is looked for.
    @raise CertificateFault: naming what is wrong.
    """
    data = read_file(option, path)
    own, *rest = read_chain(option, path, data)
    # Apache lets the file of the chain begin with the listener's own certificate.
    rest += [each for each in more if each != own]
    key = _own_key(option, path, data, own, keys)
    doubts = [_disorder(own, rest)]
    staple = None
    try:
        if stapling:
            staple = read_staple(f"{path}.ocsp", own, rest[0] if rest else own)
    except StapleFault as error:
        doubts.append(f"no OCSP answer is stapled: {error}")
    return Certificate(
        path=path,
        chain=b"".join(each.public_bytes(serialization.Encoding.PEM) for each in (own, *rest)),
        own=own,
        key=key,
        names=names_of(own),
        kind=next((word for kind, word in _KINDS if isinstance(own.public_key(), kind)), "other"),
        begins=_epoch(own.not_valid_before_utc),
        ends=min(_epoch(each.not_valid_after_utc) for each in (own, *rest)),
        staple=staple,
        doubts=tuple(filter(None, doubts)),
    )


def _own_key(
    option: str, path: str, data: bytes, own: x509.Certificate, keys: Sequence[Any]
) -> Any:
    beside = f"{path}.key"
    near = read_keys(option, path, data)
    if not near and os.path.exists(beside):
        near = read_keys("tls-key", beside, read_file("tls-key", beside))
    wanted = public_part(own.public_key())
    for key in (*near, *keys):
        if public_part(key.public_key()) == wanted:
            return key
    if not near and not keys:
        text = f"its key is neither in it nor in {beside}: name it in tls-key"
        raise CertificateFault(option, path, text)
    where = f"no key in {beside}" if near and os.path.exists(beside) else "no key in it"
    where = where if near else "no key in tls-key"
    raise NoKey(option, path, f"{where} belongs to it")


def public_part(key: Any) -> bytes:
    """
    Return a public key as bytes: a private key's and its certificate's are the same.
    """
    made: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return made


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """
    Return whom a certificate is for; the subject's name counts only without other names.

    Source: RFC 9525 2.
    """
    try:
        found = certificate.extensions.get_extension_for_oid(
            ExtensionOID.SUBJECT_ALTERNATIVE_NAME
        ).value
    except (x509.ExtensionNotFound, *FAULTS):
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return tuple(str(each.value).lower() for each in common)
    assert isinstance(found, x509.SubjectAlternativeName)
    names = [each.lower() for each in found.get_values_for_type(x509.DNSName)]
    names += map(str, found.get_values_for_type(x509.IPAddress))
    return tuple(names)


def _disorder(own: x509.Certificate, rest: Sequence[x509.Certificate]) -> str:
    """
    Say what clients may stumble over in a chain.
    """
    below = own
    for each in rest:
        try:
            below.verify_directly_issued_by(each)
        except (InvalidSignature, *FAULTS):
            return (
                f"the chain is out of order: {_show(each)} comes after {_show(below)},"
                " which it did not sign"
            )
        below = each
    if not rest and own.issuer != own.subject and _names_its_issuer(own):
        return (
            f"the certificate of {own.issuer.rfc4514_string()}, which signed it, is not in the"
            " file: clients that do not know it cannot follow the chain"
        )
    return ""


def _names_its_issuer(certificate: x509.Certificate) -> bool:
    """
    Tell whether a certificate says where its issuer's is to be had: then that is hardly one that
    clients have, as that of a private authority may be.
    """
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    except (x509.ExtensionNotFound, *FAULTS):
        return False
    return any(
        each.access_method == AuthorityInformationAccessOID.CA_ISSUERS for each in found.value
    )


def _show(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or "a certificate without a subject"


def _epoch(moment: datetime.datetime) -> float:
    return moment.timestamp()
