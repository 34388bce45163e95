"""
Rigs with a balancer C{shop} at C{/}, and what is always true of them.
"""

from __future__ import annotations

from txbalancer.testing import MemoryRig, MemoryTransport

GET = b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 10\r\n\r\n"
PUT = b"PUT / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 10\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n"
UPGRADE = b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SWITCH = b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

MOUNTS = """
[listener:web]
endpoint = tcp:80
[mount:/api]
to = status:418
[mount:/here]
to = redirect:https://$host/there
[mount:/here/not]
to = !
"""


def make_rig(
    members: int = 2,
    *,
    url: str = "http://10.0.0.{}",
    member: str = "",
    balancer: str = "",
    listener: str = "",
    mount: str = "",
) -> MemoryRig:
    """
    Make a rig.

    @param members: how many; they are C{http://10.0.0.1:80}, C{…2:80} and so on.
    @param url: what they are instead, with a place for their number.
    @param member: further options of every member; the other texts likewise, a line each.
    """
    urls = "\n".join(f"    {url.format(each)} {member}" for each in range(1, members + 1))
    return MemoryRig(
        f"[listener:web]\nendpoint = tcp:80\nserver-name = lb.test\n{listener}\n"
        f"[balancer:shop]\n{balancer}\nmembers =\n{urls}\n"
        f"[mount:/]\nto = balancer://shop/\n{mount}\n"
    )


def begin(rig: MemoryRig, request: bytes = GET) -> tuple[MemoryTransport, MemoryTransport]:
    """
    Send a request over new connections; returns the client's and the member's end.
    """
    client = rig.client()
    client.send(request)
    return client, rig.accept()


def status_of(answer: bytes) -> int:
    """
    Return the status of an answer.
    """
    return int(answer.split(b" ", 2)[1])


def body_of(answer: bytes) -> bytes:
    """
    Return what follows the head of an answer.
    """
    return answer.partition(b"\r\n\r\n")[2]


def check_rest(rig: MemoryRig) -> None:
    """
    Check that no exchange has left anything behind.
    """
    for member in rig.balancer().members:
        pool = member.pool
        assert member.busy == 0
        assert pool.open == len(pool.idle)
        assert not pool._waiting
        assert not any(pool._openings.values())
    assert not rig.targets.balancers["shop"]._waiting
    timed = {id(each) for each in rig.runtime.deadlines.each()}
    idle = {id(each) for member in rig.balancer().members for each in member.pool.idle}
    assert timed == idle | {id(channel) for channel in rig.site.channels}


def ask(rig: MemoryRig, request: bytes) -> bytes:
    """
    Return the answer to one request.
    """
    client = rig.client()
    client.send(request)
    return client.taken()
