"""
A certificate authority for one test run.
"""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pair:
    """
    PEM files of a certificate and its key.
    """

    certificate: Path
    key: Path


class Authority:
    """
    Signs certificates, in files of a folder.

    @ivar certificate: its own.
    @ivar file: the same as a file.
    """

    def __init__(
        self,
        folder: Path,
        name: str = "Test CA",
        path_length: int = 0,
        signer: Authority | None = None,
        days: float = 1.0,
        key: Any = None,
    ) -> None:
        """
        @param signer: who signs its own certificate; itself for none.
        @param days: for which its own certificate is valid.
        @param key: its key; a new one for none.
        """
        self._folder = folder
        self._name = _name(name)
        self._key = key or ec.generate_private_key(ec.SECP256R1())
        above = signer or self
        own = _builder(self._name, above._name, self._key, days).add_extension(
            x509.BasicConstraints(ca=True, path_length=path_length), critical=True
        )
        self.certificate = own.sign(above._key, _hash(above._key))
        self.file = _write(folder / f"{name.replace(' ', '-')}.pem", _pem(self.certificate))

    def subordinate(self, name: str) -> Authority:
        """
        Make an authority that this one vouches for.
        """
        return Authority(self._folder, name, signer=self)

    def revoke(self, *pairs: Pair) -> Path:
        """
        Write a list of revoked certificates, beside the authority's own.
        """
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name)
            .last_update(now - DAY)
            .next_update(now + DAY)
        )
        for pair in pairs:
            revoked = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
            made = made.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(revoked.serial_number)
                .revocation_date(now - DAY)
                .build()
            )
        data = made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        return _write(self.file.with_suffix(".crl"), data)

    def ocsp_signer(self, usage: bool | None) -> tuple[x509.Certificate, Any]:
        """
        Make a certificate and key that sign OCSP answers.

        @param usage: whether it is for that; C{None} = it does not say what it is for.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        made = _builder(_name("Signer"), self._name, key)
        if usage is not None:
            oid = ExtendedKeyUsageOID
            purpose = oid.OCSP_SIGNING if usage else oid.CLIENT_AUTH
            made = made.add_extension(x509.ExtendedKeyUsage([purpose]), False)
        return made.sign(self._key, _hash(self._key)), key

    def staple(
        self,
        pair: Pair,
        good: bool = True,
        hours: float | None = 1.0,
        signer: tuple[x509.Certificate, Any] | None = None,
    ) -> Path:
        """
        Write an OCSP answer beside a certificate.

        @param hours: for which it still holds; C{None} = it does not say.
        @param signer: who signs in its place.
        """
        own = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        now = datetime.datetime.now(datetime.UTC)
        status = ocsp.OCSPCertStatus.GOOD if good else ocsp.OCSPCertStatus.REVOKED
        answer = ocsp.OCSPResponseBuilder().add_response(
            cert=own,
            issuer=self.certificate,
            algorithm=hashes.SHA1(),
            cert_status=status,
            this_update=now - DAY,
            next_update=None if hours is None else now + hours * DAY / 24,
            revocation_time=None if good else now - DAY,
            revocation_reason=None,
        )
        by, key = signer or (self.certificate, self._key)
        answer = answer.responder_id(ocsp.OCSPResponderEncoding.NAME, by)
        answer = answer.certificates([by]) if signer else answer
        signed = answer.sign(key, _hash(key))
        path = pair.certificate.with_name(pair.certificate.name + ".ocsp")
        return _write(path, signed.public_bytes(serialization.Encoding.DER))

    def issue(
        self,
        *names: str,
        rsa_key: bool = False,
        days: float = 1.0,
        stem: str = "",
        crl: str = "",
        issuer: str = "",
    ) -> Pair:
        """
        Sign a certificate for host names or addresses.

        @param days: for which it is still valid; negative for one that has ended.
        @param stem: of its files' names.
        @param crl: where lists of revoked certificates are said to be.
        @param issuer: where the authority's certificate is said to be.
        """
        key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
        key = (
            rsa.generate_private_key(65537, 2048)
            if rsa_key
            else ec.generate_private_key(ec.SECP256R1())
        )
        made = _builder(_name(names[0]), self._name, key, days).add_extension(
            x509.SubjectAlternativeName([_general(each) for each in names]), False
        )
        if crl:
            place = x509.UniformResourceIdentifier(crl)
            point = x509.DistributionPoint([place], None, None, None)
            made = made.add_extension(x509.CRLDistributionPoints([point]), False)
        if issuer:
            place = x509.UniformResourceIdentifier(issuer)
            access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
            made = made.add_extension(x509.AuthorityInformationAccess([access]), False)
        certificate = made.sign(self._key, _hash(self._key))
        stem = stem or names[0].replace(":", "-").replace("*", "any")
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return Pair(
            _write(self._folder / f"{stem}.pem", _pem(certificate)),
            _write(self._folder / f"{stem}.key", private),
        )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    days: float = 1.0,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY - max(0.0, -days) * DAY)
        .not_valid_after(now + days * DAY)
    )


def _hash(key: Any) -> hashes.SHA256 | None:
    edwards = (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)
    return None if isinstance(key, edwards) else hashes.SHA256()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
