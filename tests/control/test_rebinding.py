"""
Names that are none of this machine's.
"""

from __future__ import annotations

import pytest

from tests.control.manager.boards import CONFIGURATION
from txbalancer.control.rebinding import rebound
from txbalancer.testing import MemoryRig

KNOWN = {"lb1", "admin.example"}


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8080", "a.localhost", "127.0.0.1:80", "[::1]:80", "192.0.2.1", "lb1"],
)
def test_names_of_this_machine(host: str) -> None:
    """
    Its own names and any address are no page's name.
    """
    assert rebound(host, "127.0.0.1", KNOWN) == ""
    assert rebound(f"{host}", "::1", KNOWN) == ""


@pytest.mark.parametrize(
    "host", ["evil.test", "evil.test:8080", "lb1.evil.test", "[", "", "localhost.evil.test"]
)
def test_other_names(host: str) -> None:
    """
    They are told, with the remedy; a client of another machine is not let in as a local one.
    """
    for client in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"):
        assert "is no name of this machine" in rebound(host, client, KNOWN)
    assert rebound(host, "192.0.2.1", KNOWN) == ""
    assert rebound(host, "", KNOWN) == ""


def test_an_address_of_this_machine_in_the_network() -> None:
    """
    A name may lead there as well: the client's address is then the one that it connected to.
    """
    for client, local in (
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:DB8:0::1"),
    ):
        assert "is no name of this machine" in rebound("evil.test", client, KNOWN, local)
        assert rebound("lb1", client, KNOWN, local) == ""
        assert rebound("evil.test", "192.0.2.9", KNOWN, local) == ""


@pytest.mark.parametrize(
    ("more", "changed"),
    [("", False), ("host = admin.example", True), ("server-name = admin.example", True)],
)
def test_names_of_the_configuration(more: str, changed: bool) -> None:
    """
    A mount that says its host, or its name, may be called by it from this machine.
    """
    text = CONFIGURATION.replace("[mount:/bm]\n", f"[mount:/bm]\n{more}\n")
    rig = MemoryRig(text)
    nonce = rig.targets.steering.nonce("shop")
    body = f"b=shop&w=http://10.0.0.1&w_lf=5&nonce={nonce}"
    client = rig.client("127.0.0.1")
    client.send(
        "POST /bm HTTP/1.1\r\nHost: admin.example\r\nReferer: http://admin.example/bm\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    assert (rig.balancer().members[0].lbfactor == 500) is changed
