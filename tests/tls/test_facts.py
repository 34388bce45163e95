"""
What is told of TLS connections, by the names of Apache's mod_ssl.
"""

from __future__ import annotations

import re

import pytest

from tests.tls.pipes import Client, Listening, client_context
from txbalancer.core.specs import ListenerSpec
from txbalancer.core.tlsnames import OF_CERTIFICATES, OF_CONNECTIONS, is_known
from txbalancer.tls.facts import Facts
from txbalancer.tls.listeners import server_options


@pytest.fixture(scope="module")
def facts(authority):
    """
    Return what is known of a connection whose client has a certificate.
    """
    pair, mine = authority.issue("lb.test", "also.test"), authority.issue("Client")
    tls = server_options(
        ListenerSpec(
            "web",
            tls_certificate=(str(pair.certificate),),
            tls_key=(str(pair.key),),
            tls_client_verify="optional",
            tls_client_ca=str(authority.file),
        )
    )
    context = client_context()
    context.use_certificate_file(str(mine.certificate))
    context.use_privatekey_file(str(mine.key))
    protocol, end = Listening(tls).accept()
    assert protocol.transport.facts("SSL_PROTOCOL") is None
    client = Client(end, context, b"lb.test")
    client.shake()
    return protocol.transport.facts


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSL_PROTOCOL", rb"TLSv1\.3"),
        ("SSL_CIPHER", rb"TLS_AES_\d+_GCM_SHA\d+"),
        ("SSL_CIPHER_USEKEYSIZE", rb"128|256"),
        ("SSL_CIPHER_ALGKEYSIZE", rb"128|256"),
        ("SSL_CIPHER_EXPORT", rb"false"),
        ("SSL_COMPRESS_METHOD", rb"NULL"),
        ("SSL_SECURE_RENEG", rb"true"),
        ("SSL_VERSION_LIBRARY", rb"OpenSSL .*"),
        ("SSL_TLS_SNI", rb"lb\.test"),
        ("SSL_SESSION_RESUMED", rb"Initial"),
        ("SSL_CLIENT_VERIFY", rb"SUCCESS"),
        ("SSL_CLIENT_S_DN", rb"CN=Client"),
        ("SSL_CLIENT_S_DN_CN", rb"Client"),
        ("SSL_CLIENT_S_DN_O", None),
        ("SSL_CLIENT_S_DN_CN_1", None),
        ("SSL_CLIENT_I_DN", rb"CN=Test CA"),
        ("SSL_CLIENT_I_DN_CN", rb"Test CA"),
        ("SSL_CLIENT_M_SERIAL", rb"[0-9A-F]+"),
        ("SSL_CLIENT_M_VERSION", rb"3"),
        ("SSL_CLIENT_V_START", rb"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4} GMT"),
        ("SSL_CLIENT_V_END", rb"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4} GMT"),
        ("SSL_CLIENT_V_REMAIN", rb"0"),
        ("SSL_CLIENT_A_SIG", rb"ecdsa-with-SHA256"),
        ("SSL_CLIENT_A_KEY", rb".*ecPublicKey.*|id-ecPublicKey|EC.*"),
        ("SSL_CLIENT_CERT", rb"-----BEGIN CERTIFICATE-----\n(?s:.*)\n"),
        ("SSL_CLIENT_CERT_CHAIN_0", None),
        ("SSL_CLIENT_SAN_Email_0", None),
        ("SSL_CLIENT_SAN_DNS_0", rb"Client"),
        ("SSL_SERVER_S_DN_CN", rb"lb\.test"),
        ("SSL_SERVER_SAN_DNS_1", rb"also\.test"),
        ("SSL_SERVER_SAN_DNS_2", None),
    ],
)
def test_a_fact(facts, name, value) -> None:
    """
    Each is as Apache writes it, and twice the same; what there is not is not told.
    """
    assert is_known(name)
    found = facts(name)
    assert facts(name) is found
    if value is None:
        assert found is None
    else:
        assert found is not None
        assert re.fullmatch(value, found), found


@pytest.mark.parametrize(
    "name",
    ["SSL_X", "SSL_CLIENT_X", "CLIENT_S_DN", "SSL_SERVER_CERT_CHAIN_0", "SSL_CLIENT_S_DN_XX", ""],
)
def test_unknown_names(name) -> None:
    """
    What Apache does not have is not known.
    """
    assert not is_known(name)


def test_every_name_is_answered(authority) -> None:
    """
    Of a client without a certificate nothing is known of one, and nothing fails.
    """
    pair = authority.issue("lb.test")
    tls = server_options(
        ListenerSpec("web", tls_certificate=(str(pair.certificate),), tls_key=(str(pair.key),))
    )
    protocol, end = Listening(tls).accept()
    Client(end, client_context()).shake()
    facts = protocol.transport.facts
    for name in OF_CONNECTIONS:
        assert facts(name) is not None or name == "SSL_TLS_SNI"
    for what in OF_CERTIFICATES:
        assert facts(f"SSL_CLIENT_{what}") is None
        assert facts(f"SSL_SERVER_{what}") is not None
    assert facts("SSL_CLIENT_VERIFY") == b"NONE"


def test_before_the_first_word_nothing_is_known() -> None:
    """
    There is no connection of OpenSSL's yet.
    """
    assert Facts()("SSL_CLIENT_S_DN") is None
