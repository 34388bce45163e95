"""
Clients of HTTP that stay with a member by their address.
"""

from __future__ import annotations

from txbalancer.testing import MemoryRig

TEXT = """
[listener:web]
endpoint = tcp:80
[balancer:shop]
stickysource = 60s
stickysession = SID
members =
    http://10.0.0.1 route=a disablereuse=On
    http://10.0.0.2 route=b disablereuse=On
[mount:/]
to = balancer://shop/
"""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def asked(rig: MemoryRig, host: str, cookie: str = "") -> str:
    """
    Ask from an address; return that of the member that was asked.
    """
    client = rig.client(host)
    lines = f"Cookie: SID={cookie}\r\n" if cookie else ""
    client.send(f"GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode())
    (opening,) = rig.openings()
    opening.accept().send(OK)
    return str(opening.address[0])


def test_an_address_stays() -> None:
    """
    Requests of an address go where its last one was answered, until that is too long ago.
    """
    rig = MemoryRig(TEXT)
    assert [asked(rig, "192.0.2.1") for _ in range(3)] == ["10.0.0.1"] * 3
    assert [asked(rig, "192.0.2.2") for _ in range(3)] == ["10.0.0.2"] * 3
    rig.advance(61)
    assert asked(rig, "192.0.2.2") == "10.0.0.1"


def test_a_session_tells_more_than_an_address() -> None:
    """
    What a request itself says comes first; from then on the address is there, too.
    """
    rig = MemoryRig(TEXT)
    assert asked(rig, "192.0.2.1") == "10.0.0.1"
    assert asked(rig, "192.0.2.1", "x.b") == "10.0.0.2"
    assert asked(rig, "192.0.2.1") == "10.0.0.2"
    assert [each.sticky for each in rig.outcomes] == [
        None,
        (b"SID", b"b"),
        (b"source", b"b"),
    ]
