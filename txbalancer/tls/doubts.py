"""
What may be wrong with certificates that can be used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from txbalancer.core.specs import ListenerSpec, ServiceSpec
from txbalancer.core.values import counted
from txbalancer.tls.certificates import DAY, Certificate
from txbalancer.tls.listeners import ListenerTLS
from txbalancer.tls.names import Names

SOON = 30
"""Days before its end from which a certificate is warned of."""
_SHOWN = 3
"""Names that are told of many."""


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
    for path in tls.idle_keys:
        yield path, "this key belongs to none of the certificates"
    yield from _doubts_of_names(tls, list(wanted))


def _doubts_of_names(tls: ListenerTLS, wanted: Sequence[str]) -> Iterator[tuple[str, str]]:
    names, first = Names(tls.certificates), tls.certificates[0]
    strict = tls.spec.tls_strict_sni
    lacking = [name for name in wanted if not names.find(name)]
    for name in lacking:
        fate = "are refused" if strict else "are shown this one"
        yield first.path, f"no certificate is for {name}: its clients {fate}"
    own = Names([first])
    if wanted and not lacking and not strict and not any(map(own.find, wanted)):
        yield (
            first.path,
            f"it comes first, so clients that name no host are shown it, but it is for"
            f" {_some(first.names)} and none of {_some(wanted)}: put another first",
        )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")


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
    if spec.service.defaults == "apache" and listener.server_name:
        # There it is a host like others, elsewhere only for Via and the like.
        found[listener.server_name.lower()] = None
    for mount in spec.mounts:
        kinds: dict[str, tuple[str, ...]] = {}
        for each in mount.conditions:
            kinds.setdefault(each.kind, each.allowed)
        if listener.name in kinds.get("listener", (listener.name,)):
            for host in kinds.get("host", ()):
                if "*" not in host.removeprefix("*.") and "?" not in host and "[" not in host:
                    found[host.lower()] = None
    return list(found)
