"""
What may be wrong with certificates that can be used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from txbalancer.core.specs import ListenerSpec, ServiceSpec
from txbalancer.core.values import counted
from txbalancer.tls.certificates import DAY, Certificate
from txbalancer.tls.listeners import ListenerTLS
from txbalancer.tls.names import Names

SOON = 30
"""Days before its end from which a certificate is warned of."""


def doubts_of(tls: ListenerTLS, wanted: Iterable[str], now: float) -> Iterator[tuple[str, str]]:
    """
    Yield the file of a certificate and what is odd about it.

    @param wanted: names that clients are expected to ask for; C{*.} at the beginning stands for
        one label.
    @param now: seconds since the epoch.
    """
    for each in tls.certificates:
        for text in each.doubts:
            yield each.path, text
        end = doubt_of_time(each, now)
        if end:
            yield each.path, end
        if not each.names:
            yield each.path, "it names nobody"
    names = Names(tls.certificates)
    for name in wanted:
        if not names.find(name):
            fate = "are refused" if tls.spec.tls_strict_sni else "are shown this one"
            yield tls.certificates[0].path, f"no certificate is for {name}: its clients {fate}"


def doubt_of_time(certificate: Certificate, now: float) -> str:
    """
    Say that a certificate has ended, ends soon or has not begun; empty for none of these.
    """
    left = certificate.days_left(now)
    if left <= 0:
        return f"it ended {counted(int(-left), 'day')} ago"
    if certificate.begins > now:
        return f"it begins in {counted(int((certificate.begins - now) / DAY) + 1, 'day')} only"
    if left <= SOON:
        return f"it ends in {counted(int(left), 'day')}"
    return ""


def wanted_names(spec: ServiceSpec, listener: ListenerSpec) -> list[str]:
    """
    Return the host names of the mounts that a listener serves.
    """
    found: dict[str, None] = {}
    for mount in spec.mounts:
        kinds: dict[str, tuple[str, ...]] = {}
        for each in mount.conditions:
            kinds.setdefault(each.kind, each.allowed)
        if listener.name in kinds.get("listener", (listener.name,)):
            for host in kinds.get("host", ()):
                if "*" not in host.removeprefix("*.") and "?" not in host and "[" not in host:
                    found[host.lower()] = None
    return list(found)
