"""
Versions, ciphers and groups by name of a profile.

Source: Mozilla's recommendations for servers (5.7), in substance; the groups begin with the
one that is safe from quantum computers, and there is no DHE, whose clients all know ECDHE.
"""

from __future__ import annotations

from dataclasses import dataclass

from txbalancer.core import tlswords
from txbalancer.core.specs import ListenerSpec

_TLS13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
_TLS12 = ":".join(
    f"ECDHE-{signature}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for signature in ("ECDSA", "RSA")
)
_GROUPS = "X25519MLKEM768:X25519:P-256:P-384"
_VERSIONS = {"intermediate": ("TLSv1.2", "TLSv1.3"), "modern": ("TLSv1.3",)}


@dataclass(frozen=True, slots=True)
class Strength:
    """
    What is spoken.

    @ivar versions: of L{tlswords.VERSIONS}, oldest first.
    @ivar ciphers: for TLS up to 1.2, in OpenSSL's notation.
    @ivar suites: for TLS 1.3.
    @ivar groups: for the exchange of keys.
    """

    versions: tuple[str, ...]
    ciphers: str
    suites: str
    groups: str


def strength(listener: ListenerSpec) -> Strength:
    """
    Return what a listener speaks: by its profile, but for what is said apart.
    """
    said = listener.tls_protocol
    older, newer = tlswords.ciphers(listener.tls_ciphers)
    return Strength(
        tlswords.versions(said) if said else _VERSIONS[listener.tls_profile],
        older or _TLS12,
        newer or _TLS13,
        listener.tls_curves or _GROUPS,
    )
