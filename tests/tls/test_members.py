"""
Which members' certificates are accepted.
"""

from __future__ import annotations

import shutil

import pytest
from OpenSSL import SSL

from tests.tls.handshakes import shake
from txbalancer.core.specs import MemberSpec
from txbalancer.errors import StartError
from txbalancer.tls.members import client_options


def context(pair) -> SSL.Context:
    """
    Return a server's context.
    """
    found = SSL.Context(SSL.TLS_SERVER_METHOD)
    found.use_certificate_file(str(pair.certificate))
    found.use_privatekey_file(str(pair.key))
    return found


def member(host: str, authority=None, **options) -> MemberSpec:
    """
    Make an https member.
    """
    if authority is not None:
        options["sslproxycacertificatefile"] = str(authority.file)
    return MemberSpec(f"https://{host}", "https", host, 443, **options)


@pytest.mark.parametrize("host", ["app.test", "192.0.2.1", "2001:db8::1"])
def test_a_trusted_certificate_for_the_host_is_accepted(authority, host) -> None:
    """
    CA and name are right: names by DNS, addresses by IP entries; SNI is sent for names only.
    """
    creator = client_options(member(host, authority))
    _, server = shake(context(authority.issue(host)), creator)
    assert server.get_servername() == (b"app.test" if host == "app.test" else None)


@pytest.mark.parametrize("host", ["192.0.2.1", "app.test"])
def test_a_member_may_go_by_another_name(authority, host) -> None:
    """
    With sni that name is asked for, and has to be in the certificate, whatever the URL says.
    """
    creator = client_options(member(host, authority, sni="shop.test"))
    _, server = shake(context(authority.issue("shop.test")), creator)
    assert server.get_servername() == b"shop.test"
    with pytest.raises(SSL.Error):
        shake(context(authority.issue(host)), creator)


@pytest.mark.parametrize(
    ("host", "named"), [("app.test", "other.test"), ("192.0.2.1", "192.0.2.2")]
)
def test_another_name_is_refused(authority, host, named) -> None:
    """
    A certificate for somebody else is none for this member.
    """
    with pytest.raises(SSL.Error):
        shake(context(authority.issue(named)), client_options(member(host, authority)))


def test_an_unknown_authority_is_refused(authority, stranger) -> None:
    """
    A right name from an authority that is not trusted is refused; the system's trust is no help.
    """
    server = context(stranger.issue("app.test"))
    for spec in (member("app.test", authority), member("app.test")):
        with pytest.raises(SSL.Error):
            shake(server, client_options(spec))


def test_the_checks_can_be_switched_off_one_by_one(authority, stranger) -> None:
    """
    sslproxyverify and sslproxycheckpeername work apart from each other.
    """
    unnamed = context(authority.issue("other.test"))
    untrusted = context(stranger.issue("app.test"))
    no_name = client_options(member("app.test", authority, sslproxycheckpeername=False))
    no_trust = client_options(member("app.test", sslproxyverify="none"))
    shake(unnamed, no_name)
    shake(untrusted, no_trust)
    with pytest.raises(SSL.Error):
        shake(untrusted, no_name)
    with pytest.raises(SSL.Error):
        shake(unnamed, no_trust)
    nothing = member("app.test", sslproxyverify="none", sslproxycheckpeername=False)
    shake(context(stranger.issue("other.test")), client_options(nothing))


@pytest.mark.parametrize("content", [None, b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\nxx\n"])
def test_an_unusable_file_of_authorities_names_itself(tmp_path, content) -> None:
    """
    A missing, empty or broken file stops the start with its name.
    """
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content + b"-----END CERTIFICATE-----" * (b"BEGIN" in content))
    with pytest.raises(StartError, match=r"sslproxycacertificatefile .*ca\.pem: "):
        client_options(member("app.test", sslproxycacertificatefile=str(path)))


def test_a_changed_file_of_authorities_is_read_again(tmp_path, authority, stranger) -> None:
    """
    A reload sees what is in the file now.
    """
    path = tmp_path / "ca.pem"
    spec = member("app.test", sslproxycacertificatefile=str(path))
    server = context(authority.issue("app.test"))
    shutil.copy(stranger.file, path)
    with pytest.raises(SSL.Error):
        shake(server, client_options(spec))
    shutil.copy(authority.file, path)
    shake(server, client_options(spec))


def test_members_with_the_same_demands_share_a_context(authority) -> None:
    """
    A thousand members with one file of authorities cost one context.
    """
    one, other = (
        client_options(member("a.test", authority)),
        client_options(member("b.test", authority)),
    )
    connections = [each.clientConnectionForTLS(None) for each in (one, other)]
    assert connections[0].get_context() is connections[1].get_context()
