"""
Who the client is where proxies tell of it: C{mod_remoteip}.
"""

from __future__ import annotations

import pytest

from tests.differential.cases import Case, case, check, get, named
from tests.differential.sides import World

SPREAD = "<Proxy balancer://{n}>\nBalancerMember http://{0}\n</Proxy>\nProxyPass / balancer://{n}/"
ONLY = "<Location />\nRequire ip 203.0.113.7\n</Location>\n"
INTERNAL = "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.0/8 10.0.0.0/8\n"

VALUES = (
    "203.0.113.7",
    "198.51.100.1, 203.0.113.7",
    "203.0.113.7, 10.0.0.9",
    "junk, 203.0.113.7, 10.0.0.9,10.0.0.8",
    "203.0.113.7, junk, 10.0.0.9",
    "10.0.0.7, 10.0.0.9",
    "192.168.0.7",
    "2001:db8::7",
    "unknown",
    "203.0.113.256",
)


def told(name: str, lines: str, header: str = "X-Forwarded-For") -> Case:
    """
    Send each of the values in a header.
    """
    asked = [get("/x", f"{header}: {value}") for value in VALUES]
    return case(f"remoteip/{name}", lines + SPREAD, get("/x"), *asked, alone=True)


CASES = named(
    [
        told("internal", INTERNAL),
        told("internal_and_rule", INTERNAL + ONLY),
        told(
            "external",
            "RemoteIPHeader X-Forwarded-For\nRemoteIPTrustedProxy 127.0.0.0/8 10.0.0.0/8\n",
        ),
        told(
            "both",
            "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1\n"
            "RemoteIPTrustedProxy 10.0.0.0/8\n",
        ),
        told("everybody", "RemoteIPHeader X-Forwarded-For\n"),
        told("nobody", "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 192.0.2.1\n"),
        told(
            "other_header",
            "RemoteIPHeader X-Client-IP\nRemoteIPInternalProxy 127.0.0.0/8 10.0.0.0/8\n",
            "X-Client-IP",
        ),
    ]
)


@pytest.mark.parametrize("name", CASES)
def test_remoteip(world: World, name: str) -> None:
    """
    Rules and members see the same client as with Apache.
    """
    check(world, CASES[name])
