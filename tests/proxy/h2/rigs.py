"""
Rigs whose listener speaks HTTP/2, or whose members do.
"""

from __future__ import annotations

from tests.proxy.h2.ends import Browser, Container
from tests.proxy.rigs import GET, begin
from txbalancer.testing import MemoryRig, MemoryTransport

IN_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def open_rig(listener: str = "") -> MemoryRig:
    """
    Make a rig whose listener takes HTTP/2 without TLS.

    @param listener: further options of the listener.
    """
    return MemoryRig(
        f"[listener:web]\nendpoint = tcp:80\nserver-name = lb.test\nh2c = on\n{listener}\n"
        "[balancer:shop]\nmembers = http://10.0.0.1\n"
        "[mount:/old]\nto = redirect:https://$host/new\n[mount:/gone]\nto = status:410\n"
        "[mount:/]\nto = balancer://shop/\n"
    )


def member_of(
    rig: MemoryRig, browser: Browser, *more: bytes, **of_request: object
) -> MemoryTransport:
    """
    Make a request and accept the connection that it makes.
    """
    browser.ask("/", *more, **of_request)  # type: ignore[arg-type]
    return rig.accept()


def open_h2_rig(members: int = 1, member: str = "", balancer: str = "") -> MemoryRig:
    """
    Make a rig whose members speak HTTP/2 without TLS.
    """
    urls = "\n".join(f"    h2c://10.0.0.{number} {member}" for number in range(1, members + 1))
    return MemoryRig(
        "[listener:web]\nendpoint = tcp:80\nserver-name = lb.test\nh2c = on\n"
        f"[balancer:shop]\n{balancer}\nmembers =\n{urls}\n"
        "[mount:/]\nto = balancer://shop/\n"
    )


def asked(rig: MemoryRig, request: bytes = GET) -> tuple[MemoryTransport, Container]:
    """
    Send a request over new connections.
    """
    client, transport = begin(rig, request)
    return client, Container(transport)


def check_h2_rest(rig: MemoryRig) -> None:
    """
    Check that no exchange has left anything behind at members of HTTP/2.
    """
    for member in rig.balancer().members:
        assert member.busy == 0
        pool = member.pool
        assert pool.at_rest == pool.open - pool.connecting
        assert not pool._waiting
    links = {id(each) for member in rig.balancer().members for each in member.pool._connections}
    timed = {id(each) for each in rig.runtime.deadlines.each()}
    assert timed == links | {id(channel) for channel in rig.site.channels}
