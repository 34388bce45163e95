"""
What members are shown and asked for under TLS: versions, ciphers, certificates, chains.
"""

from __future__ import annotations

import os

import pytest
from OpenSSL import SSL

from tests.integration.certificates import Authority
from tests.tls.handshakes import shake
from tests.tls.test_members import context, member
from txbalancer.errors import StartError
from txbalancer.tls.clients import Demands, _context
from txbalancer.tls.members import client_options


@pytest.mark.parametrize(
    ("protocol", "least", "most", "version"),
    [
        ("", SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION, "TLSv1.3"),
        ("TLSv1.2", SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION, "TLSv1.2"),
        ("all -TLSv1.3", SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION, "TLSv1.2"),
        ("+TLSv1.2 +TLSv1.3", SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION, "TLSv1.2"),
        ("TLSv1.3", SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION, ""),
        ("all -TLSv1.2", SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION, ""),
        ("TLSv1.1", SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION, ""),
        ("", SSL.TLS1_1_VERSION, SSL.TLS1_1_VERSION, ""),
        ("all", SSL.TLS1_1_VERSION, SSL.TLS1_1_VERSION, "TLSv1.1"),
        ("all -TLSv1.1", SSL.TLS1_1_VERSION, SSL.TLS1_1_VERSION, ""),
    ],
)
def test_the_versions_that_are_asked_for_are_spoken(authority, protocol, least, most, version):
    """
    sslproxyprotocol says which versions a member may choose; others end the handshake.
    """
    server = context(authority.issue("app.test"))
    server.set_cipher_list(b"ALL:@SECLEVEL=0")
    server.set_min_proto_version(least)
    server.set_max_proto_version(most)
    options = {"sslproxyprotocol": protocol, "sslproxyciphersuite": "ALL:@SECLEVEL=0"}
    creator = client_options(member("app.test", authority, **options))
    if version:
        assert shake(server, creator)[0].get_protocol_version_name() == version
    else:
        with pytest.raises(SSL.Error):
            shake(server, creator)


def test_the_ciphers_that_are_asked_for_are_used(authority) -> None:
    """
    sslproxyciphersuite has a list for TLS 1.2 and, after its name, one for TLS 1.3.
    """
    server = context(authority.issue("app.test"))
    suite = "ECDHE-ECDSA-AES256-GCM-SHA384 TLSv1.3 TLS_CHACHA20_POLY1305_SHA256"
    found = []
    for protocol in ("TLSv1.2", "TLSv1.3"):
        options = {"sslproxyprotocol": protocol, "sslproxyciphersuite": suite}
        client, _ = shake(server, client_options(member("app.test", authority, **options)))
        found.append(client.get_cipher_name())
    assert found == ["ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_CHACHA20_POLY1305_SHA256"]


@pytest.mark.parametrize("suite", ["nothing", "TLSv1.3 nothing"])
def test_unknown_ciphers_are_told(suite) -> None:
    """
    A list that OpenSSL knows nothing of stops the start.
    """
    with pytest.raises(StartError, match=f"^sslproxyciphersuite {suite}: no cipher match"):
        client_options(member("app.test", sslproxyciphersuite=suite))


def demanding(pair, authority) -> SSL.Context:
    """
    Return the context of a server that wants to see a certificate.
    """
    server = context(pair)
    server.load_verify_locations(str(authority.file))
    server.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: bool(_[4]))
    # TLS 1.3 clients are done before the server has looked.
    server.set_max_proto_version(SSL.TLS1_2_VERSION)
    return server


def test_a_certificate_is_shown_to_the_member(authority, stranger, tmp_path) -> None:
    """
    sslproxymachinecertificatefile lets a member know its proxy; key and chain are in it too.
    """
    server = demanding(authority.issue("app.test"), authority)
    with pytest.raises(SSL.Error):
        shake(server, client_options(member("app.test", authority)))
    own = authority.issue("proxy.test")
    path = tmp_path / "own.pem"
    path.write_bytes(
        own.key.read_bytes() + own.certificate.read_bytes() + authority.file.read_bytes()
    )
    spec = member("app.test", authority, sslproxymachinecertificatefile=str(path))
    _, accepted = shake(server, client_options(spec))
    shown = accepted.get_peer_certificate(as_cryptography=True)
    assert shown.subject.rfc4514_string() == "CN=proxy.test"
    (above,) = accepted.get_peer_cert_chain(as_cryptography=True)
    assert above == authority.certificate
    other = stranger.issue("proxy.test")
    path.write_bytes(other.certificate.read_bytes() + other.key.read_bytes())
    with pytest.raises(SSL.Error):
        shake(server, client_options(spec))


