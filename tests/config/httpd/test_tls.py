"""
mod_ssl's directives about clients.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.httpd.reading import errors_of, spec_of, warnings_of
from txbalancer.core.specs import ListenerSpec

RULE = "ProxyPass / http://m/\n"
ON = "SSLEngine On\nSSLCertificateFile a.pem\n"


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Let the files be there, and be found.
    """
    for name in ("a.pem", "a.key", "b.pem", "b.key", "ca.pem", "chain.pem", "crl.pem"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(f"{__name__}.ON", f"ServerRoot {tmp_path}\n{ON}")
    monkeypatch.setattr(f"{__name__}.ROOT", f"ServerRoot {tmp_path}\n")


ROOT = ""


def listener(text: str) -> ListenerSpec:
    """
    Return the listener of a server with TLS.
    """
    return spec_of(ON + text + RULE).listeners[0]


def short(value: object, folder: Path) -> object:
    """
    Leave out of paths where the files are.
    """
    if isinstance(value, tuple):
        return tuple(short(each, folder) for each in value)
    return value.removeprefix(f"{folder}/") if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("text", "attribute", "value"),
    [
        ("SSLProtocol all -SSLv3 -TLSv1 -TLSv1.1", "tls_protocol", "TLSv1.2 +TLSv1.3"),
        ("SSLProtocol all -SSLv3", "tls_protocol", "TLSv1.2 +TLSv1.3"),
        ("SSLProtocol -all +TLSv1.3", "tls_protocol", "TLSv1.3"),
        ("SSLProtocol TLSv1.2", "tls_protocol", "TLSv1.2"),
        ("SSLCipherSuite HIGH:!aNULL", "tls_ciphers", "SSL HIGH:!aNULL"),
        (
            "SSLCipherSuite TLSv1.3 TLS_AES_128_GCM_SHA256\nSSLCipherSuite SSL HIGH",
            "tls_ciphers",
            "SSL HIGH TLSv1.3 TLS_AES_128_GCM_SHA256",
        ),
        ("SSLHonorCipherOrder On", "tls_honor_order", True),
        ("SSLSessionTickets Off", "tls_tickets", False),
        ("SSLSessionCacheTimeout 600", "tls_ticket_life", 600.0),
        ("SSLSessionCacheTimeout 1", "tls_ticket_life", 60.0),
        ("SSLStrictSNIVHostCheck on", "tls_strict_sni", True),
        ("SSLVerifyClient optional", "tls_client_verify", "optional"),
        ("SSLVerifyClient none", "tls_client_verify", "off"),
        ("SSLVerifyDepth 3", "tls_client_depth", 3),
        ("", "tls_client_depth", 1),
        ("SSLCACertificateFile ca.pem", "tls_client_ca", "ca.pem"),
        (
            "SSLCARevocationFile crl.pem\nSSLCARevocationCheck chain",
            "tls_client_crl",
            "crl.pem",
        ),
        (
            "SSLCertificateFile b.pem\nSSLCertificateKeyFile b.key",
            "tls_certificate",
            ("a.pem", "b.pem"),
        ),
        ("SSLCertificateKeyFile a.key", "tls_key", ("a.key",)),
        ("SSLOptions +StdEnvVars -FakeBasicAuth", "tls_client_verify", "off"),
    ],
)
def test_what_is_carried_over(text, attribute, value, tmp_path) -> None:
    """
    Each directive has its option.
    """
    assert short(getattr(listener(text + "\n"), attribute), tmp_path) == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SSLProtocol SSLv3", "SSLv3 is not spoken any more"),
        ("SSLProtocol TLSv1.1", "clients are served from TLSv1.2 on: add TLSv1.2 or TLSv1.3"),
        ("SSLVerifyClient optional_no_ca", "'optional_no_ca' is not available"),
        ("SSLCARevocationCheck leaf", "only chain and none are available"),
        ("SSLCARevocationCheck all", "'all' is not allowed"),
        ("SSLOptions +FakeBasicAuth", "+FakeBasicAuth is not available"),
        ("SSLEngine optional", "TLS by Upgrade (RFC 2817) is not available"),
        ("<Location /a>\nSSLVerifyClient require\n</Location>", "SSLVerifyClient"),
        ("SSLCACertificatePath /d", "put the CAs into one file for SSLCACertificateFile"),
        ("SSLUserName SSL_CLIENT_S_DN_CN", "RequestHeader set NAME %{SSL_CLIENT_S_DN_CN}s"),
    ],
)
def test_what_is_not_available(text, told) -> None:
    """
    The message says what is.
    """
    assert told in errors_of(ON + text + "\n" + RULE)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SSLProtocol all +TLSv1.1", "+TLSv1.1 is not spoken: clients are served from TLSv1.2 on"),
        ("SSLUseStapling On", "in a file with .ocsp after its name"),
        ("SSLCARevocationFile crl", "is not looked at without SSLCARevocationCheck chain"),
        ("SSLCipherSuite PROFILE=SYSTEM", "Mozilla's intermediate list holds"),
    ],
)
def test_what_is_doubtful(text, told) -> None:
    """
    It is carried out as far as it goes, with a warning.
    """
    assert any(told in each for each in warnings_of(ON + text + "\n" + RULE))


def host(name: str, text: str) -> str:
    """
    Write a server with TLS.
    """
    return f"<VirtualHost *:8080>\nServerName {name}\nSSLEngine On\n{text}\n{RULE}</VirtualHost>\n"


def test_hosts_have_certificates_of_their_own(tmp_path) -> None:
    """
    Those of an address share its listener; the first one's is for clients that name nobody.
    """
    text = host("a", "SSLCertificateFile a.pem") + host(
        "b", "SSLCertificateFile b.pem\nSSLCertificateKeyFile b.key"
    )
    (found,) = spec_of(ROOT + text + host("c", "SSLCertificateFile a.pem")).listeners
    assert short(found.tls_certificate, tmp_path) == ("a.pem", "b.pem")
    assert short(found.tls_key, tmp_path) == ("b.key",)


def test_what_hosts_cannot_have_of_their_own() -> None:
    """
    Rules for clients and chains are an address's; what is less weighty is warned of.
    """
    first = host("a", "SSLCertificateFile a.pem")
    b = "SSLCertificateFile b.pem\n"
    asks = host("b", b + "SSLVerifyClient require\nSSLCACertificateFile ca.pem")
    assert "write the same SSLVerifyClient, SSLVerifyDepth and" in errors_of(ROOT + first + asks)
    chain = host("b", b + "SSLCertificateChainFile chain.pem")
    assert "put each chain into the file" in errors_of(ROOT + first + chain)
    order = host("b", b + "SSLHonorCipherOrder On")
    told = warnings_of(ROOT + first + order)
    assert any("SSLHonorCipherOrder of the first <VirtualHost>" in each for each in told)
