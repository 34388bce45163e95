"""
Balanced connections in memory.
"""

from __future__ import annotations

from typing import Any

from txbalancer.testing import MemoryRig

LISTENER = "[listener:db]\nendpoint = tcp:1\nmode = tcp\n"
TWO = "members =\n    tcp://10.0.0.1:5432\n    tcp://10.0.0.2:5432\n"


def rig(listener: str = "", balancer: str = TWO, more: str = "") -> MemoryRig:
    """
    A listener with the balancer C{shop}.
    """
    to = "" if "[mount:" in more else "to = balancer://shop\n"
    return MemoryRig(f"{LISTENER}{to}{listener}[balancer:shop]\n{balancer}{more}")


def connected(made: MemoryRig, host: str = "192.0.2.1") -> tuple[Any, Any]:
    """
    Connect a client; return its end, and that of the member that was chosen.
    """
    client = made.client(host)
    return client, made.accept()


def address(made: MemoryRig, host: str = "192.0.2.1") -> str:
    """
    Connect a client and end it; return the address of the member that it got.
    """
    client = made.client(host)
    (opening,) = made.openings()
    member = opening.accept()
    client.end()
    member.end()
    return str(opening.address[0])
