"""
The TLS contexts of connections to members.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass

from OpenSSL import SSL
from twisted.internet import ssl

from txbalancer import errors
from txbalancer.core import tlswords
from txbalancer.core.specs import MemberSpec
from txbalancer.errors import StartError
from txbalancer.tls import bindings
from txbalancer.tls.pem import FAULTS, KEY, certificates, why
from txbalancer.tls.versions import none_but

_TWISTED = dict(
    zip(
        tlswords.VERSIONS,
        (
            ssl.TLSVersion.TLSv1_0,
            ssl.TLSVersion.TLSv1_1,
            ssl.TLSVersion.TLSv1_2,
            ssl.TLSVersion.TLSv1_3,
        ),
        strict=True,
    )
)
_ENOUGH = 100
"""Certificates in a chain that OpenSSL looks at; how many are allowed is decided elsewhere."""

_KEPT = 32
"""Contexts that are kept, of a megabyte and more each: files may be renewed every hour."""


@dataclass(frozen=True, slots=True)
class Demands:
    """
    What a context depends on: members with the same share one, and so its cost.

    @ivar verify: whether a member's certificate must come from a trusted authority.
    @ivar authorities: PEM text of those; empty = whom the system trusts.
    @ivar identity: PEM text of the certificate and key to show; empty = none.
    @ivar alpn: what is to be spoken within TLS; empty = it is not said.
    """

    verify: bool
    authorities: bytes
    identity: bytes
    protocol: str
    ciphers: str
    alpn: tuple[bytes, ...] = ()


def client_context(member: MemberSpec) -> SSL.Context:
    """
    Return the context for connections to a member, by the C{sslproxy…} options.

    @raise StartError: naming the option and the file that cannot be used.
    """
    verify = member.sslproxyverify == "require"
    authorities = b""
    if verify:
        authorities = _named(
            "sslproxycacertificatefile", member.sslproxycacertificatefile, _authorities
        ) + _named("sslproxycacertificatepath", member.sslproxycacertificatepath, _folder)
    path = member.sslproxymachinecertificatefile
    identity = _named("sslproxymachinecertificatefile", path, _filled)
    demands = Demands(
        verify,
        authorities,
        identity,
        member.sslproxyprotocol,
        member.sslproxyciphersuite,
        (b"h2",) if member.scheme == "h2" else (),
    )
    try:
        return _context(demands)
    except _IdentityFault as error:
        raise StartError(f"sslproxymachinecertificatefile {path}: {error}") from error
    except _CipherFault as error:
        raise StartError(f"sslproxyciphersuite {member.sslproxyciphersuite}: {error}") from error


class _IdentityFault(ValueError):
    """
    The certificate to show, or its key, cannot be used.
    """


class _CipherFault(ValueError):
    """
    OpenSSL knows none of the ciphers.
    """


@functools.lru_cache(_KEPT)
def _context(demands: Demands) -> SSL.Context:
    trust = None
    if demands.verify:
        trust = (
            ssl.trustRootFromCertificates(certificates(demands.authorities))
            if demands.authorities
            else ssl.platformTrust()
        )
    versions = tlswords.versions(demands.protocol)
    context = ssl.CertificateOptions(
        trustRoot=trust,
        verifyDepth=_ENOUGH,
        insecurelyLowerMinimumTo=_TWISTED[versions[0]],
        lowerMaximumSecurityTo=_TWISTED[versions[-1]],
    ).getContext()
    if demands.alpn:
        context.set_alpn_protos(list(demands.alpn))
    context.set_options(SSL.OP_NO_RENEGOTIATION | none_but(versions))
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    bindings.whole_writes(context)
    if demands.ciphers:
        _choose(context, *tlswords.ciphers(demands.ciphers))
    if demands.identity:
        _identify(context, demands.identity)
    return context


def _choose(context: SSL.Context, older: str, newer: str) -> None:
    try:
        if older:
            context.set_cipher_list(older.encode())
        if newer:
            context.set_tls13_ciphersuites(newer.encode())
    except SSL.Error as error:
        raise _CipherFault(why(error) or "no such cipher") from error


def _identify(context: SSL.Context, data: bytes) -> None:
    """
    Show the certificate, with its chain and key, that are in one text.
    """
    keys = [match[0] for match in KEY.finditer(data)]
    if len(keys) != 1:
        what = f"{len(keys)} private keys are" if keys else "no private key is"
        raise _IdentityFault(f"{what} in it: one certificate and its key are needed")
    try:
        own, *chain = (each.original.to_cryptography() for each in certificates(data))
        key = ssl.KeyPair.load(keys[0], 1).original.to_cryptography_key()
        context.use_certificate(own)
        for each in chain:
            context.add_extra_chain_cert(each)
    except FAULTS as error:
        raise _IdentityFault(
            f"no certificate with its key, without a pass phrase ({why(error)})"
        ) from error
    try:
        context.use_privatekey(key)
        context.check_privatekey()
    except SSL.Error as error:
        raise _IdentityFault("its key does not belong to its certificate") from error


# -- files


def _named(option: str, path: str, read: Callable[[str], bytes]) -> bytes:
    """
    Read what an option names; empty for none.
    """
    if not path:
        return b""
    try:
        return read(path)
    except (OSError, ValueError) as error:
        raise StartError(f"{option} {path}: {errors.why(error)}") from error


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _filled(path: str) -> bytes:
    # An empty file must not mean that there is none.
    return _read(path) or b"\n"


def _authorities(path: str) -> bytes:
    data = _read(path)
    certificates(data)
    return data


def _folder(path: str) -> bytes:
    """
    Read every certificate in a folder, whatever the files are called; Apache wants hashes.
    """
    found: dict[bytes, None] = {}
    for name in sorted(os.listdir(path)):
        whole = os.path.join(path, name)
        data = b"" if name.startswith(".") or not os.path.isfile(whole) else _read(whole)
        if b"-----BEGIN CERTIFICATE-----" in data:
            try:
                certificates(data)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
            found[data] = None
    if not found:
        raise ValueError("there is no PEM certificate in any of its files")
    return b"\n".join(found)
