"""
Rigs with members of AJP and of FastCGI, and what both can be told to say.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.ajp import container
from tests.fastcgi import application
from tests.proxy.rigs import make_rig
from txbalancer.testing import MemoryRig, MemoryTransport

BODY = b"0123456789"
KEPT = "disablereuse=off"


def ajp_rig(members: int = 1, path: str = "", **options: str) -> MemoryRig:
    """
    Make a rig with a balancer C{shop} of AJP members.
    """
    return make_rig(members, url=f"ajp://10.0.0.{{}}{path}", **options)


def fcgi_rig(members: int = 1, path: str = "/srv", **options: str) -> MemoryRig:
    """
    Make a rig with a balancer C{shop} of FastCGI members.
    """
    return make_rig(members, url=f"fcgi://10.0.0.{{}}:9000{path}", **options)


def request_of(member: MemoryTransport) -> container.Asked:
    """
    Return the request that a member of AJP has got.
    """
    (packet,) = container.packets(member.taken())
    return container.asked(packet)


@dataclass(frozen=True)
class Kind:
    """
    A protocol of packets.

    @ivar url: of members, with a place for their number.
    @ivar ok: a whole answer.
    @ivar head: the begin of one without a length.
    @ivar end: the end of one.
    @ivar sized: the begin of one with a length, and all of its body.
    """

    url: str
    ok: bytes
    head: bytes
    end: bytes
    sized: bytes

    def rig(self, members: int = 1, member: str = "", mount: str = "") -> MemoryRig:
        """
        Make a rig whose connections are kept.
        """
        return make_rig(members, url=self.url, member=f"{KEPT} {member}", mount=mount)

    def piece(self, data: bytes) -> bytes:
        """
        Write a piece of an answer's body.
        """
        return container.piece(data) if self is AJP else application.out(data)


AJP = Kind(
    "ajp://10.0.0.{}",
    container.OK,
    container.head(),
    container.end(),
    container.head((0xA003, b"2")) + container.piece(b"ab"),
)
FCGI = Kind(
    "fcgi://10.0.0.{}:9000/srv",
    application.OK,
    application.out(b"A: b\r\n\r\n"),
    application.END,
    application.out(b"Content-Length: 2\r\n\r\nab"),
)
