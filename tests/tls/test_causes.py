"""
In what words failures of TLS towards members are told.
"""

from __future__ import annotations

import pytest
from OpenSSL import SSL
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

from tests.tls.handshakes import Protocol
from tests.tls.test_members import context, member
from txbalancer.tls.causes import cause_of, misnamed, refusal
from txbalancer.tls.members import client_options


def refused(server: SSL.Context, creator) -> str:
    """
    Return why a client of C{creator} refuses a server.
    """
    owner = Protocol()
    client, accepting = creator.clientConnectionForTLS(owner), SSL.Connection(server, None)
    client.set_connect_state()
    accepting.set_accept_state()
    with pytest.raises(SSL.WantReadError):
        client.do_handshake()
    accepting.bio_write(client.bio_read(65536))
    with pytest.raises(SSL.WantReadError):
        accepting.do_handshake()
    client.bio_write(accepting.bio_read(65536))
    with pytest.raises(SSL.Error):
        client.do_handshake()
    return cause_of(Failure(owner.failures[0]))


def test_who_is_not_trusted_is_told_with_the_option(authority, stranger) -> None:
    """
    OpenSSL's words for the certificate are there, and where authorities are named.
    """
    found = refused(context(stranger.issue("app.test")), client_options(member("app.test")))
    assert found == (
        "certificate verify failed: unable to get local issuer certificate"
        " (see sslproxycacertificatefile)"
    )


def test_a_certificate_that_has_ended_is_no_matter_of_authorities(authority) -> None:
    """
    For other faults the option is not named.
    """
    pair = authority.issue("app.test", days=-1.0)
    found = refused(context(pair), client_options(member("app.test", authority)))
    assert found == "certificate verify failed: certificate has expired"


@pytest.mark.parametrize(
    ("names", "host", "sni", "text"),
    [
        (("default.test",), "app.test", "", "for default.test, not for app.test"),
        (("app.test",), "app.test", "x.test", "for app.test, not for x.test"),
        (("192.0.2.2",), "192.0.2.1", "", "for 192.0.2.2, not for 192.0.2.1"),
        (("a.test", "b.test", "c.test", "d.test"), "app.test", "", "c.test, others, not for app"),
    ],
)
def test_another_name_is_told_with_the_one_that_was_wanted(
    authority, names, host, sni, text
) -> None:
    """
    Both names are there, and at most three of the certificate's.
    """
    creator = client_options(member(host, authority, sni=sni))
    found = refused(context(authority.issue(*names)), creator)
    assert found.startswith("the certificate is for ")
    assert text in found
    assert found.endswith(" (see sni)")


def test_names_of_others_do_no_harm() -> None:
    """
    A certificate without names has an owner nobody; odd or endless names stay one short line.
    """
    assert "is for nobody, not for x (" in cause_of(misnamed([], "x"))
    assert "is for a?b\ufffd, not" in cause_of(misnamed([b"a\nb\xff"], "x"))
    assert len(cause_of(misnamed([b"a" * 999], "x"))) < 200


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConnectionDone(), "within the handshake (does it speak TLS on this port?)"),
        (SSL.SysCallError(-1, "Unexpected EOF"), "the member ended the connection within the"),
        (ConnectionLost(), "Connection to the other side was lost"),
        (SSL.Error([("", "", "wrong version number")]), "(does it speak TLS on this port?)"),
        (refusal("whatever").value, "whatever"),
    ],
)
def test_other_ends_have_their_words(error, text) -> None:
    """
    Who hangs up, is cut off or speaks no TLS is told apart.
    """
    assert text in cause_of(Failure(error))
