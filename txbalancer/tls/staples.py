"""
OCSP answers from files, as C{openssl ocsp -respout} and certificate tools write them.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from txbalancer.errors import why

_FAULTS = (ValueError, TypeError, UnsupportedAlgorithm, x509.ExtensionNotFound)


@dataclass(frozen=True, slots=True)
class Staple:
    """
    An OCSP answer that says that a certificate is good.

    @ivar data: in DER.
    @ivar ends: when it has to be renewed, in seconds since the epoch.
    """

    data: bytes
    ends: float


class StapleFault(ValueError):
    """
    A file holds no OCSP answer that can be used; the certificate is shown without.
    """


def read_staple(path: str, own: x509.Certificate, issuer: x509.Certificate) -> Staple | None:
    """
    Read the OCSP answer of a certificate.

    @param issuer: who signed the certificate; itself when that is not known.
    @return: C{None} when there is no file, or an empty one.
    @raise StapleFault: when there is one that must not be shown.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StapleFault(f"{path}: {why(error)}") from error
    if not data:
        return None
    try:
        return _judge(data, own, issuer)
    except (*_FAULTS, InvalidSignature) as error:
        raise StapleFault(f"{path}: {str(error) or 'its signature is wrong'}") from error


def _judge(data: bytes, own: x509.Certificate, issuer: x509.Certificate) -> Staple:
    answer = ocsp.load_der_ocsp_response(data)
    if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise ValueError(f"the answer is {answer.response_status.name}")
    if answer.serial_number != own.serial_number:
        raise ValueError("the answer is about another certificate")
    if answer.certificate_status is not ocsp.OCSPCertStatus.GOOD:
        raise ValueError(f"the certificate is {answer.certificate_status.name}")
    if answer.next_update_utc is None:
        raise ValueError("the answer does not say how long it holds")
    if issuer is not own:
        _check_signature(answer, issuer)
    return Staple(data, answer.next_update_utc.timestamp())


def _check_signature(answer: ocsp.OCSPResponse, issuer: x509.Certificate) -> None:
    """
    See that an answer is signed by the issuer, or by whom that let sign. Source: RFC 6960 4.2.2.2.
    """
    signer = issuer
    for each in answer.certificates:
        if each != issuer:
            each.verify_directly_issued_by(issuer)
            usage = each.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
            if ExtendedKeyUsageOID.OCSP_SIGNING not in usage:
                raise ValueError("its signer may not sign OCSP answers")
            signer = each
            break
    key, algorithm = signer.public_key(), answer.signature_hash_algorithm
    signature, signed = answer.signature, answer.tbs_response_bytes
    if isinstance(key, rsa.RSAPublicKey) and algorithm is not None:
        key.verify(signature, signed, padding.PKCS1v15(), algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm is not None:
        key.verify(signature, signed, ec.ECDSA(algorithm))
    elif isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, signed)
    else:
        raise ValueError("it is signed in a way that is not known here")
