"""
TLS towards clients: the certificates of a listener, chosen by the host that a client names.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from zope.interface import implementer

from txbalancer.core.specs import ListenerSpec
from txbalancer.errors import StartError, why
from txbalancer.tls.bindings import resumed
from txbalancer.tls.certificates import (
    Certificate,
    CertificateFault,
    NoKey,
    load,
    read_chain,
    read_file,
    read_keys,
)
from txbalancer.tls.contexts import Terms, make_context, with_certificates
from txbalancer.tls.front import Front, Shown
from txbalancer.tls.names import Names
from txbalancer.tls.pairs import Key, idle, whose
from txbalancer.tls.profiles import strength
from txbalancer.tls.stamps import Stamp, stamp, stamps
from txbalancer.tls.trust import read_trust

_NO_CERTIFICATES = (".key", ".ocsp")
"""Endings of files in a folder that belong to a certificate in another."""


@implementer(IOpenSSLServerConnectionCreator)
class ListenerTLS:
    """
    How a listener speaks TLS: made whole, tried, and then published by one assignment.

    @ivar shown: which of them for whom.
    @ivar seen: what the files were like when they were read.
    @ivar idle_keys: files of keys that belong to no certificate.
    """

    shown: Shown
    _front: Front

    def __init__(
        self,
        spec: ListenerSpec,
        terms: Terms,
        certificates: Mapping[tuple[str, str], Certificate],
        seen: Mapping[str, Stamp],
        idle_keys: tuple[str, ...],
        former: ListenerTLS | None,
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.spec, self._terms, self._certificates = spec, terms, certificates
        self.seen, self.idle_keys, self._now, self._wall = seen, idle_keys, now, wall
        contexts: Mapping[tuple[Certificate, ...], SSL.Context] = {}
        front: Front | None = None
        if former is not None and former._terms == terms:
            contexts, front = former.shown.contexts, former._front
        names = Names(self.certificates)
        self.shown = Shown(
            names,
            {each: contexts.get(each) or _context(spec, terms, each) for each in names.groups()},
            make_context(terms) if spec.tls_strict_sni else None,
        )
        self._front = front or self._new_front()

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """
        Return all that are shown.
        """
        return tuple(self._certificates.values())

    def publish(self) -> None:
        """
        Put the certificates in force for new handshakes, on the context that goes on.
        """
        self._front.shown = self.shown

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """
        Make one connection; the client's first word decides about its certificate.
        """
        if self._now() >= self._front.ends:
            # With it goes the key of the tickets: who has one shakes hands anew, once.
            self._front = self._new_front()
        return SSL.Connection(self._front.context, None)

    def _new_front(self) -> Front:
        life, trust = self._terms.life or math.inf, self._terms.trust
        if trust is not None:
            # Who was let in by what has ended must not come back by a ticket.
            wall = self._wall()
            life = min(life, trust.ends(wall) - wall)
        return Front(make_context(self._terms), self.shown, self._now() + life)

    def lapsed(self, connection: SSL.Connection) -> bool:
        """
        Tell whether a session was resumed whose client's certificate has ended meanwhile: OpenSSL
        looks at certificates in full handshakes only.
        """
        if self._terms.trust is None or not resumed(connection):
            return False
        shown = connection.get_peer_certificate(as_cryptography=True)
        return shown is not None and shown.not_valid_after_utc.timestamp() <= self._wall()

    def kept(self, key: tuple[str, str], paths: Iterator[str] | list[str]) -> Certificate | None:
        """
        Return a certificate whose files are as they were.

        @param key: its option and file.
        @param paths: all that it was read from.
        """
        found = self._certificates.get(key)
        if found is None or any(self.seen.get(each) != stamp(each) for each in paths):
            return None
        return found


def server_options(
    listener: ListenerSpec,
    former: ListenerTLS | None = None,
    now: Callable[[], float] = time.monotonic,
    wall: Callable[[], float] = time.time,
) -> ListenerTLS | None:
    """
    Load all that a listener needs for TLS, or return C{None} for one without.

    @param former: what is in force; what has not changed is taken from it, and what has must
        be valid today.
    @raise StartError: naming the option and the file, when one cannot be used.
    """
    if not listener.secure:
        return None
    try:
        return _load(listener, former, now, wall)
    except CertificateFault as error:
        raise StartError(
            f"listener {listener.name}: {error.option} {error.path}: {error}"
        ) from error


def _load(
    listener: ListenerSpec,
    former: ListenerTLS | None,
    now: Callable[[], float],
    wall: Callable[[], float],
) -> ListenerTLS:
    seen = stamps(watched(listener))
    keys: list[Key] = []
    for path in listener.tls_key:
        found = read_keys("tls-key", path, read_file("tls-key", path))
        if not found:
            raise CertificateFault("tls-key", path, "there is no PEM private key in it")
        keys += [(path, each) for each in found]
    more: list[x509.Certificate] = []
    if listener.tls_chain:
        data = read_file("tls-chain", listener.tls_chain)
        more = read_chain("tls-chain", listener.tls_chain, data)
    terms = Terms(
        listener.name,
        strength(listener),
        listener.tls_honor_order,
        listener.negotiable,
        listener.tls_ticket_life if listener.tls_tickets else 0.0,
        read_trust(listener),
    )
    shared = [*listener.tls_key, *filter(None, (listener.tls_chain,))]
    same = former is not None and former.spec.tls_stapling == listener.tls_stapling
    found_here: dict[tuple[str, str], Certificate] = {}
    for option, path in _files(listener):
        key = option, path
        kept = None
        if former is not None and same:
            kept = former.kept(key, [path, f"{path}.key", f"{path}.ocsp", *shared])
        if kept is None:
            kept = _try(listener, option, path, keys, more)
            if former is not None and kept.ends <= wall():
                raise CertificateFault(option, path, "it has expired already")
        found_here[key] = kept
    idle_keys = idle(keys, [each.key for each in found_here.values()])
    return ListenerTLS(listener, terms, found_here, seen, idle_keys, former, now, wall)


def _try(
    listener: ListenerSpec,
    option: str,
    path: str,
    keys: Sequence[Key],
    more: Sequence[x509.Certificate],
) -> Certificate:
    try:
        return load(option, path, [key for _, key in keys], more, listener.tls_stapling)
    except NoKey as error:
        if not keys:
            raise
        text = f"{error}: {whose(keys, _files(listener))}"
        raise CertificateFault(option, path, text) from None


def _files(listener: ListenerSpec) -> Iterator[tuple[str, str]]:
    """
    Yield the option and the file of each certificate, the default's first.
    """
    for path in listener.tls_certificate:
        yield "tls-certificate", path
    folder = listener.tls_certificates
    if not folder:
        return
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise CertificateFault("tls-certificates", folder, why(error)) from error
    empty = True
    for name in names:
        path = os.path.join(folder, name)
        if _may_be_certificate(path):
            empty = False
            yield "tls-certificates", path
    if empty and not listener.tls_certificate:
        raise CertificateFault("tls-certificates", folder, "there is no file in it")


def _may_be_certificate(path: str) -> bool:
    name = os.path.basename(path)
    return not name.startswith(".") and not name.endswith(_NO_CERTIFICATES) and os.path.isfile(path)


def watched(listener: ListenerSpec) -> list[str]:
    """
    Return every file that a listener's TLS may depend on, whether it is there or not.

    @raise CertificateFault: when the folder cannot be read.
    """
    paths = [
        *listener.tls_key,
        listener.tls_chain,
        listener.tls_client_ca,
        listener.tls_client_crl,
    ]
    for _, path in _files(listener):
        paths += [path, f"{path}.key", f"{path}.ocsp"]
    return list(filter(None, paths))


def _context(spec: ListenerSpec, terms: Terms, some: tuple[Certificate, ...]) -> SSL.Context:
    try:
        return with_certificates(terms, some)
    except ValueError as error:
        option = "tls-certificate" if spec.tls_certificate else "tls-certificates"
        raise CertificateFault(option, some[0].path, str(error)) from error
