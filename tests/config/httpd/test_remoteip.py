"""
C{mod_remoteip}: proxies before a server, in Apache's syntax.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from tests.config.httpd.reading import errors_of, loaded, spec_of, warnings_of
from txbalancer.core.networks import within

RULE = "ProxyPass / http://m/\n"


def listener(text: str):
    (found,) = spec_of(text + RULE).listeners
    return found


def test_a_header_and_the_proxies_that_are_believed() -> None:
    """
    Internal proxies are believed in all they say, trusted ones of public addresses only.
    """
    found = listener(
        "RemoteIPHeader X-Client-IP\nRemoteIPInternalProxy 10.0.0.0/8 192.0.2.1\n"
        "RemoteIPTrustedProxy 203.0.113.0/24\nRemoteIPInternalProxy 10.0.0.7\n"
    )
    assert found.trusted_header == "x-client-ip"
    assert found.trusted_proxies == ("10.0.0.0/8", "192.0.2.1/32", "10.0.0.7/32")
    assert found.external_proxies == ("203.0.113.0/24",)
    assert not found.trusted_proto


def test_a_header_without_proxies() -> None:
    """
    As in Apache everybody is believed then, which is told.
    """
    text = "RemoteIPHeader X-Forwarded-For\n"
    assert listener(text).external_proxies == ("0.0.0.0/0", "::/0", "unix")
    (warning,) = warnings_of(text + RULE)
    assert "RemoteIPHeader: everybody is believed, as in Apache" in warning


def test_proxies_without_a_header() -> None:
    """
    They have nothing to be believed in, as in Apache.
    """
    found = listener("RemoteIPInternalProxy 10.0.0.0/8\n")
    assert found.trusted_proxies == found.external_proxies == ()


def test_a_virtual_host_has_its_own_proxies() -> None:
    """
    They replace those of the server, whose header still holds.
    """
    found = loaded(
        "RemoteIPHeader X-Real-IP\nRemoteIPInternalProxy 10.0.0.1\n"
        f"<VirtualHost *:8080>\nRemoteIPInternalProxy 10.0.0.2\n{RULE}</VirtualHost>\n"
    )
    (only,) = found.spec.listeners
    assert (only.trusted_header, only.trusted_proxies) == ("x-real-ip", ("10.0.0.2/32",))


def test_virtual_hosts_that_differ() -> None:
    """
    Connections are the same for all of an address: the first one's words hold.
    """
    hosts = "".join(
        f"<VirtualHost *:8080>\nServerName {name}.test\nRemoteIPHeader X-{name}\n"
        f"RemoteIPInternalProxy 10.0.0.1\n{RULE}</VirtualHost>\n"
        for name in ("a", "b")
    )
    (warning,) = warnings_of(hosts)
    assert "RemoteIPHeader of the first <VirtualHost> of the address holds" in warning


def test_everybody_sends_a_proxy_header() -> None:
    """
    RemoteIPProxyProtocol On is for all connections of the address.
    """
    assert listener("RemoteIPProxyProtocol On\n").accept_proxy == ("0.0.0.0/0", "::/0", "unix")
    assert listener("RemoteIPProxyProtocol Off\n").accept_proxy == ()


@pytest.mark.parametrize(
    "exceptions", ["127.0.0.1", "10.0.0.0/8 ::1", "192.0.2.77 192.0.2.0/24", "0.0.0.0/0"]
)
def test_but_some(exceptions: str) -> None:
    """
    Exceptions are taken out, exactly.
    """
    text = f"RemoteIPProxyProtocol On\nRemoteIPProxyProtocolExceptions {exceptions}\n"
    listed = within(listener(text).accept_proxy)
    outside = [ip_network(each) for each in exceptions.split()]
    for word in ("127.0.0.1", "127.0.0.2", "10.255.0.1", "11.0.0.0", "::1", "::2", "192.0.2.78"):
        assert listed(word) is not any(ip_address(word) in each for each in outside), word
    assert listed("")


def test_the_clients_of_unix_sockets_can_be_excepted() -> None:
    """
    Apache does not listen on any; here they have a word.
    """
    text = "RemoteIPProxyProtocol On\nRemoteIPProxyProtocolExceptions unix\n"
    assert listener(text).accept_proxy == ("0.0.0.0/0", "::/0")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("RemoteIPHeader a b", "RemoteIPHeader takes the name of a header"),
        ("RemoteIPHeader a:b", "is not a token"),
        ("RemoteIPInternalProxy", "takes addresses and ranges"),
        ("RemoteIPInternalProxy gw.test", "names are not looked up here"),
        ("RemoteIPTrustedProxy 10.0.0.1/8", "did you mean 10.0.0.0/8"),
        ("RemoteIPProxyProtocol Optional", "is not a switch"),
        ("RemoteIPInternalProxyList /x", "write the addresses into the configuration"),
    ],
)
def test_faults(text: str, why: str) -> None:
    """
    Place and remedy are named.
    """
    assert why in errors_of(f"{text}\n{RULE}")
