"""
Whose certificates a listener trusts.
"""

from __future__ import annotations

import re

from cryptography import x509

from txbalancer.core.specs import ListenerSpec
from txbalancer.tls.certificates import CertificateFault, load_each, read_chain, read_file
from txbalancer.tls.contexts import Trust

_CRL = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)


def read_trust(listener: ListenerSpec) -> Trust | None:
    """
    Read the CAs and their lists of a listener that asks clients for a certificate.

    @raise CertificateFault: when a file cannot be used.
    """
    if listener.tls_client_verify == "off":
        return None
    path = listener.tls_client_ca
    if not path:
        raise CertificateFault(
            "tls-client-verify",
            listener.tls_client_verify,
            "tls-client-ca is missing: name a file with the CAs that clients' certificates are of",
        )
    authorities = read_chain("tls-client-ca", path, read_file("tls-client-ca", path))
    revoked = _read_lists(listener.tls_client_crl) if listener.tls_client_crl else []
    return Trust(
        listener.tls_client_verify,
        tuple(authorities),
        tuple(revoked),
        listener.tls_client_depth,
    )


def _read_lists(path: str) -> list[x509.CertificateRevocationList]:
    option = "tls-client-crl"
    pems = _CRL.findall(read_file(option, path))
    return load_each(option, path, "revocation list", pems, x509.load_pem_x509_crl)
