"""
What every proxy of a run is set up for: where to listen, which members, which features.
"""

import random
import socket
from dataclasses import dataclass
from pathlib import Path

COOKIE = "ROUTEID"
BODY = b"x" * 99 + b"\n"
BIG_BYTES = 100_000_000
HEALTH_INTERVAL = 5
"""Seconds between the health checks of one member."""

IDLE_TIMEOUT = 300
"""Seconds that every proxy keeps an idle client connection."""

METRICS, MANAGER = "/-metrics", "/-manager"
"""Where txbalancer shows itself, in the set-up that is watched."""

PORTS = range(20000, 30000)
"""Where listening ports are looked for: below the range that clients get theirs from."""


class BenchError(Exception):
    """
    Something needed for the measurement did not work; the text says what, for the user.
    """


@dataclass(frozen=True, slots=True)
class Member:
    """
    One address that answers requests, and its route.
    """

    route: str
    host: str
    port: int

    @property
    def address(self) -> str:
        """
        C{HOST:PORT}.
        """
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Wire:
    """
    What a proxy offers besides plain HTTP.

    @ivar tls: port of HTTPS, with HTTP/2 by ALPN.
    @ivar tcp: port whose bytes go to the members as they are.
    @ivar pem: file of the certificate and its key; RSA of 2048 bits.
    """

    tls: int
    tcp: int
    pem: Path


@dataclass(frozen=True, slots=True)
class Site:
    """
    The same job for each proxy: a port on 127.0.0.1, members with routes, mounts.

    @ivar folder: where the proxy may write; its logs go here.
    @ivar clients: most client connections at once.
    @ivar mounts: mounts before the one for C{/}.
    @ivar interval: seconds between health checks of a member.
    @ivar root: whether this process runs as root, which some programs must be told.
    @ivar watched: whether there are pages to watch, and JSON in the access log.
    @ivar wire: what else is offered, or C{None}.
    @ivar workers: processes that carry the traffic; 0 for one that does all.
    """

    port: int
    members: tuple[Member, ...]
    folder: Path
    clients: int = 4096
    mounts: int = 0
    interval: int = HEALTH_INTERVAL
    root: bool = False
    watched: bool = False
    wire: Wire | None = None
    workers: int = 0

    def log(self, name: str) -> Path:
        """
        The access log of the proxy called C{name}.
        """
        return self.folder / f"{name}-access.log"


def two_members(ports: tuple[int, int]) -> tuple[Member, ...]:
    """
    The two members that all proxies are compared with.
    """
    return tuple(Member(f"m{i}", "127.0.0.1", port) for i, port in enumerate(ports, 1))


def extra_addresses(count: int) -> list[str]:
    """
    C{count} further loopback addresses.
    """
    return [f"127.1.{i // 250}.{i % 250 + 1}" for i in range(count)]


def many_members(ports: tuple[int, int], count: int) -> tuple[Member, ...]:
    """
    C{count} members with URLs of their own, which the same two processes answer.
    """
    places = [(host, port) for host in extra_addresses((count + 1) // 2) for port in ports]
    return tuple(Member(f"m{i}", host, port) for i, (host, port) in enumerate(places[:count], 1))


def free_ports(count: int) -> list[int]:
    """
    Ports on 127.0.0.1 that nothing listens on now.
    """
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise BenchError(f"no {count} free ports between {PORTS.start} and {PORTS.stop}")
