"""
Certificates that clients show: whose are let in, and for how long.
"""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from OpenSSL import SSL

from tests.integration.certificates import Authority, Pair
from tests.tls.listening import showing, spec
from tests.tls.pipes import Client, Listening
from txbalancer.core.specs import ListenerSpec
from txbalancer.errors import StartError
from txbalancer.tls.bindings import resumed
from txbalancer.tls.listeners import ListenerTLS, server_options


def admitted(tls: ListenerTLS | None, pair: Pair | None) -> bool:
    """
    Tell whether a client gets through its handshake.
    """
    world = Listening(tls)
    protocol, end = world.accept()
    client = Client(end, showing(pair), b"one.test")
    try:
        client.shake()
    except SSL.Error:
        client.flush()
    world.reactor.advance(0)
    return protocol.happened == ["shaken"]


@pytest.mark.parametrize(
    ("verify", "none", "bad"), [("optional", True, False), ("require", False, False)]
)
def test_clients_show_a_certificate(authority, stranger, verify, none, bad) -> None:
    """
    A good one is let in; none is if it is optional; one of a stranger never.
    """
    tls = server_options(
        spec(
            authority.issue("one.test"),
            tls_client_verify=verify,
            tls_client_ca=str(authority.file),
        )
    )
    assert admitted(tls, authority.issue("client.test"))
    assert admitted(tls, None) is none
    assert admitted(tls, stranger.issue("client.test")) is bad
    assert not admitted(tls, authority.issue("late.test", days=-1))


def test_revoked_clients_stay_out(authority) -> None:
    """
    Whoever is on the list is refused; the list is part of the terms, so tickets do not help.
    """
    good, revoked = authority.issue("good.test"), authority.issue("bad.test")
    path = authority.revoke(revoked)
    options = {
        "tls_client_verify": "require",
        "tls_client_ca": str(authority.file),
        "tls_client_crl": str(path),
    }
    tls = server_options(spec(authority.issue("one.test"), **options))
    assert admitted(tls, good)
    assert not admitted(tls, revoked)
    authority.revoke(revoked, good)
    renewed = server_options(tls.spec, tls)
    renewed.publish()
    assert not admitted(renewed, good)


def returns(
    tls: ListenerTLS | None, context: SSL.Context, before: Client | None = None
) -> tuple[list[str], bool, Client]:
    """
    Shake hands with a certificate, and with an earlier session if there is one.

    @param before: who has that session. It has to be there still: OpenSSL takes the session of a
        connection that just goes away for a bad one.
    @return: what came of it, whether the session was resumed, and the client.
    """
    world = Listening(tls)
    protocol, end = world.accept()
    client = Client(end, context, b"one.test")
    if before is not None:
        client.tls.set_session(before.tls.get_session())
    with suppress(SSL.Error):
        client.shake()
        client.taken()
    client.flush()
    world.reactor.advance(0)
    happened = [each for each in protocol.happened if each == "shaken"]
    happened += [reason for reason, _ in world.failures]
    return happened, resumed(client.tls), client


def client_spec(authority, **options) -> ListenerSpec:
    """
    Make a listener that asks for certificates.
    """
    return spec(
        authority.issue("one.test"),
        tls_client_ca=str(authority.file),
        tls_client_depth=2,
        **options,
    )


_DAY = 86400.0


VERSIONS = pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])


@VERSIONS
@pytest.mark.parametrize("verify", ["optional", "require"])
def test_a_ticket_does_not_outlive_its_clients_certificate(authority, version, verify) -> None:
    """
    Once it has ended a resumed session does not count as verified, and ends the handshake.
    """
    context = showing(authority.issue("client.test", days=0.25))
    wall = [time.time()]
    listener = client_spec(authority, tls_client_verify=verify)
    tls = server_options(listener, wall=lambda: wall[0])
    context.set_max_proto_version(version)
    happened, _, first = returns(tls, context)
    assert happened == ["shaken"]
    happened, again, second = returns(tls, context, first)
    assert (happened, again) == (["shaken"], True)
    wall[0] += _DAY / 4
    assert returns(tls, context, second)[:2] == (["certificate"], True)


@VERSIONS
def test_a_ticket_does_not_outlive_lists_and_authorities(authority, version) -> None:
    """
    When a list or an authority's certificate ends, or another list is read, tickets of before
    resume nothing: clients shake hands in full, and are judged by what holds then.
    """
    good = authority.issue("good.test", days=30.0)
    path = authority.revoke()
    wall, now = [time.time()], [0.0]
    listener = client_spec(
        authority,
        tls_client_verify="require",
        tls_client_crl=str(path),
        tls_ticket_life=7 * _DAY,
    )
    tls = server_options(listener, now=lambda: now[0], wall=lambda: wall[0])
    context = showing(good)
    context.set_max_proto_version(version)
    first = returns(tls, context)[2]
    happened, again, second = returns(tls, context, first)
    assert (happened, again) == (["shaken"], True)
    now[0] += _DAY
    wall[0] += _DAY
    happened, again, third = returns(tls, context, second)
    assert (happened, again) == (["shaken"], False)
    happened, again, fourth = returns(tls, context, third)
    assert (happened, again) == (["shaken"], True)
    authority.revoke(good)
    renewed = server_options(listener, tls)
    renewed.publish()
    assert returns(renewed, context, fourth)[:2] == (["certificate"], False)


def test_the_depth_of_clients_chains(tmp_path) -> None:
    """
    A chain over tls-client-depth is refused.
    """
    root = Authority(tmp_path, "Root", path_length=1)
    between = root.subordinate("Between")
    client = between.issue("client.test")
    client.certificate.write_bytes(client.certificate.read_bytes() + between.file.read_bytes())
    pair = root.issue("one.test")
    for depth, found in ((2, True), (1, False)):
        tls = server_options(
            spec(
                pair,
                tls_client_verify="require",
                tls_client_ca=str(root.file),
                tls_client_depth=depth,
            )
        )
        context = showing(None)
        context.use_certificate_chain_file(str(client.certificate))
        context.use_privatekey_file(str(client.key))
        world = Listening(tls)
        protocol, end = world.accept()
        there = Client(end, context)
        try:
            there.shake()
        except SSL.Error:
            there.flush()
        world.reactor.advance(0)
        assert (protocol.happened == ["shaken"]) is found


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"tls_client_verify": "require"}, "tls-client-verify require: tls-client-ca is missing"),
        ({"tls_client_ca": "/missing"}, "tls-client-ca /missing: No such file"),
        ({"tls_client_ca": "{ca}", "tls_client_crl": "{ca}"}, "there is no PEM revocation list"),
    ],
)
def test_files_about_clients(authority, options, text) -> None:
    """
    What is missing or cannot be used is named.
    """
    options = {key: value.format(ca=authority.file) for key, value in options.items()}
    listener = spec(authority.issue("one.test"), **{"tls_client_verify": "optional", **options})
    with pytest.raises(StartError, match=text):
        server_options(listener)
