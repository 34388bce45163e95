"""
OpenSSL's contexts for a listener: what all have in common, and one for each set of certificates.
"""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from OpenSSL import SSL, crypto

from txbalancer.core import tlswords
from txbalancer.errors import why
from txbalancer.tls import bindings
from txbalancer.tls.certificates import Certificate
from txbalancer.tls.profiles import Strength
from txbalancer.tls.versions import none_but

_VERSIONS = dict(
    zip(
        tlswords.VERSIONS,
        (SSL.TLS1_VERSION, SSL.TLS1_1_VERSION, SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION),
        strict=True,
    )
)
_PRIORITIZE_CHACHA = 1 << 21
"""C{SSL_OP_PRIORITIZE_CHACHA}: machines without AES in their processor ask for it first."""
_CRL_CHECKS = crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.CRL_CHECK_ALL


@dataclass(frozen=True, slots=True)
class Trust:
    """
    Whose certificates are trusted.

    @ivar verify: C{optional} or C{require}.
    @ivar authorities: certificates of CAs.
    @ivar revoked: their lists of revoked certificates; empty = revocation is not looked at.
    @ivar depth: certificates above a client's, that of the trusted CA among them.
    """

    verify: str
    authorities: tuple[x509.Certificate, ...]
    revoked: tuple[x509.CertificateRevocationList, ...]
    depth: int

    def ends(self, now: float) -> float:
        """
        Return when the first of these that is good now ends, in seconds since the epoch.

        @param now: in the same.
        """
        moments = [each.not_valid_after_utc for each in self.authorities]
        moments += [each.next_update_utc for each in self.revoked if each.next_update_utc]
        return min((end for each in moments if (end := each.timestamp()) > now), default=math.inf)


@dataclass(frozen=True, slots=True)
class Terms:
    """
    What all contexts of a listener have in common. With equal ones, sessions of the former
    can be resumed.

    @ivar name: of the listener.
    @ivar alpn: protocols that may be agreed on, the best first.
    @ivar life: seconds for which a session may be resumed; 0 = not at all.
    @ivar trust: of clients' certificates; C{None} when none is asked for.
    """

    name: str
    strength: Strength
    honor_order: bool
    alpn: tuple[bytes, ...]
    life: float
    trust: Trust | None


def make_context(terms: Terms) -> SSL.Context:
    """
    Make a context without a certificate.

    @raise ValueError: when OpenSSL does not know what the terms say.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    strength = terms.strength
    context.set_min_proto_version(_VERSIONS[strength.versions[0]])
    context.set_max_proto_version(_VERSIONS[strength.versions[-1]])
    options = SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | none_but(strength.versions)
    if terms.honor_order:
        options |= SSL.OP_CIPHER_SERVER_PREFERENCE | _PRIORITIZE_CHACHA
    if not terms.life:
        options |= SSL.OP_NO_TICKET
    context.set_options(options)
    try:
        context.set_cipher_list(strength.ciphers.encode())
        context.set_tls13_ciphersuites(strength.suites.encode())
    except SSL.Error as error:
        raise ValueError("OpenSSL knows none of the ciphers") from error
    bindings.set_groups(context, strength.groups)
    bindings.whole_writes(context)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_session_id(hashlib.sha256(terms.name.encode()).digest())
    if terms.life:
        context.set_timeout(int(terms.life))
    if terms.alpn:
        context.set_alpn_select_callback(_chooser(terms.alpn))
    if terms.trust is not None:
        _demand(context, terms.trust)
    return context


def _chooser(known: tuple[bytes, ...]) -> Callable[[SSL.Connection, list[bytes]], Any]:
    def choose(connection: SSL.Connection, offered: list[bytes]) -> Any:
        for each in known:
            if each in offered:
                return each
        return SSL.NO_OVERLAPPING_PROTOCOLS

    return choose


def _demand(context: SSL.Context, trust: Trust) -> None:
    """
    Ask clients for a certificate.
    """
    store = context.get_cert_store()
    assert store is not None
    for authority in trust.authorities:
        store.add_cert(crypto.X509.from_cryptography(authority))
        context.add_client_ca(authority)
    for each in trust.revoked:
        store.add_crl(each)
    if trust.revoked:
        store.set_flags(_CRL_CHECKS)
    depth = trust.depth

    def verified(
        connection: SSL.Connection, certificate: Any, error: int, place: int, trusted: int
    ) -> bool:
        # OpenSSL's own limit does not count the trusted one, Apache's does.
        return bool(trusted) and place <= depth

    mode = SSL.VERIFY_PEER
    if trust.verify == "require":
        mode |= SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    context.set_verify(mode, verified)


def with_certificates(terms: Terms, some: Sequence[Certificate]) -> SSL.Context:
    """
    Make the context of certificates of different kinds, of which the client's abilities choose.

    @raise ValueError: when OpenSSL does not take one.
    """
    context = make_context(terms)
    for each in some:
        try:
            _use(context, each)
        except OSError as error:
            raise ValueError(f"{error.filename or 'a file'}: {why(error)}") from error
        except SSL.Error as error:
            raise ValueError(f"OpenSSL does not take it: {_words(error)}") from error
    if any(each.staple for each in some):
        context.set_ocsp_server_callback(_stapler(some))
    return context


def _use(context: SSL.Context, certificate: Certificate) -> None:
    # Only from a file does OpenSSL keep a chain for each of several certificates.
    number, path = tempfile.mkstemp(prefix="txbalancer-", suffix=".pem")
    try:
        # Closed before it is read: there may be one descriptor left, and no two.
        with open(number, "wb") as file:
            file.write(certificate.chain)
        context.use_certificate_chain_file(path)
    finally:
        os.unlink(path)
    context.use_privatekey(certificate.key)
    context.check_privatekey()


def _stapler(some: Sequence[Certificate]) -> Callable[[SSL.Connection, Any], bytes]:
    def staple(connection: SSL.Connection, data: Any) -> bytes:
        found = some[0]
        if len(some) > 1:
            shown = connection.get_certificate(as_cryptography=True)
            found = next((each for each in some if each.own == shown), found)
        answer = found.staple
        return answer.data if answer is not None and time.time() < answer.ends else b""

    return staple


def _words(error: SSL.Error) -> str:
    # Of what the system refuses there is a code, and no reason.
    found = str(error.args[0][0][-1]) if error.args and error.args[0] else ""
    return found or "no reason given"