def test_an_unusable_certificate_to_show_is_told(authority, tmp_path) -> None:
    """
    The option and the file are named, and what is missing in it.
    """
    own, other = authority.issue("proxy.test"), authority.issue("other.test")
    certificate, key = own.certificate.read_bytes(), own.key.read_bytes()
    path = tmp_path / "own.pem"
    for content, text in (
        (None, "No such file"),
        (b"", "no private key is in it"),
        (certificate, "no private key is in it: one certificate and its key"),
        (certificate + key + other.key.read_bytes(), "2 private keys are in it"),
        (key, r"no certificate with its key, .*no PEM certificate in it"),
        (certificate + other.key.read_bytes(), "its key does not belong to its certificate"),
        (
            certificate + b"-----BEGIN PRIVATE KEY-----\nxx\n-----END PRIVATE KEY-----\n",
            "no certificate with its key, without a pass phrase",
        ),
    ):
        if content is not None:
            path.write_bytes(content)
        spec = member("app.test", sslproxymachinecertificatefile=str(path))
        told = rf"^sslproxymachinecertificatefile .*own\.pem: {text}"
        with pytest.raises(StartError, match=told):
            client_options(spec)


def test_authorities_may_be_in_a_folder(authority, stranger, tmp_path) -> None:
    """
    Every PEM file of sslproxycacertificatepath counts, by any name, beside the single file.
    """
    folder = tmp_path / "cas"
    folder.mkdir()
    (folder / "README").write_text("ours")
    (folder / ".hidden").write_text("-----BEGIN CERTIFICATE-----")
    (folder / "sub").mkdir()
    (folder / "ours.crt").write_bytes(authority.file.read_bytes())
    os.symlink("ours.crt", folder / "0a1b2c3d.0")
    spec = member("app.test", sslproxycacertificatepath=str(folder))
    shake(context(authority.issue("app.test")), client_options(spec))
    theirs = context(stranger.issue("app.test"))
    with pytest.raises(SSL.Error):
        shake(theirs, client_options(spec))
    both = member("app.test", stranger, sslproxycacertificatepath=str(folder))
    shake(theirs, client_options(both))


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("", "", "No such file"),
        ("a.pem", "none", "there is no PEM certificate in any of its files"),
        ("a.pem", "-----BEGIN CERTIFICATE-----\n", "a.pem: there is no PEM certificate in it"),
    ],
)
def test_a_folder_without_authorities_is_told(tmp_path, name, content, text) -> None:
    """
    The folder is named, and the file in it that is broken.
    """
    folder = tmp_path / "cas"
    if name:
        folder.mkdir()
        (folder / name).write_text(content)
    with pytest.raises(StartError, match=rf"^sslproxycacertificatepath .*/cas: {text}"):
        client_options(member("app.test", sslproxycacertificatepath=str(folder)))


def test_what_is_not_verified_is_not_read(tmp_path) -> None:
    """
    Without verification nobody's authorities matter.
    """
    client_options(
        member("app.test", sslproxyverify="none", sslproxycacertificatepath=f"{tmp_path}/none")
    )


@pytest.mark.parametrize(
    ("above", "depth", "accepted"),
    [(1, 1, True), (1, 0, False), (2, 1, False), (2, 2, True), (2, 10, True)],
)
def test_the_chain_has_a_length(tmp_path, above, depth, accepted) -> None:
    """
    sslproxyverifydepth counts the certificates above the member's, as in Apache: 1 = signed
    by a trusted one.
    """
    root = Authority(tmp_path, "Root", path_length=1)
    issuer = root.subordinate("Between") if above == 2 else root
    pair = issuer.issue("app.test")
    server = context(pair)
    if above == 2:
        server.add_extra_chain_cert(issuer.certificate)
    creator = client_options(
        member(
            "app.test",
            sslproxycacertificatefile=str(root.file),
            sslproxyverifydepth=depth,
        )
    )
    if accepted:
        shake(server, creator)
    else:
        with pytest.raises(SSL.Error):
            shake(server, creator)


def test_contexts_of_renewed_files_are_not_kept_for_good() -> None:
    """
    Members with the same demands share a context; of demands that there were some only stay.
    """
    demands = [Demands(False, b"", b"", "", "", (b"%d" % number,)) for number in range(40)]
    made = [_context(each) for each in demands]
    assert _context(demands[-1]) is made[-1]
    assert _context.cache_info().currsize <= 32
