"""
A listener's certificate: used as it is, or refused with the reason.
"""

from __future__ import annotations

import errno
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from OpenSSL import SSL

from tests.integration.certificates import Authority
from tests.tls.handshakes import shake
from txbalancer.core.specs import ListenerSpec, MemberSpec
from txbalancer.errors import StartError
from txbalancer.tls.listeners import server_options
from txbalancer.tls.members import client_options

# Twisted hands its own kind of certificate to pyOpenSSL.
pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")


def listener(certificate, key="") -> ListenerSpec:
    """
    Make a listener with TLS.
    """
    return ListenerSpec(
        "web", tls_certificate=(str(certificate),), tls_key=(str(key),) if key else ()
    )


def test_without_a_certificate_there_is_no_tls() -> None:
    """
    A plain listener has no context.
    """
    assert server_options(ListenerSpec("web")) is None


@pytest.mark.parametrize("together", [False, True])
def test_certificate_and_key_serve(authority, tmp_path, together) -> None:
    """
    Key and certificate may share a file; clients with our authority accept it.
    """
    pair = authority.issue("lb.test")
    spec = listener(pair.certificate, pair.key)
    if together:
        path = tmp_path / "both.pem"
        path.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
        spec = listener(path)
    trusted = MemberSpec(
        "https://lb.test", "https", "lb.test", sslproxycacertificatefile=str(authority.file)
    )
    client, _ = shake(server_options(spec), client_options(trusted))
    assert client.get_protocol_version_name() == "TLSv1.3"


def test_old_versions_are_refused(authority) -> None:
    """
    Nothing below TLS 1.2 is spoken.
    """
    pair = authority.issue("lb.test")
    server = server_options(listener(pair.certificate, pair.key)).serverConnectionForTLS(None)
    server.set_accept_state()
    old = SSL.Context(SSL.TLS_CLIENT_METHOD)
    old.set_cipher_list(b"ALL:@SECLEVEL=0")
    old.set_min_proto_version(SSL.TLS1_1_VERSION)
    old.set_max_proto_version(SSL.TLS1_1_VERSION)
    client = SSL.Connection(old, None)
    client.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        client.do_handshake()
    server.bio_write(client.bio_read(65536))
    with pytest.raises(SSL.Error, match="unsupported protocol"):
        server.do_handshake()


def test_what_cannot_be_used_is_named(authority, tmp_path) -> None:
    """
    Missing files, no PEM, and a key of another certificate: one line with file and option.
    """
    pair, other = authority.issue("lb.test"), authority.issue("other.test")
    empty, broken = tmp_path / "empty.pem", tmp_path / "broken.pem"
    empty.write_bytes(b"")
    broken.write_bytes(b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n")
    for certificate, key, text in (
        (tmp_path / "none.pem", pair.key, r"tls-certificate .*none\.pem: No such file"),
        (empty, pair.key, r"tls-certificate .*empty\.pem: there is no PEM certificate"),
        (broken, pair.key, r"tls-certificate .*broken\.pem: "),
        (pair.certificate, tmp_path / "none.key", r"tls-key .*none\.key: No such file"),
        (pair.certificate, empty, r"tls-key .*empty\.pem: there is no PEM private key"),
        (
            pair.certificate,
            other.key,
            r"tls-certificate .*lb\.test\.pem: no key in tls-key belongs to it",
        ),
    ):
        with pytest.raises(StartError, match=r"^listener web: " + text):
            server_options(listener(certificate, key))


def test_a_chain_may_be_in_a_file_of_its_own(tmp_path) -> None:
    """
    tls-chain comes after the listener's own certificate, which it may begin with, as in Apache.
    """
    root = Authority(tmp_path, "Root", path_length=1)
    between = root.subordinate("Between")
    pair = between.issue("lb.test")
    chain = tmp_path / "chain.pem"
    trusted = MemberSpec(
        "https://lb.test", "https", "lb.test", sslproxycacertificatefile=str(root.file)
    )
    for content in (b"", pair.certificate.read_bytes()):
        chain.write_bytes(content + between.file.read_bytes())
        spec = replace(listener(pair.certificate, pair.key), tls_chain=str(chain))
        client, _ = shake(server_options(spec), client_options(trusted))
        assert len(client.get_peer_cert_chain()) == 2
    bare = server_options(listener(pair.certificate, pair.key))
    with pytest.raises(SSL.Error):
        shake(bare, client_options(trusted))


@pytest.mark.parametrize(
    ("content", "text"), [(None, "No such file"), (b"x", "no PEM certificate")]
)
def test_a_chain_that_cannot_be_used_is_named(authority, tmp_path, content, text) -> None:
    """
    The start ends with the option and the file.
    """
    pair, chain = authority.issue("lb.test"), tmp_path / "chain.pem"
    if content is not None:
        chain.write_bytes(content)
    spec = replace(listener(pair.certificate, pair.key), tls_chain=str(chain))
    with pytest.raises(StartError, match=rf"^listener web: tls-chain .*chain\.pem: .*{text}"):
        server_options(spec)


def test_one_descriptor_is_enough_for_a_certificate(authority, monkeypatch) -> None:
    """
    OpenSSL reads the chain from a file that is closed by then: it may get the last descriptor.
    """
    pair = authority.issue("lb.test")
    use = SSL.Context.use_certificate_chain_file

    def alone(context: SSL.Context, path: str) -> None:
        opened = {os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()}
        assert path not in opened
        use(context, path)

    monkeypatch.setattr(SSL.Context, "use_certificate_chain_file", alone)
    assert server_options(listener(pair.certificate, pair.key)) is not None


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_without_a_descriptor_that_is_what_is_told(authority, monkeypatch, number: int) -> None:
    """
    With the file that could not be opened, whichever it is; the certificate is not blamed.
    """
    pair = authority.issue("lb.test")
    spec = listener(pair.certificate, pair.key)

    def exhausted(**options: str) -> None:
        raise OSError(number, "too many", "/tmp/txbalancer-1.pem")

    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "mkstemp", exhausted)
        with pytest.raises(StartError, match=r"/tmp/txbalancer-1\.pem: no file descriptor is free"):
            server_options(spec)

    def refused(path: str, mode: str) -> None:
        raise OSError(number, "too many", path)

    monkeypatch.setattr("builtins.open", refused)
    with pytest.raises(StartError, match=f"{pair.key}: no file descriptor is free"):
        server_options(spec)
