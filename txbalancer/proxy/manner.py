"""
How a mount writes its requests to members, where that is not as usual.
"""

from __future__ import annotations

from dataclasses import dataclass

from txbalancer.core.specs import MountSpec


@dataclass(frozen=True, slots=True)
class Manner:
    """
    Each request is its connection's last (APACHE H1, H7, D17).

    @ivar version: at the end of the request line.
    @ivar ending: the last line of the head, and its empty line.
    @ivar old: whether it is HTTP/1.0, which has no chunks, no 100 (Continue) and no Upgrade.
    """

    version: bytes
    ending: bytes
    old: bool


def manner(spec: MountSpec) -> Manner | None:
    """
    Return how requests of a mount are written; C{None} for the usual way.
    """
    if spec.http10:
        return Manner(b"HTTP/1.0", b"\r\n", True)
    if spec.nokeepalive:
        return Manner(b"HTTP/1.1", b"Connection: close\r\n\r\n", False)
    return None
