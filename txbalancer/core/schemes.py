"""
What the scheme of a member's URL says: its port, whether it is under TLS, and which mode
of listener can use it.
"""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from txbalancer.core.specs import Condition, MemberSpec, ServiceSpec


class Scheme(NamedTuple):
    """
    One scheme.

    @ivar port: the port where none is given; 0 = one must be given.
    @ivar secure: whether connections are under TLS.
    @ivar mode: the mode of listeners whose traffic such members can take.
    """

    port: int
    secure: bool = False
    mode: str = "http"


SCHEMES = {
    "http": Scheme(80),
    "https": Scheme(443, secure=True),
    "h2": Scheme(443, secure=True),
    "h2c": Scheme(80),
    "ajp": Scheme(8009),
    "fcgi": Scheme(8000),
    "tcp": Scheme(0, mode="tcp"),
    "tls": Scheme(0, secure=True, mode="tcp"),
    "udp": Scheme(0, mode="udp"),
}
"""Every scheme that members can have, by its name."""


def has_streams(scheme: str) -> bool:
    """
    Tell whether connections to members of a scheme carry many requests at a time.
    """
    return scheme in ("h2", "h2c")


def is_secure(scheme: str) -> bool:
    """
    Tell whether connections to members of a scheme are under TLS.
    """
    return SCHEMES[scheme].secure


def in_packets(scheme: str) -> bool:
    """
    Tell whether members of a scheme get requests in another form than HTTP's.
    """
    return scheme in ("ajp", "fcgi")


def is_single_use(member: MemberSpec) -> bool:
    """
    Tell whether each connection to a member is for one request only.
    """
    given = member.disablereuse
    return member.scheme == "fcgi" if given is None else given


class Unfit(ValueError):
    """
    A value that is right in itself, and does not go with what there is.
    """


def check_probe(scheme: str, method: str, probe: Any) -> None:
    """
    See whether a probe can ask members of a scheme.

    @param probe: an L{IProbe<txbalancer.interfaces.IProbe>}; one without C{schemes} can ask all.
    @raise Unfit: when it cannot; says which can.
    """
    allowed = getattr(probe, "schemes", None)
    if allowed is not None and scheme not in allowed:
        better = {"ajp": "cping or tcp", "udp": "expect"}.get(scheme, "tcp")
        raise Unfit(f"hcmethod={method} does not ask {scheme}:// members: use {better}")


def mode_of(scheme: str) -> str:
    """
    Name the mode of listeners whose traffic members of a scheme can take.
    """
    return SCHEMES[scheme].mode


def for_streams(conditions: tuple[Condition, ...], streams: Container[str]) -> bool:
    """
    Tell whether a mount is for connections rather than for HTTP requests: it says by
    C{listener =} which listeners it is for, and all of those have another mode.

    @param streams: names of the listeners whose mode is not http.
    """
    named = [each for each in conditions if each.kind == "listener"]
    return any(all(name in streams for name in each.allowed) for each in named)


def balancer_mode(spec: ServiceSpec, name: str) -> str:
    """
    Name the mode of what leads to a balancer of a configuration.
    """
    modes = {each.name: each.mode for each in spec.listeners}
    streams = {listener for listener, mode in modes.items() if mode != "http"}
    for listener in spec.listeners:
        if listener.to == name:
            return listener.mode
    for mount in spec.mounts:
        if getattr(mount.target, "name", "") == name:
            named = [each for each in mount.conditions if each.kind == "listener"]
            stream = for_streams(mount.conditions, streams)
            return modes[named[0].allowed[0]] if stream else "http"
    schemes = [
        member.scheme
        for each in spec.balancers
        if each.name == name
        for member in (*each.members, *(source.member for source in each.discover))
    ]
    return mode_of(next(filter(None, schemes), "http"))


def schemes_of(mode: str) -> str:
    """
    List the schemes of members for a mode.
    """
    *others, last = [f"{name}://" for name, each in SCHEMES.items() if each.mode == mode]
    return f"{', '.join(others)} or {last}" if others else last
