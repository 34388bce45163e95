"""
Versions, ciphers, groups and protocols that listeners agree to.
"""

from __future__ import annotations

import pytest
from OpenSSL import SSL

from tests.tls.listening import shake, spec
from tests.tls.pipes import client_context
from txbalancer.errors import StartError
from txbalancer.tls.listeners import server_options


@pytest.mark.parametrize(
    ("options", "versions"),
    [
        ({}, {SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION}),
        ({"tls_profile": "modern"}, {SSL.TLS1_3_VERSION}),
        ({"tls_protocol": "TLSv1.2"}, {SSL.TLS1_2_VERSION}),
        ({"tls_profile": "modern", "tls_protocol": "all -TLSv1.3"}, {SSL.TLS1_2_VERSION}),
    ],
)
def test_versions(authority, options, versions) -> None:
    """
    The profile says which are spoken, unless that is said apart.
    """
    tls = server_options(spec(authority.issue("one.test"), **options))
    for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
        context = client_context()
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
        if version in versions:
            assert shake(tls, "one.test", context).tls.get_protocol_version() == version
        else:
            with pytest.raises(SSL.Error):
                shake(tls, "one.test", context)


@pytest.mark.parametrize(("honor", "found"), [(False, "128"), (True, "256")])
def test_whose_order_counts(authority, honor, found) -> None:
    """
    Our order of ciphers counts, unless tls-honor-order is off.
    """
    mine = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"
    tls = server_options(spec(authority.issue("one.test"), tls_ciphers=mine, tls_honor_order=honor))
    context = client_context()
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
    assert found in (shake(tls, "one.test", context).tls.get_cipher_name() or "")


def test_groups(authority) -> None:
    """
    By default the one that is safe from quantum computers; tls-curves chooses others.
    """
    pair = authority.issue("one.test")
    context = client_context()
    for options, group in (({}, "X25519MLKEM768"), ({"tls_curves": "P-384"}, "secp384r1")):
        found = shake(server_options(spec(pair, **options)), "", context).tls.get_group_name()
        assert found.lower() == group.lower()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"tls_curves": "P-999"}, "P-999 is no list of groups that OpenSSL knows"),
        ({"tls_ciphers": "NONSENSE"}, "OpenSSL knows none of the ciphers"),
    ],
)
def test_what_openssl_does_not_know(authority, options, text) -> None:
    """
    The start says what it is.
    """
    with pytest.raises(StartError, match=text):
        server_options(spec(authority.issue("one.test"), **options))


def test_alpn(authority) -> None:
    """
    The best that both know is agreed on; without any in common nothing is.
    """
    listener = spec(authority.issue("one.test"))
    for offered, agreed in (
        ([b"http/1.1", b"h2"], listener.negotiable[0]),
        ([b"http/1.1"], b"http/1.1"),
        ([b"smtp"], b""),
    ):
        context = client_context()
        context.set_alpn_protos(offered)
        client = shake(server_options(listener), "one.test", context)
        assert client.tls.get_alpn_proto_negotiated() == agreed
